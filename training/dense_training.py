"""Fits scikit-learn logistic regressions on dense numbers and turns them into ``DenseModel``s."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from spamfilter.dense_model import GRAIN, WEIGHT_GRAIN, DenseModel
from spamfilter.piecewise_model import PiecewiseModel

_INVERSE_REGULARISATION = 1.0
_ITERATIONS, _PIECEWISE_ITERATIONS = 150, 300
_KNOTS = 3
"""Quantiles of each number at which a slope may change."""
_MATCHING_STEPS = 50


@contextmanager
def one_quiet_thread() -> Iterator[None]:
    """One BLAS thread, which adds up in one order; no warning that the solver stopped at its last step.

    Few steps are meant: they regularise, and the figures are measured on what they give.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def rounded_weights(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest multiples of 1/65536, whose sums are exact in any order."""
    rounded: NDArray[np.float64] = np.rint(weights * WEIGHT_GRAIN) / WEIGHT_GRAIN
    return rounded


def used_columns(seen: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Columns of a hashed table that some example uses, int64 (u,), and the place of each among them, int32 (n,).

    A column that no example uses keeps the weight 0: it is left out of the fit.

    Args:
        seen: bool (n,).
    """
    used = np.flatnonzero(seen)
    places = np.zeros(len(seen), np.int32)
    places[used] = np.arange(len(used), dtype=np.int32)
    return used, places


def fit_dense_model(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> DenseModel:
    """Fit on standardised numbers and fold the standardisation into the weights.

    Args:
        values: float64 (r, f); they are standardised in place, since a copy would take gigabytes.
        labels: int64 (r,), 0 to k - 1, all of which must occur.
        weights: float64 (r,), sample weights.

    Returns:
        A model with k columns; binary problems get the columns ``(0, logit)``.
    """
    with one_quiet_thread():
        return _fit(names, values, labels, weights)


def _fit(
    names: tuple[str, ...], values: NDArray[np.float64], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> DenseModel:
    scaler = StandardScaler(copy=False).fit(values)
    regression = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=_ITERATIONS, tol=1e-4)
    regression.fit(scaler.transform(values), labels, sample_weight=weights)
    coefficients = regression.coef_ / scaler.scale_
    intercept = regression.intercept_ - coefficients @ scaler.mean_
    if len(regression.classes_) == 2:
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercept = np.append(0.0, intercept)
    return DenseModel(
        names=names,
        weights=np.ascontiguousarray(rounded_weights(coefficients.T)),
        bias=rounded_weights(intercept),
        means=np.round(scaler.mean_, 4),
    )


def fit_piecewise_model(
    names: tuple[str, ...],
    values: NDArray[np.float64],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> PiecewiseModel:
    """Fit log-odds that bend at quantiles of each number.

    Quantiles that coincide, or lie at the least or largest value of a number, are left out.

    Args:
        values: float64 (r, f).
        labels: int64 (r,), 0 or 1, both of which must occur.
        weights: float64 (r,), sample weights.
    """
    quantiles = np.quantile(values, np.arange(1, _KNOTS + 1) / (_KNOTS + 1), axis=0)
    # Knots are multiples of 1/256, as numbers are.
    chosen = [np.unique(np.rint(column * GRAIN) / GRAIN) for column in quantiles.T]
    low, high = values.min(axis=0), values.max(axis=0)
    chosen = [column[(column > low[place]) & (column < high[place])] for place, column in enumerate(chosen)]
    places = np.arange(len(names)).repeat([len(column) for column in chosen])
    all_knots = np.concatenate(chosen)
    scaler = StandardScaler().fit(values)
    inputs = np.empty((len(values), len(names) + len(places)))
    inputs[:, : len(names)] = scaler.transform(values)
    for column, (place, knot) in enumerate(zip(places.tolist(), all_knots.tolist(), strict=True), len(names)):
        inputs[:, column] = np.maximum(values[:, place] - knot, 0) / scaler.scale_[place]
    regression = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=_PIECEWISE_ITERATIONS, tol=1e-4)
    with one_quiet_thread():
        regression.fit(inputs, labels, sample_weight=weights)
    slopes = regression.coef_[0][: len(names)] / scaler.scale_
    bends = regression.coef_[0][len(names) :] / scaler.scale_[places]
    return PiecewiseModel(
        names=names,
        weights=rounded_weights(slopes),
        bias=float(rounded_weights(regression.intercept_ - slopes @ scaler.mean_)[0]),
        means=np.round(scaler.mean_, 4),
        places=places,
        knots=all_knots,
        bends=rounded_weights(bends),
    )


def match_frequencies(model: DenseModel, products: NDArray[np.float64], labels: NDArray[np.int64]) -> DenseModel:
    """Shift the bias until the mean probability of each label is its frequency.

    Undoes what sample weights did to the prior odds, so that probabilities are calibrated on the rows given.

    Args:
        products: float64 (r, k), numbers of each row times the weights of ``model``.
        labels: int64 (r,), 0 to k - 1.
    """
    frequency = np.bincount(labels, minlength=len(model.bias)) / len(labels)
    bias = model.bias.copy()
    for _ in range(_MATCHING_STEPS):
        logits = products + bias
        logits -= logits.max(axis=1, keepdims=True)
        probabilities = np.exp(logits)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        bias += np.log(frequency / probabilities.mean(axis=0))
    return replace(model, bias=rounded_weights(bias))
