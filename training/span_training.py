"""Fits the scores of boundaries, three logistic regressions on tokens, and how sure a stretch is on its page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from spamfilter.context_model import ContextScores
from spamfilter.dense_model import DenseModel
from spamfilter.labels import Label
from spamfilter.line_model import FIELD_BITS, LineModel, LineScores, Words
from spamfilter.page_features import PageFeatures, page_features
from spamfilter.page_sums import PageSums
from spamfilter.piecewise_model import PiecewiseModel
from spamfilter.relatedness import WordWeights
from spamfilter.span_description import CANDIDATE_NAMES
from spamfilter.span_model import (
    NUMERIC_SHIFT,
    SpanCandidates,
    SpanModel,
    find_candidates,
)
from spamfilter.span_page import SPAN_PAGE_NAMES
from spamfilter.span_phrases import PHRASE_BITS, PhraseModel
from spamfilter.span_tokens import (
    NUMERIC_COUNT,
    SPAN_BITS,
    cut_pieces,
    numeric_inputs,
    span_rows,
    strangeness_before,
)
from spamfilter.suspicion import SUSPICION_NAMES
from spamfilter.text import TextBatch, encode_documents
from spamfilter.tokens import KIND_LINE_END, TokenBatch, tokenize
from training.dense_training import fit_dense_model, one_quiet_thread, used_columns
from training.documents import WRITTEN, LabelledDocument

_INVERSE_REGULARISATION = (0.1, 0.1, 0.01)
"""Of the regressions on first tokens, last tokens, and tokens inside: most tokens inside a phrase stand in no other."""
_BOUNDARY_PASSES = 10
"""Passes over the boundaries, after which what is found in sentences held out does not change any more."""
_INTERCEPT_SCALING = 10.0
"""LIBLINEAR shrinks the intercept too, so many times less than the weights."""
_OUTSIDE_SHARE = 0.2
"""Share of the wrong boundaries that stand for all: there are a hundred for each right one."""
_WEIGHT_LIMIT = 4095
_NUMERIC_UNIT = 1000.0
_BATCH_DOCUMENTS = 400
_SIDES = (0, 1, 0)
"""Where the scores of a first, a last and any token of a phrase look: 0 before the token, 1 behind it."""
NOTHING_FOUND = -20.0
"""Log-odds of a stretch in a line where none was found."""
_ALONE_WEIGHT = 0.3
"""Weight of a stretch in a line that stands alone, where one on a page weighs 1: few documents are single lines."""
_PUBLIC_SPLICE_WEIGHT, _TWIN_WEIGHT = 1.0, 3.0
"""The same for a spliced sentence of a public source, a sample of the web as hand-written ones are not, and for an
untouched one, of which the web has thousands for each that is spliced."""
REAL_SOURCES = ("wcxb", "UD", "twin")
"""Pages of public sources, and single clean sentences, public or hand-written: lone lines speak of trades more often
than pages do. Pages of hand-written hard negatives are no sample of the web."""


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """Documents with what stage 1 and the page say of them, and the labels of their lines."""

    documents: Sequence[LabelledDocument]
    batch: TextBatch
    tokens: TokenBatch
    scores: LineScores
    features: PageFeatures


def stretch_weights(documents: Sequence[LabelledDocument]) -> NDArray[np.float64]:
    """What a stretch weighs in each document, float64 (d,)."""
    return np.array([1.0 if len(one.lines) > 1 else _weight_alone(one) for one in documents])


def _weight_alone(document: LabelledDocument) -> float:
    if document.source == "twin":
        return _TWIN_WEIGHT
    is_public = document.source == "splice" and document.page_type != WRITTEN
    return _PUBLIC_SPLICE_WEIGHT if is_public else _ALONE_WEIGHT


def score_documents(
    documents: Sequence[LabelledDocument],
    line_model: LineModel,
    char_table: NDArray[np.uint32],
    idf: NDArray[np.uint8],
) -> list[ScoredBatch]:
    """Run stage 1 and the page features over ``documents``."""
    scored = []
    for first in range(0, len(documents), _BATCH_DOCUMENTS):
        part = documents[first : first + _BATCH_DOCUMENTS]
        batch = encode_documents([document_text(document) for document in part], char_table)
        tokens = tokenize(batch)
        scores = line_model.score(tokens)
        features = page_features(batch, tokens, scores, idf, line_model.scale)
        scored.append(ScoredBatch(part, batch, tokens, scores, features))
    return scored


def document_text(document: LabelledDocument) -> str:
    """The document as one string in which every line of the document is a line."""
    return "".join(line.text.replace("\r", " ").replace("\n", " ") + "\n" for line in document.lines)


def gold_tokens(scored: ScoredBatch) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each token: 0 outside, 1 inside, 2 first, 3 last, 4 both; and whether its line may be trained on."""
    tokens, batch = scored.tokens, scored.batch
    mark = np.zeros(len(tokens.kinds), np.int64)
    usable = np.zeros(len(batch.line_starts), np.bool_)
    line_number = 0
    for document in scored.documents:
        for line in document.lines:
            usable[line_number] = bool(line.spans) or line.label == Label.CLEAN
            for start, end in line.spans:
                low, high = tokens.line_tokens[line_number] + 1, tokens.line_tokens[line_number + 1]
                origin = batch.line_starts[line_number]
                if len(batch.dropped):
                    base = batch.original_starts[line_number] + batch.document_offsets[_document_of(batch, line_number)]
                    start, end = (
                        base + place - int(np.searchsorted(batch.dropped, base + place)) - origin
                        for place in (start, end)
                    )
                begins = tokens.begins[low:high] - origin
                inside = low + np.flatnonzero((begins >= start) & (begins < end))
                if len(inside):
                    mark[inside] = 1
                    mark[inside[0]] = 2
                    mark[inside[-1]] = 4 if len(inside) == 1 else 3
            line_number += 1
    token_usable = np.zeros(len(mark), np.bool_)
    token_usable[1:] = usable[tokens.token_lines]
    token_usable &= tokens.kinds != KIND_LINE_END
    return mark, token_usable


def _document_of(batch: TextBatch, line: int) -> int:
    return int(np.searchsorted(batch.document_lines, line, side="right")) - 1


@dataclass(frozen=True, slots=True)
class BoundaryExamples:
    """Tokens that boundaries and insides of phrases are learnt from. ``n`` tokens, ``h`` rows of each boundary.

    Attributes:
        rows: uint32 (2, h, n), rows of the span table for the boundary before each token and for the one behind it.
        numbers: float32 (2, n, NUMERIC_COUNT), ``numeric_inputs`` there, in thousands.
        truth: bool (3, n), whether a phrase starts with the token, ends with it, holds it.
    """

    rows: NDArray[np.uint32]
    numbers: NDArray[np.float32]
    truth: NDArray[np.bool_]


def boundary_examples(scored: Sequence[ScoredBatch], line_model: LineModel) -> BoundaryExamples:
    """The tokens of ``scored`` that may be trained on."""
    parts = [_examples_of(one, line_model) for one in scored]
    return BoundaryExamples(
        rows=np.concatenate([part.rows for part in parts], axis=2),
        numbers=np.concatenate([part.numbers for part in parts], axis=1),
        truth=np.concatenate([part.truth for part in parts], axis=1),
    )


def _examples_of(scored: ScoredBatch, line_model: LineModel) -> BoundaryExamples:
    mark, usable = gold_tokens(scored)
    pieces = cut_pieces(scored.batch, scored.tokens, scored.features.lines)
    which = np.flatnonzero(pieces.free & usable[pieces.tokens])
    word, *across = span_rows(pieces)
    strange = strangeness_before(pieces, line_model)
    numbers = (numeric_inputs(pieces, scored.scores.token_words, strange) / _NUMERIC_UNIT).astype(np.float32)
    gold = mark[pieces.tokens[which]]
    return BoundaryExamples(
        rows=np.stack([np.stack([word[which], *(row[place] for row in across)]) for place in (which, which + 1)]),
        numbers=np.stack((numbers[which], numbers[which + 1])),
        truth=np.stack(((gold == 2) | (gold == 4), (gold == 3) | (gold == 4), gold > 0)),
    )


def fit_boundaries(examples: Sequence[BoundaryExamples]) -> SpanModel:
    """Fit the scorer of boundaries and tokens; all that judges stretches is still empty.

    By dual coordinate descent (Yu, Huang and Lin, 2011): one boundary in a hundred is right, so that the mean loss is
    small, and flat, long before L-BFGS is near the optimum.
    """
    coefficients, numeric_weights, biases = [], [], []
    drawn = [np.random.default_rng(number).random(part.truth.shape[1]) for number, part in enumerate(examples)]
    for task, side in enumerate(_SIDES):
        kept = [part.truth[task] | (draw < _OUTSIDE_SHARE) for part, draw in zip(examples, drawn, strict=True)]
        pairs = list(zip(examples, kept, strict=True))
        truth = np.concatenate([part.truth[task][rows] for part, rows in pairs])
        matrix, used = _boundary_matrix(
            [part.rows[side][:, rows] for part, rows in pairs], [part.numbers[side][rows] for part, rows in pairs]
        )
        regression = LogisticRegression(
            C=_INVERSE_REGULARISATION[task],
            solver="liblinear",
            dual=True,
            intercept_scaling=_INTERCEPT_SCALING,
            tol=1e-3,
            max_iter=_BOUNDARY_PASSES,
            random_state=0,
        )
        weights = np.where(truth, 1.0, 1 / _OUTSIDE_SHARE)
        with one_quiet_thread():
            regression.fit(matrix, truth, sample_weight=weights)
        # A gigabyte or more, which the next one must not come on top of.
        del matrix
        row_weights = np.zeros(1 << SPAN_BITS)
        row_weights[used] = regression.coef_[0][: len(used)]
        coefficients.append(row_weights)
        numeric_weights.append(regression.coef_[0][len(used) :].astype(np.float64))
        # Without the prior odds the scores are log-likelihood ratios, which add up over a stretch.
        odds = weights[truth].sum() / weights[~truth].sum()
        biases.append(float(regression.intercept_[0]) - float(np.log(odds)))
    return _boundary_model(
        np.stack(coefficients, axis=1), np.stack(numeric_weights, axis=1) / _NUMERIC_UNIT, np.array(biases)
    )


def _boundary_model(
    weights: NDArray[np.float64], numeric_weights: NDArray[np.float64], biases: NDArray[np.float64]
) -> SpanModel:
    """A scorer with real weights float64 (2 ** SPAN_BITS, 3), (NUMERIC_COUNT, 3) and (3,), rounded and packed."""
    scale = _WEIGHT_LIMIT / max(float(np.abs(weights).max()), 1e-9)
    integer = np.rint(weights * scale).astype(np.int64)
    return SpanModel(
        table=integer[:, 0] + (integer[:, 1] << FIELD_BITS) + (integer[:, 2] << (2 * FIELD_BITS)),
        numeric_weights=np.rint(numeric_weights * scale * NUMERIC_SHIFT),
        bias=np.rint(biases * scale).astype(np.int64),
        scale=scale,
        phrases=PhraseModel(np.zeros((2, 1 << PHRASE_BITS), np.int32), 1.0, 0.0),
        choice=_empty(CANDIDATE_NAMES),
        candidates=_empty_piecewise(CANDIDATE_NAMES),
        page=_empty(SPAN_PAGE_NAMES),
        suspicion=_empty(SUSPICION_NAMES),
    )


def _boundary_matrix(
    rows: Sequence[NDArray[np.uint32]], numbers: Sequence[NDArray[np.float32]]
) -> tuple[scipy.sparse.csr_matrix, NDArray[np.int64]]:
    """Inputs of boundaries: a one for each row that some boundary uses, then the numbers; and which rows those are."""
    count, hashed = sum(map(len, numbers)), len(rows[0])
    seen = np.zeros(1 << SPAN_BITS, np.bool_)
    for part in rows:
        for row in part:
            seen[row] = True
    used, places = used_columns(seen)
    # Filled in place: there are millions of boundaries.
    width = hashed + NUMERIC_COUNT
    columns, data = np.empty((count, width), np.int32), np.ones((count, width))
    columns[:, hashed:] = len(used) + np.arange(NUMERIC_COUNT)
    first = 0
    for part, inputs in zip(rows, numbers, strict=True):
        stop = first + len(inputs)
        for place, row in enumerate(part):
            columns[first:stop, place] = places[row]
        data[first:stop, hashed:] = inputs
        first = stop
    edges = np.arange(0, count * width + 1, width)
    return scipy.sparse.csr_matrix((data.ravel(), columns.ravel(), edges), (count, len(used) + NUMERIC_COUNT)), used


def _empty(names: tuple[str, ...]) -> DenseModel:
    """A model that is still to be fitted."""
    return DenseModel(names, np.zeros((len(names), 2)), np.zeros(2), np.zeros(len(names)))


def _empty_piecewise(names: tuple[str, ...]) -> PiecewiseModel:
    none = np.zeros(0)
    return PiecewiseModel(names, np.zeros(len(names)), 0.0, np.zeros(len(names)), none.astype(np.int64), none, none)


def label_candidates(scored: ScoredBatch, candidates: SpanCandidates) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Whether each candidate overlaps a gold span by half, int64 (k,), and whether its line is labelled."""
    lines = [line for document in scored.documents for line in document.lines]
    truth = np.zeros(len(candidates.lines), np.int64)
    known = np.zeros(len(candidates.lines), np.bool_)
    batch, tokens = scored.batch, scored.tokens
    for place, number in enumerate(map(int, candidates.lines)):
        line = lines[number]
        known[place] = line.label is not None
        document = _document_of(batch, number) if line.spans else 0
        start = batch.original_position(int(tokens.begins[candidates.first[place]]), document)
        end = batch.original_position(int(tokens.ends[candidates.last[place]]) - 1, document) + 1
        origin = int(batch.original_starts[number])
        for low, high in line.spans:
            shared = min(high, end - origin) - max(low, start - origin)
            if shared >= 0.5 * (max(high, end - origin) - min(low, start - origin)):
                truth[place] = 1
    return truth, known


def fit_span_pages(
    model: SpanModel, parts: Sequence[tuple[ScoredBatch, SpanCandidates, ContextScores, PageSums]]
) -> SpanModel:
    """Fit how sure a stretch is on its page, on candidates as they are found in documents not seen."""
    values, truths, weights = [], [], []
    for scored, found, context, sums in parts:
        truth, known = label_candidates(scored, found)
        rows = scored.features.lines.searchsorted(found.lines)
        numbers, _ = model.judge(found, rows, context, sums)
        own_weights = stretch_weights(scored.documents)[scored.features.pages.documents.take(rows)]
        values.append(numbers[known])
        truths.append(truth[known])
        weights.append(own_weights[known])
    truth = np.concatenate(truths)
    if len(np.unique(truth)) < 2:
        # Few lines, all stretches found or none: the page has nothing to add.
        return replace(model, page=_trusting(SPAN_PAGE_NAMES))
    page = fit_dense_model(SPAN_PAGE_NAMES, np.concatenate(values), truth, np.concatenate(weights))
    return replace(model, page=page)


def _trusting(names: tuple[str, ...]) -> DenseModel:
    """A model that says what the first of its numbers says."""
    model = _empty(names)
    model.weights[0, 1] = 1.0
    return model


def best_of_lines(scored: ScoredBatch, found: SpanCandidates, odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of the best candidate of each line that is not blank, float64 (r,), very low where there is none."""
    best = np.full(len(scored.features.lines), NOTHING_FOUND)
    np.maximum.at(best, scored.features.lines.searchsorted(found.lines), odds)
    return best


def real_clean_lines(documents: Sequence[LabelledDocument]) -> NDArray[np.bool_]:
    """Which lines of the documents are clean and stand on a real page or alone, bool (m,)."""
    return np.array(
        [
            line.label == Label.CLEAN and document.source.startswith(REAL_SOURCES)
            for document in documents
            for line in document.lines
        ],
        np.bool_,
    )


def span_inputs(
    scored: ScoredBatch,
) -> tuple[TextBatch, TokenBatch, Words, WordWeights, NDArray[np.int64]]:
    """What the span stage is given when it looks at all lines of a scored batch, suspicious or not."""
    features = scored.features
    return scored.batch, scored.tokens, scored.scores.token_words, features.words, features.lines


def candidates_of(model: SpanModel, line_model: LineModel, scored: ScoredBatch) -> SpanCandidates:
    """The candidates in all lines of a scored batch, suspicious or not."""
    return find_candidates(model, line_model, *span_inputs(scored))
