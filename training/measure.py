"""Operating points and figures from scores of documents that the models had not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from spamfilter.labels import FLAGGED_LABELS, LABELS, Label
from spamfilter.operating_points import OperatingPoints
from spamfilter.span_model import SpanCandidates
from training.documents import WRITTEN, LabelledDocument
from training.span_training import (
    NOTHING_FOUND,
    REAL_SOURCES,
    ScoredBatch,
    best_of_lines,
    label_candidates,
    real_clean_lines,
)

RATES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
_CLEAN, _BOILERPLATE = LABELS.index(Label.CLEAN), LABELS.index(Label.BOILERPLATE)
BOILERPLATE_RATE = 0.006
"""Share of clean lines that may be taken for boilerplate."""
MOST_OF_A_PAGE = 2
"""Most lines of one clean page that count as false alarms: a page that is misjudged from top to bottom is the business
of the document's threshold, and must not set the thresholds of all lines."""
HARD_RATE = 9.5
"""Clean text about what spam touts, which is rare on the web, and written to be hard, may be flagged wrongly so many
times as often."""
CONTENTS_RATE = 4.0
"""Tables of contents may be taken for lists of headlines so many times as often."""
LEAST_ODDS = {
    Label.SEO_INJECTION: -1.0,
    Label.LINK_EXCHANGE: 0.0,
    Label.HEADLINE_LIST: -1.0,
    Label.TEMPLATE_RESIDUE: -0.5,
}
"""No line is flagged with a label that is less likely than this log-odds, however few clean lines would be lost.

Higher for link offers and tags: a sentence on links reads much like an offer, an address full of marks much like a tag,
and few pages are there to measure either."""
_NOT_COUNTED = -99.0
ALONE_RATE, PAGE_RATE = 4e-3, 1e-3
"""A line that is a document of its own has no page that could speak for or against a stretch in it: where lines of
pages have a stretch wrongly reported at PAGE_RATE, it has one at ALONE_RATE."""


def thresholds_at(scores: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> tuple[float, ...]:
    """Thresholds on the scores of clean items for each of ``RATES``.

    Rates below two items in the sample are extended in a straight line over the logarithm of the rate, through the
    loosest and the strictest threshold above ``NOTHING_FOUND``.

    Args:
        weights: what each item counts for; 1 without them.

    Raises:
        ValueError: fewer than two of the rates can be measured on so few items.
    """
    measurable = [rate for rate in RATES if rate * len(scores) >= 2]
    if len(measurable) < 2:
        raise ValueError(f"{len(scores)} clean items are too few to measure false positives: give at least 70")
    if weights is None:
        found = [float(np.quantile(scores, 1 - rate, method="higher")) for rate in measurable]
    else:
        order = np.argsort(-scores, kind="stable")
        shares = np.cumsum(weights[order]) / weights.sum()
        places = np.minimum(np.searchsorted(shares, measurable), len(order) - 1)
        found = scores[order][places].tolist()
    strictest = found[-1]
    loosest = next((place for place, one in enumerate(found) if one > NOTHING_FOUND), len(found) - 1)
    reach = float(np.log(measurable[loosest] / measurable[-1]))
    slope = (strictest - found[loosest]) / reach if reach else 0.0
    found.extend(strictest + slope * float(np.log(measurable[-1] / rate)) for rate in RATES[len(found) :])
    return tuple(np.round(np.maximum.accumulate(found), 6))


def _tempered(scores: NDArray[np.float64], pages: NDArray[np.int64]) -> NDArray[np.float64]:
    """The scores, but very low from the ``MOST_OF_A_PAGE`` largest of a page on."""
    order = np.lexsort((-scores, pages))
    starts = np.searchsorted(pages[order], pages[order])
    tempered = scores.copy()
    tempered[order[np.arange(len(order)) - starts >= MOST_OF_A_PAGE]] = _NOT_COUNTED
    return tempered


@dataclass(frozen=True, slots=True)
class _CleanLines:
    """The lines that are not blank, of all batches, as places where false alarms are measured.

    Attributes:
        real: bool (r,), clean lines of ``REAL_SOURCES``.
        pages: int64 (r,), document of each line.
        hard: bool (r,), clean lines of composed pages: what spam touts, told by honest people.
        contents: bool (r,), clean lines of articles with their table of contents: what looks like a list of headlines.
        alone: bool (r,), lines that are a document of their own.
        treebank: bool (r,), sentences of treebanks.
        widths: float64 (r,), characters.
    """

    real: NDArray[np.bool_]
    pages: NDArray[np.int64]
    hard: NDArray[np.bool_]
    contents: NDArray[np.bool_]
    alone: NDArray[np.bool_]
    treebank: NDArray[np.bool_]
    widths: NDArray[np.float64]

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Real lines of pages; without public sources single clean sentences must do."""
        of_pages = self.real & ~self.alone
        return of_pages if of_pages.any() else self.real


def _clean_lines(scored: Sequence[ScoredBatch]) -> _CleanLines:
    real, pages, hard, contents, alone, treebank, widths, first = [], [], [], [], [], [], [], 0
    for part in scored:
        owners = part.features.pages.documents
        real.append(real_clean_lines(part.documents)[part.features.lines])
        pages.append(owners + first)
        sources = np.array([one.source for one in part.documents])[owners]
        clean = np.array([line.label == Label.CLEAN for one in part.documents for line in one.lines], np.bool_)
        clean = clean[part.features.lines]
        hard.append(clean & (sources == "clean"))
        contents.append(clean & (sources == "contents"))
        alone.append(np.array([len(one.lines) == 1 for one in part.documents])[owners])
        treebank.append(np.array([one.source.startswith("UD") for one in part.documents])[owners])
        widths.append(part.features.facts.shapes.widths.astype(np.float64))
        first += len(part.documents)
    return _CleanLines(*(np.concatenate(one) for one in (real, pages, hard, contents, alone, treebank, widths)))


def _best_spans(
    scored: Sequence[ScoredBatch], candidates: Sequence[SpanCandidates], span_logits: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Log-odds of the best stretch of each line that is not blank, float64 (r,), very low where there is none."""
    parts = zip(scored, candidates, span_logits, strict=True)
    return np.concatenate([best_of_lines(part, found, own) for part, found, own in parts])


def _span_thresholds(best: NDArray[np.float64], lines: _CleanLines) -> tuple[float, ...]:
    """Thresholds that hold for lines of web pages and for sentences of treebanks alike.

    Pages are full of short lines that hold nothing; running prose is where a stretch is wrongly seen, the more so the
    longer it runs: so lines count by their characters.
    """
    found = []
    for group in (lines.measured & lines.treebank, lines.measured & ~lines.treebank):
        if group.sum() * RATES[0] >= 20:
            found.append(thresholds_at(_tempered(best[group], lines.pages[group]), lines.widths[group]))
    if not found:
        found.append(thresholds_at(_tempered(best[lines.measured], lines.pages[lines.measured])))
    return tuple(max(values) for values in zip(*found, strict=True))


def _at_other_rates(thresholds: Sequence[float], factor: float) -> NDArray[np.float64]:
    """Thresholds at ``factor`` times each of ``RATES``, as far as those above ``NOTHING_FOUND`` reach, float64 (7,)."""
    values = np.array(thresholds)
    # Where more lines may be lost than count, the threshold lies below all of those: no number to draw a line to.
    real = (values > NOTHING_FOUND) | (values == values.max())
    rates = np.log(RATES)
    found: NDArray[np.float64] = np.interp(rates + np.log(factor), rates[real][::-1], values[real][::-1])
    return np.round(found, 6)


def _label_thresholds(
    margin: NDArray[np.float64], lines: _CleanLines, is_hard: NDArray[np.bool_], factor: float, least: float
) -> tuple[float, ...]:
    """Thresholds that hold for real clean lines, and at ``factor`` times the rate for those that are hard."""
    real = thresholds_at(_tempered(margin[lines.measured], lines.pages[lines.measured]))
    found = tuple(np.maximum(real, least).tolist())
    if is_hard.sum() * RATES[0] < 20:
        return found
    hard = thresholds_at(_tempered(margin[is_hard], lines.pages[is_hard]))
    return tuple(np.maximum(found, _at_other_rates(hard, factor)).tolist())


def level_lone_lines(
    scored: Sequence[ScoredBatch], candidates: Sequence[SpanCandidates], span_logits: Sequence[NDArray[np.float64]]
) -> float:
    """What to add to the log-odds of stretches in lines that stand alone; see ``ALONE_RATE``."""
    lines, best = _clean_lines(scored), _best_spans(scored, candidates, span_logits)
    lone = best[lines.real & lines.alone]
    if (lines.real & ~lines.alone).sum() * PAGE_RATE < 2 or len(lone) * ALONE_RATE < 2:
        return 0.0
    limit = _span_thresholds(best, lines)[RATES.index(PAGE_RATE)]
    return float(limit - np.quantile(lone, 1 - ALONE_RATE))


def _expected_calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Mean distance of probability and frequency over ten bins (Naeini et al., 2015)."""
    bins = np.minimum((probabilities * 10).astype(int), 9)
    total = 0.0
    for number in range(10):
        inside = bins == number
        if inside.any():
            total += abs(probabilities[inside].mean() - truth[inside].mean()) * inside.mean()
    return round(float(total), 5)


def _real_clean_pages(documents: Sequence[LabelledDocument], kinds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pages that measure false alarms: those of the benchmark, or any clean text where there are few."""
    sources = np.array([one.source for one in documents])
    of_the_web: NDArray[np.bool_] = (sources == "wcxb") & (kinds == 0)
    if of_the_web.sum() * RATES[0] >= 20:
        return of_the_web
    clean_text = np.char.startswith(sources, "UD") | np.isin(sources, ("body", "clean", "sentences")) | of_the_web
    excerpts: NDArray[np.bool_] = clean_text & (kinds == 0)
    return excerpts


def _lone_clean_lines(documents: Sequence[LabelledDocument], kinds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Documents of one clean line of a public source, bool (d,): hand-written ones tell of trades, as few lines do."""
    lone = [
        len(one.lines) == 1 and one.source.startswith(REAL_SOURCES) and one.page_type != WRITTEN for one in documents
    ]
    clean: NDArray[np.bool_] = np.array(lone, np.bool_) & (kinds == 0)
    return clean


def _page_thresholds(
    spam: NDArray[np.float64], pages: NDArray[np.bool_], lone_lines: NDArray[np.bool_]
) -> tuple[float, ...]:
    """Thresholds that hold for pages and for lines that are a page of their own, about which less is known, alike."""
    found = [thresholds_at(spam[pages])]
    if lone_lines.sum() * RATES[0] >= 20:
        found.append(thresholds_at(spam[lone_lines]))
    return tuple(max(values) for values in zip(*found, strict=True))


def choose_points(
    scored: Sequence[ScoredBatch],
    candidates: Sequence[SpanCandidates],
    line_logits: Sequence[NDArray[np.float64]],
    span_logits: Sequence[NDArray[np.float64]],
    document_logits: NDArray[np.float64],
    kinds: NDArray[np.int64],
) -> tuple[OperatingPoints, dict[str, Any]]:
    """Thresholds for every rate, and what recall they leave on the training pages.

    Args:
        line_logits: log-probabilities float64 (r, 6) for each batch.
        span_logits: log-odds float64 (k,) for each batch.
        document_logits: float64 (d, 4) over all batches.
        kinds: int64 (d,), -1 where unknown.

    Raises:
        ValueError: there are too few clean lines or pages.
    """
    lines = _clean_lines(scored)
    real = lines.measured
    logits = np.concatenate(line_logits)
    ordinary = np.logaddexp(logits[:, _CLEAN], logits[:, _BOILERPLATE])
    labels = np.concatenate(
        [
            np.array(
                ["" if line.label is None or line.spans else line.label for one in part.documents for line in one.lines]
            )[part.features.lines]
            for part in scored
        ]
    )
    thresholds: dict[str, tuple[float, ...]] = {}
    metrics: dict[str, Any] = {"clean_lines": int(real.sum()), "recall": {}}
    for label in FLAGGED_LABELS:
        margin = logits[:, LABELS.index(label)] - ordinary
        # Composed clean pages put blocks of many sites together: their headings are no measure for lists of headlines.
        hard = (lines.contents, CONTENTS_RATE) if label == Label.HEADLINE_LIST else (lines.hard, HARD_RATE)
        thresholds[label.value] = _label_thresholds(margin, lines, *hard, LEAST_ODDS[label])
        truth = labels == label.value
        metrics["recall"][label.value] = {
            f"{rate:g}": round(float((margin[truth] >= limit).mean()), 4)
            for rate, limit in zip(RATES, thresholds[label.value], strict=True)
        }
    against_clean = logits[:, _BOILERPLATE] - logits[:, _CLEAN]
    boilerplate = float(np.round(max(np.quantile(against_clean[real], 1 - BOILERPLATE_RATE), -2.0), 6))
    metrics["recall"]["boilerplate"] = round(float((against_clean[labels == "boilerplate"] >= boilerplate).mean()), 4)
    metrics["calibration_error"] = {
        label.value: _expected_calibration_error(np.exp(logits[labels != "", number]), (labels == label)[labels != ""])
        for number, label in enumerate(LABELS)
    }

    thresholds["span"] = _span_thresholds(_best_spans(scored, candidates, span_logits), lines)
    truths = [label_candidates(part, found)[0] for part, found in zip(scored, candidates, strict=True)]
    span_total = sum(len(line.spans) for part in scored for one in part.documents for line in one.lines)
    found_truth, found_logits = np.concatenate(truths), np.concatenate(span_logits)
    metrics["recall"]["span"] = {
        f"{rate:g}": round(float(((found_logits >= limit) & (found_truth == 1)).sum() / max(span_total, 1)), 4)
        for rate, limit in zip(RATES, thresholds["span"], strict=True)
    }

    spam = np.logaddexp(document_logits[:, 2], document_logits[:, 3]) - np.logaddexp(
        document_logits[:, 0], document_logits[:, 1]
    )
    documents = [one for part in scored for one in part.documents]
    clean_pages = _real_clean_pages(documents, kinds)
    thresholds["document"] = _page_thresholds(spam, clean_pages, _lone_clean_lines(documents, kinds))
    is_spam = kinds >= 2
    judged = clean_pages | is_spam
    metrics["documents"] = {
        "roc_auc": round(float(roc_auc_score(is_spam[judged], spam[judged])), 5) if is_spam.any() else None,
        "recall": {
            f"{rate:g}": round(float((spam[is_spam] >= limit).mean()), 4)
            for rate, limit in zip(RATES, thresholds["document"], strict=True)
        },
    }
    return OperatingPoints(RATES, thresholds, boilerplate), metrics
