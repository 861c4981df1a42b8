"""Scores and decisions of a whole batch as arrays; documents are cut out of them when somebody asks."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary, kernel
from spamfilter.labels import FLAGGED_LABELS, LABELS, Label
from spamfilter.operating_points import DECISIONS, OperatingPoints


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ScoreArrays:
    """Scores of ``d`` documents before any decision. ``m`` lines, ``k`` span candidates.

    Attributes:
        line_edges: int64 (d + 1,), first line of each document.
        starts, ends: int64 (m,), character offsets of the lines in their own document.
        logits: float64 (m, 6), calibrated log-probabilities of the labels up to a constant a line.
        span_edges: int64 (d + 1,), first candidate of each document.
        span_lines: int64 (k,), line of each candidate, ascending.
        span_starts, span_ends: int64 (k,), character offsets in their own document.
        span_logits: float64 (k,), calibrated log-odds.
        document_logits: float64 (d, 4), log-probabilities of the kinds in ``DocumentKind`` up to a constant.
    """

    line_edges: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    logits: NDArray[np.float64]
    span_edges: NDArray[np.int64]
    span_lines: NDArray[np.int64]
    span_starts: NDArray[np.int64]
    span_ends: NDArray[np.int64]
    span_logits: NDArray[np.float64]
    document_logits: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DocumentScores:
    """Scores of one document before any decision, views of the arrays of its batch. ``m`` lines, ``k`` span candidates.

    Attributes:
        batch: the batch that the document was scored in.
        number: of the document in its batch.
    """

    batch: ScoreArrays
    number: int

    @property
    def _lines(self) -> slice:
        return slice(*self.batch.line_edges[self.number : self.number + 2].tolist())

    @property
    def _spans(self) -> slice:
        return slice(*self.batch.span_edges[self.number : self.number + 2].tolist())

    @property
    def starts(self) -> NDArray[np.int64]:
        """Character offset of the first character of each line, int64 (m,)."""
        return self.batch.starts[self._lines]

    @property
    def ends(self) -> NDArray[np.int64]:
        """Character offset of the end of each line, int64 (m,)."""
        return self.batch.ends[self._lines]

    @property
    def logits(self) -> NDArray[np.float64]:
        """Calibrated log-probabilities of the labels up to a constant a line, float64 (m, 6)."""
        return self.batch.logits[self._lines]

    @property
    def span_lines(self) -> NDArray[np.int64]:
        """Line of each candidate, int64 (k,), ascending."""
        lines: NDArray[np.int64] = self.batch.span_lines[self._spans] - self.batch.line_edges[self.number]
        return lines

    @property
    def span_starts(self) -> NDArray[np.int64]:
        """Character offset of each candidate, int64 (k,)."""
        return self.batch.span_starts[self._spans]

    @property
    def span_ends(self) -> NDArray[np.int64]:
        """Character offset of the end of each candidate, int64 (k,)."""
        return self.batch.span_ends[self._spans]

    @property
    def span_logits(self) -> NDArray[np.float64]:
        """Calibrated log-odds of each candidate, float64 (k,)."""
        return self.batch.span_logits[self._spans]

    @property
    def document_logits(self) -> NDArray[np.float64]:
        """Log-probabilities of the kinds in ``DocumentKind`` up to a constant, float64 (4,)."""
        row: NDArray[np.float64] = self.batch.document_logits[self.number]
        return row

    @property
    def is_alone(self) -> bool:
        """Whether the batch holds this document only."""
        return len(self.batch.line_edges) == 2

    def alone(self) -> ScoreArrays:
        """A batch that holds this document only."""
        return ScoreArrays(
            line_edges=np.array([0, len(self.starts)]),
            starts=self.starts,
            ends=self.ends,
            logits=self.logits,
            span_edges=np.array([0, len(self.span_starts)]),
            span_lines=self.span_lines,
            span_starts=self.span_starts,
            span_ends=self.span_ends,
            span_logits=self.span_logits,
            document_logits=self.document_logits[None],
        )

    def __reduce__(self) -> tuple[type["DocumentScores"], tuple[ScoreArrays, int]]:
        """Copy the document without the rest of its batch."""
        return DocumentScores, (self.batch if self.is_alone else self.alone(), 0)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class DecisionArrays:
    """Decisions on a batch at one operating point, of ``d`` documents and ``m`` lines.

    Attributes:
        labels: int64 (m,), index into ``LABELS``.
        flagged: int64 (f,), lines with a label in ``FLAGGED_LABELS``, ascending.
        flagged_edges: int64 (d + 1,), first of them in each document.
        spans: int64 (s,), candidates that are foreign stretches, ascending.
        kinds: int64 (d,), place in ``DocumentKind``.
        spam_logits: float64 (d,), log-odds that the page is spam; minus infinity for a page without a line.
    """

    labels: NDArray[np.int64]
    flagged: NDArray[np.int64]
    flagged_edges: NDArray[np.int64]
    spans: NDArray[np.int64]
    kinds: NDArray[np.int64]
    spam_logits: NDArray[np.float64]


def decide(scores: ScoreArrays, points: OperatingPoints, rate: float) -> DecisionArrays:
    """Decide lines, spans and pages of a batch; a document gets the same decisions in any batch."""
    limits = points.limits(rate)
    if kernel.is_on():
        thresholds = limits, points.document_threshold(rate), points.boilerplate
        spans = scores.span_lines, scores.span_logits
        columns = np.ascontiguousarray(scores.logits.T)
        return DecisionArrays(
            *kernel.decide(elementary.TABLES, columns, scores.line_edges, spans, scores.document_logits, thresholds)
        )
    spans = (scores.span_logits >= limits[_SPAN]).nonzero()[0]
    labels = points.labels_within(scores.logits, limits)
    labels[scores.span_lines.take(spans)] = _SEO_INJECTION
    flagged = IS_FLAGGED.take(labels).nonzero()[0]
    flagged_edges = flagged.searchsorted(scores.line_edges)
    clean, residue, farm, spam = scores.document_logits.T
    spam_logits = elementary.logaddexp(farm, spam)
    spam_logits -= elementary.logaddexp(clean, residue)
    spam_logits[scores.line_edges[1:] == scores.line_edges[:-1]] = -np.inf
    kinds = (flagged_edges[1:] > flagged_edges[:-1]).astype(np.int64)
    is_spam = (spam_logits >= points.document_threshold(rate)).nonzero()[0]
    kinds[is_spam] = 2 + (spam > farm).take(is_spam)
    return DecisionArrays(labels, flagged, flagged_edges, spans, kinds, spam_logits)


_SPAN = DECISIONS.index("span")
_SEO_INJECTION = LABELS.index(Label.SEO_INJECTION)
IS_FLAGGED = np.array([label in FLAGGED_LABELS for label in LABELS])
"""Which of ``LABELS`` are in ``FLAGGED_LABELS``, bool (6,)."""
