"""Stage 4, the document model: is the page spam, and of which kind?

Multinomial logistic regression over the four kinds of ``DocumentKind`` on what stages 1 to 3 found.
"""

import numpy as np
from numpy.typing import NDArray

from spamfilter.line_facts import BODY_WIDTH, LOGIT_LIMIT, LineFacts, limited
from spamfilter.page_features import GRAIN, PageFeatures

_UNIT = 4096
_NAMES = ("clean", "spam", "link", "headline", "template", "boilerplate")
_FIRST, _LAST = 1, 4
_STRONG = range(_FIRST, _LAST + 1)
_QUANTILES = (0.25, 0.5, 0.75, 0.9)
_MARGINS = (-2, 0, 2, 4)
_MARGIN_LEVELS = np.array(_MARGINS)[:, None]
_TOTALS = 27
_APART = 1 << 16

DOCUMENT_FEATURE_NAMES: tuple[str, ...] = (
    *(f"share of {name}" for name in _NAMES),
    *(f"mean {name} by line" for name in _NAMES[1:]),
    *(f"strongest {_NAMES[place]}" for place in _STRONG),
    *(f"lines likely {_NAMES[place]}" for place in _STRONG),
    "spam logit of the body",
    "spam logit of the page",
    "strongest span",
    "likely spans",
    "kinds of residue",
    "residue and a splice",
    "lines",
    "width",
    "body lines",
    "relatedness of headlines",
    "share of spam in the body",
    "the only line",
    "spam share by lines",
    *(f"spam margin at {quantile:.0%} of the lines" for quantile in _QUANTILES),
    "spam margin of most lines by number of lines",
    *(f"lines with a spam margin above {limit}" for limit in _MARGINS),
)


def document_features(
    features: PageFeatures,
    spam_logits: NDArray[np.float64],
    line_probabilities: NDArray[np.float64],
    span_lines: NDArray[np.int64],
    span_logits: NDArray[np.float64],
    document_count: int,
) -> NDArray[np.float64]:
    """Numbers of every document.

    Args:
        spam_logits: float64 (r,), stage 1 spam logits of the lines that are not blank.
        line_probabilities: float64 (r, 6), stage 2 probabilities of the same lines.
        span_lines: int64 (k,), place among the lines that are not blank of each span candidate.
        span_logits: float64 (k,), calibrated log-odds of the candidates.

    Returns:
        float64 (d, f), multiples of 1/256, in the order of ``DOCUMENT_FEATURE_NAMES``.
    """
    documents, edges, lines = features.pages.documents, features.pages.edges, features.pages.sizes
    probabilities = line_probabilities.T
    margin = np.rint(features.facts.margin * GRAIN) / GRAIN
    totals = np.zeros((_TOTALS, document_count), np.int64)
    for rows in features.pages.blocks():
        addends = _addends(features.facts, spam_logits[rows], probabilities[:, rows], margin[rows], rows)
        totals += features.pages.totals(addends, rows)
    width, share_sums, mean_sums, likely = totals[0], totals[1:7], totals[7:12], totals[12:16]
    body_width, body_spam_sum, page_spam_sum, related_sum, headlines, body_lines, body_spam_share = totals[16:23]
    line_count, text_width, body_text = np.maximum(lines, 1), np.maximum(width, 1), np.maximum(body_width, 1)
    shares = share_sums / text_width / _UNIT
    strong = _largest(probabilities[_FIRST : _LAST + 1], edges, 0.0)
    strongest = np.where(lines > 0, np.log(strong + 1e-6) - np.log(1 - strong + 1e-6), -12.0)
    np.maximum(strongest, -12.0, out=strongest)
    strongest_span = _largest(span_logits[None], span_lines.searchsorted(edges), -12.0)[0]
    spans = np.bincount(documents[span_lines[span_logits > 0]], minlength=document_count)
    residue = (limited(np.concatenate((strongest[1:], strongest_span[None])), 4.0) / 8 + 0.5).sum(axis=0)
    # Margins are multiples of 1 / GRAIN, so documents and margins sort as one whole number.
    order = (margin * GRAIN).astype(np.int64)
    order += documents * _APART + _APART // 2
    order.sort()
    by_margin = np.zeros(len(order) + 1)
    by_margin[:-1] = (order & (_APART - 1)) - _APART // 2
    by_margin /= GRAIN
    places = edges[:-1] + (lines * np.array(_QUANTILES)[:, None]).astype(np.int64)
    quantiles = np.where(lines > 0, by_margin.take(places, mode="clip"), -8.0)
    log_lines = np.log1p(lines)
    columns = [
        shares,
        mean_sums / line_count / _UNIT,
        np.minimum(strongest, 12.0),
        np.log1p(likely),
        [
            body_spam_sum / body_text / _UNIT,
            page_spam_sum / text_width / _UNIT,
            np.minimum(strongest_span, 12.0),
            np.log1p(spans),
            residue,
            residue * limited(strongest_span, 4.0),
            log_lines,
            np.log1p(width),
            np.log1p(body_lines),
            related_sum / np.maximum(headlines, 1) / _UNIT,
            body_spam_share / body_text / _UNIT,
            lines == 1,
            shares[1] * log_lines,
        ],
        quantiles,
        quantiles[1:2] * log_lines,
        totals[23:] / line_count,
    ]
    return (np.rint(np.concatenate(columns) * GRAIN) / GRAIN).T


def _addends(
    facts: LineFacts,
    spam_logits: NDArray[np.float64],
    probabilities: NDArray[np.float64],
    margin: NDArray[np.float64],
    rows: slice,
) -> NDArray[np.int64]:
    """What is added up over the lines of a page, for some ``rows``, int64 (_TOTALS, n)."""
    strong = probabilities[_FIRST : _LAST + 1] > 0.5
    units = np.rint(probabilities * _UNIT).astype(np.int64)
    widths = np.minimum(facts.shapes.widths[rows], 4000)
    body = facts.shapes.widths[rows] >= BODY_WIDTH
    body_widths = widths * body
    spam_units = np.rint(limited(spam_logits, LOGIT_LIMIT) * _UNIT).astype(np.int64)
    related_units = np.rint(facts.related[rows] * _UNIT).astype(np.int64)
    addends = (
        *(widths[None], units * widths, units[1:], strong, body_widths[None]),
        [spam_units * body_widths, spam_units * widths, related_units * strong[2]],
        *([strong[2], body, units[1] * body_widths], margin > _MARGIN_LEVELS),
    )
    return np.concatenate(addends, dtype=np.int64, casting="unsafe")


def _largest(values: NDArray[np.float64], edges: NDArray[np.int64], least: float) -> NDArray[np.float64]:
    """Largest of each row between edges, at least ``least``; float64 (n, d)."""
    result = np.full((len(values), len(edges) - 1), least)
    filled = (edges[1:] > edges[:-1]).nonzero()[0]
    if len(filled):
        result[:, filled] = np.maximum(np.maximum.reduceat(values, edges[filled], axis=1), least)
    return result
