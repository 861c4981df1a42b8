"""Stage 4, the document model: is the page spam, and of which kind?

Multinomial logistic regression over the four kinds of ``DocumentKind`` on what stages 1 to 3 found.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spamfilter.dense_model import GRAIN
from spamfilter.line_facts import LOGIT_LIMIT, limited
from spamfilter.page_sums import QUANTILES, TEXT_QUANTILES, PageSums

_LABELS = ("spam", "link", "headline", "template", "boilerplate")

DOCUMENT_FEATURE_NAMES: tuple[str, ...] = (
    "spam margin of the page",
    "spam margin of the text",
    "spam margin of the lines of the text",
    "share of spam on the page",
    "share of spam in the text",
    "share of spam among the lines of the text",
    "spam margin of the lines of the text, taken together",
    *(f"lines likely {name}" for name in _LABELS[:-1]),
    "strongest spam",
    "strongest link",
    "strongest template",
    "strongest spam margin",
    "lines",
    "lines of text",
    "width",
    "share of boilerplate lines",
    "share of headline lines",
    "the only line",
    *(f"spam margin at {level:.0%} of the lines" for level in QUANTILES),
    *(f"spam margin at {level:.0%} of the lines of the text" for level in TEXT_QUANTILES),
    *(f"pull of the text to {name}" for name in _LABELS),
    *(f"mean pull of the text to {name}" for name in _LABELS),
    "strongest span",
    "likely spans",
    "kinds of residue",
    "residue and a splice",
)


def document_features(
    sums: PageSums, span_documents: NDArray[np.int64], span_logits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Numbers of every document.

    Args:
        span_documents: int64 (k,), document of each span candidate, ascending.
        span_logits: float64 (k,), calibrated log-odds of the candidates.

    Returns:
        float64 (d, f), multiples of 1/256, in the order of ``DOCUMENT_FEATURE_NAMES``.
    """
    count = len(sums.sizes)
    lines, text_lines = np.maximum(sums.sizes, 1), np.maximum(sums.text_lines, 1)
    span = np.full(count, -LOGIT_LIMIT)
    np.maximum.at(span, span_documents, limited(span_logits, LOGIT_LIMIT))
    spans = np.bincount(span_documents[span_logits > 0], minlength=count)
    rows: tuple[ArrayLike, ...] = (
        sums.margins,
        sums.spam_shares,
        [sums.text_spam / text_lines, sums.margins[2] * np.sqrt(text_lines)],
        np.log1p(sums.counts[:4]),
        sums.strongest,
        [np.log1p(sums.sizes), np.log1p(sums.text_lines), np.log1p(sums.width)],
        [sums.counts[4] / lines, sums.counts[2] / lines, sums.sizes == 1],
        sums.quantiles,
        sums.pull,
        [span, np.log1p(spans)],
        _residue(sums, span),
    )
    columns: NDArray[np.float64] = np.concatenate([np.asarray(row, np.float64) for row in rows])
    return (np.rint(columns * GRAIN) / GRAIN).T


def _residue(sums: PageSums, span: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many kinds of residue a page holds: links, headlines, template tags, a splice; that times the splice."""
    headlines = np.log(sums.counts[2] + 1e-6)
    evidence = np.stack((sums.strongest[1], headlines, sums.strongest[2], span))
    kinds = (limited(evidence, 4.0) / 8 + 0.5).sum(axis=0)
    return np.stack((kinds, kinds * limited(span, 4.0)))
