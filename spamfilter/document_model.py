"""Stage 4, the document model: is the page spam, and of which kind?

Multinomial logistic regression over the four kinds of ``DocumentKind`` on what stages 1 to 3 found.
"""

import numpy as np
from numpy.typing import NDArray

from spamfilter.page_features import FEATURE_NAMES, GRAIN, PageFeatures

_UNIT = 4096
_NAMES = ("clean", "spam", "link", "headline", "template", "boilerplate")
_STRONG = (1, 2, 3, 4)
_QUANTILES = (0.25, 0.5, 0.75, 0.9)
_MARGINS = (-2, 0, 2, 4)
_MARGIN_COLUMN = FEATURE_NAMES.index("own spam margin")

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
    line_logits: NDArray[np.float64],
    line_probabilities: NDArray[np.float64],
    span_lines: NDArray[np.int64],
    span_logits: NDArray[np.float64],
    document_count: int,
) -> NDArray[np.float64]:
    """Numbers of every document.

    Args:
        line_logits: float64 (r, 5), stage 1 logits of the lines that are not blank.
        line_probabilities: float64 (r, 6), stage 2 probabilities of the same lines.
        span_lines: int64 (k,), place among the lines that are not blank of each span candidate.
        span_logits: float64 (k,), calibrated log-odds of the candidates.

    Returns:
        float64 (d, f), multiples of 1/256, in the order of ``DOCUMENT_FEATURE_NAMES``.
    """
    documents = features.documents
    units = np.rint(line_probabilities * _UNIT).astype(np.int64)
    widths = np.minimum(features.widths, 4000)

    def total(values: NDArray[np.int64]) -> NDArray[np.int64]:
        running = np.concatenate((np.zeros(1, np.int64), np.cumsum(values)))
        edges = np.searchsorted(documents, np.arange(document_count + 1))
        sums: NDArray[np.int64] = running[edges[1:]] - running[edges[:-1]]
        return sums

    def largest(values: NDArray[np.float64], owners: NDArray[np.int64], least: float) -> NDArray[np.float64]:
        result = np.full(document_count, least)
        np.maximum.at(result, owners, values)
        return result

    lines = total(np.ones(len(documents), np.int64))
    width = total(widths)
    shares = [total(units[:, place] * widths) / np.maximum(width, 1) / _UNIT for place in range(6)]
    means = [total(units[:, place]) / np.maximum(lines, 1) / _UNIT for place in range(1, 6)]
    odds = np.log(line_probabilities + 1e-6) - np.log(1 - line_probabilities + 1e-6)
    strongest = [largest(odds[:, place], documents, -12.0) for place in _STRONG]
    likely = [total((line_probabilities[:, place] > 0.5).astype(np.int64)) for place in _STRONG]
    body = features.widths >= 100
    spam_units = np.rint(np.clip(line_logits[:, 0], -12, 12) * _UNIT).astype(np.int64)
    body_width = total(widths * body)
    body_spam = total(spam_units * widths * body) / np.maximum(body_width, 1) / _UNIT
    page_spam = total(spam_units * widths) / np.maximum(width, 1) / _UNIT
    span_documents = documents[span_lines]
    strongest_span = largest(span_logits, span_documents, -12.0)
    spans = np.bincount(span_documents[span_logits > 0], minlength=document_count)
    residue = np.sum([np.clip(value, -4, 4) / 8 + 0.5 for value in (*strongest[1:], strongest_span)], axis=0)
    headline_like = line_probabilities[:, 3] > 0.5
    related_units = np.rint(features.relatedness * _UNIT).astype(np.int64)
    related = total(related_units * headline_like) / np.maximum(total(headline_like.astype(np.int64)), 1) / _UNIT
    margin = features.values[:, _MARGIN_COLUMN]
    by_margin = np.append(margin[np.lexsort((margin, documents))], 0.0)
    first = np.cumsum(lines) - lines
    quantiles = [
        np.where(lines > 0, by_margin[np.minimum(first + (lines * quantile).astype(np.int64), len(margin))], -8.0)
        for quantile in _QUANTILES
    ]
    columns = [
        *shares,
        *means,
        *(np.clip(value, -12, 12) for value in strongest),
        *(np.log1p(value) for value in likely),
        body_spam,
        page_spam,
        np.clip(strongest_span, -12, 12),
        np.log1p(spans),
        residue,
        residue * np.clip(strongest_span, -4, 4),
        np.log1p(lines),
        np.log1p(width),
        np.log1p(total(body.astype(np.int64))),
        related,
        total(units[:, 1] * widths * body) / np.maximum(body_width, 1) / _UNIT,
        (lines == 1).astype(np.float64),
        shares[1] * np.log1p(lines),
        *quantiles,
        quantiles[1] * np.log1p(lines),
        *(total((margin > limit).astype(np.int64)) / np.maximum(lines, 1) for limit in _MARGINS),
    ]
    return np.rint(np.stack(columns, axis=1) * GRAIN) / GRAIN
