"""A linear model on dense numbers, the kind of model that stages 2 to 4 are.

Weights are multiples of 1/65536, numbers multiples of 1/256: every product and sum is exact in float64, whatever
order it is added up in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRAIN = 256.0
WEIGHT_GRAIN = 65536.0


@dataclass(frozen=True, slots=True)
class DenseModel:
    """A linear model on dense numbers: ``values @ weights + bias``.

    Attributes:
        names: of the inputs.
        weights: float64 (f, k), multiples of 1/65536.
        bias: float64 (k,), multiples of 1/65536.
        means: float64 (f,), mean of the inputs over the training rows; explanations are told against it.
    """

    names: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    means: NDArray[np.float64]

    def logits(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logits float64 (r, k) of ``values`` float64 (r, f), which are multiples of 1/256."""
        # Each column is a row of memory in the numbers, and is one in the logits.
        columns = self.weights.T @ values.T
        columns += self.bias[:, None]
        return columns.T


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalise rows of logits to log-probabilities; each column is added in turn, so rows do not depend on others."""
    # Columns as rows of memory: numpy is slow along rows of five.
    columns = np.ascontiguousarray(logits.T)
    shifted: NDArray[np.float64] = columns - columns.max(axis=0)
    exponential = np.exp(shifted)
    shifted -= np.log(exponential.sum(axis=0))
    return shifted.T
