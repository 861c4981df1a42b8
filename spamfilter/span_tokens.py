"""The tokens that the span model looks at: pieces of lines with a margin, and the rows and numbers of each token.

A piece is a line, or one of the windows of ``PIECE_TOKENS`` tokens that a long line is cut into. Nothing here looks
beyond a line end, so that a line gives the same numbers whatever stands around it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.line_model import FIELD_BITS, LineModel, Words
from spamfilter.text import DIGIT, SCRIPT_SHIFT, UPPER, TextBatch
from spamfilter.tokens import KIND_LINE_END, KIND_MARK, TokenBatch, mix

SPAN_BITS = 18
"""The hashed table of the span model has ``2 ** SPAN_BITS`` rows: words, pairs and shapes share it."""
BOUNDARY_FEATURES: tuple[tuple[str, ...], ...] = tuple(
    tuple(feature.split())
    for feature in (
        "shape-1 shape+0",
        "shape-2 shape-1 shape+0 shape+1",
        "word-1 word+0",
        "word-2 word+0",
        "word-1 word+1",
        "word-1 ending+0",
        "ending-1 word+0",
        "ending-1 ending+0",
        "ending-2 ending+0",
        "ending-1 ending+1",
        "ending-2 ending-1 ending+0",
        "ending-1 ending+0 ending+1",
    )
)
"""What is hashed about a boundary: words, their last three characters or shapes of tokens near it; +0 is behind it."""
_TERMS = tuple(
    (name, offset, users)
    for name in ("word", "ending", "shape")
    for offset in (-2, -1, 0, 1)
    if (users := [row for row, terms in enumerate(BOUNDARY_FEATURES, start=1) if f"{name}{offset:+d}" in terms])
)
"""What the features are made of: the kind of number, the offset, and the rows that it goes into."""
PIECE_TOKENS = 200
MARGIN = 4
MOST_PIECE_TOKENS = PIECE_TOKENS + 2 * MARGIN
NUMERIC_COUNT = 13
STRANGENESS_UNIT = 10
_SPAM_LIMIT = 4096


_HALF = 1 << (FIELD_BITS - 1)


def low_field(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """First field of packed words; shifts extend the sign."""
    field: NDArray[np.int64] = (packed << (64 - FIELD_BITS)) >> (64 - FIELD_BITS)
    return field


def middle_field(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Second field: freed of what the first has borrowed."""
    field: NDArray[np.int64] = ((packed + _HALF) << (64 - 2 * FIELD_BITS)) >> (64 - FIELD_BITS)
    return field


def high_field(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Third field: freed of what the two below have borrowed."""
    field: NDArray[np.int64] = (packed + (_HALF + (_HALF << FIELD_BITS))) >> (2 * FIELD_BITS)
    return field


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PieceTokens:
    """Tokens of some pieces, one after the other. ``p`` pieces, ``c`` tokens, margins included.

    Attributes:
        lines: int64 (p,), line of each piece.
        starts: int64 (p + 1,), where each piece begins in the arrays of tokens.
        numbers: int64 (c,), piece of each token.
        tokens: int64 (c,), number of each token in the batch.
        free: bool (c,), whether a stretch may hold the token; margins and line ends may not be held.
        kinds, hashes: of the tokens.
        firsts: uint32 (c,), character table entries of their first characters.
        begins, ends: int64 (c,), places in ``TextBatch.chars``.
        endings, shapes: uint32 (c,), hashes of the last three characters, and of what the token looks like.
    """

    lines: NDArray[np.int64]
    starts: NDArray[np.int64]
    numbers: NDArray[np.int64]
    tokens: NDArray[np.int64]
    free: NDArray[np.bool_]
    kinds: NDArray[np.uint8]
    hashes: NDArray[np.uint32]
    firsts: NDArray[np.uint32]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    endings: NDArray[np.uint32]
    shapes: NDArray[np.uint32]


def cut_pieces(batch: TextBatch, tokens: TokenBatch, lines: NDArray[np.int64]) -> PieceTokens:
    """The pieces of the lines numbered ``lines``, none of which is blank."""
    low, high = tokens.line_tokens.take(lines), tokens.line_tokens.take(lines + 1)
    counts = (high - low + (PIECE_TOKENS - 2)) // PIECE_TOKENS
    owner = np.arange(len(lines)).repeat(counts)
    low, high = low.take(owner), high.take(owner)
    within = np.arange(len(owner)) - (counts.cumsum() - counts).take(owner)
    first = low + 1 + within * PIECE_TOKENS
    stop = np.minimum(first + PIECE_TOKENS, high)
    wide_first, wide_stop = np.maximum(first - MARGIN, low), np.minimum(stop + MARGIN, high + 1)
    lengths = wide_stop - wide_first
    starts = np.zeros(len(owner) + 1, np.int64)
    lengths.cumsum(out=starts[1:])
    numbers = np.arange(len(owner)).repeat(lengths)
    which = (wide_first - starts[:-1]).take(numbers)
    which += np.arange(len(which))
    begins, ends, kinds = tokens.begins.take(which), tokens.ends.take(which), tokens.kinds.take(which)
    # Without a cut line the margins are the line ends.
    free = kinds != KIND_LINE_END
    if len(owner) > len(lines):
        free = (which >= first.take(numbers)) & (which < stop.take(numbers))
    firsts, lasts = tokens.firsts.take(which), batch.chars.take(ends - 1)
    shapes = _shapes(kinds, firsts, lasts, ends - begins)
    return PieceTokens(
        lines=lines.take(owner),
        starts=starts,
        numbers=numbers,
        tokens=which,
        free=free,
        kinds=kinds,
        hashes=tokens.hashes.take(which),
        firsts=firsts,
        begins=begins,
        ends=ends,
        # Small numbers must be spread before they are added up.
        endings=mix(_endings(batch, begins, ends, lasts)),
        shapes=mix(shapes + np.uint32(77)),
    )


def _endings(
    batch: TextBatch, begins: NDArray[np.int64], ends: NDArray[np.int64], lasts: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    """A number for the last three characters of tokens, fewer if the token is shorter, uint32 (c,)."""
    total = lasts & np.uint32(0xFFFF)
    for back in (2, 3):
        places = ends - back
        chars = batch.chars.take(places, mode="clip")
        chars &= np.uint32(0xFFFF)
        chars *= places >= begins
        total *= np.uint32(0x01000193)
        total += chars
    return total


def _shapes(
    kinds: NDArray[np.uint8], firsts: NDArray[np.uint32], lasts: NDArray[np.uint32], lengths: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """A small number for what each token looks like: kind, script, case; marks by themselves; uint32 (c,)."""
    shapes = kinds.astype(np.uint32)
    shapes <<= np.uint32(8)
    shapes += (firsts >> np.uint32(SCRIPT_SHIFT)) << np.uint32(4)
    # The bits UPPER and DIGIT of the entries become the bits 0 and 2, UPPER of the last character bit 1.
    shapes += (firsts // np.uint32(UPPER)) & np.uint32(1)
    shapes += (firsts // np.uint32(DIGIT // 4)) & np.uint32(4)
    shapes += (lasts // np.uint32(UPPER // 2)) & ((lengths > 1) * np.uint32(2))
    marks = (kinds == KIND_MARK).nonzero()[0]
    shapes[marks] = np.uint32(1 << 16) + (firsts[marks] & np.uint32(0xFFFF))
    shapes[kinds == KIND_LINE_END] = np.uint32(1 << 17)
    return shapes


def span_rows(pieces: PieceTokens) -> NDArray[np.uint32]:
    """Rows in the table for each token and for the boundary before it.

    Returns:
        uint32 (1 + len(BOUNDARY_FEATURES), c): of the word, then of each feature of the boundary.
    """
    gap = np.zeros(len(pieces.hashes) + 1, np.uint32)
    np.not_equal(pieces.begins[1:], pieces.ends[:-1], out=gap[1:-1], casting="unsafe")
    line_ends = (pieces.kinds == KIND_LINE_END).nonzero()[0]
    gap[line_ends] = 0
    gap[line_ends + 1] = 0
    opening, closing = pieces.starts[:-1], pieces.starts[1:] - 1

    def tokens_at(offset: int, values: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """The values of the tokens at an offset; beyond the edge of a piece stands its outermost token."""
        moved = values.copy()
        if offset > 0:
            moved[:-1] = values[1:]
            moved[closing] = values[closing]
        elif offset:
            moved[-offset:] = values[:offset]
            moved[opening] = values[opening]
            if offset == -2:
                moved[opening + 1] = values[opening]
        return moved

    return _rows_across(pieces, tokens_at, gap[:-1])


def rows_across(
    pieces: PieceTokens, places: Mapping[int, NDArray[np.int64]], gap: NDArray[np.bool_]
) -> NDArray[np.uint32]:
    """``span_rows`` of a boundary between any two tokens, uint32 (1 + len(BOUNDARY_FEATURES), k).

    Args:
        places: int64 (k,) for each of the offsets -2 to 1, the tokens that stand there.
        gap: bool (k,), whether a space parts the two.
    """
    return _rows_across(pieces, lambda offset, values: values.take(places[offset]), gap.astype(np.uint32))


def _rows_across(
    pieces: PieceTokens, tokens_at: Callable[[int, NDArray[np.uint32]], NDArray[np.uint32]], gap: NDArray[np.uint32]
) -> NDArray[np.uint32]:
    values = {"word": pieces.hashes, "ending": pieces.endings, "shape": pieces.shapes}
    rows = np.empty((1 + len(BOUNDARY_FEATURES), len(gap)), np.uint32)
    rows[0] = tokens_at(0, pieces.hashes)
    rows[1:] = gap * np.uint32(0x27D4EB2F)
    for name, offset, users in _TERMS:
        moved = tokens_at(offset, values[name])
        moved *= np.uint32((0x85EBCA6B * (2 * offset + 9)) & 0xFFFFFFFF)
        for number in users:
            rows[number] += moved
    # Row by row: what mixing holds in between is as large as what it mixes.
    for number, row in enumerate(rows, start=11):
        row += np.uint32(number)
        np.right_shift(mix(row), np.uint32(32 - SPAN_BITS), out=row)
    return rows


def strangeness_before(pieces: PieceTokens, line_model: LineModel) -> NDArray[np.int64]:
    """How strange each token is behind the one before it, int64 (c,); 0 for the first token of a piece."""
    strange = np.zeros(len(pieces.hashes), np.int64)
    strange[1:] = line_model.pair_strangeness(pieces.hashes[:-1], pieces.hashes[1:])
    strange[pieces.starts[:-1]] = 0
    return strange


def numeric_inputs(pieces: PieceTokens, words: Words, strange: NDArray[np.int64]) -> NDArray[np.float64]:
    """Spam weights and strangeness around each token, whole numbers, float64 (c, NUMERIC_COUNT).

    Spam weights of the tokens at the offsets -2, -1, 0 and 1; of the four before, of the four from here on; the own
    size. Strangeness of the pairs that end at the offsets -1, 0, 1 and 2; of the three pairs before and behind.
    """
    return numeric_products(pieces, words, strange, numeric_taps(np.eye(NUMERIC_COUNT))).T


def numeric_taps(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each number near a token adds to ``numeric_inputs @ weights``, weights float64 (NUMERIC_COUNT, k).

    Returns:
        float64 (17, k): spam weight and strangeness by turns at the offsets -4 to 3, then the own size.
    """
    return np.concatenate((_TAPS @ weights, weights[_SIZE : _SIZE + 1]))


def numeric_products(
    pieces: PieceTokens, words: Words, strange: NDArray[np.int64], taps: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``(numeric_inputs @ weights).T``, float64 (k, c), from the ``numeric_taps`` of whole weights."""
    # By index: ``take`` would copy the words of the whole batch, which are not contiguous.
    spam = low_field(words[0][pieces.tokens])
    np.minimum(np.maximum(spam, -_SPAM_LIMIT, out=spam), _SPAM_LIMIT, out=spam)
    # The word of a line end holds the pair that opens the next line.
    spam *= pieces.kinds != KIND_LINE_END
    # Zeros around every piece let one sliding window run over all pieces.
    places = pieces.numbers * _REACH
    places += np.arange(len(places))
    signals = np.zeros((len(places) + len(pieces.starts) * _REACH, 2))
    signals[places + _REACH, 0] = spam
    signals[places + _REACH, 1] = strange * STRANGENESS_UNIT
    # A window of eight pairs of numbers, moved on by one pair from row to row.
    shape = len(signals) - 2 * _REACH + 1, 4 * _REACH
    windows: NDArray[np.float64] = np.ndarray(shape, np.float64, signals, strides=(16, 8))
    # Whole numbers far below 2**53: exact in any order of addition.
    products = np.ascontiguousarray((windows @ taps[:-1]).take(places, axis=0).T)
    products += taps[-1][:, None] * np.abs(spam)
    return products


_REACH = 4
_SIZE = 6
"""The one numeric input that is not a sum over neighbours."""


def _taps() -> NDArray[np.float64]:
    """Which numeric input adds which offset, -4 to 3, of spam weight or strangeness; float64 (16, NUMERIC_COUNT)."""
    taps = np.zeros((2 * _REACH, 2, NUMERIC_COUNT))
    sums = ((-2, -2), (-1, -1), (0, 0), (1, 1), (-4, -1), (0, 3)), ((-1, -1), (0, 0), (1, 1), (2, 2), (-3, -1), (1, 3))
    for signal, first_column in ((0, 0), (1, _SIZE + 1)):
        for column, (first, last) in enumerate(sums[signal], start=first_column):
            taps[first + _REACH : last + _REACH + 1, signal, column] = 1
    return taps.reshape(4 * _REACH, NUMERIC_COUNT)


_TAPS = _taps()
