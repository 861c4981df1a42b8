"""Stage 2, the context model: where does the line stand?

Two multinomial logistic regressions: a first look on the numbers of ``page_features``, a second one on what the first
said of the line and of the others of its page. In the end a page that looks like spam speaks for its lines.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.dense_model import GRAIN, DenseModel, normalize, softmax
from spamfilter.neighbours import Pages
from spamfilter.page_features import PageFeatures
from spamfilter.second_look import SecondLook, second_look, spam_margin

_SPEAKS_FROM, _SPEAKS_UP_TO, _SPEAKS_ALONE = SPEAKS = -2.5, 2.5, 1.5
"""From which mean margin of its other lines on a page speaks for a line to be spam, with how much log-odds at most, and
what a line has that is a page of its own; multiples of 1/256.

Composed spam pages are beyond doubt, so no regression learns from them what a page in doubt is worth; set by hand.
"""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ContextScores:
    """What stage 2 found, for the ``r`` lines that are not blank.

    Attributes:
        second: numbers of the second look.
        logits: float64 (r, 6), log-probabilities of the labels.
        probabilities: float64 (6, r), the same as probabilities.
        margin: float64 (r,), log-odds of spam of either kind before the page has spoken, limited, multiples of 1/256.
    """

    second: SecondLook
    logits: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    margin: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ContextModel:
    """The two regressions; each has 6 columns, the labels."""

    first: DenseModel
    second: DenseModel

    def look_again(self, second: SecondLook, page: PageFeatures) -> ContextScores:
        """Judge all lines once more, by what the first look found."""
        logits, shown = np.empty_like(second.columns), np.empty_like(second.columns)
        for rows in page.pages.blocks():
            logits[:, rows], shown[:, rows] = softmax(self.second.logits(second.values_of(rows)).T)
        margin = np.rint(spam_margin(shown) * GRAIN) / GRAIN
        spoken = page_speaks(margin, page.pages)
        for rows in page.pages.blocks():
            logits[1:3, rows] += spoken[rows]
            shown[1:3, rows] *= elementary.exp(spoken[rows])
            normalize(logits[:, rows], shown[:, rows])
        return ContextScores(second, logits.T, shown, margin)

    def score(self, page: PageFeatures) -> ContextScores:
        """Judge all lines that are not blank."""
        facts = page.facts
        second = second_look(*first_look(self.first, page), facts.shapes.widths, facts.runs, page.pages)
        return self.look_again(second, page)


def page_speaks(margin: NDArray[np.float64], pages: Pages) -> NDArray[np.float64]:
    """What the other lines of its page add to the log-odds of either kind of spam, float64 (r,), multiples of 1/256.

    Args:
        margin: float64 (r,), multiples of 1/256.
    """
    units = (margin * GRAIN).astype(np.int64)
    others = pages.sums(units[None])[0].take(pages.documents) - units
    lines = pages.sizes.take(pages.documents) - 1
    mean = others / (np.maximum(lines, 1) * GRAIN)
    spoken = np.where(lines > 0, np.minimum(np.maximum(mean - _SPEAKS_FROM, 0), _SPEAKS_UP_TO), _SPEAKS_ALONE)
    rounded: NDArray[np.float64] = np.rint(spoken * GRAIN) / GRAIN
    return rounded


def first_look(model: DenseModel, page: PageFeatures) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-probabilities and probabilities, float64 (6, r), that the first regression gives to lines not blank."""
    # Arrays of their own: the probabilities are soon forgotten.
    first, shown = (np.empty((len(model.bias), len(page.lines))) for _ in range(2))
    for rows in page.pages.blocks():
        first[:, rows], shown[:, rows] = softmax(model.logits(page.values_of(rows)).T)
    return first, shown
