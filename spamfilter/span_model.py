"""Stage 3, the span model: which stretch of the line is foreign?

A linear scorer says for every token boundary how much it looks like the start or the end of a spliced phrase,
and for every token how much it looks like a part of one, as log-likelihood ratios. The best stretch maximises
``start + end + sum(inside)``; it is found in one pass, since for each end the best start is a running maximum
(Kadane's algorithm). Stretches with other edges near it are its rivals: a logistic regression on the numbers of each
says which of them it is, a second one how sure that is. This is how passages are proposed and classified in object
detection (Girshick et al., 2014).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary, kernel
from spamfilter.context_model import ContextScores
from spamfilter.dense_model import DenseModel
from spamfilter.line_model import LineModel, Words, packed_words
from spamfilter.page_sums import PageSums
from spamfilter.piecewise_model import PiecewiseModel
from spamfilter.relatedness import WordWeights
from spamfilter.span_description import CANDIDATE_NAMES, IS_OPENING, describe_candidates, running_counts
from spamfilter.span_page import SPAN_PAGE_NAMES, span_page_values
from spamfilter.span_phrases import EDGE_WEIGHT, PHRASE_BITS, PhraseModel
from spamfilter.span_stretches import (
    EDGES,
    LONGEST_RIVAL,
    REACH,
    TokenScores,
    best_stretches,
    disjoint,
    likeliest,
    ranges,
    rivals,
)
from spamfilter.span_tokens import (
    MOST_PIECE_TOKENS,
    SPAN_BITS,
    PieceTokens,
    cut_pieces,
    high_field,
    low_field,
    middle_field,
    numeric_products,
    numeric_taps,
    rows_across,
    span_rows,
    strangeness_before,
)
from spamfilter.text import TextBatch
from spamfilter.tokens import KIND_LINE_END, TokenBatch

ROUNDS = 4
"""Most foreign stretches looked for in one piece of a line."""
LEAST_SCORE = 0.0
"""Stretches whose log-likelihood ratio is lower are not looked at further."""
HOPELESS_BELOW = -6.0
"""Stretches of lower log-odds are not worth a comparison with their rivals."""
_BLOCK = 1 << 10
_BLOCK_TOKENS = 1 << 13
NUMERIC_SHIFT = 4096.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpanCandidates:
    """Best stretches of lines, in the order of lines and places.

    Attributes:
        lines: int64 (k,), line of each candidate.
        first, last: int64 (k,), first and last token of each.
        values: float64 (k, f), multiples of 1/256, in the order of ``CANDIDATE_NAMES``.
    """

    lines: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpanModel:
    """Tables of the span model.

    Attributes:
        table: int64 (2 ** SPAN_BITS,), packed weights: start at the boundary, end at the boundary, inside.
        numeric_weights: float64 (13, 3), whole numbers, for ``numeric_inputs``.
        bias: int64 (3,).
        scale: integer weights are ``scale`` times real ones.
        phrases: whether a stretch reads like a foreign phrase.
        choice: which of several rivals a stretch is, from the numbers in ``CANDIDATE_NAMES``.
        candidates: how sure a stretch is by itself, from the numbers in ``CANDIDATE_NAMES``.
        page: how sure it is on its page, from the numbers in ``SPAN_PAGE_NAMES``.
        suspicion: which lines are looked at, from the numbers in ``spamfilter.suspicion``.
    """

    table: NDArray[np.int64]
    numeric_weights: NDArray[np.float64]
    bias: NDArray[np.int64]
    scale: float
    phrases: PhraseModel
    choice: DenseModel
    candidates: PiecewiseModel
    page: DenseModel
    suspicion: DenseModel
    _taps: NDArray[np.float64] = field(init=False)
    tables: kernel.ModelTables | None = field(init=False)

    def __post_init__(self) -> None:
        """Work out the taps once, and lay out what the compiled kernel reads, if it can read these tables."""
        object.__setattr__(self, "_taps", numeric_taps(self.numeric_weights))
        object.__setattr__(self, "tables", self._tables())

    def _tables(self) -> kernel.ModelTables | None:
        candidates, choice, width = self.candidates, self.choice, len(CANDIDATE_NAMES)
        shapes = self.table.shape, self._taps.shape, self.bias.shape, self.phrases.table.shape
        if shapes != ((1 << SPAN_BITS,), (17, 3), (3,), (2, 1 << PHRASE_BITS)) or self.phrases.table.dtype != np.int32:
            return None
        if candidates.weights.shape != (width,) or choice.weights.shape != (width, 2):
            return None
        return kernel.ModelTables(
            np.ascontiguousarray(self.table, np.int64),
            np.ascontiguousarray(self._taps, np.float64),
            np.ascontiguousarray(self.bias, np.int64),
            np.ascontiguousarray(self.phrases.table),
            np.ascontiguousarray(candidates.weights),
            np.ascontiguousarray(candidates.places),
            np.ascontiguousarray(candidates.knots),
            np.ascontiguousarray(candidates.bends),
            np.ascontiguousarray(choice.weights[:, 1]),
            elementary.log1p(np.arange(MOST_PIECE_TOKENS + 1)),
            IS_OPENING,
            float(candidates.bias),
            float(choice.bias[1]),
            float(self.scale),
            float(self.phrases.scale),
            float(self.phrases.bias),
            EDGE_WEIGHT,
            self.scale * LEAST_SCORE,
            HOPELESS_BELOW,
            *(ROUNDS, EDGES, REACH, LONGEST_RIVAL, len(candidates.places)),
        )

    def odds(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds float64 (k,) of stretches by themselves, from their numbers float64 (k, f)."""
        return self.candidates.odds(values)

    def judge(
        self, candidates: SpanCandidates, rows: NDArray[np.int64], context: ContextScores, sums: PageSums
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Numbers of what the page says of each candidate, float64 (k, f), and its log-odds, float64 (k,).

        Args:
            rows: int64 (k,), line of each candidate among those that are not blank.
        """
        if not len(rows):
            return np.zeros((0, len(SPAN_PAGE_NAMES))), np.zeros(0)
        values = span_page_values(rows, self.odds(candidates.values), context, sums)
        logits = self.page.logits(values)
        return values, logits[:, 1] - logits[:, 0]

    def _sum_of_rows(self, rows: Iterable[NDArray[np.uint32]]) -> NDArray[np.int64]:
        """Packed sums of the table at some rows of each boundary, int64 (k,)."""
        first, *others = rows
        total = self.table.take(first, mode="clip")
        for row in others:
            total += self.table.take(row, mode="clip")
        return total

    def scores_across(
        self, pieces: PieceTokens, first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How much the boundary that cutting out a stretch leaves looks like a start and like an end, float64 (k,).

        Args:
            first, last: int64 (k,), places of the outermost tokens of each stretch in the arrays of tokens.
        """
        piece = pieces.numbers.take(first)
        opening, closing = pieces.starts.take(piece), pieces.starts.take(piece + 1) - 1
        before, behind = np.maximum(first - 1, opening), np.minimum(last + 1, closing)
        places = {-2: np.maximum(first - 2, opening), -1: before, 0: behind, 1: np.minimum(last + 2, closing)}
        gap = (pieces.begins.take(first) != pieces.ends.take(before)) | (
            pieces.begins.take(behind) != pieces.ends.take(last)
        )
        gap &= (pieces.kinds.take(before) != KIND_LINE_END) & (pieces.kinds.take(behind) != KIND_LINE_END)
        total = self._sum_of_rows(rows_across(pieces, places, gap)[1:])
        return low_field(total) / self.scale, middle_field(total) / self.scale

    def boundary_scores(self, pieces: PieceTokens, words: Words, strange: NDArray[np.int64]) -> TokenScores:
        """Scores of each token as the start, as the end and as a part of a phrase, int64 (c,) each."""
        word, *across = span_rows(pieces)
        boundary = self._sum_of_rows(across)
        own = self.table.take(word, mode="clip")
        # Whole numbers far below 2**53: exact in any order of addition.
        products = numeric_products(pieces, words, strange, self._taps)
        products /= NUMERIC_SHIFT
        numeric = np.floor(products, out=products).astype(np.int64)
        numeric += self.bias[:, None]
        start, shifted_end, inside = numeric
        start += low_field(boundary)
        start += low_field(own)
        # A phrase ends with a token if it ends at the boundary behind it.
        end = middle_field(own)
        end += self.bias[1]
        shifted_end += middle_field(boundary)
        shifted_end -= self.bias[1]
        end[:-1] += shifted_end[1:]
        inside += high_field(boundary)
        inside += high_field(own)
        return start, end, inside


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Inspection:
    """Lines as the span stage sees them: their tokens, and how well each would begin, end or fill a phrase.

    Attributes:
        page_words: which words of all tokens of the batch the body of their page uses.
        strange: int64 (c,), as ``strangeness_before`` gives it.
        scores: int64 (c,) each, of tokens as the start, as the end and as a part of a phrase.
        counts: int64 (5, c + 1), as ``running_counts`` gives them.
        contents: int64 (2, c + 1), as ``PhraseModel.content_sums`` gives them.
    """

    model: SpanModel
    line_model: LineModel
    page_words: WordWeights
    pieces: PieceTokens
    strange: NDArray[np.int64]
    scores: TokenScores
    counts: NDArray[np.int64]
    contents: NDArray[np.int64]

    def best(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Outermost tokens of the best stretches, ascending, at most ``ROUNDS`` a piece and none that overlap."""
        pieces = self.pieces
        free = pieces.free.copy()
        found: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        looked_at = np.arange(len(pieces.lines))
        for _ in range(ROUNDS):
            first, last, score = best_stretches(pieces.starts, looked_at, self.scores, free)
            chosen = (score > self.model.scale * LEAST_SCORE).nonzero()[0]
            # A piece in which nothing was found holds nothing for the next round either.
            looked_at, first, last = looked_at.take(chosen), first.take(chosen), last.take(chosen)
            found.append((first, last))
            if not len(looked_at):
                break
            # Take away what was found, so that the next round looks elsewhere.
            free[ranges(first, last + 1)] = False
        first, last = (np.concatenate(column) for column in zip(*found, strict=True))
        order = first.argsort()
        return first[order], last[order]

    def describe(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.float64]:
        """Numbers of stretches, float64 (k, f), in the order of ``CANDIDATE_NAMES``."""
        return describe_candidates(
            self.pieces,
            self.line_model,
            self.counts,
            self.strange,
            self.scores,
            (self.pieces.numbers.take(first), first, last),
            self.model.scores_across(self.pieces, first, last),
            self.model.phrases.score(self.pieces, self.contents, first, last),
            self.page_words,
            self.model.scale,
        )

    def winners(
        self, first: NDArray[np.int64], last: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """The likeliest of each stretch and its rivals: outermost tokens int64 (k,), choice float64 (k,), numbers."""
        owner, first, last = rivals(self.pieces, self.scores, first, last)
        values = self.describe(first, last)
        odds = self.model.choice.logits(values)[:, 1]
        chosen = likeliest(owner, odds)
        return first.take(chosen), last.take(chosen), odds.take(chosen), values[chosen]


def inspect_lines(
    model: SpanModel,
    line_model: LineModel,
    batch: TextBatch,
    tokens: TokenBatch,
    words: Words,
    page_words: WordWeights,
    lines: NDArray[np.int64],
) -> Inspection:
    """Look at the lines numbered ``lines``, int64 (r,), ascending, none of them blank.

    Args:
        words: packed weights, as in ``LineScores``.
        page_words: as in ``PageFeatures``.
    """
    pieces = cut_pieces(batch, tokens, lines)
    strange = strangeness_before(pieces, line_model)
    scores = model.boundary_scores(pieces, words, strange)
    contents = model.phrases.content_sums(batch, pieces)
    counts = running_counts(pieces, words, scores[2], strange)
    return Inspection(model, line_model, page_words, pieces, strange, scores, counts, contents)


def find_candidates(
    model: SpanModel,
    line_model: LineModel,
    batch: TextBatch,
    tokens: TokenBatch,
    words: Words,
    page_words: WordWeights,
    lines: NDArray[np.int64],
) -> SpanCandidates:
    """The foreign stretches that the lines numbered ``lines`` may hold; none that overlap.

    Arguments are those of ``inspect_lines``. The best stretches of each piece are judged first. Those that are
    not hopeless are put beside their rivals, with other starts and ends, and the most likely of them is judged anew.
    """
    if not len(lines):
        return _nothing()
    if model.tables is not None and line_model.tables is not None and kernel.is_on():
        arrays = tokens.begins, tokens.ends, tokens.kinds, tokens.hashes, tokens.firsts, packed_words(words)
        places = batch.chars, *arrays, page_words.running, tokens.line_tokens
        compiled = kernel.find_spans(model.tables, line_model.tables, places, lines, len(CANDIDATE_NAMES))
        if compiled is not None:
            (found_in, begun, ended), values = compiled
            return SpanCandidates(found_in, begun, ended, values)
    # Block by block: what is known of a token of a short line takes up to a kilobyte.
    behind = np.cumsum(tokens.line_tokens.take(lines + 1) - tokens.line_tokens.take(lines))
    edges = np.unique(np.append(behind.searchsorted(np.arange(0, behind[-1], _BLOCK_TOKENS)), len(lines)))
    found = [
        _candidates_in(inspect_lines(model, line_model, batch, tokens, words, page_words, lines[low:high]))
        for low, high in pairwise(edges.tolist())
    ]
    columns = zip(*((one.lines, one.first, one.last, one.values) for one in found), strict=True)
    return found[0] if len(found) == 1 else SpanCandidates(*map(np.concatenate, columns))


def _nothing() -> SpanCandidates:
    empty = np.zeros(0, np.int64)
    return SpanCandidates(empty, empty, empty, np.zeros((0, len(CANDIDATE_NAMES))))


def _candidates_in(looked: Inspection) -> SpanCandidates:
    """The candidates of the lines that were looked at."""
    model = looked.model
    first, last = looked.best()
    if not len(first):
        return _nothing()
    hopeful = (model.odds(looked.describe(first, last)) >= HOPELESS_BELOW).nonzero()[0]
    if not len(hopeful):
        return _nothing()
    first, last = first.take(hopeful), last.take(hopeful)
    # Block by block: a stretch with its rivals takes ten kilobytes.
    winners = [
        looked.winners(first[row : row + _BLOCK], last[row : row + _BLOCK]) for row in range(0, len(first), _BLOCK)
    ]
    first, last, odds, values = (np.concatenate(column) for column in zip(*winners, strict=True))
    kept = disjoint(first, last, odds)
    first, last = first[kept], last[kept]
    pieces = looked.pieces
    owners = pieces.lines.take(pieces.numbers.take(first))
    return SpanCandidates(owners, pieces.tokens.take(first), pieces.tokens.take(last), values[kept])
