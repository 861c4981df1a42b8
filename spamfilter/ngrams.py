"""Tokens to rows of hashed n-gram tables: the only place where text becomes numbers.

Three families, all counted with every occurrence:

* parts: a token as a whole, and the character n-grams of a word with its two edges (``char_wb`` in scikit-learn);
* pairs: two neighbouring tokens, line ends included;
* triples: three neighbouring tokens around one of a script without spaces.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.tokens import KIND_SOLO, KIND_WORD, TokenBatch, hash_stretches, mix

LONGEST_WORD = 32
"""Character n-grams are taken from the first 32 characters of a word."""


@dataclass(frozen=True, slots=True)
class NgramSettings:
    """Which n-grams a model looks at.

    Attributes:
        part_orders: lengths of the character n-grams of words, edges included.
        part_bits, pair_bits: the tables have ``2 ** bits`` rows; triples share the table of the pairs.
    """

    part_orders: tuple[int, ...]
    part_bits: int
    pair_bits: int


def part_rows(
    tokens: TokenBatch, which: NDArray[np.int64], settings: NgramSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the parts of the tokens numbered ``which``.

    Returns:
        places: int64 (p,), index into ``which``, unsorted.
        rows: int64 (p,), row in the table of parts.
    """
    shift = np.uint32(32 - settings.part_bits)
    places = [np.arange(len(which))]
    rows = [(mix(tokens.hashes[which] + np.uint32(1)) >> shift).astype(np.int64)]
    words = np.flatnonzero(tokens.kinds[which] == KIND_WORD)
    begins = tokens.begins[which[words]]
    ends = tokens.ends[which[words]]
    cut_ends = np.minimum(ends, begins + LONGEST_WORD)
    for order in settings.part_orders:
        # A word of length n has n + 2 characters with its edges.
        counts = np.maximum(cut_ends - begins + 2 - order + 1, 0)
        owners = np.repeat(np.arange(len(words)), counts)
        starts = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts) + begins[owners] - 1
        first = np.maximum(starts, begins[owners])
        stop = np.minimum(starts + order, cut_ends[owners])
        edges = (first != starts).astype(np.uint32) + (stop != starts + order).astype(np.uint32) * np.uint32(2)
        hashed = hash_stretches(tokens.prefix, first, stop)
        hashed += edges * np.uint32(0x7F4A7C15) + np.uint32(order * 0x1B873593 & 0xFFFFFFFF)
        places.append(words[owners])
        rows.append((mix(hashed) >> shift).astype(np.int64))
    return np.concatenate(places), np.concatenate(rows)


def pair_rows(tokens: TokenBatch, settings: NgramSettings) -> NDArray[np.int64]:
    """Row of each token with the one behind it, int64 (t - 1,)."""
    hashed = tokens.hashes[:-1] * np.uint32(0x9E3779B1)
    hashed += tokens.hashes[1:]
    return (mix(hashed) >> np.uint32(32 - settings.pair_bits)).astype(np.int64)


def triple_rows(tokens: TokenBatch, settings: NgramSettings) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Middle tokens of a script without spaces, and the row of each with its two neighbours."""
    middles = np.flatnonzero(tokens.kinds == KIND_SOLO)
    hashed = mix(tokens.hashes[middles - 1] * np.uint32(0x85EBCA77) + tokens.hashes[middles])
    hashed = hashed * np.uint32(0xC2B2AE3D) + tokens.hashes[middles + 1]
    return middles, (mix(hashed) >> np.uint32(32 - settings.pair_bits)).astype(np.int64)
