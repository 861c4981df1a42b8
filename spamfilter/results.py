"""What a prediction says: lines, spans and the page, as frozen values that can be decided again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from spamfilter.dense_model import row_probabilities
from spamfilter.elementary import logistic
from spamfilter.labels import FLAGGED_LABELS, LABELS, Label
from spamfilter.mending import mend
from spamfilter.operating_points import OperatingPoints
from spamfilter.scores import DecisionArrays, DocumentScores, decide

_BLOCK_LINES = 1024
_AROUND = 2000
"""Characters on either side of where a line begins that show how its page sets its marks."""


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
        probability: calibrated probability of ``label``; of the surest of ``spans`` where that is higher.
        probabilities: of all labels, for the line as a whole whatever its spans say; they sum to 1.
        spans: foreign stretches; when there are any, only they need to be cut, not the line.
    """

    number: int
    start: int
    end: int
    text: str
    label: Label
    probability: float
    probabilities: Mapping[Label, float] = field(hash=False)
    spans: tuple[Span, ...]

    @property
    def is_flagged(self) -> bool:
        """Whether the line has one of the labels in ``FLAGGED_LABELS``."""
        return self.label in FLAGGED_LABELS


class LinePredictions(Sequence[LinePrediction]):
    """Lines of one document, in order; each is built from arrays when it is asked for, and not kept."""

    __slots__ = ("_numbers", "_page")

    def __init__(self, page: "DocumentPrediction", numbers: NDArray[np.int64]) -> None:
        """Hold the lines of ``page`` with these numbers, int64, ascending."""
        self._page = page
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, place: int) -> LinePrediction: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[LinePrediction, ...]: ...
    def __getitem__(self, place: int | slice) -> LinePrediction | tuple[LinePrediction, ...]:
        if isinstance(place, slice):
            return tuple(self._page.build_lines(self._numbers[place]))
        number = self._numbers[place]
        return self._page.build_lines(number[None])[0]

    def __iter__(self) -> Iterator[LinePrediction]:
        for first in range(0, len(self._numbers), _BLOCK_LINES):
            yield from self._page.build_lines(self._numbers[first : first + _BLOCK_LINES])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LinePredictions | tuple | list):
            return NotImplemented
        return len(self) == len(other) and all(own == its for own, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        """That of the tuple of these lines, to which they are equal."""
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


@dataclass(frozen=True, slots=True, eq=False)
class DocumentPrediction:
    """Verdict on one document. Values are built from arrays each time they are asked for.

    Two verdicts are equal if they say the same of the same text at the same rate: kind, probability, lines and spans.

    Attributes:
        document: the text as given.
        scores: what the stages found, before any decision.
        points: thresholds for each tolerated share of clean lines wrongly flagged.
        max_false_positive_rate: the share at which lines, spans and the page are decided.
        decisions: those on the batch in which ``scores`` stand, taken at that share.
    """

    document: str
    scores: DocumentScores
    points: OperatingPoints
    max_false_positive_rate: float
    decisions: DecisionArrays = field(repr=False)

    def at(self, *, max_false_positive_rate: float) -> "DocumentPrediction":
        """Decide again at another operating point, without scoring again.

        Raises:
            ValueError: the rate is outside the range that the model has measured.
        """
        self.points.check_rate(max_false_positive_rate)
        scores = self.scores if self.scores.is_alone else DocumentScores(self.scores.alone(), 0)
        decisions = decide(scores.batch, self.points, max_false_positive_rate)
        return DocumentPrediction(self.document, scores, self.points, max_false_positive_rate, decisions)

    def __repr__(self) -> str:
        return (
            f"DocumentPrediction(kind={self.kind.value!r}, probability={self.probability:.4f}, "
            f"lines={len(self.scores.starts)}, flagged={len(self._flagged_lines())})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DocumentPrediction):
            return NotImplemented
        return self is other or (
            self.document == other.document
            and self.max_false_positive_rate == other.max_false_positive_rate
            and (self.kind, self.probability) == (other.kind, other.probability)
            and all(map(np.array_equal, self._columns(), other._columns()))
        )

    def __hash__(self) -> int:
        return hash((self.document, self.max_false_positive_rate))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy the document without the rest of its batch."""
        return _copied, (self.document, self.scores, self.points, self.max_false_positive_rate)

    @property
    def lines(self) -> LinePredictions:
        """One prediction for each line, blank lines included."""
        return LinePredictions(self, np.arange(len(self.scores.starts)))

    @property
    def flagged(self) -> LinePredictions:
        """The lines whose label is neither clean nor boilerplate."""
        return LinePredictions(self, self._flagged_lines())

    @property
    def is_spam(self) -> bool:
        """Whether the page as a whole is spam: a spun page of a link farm or a page of spam.

        Decided so that at most ten times ``max_false_positive_rate`` of clean pages are taken for spam.
        """
        return bool(self.decisions.kinds[self.scores.number] >= _SPAM_KINDS)

    @property
    def probability(self) -> float:
        """Calibrated probability that the page is spam."""
        return float(logistic(self.spam_logit()))

    @property
    def kind(self) -> DocumentKind:
        """What the page is as a whole; agrees with ``is_spam``."""
        return _KINDS[int(self.decisions.kinds[self.scores.number])]

    def spam_logit(self) -> float:
        """Log-odds that the page is spam."""
        return float(self.decisions.spam_logits[self.scores.number])

    def line_labels(self) -> NDArray[np.int64]:
        """Index into ``LABELS`` of each line's label, int64 (m,)."""
        first, stop = self.scores.batch.line_edges[self.scores.number : self.scores.number + 2].tolist()
        return self.decisions.labels[first:stop]

    def span_choice(self) -> NDArray[np.int64]:
        """Which span candidates of ``scores`` are foreign stretches at this operating point, int64, ascending."""
        edges = self.scores.batch.span_edges[self.scores.number : self.scores.number + 2]
        first, stop = self.decisions.spans.searchsorted(edges).tolist()
        chosen: NDArray[np.int64] = self.decisions.spans[first:stop] - edges[0]
        return chosen

    def _flagged_lines(self) -> NDArray[np.int64]:
        """Numbers of the lines with a label in ``FLAGGED_LABELS``, int64, ascending."""
        first, stop = self.decisions.flagged_edges[self.scores.number : self.scores.number + 2].tolist()
        numbers: NDArray[np.int64] = (
            self.decisions.flagged[first:stop] - self.scores.batch.line_edges[self.scores.number]
        )
        return numbers

    def _columns(self) -> tuple[NDArray[Any], ...]:
        """All that lines and spans say, as arrays."""
        scores, chosen = self.scores, self.span_choice()
        return (
            *(
                scores.starts,
                scores.ends,
                self.line_labels(),
                row_probabilities(scores.logits),
                scores.span_lines[chosen],
            ),
            *(scores.span_starts[chosen], scores.span_ends[chosen], scores.span_logits[chosen]),
        )

    def _spans(self, first: int, stop: int) -> dict[int, list[Span]]:
        """The foreign stretches by line, of the lines from ``first`` to the one before ``stop``."""
        scores, chosen = self.scores, self.span_choice()
        spans: dict[int, list[Span]] = {}
        if not len(chosen):
            return spans
        chosen = chosen[slice(*scores.span_lines[chosen].searchsorted((first, stop)).tolist())]
        probabilities = logistic(scores.span_logits[chosen])
        columns = scores.span_lines[chosen], scores.span_starts[chosen], scores.span_ends[chosen], probabilities
        for line, start, end, probability in zip(*(column.tolist() for column in columns), strict=True):
            spans.setdefault(line, []).append(Span(start, end, Label.SEO_INJECTION, probability))
        return spans

    def build_lines(self, numbers: NDArray[np.int64]) -> list[LinePrediction]:
        """Predictions for the lines with these numbers, int64, ascending or descending."""
        if not len(numbers):
            return []
        scores, spans = self.scores, self._spans(int(numbers.min()), int(numbers.max()) + 1)
        columns = (
            *(numbers, scores.starts[numbers], scores.ends[numbers], self.line_labels()[numbers]),
            row_probabilities(scores.logits[numbers]),
        )
        built = []
        for number, start, end, place, row in zip(*(column.tolist() for column in columns), strict=True):
            label, own = LABELS[place], tuple(spans.get(number, ()))
            probability = max(row[place], *(span.probability for span in own)) if own else row[place]
            values = dict(zip(LABELS, row, strict=True))
            built.append(LinePrediction(number, start, end, self.document[start:end], label, probability, values, own))
        return built

    def clean_text(self, *, drop_boilerplate: bool = False) -> str:
        """The document without flagged lines, with foreign stretches cut out of the lines that stay.

        What framed a stretch goes with it: quotes, brackets or tags around nothing, one of two marks or blanks that
        meet. Nothing is added, and all else in the lines that stay is kept as it is, line ends too.
        """
        starts, ends = self.scores.starts, self.scores.ends
        labels, spans = self.line_labels(), self._spans(0, len(starts))
        numbers = self._flagged_lines().tolist()
        if drop_boilerplate:
            numbers = sorted([*numbers, *(labels == _BOILERPLATE).nonzero()[0].tolist()])
        pieces = []
        position = 0
        # Only the lines that change are looked at; what stands between two of them stays as it is.
        for number in numbers:
            start = int(starts[number])
            pieces.append(self.document[position:start])
            position = start
            if number not in spans:
                position = int(starts[number + 1]) if number + 1 < len(starts) else len(self.document)
                continue
            end = int(ends[number])
            kept = []
            for span in sorted(spans[number], key=lambda span: span.start):
                kept.append(self.document[position : span.start])
                position = max(position, span.end)
            around = self.document[max(0, start - _AROUND) : start + _AROUND]
            pieces.append(mend([*kept, self.document[position:end]], around))
            position = end
        pieces.append(self.document[position:])
        return "".join(pieces)


def _copied(document: str, scores: DocumentScores, points: OperatingPoints, rate: float) -> DocumentPrediction:
    """A prediction whose document is the only one of its batch."""
    return DocumentPrediction(document, scores, points, rate, decide(scores.batch, points, rate))


_KINDS = tuple(DocumentKind)
_SPAM_KINDS = _KINDS.index(DocumentKind.LINK_FARM)
_BOILERPLATE = LABELS.index(Label.BOILERPLATE)
