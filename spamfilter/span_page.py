"""What the page says of a candidate stretch: farms splice one phrase into a page, and leave other residue there too.

A line that is a page of its own has nobody to ask: its stretch is judged by itself.
"""

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.context_model import ContextScores
from spamfilter.dense_model import GRAIN
from spamfilter.line_facts import LOGIT_LIMIT, limited
from spamfilter.page_sums import PageSums

SPAN_PAGE_NAMES: tuple[str, ...] = (
    "odds of the stretch by itself",
    "odds of the stretch by itself above 0",
    "best stretch of its page",
    "odds of the best stretch of its page",
    "better than the next stretch of its page",
    "the only line",
    "lines on the page",
    "lines before",
    "place on the page",
    "strongest link of the page",
    "strongest template of the page",
    "headlines of the page",
    "kinds of residue on the page",
    "kinds of residue, best stretch of its page",
    "kinds of residue by odds of the stretch",
    "spam of the page's text",
    "opens the page's body",
    "opens the page's body, kinds of residue",
    *(f"the line: {name}" for name in ("clean", "spam", "link", "headline", "template", "boilerplate")),
)


_ASKED_ALONE = np.isin(SPAN_PAGE_NAMES, ("odds of the stretch by itself", "the only line"))


def span_page_values(
    rows: NDArray[np.int64], odds: NDArray[np.float64], context: ContextScores, sums: PageSums
) -> NDArray[np.float64]:
    """Numbers of candidates, float64 (k, f), multiples of 1/256, in the order of ``SPAN_PAGE_NAMES``.

    Args:
        rows: int64 (k,), line of each candidate among those that are not blank, ascending.
        odds: float64 (k,), log-odds of the candidates by themselves.
    """
    if not len(rows):
        return np.zeros((0, len(SPAN_PAGE_NAMES)))
    pages = context.second.pages
    owners = pages.documents.take(rows)
    odds = limited(odds, LOGIT_LIMIT)
    starts = np.concatenate(([0], (owners[1:] != owners[:-1]).nonzero()[0] + 1))
    counts = np.diff(np.append(starts, len(owners)))
    best = np.maximum.reduceat(odds, starts).repeat(counts)
    is_best = odds == best
    second = np.maximum.reduceat(np.where(is_best, -LOGIT_LIMIT, odds), starts).repeat(counts)
    lead = limited(odds - np.where(is_best, second, best), 8.0)
    lines = sums.sizes.take(owners)
    before = rows - pages.starts.take(rows)
    link, template = limited(sums.strongest, 8.0).take(owners, axis=1)
    headlines = elementary.log1p(sums.headlines).take(owners)
    kinds = sums.residue.take(owners)
    opens = rows == sums.opening.take(owners)
    values = np.stack(
        (
            *(odds, np.maximum(odds, 0), is_best, is_best * odds, lead),
            *(lines == 1, elementary.log1p(lines), elementary.log1p(before), before / np.maximum(lines - 1, 1)),
            *(link, template, headlines, kinds, kinds * is_best, kinds * odds),
            limited(sums.margins[1], LOGIT_LIMIT).take(owners),
            *(opens, opens * kinds),
            *np.maximum(context.logits.take(rows, axis=0), -LOGIT_LIMIT).T,
        )
    )
    values[:, lines == 1] *= _ASKED_ALONE[:, None]
    rounded: NDArray[np.float64] = np.rint(values * GRAIN) / GRAIN
    return rounded.T
