"""What a line looks like: how many of its tokens are words, capitals, digits, marks, Latin, without spaces."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spamfilter.sums import sums_behind
from spamfilter.text import DIGIT, MARK, SCRIPT_SHIFT, SOLO, STOP, UPPER, TextBatch
from spamfilter.tokens import TokenBatch

_FIELD = 12
_LONGEST = (1 << _FIELD) - 1
"""Tokens that can be counted at once: five counts share 64 bits."""
_LATIN = 1
_ENTRY_SHIFT = 16
_ENTRY_KINDS = 1 << 12


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
def _counts_of_entries() -> NDArray[np.int64]:
    """Five counts of a token, packed, by the upper half of its first character's entry: int64 (4096,)."""
    entries = np.arange(_ENTRY_KINDS) << _ENTRY_SHIFT
    latin = (entries >> SCRIPT_SHIFT) & 15 == _LATIN
    counted = *((entries & bit) != 0 for bit in (DIGIT, MARK, SOLO, UPPER)), latin
    table = sum(one.astype(np.int64) << (_FIELD * place) for place, one in enumerate(counted))
    return np.asarray(table)


_SHIFTS = np.arange(0, 5 * _FIELD, _FIELD)[:, None]


def count_shapes(
    batch: TextBatch, tokens: TokenBatch, lines: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> LineShapes:
    """Count over the lines numbered ``lines``, whose tokens are ``[start, stop)`` each, none of them empty."""
    last = batch.chars.take(tokens.ends.take(stops - 1) - 1)
    running = sums_behind(_counts_of_entries().take((tokens.firsts >> np.uint32(_ENTRY_SHIFT)).astype(np.intp)))
    counts = _counts_between(running, starts, stops)
    solos = counts[2]
    return LineShapes(
        widths=batch.line_ends.take(lines) - batch.line_starts.take(lines) + (3 * solos) // 2,
        words=stops - starts - counts[1] - solos,
        solos=solos,
        capitals=counts[3],
        latins=counts[4],
        stops=((last & np.uint32(STOP)) != 0).astype(np.int64),
        digits_and_marks=counts[:2],
    )


def _counts_between(
    running: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The five counts over each ``[start, stop)``, int64 (5, r)."""
    sizes = stops - starts
    long = (sizes > _LONGEST).nonzero()[0]
    counts = ((running.take(starts) - running.take(stops)) >> _SHIFTS) & _LONGEST
    for row in long.tolist():
        edges = np.append(np.arange(starts[row], stops[row], _LONGEST), stops[row])
        parts = running.take(edges[:-1]) - running.take(edges[1:])
        counts[:, row] = ((parts >> _SHIFTS) & _LONGEST).sum(axis=1)
    return counts
