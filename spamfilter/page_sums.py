"""What stage 2 found on a page as a whole: means of the spam margins of its lines, and the strongest residue."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.context_model import ContextScores
from spamfilter.line_facts import BODY_WIDTH, LOGIT_LIMIT, UNIT, WIDEST, limited
from spamfilter.page_features import PageFeatures

_RESIDUE = (2, 4)
_HEADLINE, _BOILERPLATE = 3, 5
_TOTALS = 6


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PageSums:
    """Findings of ``d`` pages. The text of a page is what is not boilerplate.

    Attributes:
        sizes: int64 (d,), lines that are not blank.
        headlines: float64 (d,), lines likely headlines.
        margins: float64 (3, d), mean spam margin of the lines of the page, of its text by width, with at most 400
            characters of a line, and of the lines of its text; 0 where there are none.
        opening: int64 (d,), number among all lines not blank of the first of each page's body, -1 without a body.
        strongest: float64 (2, d), largest log-odds of a link offer and of a template tag; -12 at least.
        residue: float64 (d,), how many kinds of residue each page holds, of links, headlines and tags, 0 to 3.
    """

    sizes: NDArray[np.int64]
    headlines: NDArray[np.float64]
    margins: NDArray[np.float64]
    opening: NDArray[np.int64]
    strongest: NDArray[np.float64]
    residue: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        """Count the kinds of residue."""
        odds = np.empty((3, len(self.headlines)))
        odds[:2] = self.strongest
        odds[2] = elementary.log(self.headlines + 1e-6)
        object.__setattr__(self, "residue", likely(odds).sum(axis=0))


def likely(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds from -4 to 4, and what lies beyond, brought to 0 to 1."""
    return limited(odds, 4.0) / 8 + 0.5


def page_sums(features: PageFeatures, context: ContextScores) -> PageSums:
    """Sum up what stage 2 found; exact, whatever else is in the batch."""
    pages = features.pages
    margin = context.margin
    totals = np.zeros((_TOTALS, len(pages.sizes)), np.int64)
    odds = np.empty((len(_RESIDUE), len(margin)))
    for rows in pages.blocks():
        block = context.probabilities[:, rows]
        addends = np.empty((_TOTALS, block.shape[1]), np.int64)
        addends[0] = np.rint(margin[rows] * UNIT)
        addends[1] = np.rint(block[_HEADLINE] * UNIT)
        addends[2] = block[_BOILERPLATE] < 0.5
        np.minimum(features.facts.shapes.widths[rows], WIDEST, out=addends[3])
        addends[3] *= addends[2]
        np.multiply(addends[0], addends[2:4], out=addends[4:])
        totals += pages.totals(addends, rows)
        shown = block.take(_RESIDUE, axis=0)
        np.divide(shown, np.maximum(1 - shown, 1e-9), out=odds[:, rows])
    lines, text_lines, text_width = (np.maximum(total, 1) for total in (pages.sizes, totals[2], totals[3]))
    return PageSums(
        sizes=pages.sizes,
        headlines=totals[1] / UNIT,
        margins=np.stack((totals[0] / lines, totals[5] / text_width, totals[4] / text_lines)) / UNIT,
        opening=_first_wide(features.facts.shapes.widths, pages.edges),
        strongest=_largest(odds, pages.edges),
    )


def _first_wide(widths: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first row between edges that is wide enough for the body of a page, int64 (d,), or -1."""
    wide = np.append((widths >= BODY_WIDTH).nonzero()[0], len(widths))
    first: NDArray[np.int64] = wide.take(wide.searchsorted(edges[:-1]))
    return np.where(first < edges[1:], first, -1)


def _largest(odds: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logarithm of the largest of each row between edges, from -12 to 12; float64 (n, d)."""
    result = np.full((len(odds), len(edges) - 1), -LOGIT_LIMIT)
    filled = (edges[1:] > edges[:-1]).nonzero()[0]
    if len(filled):
        found = elementary.log(np.maximum.reduceat(odds, edges[filled], axis=1))
        result[:, filled] = limited(found, LOGIT_LIMIT)
    return result
