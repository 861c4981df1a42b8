"""What a line looks like: how many of its tokens are words, capitals, digits, marks, Latin, without spaces."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spamfilter.sums import sums_behind
from spamfilter.text import DIGIT, MARK, SCRIPT_SHIFT, SOLO, STOP, UPPER, WORD, TextBatch
from spamfilter.tokens import TokenBatch

COUNTED_TOKENS = 2_000_000
"""Tokens further down a line are not counted, so that three counts fit into 64 bits."""
_FIELD = 21
_MASK = (1 << _FIELD) - 1
_LATIN = 1
_ENTRY_SHIFT = 16
_ENTRY_KINDS = 1 << 12


@dataclass(frozen=True, slots=True)
class LineShapes:
    """Counts of tokens and characters of the lines that are not blank, int64 (r,) where nothing else is said.

    Attributes:
        widths: characters, those of scripts without spaces counted 2.5 times.
        words, solos: tokens that are words, and those of scripts without spaces.
        capitals, latins: tokens by their first character.
        stops: 1 for a line that ends as sentences do, else 0.
        digits_and_marks: int64 (2, r), tokens that begin with a digit, and marks.
    """

    widths: NDArray[np.int64]
    words: NDArray[np.int64]
    solos: NDArray[np.int64]
    capitals: NDArray[np.int64]
    latins: NDArray[np.int64]
    stops: NDArray[np.int64]
    digits_and_marks: NDArray[np.int64]


@lru_cache(maxsize=1)
def _count_tables() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts of a token by the upper half of its first character's entry, three to a 64-bit word, int64 (4096,)."""
    entries = np.arange(_ENTRY_KINDS) << _ENTRY_SHIFT

    def packed(*bits: NDArray[np.bool_]) -> NDArray[np.int64]:
        table = np.zeros(_ENTRY_KINDS, np.int64)
        for place, bit in enumerate(bits):
            table += bit.astype(np.int64) << (_FIELD * place)
        table.setflags(write=False)
        return table

    latin = (entries >> SCRIPT_SHIFT) & 15 == _LATIN
    return (
        packed((entries & WORD) != 0, (entries & UPPER) != 0, (entries & DIGIT) != 0),
        packed((entries & SOLO) != 0, latin, (entries & MARK) != 0),
    )


def count_shapes(
    batch: TextBatch, tokens: TokenBatch, lines: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> LineShapes:
    """Count over the lines numbered ``lines``, whose tokens are ``[start, stop)`` each, none of them empty."""
    last = batch.chars.take(tokens.ends.take(stops - 1) - 1)
    counted = np.minimum(stops, starts + COUNTED_TOKENS)
    kinds = (tokens.firsts >> np.uint32(_ENTRY_SHIFT)).astype(np.intp)
    sums = np.empty((2, len(lines)), np.int64)
    for row, table in zip(sums, _count_tables(), strict=True):
        running = sums_behind(table.take(kinds))
        np.subtract(running.take(starts), running.take(counted), out=row)
    words, solos = sums & _MASK
    sums >>= _FIELD
    capitals, latins = sums & _MASK
    sums >>= _FIELD
    return LineShapes(
        widths=batch.line_ends.take(lines) - batch.line_starts.take(lines) + (3 * solos) // 2,
        words=words,
        solos=solos,
        capitals=capitals,
        latins=latins,
        stops=((last & np.uint32(STOP)) != 0).astype(np.int64),
        digits_and_marks=sums,
    )
