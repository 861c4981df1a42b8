"""Exact means over the lines around a line: a few lines away, and all over its page."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.sums import sums_behind


@dataclass(frozen=True, slots=True)
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

    def totals(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sums of ``values`` int64 (k, r) over the page of each row, int64 (k, r)."""
        running = sums_behind(values).take(self.edges, axis=1)
        return (running[:, :-1] - running[:, 1:]).repeat(self.sizes, axis=1)

    def means_within(self, values: NDArray[np.int64], running: NDArray[np.int64], reach: int) -> NDArray[np.float64]:
        """Means over the rows at most ``reach`` away on the same page, the row itself left out; 0 where there are none.

        Args:
            values: int64 (k, r).
            running: int64 (k, r + 1), ``sums_behind(values)``.
        """
        places = np.arange(len(self.documents))
        first = np.maximum(places - reach, self.starts)
        stop = np.minimum(places + (reach + 1), self.stops)
        sums = running.take(first, axis=1)
        sums -= running.take(stop, axis=1)
        sums -= values
        stop -= first
        stop -= 1
        means: NDArray[np.float64] = sums / np.maximum(stop, 1, out=stop)
        return means

    def shifted(self, values: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """Values of the row ``step`` (1 or -1) further down the page, 0 beyond its ends; float64 (k, r)."""
        result = np.zeros_like(values)
        filled = self.sizes > 0
        if step > 0:
            result[:, :-1] = values[:, 1:]
            result[:, self.edges[1:][filled] - 1] = 0
        else:
            result[:, 1:] = values[:, :-1]
            result[:, self.edges[:-1][filled]] = 0
        return result


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
