"""What stands around a line: neighbours, runs, position, shape, and relatedness to the body of the page.

All sums are sums of integers and all results are rounded to multiples of 1/256, so that a line gets the same
numbers alone or in any batch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.line_model import LineScores
from spamfilter.text import DIGIT, SCRIPT_SHIFT, STOP, UPPER, TextBatch
from spamfilter.tokens import KIND_LINE_END, KIND_MARK, KIND_SOLO, KIND_WORD, TokenBatch

GRAIN = 256.0
LOGIT_LIMIT = 12.0
MARGIN_LIMIT = 8.0
RELATED_SLOTS = 8192
"""Words of a page are told apart by 13 bits of their hash."""
IDF_BITS = 16
BODY_WIDTH = 100
"""Lines at least this wide form the body of a page; a character without spaces counts 2.5."""
_LATIN = 1
_UNIT = 4096

FEATURE_NAMES: tuple[str, ...] = (
    *(f"own logit {name}" for name in ("spam", "link", "headline", "template", "boilerplate")),
    *(f"own probability {name}" for name in ("spam", "link", "headline", "template", "boilerplate")),
    *(f"own spam logit above {value}" for value in (-6, -3, 0, 3)),
    *(f"own boilerplate logit above {value}" for value in (-3, 0, 3)),
    *(f"own headline logit above {value}" for value in (-3, 0)),
    "own spam margin",
    "page spam margin",
    "page spam margin of wide lines",
    "spam margin within 3",
    "spam margin within 10",
    "page spam margin above 0",
    "strongest stretch",
    "width",
    "width below 25",
    "width above 60",
    "width above 200",
    "capital words",
    "digit words",
    "marks",
    "letters without spaces",
    "letters not Latin",
    "script unlike the page's",
    "ends a sentence",
    "lines before",
    "lines behind",
    "relative place",
    "lines on the page",
    "width of the page",
    "the only line",
    "body share of the page",
    *(f"page {name}" for name in ("spam", "link", "headline", "template", "boilerplate")),
    "page strong spam lines",
    *(f"before {name}" for name in ("spam", "link", "headline", "template", "boilerplate")),
    *(f"behind {name}" for name in ("spam", "link", "headline", "template", "boilerplate")),
    *(f"within 3 {name}" for name in ("spam", "link", "headline", "template", "boilerplate")),
    *(f"within 10 {name}" for name in ("spam", "link", "headline", "template", "boilerplate")),
    "width before",
    "width behind",
    "width within 3",
    "width within 10",
    "sentences within 3",
    "sentences within 10",
    "title-like",
    "run of title-like lines",
    "place in the run",
    "run and width",
    "run and page body",
    "words of the page's body",
    "words of the body within 3",
    "page has a body",
    "title-like and unrelated",
    "run and unrelated",
    "spam logit by page spam",
    "spam logit by neighbours' spam",
    "spam logit by letters without spaces",
    "spam logit by letters not Latin",
    "link logit by script unlike the page's",
    "headline logit by run",
    "headline logit by unrelated",
    "boilerplate logit by width",
    "boilerplate logit by neighbours' boilerplate",
    "boilerplate logit by sentence end",
    "template logit by page template",
    "spam logit by the only line",
    "headline logit by the only line",
    "boilerplate logit by the only line",
)


@dataclass(frozen=True, slots=True)
class PageFeatures:
    """Context numbers of the lines that are not blank.

    Attributes:
        lines: int64 (r,), number in the batch of each line that is not blank, ascending.
        documents: int64 (r,), its document.
        values: float64 (r, f), multiples of 1/256 in the order of ``FEATURE_NAMES``.
        widths: int64 (r,), characters, those of scripts without spaces counted 2.5 times.
        relatedness: float64 (r,), idf-weighted share of the line's words that other lines of the body use.
        running_idf: int64 (2, t + 1), running sums over tokens of the idf of words: of all, and of those words
            that another line of the body uses.
    """

    lines: NDArray[np.int64]
    documents: NDArray[np.int64]
    values: NDArray[np.float64]
    widths: NDArray[np.int64]
    relatedness: NDArray[np.float64]
    running_idf: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Shapes:
    """Counts of tokens and characters of the lines that are not blank, all int64 (r,)."""

    widths: NDArray[np.int64]
    words: NDArray[np.int64]
    capitals: NDArray[np.int64]
    digits: NDArray[np.int64]
    marks: NDArray[np.int64]
    solos: NDArray[np.int64]
    latins: NDArray[np.int64]
    stops: NDArray[np.int64]


def _count_shapes(
    batch: TextBatch, tokens: TokenBatch, lines: NDArray[np.int64], starts: NDArray[np.int64], counts: NDArray[np.int64]
) -> _Shapes:
    first = batch.chars[tokens.begins]
    kinds = tokens.kinds
    word = (kinds == KIND_WORD).astype(np.int64)
    # Three counts of at most two million tokens share a 64-bit word.
    counts = np.minimum(counts, 2_000_000)
    upper = ((first & np.uint32(UPPER)) != 0).astype(np.int64)
    digit = ((first & np.uint32(DIGIT)) != 0).astype(np.int64)
    mark = (kinds == KIND_MARK).astype(np.int64)
    solo = (kinds == KIND_SOLO).astype(np.int64)
    latin = (((first >> np.uint32(SCRIPT_SHIFT)) & 15) == _LATIN).astype(np.int64)

    def total(values: NDArray[np.int64]) -> NDArray[np.int64]:
        running = np.concatenate((np.zeros(1, np.int64), np.cumsum(values)))
        sums: NDArray[np.int64] = running[starts + counts] - running[starts]
        return sums

    low = total(word + (upper << 21) + (digit << 42))
    high = total(mark + (solo << 21) + (latin << 42))
    mask = (1 << 21) - 1
    solos = (high >> 21) & mask
    last = tokens.ends[starts + counts - 1] - 1
    return _Shapes(
        widths=batch.line_ends[lines] - batch.line_starts[lines] + (3 * solos) // 2,
        words=low & mask,
        capitals=(low >> 21) & mask,
        digits=low >> 42,
        marks=high & mask,
        solos=solos,
        latins=high >> 42,
        stops=((batch.chars[last] & np.uint32(STOP)) != 0).astype(np.int64),
    )


def _running_idf(
    tokens: TokenBatch,
    token_rows: NDArray[np.int64],
    documents: NDArray[np.int64],
    body: NDArray[np.bool_],
    idf: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Running sums over tokens of idf: of all words, of those in another line of the body; int64 (2, t + 1)."""
    hashes = tokens.hashes
    # A single character of a script without spaces says little: take it with its right neighbour.
    solo = np.flatnonzero(tokens.kinds[:-1] == KIND_SOLO)
    if len(solo):
        hashes = hashes.copy()
        hashes[solo] = hashes[solo] * np.uint32(0x9E3779B1) + tokens.hashes[solo + 1]
    member = np.flatnonzero((token_rows >= 0) & ((tokens.kinds & (KIND_WORD | KIND_SOLO)) != 0))
    row = token_rows[member]
    weights = idf[hashes[member] >> np.uint32(32 - IDF_BITS)].astype(np.int64)
    key = documents[row] * RELATED_SLOTS + (hashes[member] & np.uint32(RELATED_SLOTS - 1))
    in_body = body[row]
    seen = np.bincount(key[in_body], minlength=0 if not len(key) else int(key.max()) + 1)
    others = seen[key] - in_body if len(key) else np.zeros(0, np.int64)
    running = np.zeros((2, len(tokens.kinds) + 1), np.int64)
    running[0, member + 1] = weights
    running[1, member + 1] = weights * (others > 0)
    np.cumsum(running, axis=1, out=running)
    return running


class _Windows:
    """Exact sums over neighbouring lines of the same page."""

    def __init__(self, documents: NDArray[np.int64]) -> None:
        count = len(documents)
        self.places = np.arange(count)
        starts = np.searchsorted(documents, documents, side="left")
        self.page_starts = starts
        self.page_stops = np.searchsorted(documents, documents, side="right")

    def mean_around(self, values: NDArray[np.int64], reach: int) -> NDArray[np.float64]:
        """Mean over the lines at most ``reach`` away, the line itself left out; 0 where there are none."""
        first = np.maximum(self.places - reach, self.page_starts)
        stop = np.minimum(self.places + reach + 1, self.page_stops)
        return self._mean(values, first, stop)

    def mean_page(self, values: NDArray[np.int64]) -> NDArray[np.float64]:
        """Mean over the other lines of the page."""
        return self._mean(values, self.page_starts, self.page_stops)

    def mean_page_weighted(self, values: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weighted mean over the other lines of the page, drawn to 0 by a weight of 30."""
        count = len(values)
        running = np.zeros((2, count + 1), np.int64)
        np.cumsum(values * weights, out=running[0, 1:])
        np.cumsum(weights, out=running[1, 1:])
        sums = running[:, self.page_stops] - running[:, self.page_starts]
        mean: NDArray[np.float64] = (sums[0] - values * weights) / (sums[1] - weights + 30)
        return mean

    def _mean(
        self, values: NDArray[np.int64], first: NDArray[np.int64], stop: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        running = np.concatenate((np.zeros((1, *values.shape[1:]), np.int64), np.cumsum(values, axis=0)))
        sums = running[stop] - running[first] - values
        counts = np.maximum(stop - first - 1, 1)
        mean: NDArray[np.float64] = sums / (counts if values.ndim == 1 else counts[:, None])
        return mean

    def shifted(self, values: NDArray[np.float64], step: int) -> NDArray[np.float64]:
        """Value of the line ``step`` further down the page, 0 beyond its ends."""
        places = self.places + step
        inside = (places >= self.page_starts) & (places < self.page_stops)
        result = np.zeros_like(values)
        result[inside] = values[places[inside]]
        return result


def _runs(similar: NDArray[np.bool_], documents: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Length of the run of similar lines that each line stands in (0 if not similar), and its place in it."""
    count = len(similar)
    breaks = np.ones(count, np.bool_)
    breaks[1:] = (similar[1:] != similar[:-1]) | (documents[1:] != documents[:-1])
    starts = np.flatnonzero(breaks)
    lengths = np.diff(np.append(starts, count))
    run = np.repeat(np.arange(len(starts)), lengths)
    place = np.arange(count) - starts[run]
    return np.where(similar, lengths[run], 0), np.where(similar, place, 0)


def page_features(batch: TextBatch, tokens: TokenBatch, scores: LineScores, idf: NDArray[np.uint8]) -> PageFeatures:
    """Context numbers for all lines that are not blank.

    Args:
        idf: uint8 (2 ** IDF_BITS,), weight of a word by the high bits of its hash.
    """
    all_counts = np.diff(tokens.line_tokens) - 1
    lines = np.flatnonzero(all_counts)
    documents = batch.line_documents[lines]
    starts = tokens.line_tokens[lines] + 1
    counts = all_counts[lines]
    shapes = _count_shapes(batch, tokens, lines, starts, counts)
    windows = _Windows(documents)
    widths = shapes.widths
    body = widths >= BODY_WIDTH
    token_rows = np.full(len(tokens.kinds), -1, np.int64)
    row_of_line = np.full(len(all_counts), -1, np.int64)
    row_of_line[lines] = np.arange(len(lines))
    token_rows[1:] = row_of_line[tokens.token_lines]
    token_rows[tokens.kinds == KIND_LINE_END] = -1
    running_idf = _running_idf(tokens, token_rows, documents, body, idf)
    idf_sums = running_idf[:, starts + counts] - running_idf[:, starts]
    related = idf_sums[1] / np.maximum(idf_sums[0], 1)

    logits = np.clip(scores.logits[lines], -LOGIT_LIMIT, LOGIT_LIMIT)
    exponential = np.exp(logits)
    probabilities = exponential / (1 + exponential.sum(axis=1))[:, None]
    units = np.rint(probabilities * _UNIT).astype(np.int64)
    spam, link, headline, template, boilerplate = logits.T
    token_total = np.maximum(counts, 1)
    letters = np.maximum(shapes.words + shapes.solos, 1)
    log_width = np.log1p(widths)
    width_units = np.rint(log_width * _UNIT).astype(np.int64)
    not_latin = 1 - shapes.latins / letters
    not_latin_units = np.rint(not_latin * _UNIT).astype(np.int64)
    solo_share = shapes.solos / letters
    page_lines = windows.page_stops - windows.page_starts
    only = (page_lines == 1).astype(np.float64)
    odd_script = np.abs(not_latin - windows.mean_page(not_latin_units) / _UNIT) * (1 - only)
    body_share = windows.mean_page(widths * body) / np.maximum(windows.mean_page(widths), 1)
    page = windows.mean_page(units) / _UNIT
    # How much more likely spam of either kind is than ordinary text; wide lines count for more.
    margin = np.clip(np.logaddexp(spam, link) - np.logaddexp(0.0, boilerplate), -MARGIN_LIMIT, MARGIN_LIMIT)
    margin_units = np.rint(margin * _UNIT).astype(np.int64)
    share = np.minimum(widths, 400)
    page_margin = windows.mean_page_weighted(margin_units, share) / _UNIT
    wide_margin = windows.mean_page_weighted(margin_units, share * (widths >= 60)) / _UNIT
    strong = windows.mean_page((spam > 0).astype(np.int64) * _UNIT) / _UNIT * (page_lines - 1)
    near, far = windows.mean_around(units, 3) / _UNIT, windows.mean_around(units, 10) / _UNIT
    related_units = np.rint(related * _UNIT).astype(np.int64)
    related_near = windows.mean_around(related_units, 3) / _UNIT
    title_like = (widths >= 15) & (widths <= 150) & (shapes.stops == 0)
    run, place = _runs(title_like, documents)
    log_run = np.log1p(run)
    has_body = (body_share > 0).astype(np.float64)
    unrelated = (1 - related) * has_body
    ends = shapes.stops.astype(np.float64)
    behind = page_lines - 1 - (windows.places - windows.page_starts)
    before = windows.places - windows.page_starts

    columns = [
        *logits.T,
        *probabilities.T,
        *(np.maximum(spam - value, 0) for value in (-6, -3, 0, 3)),
        *(np.maximum(boilerplate - value, 0) for value in (-3, 0, 3)),
        *(np.maximum(headline - value, 0) for value in (-3, 0)),
        margin,
        page_margin,
        wide_margin,
        windows.mean_around(margin_units, 3) / _UNIT,
        windows.mean_around(margin_units, 10) / _UNIT,
        np.maximum(page_margin, 0),
        np.clip(scores.strongest[lines], -LOGIT_LIMIT, LOGIT_LIMIT),
        log_width,
        widths < 25,
        np.maximum(log_width - np.log1p(60), 0),
        np.maximum(log_width - np.log1p(200), 0),
        shapes.capitals / np.maximum(shapes.words, 1),
        shapes.digits / token_total,
        shapes.marks / token_total,
        solo_share,
        not_latin,
        odd_script,
        ends,
        np.log1p(before),
        np.log1p(behind),
        before / np.maximum(page_lines - 1, 1),
        np.log1p(page_lines),
        np.log1p(windows.mean_page(widths) * (page_lines - 1)),
        only,
        body_share,
        *page.T,
        np.log1p(strong),
        *windows.shifted(probabilities, -1).T,
        *windows.shifted(probabilities, 1).T,
        *near.T,
        *far.T,
        windows.shifted(log_width, -1),
        windows.shifted(log_width, 1),
        windows.mean_around(width_units, 3) / _UNIT,
        windows.mean_around(width_units, 10) / _UNIT,
        windows.mean_around(shapes.stops * _UNIT, 3) / _UNIT,
        windows.mean_around(shapes.stops * _UNIT, 10) / _UNIT,
        title_like,
        log_run,
        np.log1p(place),
        log_run * log_width,
        log_run * body_share,
        related,
        related_near,
        has_body,
        unrelated * title_like,
        unrelated * log_run,
        spam * page[:, 0],
        spam * near[:, 0],
        spam * solo_share,
        spam * not_latin,
        link * odd_script,
        headline * log_run,
        headline * unrelated,
        boilerplate * log_width,
        boilerplate * near[:, 4],
        boilerplate * ends,
        template * page[:, 3],
        spam * only,
        headline * only,
        boilerplate * only,
    ]
    values = np.stack(columns, axis=1).astype(np.float64) if len(lines) else np.zeros((0, len(FEATURE_NAMES)))
    return PageFeatures(lines, documents, np.rint(values * GRAIN) / GRAIN, widths, related, running_idf)
