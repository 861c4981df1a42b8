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
BOILERPLATE_RATE = 0.015
"""Share of clean lines that may be taken for boilerplate."""


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
    real = [real_clean_lines(part.documents) for part in scored]
    rows = np.concatenate([mask[part.features.lines] for mask, part in zip(real, scored, strict=True)])
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
    metrics: dict[str, Any] = {"clean_lines": int(rows.sum()), "recall": {}}
    for label in FLAGGED_LABELS:
        margin = logits[:, LABELS.index(label)] - ordinary
        thresholds[label.value] = thresholds_at(margin[rows])
        truth = labels == label.value
        metrics["recall"][label.value] = {
            f"{rate:g}": round(float((margin[truth] >= limit).mean()), 4)
            for rate, limit in zip(RATES, thresholds[label.value], strict=True)
        }
    against_clean = logits[:, _BOILERPLATE] - logits[:, _CLEAN]
    boilerplate = float(np.round(max(np.quantile(against_clean[rows], 1 - BOILERPLATE_RATE), -2.0), 6))
    metrics["recall"]["boilerplate"] = round(float((against_clean[labels == "boilerplate"] >= boilerplate).mean()), 4)
    metrics["calibration_error"] = {
        label.value: _expected_calibration_error(np.exp(logits[labels != "", number]), (labels == label)[labels != ""])
        for number, label in enumerate(LABELS)
    }

    strongest, truths, spans = [], [], []
    for part, found, own, mask in zip(scored, candidates, span_logits, real, strict=True):
        best = np.full(len(mask), -20.0)
        np.maximum.at(best, found.lines, own)
        strongest.append(best[mask])
        truth, _ = label_candidates(part, found)
        truths.append(truth)
        spans.append(own)
    thresholds["span"] = thresholds_at(np.concatenate(strongest))
    span_total = sum(len(line.spans) for part in scored for one in part.documents for line in one.lines)
    found_truth, found_logits = np.concatenate(truths), np.concatenate(spans)
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
