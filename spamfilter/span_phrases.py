"""What a stretch says as a whole, and how the line reads across its two edges: the phrase model of stage 3.

A linear scorer over hashed features of a stretch. Boundaries are judged one by one (``span_tokens``); here the two
edges are seen together, and the words between them, so that "cheap garden hoses" counts as a phrase.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.span_tokens import PieceTokens
from spamfilter.sums import sums_behind
from spamfilter.text import TextBatch
from spamfilter.tokens import mix

PHRASE_BITS = 18
"""Each of the two hashed tables, of what stands in a stretch and of its edges, has ``2 ** PHRASE_BITS`` rows."""
EDGE_WEIGHT = 0.3
"""What an edge feature counts for, beside contents that are brought to length 1."""
EDGE_FEATURES: tuple[tuple[str, ...], ...] = tuple(
    tuple(feature.split())
    for feature in (
        "word:before",
        "word:behind",
        "word:before word:behind",
        "word:before word:first",
        "word:last word:behind",
        "word:before2 word:before word:behind",
        "word:first",
        "word:last",
        "ending:before word:behind",
        "ending:before ending:behind",
        "word:first word:second",
        "word:last2 word:last",
        "word:before word:behind word:behind2",
        "word:before ending:behind",
        "shape:before2 shape:before shape:first",
        "shape:last shape:behind shape:behind2",
        "shape:before shape:first shape:last shape:behind",
    )
)
"""What is hashed about the edges of a stretch: words, endings and shapes of the tokens at both of them."""
_BEGINNING = 4
_FACTOR, _SALT = 0x85EBCA6B, 0x27D4EB2F


def _row(salt: int, *parts: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Row of a feature made of some hashes, whose order matters, uint32 (k,)."""
    total = np.full(len(parts[0]), salt * _SALT & 0xFFFFFFFF, np.uint32)
    for part in parts:
        total *= np.uint32(_FACTOR)
        total += part
    return mix(total) >> np.uint32(32 - PHRASE_BITS)


def _beginnings(batch: TextBatch, pieces: PieceTokens) -> NDArray[np.uint32]:
    """A hash of the first four characters of each token, fewer if it is shorter, uint32 (c,)."""
    total = np.zeros(len(pieces.begins), np.uint32)
    for ahead in range(_BEGINNING):
        places = pieces.begins + ahead
        chars = batch.chars.take(places, mode="clip")
        chars &= np.uint32(0xFFFF)
        chars *= places < pieces.ends
        total *= np.uint32(0x01000193)
        total += chars
    return mix(total)


def content_rows(batch: TextBatch, pieces: PieceTokens) -> NDArray[np.uint32]:
    """Rows of each token of some pieces, uint32 (4, c): word, beginning, ending, and the pair with the next token."""
    following = np.empty_like(pieces.hashes)
    following[:-1] = pieces.hashes[1:]
    following[-1:] = 0
    rows = np.empty((4, len(following)), np.uint32)
    rows[0] = _row(1, pieces.hashes)
    rows[1] = _row(2, _beginnings(batch, pieces))
    rows[2] = _row(3, pieces.endings)
    rows[3] = _row(4, pieces.hashes, following)
    return rows


def edge_rows(pieces: PieceTokens, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Rows of the edges of stretches, uint32 (len(EDGE_FEATURES), k).

    Args:
        first, last: int64 (k,), places of the outermost tokens of each stretch in the arrays of tokens.
    """
    piece = pieces.numbers.take(first)
    low, high = pieces.starts.take(piece), pieces.starts.take(piece + 1) - 1
    places = {
        "before2": np.maximum(first - 2, low),
        "before": np.maximum(first - 1, low),
        "first": first,
        "second": np.minimum(first + 1, last),
        "last2": np.maximum(last - 1, first),
        "last": last,
        "behind": np.minimum(last + 1, high),
        "behind2": np.minimum(last + 2, high),
    }
    values = {"word": pieces.hashes, "ending": pieces.endings, "shape": pieces.shapes}
    known: dict[str, NDArray[np.uint32]] = {}
    rows = np.empty((len(EDGE_FEATURES), len(first)), np.uint32)
    for number, feature in enumerate(EDGE_FEATURES):
        for term in feature:
            if term not in known:
                kind, place = term.split(":")
                known[term] = values[kind].take(places[place])
        rows[number] = _row(101 + number, *(known[term] for term in feature))
    return rows


def content_sizes(first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many contents a stretch has: three of each token, one of each pair."""
    return 4 * (last - first) + 3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PhraseModel:
    """Weights of the phrase model.

    Attributes:
        table: int32 (2, 2 ** PHRASE_BITS), of contents and of edges.
        scale: integer weights are ``scale`` times real ones.
        bias: of the log-odds.
    """

    table: NDArray[np.int32]
    scale: float
    bias: float

    def content_sums(self, batch: TextBatch, pieces: PieceTokens) -> NDArray[np.int64]:
        """``sums_behind`` of the weights of tokens, and of their pairs, int64 (2, c + 1)."""
        word, beginning, ending, pair = (self.table[0].take(row) for row in content_rows(batch, pieces))
        weights = np.empty((2, len(word)), np.int64)
        np.add(word, beginning, out=weights[0])
        weights[0] += ending
        weights[1] = pair
        return sums_behind(weights)

    def score(
        self,
        pieces: PieceTokens,
        contents: NDArray[np.int64],
        first: NDArray[np.int64],
        last: NDArray[np.int64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the contents of stretches say, and the log-odds that they are foreign phrases, float64 (k,) each.

        Args:
            contents: int64 (2, c + 1), as ``content_sums`` gives them.
            first, last: int64 (k,), places of the outermost tokens of each stretch in the arrays of tokens.
        """
        tokens, pairs = contents
        inside = tokens.take(first) - tokens.take(last + 1) + pairs.take(first) - pairs.take(last)
        edges = self.table[1].take(edge_rows(pieces, first, last)).sum(axis=0, dtype=np.int64)
        own: NDArray[np.float64] = inside / np.sqrt(content_sizes(first, last))
        scores: NDArray[np.float64] = own + edges * EDGE_WEIGHT
        own /= self.scale
        scores /= self.scale
        scores += self.bias
        return own, scores
