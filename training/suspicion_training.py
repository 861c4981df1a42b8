"""Fits which lines the span stage looks at, on what it found when it looked at all of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spamfilter.dense_model import WEIGHT_GRAIN
from spamfilter.line_model import LineModel
from spamfilter.page_features import FEATURE_NAMES
from spamfilter.span_model import SpanCandidates, SpanModel
from spamfilter.suspicion import SUSPICION_NAMES, are_suspicious, strongest_tokens
from training.dense_training import fit_dense_model
from training.span_training import ScoredBatch, best_of_lines

NEAR = -3.5
"""Log-odds of a stretch from which its line counts as one to look at: far below every threshold."""
SURE = -2.0
LOST_SHARE = 0.002
"""Share of the lines of pages with a stretch of log-odds ``SURE`` and more that may be passed over."""
_SINGLE_LINE_WEIGHT = 0.1
_ONLY_LINE = FEATURE_NAMES.index("the only line")

Part = tuple[ScoredBatch, LineModel, SpanCandidates]


def _best_logits(model: SpanModel, scored: ScoredBatch, found: SpanCandidates) -> NDArray[np.float64]:
    """Largest log-odds of a candidate in each line that is not blank, float64 (r,), very low where there is none."""
    return best_of_lines(scored, found, model.odds(found.values))


def fit_suspicion(model: SpanModel, parts: Sequence[Part]) -> SpanModel:
    """Fit on the candidates of all lines of documents that the scorer of boundaries has not seen.

    Raises:
        ValueError: no line of a page has a stretch.
    """
    best = np.concatenate([_best_logits(model, scored, found) for scored, _, found in parts])
    values = np.concatenate(
        [
            np.concatenate(
                (
                    scored.features.values,
                    strongest_tokens(line_model, scored.tokens, scored.scores.token_words, scored.features),
                ),
                axis=1,
            )
            for scored, line_model, _ in parts
        ]
    )
    single = values[:, _ONLY_LINE] > 0
    sure = values[(best > SURE) & ~single]
    if not len(sure):
        raise ValueError("no foreign stretch was found on any composed page; give more lines to splice")
    dense = fit_dense_model(
        SUSPICION_NAMES, values, (best > NEAR).astype(np.int64), np.where(single, _SINGLE_LINE_WEIGHT, 1.0)
    )
    limit = float(np.quantile(dense.logits(sure)[:, 1], LOST_SHARE, method="lower"))
    shifted = dense.bias - np.array([0.0, np.floor(limit * WEIGHT_GRAIN) / WEIGHT_GRAIN])
    return replace(model, suspicion=replace(dense, bias=shifted))


def look_where_suspicious(model: SpanModel, part: Part) -> SpanCandidates:
    """The candidates that are left when only suspicious lines are looked at."""
    scored, line_model, found = part
    strongest = strongest_tokens(line_model, scored.tokens, scored.scores.token_words, scored.features)
    partial = scored.features.values @ model.suspicion.weights[: len(FEATURE_NAMES), 1]
    suspicious = are_suspicious(model.suspicion, partial, strongest)
    kept = np.isin(found.lines, scored.features.lines[suspicious])
    return SpanCandidates(found.lines[kept], found.first[kept], found.last[kept], found.values[kept])
