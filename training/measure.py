"""Operating points and figures from scores of documents that the models had not seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from spamfilter.labels import FLAGGED_LABELS, LABELS, Label
from spamfilter.operating_points import OperatingPoints
from spamfilter.span_model import SpanCandidates
from training.span_training import ScoredBatch, label_candidates, real_clean_lines

RATES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
_CLEAN, _BOILERPLATE = LABELS.index(Label.CLEAN), LABELS.index(Label.BOILERPLATE)
BOILERPLATE_RATE = 0.007
"""Share of clean lines that may be taken for boilerplate."""
MOST_OF_A_PAGE = 20
"""Most lines of one clean page that count as false alarms: one page that is misjudged from top to bottom is the business
of the document's threshold, and must not set the thresholds of all lines."""
ALONE_RATE, PAGE_RATE = 5e-3, 1e-3
"""A line that is a document of its own has no page that could speak for or against a stretch in it: where lines of pages
have a stretch wrongly reported at PAGE_RATE, it has one at ALONE_RATE."""


def thresholds_at(scores: NDArray[np.float64]) -> tuple[float, ...]:
    """Thresholds on the scores of clean items for each of ``RATES``.

    Rates below one item in the sample are extended in a straight line over the logarithm of the rate.
    """
    measurable = [rate for rate in RATES if rate * len(scores) >= 2]
    if len(measurable) < 2:
        raise ValueError(f"{len(scores)} clean items are too few to measure false positives: give at least 70")
    found = [float(np.quantile(scores, 1 - rate, method="higher")) for rate in measurable]
    for rate in RATES[len(found) :]:
        slope = (found[-1] - found[0]) / np.log(measurable[0] / measurable[len(measurable) - 1])
        found.append(found[len(measurable) - 1] + slope * float(np.log(measurable[-1] / rate)))
    return tuple(np.round(np.maximum.accumulate(found), 6))


def _tempered(scores: NDArray[np.float64], pages: NDArray[np.int64]) -> NDArray[np.float64]:
    """The scores, but very low from the ``MOST_OF_A_PAGE`` largest of a page on."""
    order = np.lexsort((-scores, pages))
    starts = np.searchsorted(pages[order], pages[order])
    tempered = scores.copy()
    tempered[order[np.arange(len(order)) - starts >= MOST_OF_A_PAGE]] = -99.0
    return tempered


def level_lone_lines(
    scored: Sequence[ScoredBatch], candidates: Sequence[SpanCandidates], span_logits: Sequence[NDArray[np.float64]]
) -> float:
    """What to add to the log-odds of stretches in lines that stand alone; see ``ALONE_RATE``."""
    of_pages, of_lone = [], []
    for part, found, own in zip(scored, candidates, span_logits, strict=True):
        best, pages, real = _best_of_lines(part, found, own)
        lone = np.array([len(one.lines) == 1 for one in part.documents])[pages]
        of_pages.append(best[real & ~lone])
        of_lone.append(best[real & lone])
    page, lone = np.concatenate(of_pages), np.concatenate(of_lone)
    if min(len(page) * PAGE_RATE, len(lone) * ALONE_RATE) < 2:
        return 0.0
    return float(np.quantile(page, 1 - PAGE_RATE) - np.quantile(lone, 1 - ALONE_RATE))


def _best_of_lines(
    part: ScoredBatch, found: SpanCandidates, own: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Of each line that is not blank: log-odds of its best stretch, its document, whether it is real and clean."""
    lines = part.features.lines
    best = np.full(len(lines), -20.0)
    np.maximum.at(best, lines.searchsorted(found.lines), own)
    return best, part.features.pages.documents, real_clean_lines(part.documents)[lines]


def _expected_calibration_error(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Mean distance of probability and frequency over ten bins (Naeini et al., 2015)."""
    bins = np.minimum((probabilities * 10).astype(int), 9)
    total = 0.0
    for number in range(10):
        inside = bins == number
        if inside.any():
            total += abs(probabilities[inside].mean() - truth[inside].mean()) * inside.mean()
    return round(float(total), 5)


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
    """
    rows, pages, first = [], [], 0
    for part in scored:
        sources = np.array([one.source for one in part.documents])[part.features.pages.documents]
        rows.append(real_clean_lines(part.documents)[part.features.lines] & (sources != "twin"))
        pages.append(part.features.pages.documents + first)
        first += len(part.documents)
    real, page = np.concatenate(rows), np.concatenate(pages)
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
        thresholds[label.value] = thresholds_at(_tempered(margin[real], page[real]))
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

    strongest, truths = [], []
    for part, found, own in zip(scored, candidates, span_logits, strict=True):
        strongest.append(_best_of_lines(part, found, own)[0])
        truths.append(label_candidates(part, found)[0])
    thresholds["span"] = thresholds_at(_tempered(np.concatenate(strongest)[real], page[real]))
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
    clean_pages = np.array([one.source.startswith(("wcxb", "UD", "body")) for one in documents]) & (kinds == 0)
    thresholds["document"] = thresholds_at(spam[clean_pages])
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
