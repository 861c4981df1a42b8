"""Tokens to rows of hashed n-gram tables: the only place where text becomes numbers.

Three families, all counted with every occurrence:

* parts: a token as a whole, and the character n-grams of a word with its two edges (``char_wb`` in scikit-learn);
* pairs: two neighbouring tokens, line ends included;
* triples: three neighbouring tokens around one of a script without spaces.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.tokens import BASE, KIND_SOLO, KIND_WORD, TokenBatch, mix

LONGEST_WORD = 32
"""Character n-grams are taken from the first 32 characters of a word."""
_EDGE_SALT = 0x7F4A7C15


@dataclass(frozen=True, slots=True)
class NgramSettings:
    """Which n-grams a model looks at.

    Attributes:
        part_orders: lengths of the character n-grams of words, edges included; each at least 2.
        part_bits, pair_bits: the tables have ``2 ** bits`` rows; triples share the table of the pairs.
    """

    part_orders: tuple[int, ...]
    part_bits: int
    pair_bits: int


@dataclass(frozen=True, slots=True)
class WordGrams:
    """Character n-grams of words that were laid side by side, one edge between two.

    Attributes:
        rows: uint32 (orders, p), row in the table of parts of the n-gram that starts at each place; the row
            behind the last of the table, ``2 ** part_bits``, where it would cross an edge.
        starts: int64 (w,), place of the edge before each word.
        sizes: int64 (w,), places of each word, the edge before it counted.
    """

    rows: NDArray[np.uint32]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]


def word_grams(tokens: TokenBatch, words: NDArray[np.int64], settings: NgramSettings) -> WordGrams:
    """Rows of the character n-grams of the tokens numbered ``words``, all of them words."""
    begins = tokens.begins[words]
    sizes = tokens.ends[words] - begins
    np.minimum(sizes, LONGEST_WORD, out=sizes)
    sizes += 1
    starts = sizes.cumsum()
    count = int(starts[-1]) if len(starts) else 0
    starts -= sizes
    orders, longest = settings.part_orders, max(settings.part_orders)
    # Behind the last word stand more edges, so that every n-gram has somewhere to end.
    codes = np.zeros(count + longest, np.uint32)
    places = np.arange(count)
    places += (begins - starts - 1).repeat(sizes)
    np.bitwise_and(tokens.chars.take(places, mode="clip"), np.uint32(0xFFFF), out=codes[:count])
    codes[starts] = 0
    edges = np.zeros(count + longest, np.uint32)
    edges[count:] = 1
    edges[starts] = 1
    # An n-gram is longer by one character than the one that starts at the same place and has been summed before it.
    sums = codes[:count].copy()
    crossed = np.zeros(count, np.uint32)
    hashed = np.empty((len(orders), count), np.uint32)
    crossing = np.empty((len(orders), count), np.uint32)
    for length in range(2, longest + 1):
        reach = slice(length - 1, length - 1 + count)
        sums += codes[reach] * np.uint32(pow(BASE, length - 1, 1 << 32))
        if length in orders:
            hashed[orders.index(length)] = sums
            crossing[orders.index(length)] = crossed
        crossed |= edges[reach]
    # The edge before a word takes no place in the hash.
    lead = np.ones(count, np.uint32)
    lead[starts] = pow(BASE, -1, 1 << 32)
    hashed *= lead
    edges *= np.uint32(_EDGE_SALT)
    hashed += edges[:count]
    edges += edges
    for number, order in enumerate(orders):
        hashed[number] += edges[order - 1 : order - 1 + count]
    hashed += np.array([[order * 0x1B873593 & 0xFFFFFFFF] for order in orders], np.uint32)
    rows = mix(hashed)
    rows >>= np.uint32(32 - settings.part_bits)
    crossing <<= np.uint32(settings.part_bits)
    np.maximum(rows, crossing, out=rows)
    return WordGrams(rows, starts, sizes)


def own_rows(tokens: TokenBatch, which: NDArray[np.int64], settings: NgramSettings) -> NDArray[np.uint32]:
    """Row in the table of parts of each of the tokens numbered ``which`` as a whole, uint32 (k,)."""
    return mix(tokens.hashes[which] + np.uint32(1)) >> np.uint32(32 - settings.part_bits)


def part_rows(
    tokens: TokenBatch, which: NDArray[np.int64], settings: NgramSettings
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the parts of the tokens numbered ``which``.

    Returns:
        places: int64 (p,), index into ``which``, unsorted.
        rows: int64 (p,), row in the table of parts.
    """
    words = np.flatnonzero(tokens.kinds[which] == KIND_WORD)
    grams = word_grams(tokens, which[words], settings)
    orders, starts = (grams.rows < 1 << settings.part_bits).nonzero()
    places = np.concatenate((np.arange(len(which)), np.repeat(words, grams.sizes)[starts]))
    rows = np.concatenate((own_rows(tokens, which, settings), grams.rows[orders, starts]))
    return places, rows.astype(np.int64)


def pair_rows(tokens: TokenBatch, settings: NgramSettings) -> NDArray[np.int64]:
    """Row of each token with the one behind it, int64 (t - 1,)."""
    return rows_of_pairs(tokens.hashes[:-1], tokens.hashes[1:], settings)


def rows_of_pairs(left: NDArray[np.uint32], right: NDArray[np.uint32], settings: NgramSettings) -> NDArray[np.int64]:
    """Row of each pair of token hashes, int64 (k,)."""
    hashed = left * np.uint32(BASE)
    hashed += right
    return (mix(hashed) >> np.uint32(32 - settings.pair_bits)).astype(np.int64)


def triple_rows(tokens: TokenBatch, settings: NgramSettings) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Middle tokens of a script without spaces, and the row of each with its two neighbours."""
    middles = (tokens.kinds == KIND_SOLO).nonzero()[0]
    if not len(middles):
        return middles, middles
    hashed = mix(tokens.hashes[middles - 1] * np.uint32(0x85EBCA77) + tokens.hashes[middles])
    hashed = hashed * np.uint32(0xC2B2AE3D) + tokens.hashes[middles + 1]
    return middles, (mix(hashed) >> np.uint32(32 - settings.pair_bits)).astype(np.int64)
