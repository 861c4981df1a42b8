"""Stage 1, the line model: what does the line say?

Multinomial logistic regression over hashed n-grams with TF-IDF weights. A line's logit is
``sum(weight * idf) / sqrt(sum(idf ** 2)) + bias`` over all occurrences of its n-grams. Weights are integers,
three to a 64-bit word, so that sums are exact and a line scores the same alone or in any batch.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spamfilter import kernel
from spamfilter.ngrams import NgramSettings, own_rows, pair_rows, rows_of_pairs, triple_rows, word_grams
from spamfilter.tokens import KIND_WORD, TokenBatch

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
    """Pack int64 (n, 6) into int64 (n, 2), three signed fields a word."""
    packed: NDArray[np.int64] = fields.reshape(-1, 2, 3) @ (np.int64(1) << FIELD_BITS * np.arange(3))
    return packed


def unpack_fields(words: Words) -> NDArray[np.int64]:
    """Undo ``pack_fields`` after words have been added up: int64 (n, 6) of the two words, int64 (n,) each."""
    rest = np.array(words)
    fields = np.empty((2, 3, len(words[0])), np.int64)
    for place in range(2):
        low = rest + _HALF
        low &= _MASK
        low -= _HALF
        fields[:, place] = low
        rest -= low
        rest >>= FIELD_BITS
    fields[:, 2] = rest
    return fields.reshape(6, -1).T


def packed_words(words: Words) -> NDArray[np.int64]:
    """The two words of each token side by side, int64 (t, 2): as they lie in memory, if they lie so."""
    base = words[0].base
    if base is not None and base is words[1].base and base.shape == (len(words[0]), 2):
        return base
    return np.stack(words, axis=1)


def segment_sums(words: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fields int64 (s, 6) of the sums of packed words int64 (t, 2) from each of ``starts`` to the next."""
    sums = np.add.reduceat(words, starts, axis=0)
    return unpack_fields((sums[:, 0], sums[:, 1]))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LineScores:
    """What stage 1 found.

    Attributes:
        logits: float64 (m, 5), of the labels but clean, in the order of ``LABELS``, against clean.
        strongest: float64 (m,), largest seo_injection logit of a stretch of 64 tokens of the line.
        sums: int64 (m, 6), what the logits are made of: summed weights of the labels but clean, summed squared idf.
        token_words: packed weights of each token with the pair it begins, two int64 (t,).
    """

    logits: NDArray[np.float64]
    strongest: NDArray[np.float64]
    sums: NDArray[np.int64]
    token_words: Words


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LineModel:
    """Tables of the line model.

    Attributes:
        settings: which n-grams.
        part_table: int64 (2 ** part_bits + 1, 2), packed weights of parts; the last row is zero.
        pair_table: int64 (2 ** pair_bits, 2), packed weights of pairs and triples.
        vocabulary_hashes: uint32 (2 ** b,), hash of the known word in each slot.
        vocabulary_words: int64 (2 ** b, 2), packed sum of all its parts: a shortcut, with the same result.
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
    tables: kernel.ModelTables | None = field(init=False)

    def __post_init__(self) -> None:
        """Lay out what the compiled kernel reads, if it can read these tables."""
        object.__setattr__(self, "tables", self._tables())

    def part_words(self, tokens: TokenBatch, which: NDArray[np.int64]) -> NDArray[np.int64]:
        """Packed weights of the tokens numbered ``which``, computed from their parts: int64 (k, 2)."""
        sums = np.take(self.part_table, own_rows(tokens, which, self.settings), axis=0, mode="clip")
        words = (tokens.kinds[which] == KIND_WORD).nonzero()[0]
        if len(words):
            grams = word_grams(tokens, which[words], self.settings)
            # N-grams that cross an edge have the last row, which is zero: cheaper than to leave them out.
            values = np.take(self.part_table, grams.rows[0], axis=0, mode="clip")
            for rows in grams.rows[1:]:
                values += np.take(self.part_table, rows, axis=0, mode="clip")
            sums[words] += np.add.reduceat(values, grams.starts, axis=0)
        return clip_words(sums)

    def pair_strangeness(self, left: NDArray[np.uint32], right: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Squared idf, rounded, of pairs of token hashes, int64 (k,): high where training has not seen the pair."""
        packed = self.pair_table[rows_of_pairs(left, right, self.settings), 1]
        # The highest field, freed of what the signed fields below have borrowed.
        strangeness: NDArray[np.int64] = (packed + (_HALF << FIELD_BITS)) >> (2 * FIELD_BITS)
        return strangeness

    def token_words(self, tokens: TokenBatch) -> NDArray[np.int64]:
        """Packed weights of all tokens, pairs and triples, int64 (t, 2); row ``i`` has the pair ``(i, i + 1)`` too."""
        if self.tables is not None and kernel.is_on():
            arrays = tokens.chars, tokens.begins, tokens.ends, tokens.kinds, tokens.hashes
            return kernel.line_words(self.tables, *arrays)
        hashes = tokens.hashes
        slots = (hashes >> np.uint32(33 - len(self.vocabulary_hashes).bit_length())).astype(np.intp)
        missing = (np.take(self.vocabulary_hashes, slots, mode="clip") != hashes).nonzero()[0]
        sums = np.take(self.vocabulary_words, slots, axis=0, mode="clip")
        if len(missing):
            sums[missing] = self.part_words(tokens, missing)
        sums[:-1] += np.take(self.pair_table, pair_rows(tokens, self.settings), axis=0, mode="clip")
        middles, triples = triple_rows(tokens, self.settings)
        if len(middles):
            sums[middles] += np.take(self.pair_table, triples, axis=0, mode="clip")
        return sums

    def score(self, tokens: TokenBatch) -> LineScores:
        """Score every line of a batch."""
        packed = self.token_words(tokens)
        words = packed[:, 0], packed[:, 1]
        starts = tokens.line_tokens[:-1]
        counts = tokens.line_tokens[1:] - starts
        if not len(counts):
            return LineScores(np.zeros((0, 5)), np.zeros(0), np.zeros((0, 6), np.int64), words)
        if self.tables is not None and kernel.is_on():
            return LineScores(*kernel.line_scores(self.tables, packed, tokens.line_tokens), words)
        packed = packed[: tokens.line_tokens[-1]]
        if int(counts.max()) <= SEGMENT_TOKENS:
            sums = segment_sums(packed, starts)
            logits = self._logits(sums)
            return LineScores(logits, logits[:, 0], sums, words)
        pieces = (counts + (SEGMENT_TOKENS - 1)) // SEGMENT_TOKENS
        line_segments = pieces.cumsum() - pieces
        within = np.arange(int(pieces.sum())) - line_segments.repeat(pieces)
        sums = segment_sums(packed, starts.repeat(pieces) + within * SEGMENT_TOKENS)
        # Only lines of several segments have other logits than their first segment.
        long = (pieces > 1).nonzero()[0]
        sizes = pieces[long]
        totals = np.add.reduceat(sums[(pieces.repeat(pieces) > 1).nonzero()[0]], sizes.cumsum() - sizes, axis=0)
        both = self._logits(np.concatenate((sums, totals)))
        logits, line_sums = both[line_segments], sums[line_segments]
        logits[long], line_sums[long] = both[len(sums) :], totals
        strongest = np.maximum.reduceat(both[: len(sums), 0], line_segments)
        return LineScores(logits, strongest, line_sums, words)

    def _tables(self) -> kernel.ModelTables | None:
        part_bits, pair_bits, orders = self.settings.part_bits, self.settings.pair_bits, self.settings.part_orders
        slots = len(self.vocabulary_hashes)
        tables = (
            np.ascontiguousarray(self.part_table, np.int64),
            np.ascontiguousarray(self.pair_table, np.int64),
            np.ascontiguousarray(self.vocabulary_hashes, np.uint32),
            np.ascontiguousarray(self.vocabulary_words, np.int64),
            np.ascontiguousarray(self.bias, np.float64),
        )
        shapes = ((1 << part_bits) + 1, 2), (1 << pair_bits, 2), (slots,), (slots, 2), (NORM_FIELD,)
        suits = 1 <= part_bits < 32 and 1 <= pair_bits < 32 and slots > 1 and slots & (slots - 1) == 0
        if not suits or min(orders) < 2 or max(orders) > 31 or tuple(table.shape for table in tables) != shapes:
            return None
        lifted = sum(1 << order for order in orders)
        return kernel.ModelTables(*tables, float(self.scale), lifted, part_bits, pair_bits, slots.bit_length() - 1)

    def _logits(self, sums: NDArray[np.int64]) -> NDArray[np.float64]:
        norm = np.sqrt(np.maximum(sums[:, NORM_FIELD], 1)) * self.scale
        # Column by column: numpy is slow on rows of five.
        columns = sums.T[:NORM_FIELD] / norm
        columns += self.bias[:, None]
        return np.ascontiguousarray(columns.T)


_ONES = np.int64(1 + (1 << FIELD_BITS) + (1 << 2 * FIELD_BITS))
_BEYOND = np.int64(-2 * (TOKEN_LIMIT + 1) & int(_MASK)) * _ONES


def clip_words(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Limit every field of packed words int64 (n, 2) to ``TOKEN_LIMIT``; done in place."""
    # A field within the limit stays within 14 bits when it is lifted by the limit, or by one more.
    lifted = words + _ONES * TOKEN_LIMIT
    lifted |= lifted + _ONES
    lifted &= _BEYOND
    rows = (lifted[:, 0] | lifted[:, 1]).nonzero()[0]
    if len(rows):
        fields = unpack_fields((words[rows, 0], words[rows, 1]))
        words[rows] = pack_fields(np.clip(fields, -TOKEN_LIMIT, TOKEN_LIMIT))
    return words
