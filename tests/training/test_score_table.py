"""What a scorer measured stands in the card of the model, in place of what an older run measured."""

import json
import shutil
from pathlib import Path

import pytest

from spamfilter.model_store import load_model
from spamfilter.predictor import default_model_folder
from training.score_table import HEADING, main, score_tables, with_scores

SCORES = {
    "web": {
        "flags": {"clean_lines": 400, "fp_lines": 0.25, "fp_chars": 0.125},
        "lines": {"boilerplate": {"n": 90, "precision": 98.0, "recall": 80.0, "f1": 88.1}, "seo_injection": {"n": 0}},
    },
    "spam": {
        "flags": {"clean_lines": 0, "fp_lines": float("nan"), "spam_lines": 70, "spam_recall_either_label": 91.46},
        "by_lang": {
            "id": {"spam_lines": 40, "spam_recall_either_label": 95.0},
            "th": {"spam_lines": 29, "spam_recall_either_label": 50.0},
        },
        "spans": {"spans": 12, "iou50": 75.0, "exact": 50.0, "char_f1": 80.0, "clean_lines_with_span": 0.5},
    },
    "documents": {"spam and web": {"docs": 20, "roc_auc": 99.25, "recall_at_1pct_fpr": 90.0}},
}


def test_each_measure_has_its_row_and_what_is_missing_none() -> None:
    """Sets, labels, splices, languages with enough lines and pages are listed; nothing else is."""
    rows = score_tables(SCORES, 1e-3)
    assert "| web | 400 | 0.25 | 0.12 |  |  |" in rows
    assert "| spam | 0 |  |  | 70 | 91.5 |" in rows
    assert "| web: boilerplate | 90 | 98.0 | 80.0 | 88.1 |" in rows
    assert "| spam | 12 | 75.0 | 50.0 | 80.0 | 0.5 |" in rows
    assert "| spam: id | 40 | 95.0 |" in rows
    assert "| spam and web | 20 | 99.2 | 90.0 |" in rows
    text = "\n".join(rows)
    assert "spam: th" not in text
    assert "seo_injection" not in text
    assert "| trade |" not in text


def test_what_is_no_number_counts_as_not_there() -> None:
    """Strings, booleans, lists and numbers without an end leave their cell or row out."""
    flags = {"clean_lines": "400", "fp_lines": True, "spam_lines": "40", "spam_recall_either_label": [1]}
    languages = {name: {"spam_lines": lines} for name, lines in {"id": "40", "th": None, "vi": 50}.items()}
    web = {"flags": flags, "by_lang": languages, "lines": {"clean": {"n": "9"}}, "spans": {"spans": [3]}}
    text = "\n".join(score_tables({"web": web, "documents": {"pair": {"docs": 10**400, "roc_auc": 1e999}}}, 1e-3))
    assert "| web |  |  |  |  |  |" in text
    assert "| web: vi | 50 |  |" in text
    assert "| pair |  |  |  |" in text
    for absent in ("web: id", "web: th", "web: clean", "splices"):
        assert absent not in text


def test_a_section_takes_the_place_of_the_older_one() -> None:
    """Written twice, the card holds the newer figures once, and all else as it was."""
    card = "# Model card\n\nwords\n\n## Limits\n\n- some\n"
    once = with_scores(card, [HEADING, "", "older", ""])
    twice = with_scores(once, [HEADING, "", "newer", ""])
    assert once == f"# Model card\n\nwords\n\n{HEADING}\n\nolder\n\n## Limits\n\n- some\n"
    assert twice == once.replace("older", "newer")


def test_a_card_without_limits_keeps_its_text() -> None:
    """A card that somebody else wrote gets the section at its end."""
    assert with_scores("# Mine\n", [HEADING, "", "x", ""]) == f"# Mine\n\n{HEADING}\n\nx\n\n"


def test_the_model_still_loads(tmp_path: Path) -> None:
    """The list of checksums is written anew with the card, and the arrays stay the same to the bit."""
    folder = tmp_path / "model"
    shutil.copytree(default_model_folder(), folder)
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps(SCORES), encoding="utf-8")
    before = {path.name: path.read_bytes() for path in folder.glob("*.npy")}
    assert main([str(folder), str(scores)]) == 0
    model = load_model(folder)
    assert "| spam: id | 40 | 95.0 |" in model.card
    assert model.settings == load_model(default_model_folder()).settings
    assert {path.name: path.read_bytes() for path in folder.glob("*.npy")} == before


NO_KNOWN_FLAGS = '{"web": {"flags": {"recall": 99}}}'


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"web": {}}', '{"web": {"flags": {}}}', NO_KNOWN_FLAGS, "{", "[" * 100_000, "é"]
)
def test_scores_of_another_shape_are_an_error(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no scorer's result is named, and the card stays as it is."""
    folder = tmp_path / "model"
    shutil.copytree(default_model_folder(), folder)
    scores = tmp_path / "scores.json"
    scores.write_text(content, encoding="latin-1")
    assert main([str(folder), str(scores)]) == 2
    assert capsys.readouterr().err.startswith(f"score_table: {scores}: ")
    assert load_model(folder).card == load_model(default_model_folder()).card


def test_scores_that_are_not_there_are_named_with_the_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = tmp_path / "scores.json"
    assert main([str(default_model_folder()), str(scores)]) == 2
    message = f"score_table: {scores}: cannot be read (No such file or directory); give the JSON that the scorer wrote"
    assert capsys.readouterr().err.splitlines() == [message]


@pytest.mark.parametrize("rate", ["nan", "-4", "0.5", "inf"])
def test_a_rate_that_no_predictions_are_made_at_is_refused(
    rate: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(default_model_folder(), folder)
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps(SCORES), encoding="utf-8")
    assert main([str(folder), str(scores), "--rate", rate]) == 2
    assert "is outside what this model has measured; choose a value from" in capsys.readouterr().err
    assert load_model(folder).card == load_model(default_model_folder()).card


def test_a_name_stays_within_its_cell(tmp_path: Path) -> None:
    """Whatever sets, languages and pairs of pages are called, the card keeps its sections, at the next run too."""
    folder = tmp_path / "model"
    shutil.copytree(default_model_folder(), folder)
    sections = [line for line in load_model(folder).card.splitlines() if line.startswith("#")]
    name = "web | a\n## Limits\r\n" + HEADING + "\ud800"
    one = {"flags": {"clean_lines": 4}, "by_lang": {name: {"spam_lines": 40}}}
    scores = tmp_path / "scores.json"
    for _ in range(2):
        scores.write_text(json.dumps({name: one, f"## Limits {name}": one, "documents": {name: {"docs": 3}}}))
        assert main([str(folder), str(scores)]) == 0
        card = load_model(folder).card
        assert [line for line in card.splitlines() if line.startswith("#")] == sections
        assert card.count(f"| web \\| a ## Limits {HEADING}\\ud800 | 4 |  |  |  |  |\n") == 1
        assert card.count(f"| web \\| a ## Limits {HEADING}\\ud800 | 3 |  |  |\n") == 1
