"""Fits the phrase model, which rival a stretch is, and how sure it is: on stretches in documents not seen before."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from spamfilter.dense_model import DenseModel
from spamfilter.line_model import LineModel
from spamfilter.piecewise_model import PiecewiseModel
from spamfilter.span_description import CANDIDATE_NAMES, with_phrases
from spamfilter.span_model import SpanModel, inspect_lines
from spamfilter.span_phrases import (
    EDGE_WEIGHT,
    PHRASE_BITS,
    PhraseModel,
    content_rows,
    content_sizes,
    edge_rows,
)
from spamfilter.span_stretches import REACH, best_rivals, ranges, rivals
from spamfilter.span_tokens import PieceTokens
from training.dense_training import fit_dense_model, fit_piecewise_model, one_quiet_thread, used_columns
from training.span_training import ScoredBatch, gold_tokens, span_inputs, stretch_weights

_SAMPLED = 0.12
"""Share of the stretches far from any phrase that are put beside their rivals."""
_EXACT, _APART = 0.999, 0.5
"""Overlap with a phrase from which a rival is the right one, and below which it is a wrong one."""
_HIT = 0.5
"""Overlap from which a phrase counts as found."""
_PASSES = 10
"""LIBLINEAR's dual coordinate descent (Hsieh et al., ICML 2008): more passes change nothing in documents not seen."""
_INVERSE_REGULARISATION = 2.0
_WEIGHT_LIMIT = (1 << 15) - 1


@dataclass(frozen=True, slots=True)
class Proposals:
    """Stretches with their rivals, as the boundary scores of a model propose them. ``v`` stretches in all.

    Attributes:
        values: float64 (v, f), in the order of ``CANDIDATE_NAMES``; those of the phrase model are not yet known.
        rows: float32 (v, 2 ** (PHRASE_BITS + 1)), contents and edges.
        owner: int64 (v,), proposed stretch that each is a rival of, ascending.
        first, last: int64 (v,), tokens of the batch.
        overlap: float64 (v,), tokens shared with the nearest phrase over tokens of both together.
        weights: float64 (v,), of their documents.
        stands_for: float64 (v,), how many proposed ones its own stands for; 0 without rivals beside it.
    """

    values: NDArray[np.float64]
    rows: scipy.sparse.csr_matrix
    owner: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    overlap: NDArray[np.float64]
    weights: NDArray[np.float64]
    stands_for: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PhraseExamples:
    """What the phrase model is fitted on. ``n`` stretches.

    Attributes:
        rows: float32 (n, 2 ** (PHRASE_BITS + 1)), as in ``Proposals``.
        truth: bool (n,), whether it is a phrase.
        weights: float64 (n,).
    """

    rows: scipy.sparse.csr_matrix
    truth: NDArray[np.bool_]
    weights: NDArray[np.float64]


def propose(model: SpanModel, line_model: LineModel, scored: ScoredBatch, seed: Sequence[int]) -> Proposals | None:
    """The stretches in the labelled lines of ``scored``, or None if there are none.

    Args:
        model: with boundaries that were fitted on other documents.
        seed: decides which of the stretches far from any phrase are put beside their rivals.
    """
    looked = inspect_lines(model, line_model, *span_inputs(scored))
    pieces = looked.pieces
    first, last = looked.best()
    labelled = np.array([line.label is not None for one in scored.documents for line in one.lines], np.bool_)
    known = labelled[pieces.lines[pieces.numbers[first]]]
    first, last = first[known], last[known]
    if not len(first):
        return None
    gold = gold_in_pieces(scored, pieces)
    running = np.concatenate(([0], np.cumsum(gold > 0)))
    piece = pieces.numbers[first]
    low = np.maximum(first - REACH, pieces.starts[piece])
    high = np.minimum(last + REACH, pieces.starts[piece + 1] - 1)
    near = running[high + 1] > running[low]
    compared = near | (np.random.default_rng(seed).random(len(first)) < _SAMPLED)
    owner, first, last = rivals(pieces, looked.scores, first, last)
    itself = np.concatenate(([True], owner[1:] != owner[:-1]))
    kept = itself | compared[owner]
    owner, first, last = owner[kept], first[kept], last[kept]
    line = scored.features.lines.searchsorted(pieces.lines[pieces.numbers[first]])
    return Proposals(
        values=looked.describe(first, last),
        rows=phrase_matrix(content_rows(scored.batch, pieces), edge_rows(pieces, first, last), first, last),
        owner=owner,
        first=pieces.tokens[first],
        last=pieces.tokens[last],
        overlap=overlap_with(gold, first, last),
        weights=stretch_weights(scored.documents)[scored.features.pages.documents[line]],
        stands_for=np.where(near, 1.0, compared / _SAMPLED)[owner],
    )


def gold_in_pieces(scored: ScoredBatch, pieces: PieceTokens) -> NDArray[np.int64]:
    """What ``gold_tokens`` says of the tokens of pieces, int64 (c,), and 0 for those of margins.

    Of a phrase that reaches into the next piece, a stretch of this one can hold its own part only.
    """
    return gold_tokens(scored)[0][pieces.tokens] * pieces.free


def overlap_with(gold: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.float64]:
    """Overlap of each stretch with the phrases that ``gold`` marks, as in ``Proposals``."""
    inside = np.concatenate(([False], gold > 0, [False]))
    opens = np.concatenate(((gold == 2) | (gold == 4), [False]))
    # Two phrases may touch: one ends where the next begins.
    begins = np.flatnonzero(inside[1:-1] & (opens[:-1] | ~inside[:-2]))
    ends = np.flatnonzero(inside[1:-1] & (opens[1:] | ~inside[2:]))
    overlap = np.zeros(len(first))
    if not len(begins):
        return overlap
    # Phrases stand apart: a stretch is compared with the one it reaches into first, and with the next.
    nearest = np.searchsorted(ends, first)
    for number in (nearest, nearest + 1):
        number = np.minimum(number, len(begins) - 1)
        shared = np.minimum(last, ends[number]) - np.maximum(first, begins[number]) + 1
        total = np.maximum(last, ends[number]) - np.minimum(first, begins[number]) + 1
        overlap = np.maximum(overlap, np.maximum(shared, 0) / total)
    return overlap


def phrase_matrix(
    contents: NDArray[np.uint32], edges: NDArray[np.uint32], first: NDArray[np.int64], last: NDArray[np.int64]
) -> scipy.sparse.csr_matrix:
    """The inputs of the phrase model, as ``PhraseModel.score`` adds them up."""
    count = len(first)
    tokens, pairs = ranges(first, last + 1), ranges(first, last)
    of_tokens, of_pairs = np.arange(count).repeat(last - first + 1), np.arange(count).repeat(last - first)
    rows = np.concatenate((of_tokens, of_tokens, of_tokens, of_pairs))
    columns = np.concatenate((*contents[:3, tokens], contents[3, pairs]))
    data = 1 / np.sqrt(content_sizes(first, last))[rows]
    edge_count = len(edges)
    rows = np.concatenate((rows, np.tile(np.arange(count), edge_count)))
    columns = np.concatenate((columns.astype(np.int64), edges.ravel().astype(np.int64) + (1 << PHRASE_BITS)))
    data = np.concatenate((data, np.full(count * edge_count, EDGE_WEIGHT)))
    return scipy.sparse.csr_matrix((data.astype(np.float32), (rows, columns)), (count, 2 << PHRASE_BITS))


def _rights(one: Proposals) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which stretches are the right ones, and which are neither right nor wrong."""
    right = one.overlap >= _EXACT
    return right, ~right & (one.overlap >= _APART)


def phrase_examples(one: Proposals) -> PhraseExamples:
    """Those of ``one`` that are right or wrong."""
    right, unclear = _rights(one)
    return PhraseExamples(one.rows[~unclear], right[~unclear], one.weights[~unclear])


def fit_phrases(examples: Sequence[PhraseExamples]) -> PhraseModel:
    """Fit the phrase model: the right stretches against wrong ones."""
    matrix = scipy.sparse.vstack([part.rows for part in examples], format="csr")
    truth = np.concatenate([part.truth for part in examples])
    weights = np.concatenate([part.weights for part in examples])
    seen = np.zeros(matrix.shape[1], np.bool_)
    seen[matrix.indices] = True
    used, places = used_columns(seen)
    # Double precision here saves another copy within LIBLINEAR's wrapper.
    matrix = scipy.sparse.csr_matrix(
        (matrix.data.astype(np.float64), places[matrix.indices], matrix.indptr), (matrix.shape[0], len(used))
    )
    regression = LogisticRegression(
        C=_INVERSE_REGULARISATION, solver="liblinear", dual=True, max_iter=_PASSES, tol=1e-3, random_state=0
    )
    with one_quiet_thread():
        regression.fit(matrix, truth, sample_weight=weights)
    table = np.zeros(2 << PHRASE_BITS)
    table[used] = regression.coef_[0]
    scale = _WEIGHT_LIMIT / max(float(np.abs(table).max()), 1e-9)
    integer = np.rint(table * scale).astype(np.int32).reshape(2, -1)
    return PhraseModel(integer, scale, float(regression.intercept_[0]))


def phrase_scores(model: PhraseModel, one: Proposals) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What ``PhraseModel.score`` gives for all stretches of ``one``, float64 (v,) each."""
    contents, edges = model.table / model.scale
    own: NDArray[np.float64] = one.rows[:, : len(contents)] @ contents
    at_edges: NDArray[np.float64] = one.rows[:, len(contents) :] @ edges
    return own, own + at_edges + model.bias


def fit_choice(parts: Sequence[tuple[Proposals, PhraseModel]]) -> tuple[DenseModel, PiecewiseModel]:
    """Fit which rival a stretch is and how sure that is, on phrase scores of models fitted on other documents."""
    described = [with_phrases(one.values, CANDIDATE_NAMES, phrase_scores(phrases, one)) for one, phrases in parts]
    rows, truths, weights = [], [], []
    for (one, _), values in zip(parts, described, strict=True):
        right, unclear = _rights(one)
        rows.append(values[~unclear])
        truths.append(right[~unclear])
        weights.append(one.weights[~unclear])
    choice = fit_dense_model(CANDIDATE_NAMES, *_joined(rows, truths, weights))
    rows, truths, weights = [], [], []
    for (one, _), values in zip(parts, described, strict=True):
        chosen = best_rivals(one.owner, one.first, one.last, choice.logits(values)[:, 1])
        chosen = chosen[one.stands_for[chosen] > 0]
        rows.append(values[chosen])
        truths.append(one.overlap[chosen] >= _HIT)
        weights.append(one.weights[chosen] * one.stands_for[chosen])
    return choice, fit_piecewise_model(CANDIDATE_NAMES, *_joined(rows, truths, weights))


def _joined(
    rows: Sequence[NDArray[np.float64]], truths: Sequence[NDArray[np.bool_]], weights: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    return np.concatenate(rows), np.concatenate(truths).astype(np.int64), np.concatenate(weights)
