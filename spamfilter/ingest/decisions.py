"""Decisions on a whole batch of documents at once.

``DocumentPrediction`` builds Python objects a line. A run over files decides millions of lines of which few
are flagged, so here the arrays of all documents of a batch are put end to end and decided in one go. The
values are those of ``DocumentPrediction``, to the bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.dense_model import row_probabilities
from spamfilter.elementary import logistic
from spamfilter.labels import FLAGGED_LABELS, LABELS, Label
from spamfilter.results import DocumentKind, DocumentPrediction
from spamfilter.scores import DocumentScores, ScoreArrays
from spamfilter.scores import decide as decide_arrays

LABEL_NAMES: tuple[str, ...] = tuple(label.value for label in LABELS)
KIND_NAMES: tuple[str, ...] = tuple(kind.value for kind in DocumentKind)
FLAGGED = np.array([LABELS.index(label) for label in FLAGGED_LABELS])
_CLEAN = LABELS.index(Label.CLEAN)
_SEO_INJECTION = LABELS.index(Label.SEO_INJECTION)


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decided lines, spans and pages of ``d`` documents with ``m`` lines and ``k`` foreign stretches.

    Attributes:
        line_edges: int64 (d + 1,), first line of each document.
        starts, ends: int64 (m,), character offsets of the lines in their own document.
        labels: int64 (m,), index into ``LABELS``.
        logits: float64 (m, 6), as in ``DocumentScores``.
        span_edges: int64 (d + 1,), first foreign stretch of each document.
        span_lines: int64 (k,), line in ``starts`` of each foreign stretch.
        span_starts, span_ends: int64 (k,), character offsets in their own document.
        span_probabilities: float64 (k,).
        kinds: int64 (d,), index into ``KIND_NAMES``.
        is_spam: bool (d,).
        probabilities: float64 (d,), that the page is spam.
    """

    line_edges: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    labels: NDArray[np.int64]
    logits: NDArray[np.float64]
    span_edges: NDArray[np.int64]
    span_lines: NDArray[np.int64]
    span_starts: NDArray[np.int64]
    span_ends: NDArray[np.int64]
    span_probabilities: NDArray[np.float64]
    kinds: NDArray[np.int64]
    is_spam: NDArray[np.bool_]
    probabilities: NDArray[np.float64]

    def label_probabilities(self) -> NDArray[np.float64]:
        """Probability of every label for every line, float64 (m, 6); rows sum to 1."""
        if not len(self.logits):
            return self.logits
        return row_probabilities(self.logits)

    def line_probabilities(self) -> NDArray[np.float64]:
        """Probability of the label of each line, float64 (m,); of its surest stretch where that is surer."""
        own = self.label_probabilities()[np.arange(len(self.labels)), self.labels]
        np.maximum.at(own, self.span_lines, self.span_probabilities)
        return own

    def flagged_lines(self) -> NDArray[np.bool_]:
        """Which lines have a label in ``FLAGGED_LABELS``, bool (m,)."""
        return np.isin(self.labels, FLAGGED)

    def count_in_documents(self, lines: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many of the lines marked in ``lines``, bool (m,), each document has; int64 (d,)."""
        total = np.concatenate(([0], np.cumsum(lines)))
        counts: NDArray[np.int64] = total[self.line_edges[1:]] - total[self.line_edges[:-1]]
        return counts

    def characters_by_label(self) -> NDArray[np.int64]:
        """Characters of each label, int64 (6,); what stands around a foreign stretch counts as clean."""
        widths = self.ends - self.starts
        spans = self.span_ends - self.span_starts
        with_spans = np.zeros(len(widths), np.bool_)
        with_spans[self.span_lines] = True
        totals = np.bincount(self.labels[~with_spans], widths[~with_spans], len(LABELS)).astype(np.int64)
        totals[_SEO_INJECTION] += spans.sum()
        totals[_CLEAN] += widths[with_spans].sum() - spans.sum()
        return totals


def decide(predictions: Sequence[DocumentPrediction]) -> Decisions:
    """Decide all documents of a batch; they must come from one predictor at one operating point.

    Args:
        predictions: d predictions.
    """
    if not predictions:
        none, real = np.zeros(0, np.int64), np.zeros(0)
        edge = np.zeros(1, np.int64)
        return Decisions(
            edge, none, none, none, np.zeros((0, len(LABELS))), edge, none, none, none, real, none, none != 0, real
        )
    points, rate = predictions[0].points, predictions[0].max_false_positive_rate
    scores = _joined([prediction.scores for prediction in predictions])
    decided = decide_arrays(scores, points, rate)
    chosen = decided.spans
    return Decisions(
        line_edges=scores.line_edges,
        starts=scores.starts,
        ends=scores.ends,
        labels=decided.labels,
        logits=scores.logits,
        span_edges=np.searchsorted(chosen, scores.span_edges),
        span_lines=scores.span_lines[chosen],
        span_starts=scores.span_starts[chosen],
        span_ends=scores.span_ends[chosen],
        span_probabilities=logistic(scores.span_logits[chosen]),
        kinds=decided.kinds,
        is_spam=decided.kinds >= 2,
        probabilities=logistic(decided.spam_logits),
    )


def _joined(scores: Sequence[DocumentScores]) -> ScoreArrays:
    """The scores of documents, at least one, as those of one batch."""
    line_edges = _edges([len(one.starts) for one in scores])
    span_edges = _edges([len(one.span_logits) for one in scores])
    return ScoreArrays(
        line_edges=line_edges,
        starts=np.concatenate([one.starts for one in scores]),
        ends=np.concatenate([one.ends for one in scores]),
        logits=np.concatenate([one.logits for one in scores]),
        span_edges=span_edges,
        span_lines=np.concatenate([one.span_lines for one in scores]) + line_edges[:-1].repeat(np.diff(span_edges)),
        span_starts=np.concatenate([one.span_starts for one in scores]),
        span_ends=np.concatenate([one.span_ends for one in scores]),
        span_logits=np.concatenate([one.span_logits for one in scores]),
        document_logits=np.array([one.document_logits for one in scores]),
    )


def _edges(sizes: list[int]) -> NDArray[np.int64]:
    edges = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=edges[1:])
    return edges
