"""What stands around a line: neighbours, runs, position, shape, and relatedness to the body of the page.

All sums are sums of integers and all results are rounded to multiples of 1/256, so that a line gets the same
numbers alone or in any batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.dense_model import GRAIN
from spamfilter.line_facts import BODY_WIDTH, UNIT, LineFacts, line_facts
from spamfilter.line_model import LineScores
from spamfilter.line_shapes import LineShapes, count_shapes
from spamfilter.neighbours import Pages
from spamfilter.relatedness import WEIGHED_TOKENS, WordWeights, word_weights
from spamfilter.text import TextBatch
from spamfilter.tokens import TokenBatch

_BLOCK = 1 << 16
_ROUNDING = 1.5 * 2.0**52 / GRAIN
"""Numbers of this size are multiples of 1/256: to add it rounds to them, half to even as ``rint`` does."""

Column = tuple[str | tuple[str, ...], NDArray[np.float64] | NDArray[np.int64] | NDArray[np.bool_]]
"""A name and its number for each line, (r,); or k names and their numbers, (k, r)."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PageFeatures:
    """Context numbers of the lines that are not blank. ``r`` lines.

    Attributes:
        lines: int64 (r,), number in the batch of each line that is not blank, ascending.
        pages: where the lines of each document stand among them.
        facts: what is known of each line by itself.
        words: which words of all tokens the rest of the body uses.
    """

    lines: NDArray[np.int64]
    pages: Pages
    facts: LineFacts
    words: WordWeights

    @property
    def values(self) -> NDArray[np.float64]:
        """The numbers of all lines, float64 (r, f), multiples of 1/256 in the order of ``FEATURE_NAMES``."""
        return self.values_of(slice(0, len(self.lines)))

    def values_of(self, rows: slice) -> NDArray[np.float64]:
        """The numbers of some rows next to each other, float64 (n, f), worked out at each call."""
        # Each column is a row of memory: numpy would be slow on rows of a hundred numbers.
        values = np.empty((len(FEATURE_NAMES), rows.stop - rows.start))
        for (_, value), place in zip(_columns(self.facts, self.pages, rows), _PLACES, strict=True):
            np.add(value, _ROUNDING, out=values[place])
        # Block by block, so that what is read is still in the cache when it is written.
        step = _BLOCK // max(values.shape[1], 1) + 1
        for start in range(0, len(values), step):
            values[start : start + step] -= _ROUNDING
        return values.T


def page_features(
    batch: TextBatch, tokens: TokenBatch, scores: LineScores, idf: NDArray[np.uint8], scale: float
) -> PageFeatures:
    """Context numbers for all lines that are not blank.

    Args:
        idf: uint8 (2 ** IDF_BITS,), weight of a word by the high bits of its hash.
        scale: of the weights of the line model.
    """
    line_tokens = tokens.line_tokens
    lines = (line_tokens[1:] - line_tokens[:-1] > 1).nonzero()[0]
    pages = Pages.between(lines.searchsorted(batch.document_lines))
    starts, stops = line_tokens.take(lines) + 1, line_tokens.take(lines + 1)
    shapes = count_shapes(batch, tokens, lines, starts, stops)
    body = np.zeros(len(line_tokens) - 1, np.bool_)
    body[lines] = shapes.widths >= BODY_WIDTH
    words = word_weights(tokens, line_tokens.take(batch.document_lines), body, idf)
    idf_sum, related_sum = words.between(starts, np.minimum(stops, starts + WEIGHED_TOKENS))
    related = related_sum / np.maximum(idf_sum, 1)
    logits = np.ascontiguousarray(scores.logits.take(lines, axis=0).T)
    sums = scores.sums.take(lines, axis=0)
    facts = line_facts(logits, scores.strongest.take(lines), shapes, stops - starts, related, sums, scale, pages)
    return PageFeatures(lines, pages, facts, words)


def page_pull(others: NDArray[np.int64], scale: float) -> NDArray[np.float64]:
    """Where the words of the other lines of the page pull, taken together; float64 (10, n).

    First the logits of stage 1, without bias, of the rest of the page as if it were one line: they grow with every
    word that pulls the same way, as evidence does, where a mean over lines does not. Then the mean pull of a word, in
    hundredths.

    Args:
        others: int64 (6, n), sums over the other lines, as in ``LineScores``.
        scale: of the weights of the line model.
    """
    squares = np.maximum(others[5], 1)
    pull = np.empty((10, others.shape[1]))
    np.divide(others[:5], np.sqrt(squares) * scale, out=pull[:5])
    np.divide(others[:5], squares * (scale / 100), out=pull[5:])
    return pull


@cache
def _each(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.format(name) for name in ("spam", "link", "headline", "template", "boilerplate"))


_LEVELS = (
    *((0, "own spam logit above {}", level) for level in (-6, -3, 0, 3)),
    *((4, "own boilerplate logit above {}", level) for level in (-3, 0, 3)),
    *((2, "own headline logit above {}", level) for level in (-3, 0)),
)
_LEVEL_NAMES = tuple(pattern.format(level) for _, pattern, level in _LEVELS)
_LEVEL_ROWS = np.array([row for row, _, _ in _LEVELS])
_LEVEL_VALUES = np.array([[float(level)] for _, _, level in _LEVELS])


def _columns(facts: LineFacts, pages: Pages, rows: slice) -> list[Column]:
    """Every number of some rows with its name: a new one is added here and nowhere else."""
    shapes = facts.shapes
    logits, related = facts.logits[:, rows], facts.related[rows]
    boilerplate = logits[4]
    widths, log_width, ends, words = shapes.widths[rows], facts.log_width[rows], shapes.stops[rows], shapes.words[rows]
    not_latin, margin = facts.not_latin[rows], facts.margin[rows]
    solo_share = shapes.solos[rows] / np.maximum(words + shapes.solos[rows], 1)
    (near_sums, near_lines), (far_sums, far_lines) = (
        pages.sums_within(facts.units, facts.running, reach, rows) for reach in (3, 10)
    )
    near, far = near_sums / near_lines, far_sums / far_lines
    near /= UNIT
    far /= UNIT
    near_titles, far_titles = (means[5:] / np.maximum(means[4], 1 / UNIT) for means in (near, far))

    others = facts.totals.take(pages.documents[rows], axis=1)
    others -= facts.addends[:, rows]
    page_lines = pages.stops[rows] - pages.starts[rows]
    before = np.arange(rows.start, rows.stop) - pages.starts[rows]
    other_lines = page_lines - 1
    least_one = np.maximum(other_lines, 1)
    script_mean, width_mean, body_mean = others[:3] / least_one
    pull = page_pull(others[3:9], facts.scale)
    only = (page_lines == 1).astype(np.float64)
    odd_script = np.abs(not_latin - script_mean / UNIT) * (1 - only)
    body_share = body_mean / np.maximum(width_mean, 1)

    run = facts.run[rows]
    title_like = run > 0
    log_run = elementary.log1p(run)
    has_body = body_share > 0
    unrelated = (1 - related) * has_body
    above, below = pages.before(facts.shown, rows), pages.behind(facts.shown, rows)
    return [
        (_each("own logit {}"), logits),
        (_each("own probability {}"), facts.shown[:5, rows]),
        (_LEVEL_NAMES, np.maximum(logits.take(_LEVEL_ROWS, axis=0) - _LEVEL_VALUES, 0)),
        ("own spam margin", margin),
        (_each("pull of the page to {}"), pull[:5]),
        (_each("mean pull of the page to {}"), pull[5:]),
        ("spam margin within 3", near[0]),
        ("spam margin within 10", far[0]),
        ("strongest stretch", facts.strongest[rows]),
        ("width", log_width),
        ("width below 25", widths < 25),
        (("width above 60", "width above 200"), np.maximum(log_width - WIDTH_LEVELS, 0)),
        ("capital words", shapes.capitals[rows] / np.maximum(words, 1)),
        (("digit words", "marks"), shapes.digits_and_marks[:, rows] / facts.counts[rows]),
        ("letters without spaces", solo_share),
        ("letters not Latin", not_latin),
        ("script unlike the page's", odd_script),
        ("ends a sentence", ends),
        ("lines before", elementary.log1p(before)),
        ("lines behind", elementary.log1p(other_lines - before)),
        ("relative place", before / least_one),
        ("lines on the page", elementary.log1p(page_lines)),
        ("width of the page", elementary.log1p(width_mean * other_lines)),
        ("the only line", only),
        ("body share of the page", body_share),
        (_each("before {}"), above[:5]),
        (_each("behind {}"), below[:5]),
        ("width before", above[5]),
        ("width behind", below[5]),
        ("width within 3", near[1]),
        ("width within 10", far[1]),
        ("sentences within 3", near[2]),
        ("sentences within 10", far[2]),
        ("title-like", title_like),
        ("run of title-like lines", log_run),
        ("place in the run", elementary.log1p(facts.place[rows])),
        ("words of the page's body", related),
        ("words of the body within 3", near[3]),
        ("page has a body", has_body),
        ("title-like and unrelated", unrelated * title_like),
        ("run and unrelated", unrelated * log_run),
        ("run and width", log_run * log_width),
        ("run and page body", log_run * body_share),
        ("boilerplate logit by width", boilerplate * log_width),
        (("spam logit of the only line", "boilerplate logit of the only line"), logits.take(_ALONE, axis=0) * only),
        ("words of the body in its other lines", others[9] / np.maximum(others[10], 1) / UNIT),
        ("title-like within 3", elementary.log1p(near_sums[4] // UNIT)),
        (_TITLE_NAMES[0], near_titles),
        ("title-like within 10", elementary.log1p(far_sums[4] // UNIT)),
        (_TITLE_NAMES[1], far_titles),
    ]


_TITLE_NAMES = tuple(
    tuple(f"title-like lines within {reach}: {name}" for name in ("words of the body", "headline logit", "width"))
    for reach in (3, 10)
)
WIDTH_LEVELS = elementary.log1p([[60.0], [200.0]])
_ALONE = np.array([0, 4])


def _column_names() -> Iterator[str | tuple[str, ...]]:
    """The names in the order of ``_columns``: those that it gives for no line at all."""
    none, no_line, pages = np.zeros(0), np.zeros(0, np.int64), Pages.between(np.zeros(1, np.int64))
    shapes = LineShapes(*(no_line,) * 6, digits_and_marks=np.zeros((2, 0), np.int64))
    facts = line_facts(np.zeros((5, 0)), none, shapes, no_line, none, np.zeros((0, 6), np.int64), 1.0, pages)
    for name, _ in _columns(facts, pages, slice(0, 0)):
        yield name


def _places() -> Iterator[int | slice]:
    """Where each column goes among the numbers."""
    fill = 0
    for name in _COLUMN_NAMES:
        yield fill if isinstance(name, str) else slice(fill, fill + len(name))
        fill += 1 if isinstance(name, str) else len(name)


_COLUMN_NAMES = tuple(_column_names())
_PLACES = tuple(_places())
FEATURE_NAMES: tuple[str, ...] = tuple(
    name for names in _COLUMN_NAMES for name in ((names,) if isinstance(names, str) else names)
)
"""Names of the context numbers, in order."""
