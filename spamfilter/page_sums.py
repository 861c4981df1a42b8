"""What stage 2 found on a page as a whole: totals, strongest lines and the spread of the margins of its lines."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import ContextScores
from spamfilter.dense_model import GRAIN
from spamfilter.line_facts import LOGIT_LIMIT, UNIT, WIDEST
from spamfilter.neighbours import Pages
from spamfilter.page_features import PageFeatures, page_pull

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
TEXT_QUANTILES = (0.25, 0.5, 0.75)
_SPAM, _LINK, _TEMPLATE, _BOILERPLATE = 1, 2, 4, 5
_TOTALS = 21
_FAR = 1 << 15
_APART = 1 << 17


@dataclass(frozen=True, slots=True)
class PageSums:
    """Findings of ``d`` pages. The text of a page is what is not boilerplate.

    Attributes:
        sizes: int64 (d,), lines that are not blank.
        text_lines: int64 (d,).
        width, text_width: float64 (d,), with at most 400 characters of a line, at least 1.
        counts: float64 (5, d), lines likely spam of either kind, link, headline, template, boilerplate.
        text_spam: float64 (d,), the first of these among lines of text.
        margins: float64 (3, d), mean spam margin by width of the page, by width of its text, by line of its text.
        spam_shares: float64 (2, d), share of the width that is spam, of the page and of its text.
        strongest: float64 (4, d), largest log-odds of spam, link and template, and largest spam margin; -12 at least.
        quantiles: float64 (8, d), spam margins at ``QUANTILES`` of the lines, at ``TEXT_QUANTILES`` of the text.
        pull: float64 (10, d), where the words of the text pull, as ``page_pull`` gives it.
    """

    sizes: NDArray[np.int64]
    text_lines: NDArray[np.int64]
    width: NDArray[np.float64]
    text_width: NDArray[np.float64]
    counts: NDArray[np.float64]
    text_spam: NDArray[np.float64]
    margins: NDArray[np.float64]
    spam_shares: NDArray[np.float64]
    strongest: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    pull: NDArray[np.float64]


def page_sums(features: PageFeatures, context: ContextScores) -> PageSums:
    """Sum up what stage 2 found; exact, whatever else is in the batch."""
    pages = features.pages
    columns = context.logits.T
    margin = context.margin
    totals = np.zeros((_TOTALS, len(pages.sizes)), np.int64)
    is_text = np.empty(len(margin), np.bool_)
    odds = np.empty((4, len(margin)))
    for rows in pages.blocks():
        block = columns[:, rows]
        probabilities = np.exp(block)
        text = np.less(probabilities[_BOILERPLATE], 0.5, out=is_text[rows])
        units = np.empty((6, len(text)))
        units[0] = margin[rows]
        units[1:] = probabilities[1:]
        units[1] += units[2]
        units *= UNIT
        width = np.minimum(features.facts.shapes.widths[rows], WIDEST)
        addends = np.empty((_TOTALS, len(text)), np.int64)
        addends[:6] = np.rint(units, out=units)
        addends[6] = text
        addends[7] = width
        np.multiply(addends[:2], width, out=addends[8:10])
        np.multiply(addends[:2], text, out=addends[10:12])
        np.multiply(addends[7:10], text, out=addends[12:15])
        np.multiply(features.facts.addends[3:, rows], text, out=addends[15:])
        totals += pages.totals(addends, rows)
        shown = probabilities.take((_SPAM, _LINK, _TEMPLATE), axis=0)
        np.log(np.maximum(1 - shown, 1e-9, out=shown), out=odds[:3, rows])
        np.subtract(block.take((_SPAM, _LINK, _TEMPLATE), axis=0), odds[:3, rows], out=odds[:3, rows])
    odds[3] = margin
    text_lines = np.maximum(totals[6], 1)
    width, text_width = np.maximum(totals[7], 1.0), np.maximum(totals[12], 1.0)
    return PageSums(
        sizes=pages.sizes,
        text_lines=totals[6],
        width=width,
        text_width=text_width,
        counts=totals[1:6] / UNIT,
        text_spam=totals[11] / UNIT,
        margins=np.stack((totals[8] / width, totals[13] / text_width, totals[10] / text_lines)) / UNIT,
        spam_shares=np.stack((totals[9] / width, totals[14] / text_width)) / UNIT,
        strongest=_largest(odds, pages.edges),
        quantiles=_quantiles(margin, is_text, totals[6], pages),
        pull=page_pull(totals[15:], features.facts.scale),
    )


def _largest(values: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Largest of each row between edges, from -12 to 12; float64 (n, d)."""
    result = np.full((len(values), len(edges) - 1), -LOGIT_LIMIT)
    filled = (edges[1:] > edges[:-1]).nonzero()[0]
    if len(filled):
        found = np.maximum.reduceat(values, edges[filled], axis=1)
        result[:, filled] = np.minimum(np.maximum(found, -LOGIT_LIMIT), LOGIT_LIMIT)
    return result


def _quantiles(
    margin: NDArray[np.float64], is_text: NDArray[np.bool_], text_lines: NDArray[np.int64], pages: Pages
) -> NDArray[np.float64]:
    """Margins at ``QUANTILES`` of the lines of each page and ``TEXT_QUANTILES`` of its text, -8 where there is none."""
    # Pages and margins, multiples of 1 / GRAIN, sort as one whole number; boilerplate comes before all text.
    keys = np.rint(margin * GRAIN).astype(np.int64)
    keys += pages.documents * _APART + _APART // 2
    found = []
    for sizes, levels, ordered in (
        (pages.sizes, QUANTILES, np.sort(keys)),
        (text_lines, TEXT_QUANTILES, np.sort(keys - ~is_text * _FAR)),
    ):
        by_margin = np.append((ordered & (_APART - 1)) - _APART // 2, 0)
        places = pages.edges[1:] - sizes + (sizes * np.array(levels)[:, None]).astype(np.int64)
        found.append(np.where(sizes > 0, by_margin.take(places, mode="clip") / GRAIN, -8.0))
    return np.concatenate(found)
