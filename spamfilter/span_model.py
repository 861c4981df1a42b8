"""Stage 3, the span model: which stretch of the line is foreign?

A linear scorer says for every token boundary how much it looks like the start or the end of a spliced phrase,
and for every token how much it looks like a part of one, as log-likelihood ratios. The best stretch maximises
``start + end + sum(inside)``; it is found in one pass, since for each end the best start is a running maximum
(Kadane's algorithm). A logistic regression on the numbers of that stretch then says how sure it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spamfilter import kernel
from spamfilter.context_model import ContextScores
from spamfilter.dense_model import DenseModel
from spamfilter.line_model import LineModel, Words
from spamfilter.page_sums import PageSums
from spamfilter.relatedness import WordWeights
from spamfilter.span_description import Stretches, describe_candidates
from spamfilter.span_page import span_page_values
from spamfilter.span_tokens import (
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

ROUNDS = 2
"""Most foreign stretches looked for in one piece of a line."""
LEAST_SCORE = 2.0
"""Stretches whose log-likelihood ratio is lower are not looked at further."""
NUMERIC_SHIFT = 4096.0
_BLOCK = -(1 << 24)
_NEVER = -(1 << 38)
_APART = 1 << 40

CANDIDATE_NAMES: tuple[str, ...] = (
    "score of the stretch",
    "start score",
    "end score",
    "inside score",
    "inside score a token",
    "tokens",
    "tokens around",
    "share of what stands around",
    "spam logit of the stretch",
    "spam logit of the rest",
    "spam logit of both",
    "link logit of the stretch",
    "boilerplate logit of the stretch",
    "boilerplate logit of the rest",
    "rest without a word",
    "at the start of the line",
    "at the end of the line",
    "in brackets",
    "glued to a mark before it",
    "glued to a word",
    "capital words",
    "capital words of the rest",
    "another script than the rest",
    "words of the page's body",
    "words of the page's body in the rest",
    "stretch less related than the rest",
    "page has a body",
    "stretch and rest spam logits multiplied",
    "stretch more like spam than the rest",
    "start score above 2",
    "end score above 2",
    "weaker of start and end",
    "strangeness of the start",
    "strangeness of the end",
    "strangeness inside",
    "strangeness outside",
    "strangeness of the line without the stretch",
    "line reads better without the stretch",
    "letters without spaces",
    "tokens in a script without spaces",
    "spam logit in a script without spaces",
    "tokens up to 8 in a script with spaces",
    "start score without the stretch",
    "end score without the stretch",
    "start score above the one without the stretch",
    "end score above the one without the stretch",
)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class SpanModel:
    """Tables of the span model.

    Attributes:
        table: int64 (2 ** SPAN_BITS,), packed weights: start at the boundary, end at the boundary, inside.
        numeric_weights: float64 (13, 3), whole numbers, for ``numeric_inputs``.
        bias: int64 (3,).
        scale: integer weights are ``scale`` times real ones.
        candidates: how sure a stretch is by itself, from the numbers in ``CANDIDATE_NAMES``.
        page: how sure it is on its page, from the numbers in ``SPAN_PAGE_NAMES``.
        suspicion: which lines are looked at, from the numbers in ``spamfilter.suspicion``.
    """

    table: NDArray[np.int64]
    numeric_weights: NDArray[np.float64]
    bias: NDArray[np.int64]
    scale: float
    candidates: DenseModel
    page: DenseModel
    suspicion: DenseModel
    _taps: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Work out the taps once."""
        object.__setattr__(self, "_taps", numeric_taps(self.numeric_weights))

    def judge(
        self, candidates: SpanCandidates, rows: NDArray[np.int64], context: ContextScores, sums: PageSums
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Numbers of what the page says of each candidate, float64 (k, f), and its log-odds, float64 (k,).

        Args:
            rows: int64 (k,), line of each candidate among those that are not blank.
        """
        own = self.candidates.logits(candidates.values)
        values = span_page_values(rows, own[:, 1] - own[:, 0], context, sums)
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

    def boundary_scores(self, pieces: PieceTokens, words: Words, strange: NDArray[np.int64]) -> Stretches:
        """Scores of each token as the start, as the end and as a part of a phrase, int64 (c,) each."""
        if kernel.is_on() and len(self.table) == 1 << SPAN_BITS:
            whole = pieces.starts, pieces.tokens, pieces.kinds, pieces.hashes, pieces.begins, pieces.ends
            arrays = *whole, pieces.endings, pieces.shapes
            return kernel.boundary_scores(arrays, words[0], strange, self.table, self._taps, self.bias)
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


def _ranges(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from each ``low`` up to its ``high``, one range after the other."""
    sizes = high - low
    numbers: NDArray[np.int64] = np.arange(int(sizes.sum())) + (high - sizes.cumsum()).repeat(sizes)
    return numbers


def best_stretches(
    starts: NDArray[np.int64], which: NDArray[np.int64], scores: Stretches, free: NDArray[np.bool_]
) -> Stretches:
    """Best stretch of each piece numbered ``which``, ascending.

    Args:
        starts: int64 (p + 1,), where each piece begins in the arrays of tokens.
        free: bool (c,), tokens that a stretch may hold.

    Returns:
        first, last: int64, places in the arrays of tokens; score: int64, very low where none is free.
    """
    low, high = starts.take(which), starts.take(which + 1)
    lengths = high - low
    edges = lengths.cumsum() - lengths
    start, end, inside = scores
    if len(which) < len(starts) - 1:
        tokens = _ranges(low, high)
        start, end, inside, free = start.take(tokens), end.take(tokens), inside.take(tokens), free.take(tokens)
    taken = ~free
    running = inside.copy()
    running[taken] = _BLOCK
    running.cumsum(out=running)
    opening = start + inside
    opening[taken] = _NEVER
    opening -= running
    # Pieces further on are lifted so far that no start in an earlier piece can win.
    lift = (np.arange(len(which)) * _APART).repeat(lengths)
    opening += lift
    best_opening = np.maximum.accumulate(opening)
    total = end.copy()
    total[taken] = _NEVER
    total += running
    total += best_opening
    total -= lift
    score = np.maximum.reduceat(total, edges)
    hits = (total == score.repeat(lengths)).nonzero()[0]
    last = hits[np.searchsorted(hits, edges)]
    opened = np.ones(len(total), np.bool_)
    np.greater(opening[1:], best_opening[:-1], out=opened[1:])
    openers = opened.nonzero()[0]
    first = openers[np.searchsorted(openers, last, side="right") - 1]
    shift = low - edges
    return first + shift, last + shift, score


def find_candidates(
    model: SpanModel,
    line_model: LineModel,
    batch: TextBatch,
    tokens: TokenBatch,
    words: Words,
    page_words: WordWeights,
    lines: NDArray[np.int64],
) -> SpanCandidates:
    """The best stretches of the lines numbered ``lines``, at most ``ROUNDS`` a piece and none that overlap.

    Args:
        words: packed weights, as in ``LineScores``.
        page_words: as in ``PageFeatures``.
        lines: int64 (r,), ascending, none of them blank.
    """
    empty = np.zeros(0, np.int64)
    nothing = SpanCandidates(empty, empty, empty, np.zeros((0, len(CANDIDATE_NAMES))))
    if not len(lines):
        return nothing
    pieces = cut_pieces(batch, tokens, lines)
    strange = strangeness_before(pieces, line_model)
    scores = model.boundary_scores(pieces, words, strange)
    free = pieces.free.copy()
    found: list[Stretches] = []
    looked_at = np.arange(len(pieces.lines))
    for _ in range(ROUNDS):
        first, last, score = best_stretches(pieces.starts, looked_at, scores, free)
        chosen = (score > model.scale * LEAST_SCORE).nonzero()[0]
        # A piece in which nothing was found holds nothing for the next round either.
        looked_at, first, last = looked_at.take(chosen), first.take(chosen), last.take(chosen)
        found.append((looked_at, first, last))
        if not len(looked_at):
            break
        # Take away what was found, so that the next round looks elsewhere.
        free[_ranges(first, last + 1)] = False
    piece, first, last = (np.concatenate(column) for column in zip(*found, strict=True))
    if not len(piece):
        return nothing
    order = np.lexsort((first, piece))
    stretches = piece[order], first[order], last[order]
    piece, first, last = stretches
    across = model.scores_across(pieces, first, last)
    values = describe_candidates(pieces, line_model, words, strange, scores, stretches, across, page_words, model.scale)
    return SpanCandidates(pieces.lines[piece], pieces.tokens[first], pieces.tokens[last], values)
