"""Stretches of tokens by the scores of their edges: the best one of each piece, and the nearest rivals of a stretch."""

import numpy as np
from numpy.typing import NDArray

from spamfilter.span_tokens import PieceTokens

EDGES = 3
"""Starts and ends of a stretch that are tried, its own among them."""
REACH = 8
"""Other starts and ends lie at most so many tokens beyond the stretch."""
LONGEST_RIVAL = 40
"""Most tokens of a rival."""
_BLOCK = -(1 << 24)
_NEVER = -(1 << 38)
_APART = 1 << 40

Stretches = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Stretches in three columns: what they belong to, and their outermost tokens."""
TokenScores = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Scores int64 (c,) each, of tokens as the start, as the end and as a part of a phrase."""


def ranges(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from each ``low`` up to its ``high``, int64 (k,) both, one range after the other; int64."""
    sizes = high - low
    numbers: NDArray[np.int64] = np.arange(int(sizes.sum())) + (high - sizes.cumsum()).repeat(sizes)
    return numbers


def best_stretches(
    starts: NDArray[np.int64], which: NDArray[np.int64], scores: TokenScores, free: NDArray[np.bool_]
) -> Stretches:
    """Best stretch of each piece numbered ``which``, ascending.

    Args:
        starts: int64 (p + 1,), where each piece begins in the arrays of tokens.
        free: bool (c,), tokens that a stretch may hold.

    Returns:
        first, last: int64 (k,), places in the arrays of tokens, one stretch for each of ``which``.
        score: int64 (k,), very low where none is free.
    """
    low, high = starts.take(which), starts.take(which + 1)
    lengths = high - low
    edges = lengths.cumsum() - lengths
    start, end, inside = scores
    if len(which) < len(starts) - 1:
        tokens = ranges(low, high)
        start, end, inside, free = start.take(tokens), end.take(tokens), inside.take(tokens), free.take(tokens)
    taken = ~free
    running = inside.copy()
    running[taken] = _BLOCK
    running.cumsum(out=running)
    opening = start + inside
    opening[taken] = _NEVER
    opening -= running
    # Pieces further on are lifted so far that no start in an earlier piece can win.
    lift = (np.arange(len(which)) * _APART).repeat(lengths)
    opening += lift
    best_opening = np.maximum.accumulate(opening)
    total = end.copy()
    total[taken] = _NEVER
    total += running
    total += best_opening
    total -= lift
    score = np.maximum.reduceat(total, edges)
    hits = (total == score.repeat(lengths)).nonzero()[0]
    last = hits[np.searchsorted(hits, edges)]
    opened = np.ones(len(total), np.bool_)
    np.greater(opening[1:], best_opening[:-1], out=opened[1:])
    openers = opened.nonzero()[0]
    first = openers[np.searchsorted(openers, last, side="right") - 1]
    shift = low - edges
    return first + shift, last + shift, score


def rivals(pieces: PieceTokens, scores: TokenScores, first: NDArray[np.int64], last: NDArray[np.int64]) -> Stretches:
    """Each stretch, and those with one of the best other starts, ends or both near it.

    Args:
        first, last: int64 (k,), places of the outermost tokens of each stretch in the arrays of tokens; at least one.

    Returns:
        owner: int64 (v,), stretch that each belongs to, ascending; the stretch itself comes first.
        first, last: int64 (v,).
    """
    starts, ends = _edges_near(pieces, scores, first, last)
    owner = np.arange(len(starts))[:, None].repeat(EDGES * EDGES, axis=1)
    opening, closing = starts.repeat(EDGES, axis=1), np.tile(ends, (1, EDGES))
    sizes = closing - opening
    usable = (opening >= 0) & (closing >= 0) & (sizes >= 0) & (sizes < LONGEST_RIVAL)
    usable[:, 0] = True
    return owner[usable], opening[usable], closing[usable]


def _edges_near(
    pieces: PieceTokens, scores: TokenScores, first: NDArray[np.int64], last: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Best starts and ends near each stretch, int64 (k, EDGES) each: its own first, -1 where there are no more."""
    piece = pieces.numbers.take(first)
    low = np.maximum(first - REACH, pieces.starts.take(piece))
    high = np.minimum(last + REACH, pieces.starts.take(piece + 1) - 1)
    places = low[:, None] + np.arange(int((high - low).max()) + 1)
    near = places <= high[:, None]
    np.minimum(places, len(pieces.free) - 1, out=places)
    near &= pieces.free.take(places)
    edges = []
    for values, own in ((scores[0], first), (scores[1], last)):
        table = np.where(near, values.take(places), _NEVER)
        chosen = np.empty((len(first), EDGES), np.int64)
        place = own - low
        for number in range(EDGES):
            if number:
                place = table.argmax(axis=1)
            best = table[np.arange(len(table)), place]
            chosen[:, number] = np.where(best > _NEVER, low + place, -1)
            table[np.arange(len(table)), place] = _NEVER
        edges.append(chosen)
    return edges[0], edges[1]


def likeliest(owner: NDArray[np.int64], odds: NDArray[np.float64]) -> NDArray[np.int64]:
    """The most likely of the rivals of each stretch, int64, ascending; the first of those that are equally so.

    Args:
        owner: int64 (v,), as ``rivals`` gives them, at least one.
        odds: float64 (v,).
    """
    edges = np.concatenate(([0], (owner[1:] != owner[:-1]).nonzero()[0] + 1))
    best = np.maximum.reduceat(odds, edges).repeat(np.diff(edges, append=len(owner)))
    hits = (odds == best).nonzero()[0]
    found: NDArray[np.int64] = hits[np.searchsorted(hits, edges)]
    return found


def disjoint(first: NDArray[np.int64], last: NDArray[np.int64], odds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which winners stay, bool (k,): of two neighbours that overlap, or have changed sides, the likelier one.

    What is left is looked at again until no neighbours do, so that those that stay are apart and in order.

    Args:
        first, last: int64 (k,), outermost tokens of one winner for each stretch, in the order of the stretches.
        odds: float64 (k,).
    """
    left = np.arange(len(first))
    while (clash := first.take(left[1:]) <= last.take(left[:-1])).any():
        second_wins = odds.take(left[1:]) > odds.take(left[:-1])
        kept = np.ones(len(left), np.bool_)
        kept[:-1] &= ~(clash & second_wins)
        kept[1:] &= ~(clash & ~second_wins)
        left = left[kept]
    stays = np.zeros(len(first), np.bool_)
    stays[left] = True
    return stays


def best_rivals(
    owner: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64], odds: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The ``likeliest`` of the ``rivals`` of each stretch, int64, ascending, as far as they are ``disjoint``."""
    chosen = likeliest(owner, odds)
    winners: NDArray[np.int64] = chosen[disjoint(first.take(chosen), last.take(chosen), odds.take(chosen))]
    return winners
