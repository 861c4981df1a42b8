"""Why: the words, context facts and lines that carried a verdict.

A linear model explains itself: what an input adds to a verdict is its weight times its distance from the mean; where
slopes change at knots, the difference between what it adds and what the mean would add.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import page_speaks
from spamfilter.dense_model import DenseModel
from spamfilter.document_model import DECISIONS
from spamfilter.labels import LABELS, Label
from spamfilter.line_model import NORM_FIELD, unpack_fields
from spamfilter.piecewise_model import PiecewiseModel
from spamfilter.pipeline import BatchScores, score_batch
from spamfilter.predictor import Predictor
from spamfilter.results import DocumentKind, DocumentPrediction, LinePrediction, Span

_MOST_REASONS = 3
_LEAST_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that spoke for a verdict.

    Attributes:
        text: in words.
        weight: what it added to the log-odds of the regression that reads it. Those read one after the other, each what
            the ones before it found, so weights of one verdict do not add up. None for a line that is named as the
            reason of its page: it has no weight of its own.
    """

    text: str
    weight: float | None


@dataclass(frozen=True, slots=True)
class LineExplanation:
    """Why a line, and each foreign stretch in it, was flagged; strongest reasons first.

    Attributes:
        line: as predicted.
        reasons: for the label of the line; none where the line has it from a stretch alone.
        spans: the stretches, each with its reasons.
    """

    line: LinePrediction
    reasons: tuple[Reason, ...]
    spans: tuple[tuple[Span, tuple[Reason, ...]], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a page got its verdict, and why its lines did.

    Attributes:
        reasons: for the verdict on the page, the surest of its flagged lines last.
        lines: those that are flagged.
    """

    reasons: tuple[Reason, ...]
    lines: tuple[LineExplanation, ...]


def explain(predictor: Predictor, prediction: DocumentPrediction) -> Explanation:
    """Explain a prediction of ``predictor``: the page, every flagged line and every span.

    The document is scored once more, since predictions do not carry their evidence.

    Raises:
        ValueError: another model made the prediction.
    """
    if not prediction.document:
        return Explanation((), ())
    scores = score_batch(predictor.stages, [prediction.document])
    if not np.array_equal(scores.span_logits, prediction.scores.span_logits):
        raise ValueError("another model made this prediction; explain it with the predictor that it came from")
    spoken = page_speaks(scores.context.margin, scores.page.pages)
    spans = prediction.scores.span_lines, prediction.scores.span_starts, prediction.scores.span_ends
    # Candidates stand in the same order whenever a document is scored.
    places = {key: place for place, key in enumerate(zip(*(column.tolist() for column in spans), strict=True))}
    by_itself = prediction.points.decide_lines(prediction.scores.logits, prediction.max_false_positive_rate)
    lines = tuple(
        LineExplanation(
            line,
            _line_reasons(predictor, prediction.document, scores, spoken, line)
            if LABELS[by_itself[line.number]] is line.label
            else (),
            _span_reasons(predictor, scores, places, line),
        )
        for line in prediction.flagged
    )
    decision = DECISIONS.index("spam" if prediction.kind is DocumentKind.SPAM else "link farm")
    page = _dense_reasons(predictor.stages.document, scores.document_values[0], (decision,), ())
    strongest = sorted(prediction.flagged, key=lambda line: -line.probability)[:2]
    quotes = [Reason(f"line {line.number + 1} is {line.label.value}", None) for line in strongest]
    return Explanation((*page, *quotes) if prediction.is_spam else tuple(quotes), lines)


def _dense_reasons(
    model: DenseModel, values: NDArray[np.float64], toward: tuple[int, ...], against: tuple[int, ...]
) -> tuple[Reason, ...]:
    """The inputs that most raised the columns ``toward`` over the columns ``against``."""
    weights = model.weights[:, toward].mean(axis=1)
    if against:
        weights = weights - model.weights[:, against].mean(axis=1)
    return _strongest(model, values, weights * (values - model.means))


def _strongest(
    model: DenseModel | PiecewiseModel, values: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[Reason, ...]:
    """The inputs with the largest shares in a verdict."""
    order = np.argsort(-shares, kind="stable")[:_MOST_REASONS]
    return tuple(
        Reason(f"{model.names[place]} {_amount(values[place], model.means[place])}", float(shares[place]))
        for place in order
        if shares[place] >= _LEAST_WEIGHT
    )


def _amount(value: float, mean: float) -> str:
    return f"is {'high' if value > mean else 'low'} ({value:.2f}, on average {mean:.2f})"


def _word_reasons(predictor: Predictor, text: str, scores: BatchScores, line: int, field: int) -> tuple[Reason, ...]:
    """The words of a line with the most weight for a label."""
    tokens, batch = scores.tokens, scores.batch
    first, stop = int(tokens.line_tokens[line]) + 1, int(tokens.line_tokens[line + 1])
    words = scores.line.token_words
    fields = unpack_fields((words[0][first:stop], words[1][first:stop]))
    norm = float(np.sqrt(max(int(fields[:, NORM_FIELD].sum()), 1))) * predictor.stages.line.scale
    weights = fields[:, field] / norm
    reasons = []
    for place in np.argsort(-weights, kind="stable")[:_MOST_REASONS]:
        if weights[place] < _LEAST_WEIGHT:
            break
        begin, end = int(tokens.begins[first + place]), int(tokens.ends[first + place])
        word = text[batch.original_position(begin, 0) : batch.original_position(end - 1, 0) + 1]
        reasons.append(Reason(f'the word "{word}" with its neighbour', float(weights[place])))
    return tuple(reasons)


def _line_reasons(
    predictor: Predictor, text: str, scores: BatchScores, spoken: NDArray[np.float64], line: LinePrediction
) -> tuple[Reason, ...]:
    """What spoke for the label of a line: its words, its place, its page."""
    stages = predictor.stages
    row = int(np.searchsorted(scores.page.lines, line.number))
    column = LABELS.index(line.label)
    ordinary, rows = (0, LABELS.index(Label.BOILERPLATE)), slice(row, row + 1)
    context = (
        *_dense_reasons(stages.context.first, scores.page.values_of(rows)[0], (column,), ordinary),
        *_dense_reasons(stages.context.second, scores.context.second.values_of(rows)[0], (column,), ordinary),
    )
    if line.label in (Label.SEO_INJECTION, Label.LINK_EXCHANGE) and spoken[row] >= _LEAST_WEIGHT:
        context += (Reason(_what_the_page_says(scores.context.margin, row), float(spoken[row])),)
    words = _word_reasons(predictor, text, scores, line.number, column - 1)
    return tuple(sorted((*words, *context), key=lambda reason: -(reason.weight or 0.0)))


def _what_the_page_says(margin: NDArray[np.float64], row: int) -> str:
    """In words, what the other lines of the only page of a batch say of the line in ``row``."""
    others = np.delete(margin, row)
    if not len(others):
        return "no other line speaks against it"
    if others.mean() > 0:
        return "the other lines of the page look like spam"
    return "the other lines of the page do not speak firmly against it"


def _span_reasons(
    predictor: Predictor, scores: BatchScores, places: dict[tuple[int, int, int], int], line: LinePrediction
) -> tuple[tuple[Span, tuple[Reason, ...]], ...]:
    """What spoke for each foreign stretch of a line; ``places`` are those of candidates by line, start and end."""
    stages = predictor.stages
    spans = []
    for span in line.spans:
        place = places[line.number, span.start, span.end]
        numbers, judge = scores.candidates.values[place], stages.span.candidates
        own = _strongest(judge, numbers, judge.shares(numbers))
        page = _dense_reasons(stages.span.page, scores.span_values[place], (1,), (0,))
        spans.append((span, (*own, *page)))
    return tuple(spans)
