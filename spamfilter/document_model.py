"""Stage 4, the document model: is the page spam, and of which kind?

Three logistic regressions, each of which decides what the ones before it leave open (a nested dichotomy, Fox, 1997):
is this spam from top to bottom, if not is it a link farm, if not does it hold residue? On few numbers: composed pages
differ from real ones in many ways, and the more of them a regression sees, the more of those it learns. One regression
over all kinds would let a page's residue speak against its being spam.
"""

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.dense_model import GRAIN
from spamfilter.line_facts import LOGIT_LIMIT, limited
from spamfilter.page_sums import PageSums, likely

DOCUMENT_FEATURE_NAMES: tuple[str, ...] = (
    "spam margin of lines and text",
    "strongest span",
    "kinds of residue",
    "residue and a splice",
)
DECISIONS: tuple[str, ...] = ("spam", "link farm", "residue")
"""What the regressions decide, each if the ones before it say no."""


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
    kinds = sums.residue + likely(span)
    columns = np.stack((margin, span, kinds, kinds * limited(span, 4.0)))
    return (np.rint(columns * GRAIN) / GRAIN).T


def kind_log_probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-probabilities float64 (d, 4) of the kinds in ``DocumentKind``, from log-odds float64 (d, 3) of decisions."""
    columns = np.empty((4, len(logits)))
    chosen, passed_over = -elementary.logaddexp(0, -logits.T), elementary.logaddexp(0, logits.T)
    columns[3] = chosen[0]
    # What is left of the page when it is neither of the kinds before.
    left = -passed_over[0]
    np.add(left, chosen[1], out=columns[2])
    left -= passed_over[1]
    np.add(left, chosen[2], out=columns[1])
    np.subtract(left, passed_over[2], out=columns[0])
    return columns.T
