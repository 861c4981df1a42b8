"""Stage 3, the span model: which stretch of the line is foreign?

A linear scorer says for every token boundary how much it looks like the start or the end of a spliced phrase,
and for every token how much it looks like a part of one, as log-likelihood ratios. The best stretch maximises
``start + end + sum(inside)``; it is found in one pass, since for each end the best start is a running maximum
(Kadane's algorithm). A logistic regression on the numbers of that stretch then says how sure it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import DenseModel
from spamfilter.line_model import FIELD_BITS, LineModel, Words, unpack_fields
from spamfilter.page_features import FEATURE_NAMES, PageFeatures
from spamfilter.span_tokens import PieceTokens, cut_pieces, numeric_products, span_rows, strangeness_before
from spamfilter.text import SCRIPT_SHIFT, UPPER, TextBatch
from spamfilter.tokens import KIND_LINE_END, KIND_MARK, KIND_SOLO, KIND_WORD, TokenBatch

ROUNDS = 2
"""Most foreign stretches looked for in one piece of a line."""
LEAST_SCORE = 0.0
"""Stretches whose log-likelihood ratio is lower are not looked at further."""
NEIGHBOURHOOD = 60
"""Tokens on each side of a stretch that it is compared with."""
NUMERIC_SHIFT = 4096.0
_BLOCK = -(1 << 24)
_NEVER = -(1 << 38)
_APART = 1 << 40
_LATIN = 1
_HALF = 1 << (FIELD_BITS - 1)

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
    "lines elsewhere on the page likely link",
    "lines elsewhere on the page likely headline",
    "lines elsewhere on the page likely template",
    "lines elsewhere on the page likely spam",
    "boilerplate logit of the line",
)

Stretches = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


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
        candidates: how sure a stretch is, from the numbers in ``CANDIDATE_NAMES``.
    """

    table: NDArray[np.int64]
    numeric_weights: NDArray[np.float64]
    bias: NDArray[np.int64]
    scale: float
    candidates: DenseModel

    def boundary_scores(self, pieces: PieceTokens, words: Words, strange: NDArray[np.int64]) -> Stretches:
        """Scores of each token as the start, as the end and as a part of a phrase, int64 (c,) each."""
        word, narrow, pair, around = span_rows(pieces)
        boundary = self.table.take(narrow, mode="clip")
        boundary += self.table.take(pair, mode="clip")
        boundary += self.table.take(around, mode="clip")
        own = self.table.take(word, mode="clip")
        # Whole numbers far below 2**53: exact in any order of addition.
        products = numeric_products(pieces, words, strange, self.numeric_weights)
        products /= NUMERIC_SHIFT
        numeric = np.floor(products, out=products).astype(np.int64)
        numeric += self.bias[:, None]
        start, shifted_end, inside = numeric
        start += _low(boundary)
        start += _low(own)
        # A phrase ends with a token if it ends at the boundary behind it.
        end = _middle(own)
        end += self.bias[1]
        shifted_end += _middle(boundary)
        shifted_end -= self.bias[1]
        end[:-1] += shifted_end[1:]
        inside += _high(boundary)
        inside += _high(own)
        return start, end, inside


def page_evidence(features: PageFeatures) -> NDArray[np.float64]:
    """What the rest of its page says of each line, float64 (r, 5), multiples of 1/256.

    The number of other lines that stage 1 takes for link offers, headlines, template residue and spam, at most 3 of
    each; the boilerplate logit of the line itself.
    """
    values = features.values
    others = np.expm1(values[:, FEATURE_NAMES.index("lines on the page")]) - 1
    columns = [
        np.minimum(values[:, FEATURE_NAMES.index(f"page {name}")] * others, 3.0)
        for name in ("link", "headline", "template", "spam")
    ]
    columns.append(values[:, FEATURE_NAMES.index("own logit boilerplate")])
    rounded: NDArray[np.float64] = np.rint(np.stack(columns, axis=1) * 256.0) / 256.0
    return rounded


def _low(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """First field of packed words; shifts extend the sign."""
    return (packed << (64 - FIELD_BITS)) >> (64 - FIELD_BITS)


def _middle(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Second field: freed of what the first has borrowed."""
    return ((packed + _HALF) << (64 - 2 * FIELD_BITS)) >> (64 - FIELD_BITS)


def _high(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Third field: freed of what the two below have borrowed."""
    return (packed + (_HALF + (_HALF << FIELD_BITS))) >> (2 * FIELD_BITS)


def best_stretches(pieces: PieceTokens, scores: Stretches, free: NDArray[np.bool_]) -> Stretches:
    """Best stretch of each piece.

    Args:
        free: bool (c,), tokens that a stretch may hold.

    Returns:
        first, last: int64 (p,), places in the arrays of ``pieces``; score: int64 (p,), very low where none is free.
    """
    start, end, inside = scores
    lengths = np.diff(pieces.starts)
    piece = np.repeat(np.arange(len(lengths)), lengths)
    lift = piece * _APART
    running = np.cumsum(np.where(free, inside, _BLOCK))
    # Pieces further on are lifted so far that no start in an earlier piece can win.
    opening = np.where(free, start + inside, _NEVER) - running + lift
    best_opening = np.maximum.accumulate(opening)
    total = np.where(free, end, _NEVER) + running + best_opening - lift
    score = np.maximum.reduceat(total, pieces.starts[:-1])
    hits = np.flatnonzero(total == score[piece])
    last = hits[np.searchsorted(hits, pieces.starts[:-1])]
    opened = np.flatnonzero(np.concatenate(([True], opening[1:] > best_opening[:-1])))
    first = opened[np.searchsorted(opened, last, side="right") - 1]
    return first, last, score


def find_candidates(
    model: SpanModel,
    line_model: LineModel,
    batch: TextBatch,
    tokens: TokenBatch,
    words: Words,
    running_idf: NDArray[np.int64],
    lines: NDArray[np.int64],
    evidence: NDArray[np.float64],
) -> SpanCandidates:
    """The best stretches of the lines numbered ``lines``, at most ``ROUNDS`` a piece and none that overlap.

    Args:
        running_idf: int64 (2, t + 1), as in ``PageFeatures``.
        lines: int64 (r,), ascending, none of them blank.
        evidence: float64 (r, 5), what the rest of the page says, as ``page_evidence`` gives it.
    """
    empty = np.zeros(0, np.int64)
    if not len(lines):
        return SpanCandidates(empty, empty, empty, np.zeros((0, len(CANDIDATE_NAMES))))
    pieces = cut_pieces(batch, tokens, lines)
    strange = strangeness_before(pieces, line_model)
    scores = model.boundary_scores(pieces, words, strange)
    free = pieces.free
    found: list[Stretches] = []
    for _ in range(ROUNDS):
        first, last, score = best_stretches(pieces, scores, free)
        chosen = np.flatnonzero(score > model.scale * LEAST_SCORE)
        found.append((chosen, first[chosen], last[chosen]))
        # Take away what was found, so that the next round looks elsewhere.
        edges = np.zeros(len(free) + 1, np.int64)
        edges[first[chosen]] += 1
        edges[last[chosen] + 1] -= 1
        free = free & (np.cumsum(edges[:-1]) == 0)
    piece, first, last = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((first, piece))
    stretches = piece[order], first[order], last[order]
    values = _describe(pieces, line_model, words, strange, scores, stretches, running_idf, model.scale)
    piece, first, last = stretches
    values = np.concatenate((values, evidence[np.searchsorted(lines, pieces.lines[piece])]), axis=1)
    return SpanCandidates(pieces.lines[piece], pieces.tokens[first], pieces.tokens[last], values)


def _describe(
    pieces: PieceTokens,
    line_model: LineModel,
    words: Words,
    strange: NDArray[np.int64],
    scores: Stretches,
    stretches: Stretches,
    running_idf: NDArray[np.int64],
    scale: float,
) -> NDArray[np.float64]:
    """Numbers of ``CANDIDATE_NAMES`` for stretches given as (piece, first, last) in the arrays of ``pieces``."""
    piece, first, last = stretches
    start, end, inside = scores
    stop = last + 1
    kinds = pieces.kinds
    is_end = kinds == KIND_LINE_END
    low = pieces.starts[piece] + is_end[pieces.starts[piece]]
    high = pieces.starts[piece + 1] - is_end[pieces.starts[piece + 1] - 1]
    at_start, at_end = first == low, stop == high
    low, high = np.maximum(low, first - NEIGHBOURHOOD), np.minimum(high, stop + NEIGHBOURHOOD)
    is_word = kinds == KIND_WORD
    letters = (kinds != KIND_MARK) & ~is_end
    latin = letters & ((pieces.firsts >> np.uint32(SCRIPT_SHIFT)) == _LATIN)
    fields = unpack_fields((words[0][pieces.tokens], words[1][pieces.tokens]))
    capital = is_word & ((pieces.firsts & np.uint32(UPPER)) != 0)
    solo = kinds == KIND_SOLO
    columns = np.column_stack([fields, is_word, capital, letters, latin, inside, strange, solo])
    running = np.concatenate((np.zeros((1, columns.shape[1]), np.int64), np.cumsum(columns, axis=0)))
    span = running[stop] - running[first]
    both = running[high] - running[low]
    rest = both - span

    def logit(sums: NDArray[np.int64], field: int) -> NDArray[np.float64]:
        norm = np.sqrt(np.maximum(sums[:, 5], 1)) * line_model.scale
        value: NDArray[np.float64] = np.clip(sums[:, field] / norm + line_model.bias[field], -12, 12)
        return value

    count = stop - first
    span_spam, rest_spam = logit(span, 0), logit(rest, 0)
    before, after = first - 1, np.minimum(stop, len(kinds) - 1)
    glue_before = (pieces.ends[before] == pieces.begins[first]) & ~is_end[before]
    glue_after = (pieces.begins[after] == pieces.ends[last]) & ~is_end[after]
    bracket = np.isin(pieces.firsts[first] & np.uint32(0xFFFF), _OPENING)
    latin_inside, latin_outside = span[:, 9] / np.maximum(span[:, 8], 1), rest[:, 9] / np.maximum(rest[:, 8], 1)
    first_token, stop_token = pieces.tokens[first], pieces.tokens[last] + 1
    low_token, high_token = pieces.tokens[low], pieces.tokens[high - 1] + 1
    span_idf = running_idf[:, stop_token] - running_idf[:, first_token]
    rest_idf = running_idf[:, high_token] - running_idf[:, low_token] - span_idf
    span_related, rest_related = span_idf[1] / np.maximum(span_idf[0], 1), rest_idf[1] / np.maximum(rest_idf[0], 1)
    start_score, end_score = np.clip(start[first] / scale, -30, 30), np.clip(end[last] / scale, -30, 30)
    inside_score = span[:, 10] / scale
    # How well the line reads across the edges of the stretch, and without it.
    strange_start, strange_end = strange[first] / 100, strange[after] / 100
    joined = line_model.pair_strangeness(pieces.hashes[before], pieces.hashes[after]) / 100
    strange_inside = (span[:, 11] - strange[first]) / np.maximum(count - 1, 1) / 100
    strange_outside = (rest[:, 11] - strange[after]) / np.maximum(high - low - count - 1, 1) / 100
    solo_share = both[:, 12] / (high - low)
    values = [
        np.clip((start[first] + end[last] + span[:, 10]) / scale, -30, 30),
        start_score,
        end_score,
        np.clip(inside_score, -30, 30),
        inside_score / count,
        np.log1p(count),
        np.log1p(high - low),
        count / (high - low),
        span_spam,
        rest_spam,
        logit(both, 0),
        logit(span, 1),
        logit(span, 4),
        logit(rest, 4),
        rest[:, 8] == 0,
        at_start,
        at_end,
        bracket,
        glue_before & (kinds[before] == KIND_MARK) & ~bracket,
        (glue_before & (kinds[before] == KIND_WORD)) | (glue_after & (kinds[after] == KIND_WORD)),
        span[:, 7] / np.maximum(span[:, 6], 1),
        rest[:, 7] / np.maximum(rest[:, 6], 1),
        np.abs(latin_inside - latin_outside),
        span_related,
        rest_related,
        np.maximum(rest_related - span_related, 0),
        rest_idf[1] + span_idf[1] > 0,
        span_spam * rest_spam,
        np.maximum(span_spam - rest_spam, 0),
        np.maximum(start_score - 2, 0),
        np.maximum(end_score - 2, 0),
        np.minimum(start_score, end_score),
        strange_start,
        strange_end,
        strange_inside,
        strange_outside,
        joined,
        np.minimum(strange_start, strange_end) - joined,
        solo_share,
        solo_share * np.log1p(count),
        solo_share * span_spam,
        (1 - solo_share) * np.minimum(count, 8),
    ]
    stacked = np.stack([np.asarray(value, np.float64) for value in values], axis=1)
    rounded: NDArray[np.float64] = np.rint(stacked * 256.0) / 256.0
    return rounded


_OPENING = np.array([ord(mark) for mark in "【[({（《「『〖«<〔"], np.uint32)
