"""Folded characters to tokens: words, single characters of scripts without spaces, marks, line ends.

Each token carries a 32-bit hash of its characters, ``sum(code * BASE**place in the token)`` in wrap-around
32-bit arithmetic: the difference of two running sums, brought back to place zero by the inverse power
(Rabin and Karp, 1987), so that a token costs the same however long it is.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spamfilter import kernel
from spamfilter.text import TextBatch

KIND_WORD, KIND_SOLO, KIND_MARK, KIND_LINE_END = 1, 2, 4, 8

BASE = 0x9E3779B1
_BLOCK_BITS = 15
_BLOCK = 1 << _BLOCK_BITS
_SOLID_BEFORE, _SOLID_BEHIND = 16, 32


def mix(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Spread 32-bit hashes so that their high bits can serve as table rows (finalizer of MurmurHash3)."""
    mixed = hashes >> np.uint32(16)
    mixed ^= hashes
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    return mixed


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TokenBatch:
    """Tokens of a ``TextBatch``. ``t`` tokens; every line end is one, the one before the first line too.

    Attributes:
        begins, ends: int64 (t,), places in ``TextBatch.chars``.
        kinds: uint8 (t,), one of the KIND constants.
        hashes: uint32 (t,), of the folded characters; for marks also of the sides on which a token touches them.
        line_tokens: int64 (m + 1,), token of the line end before each line; line ``i`` has the tokens
            ``line_tokens[i] + 1 .. line_tokens[i + 1] - 1``.
        firsts: uint32 (t,), character table entry of the first character.
        chars: uint32 (n,), those of the ``TextBatch``.
    """

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    hashes: NDArray[np.uint32]
    line_tokens: NDArray[np.int64]
    firsts: NDArray[np.uint32]
    chars: NDArray[np.uint32]

    @property
    def token_lines(self) -> NDArray[np.int64]:
        """Line of each token but the first, int64 (t - 1,); a line end belongs to the line that it ends."""
        return np.repeat(np.arange(len(self.line_tokens) - 1), np.diff(self.line_tokens))


def _powers_of(base: int, count: int) -> NDArray[np.uint32]:
    powers = np.full(count, base, np.uint32)
    powers[0] = 1
    return np.multiply.accumulate(powers, dtype=np.uint32)


@lru_cache(maxsize=1)
def _powers() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """BASE to the power 0, 1, 2 ... and the inverses: constants, read only."""
    powers, inverses = _powers_of(BASE, _BLOCK), _powers_of(pow(BASE, -1, 1 << 32), _BLOCK)
    powers.setflags(write=False)
    inverses.setflags(write=False)
    return powers, inverses


@lru_cache(maxsize=1)
def _mark_salts() -> NDArray[np.uint32]:
    """What is added to the hash of a token, by its kind and the sides on which it is touched: marks only."""
    salts = np.zeros(64, np.uint32)
    for touches in range(4):
        salts[KIND_MARK + touches * _SOLID_BEFORE] = touches * 0x3C6EF372 & 0xFFFFFFFF
    salts.setflags(write=False)
    return salts


def _kinds_and_sums(chars: NDArray[np.uint32]) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Kind of each character, uint8 (n,); sums of ``code * BASE**place`` from each on to the last, uint32 (n + 1,)."""
    powers, _ = _powers()
    count = len(chars)
    kinds = np.empty(count, np.uint8)
    sums = np.empty(count + 1, np.uint32)
    sums[count] = 0
    # Block by block, so that characters are read from the cache and one block of powers serves any length:
    # BASE**place = BASE**(start of the block) * BASE**(rest).
    for first in range(0, count, _BLOCK):
        block = chars[first : first + _BLOCK]
        kinds[first : first + _BLOCK] = block >> np.uint32(16)
        products = sums[first : first + len(block)]
        np.bitwise_and(block, np.uint32(0xFFFF), out=products)
        products *= powers[: len(block)]
        if first:
            products *= np.uint32(pow(BASE, first, 1 << 32))
    kinds &= KIND_WORD | KIND_SOLO | KIND_MARK
    # Summed from the back: over negative strides numpy keeps the sum in a register, five times faster than forwards.
    backwards = sums[::-1]
    np.add.accumulate(backwards, dtype=np.uint32, out=backwards)
    return kinds, sums


def _hash_stretches(sums: NDArray[np.uint32], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Hash of the characters ``[begin, end)``, the same wherever they stand; uint32, not yet mixed."""
    _, inverses = _powers()
    hashes = sums.take(begins, mode="clip")
    hashes -= sums.take(ends, mode="clip")
    if len(sums) <= _BLOCK:
        hashes *= inverses.take(begins, mode="clip")
        return hashes
    hashes *= inverses.take(begins & (_BLOCK - 1), mode="clip")
    scales = _powers_of(pow(BASE, -_BLOCK, 1 << 32), len(sums) // _BLOCK + 1)
    hashes *= scales.take(begins >> _BLOCK_BITS, mode="clip")
    return hashes


def tokenize(batch: TextBatch) -> TokenBatch:
    """Cut the lines of ``batch`` into tokens."""
    if kernel.is_on():
        return TokenBatch(*kernel.tokenize(batch.chars, len(batch.line_ends) + 1), batch.chars)
    kinds, sums = _kinds_and_sums(batch.chars)
    solid = kinds != 0
    kinds[0] = KIND_LINE_END
    kinds[batch.line_ends] = KIND_LINE_END
    # Bit 0 means a word: it is left where a character continues the word of the one before.
    inside = kinds[1:] & kinds[:-1]
    inside &= KIND_WORD
    # A character with no kind, or inside a word, begins nothing; all others do. Ends likewise, seen from behind.
    edge = kinds.copy()
    edge[1:] ^= inside
    begins = (edge != 0).nonzero()[0]
    edge[0] = kinds[0]
    edge[1:] = kinds[1:]
    edge[:-1] ^= inside
    ends = (edge != 0).nonzero()[0]
    ends += 1
    kinds[1:] |= solid[:-1] * np.uint8(_SOLID_BEFORE)
    kinds[:-1] |= solid[1:] * np.uint8(_SOLID_BEHIND)
    token_kinds = kinds.take(begins, mode="clip")
    hashes = _hash_stretches(sums, begins, ends)
    hashes += _mark_salts().take(token_kinds, mode="clip")
    token_kinds &= 15
    return TokenBatch(
        begins=begins,
        ends=ends,
        kinds=token_kinds,
        hashes=mix(hashes),
        line_tokens=(token_kinds == KIND_LINE_END).nonzero()[0],
        firsts=batch.chars.take(begins),
        chars=batch.chars,
    )
