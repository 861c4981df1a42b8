"""A logistic regression on dense numbers whose slopes may change at knots.

Weights are multiples of 1/65536, numbers and knots multiples of 1/256: sums are exact in any order, as in
``dense_model``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PiecewiseModel:
    """Log-odds that are piecewise linear in each number, a sum of hinge functions (MARS; Friedman, 1991).

    ``values @ weights + max(values[:, places] - knots, 0) @ bends + bias``

    Attributes:
        names: of the inputs.
        weights: float64 (f,), slopes below the first knots.
        bias: of the log-odds.
        means: float64 (f,), mean of the inputs over the training rows; explanations are told against it.
        places: int64 (h,), input that each knot belongs to, ascending.
        knots: float64 (h,).
        bends: float64 (h,), change of the slope at each knot.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: float
    means: NDArray[np.float64]
    places: NDArray[np.int64]
    knots: NDArray[np.float64]
    bends: NDArray[np.float64]

    def odds(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds float64 (r,) of ``values`` float64 (r, f), which are multiples of 1/256."""
        odds: NDArray[np.float64] = values @ self.weights + self._hinges(values) @ self.bends + self.bias
        return odds

    def shares(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each number adds to the log-odds over what its mean would add, float64 (f,), of numbers float64 (f,)."""
        bent = (self._hinges(values[None]) - self._hinges(self.means[None]))[0] * self.bends
        shares: NDArray[np.float64] = (values - self.means) * self.weights
        return shares + np.bincount(self.places, bent, len(self.names))

    def _hinges(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        hinges = values.take(self.places, axis=1)
        hinges -= self.knots
        return np.maximum(hinges, 0, out=hinges)
