"""Which words of a line the body of its page uses elsewhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.sums import sums_behind
from spamfilter.tokens import KIND_SOLO, KIND_WORD, TokenBatch

RELATED_BITS = 13
"""Words of a page are told apart by 13 bits of their hash."""
IDF_BITS = 16
WEIGHED_TOKENS = 1 << 23
"""Tokens further down a line are not weighed, so that two sums fit into 64 bits."""
_HALF = 32


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WordWeights:
    """The idf of words, and which of it is related.

    Attributes:
        running: int64 (t + 1,), sums over tokens for ``between``.
        idf: uint8 (t,), of each word; 0 of all other tokens.
        unrelated_idf: uint8 (t,), the same of words that the rest of the body lacks, else 0.
    """

    running: NDArray[np.int64]
    idf: NDArray[np.uint8]
    unrelated_idf: NDArray[np.uint8]

    def between(self, first: NDArray[np.int64], stop: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Idf of the words among the tokens ``[first, stop)``, ``WEIGHED_TOKENS`` at most: all, and related ones."""
        packed = self.running.take(first) - self.running.take(stop)
        return packed & ((1 << _HALF) - 1), packed >> _HALF


def word_weights(
    tokens: TokenBatch, document_tokens: NDArray[np.int64], body: NDArray[np.bool_], idf: NDArray[np.uint8]
) -> WordWeights:
    """Weigh the words of all tokens.

    Args:
        document_tokens: int64 (d + 1,), number of the line end before the first line of each document.
        body: bool (m,), lines that are part of the body of their page.
        idf: uint8 (2 ** IDF_BITS,), weight of a word by the high bits of its hash.
    """
    hashes = tokens.hashes
    # A single character of a script without spaces says little: take it with its right neighbour.
    solo = (tokens.kinds == KIND_SOLO).nonzero()[0]
    if len(solo):
        hashes = hashes.copy()
        hashes[solo] = hashes.take(solo) * np.uint32(0x9E3779B1) + tokens.hashes.take(solo + 1)
    weights = idf.take((hashes >> np.uint32(32 - IDF_BITS)).astype(np.intp))
    keys = (hashes & np.uint32((1 << RELATED_BITS) - 1)).astype(np.intp)
    documents = len(document_tokens) - 1
    if documents > 1:
        keys[1:] += (np.arange(documents) << RELATED_BITS).repeat(np.diff(document_tokens))
    is_word = (tokens.kinds & np.uint8(KIND_WORD | KIND_SOLO)) != 0
    weights *= is_word
    in_body = np.zeros(len(keys), np.bool_)
    in_body[1:] = body.repeat(tokens.line_tokens[1:] - tokens.line_tokens[:-1])
    in_body &= is_word
    seen = np.bincount(keys.take(in_body.nonzero()[0]), minlength=max(documents, 1) << RELATED_BITS)
    # A word of the body is related if the body has it once more.
    related = seen.take(keys) > in_body
    # Two sums share a 64-bit word: of all words, and of the related ones.
    packed = related.astype(np.int64)
    packed <<= _HALF
    packed += 1
    packed *= weights
    return WordWeights(sums_behind(packed), weights, weights * ~related)
