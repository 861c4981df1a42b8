"""Which pages stay, what is cut from them, and why the others go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spamfilter.ingest.decisions import KIND_NAMES, LABEL_NAMES, Decisions, decide
from spamfilter.ingest.job import FilterOptions
from spamfilter.ingest.report import ShardReport
from spamfilter.labels import LABELS, Label
from spamfilter.predictor import Predictor

_BOILERPLATE = LABELS.index(Label.BOILERPLATE)
NO_ID_MESSAGE = "no string or integer at {!r}; attribute files need ids, name their column or key with --id-column"


@dataclass(frozen=True, slots=True)
class FilteredPage:
    """What became of one page.

    Attributes:
        reason: why it is rejected; None if it is kept. A kind of ``DocumentKind``, or ``nothing_left``,
            ``too_short`` or ``too_little_left``.
        text: its text after the cuts; None if nothing was cut.
        kind: see ``DocumentKind``.
        probability: that it is spam.
        cuts: for a kept page, each line that was cut or from which something was cut, as JSON objects.
    """

    reason: str | None
    text: str | None
    kind: str
    probability: float
    cuts: tuple[dict[str, Any], ...] = ()


def filter_pages(
    predictor: Predictor, texts: Sequence[str], options: FilterOptions, report: ShardReport
) -> list[FilteredPage]:
    """Judge pages, cut what is flagged and say which are to be rejected; counts go to ``report``."""
    predictions = list(predictor.predict_many(texts, max_false_positive_rate=options.max_false_positive_rate))
    decisions = decide(predictions)
    report.count(texts, decisions)
    touched = decisions.flagged_lines()
    if options.drop_boilerplate:
        touched |= decisions.labels == _BOILERPLATE
    cuts_in = decisions.count_in_documents(touched).tolist()
    probabilities = decisions.probabilities.tolist()
    line_probabilities = decisions.line_probabilities()
    pages = []
    for number, prediction in enumerate(predictions):
        kind = KIND_NAMES[decisions.kinds[number]]
        text = prediction.clean_text(drop_boilerplate=options.drop_boilerplate) if cuts_in[number] else None
        reason = _reason(texts[number], text, kind, options)
        cuts: tuple[dict[str, Any], ...] = ()
        if reason is not None:
            report.rejected[reason] += 1
            report.rejected_characters += len(texts[number])
        else:
            report.kept += 1
            if text is not None:
                report.cut_characters += len(texts[number]) - len(text)
                cuts = _cuts(texts[number], number, touched, line_probabilities, decisions)
                for cut in cuts:
                    report.cut[f"{cut['label']} span" if cut["spans"] else cut["label"]] += 1
        pages.append(FilteredPage(reason, text, kind, probabilities[number], cuts))
    return pages


def _reason(before: str, after: str | None, kind: str, options: FilterOptions) -> str | None:
    if kind in options.reject_kinds:
        return kind
    left = before if after is None else after
    if after is not None and not after.strip():
        return "nothing_left"
    if len(left) < options.min_characters:
        return "too_short"
    if len(left) < options.min_kept_share * len(before):
        return "too_little_left"
    return None


def _cuts(
    text: str,
    number: int,
    touched: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    decisions: Decisions,
) -> tuple[dict[str, Any], ...]:
    """The touched lines of page ``number``; made from arrays, as ``DocumentPrediction`` would decide them anew."""
    low, high = int(decisions.line_edges[number]), int(decisions.line_edges[number + 1])
    spans: dict[int, list[list[Any]]] = {}
    for place in range(decisions.span_edges[number], decisions.span_edges[number + 1]):
        span = [
            int(decisions.span_starts[place]),
            int(decisions.span_ends[place]),
            Label.SEO_INJECTION.value,
            float(decisions.span_probabilities[place]),
        ]
        spans.setdefault(int(decisions.span_lines[place]), []).append(span)
    cuts = []
    for line in (np.flatnonzero(touched[low:high]) + low).tolist():
        start, end = int(decisions.starts[line]), int(decisions.ends[line])
        cuts.append(
            {
                "line": line - low,
                "start": start,
                "end": end,
                "label": LABEL_NAMES[decisions.labels[line]],
                "probability": float(probabilities[line]),
                "text": text[start:end],
                "spans": spans.get(line, []),
            }
        )
    return tuple(cuts)


def dolma_id(value: Any) -> str | None:
    """The id of a document as attribute files hold it: a string, or an integer as a string; None if it is neither."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def dolma_attributes(texts: Sequence[str], decisions: Decisions, prefix: str) -> list[dict[str, list[list[Any]]]]:
    """Dolma attributes of each page: ``[[start, end, score], ...]`` for each label that is not clean.

    Offsets count characters. A line with foreign stretches gives the stretches, not the line. The attribute
    ``<prefix>__document`` spans the page and holds the probability that it is spam.
    """
    probabilities = decisions.line_probabilities().tolist()
    with_spans = set(decisions.span_lines.tolist())
    starts, ends, labels = decisions.starts.tolist(), decisions.ends.tolist(), decisions.labels.tolist()
    names = [f"{prefix}__{name}" for name in LABEL_NAMES]
    result = []
    for number, text in enumerate(texts):
        marks: dict[str, list[list[Any]]] = {
            f"{prefix}__document": [[0, len(text), float(decisions.probabilities[number])]]
        }
        for line in range(decisions.line_edges[number], decisions.line_edges[number + 1]):
            if labels[line] and line not in with_spans:
                marks.setdefault(names[labels[line]], []).append([starts[line], ends[line], probabilities[line]])
        for place in range(decisions.span_edges[number], decisions.span_edges[number + 1]):
            mark = [
                int(decisions.span_starts[place]),
                int(decisions.span_ends[place]),
                float(decisions.span_probabilities[place]),
            ]
            marks.setdefault(f"{prefix}__{Label.SEO_INJECTION.value}", []).append(mark)
        result.append({name: sorted(values) for name, values in marks.items()})
    return result
