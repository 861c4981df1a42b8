"""Exact means over the lines around a line: a few lines away, and all over its page."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.sums import sums_behind

_BLOCK_ROWS = 1 << 13


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pages:
    """Where the rows of each page stand. ``r`` rows in all, ``d`` pages, some of them perhaps without a row.

    Attributes:
        edges: int64 (d + 1,), first row of each page.
        sizes: int64 (d,), rows of each page.
        documents: int64 (r,), page of each row, ascending.
        starts, stops: int64 (r,), first row of its page, and one past the last.
    """

    edges: NDArray[np.int64]
    sizes: NDArray[np.int64]
    documents: NDArray[np.int64]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    @classmethod
    def between(cls, edges: NDArray[np.int64]) -> "Pages":
        """Pages whose rows are ``[edges[i], edges[i + 1])``."""
        sizes = edges[1:] - edges[:-1]
        documents = np.arange(len(sizes)).repeat(sizes)
        return cls(edges, sizes, documents, edges.take(documents), edges.take(documents + 1))

    def blocks(self) -> Iterator[slice]:
        """Rows in blocks so small that many numbers of each take little memory, however many rows there are."""
        count = len(self.documents)
        for first in range(0, count, _BLOCK_ROWS):
            yield slice(first, min(first + _BLOCK_ROWS, count))

    def totals(self, values: NDArray[np.int64], rows: slice) -> NDArray[np.int64]:
        """Sums over each page of ``values`` int64 (k, n), which belong to some ``rows``; int64 (k, d)."""
        edges = np.minimum(np.maximum(self.edges, rows.start), rows.stop)
        edges -= rows.start
        running = sums_behind(values).take(edges, axis=1)
        sums: NDArray[np.int64] = running[:, :-1] - running[:, 1:]
        return sums

    def sums(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sums over each page of ``values`` int64 (k, r), int64 (k, d); block by block, in little memory."""
        sums = np.zeros((len(values), len(self.sizes)), np.int64)
        for rows in self.blocks():
            sums += self.totals(values[:, rows], rows)
        return sums

    def means_within(
        self, values: NDArray[np.int64], running: NDArray[np.int64], reach: int, rows: slice
    ) -> NDArray[np.float64]:
        """Means over the rows at most ``reach`` away on the same page, the row itself left out; 0 where there are none.

        Args:
            values: int64 (k, r).
            running: int64 (k, r + 1), ``sums_behind(values)``.
            rows: n rows next to each other.

        Returns:
            float64 (k, n).
        """
        sums, counts = self.sums_within(values, running, reach, rows)
        means: NDArray[np.float64] = sums / counts
        return means

    def sums_within(
        self, values: NDArray[np.int64], running: NDArray[np.int64], reach: int, rows: slice
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sums int64 (k, n) over the rows that ``means_within`` looks at, and their number, at least 1, int64 (n,)."""
        _, first, stop = self._around(reach, rows)
        sums = running.take(first, axis=1)
        sums -= running.take(stop, axis=1)
        sums -= values[:, rows]
        stop -= first
        stop -= 1
        return sums, np.maximum(stop, 1, out=stop)

    def means_beside(
        self, running: NDArray[np.int64], reach: int, rows: slice
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means over the rows at most ``reach`` before each row of its page, and behind it; 0 where there are none.

        Args:
            running: int64 (k, r + 1), as ``means_within`` takes it.

        Returns:
            float64 (k, n) each.
        """
        places, first, stop = self._around(reach, rows)
        above = running.take(first, axis=1) - running.take(places, axis=1)
        below = running.take(places + 1, axis=1) - running.take(stop, axis=1)
        return above / np.maximum(places - first, 1), below / np.maximum(stop - places - 1, 1)

    def _around(self, reach: int, rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The rows themselves, the first row at most ``reach`` away on the same page, one past the last; int64 (n,)."""
        places = np.arange(rows.start, rows.stop)
        first = np.maximum(places - reach, self.starts[rows])
        return places, first, np.minimum(places + (reach + 1), self.stops[rows])

    def before(self, values: NDArray[np.float64], rows: slice) -> NDArray[np.float64]:
        """Values float64 (k, r) of the row before each of ``rows`` on its page, 0 where there is none; (k, n)."""
        result = np.zeros((len(values), rows.stop - rows.start))
        skipped = int(rows.start == 0)
        result[:, skipped:] = values[:, rows.start - 1 + skipped : max(rows.stop - 1, 0)]
        result[:, self._edges_in(rows, 0)] = 0
        return result

    def behind(self, values: NDArray[np.float64], rows: slice) -> NDArray[np.float64]:
        """Values float64 (k, r) of the row behind each of ``rows`` on its page, 0 where there is none; (k, n)."""
        result = np.zeros((len(values), rows.stop - rows.start))
        found = values[:, rows.start + 1 : rows.stop + 1]
        result[:, : found.shape[1]] = found
        result[:, self._edges_in(rows, 1)] = 0
        return result

    def _edges_in(self, rows: slice, ahead: int) -> NDArray[np.int64]:
        """The rows that are ``ahead`` before the first row of a page, counted from the first of ``rows``."""
        low, high = self.edges.searchsorted((rows.start + ahead, rows.stop + ahead))
        edges: NDArray[np.int64] = self.edges[low:high] - (rows.start + ahead)
        return edges


def runs(similar: NDArray[np.bool_], pages: Pages) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Length of the run of similar rows that each row stands in (0 if not similar), and its place in it; int64 (r,)."""
    count = len(similar)
    breaks = np.ones(count + 1, np.bool_)
    np.not_equal(similar[1:], similar[:-1], out=breaks[1:count])
    breaks[pages.edges] = True
    bounds = breaks.nonzero()[0]
    starts, lengths = bounds[:-1], bounds[1:] - bounds[:-1]
    place = np.arange(count)
    place -= starts.repeat(lengths)
    place *= similar
    return lengths.repeat(lengths) * similar, place
