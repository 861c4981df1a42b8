"""A second look at every line, with what the first look said of the other lines of its page.

Stacked sequential learning (Cohen and Carvalho, 2005): a second regression of the context model reads the log-odds
that the first one gave to a line and to the lines around it, so that verdicts of one page come to agree.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.dense_model import GRAIN
from spamfilter.line_facts import LOGIT_LIMIT, UNIT, WIDEST, limited
from spamfilter.neighbours import Pages
from spamfilter.sums import sums_behind

SECOND_LOOK_NAMES: tuple[str, ...] = (
    "first look at the line: spam of either kind",
    "first look at the line: spam above 0",
    "first look at the line: spam above -4",
    *(f"first look at the line: {name}" for name in ("clean", "spam", "link", "headline", "template", "boilerplate")),
    "spam of the page's other text",
    "spam of the page's other text, at least -2 a line",
    "spam of the page's other wide lines",
    "share of spam in the page's other text",
    "likely spam lines elsewhere on the page",
    "spam of the page's other lines, taken together",
    *(f"spam of the lines within {reach}" for reach in (1, 2, 4)),
    *(f"headlines within {reach}" for reach in (1, 2, 4)),
    *(f"share of the page's other lines: {name}" for name in ("link", "headline", "template", "boilerplate")),
    "the only line",
    "spam of the only line",
    *(f"{what} on the side that has {more} of it" for more in ("more", "less") for what in ("spam", "headlines")),
    "headlines in its run of title-like lines",
    "headlines in its run, times headline odds of the line",
)
_REACHES = (1, 2, 4)
_SIDE = 2
"""How many lines of each side are compared: the first line of a list has the list on one side only."""
_ODDS_LIMIT = 8.0
_NEAR = slice(0, 4, 3)
"""What is also looked at near a line: the margin and headlines."""
_PRIOR_WIDTH = 30


def spam_margin(shown: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of spam of either kind against clean and boilerplate, limited, float64 (r,).

    Args:
        shown: float64 (6, r), probabilities of the labels, of which none is 0.
    """
    return limited(elementary.log((shown[1] + shown[2]) / (shown[0] + shown[5])), LOGIT_LIMIT)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SecondLook:
    """What the numbers of the second look are read off. ``r`` lines on ``d`` pages.

    Attributes:
        columns: float64 (6, r), log-probabilities of the first look.
        margin: float64 (r,), ``spam_margin`` of them.
        addends: int64 (12, r), what is added up over a page, in whole units.
        totals: int64 (12, d), sums of it.
        running: int64 (2, r + 1), running sums of the margin and of headlines.
        pages: where the lines of each page stand.
        runs: int64 (r,) each, of title-like lines, as ``neighbours.runs`` gives them.
    """

    columns: NDArray[np.float64]
    margin: NDArray[np.float64]
    addends: NDArray[np.int64]
    totals: NDArray[np.int64]
    running: NDArray[np.int64]
    pages: Pages
    runs: tuple[NDArray[np.int64], NDArray[np.int64]]

    def values_of(self, rows: slice) -> NDArray[np.float64]:
        """The numbers of some lines, float64 (n, f), multiples of 1/256 in the order of ``SECOND_LOOK_NAMES``."""
        pages, margin = self.pages, self.margin[rows]
        values = np.empty((len(SECOND_LOOK_NAMES), len(margin)))
        values[0] = margin
        np.maximum(margin, 0, out=values[1])
        np.maximum(margin + 4, 0, out=values[2])
        np.maximum(self.columns[:, rows], -2 * LOGIT_LIMIT, out=values[3:9])
        others = self.totals.take(pages.documents[rows], axis=1)
        others -= self.addends[:, rows]
        lines = np.maximum(pages.stops[rows] - pages.starts[rows] - 1, 1)
        text, wide_text = others[6] + _PRIOR_WIDTH, others[7] + _PRIOR_WIDTH
        values[9] = others[8] / text
        values[10] = others[9] / text
        values[11] = others[10] / wide_text
        values[12] = others[11] / text
        values[13] = elementary.log1p(others[1] / UNIT) * UNIT
        values[14] = others[0] / np.sqrt(lines)
        for place, reach in enumerate(_REACHES, start=15):
            values[place : place + 4 : 3] = pages.means_within(self.addends[_NEAR], self.running, reach, rows)
        values[21:25] = others[2:6] / lines
        values[9:25] /= UNIT
        np.equal(pages.stops[rows] - pages.starts[rows], 1, out=values[25], casting="unsafe")
        np.multiply(values[25], margin, out=values[26])
        above, below = pages.means_beside(self.running, _SIDE, rows)
        np.maximum(above, below, out=values[27:29])
        np.minimum(above, below, out=values[29:31])
        values[31] = self._headlines_in_runs(rows)
        values[27:32] /= UNIT
        np.multiply(values[31], limited(values[6] - values[3], _ODDS_LIMIT), out=values[32])
        values *= GRAIN
        np.rint(values, out=values)
        values /= GRAIN
        return values.T

    def _headlines_in_runs(self, rows: slice) -> NDArray[np.float64]:
        """Mean of headlines over the other lines of the run that each line stands in, in units, float64 (n,)."""
        run, place = (each[rows] for each in self.runs)
        first = np.arange(rows.start, rows.stop) - place
        headlines = self.running[1]
        sums = headlines.take(first) - headlines.take(first + run)
        sums -= self.addends[3, rows] * (run > 0)
        means: NDArray[np.float64] = sums / np.maximum(run - 1, 1)
        return means


def second_look(
    columns: NDArray[np.float64],
    shown: NDArray[np.float64],
    widths: NDArray[np.int64],
    runs: tuple[NDArray[np.int64], NDArray[np.int64]],
    pages: Pages,
) -> SecondLook:
    """Add up what the first look found.

    Args:
        columns, shown: float64 (6, r), log-probabilities and probabilities of the first look.
        widths: int64 (r,), as in ``LineShapes``.
        runs: int64 (r,) each, as in ``LineFacts``: length of the run of title-like lines, place in it.
    """
    margin = spam_margin(shown)
    units = np.empty((6, len(margin)))
    units[0] = margin
    units[1:] = shown[1:]
    units[1] += units[2]
    units *= UNIT
    addends = np.empty((12, len(margin)), np.int64)
    addends[:6] = np.rint(units, out=units)
    np.minimum(widths, WIDEST, out=addends[6])
    np.multiply(addends[6], widths >= 60, out=addends[7])
    np.multiply(addends[0], addends[6], out=addends[8])
    np.multiply(np.maximum(addends[0], -2 * UNIT), addends[6], out=addends[9])
    np.multiply(addends[0], addends[7], out=addends[10])
    np.multiply(addends[1], addends[6], out=addends[11])
    return SecondLook(columns, margin, addends, pages.sums(addends), sums_behind(addends[_NEAR]), pages, runs)
