"""The model card, written at each training run."""

from typing import Any

from training.sources import source_uses


def source_rows() -> list[dict[str, str]]:
    """Public sources that go into a shipped model, as the card and the model's JSON name them."""
    return [
        {
            "name": use.name,
            "repository": use.repository,
            "commit": use.commit,
            "licence": use.licence,
            "attribution": use.attribution,
            "fingerprint": use.fingerprint,
        }
        for use in source_uses(commercial_only=True)
    ]


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _recall_table(content: dict[str, Any]) -> list[str]:
    recall = content["metrics"]["recall"]
    rates = [f"{rate:g}" for rate in content["operating_points"]["rates"]]
    rows = ["| | " + " | ".join(rates) + " |", "| --- |" + " --- |" * len(rates)]
    for name in [*(label for label in content["labels"] if isinstance(recall.get(label), dict)), "span"]:
        rows.append(f"| {name} | " + " | ".join(_percent(recall[name][rate]) for rate in rates) + " |")
    documents = content["metrics"]["documents"]["recall"]
    rows.append("| document | " + " | ".join(_percent(documents[rate]) for rate in rates) + " |")
    return rows


def model_card(content: dict[str, Any]) -> str:
    """Markdown card of a model, from the content of its ``model.json``."""
    metrics = content["metrics"]
    lines = [
        "# Model card",
        "",
        "Labels lines of web text as "
        + ", ".join(f"`{label}`" for label in content["labels"])
        + "; finds foreign phrases inside lines; judges pages. "
        "Four stages of logistic regressions, fitted with scikit-learn.",
        "",
        "## Data",
        "",
    ]
    for name, data in content["data"].items():
        counts = ", ".join(f"{label} {count}" for label, count in data["lines"].items()) or "none"
        lines.append(
            f"- {name}: {data['documents']} documents in {data['languages']} languages; lines: {counts}; "
            f"SHA-256 `{data['sha256'][:16]}`"
        )
    lines += ["", "## Recall on composed pages whose words had not been learnt from, in %", ""]
    lines.append(
        "Columns: tolerated share of clean lines (of clean pages, for documents) wrongly flagged, measured on "
        f"{metrics['clean_lines']} clean lines, with words in cross-validation; the few hundred numbers of the later "
        "stages are fitted on these pages. Composed pages are easier than real ones. A page is decided at ten times "
        "the rate that was asked for: of `document` the column of 0.01 holds at 0.001. Thresholds for less than two of "
        "the clean lines or pages that were measured are extended from the others."
    )
    lines += ["", *_recall_table(content), ""]
    lines.append(
        f"boilerplate: {_percent(metrics['recall']['boilerplate'])} % named. "
        f"Documents: ROC-AUC {_percent(metrics['documents']['roc_auc'] or 0)} %."
    )
    errors = ", ".join(f"{label} {value:.4f}" for label, value in metrics["calibration_error"].items())
    lines += ["", f"Expected calibration error (ten bins): {errors}.", "", "## Limits", ""]
    lines += [
        "- Recall depends on the trades and languages seen in training; one that the corpus does not hold is found",
        "  by its page and by the way it touts, or not at all.",
        "- Thresholds hold for clean text like the benchmark's pages, treebank sentences and the corpus.",
        "  Measure on your own pages before you drop text.",
        "- A label is a statement on the text, not on its author.",
        "",
        "## Sources",
        "",
    ]
    for row in content["sources"]:
        lines.append(f"- {row['name']} ({row['repository']}@{row['commit']}, {row['licence']}): {row['attribution']}")
    if not content["sources"]:
        lines.append("- hand-written lines alone")
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items())
    lines += ["", "## Made with", "", f"{versions}; seed {content['training']['seed']}.", ""]
    return "\n".join(lines)
