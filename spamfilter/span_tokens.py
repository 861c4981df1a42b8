"""The tokens that the span model looks at: pieces of lines with a margin, and the rows and numbers of each token.

A piece is a line, or one of the windows of ``PIECE_TOKENS`` tokens that a long line is cut into. Nothing here looks
beyond a line end, so that a line gives the same numbers whatever stands around it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.line_model import FIELD_BITS, LineModel, Words
from spamfilter.text import DIGIT, SCRIPT_SHIFT, UPPER, TextBatch
from spamfilter.tokens import KIND_LINE_END, KIND_MARK, TokenBatch, mix

SPAN_BITS = 18
"""The hashed table of the span model has ``2 ** SPAN_BITS`` rows: words, pairs and shapes share it."""
PIECE_TOKENS = 200
MARGIN = 4
NUMERIC_COUNT = 13
STRANGENESS_UNIT = 10
_SPAM_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class PieceTokens:
    """Tokens of some pieces, one after the other. ``p`` pieces, ``c`` tokens, margins included.

    Attributes:
        lines: int64 (p,), line of each piece.
        starts: int64 (p + 1,), where each piece begins in the arrays of tokens.
        tokens: int64 (c,), number of each token in the batch.
        free: bool (c,), whether a stretch may hold the token; margins and line ends may not be held.
        kinds, hashes: of the tokens.
        firsts, lasts: uint32 (c,), character table entries of their first and last characters.
        begins, ends: int64 (c,), places in ``TextBatch.chars``.
    """

    lines: NDArray[np.int64]
    starts: NDArray[np.int64]
    tokens: NDArray[np.int64]
    free: NDArray[np.bool_]
    kinds: NDArray[np.uint8]
    hashes: NDArray[np.uint32]
    firsts: NDArray[np.uint32]
    lasts: NDArray[np.uint32]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]


def cut_pieces(batch: TextBatch, tokens: TokenBatch, lines: NDArray[np.int64]) -> PieceTokens:
    """The pieces of the lines numbered ``lines``, none of which is blank."""
    low, high = tokens.line_tokens[lines], tokens.line_tokens[lines + 1]
    counts = -(-(high - low - 1) // PIECE_TOKENS)
    owner = np.repeat(np.arange(len(lines)), counts)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = low[owner] + 1 + within * PIECE_TOKENS
    stop = np.minimum(first + PIECE_TOKENS, high[owner])
    wide_first, wide_stop = np.maximum(first - MARGIN, low[owner]), np.minimum(stop + MARGIN, high[owner] + 1)
    lengths = wide_stop - wide_first
    starts = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    which = np.arange(starts[-1]) + np.repeat(wide_first - starts[:-1], lengths)
    begins, ends = tokens.begins[which], tokens.ends[which]
    return PieceTokens(
        lines=lines[owner],
        starts=starts,
        tokens=which,
        free=(which >= np.repeat(first, lengths)) & (which < np.repeat(stop, lengths)),
        kinds=tokens.kinds[which],
        hashes=tokens.hashes[which],
        firsts=batch.chars[begins],
        lasts=batch.chars[ends - 1],
        begins=begins,
        ends=ends,
    )


def token_shapes(pieces: PieceTokens) -> NDArray[np.uint32]:
    """A small number for what each token looks like: kind, script, case; marks by themselves; uint32 (c,)."""
    shapes = (pieces.kinds.astype(np.uint32) << np.uint32(8)) + (
        (pieces.firsts >> np.uint32(SCRIPT_SHIFT)) << np.uint32(4)
    )
    shapes += ((pieces.firsts & np.uint32(UPPER)) != 0).astype(np.uint32)
    long_upper = ((pieces.lasts & np.uint32(UPPER)) != 0) & (pieces.ends - pieces.begins > 1)
    shapes += long_upper.astype(np.uint32) * np.uint32(2)
    shapes += ((pieces.firsts & np.uint32(DIGIT)) != 0).astype(np.uint32) * np.uint32(4)
    marks = np.flatnonzero(pieces.kinds == KIND_MARK)
    shapes[marks] = np.uint32(1 << 16) + (pieces.firsts[marks] & np.uint32(0xFFFF))
    shapes[pieces.kinds == KIND_LINE_END] = np.uint32(1 << 17)
    return shapes


def span_rows(pieces: PieceTokens) -> tuple[NDArray[np.int64], ...]:
    """Rows in the table for each token and for the boundary before it.

    Returns:
        Four int64 (c,): of the word, of the shapes across the boundary, of the words across it, of the shapes around.
    """
    shift = np.uint32(32 - SPAN_BITS)
    hashes = pieces.hashes
    gap = np.zeros(len(hashes), np.uint32)
    gap[1:] = pieces.begins[1:] != pieces.ends[:-1]
    gap[pieces.kinds == KIND_LINE_END] = 0
    gap[1:][pieces.kinds[:-1] == KIND_LINE_END] = 0
    pair = hashes * np.uint32(0x9E3779B1)
    pair[1:] += hashes[:-1] * np.uint32(0x85EBCA77)
    mixed = mix(token_shapes(pieces) + np.uint32(77))
    narrow = mixed * np.uint32(3) + gap * np.uint32(0x27D4EB2F)
    narrow[1:] += mixed[:-1] * np.uint32(5)
    around = narrow.copy()
    # Beyond a line end stands that line end.
    before = np.where(pieces.kinds[1:-1] == KIND_LINE_END, mixed[1:-1], mixed[:-2])
    around[2:] += before * np.uint32(7)
    behind = np.where(pieces.kinds[:-1] == KIND_LINE_END, mixed[:-1], mixed[1:])
    around[:-1] += behind * np.uint32(11)
    return tuple(
        (mix(values + np.uint32(salt)) >> shift).astype(np.int64)
        for salt, values in enumerate((hashes, narrow, pair, around), start=11)
    )


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
    half = np.int64(1 << (FIELD_BITS - 1))
    packed = words[0][pieces.tokens]
    spam = ((packed + half) & ((1 << FIELD_BITS) - 1)) - half
    spam = np.clip(spam, -_SPAM_LIMIT, _SPAM_LIMIT)
    # The word of a line end holds the pair that opens the next line.
    spam[pieces.kinds == KIND_LINE_END] = 0
    count = len(spam)
    place = np.arange(count)
    lengths = np.diff(pieces.starts)
    low, high = np.repeat(pieces.starts[:-1], lengths), np.repeat(pieces.starts[1:], lengths)
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(spam)))
    inputs = np.zeros((count, NUMERIC_COUNT))
    for column, offset in enumerate((-2, -1, 0, 1)):
        there = place + offset
        inside = (there >= low) & (there < high)
        inputs[:, column] = np.where(inside, spam[np.clip(there, 0, count - 1)], 0)
    inputs[:, 4] = running[place] - running[np.maximum(place - 4, low)]
    inputs[:, 5] = running[np.minimum(place + 4, high)] - running[place]
    inputs[:, 6] = np.abs(spam)
    strange = strange * STRANGENESS_UNIT
    for column, offset in enumerate((-1, 0, 1, 2), start=7):
        there = place + offset
        inside = (there >= low) & (there < high)
        inputs[:, column] = np.where(inside, strange[np.clip(there, 0, count - 1)], 0)
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(strange)))
    inputs[:, 11] = running[place] - running[np.maximum(place - 3, low)]
    inputs[:, 12] = running[np.minimum(place + 4, high)] - running[np.minimum(place + 1, high)]
    return inputs
