"""Stage 4, the document model: is the page spam, and of which kind?

Multinomial logistic regression over the four kinds of ``DocumentKind`` on what stages 1 to 3 found. On few numbers:
composed pages differ from real ones in many ways, and the more of them a regression sees, the more of those it learns.
"""

import numpy as np
from numpy.typing import NDArray

from spamfilter.dense_model import GRAIN
from spamfilter.line_facts import LOGIT_LIMIT, limited
from spamfilter.page_sums import PageSums

DOCUMENT_FEATURE_NAMES: tuple[str, ...] = (
    "spam margin of lines and text",
    "strongest span",
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
    span = np.full(len(sums.sizes), -LOGIT_LIMIT)
    np.maximum.at(span, span_documents, limited(span_logits, LOGIT_LIMIT))
    # A long page of menus is no spam, nor is one whose few sentences are honest: all lines count, and so does the text.
    margin = sums.margins[0] + (sums.margins[1] + sums.margins[2]) / 2
    # How many kinds of residue the page holds: links, headlines, template tags, a splice.
    evidence = np.stack((*sums.strongest, np.log(sums.headlines + 1e-6), span))
    kinds = (limited(evidence, 4.0) / 8 + 0.5).sum(axis=0)
    columns = np.stack((margin, span, kinds, kinds * limited(span, 4.0)))
    return (np.rint(columns * GRAIN) / GRAIN).T
