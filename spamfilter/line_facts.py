"""What is known of each line by itself, and the running sums from which its neighbourhood is read off."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.line_shapes import LineShapes
from spamfilter.neighbours import Pages, runs
from spamfilter.sums import sums_behind

LOGIT_LIMIT = 12.0
MARGIN_LIMIT = 8.0
BODY_WIDTH = 100
"""Lines at least this wide form the body of a page; a character without spaces counts 2.5."""
WIDEST = 400
"""Most characters that one line counts for where lines are weighed by their width."""
UNIT = 4096
"""What is averaged is counted in whole units: sums of floats would depend on what stands before them."""
_HEADLINE = 2
"""Row of the headline logit."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LineFacts:
    """Facts about the lines that are not blank. ``r`` lines on ``d`` pages.

    Attributes:
        logits: float64 (5, r), of stage 1, for the labels but clean, limited.
        shown: float64 (6, r), what the lines next to it see of a line: its probabilities and ``log_width``.
        margin: float64 (r,), how much more likely spam of either kind is than ordinary text, limited.
        strongest: float64 (r,), as in ``LineScores``, limited.
        shapes: counts of tokens.
        counts: int64 (r,), tokens.
        related: float64 (r,), idf-weighted share of the words that other lines of the body use.
        log_width, not_latin: float64 (r,).
        run, place: int64 (r,), length of the run of title-like lines that the line stands in, its place there.
        units: int64 (8, r), what is averaged over the lines around: margin, width, sentence end, related; then
            whether the line is title-like, and, of title-like lines only, related, the headline logit and width.
        running: int64 (8, r + 1), ``sums_behind`` of them.
        addends: int64 (11, r), what is added up over the page: not Latin, width, width in the body; then the sums that
            the logits are made of; then, of the body only, related and lines.
        totals: int64 (11, d), sums of them over each page.
        scale: of the weights of the line model.
    """

    logits: NDArray[np.float64]
    shown: NDArray[np.float64]
    margin: NDArray[np.float64]
    strongest: NDArray[np.float64]
    shapes: LineShapes
    counts: NDArray[np.int64]
    related: NDArray[np.float64]
    log_width: NDArray[np.float64]
    not_latin: NDArray[np.float64]
    run: NDArray[np.int64]
    place: NDArray[np.int64]
    units: NDArray[np.int64]
    running: NDArray[np.int64]
    addends: NDArray[np.int64]
    totals: NDArray[np.int64]
    scale: float

    @property
    def runs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Run of title-like lines and the place in it, as ``neighbours.runs`` gives them."""
        return self.run, self.place


def line_facts(
    logits: NDArray[np.float64],
    strongest: NDArray[np.float64],
    shapes: LineShapes,
    counts: NDArray[np.int64],
    related: NDArray[np.float64],
    sums: NDArray[np.int64],
    scale: float,
    pages: Pages,
) -> LineFacts:
    """Work out the facts from stage 1 logits float64 (5, r), their sums int64 (r, 6) and the like."""
    logits = limited(logits, LOGIT_LIMIT)
    shown = np.empty((6, len(related)))
    probabilities, log_width = shown[:5], shown[5]
    probabilities[:] = elementary.exp(logits)
    widths = shapes.widths
    log_width[:] = elementary.log1p(widths)
    margin = elementary.log((probabilities[0] + probabilities[1]) / (1 + probabilities[4]))
    probabilities /= 1 + probabilities.sum(axis=0)
    not_latin = 1 - shapes.latins / np.maximum(shapes.words + shapes.solos, 1)
    margin = limited(margin, MARGIN_LIMIT)

    title_like = (widths >= 15) & (widths <= 150) & (shapes.stops == 0)
    averaged = np.empty((7, len(related)))
    averaged[0], averaged[1], averaged[2], averaged[3] = margin, log_width, shapes.stops, related
    averaged[4], averaged[5], averaged[6] = title_like, logits[_HEADLINE], not_latin
    averaged *= UNIT
    rounded = np.rint(averaged, out=averaged).astype(np.int64)
    units = np.empty((8, len(related)), np.int64)
    units[:5] = rounded[:5]
    np.multiply(rounded[[3, 5, 1]], title_like, out=units[5:])

    in_body = widths >= BODY_WIDTH
    addends = np.empty((11, len(related)), np.int64)
    addends[0], addends[1], addends[2] = rounded[6], widths, widths * in_body
    addends[3:9] = sums.T
    addends[9], addends[10] = units[3] * in_body, in_body
    run, place = runs(title_like, pages)
    return LineFacts(
        logits=logits,
        shown=shown,
        margin=margin,
        strongest=limited(strongest, LOGIT_LIMIT),
        shapes=shapes,
        counts=counts,
        related=related,
        log_width=log_width,
        not_latin=not_latin,
        run=run,
        place=place,
        units=units,
        running=sums_behind(units),
        addends=addends,
        totals=pages.sums(addends),
        scale=scale,
    )


def limited(values: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """A copy of ``values`` without what lies beyond ``limit`` or minus ``limit``."""
    result: NDArray[np.float64] = np.maximum(values, -limit)
    return np.minimum(result, limit, out=result)
