"""Stage 1, the line model: what does the line say?

Multinomial logistic regression over hashed n-grams with TF-IDF weights. A line's logit is
``sum(weight * idf) / sqrt(sum(idf ** 2)) + bias`` over all occurrences of its n-grams. Weights are integers,
three to a 64-bit word, so that sums are exact and a line scores the same alone or in any batch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.ngrams import NgramSettings, pair_rows, part_rows, triple_rows
from spamfilter.tokens import TokenBatch

FIELD_BITS = 21
TOKEN_LIMIT = 8191
"""Largest weight of one token with all its parts."""
PAIR_LIMIT = 1023
"""Largest weight of one pair or triple; (8191 + 2 * 1023) * 64 tokens still fit into a field."""
SEGMENT_TOKENS = 64
NORM_FIELD = 5
"""Fields 0 to 4 are the labels but clean, in order; field 5 is idf squared."""

_HALF = np.int64(1 << (FIELD_BITS - 1))
_MASK = np.int64((1 << FIELD_BITS) - 1)

Words = tuple[NDArray[np.int64], NDArray[np.int64]]


def pack_fields(fields: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pack int64 (n, 6) into int64 (2, n), three signed fields a word."""
    words = np.empty((2, len(fields)), np.int64)
    for word in range(2):
        low, middle, high = (fields[:, 3 * word + place] for place in range(3))
        words[word] = low + (middle << FIELD_BITS) + (high << (2 * FIELD_BITS))
    return words


def unpack_fields(words: Words) -> NDArray[np.int64]:
    """Undo ``pack_fields`` after words have been added up: int64 (n, 6)."""
    fields = np.empty((len(words[0]), 6), np.int64)
    for number, word in enumerate(words):
        low = ((word + _HALF) & _MASK) - _HALF
        rest = (word - low) >> FIELD_BITS
        middle = ((rest + _HALF) & _MASK) - _HALF
        fields[:, 3 * number] = low
        fields[:, 3 * number + 1] = middle
        fields[:, 3 * number + 2] = (rest - middle) >> FIELD_BITS
    return fields


@dataclass(frozen=True, slots=True)
class LineScores:
    """What stage 1 found.

    Attributes:
        logits: float64 (m, 5), of the labels but clean, in the order of ``LABELS``, against clean.
        strongest: float64 (m,), largest seo_injection logit of a stretch of 64 tokens of the line.
        token_words: packed weights of each token with the pair it begins, two int64 (t,).
    """

    logits: NDArray[np.float64]
    strongest: NDArray[np.float64]
    token_words: Words


@dataclass(frozen=True, slots=True)
class LineModel:
    """Tables of the line model.

    Attributes:
        settings: which n-grams.
        part_table: int64 (2, 2 ** part_bits), packed weights of parts.
        pair_table: int64 (2, 2 ** pair_bits), packed weights of pairs and triples.
        vocabulary_hashes: uint32 (2 ** b,), hash of the known word in each slot.
        vocabulary_words: int64 (2, 2 ** b), packed sum of all its parts: a shortcut, with the same result.
        scale: integer weights are ``scale`` times real ones.
        bias: float64 (5,).
    """

    settings: NgramSettings
    part_table: NDArray[np.int64]
    pair_table: NDArray[np.int64]
    vocabulary_hashes: NDArray[np.uint32]
    vocabulary_words: NDArray[np.int64]
    scale: float
    bias: NDArray[np.float64]

    def part_words(self, tokens: TokenBatch, which: NDArray[np.int64]) -> Words:
        """Packed weights of the tokens numbered ``which``, computed from their parts."""
        places, rows = part_rows(tokens, which, self.settings)
        order = np.argsort(places, kind="stable")
        places, rows = places[order], rows[order]
        starts = np.searchsorted(places, np.arange(len(which)))
        sums = [np.add.reduceat(np.take(table, rows), starts) for table in self.part_table]
        return clip_words((sums[0], sums[1]))

    def token_words(self, tokens: TokenBatch) -> Words:
        """Packed weights of all tokens, pairs and triples; word ``i`` also holds the pair ``(i, i + 1)``."""
        hashes = tokens.hashes
        slots = (hashes >> np.uint32(32 - (len(self.vocabulary_hashes).bit_length() - 1))).astype(np.int64)
        missing = np.flatnonzero(self.vocabulary_hashes[slots] != hashes)
        pairs = pair_rows(tokens, self.settings)
        middles, triples = triple_rows(tokens, self.settings)
        computed = self.part_words(tokens, missing) if len(missing) else None
        result = []
        for word in range(2):
            sums = np.take(self.vocabulary_words[word], slots)
            if computed is not None:
                sums[missing] = computed[word]
            sums[:-1] += np.take(self.pair_table[word], pairs)
            if len(middles):
                sums[middles] += np.take(self.pair_table[word], triples)
            result.append(sums)
        return result[0], result[1]

    def score(self, tokens: TokenBatch) -> LineScores:
        """Score every line of a batch."""
        words = self.token_words(tokens)
        first_tokens = tokens.line_tokens[:-1]
        counts = np.diff(tokens.line_tokens)
        if not len(counts):
            return LineScores(np.zeros((0, 5)), np.zeros(0), words)
        pieces = -(-counts // SEGMENT_TOKENS)
        line_segments = np.cumsum(pieces) - pieces
        if len(counts) == int(pieces.sum()):
            starts = first_tokens
        else:
            segment_lines = np.repeat(np.arange(len(counts)), pieces)
            within = np.arange(len(segment_lines)) - line_segments[segment_lines]
            starts = first_tokens[segment_lines] + within * SEGMENT_TOKENS
        stop = tokens.line_tokens[-1]
        sums = unpack_fields((np.add.reduceat(words[0][:stop], starts), np.add.reduceat(words[1][:stop], starts)))
        segment_logits = self._logits(sums)
        if len(sums) == len(counts):
            return LineScores(segment_logits, segment_logits[:, 0], words)
        logits = self._logits(np.add.reduceat(sums, line_segments, axis=0))
        return LineScores(logits, np.maximum.reduceat(segment_logits[:, 0], line_segments), words)

    def _logits(self, sums: NDArray[np.int64]) -> NDArray[np.float64]:
        norm = np.sqrt(np.maximum(sums[:, NORM_FIELD], 1)) * self.scale
        logits: NDArray[np.float64] = sums[:, :NORM_FIELD] / norm[:, None] + self.bias
        return logits


def clip_words(words: Words) -> Words:
    """Limit every field of packed words to ``TOKEN_LIMIT``."""
    clipped = pack_fields(np.clip(unpack_fields(words), -TOKEN_LIMIT, TOKEN_LIMIT))
    return clipped[0], clipped[1]
