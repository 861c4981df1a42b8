"""Folded characters to tokens: words, single characters of scripts without spaces, marks, line ends.

Each token carries a 32-bit hash of its characters: the difference of two prefix sums of
``code * BASE**position``, brought back to position zero by the inverse power (Rabin and Karp, 1987, in
wrap-around 32-bit arithmetic), so that the hash of any stretch costs the same wherever it stands.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spamfilter.text import TextBatch

KIND_WORD, KIND_SOLO, KIND_MARK, KIND_LINE_END = 1, 2, 4, 8

_BASE = 0x9E3779B1
_POWER_COUNT = 1 << 16


def mix(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Spread 32-bit hashes so that their high bits can serve as table rows (finalizer of MurmurHash3)."""
    mixed = hashes ^ (hashes >> np.uint32(16))
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    return mixed


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Tokens of a ``TextBatch``. ``t`` tokens; every line end is one, the one before the first line too.

    Attributes:
        begins, ends: int64 (t,), places in ``TextBatch.chars``.
        kinds: uint8 (t,), one of the KIND constants.
        hashes: uint32 (t,), of the folded characters; for marks also of whether they touch their neighbours.
        line_tokens: int64 (m + 1,), token of the line end before each line; line ``i`` has the tokens
            ``line_tokens[i] + 1 .. line_tokens[i + 1] - 1``.
        prefix: uint32 (n + 1,), prefix sums for ``hash_stretches``, restarted at each block of characters.
    """

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    hashes: NDArray[np.uint32]
    line_tokens: NDArray[np.int64]
    prefix: NDArray[np.uint32]

    @property
    def token_lines(self) -> NDArray[np.int64]:
        """Line of each token but the first, int64 (t - 1,); a line end belongs to the line that it ends."""
        return np.repeat(np.arange(len(self.line_tokens) - 1), np.diff(self.line_tokens))


@lru_cache(maxsize=1)
def _powers() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """BASE to the power 0, 1, 2 ... and the inverses: constants, read only."""
    inverse = pow(_BASE, -1, 1 << 32)
    powers = np.full(_POWER_COUNT, _BASE, np.uint32)
    inverses = np.full(_POWER_COUNT, inverse, np.uint32)
    powers[0] = inverses[0] = 1
    powers = np.multiply.accumulate(powers, dtype=np.uint32)
    inverses = np.multiply.accumulate(inverses, dtype=np.uint32)
    powers.setflags(write=False)
    inverses.setflags(write=False)
    return powers, inverses


def prefix_sums(codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Prefix sums of ``code * BASE**position``, uint32 (n + 1,)."""
    powers, _ = _powers()
    prefix = np.zeros(len(codes) + 1, np.uint32)
    if len(codes) <= _POWER_COUNT:
        np.cumsum(codes * powers[: len(codes)], dtype=np.uint32, out=prefix[1:])
        return prefix
    # BASE**(position) = BASE**(block) * BASE**(rest): one block of powers serves buffers of any length.
    step = np.uint32(pow(_BASE, _POWER_COUNT, 1 << 32))
    scale = np.uint32(1)
    with np.errstate(over="ignore"):
        for first in range(0, len(codes), _POWER_COUNT):
            block = codes[first : first + _POWER_COUNT]
            np.multiply(block * powers[: len(block)], scale, out=prefix[first + 1 : first + 1 + len(block)])
            scale = scale * step
    np.cumsum(prefix, dtype=np.uint32, out=prefix)
    return prefix


def hash_stretches(
    prefix: NDArray[np.uint32], begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Hash of the characters ``[begin, end)``, the same wherever they stand; uint32, not yet mixed."""
    _, inverses = _powers()
    difference = prefix[ends] - prefix[begins]
    if len(prefix) <= _POWER_COUNT:
        return difference * inverses[begins]
    high, low = begins // _POWER_COUNT, begins % _POWER_COUNT
    blocks = np.full(int(len(prefix) // _POWER_COUNT) + 1, pow(_BASE, -_POWER_COUNT, 1 << 32), np.uint32)
    blocks[0] = 1
    blocks = np.multiply.accumulate(blocks, dtype=np.uint32)
    return difference * inverses[low] * blocks[high]


def tokenize(batch: TextBatch) -> TokenBatch:
    """Cut the lines of ``batch`` into tokens."""
    chars = batch.chars
    kinds = (chars >> np.uint32(16)).astype(np.uint8)
    kinds &= 7
    ends_of_lines = np.concatenate((np.zeros(1, np.int64), batch.line_ends))
    kinds[ends_of_lines] = KIND_LINE_END
    is_token = kinds != 0
    inside = kinds[1:] == KIND_WORD
    inside &= kinds[:-1] == KIND_WORD
    is_begin = is_token.copy()
    np.logical_and(is_begin[1:], ~inside, out=is_begin[1:])
    is_end = is_token
    np.logical_and(is_end[:-1], ~inside, out=is_end[:-1])
    begins = np.flatnonzero(is_begin)
    last = np.flatnonzero(is_end)
    ends = last + 1
    token_kinds = kinds[begins]
    prefix = prefix_sums(chars & np.uint32(0xFFFF))
    hashes = hash_stretches(prefix, begins, ends)
    marks = np.flatnonzero(token_kinds == KIND_MARK)
    # Every mark has neighbours: the buffer starts and ends with a line end.
    touches = (kinds[begins[marks] - 1] & 7 != 0).astype(np.uint32)
    touches += (kinds[ends[marks]] & 7 != 0).astype(np.uint32) << np.uint32(1)
    hashes[marks] += touches * np.uint32(0x3C6EF372)
    return TokenBatch(
        begins=begins,
        ends=ends,
        kinds=token_kinds,
        hashes=mix(hashes),
        line_tokens=np.searchsorted(begins, ends_of_lines),
        prefix=prefix,
    )
