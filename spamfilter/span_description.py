"""The numbers of a candidate stretch: what it says, what the rest of its piece says, and how the two fit together."""

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.dense_model import GRAIN
from spamfilter.line_model import LineModel, Words
from spamfilter.relatedness import WordWeights
from spamfilter.span_stretches import Stretches, TokenScores
from spamfilter.span_tokens import PieceTokens, high_field, low_field, middle_field
from spamfilter.sums import sums_behind
from spamfilter.text import SCRIPT_SHIFT, UPPER
from spamfilter.tokens import KIND_LINE_END, KIND_MARK, KIND_SOLO, KIND_WORD

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
    "reads like a phrase",
    "reads like a phrase, above 0",
    "contents of a phrase",
    "contents of a phrase, times share",
    "contents of a phrase, times spam logit of the rest",
    "reads like a phrase, times spam logit",
)

NEIGHBOURHOOD = 60
"""Tokens on each side of a stretch that it is compared with."""
PHRASE_NUMBERS = 6
"""How many of the numbers, the last ones, come from the phrase model."""
_LATIN = 1
_PAIR_BITS = 32


def describe_candidates(
    pieces: PieceTokens,
    line_model: LineModel,
    counts: NDArray[np.int64],
    strange: NDArray[np.int64],
    scores: TokenScores,
    stretches: Stretches,
    across: tuple[NDArray[np.float64], NDArray[np.float64]],
    phrase: tuple[NDArray[np.float64], NDArray[np.float64]],
    page_words: WordWeights,
    scale: float,
) -> NDArray[np.float64]:
    """The numbers in ``CANDIDATE_NAMES`` for stretches given as (piece, first, last) in ``pieces``.

    Args:
        counts: int64 (5, c + 1), as ``running_counts`` gives them.
        across: float64 (k,), start and end score of the boundary that is left when the stretch is cut out.
        phrase: float64 (k,) each, as ``PhraseModel.score`` gives them.
    """
    piece, first, last = stretches
    start, end, _ = scores
    stop = last + 1
    kinds = pieces.kinds
    low, high = pieces.starts.take(piece), pieces.starts.take(piece + 1)
    low = low + (kinds.take(low) == KIND_LINE_END)
    high = high - (kinds.take(high - 1) == KIND_LINE_END)
    at_start, at_end = first == low, stop == high
    low, high = np.maximum(low, first - NEIGHBOURHOOD), np.minimum(high, stop + NEIGHBOURHOOD)
    places = np.concatenate((first, stop, low, high))
    sums = counts.take(places, axis=1).reshape(5, 4, -1)
    span, both = sums[:, 0] - sums[:, 1], sums[:, 2] - sums[:, 3]
    rest = both - span
    # Three labels and the norm of the stretch, of the rest and of both.
    packed = np.stack((span, rest, both), axis=1)[:2]
    low_halves = (packed << _PAIR_BITS) >> _PAIR_BITS
    high_halves = (packed - low_halves) >> _PAIR_BITS
    norm = np.sqrt(np.maximum(high_halves[1], 1)) * line_model.scale
    weights = np.stack((low_halves[0], high_halves[0], low_halves[1]))
    logits = weights / norm + line_model.bias[[0, 1, 4]][:, None, None]
    np.minimum(np.maximum(logits, -12, out=logits), 12, out=logits)
    words = (np.stack((span[2], rest[2], both[2])) >> _COUNT_SHIFTS) & _COUNT_MASK
    word_count, capital_count, letter_count, latin_count, solo_count = words
    count = stop - first
    span_spam, rest_spam = logits[0, 0], logits[0, 1]
    before, after = first - 1, np.minimum(stop, len(kinds) - 1)
    kind_before, kind_after = kinds.take(before), kinds.take(after)
    glue_before = (pieces.ends.take(before) == pieces.begins.take(first)) & (kind_before != KIND_LINE_END)
    glue_after = (pieces.begins.take(after) == pieces.ends.take(last)) & (kind_after != KIND_LINE_END)
    bracket = IS_OPENING.take(pieces.firsts.take(first) & np.uint32(0xFFFF))
    latin_inside, latin_outside = latin_count[:2] / np.maximum(letter_count[:2], 1)
    capital_inside, capital_outside = capital_count[:2] / np.maximum(word_count[:2], 1)
    # Tokens of a piece stand next to each other in the batch too.
    shift = pieces.tokens.take(first) - first
    span_idf = page_words.between(first + shift, stop + shift)
    both_idf = page_words.between(low + shift, high + shift)
    rest_idf = both_idf[0] - span_idf[0], both_idf[1] - span_idf[1]
    span_related, rest_related = span_idf[1] / np.maximum(span_idf[0], 1), rest_idf[1] / np.maximum(rest_idf[0], 1)
    start_score, end_score = np.clip(start[first] / scale, -30, 30), np.clip(end[last] / scale, -30, 30)
    inside_score = span[3] / scale
    start_across, end_across = (np.clip(score, -30, 30) for score in across)
    # How well the line reads across the edges of the stretch, and without it.
    strange_start, strange_end = strange[first] / 100, strange[after] / 100
    joined = line_model.pair_strangeness(pieces.hashes[before], pieces.hashes[after]) / 100
    strange_inside = (span[4] - strange[first]) / np.maximum(count - 1, 1) / 100
    strange_outside = (rest[4] - strange[after]) / np.maximum(high - low - count - 1, 1) / 100
    solo_share = solo_count[2] / (high - low)
    values = [
        np.clip((start[first] + end[last] + span[3]) / scale, -30, 30),
        start_score,
        end_score,
        np.clip(inside_score, -30, 30),
        inside_score / count,
        elementary.log1p(count),
        elementary.log1p(high - low),
        count / (high - low),
        span_spam,
        rest_spam,
        logits[0, 2],
        logits[1, 0],
        logits[2, 0],
        logits[2, 1],
        letter_count[1] == 0,
        at_start,
        at_end,
        bracket,
        glue_before & (kind_before == KIND_MARK) & ~bracket,
        (glue_before & (kind_before == KIND_WORD)) | (glue_after & (kind_after == KIND_WORD)),
        capital_inside,
        capital_outside,
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
        solo_share * elementary.log1p(count),
        solo_share * span_spam,
        (1 - solo_share) * np.minimum(count, 8),
        start_across,
        end_across,
        start_score - start_across,
        end_score - end_across,
        *phrase_values(phrase, count / (high - low), span_spam, rest_spam),
    ]
    columns = np.empty((len(values), len(piece)))
    for column, value in zip(columns, values, strict=True):
        column[:] = value
    return _grained(columns).T


def phrase_values(
    phrase: tuple[NDArray[np.float64], NDArray[np.float64]],
    share: NDArray[np.float64],
    span_spam: NDArray[np.float64],
    rest_spam: NDArray[np.float64],
) -> tuple[NDArray[np.float64], ...]:
    """The last ``PHRASE_NUMBERS`` of ``CANDIDATE_NAMES``, float64 (k,) each, before they are rounded."""
    contents, whole = phrase
    narrow = np.clip(contents, -12, 12)
    return (
        np.clip(whole, -30, 30),
        np.clip(whole, 0, 30),
        np.clip(contents, -30, 30),
        narrow * share,
        narrow * rest_spam,
        np.clip(whole, -12, 12) * span_spam,
    )


def with_phrases(
    values: NDArray[np.float64], names: tuple[str, ...], phrase: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Numbers of stretches, float64 (k, f) as ``describe_candidates`` gives them, for other scores of the phrases."""
    share, span_spam, rest_spam = (
        values[:, names.index(name)]
        for name in ("share of what stands around", "spam logit of the stretch", "spam logit of the rest")
    )
    changed = values.copy()
    changed[:, -PHRASE_NUMBERS:] = _grained(np.stack(phrase_values(phrase, share, span_spam, rest_spam), axis=1))
    return changed


def _grained(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to multiples of 1/256, in place."""
    values *= GRAIN
    np.rint(values, out=values)
    values /= GRAIN
    return values


def running_counts(
    pieces: PieceTokens, words: Words, inside: NDArray[np.int64], strange: NDArray[np.int64]
) -> NDArray[np.int64]:
    """``sums_behind`` over the tokens of pieces, int64 (5, c + 1).

    Two rows hold two sums each: spam and link weights, boilerplate weights and norms. One holds five counts: words,
    capital words, letters, Latin letters, characters without spaces. Then inside scores and strangeness.
    """
    rows = np.empty((5, len(pieces.tokens)), np.int64)
    weights, others, counts, *scores = rows
    packed = words[0][pieces.tokens]
    np.left_shift(middle_field(packed), _PAIR_BITS, out=weights)
    weights += low_field(packed)
    packed = words[1][pieces.tokens]
    np.left_shift(high_field(packed), _PAIR_BITS, out=others)
    others += middle_field(packed)
    capital = ((pieces.firsts & np.uint32(UPPER)) != 0).view(np.uint8)
    latin = ((pieces.firsts >> np.uint32(SCRIPT_SHIFT)) == _LATIN).view(np.uint8)
    _KIND_COUNTS.take(pieces.kinds + capital * np.uint8(16) + latin * np.uint8(32), out=counts, mode="clip")
    scores[0][:] = inside
    scores[1][:] = strange
    return sums_behind(rows)


def _kind_counts() -> NDArray[np.int64]:
    """The five counts of a token by its kind, whether it is capital (16) and whether it is Latin (32)."""
    counts = np.zeros(64, np.int64)
    for capital in range(2):
        for latin in range(2):
            place = 16 * capital + 32 * latin
            counts[place + KIND_WORD] = 1 + (capital << 12) + (1 << 24) + (latin << 36)
            counts[place + KIND_SOLO] = (1 << 24) + (latin << 36) + (1 << 48)
    return counts


_KIND_COUNTS = _kind_counts()
_COUNT_SHIFTS = np.arange(0, 60, 12)[:, None, None]
_COUNT_MASK = (1 << 12) - 1


IS_OPENING = np.zeros(1 << 16, np.bool_)
IS_OPENING[[ord(mark) for mark in "【[({（《「『〖«<〔"]] = True
