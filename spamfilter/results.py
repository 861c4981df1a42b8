"""What a prediction says: lines, spans and the page, as frozen values that can be decided again."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from spamfilter.labels import FLAGGED_LABELS, LABELS, Label
from spamfilter.operating_points import OperatingPoints

_CLOSING_MARKS = ".。!?！？;；:：…।؟"
_CLOSING_SPACE = " \t\u3000"


class DocumentKind(StrEnum):
    """What a page is as a whole."""

    CLEAN = "clean"
    """Nothing to cut."""
    RESIDUE = "residue"
    """A page worth keeping once the flagged lines and spans are cut."""
    LINK_FARM = "link_farm"
    """A spun page: somebody's article wrapped in splices, tags, foreign headlines or link offers."""
    SPAM = "spam"
    """A page that is spam from top to bottom."""


@dataclass(frozen=True, slots=True)
class Span:
    """A foreign stretch inside a line.

    Attributes:
        start, end: character offsets into the original string, end exclusive.
        label: what the stretch is.
        probability: calibrated probability that the line holds a foreign stretch here.
    """

    start: int
    end: int
    label: Label
    probability: float


@dataclass(frozen=True, slots=True)
class LinePrediction:
    """One line of a document.

    Attributes:
        number: from 0.
        start, end: character offsets into the original string, the line end left out.
        text: the line itself.
        label: what the line is, decided at the operating point of the document prediction.
        probability: calibrated probability of ``label``.
        probabilities: of all labels; they sum to 1.
        spans: foreign stretches; when there are any, only they need to be cut, not the line.
    """

    number: int
    start: int
    end: int
    text: str
    label: Label
    probability: float
    probabilities: Mapping[Label, float]
    spans: tuple[Span, ...]

    @property
    def is_flagged(self) -> bool:
        """Whether the line has one of the labels in ``FLAGGED_LABELS``."""
        return self.label in FLAGGED_LABELS


@dataclass(frozen=True, slots=True)
class DocumentScores:
    """Scores of one document before any decision. ``m`` lines, ``k`` span candidates.

    Attributes:
        starts, ends: int64 (m,), character offsets of the lines.
        logits: float64 (m, 6), calibrated log-probabilities of the labels up to a constant a line.
        span_lines: int64 (k,), line of each candidate, ascending.
        span_starts, span_ends: int64 (k,), character offsets.
        span_logits: float64 (k,), calibrated log-odds.
        document_logits: float64 (4,), log-probabilities of the kinds in ``DocumentKind`` up to a constant.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    logits: NDArray[np.float64]
    span_lines: NDArray[np.int64]
    span_starts: NDArray[np.int64]
    span_ends: NDArray[np.int64]
    span_logits: NDArray[np.float64]
    document_logits: NDArray[np.float64]


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    total: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return total


@dataclass(frozen=True, slots=True)
class DocumentPrediction:
    """Verdict on one document. Values are built from arrays each time they are asked for.

    Attributes:
        document: the text as given.
        scores: what the stages found, before any decision.
        points: thresholds for each tolerated share of clean lines wrongly flagged.
        max_false_positive_rate: the share at which lines, spans and the page are decided.
    """

    document: str
    scores: DocumentScores
    points: OperatingPoints
    max_false_positive_rate: float

    def at(self, *, max_false_positive_rate: float) -> "DocumentPrediction":
        """Decide again at another operating point, without scoring again.

        Raises:
            ValueError: the rate is outside the range that the model has measured.
        """
        self.points.check_rate(max_false_positive_rate)
        return DocumentPrediction(self.document, self.scores, self.points, max_false_positive_rate)

    def __repr__(self) -> str:
        return (
            f"DocumentPrediction(kind={self.kind.value!r}, probability={self.probability:.4f}, "
            f"lines={len(self.scores.starts)}, flagged={len(self.flagged)})"
        )

    @property
    def lines(self) -> tuple[LinePrediction, ...]:
        """One prediction for each line, blank lines included."""
        return self._build(np.arange(len(self.scores.starts)))

    @property
    def flagged(self) -> tuple[LinePrediction, ...]:
        """The lines whose label is neither clean nor boilerplate."""
        return self._build(np.flatnonzero(np.isin(self.line_labels(), _FLAGGED_INDICES)))

    @property
    def is_spam(self) -> bool:
        """Whether the page as a whole is spam: a spun page of a link farm or a page of spam.

        Decided so that at most ten times ``max_false_positive_rate`` of clean pages are taken for spam.
        """
        return self.spam_logit() >= self.points.document_threshold(self.max_false_positive_rate)

    @property
    def probability(self) -> float:
        """Calibrated probability that the page is spam."""
        return float(1.0 / (1.0 + np.exp(-self.spam_logit())))

    @property
    def kind(self) -> DocumentKind:
        """What the page is as a whole; agrees with ``is_spam``."""
        kinds = list(DocumentKind)
        if self.is_spam:
            return kinds[2 + int(np.argmax(self.scores.document_logits[2:]))]
        return DocumentKind.RESIDUE if len(self.flagged) else DocumentKind.CLEAN

    def spam_logit(self) -> float:
        """Log-odds that the page is spam."""
        if not len(self.scores.starts):
            return -np.inf
        logits = self.scores.document_logits
        return float(np.logaddexp(logits[2], logits[3]) - np.logaddexp(logits[0], logits[1]))

    def line_labels(self) -> NDArray[np.int64]:
        """Index into ``LABELS`` of each line's label, int64 (m,)."""
        labels = self.points.decide_lines(self.scores.logits, self.max_false_positive_rate)
        labels[self.scores.span_lines[self.span_choice()]] = _SEO_INJECTION
        return labels

    def span_choice(self) -> NDArray[np.bool_]:
        """Which span candidates are foreign stretches at this operating point, bool (k,)."""
        threshold = self.points.threshold("span", self.max_false_positive_rate)
        return self.scores.span_logits >= threshold

    def _build(self, numbers: NDArray[np.int64]) -> tuple[LinePrediction, ...]:
        labels = self.line_labels()
        probabilities = _softmax(self.scores.logits) if len(labels) else self.scores.logits
        chosen = np.flatnonzero(self.span_choice())
        spans: dict[int, list[Span]] = {}
        for place in chosen:
            probability = float(1.0 / (1.0 + np.exp(-self.scores.span_logits[place])))
            span = Span(
                int(self.scores.span_starts[place]),
                int(self.scores.span_ends[place]),
                Label.SEO_INJECTION,
                probability,
            )
            spans.setdefault(int(self.scores.span_lines[place]), []).append(span)
        built = []
        for number in map(int, numbers):
            start, end = int(self.scores.starts[number]), int(self.scores.ends[number])
            values = dict(zip(LABELS, map(float, probabilities[number]), strict=True))
            label = LABELS[labels[number]]
            own = tuple(spans.get(number, ()))
            probability = max([values[label], *(span.probability for span in own)]) if own else values[label]
            built.append(LinePrediction(number, start, end, self.document[start:end], label, probability, values, own))
        return tuple(built)

    def clean_text(self, *, drop_boilerplate: bool = False) -> str:
        """The document without flagged lines, with foreign stretches cut out of the lines that stay.

        Line ends of the lines that stay are kept as they are.
        """
        labels = self.line_labels()
        chosen = self.span_choice()
        pieces = []
        position = 0
        spans: dict[int, list[tuple[int, int]]] = {}
        for place in np.flatnonzero(chosen):
            bounds = int(self.scores.span_starts[place]), int(self.scores.span_ends[place])
            spans.setdefault(int(self.scores.span_lines[place]), []).append(bounds)
        for number in range(len(labels)):
            start = int(self.scores.starts[number])
            following = int(self.scores.starts[number + 1]) if number + 1 < len(labels) else len(self.document)
            label = LABELS[labels[number]]
            if number in spans:
                position = start
                for left, right in sorted(spans[number]):
                    kept = self.document[position:left]
                    position = _resume(self.document, right, kept, int(self.scores.ends[number]))
                    pieces.append(_mend_left(kept, self.document[position : position + 1]))
                pieces.append(self.document[position:following])
            elif label in FLAGGED_LABELS or (drop_boilerplate and label is Label.BOILERPLATE):
                continue
            else:
                pieces.append(self.document[start:following])
        return "".join(pieces)


def _resume(document: str, position: int, kept: str, line_end: int) -> int:
    """Where the sentence goes on behind a cut: past the separator of a phrase at the start of its line."""
    if not kept.strip():
        while position < line_end and (document[position] in _CLOSING_SPACE or document[position] in "|｜:：-–—"):
            position += 1
    elif kept[-1:].isspace():
        while position < line_end and document[position] in _CLOSING_SPACE:
            position += 1
    return position


def _mend_left(kept: str, following: str) -> str:
    """Drop the comma or dash that led into the phrase where the sentence had none."""
    if not kept.strip():
        return ""
    if kept[-1] in ",，、" and (not following.strip() or following in _CLOSING_MARKS or not following.isascii()):
        return kept[:-1]
    if not following.strip():
        return kept.rstrip().rstrip("-–—|｜").rstrip()
    return kept


_SEO_INJECTION = LABELS.index(Label.SEO_INJECTION)
_FLAGGED_INDICES = [LABELS.index(label) for label in FLAGGED_LABELS]
