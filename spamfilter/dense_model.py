"""A linear model on dense numbers, the kind of model that stages 2 to 4 are.

Weights are multiples of 1/65536, numbers multiples of 1/256: every product and sum is exact in float64, whatever
order it is added up in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary

GRAIN = 256.0
WEIGHT_GRAIN = 65536.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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


def softmax(logits: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-probabilities and probabilities float64 (k, n) of columns of logits (k, n).

    Rows are added up one after the other, so that a column does not depend on others.
    """
    logs = logits - logits.max(axis=0)
    shown = elementary.exp(logs)
    normalize(logs, shown)
    return logs, shown


def row_probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities float64 (n, k) of rows of logits (n, k)."""
    return softmax(logits.T)[1].T


def normalize(logs: NDArray[np.float64], shown: NDArray[np.float64]) -> None:
    """Make columns of ``shown`` float64 (k, n) sum to 1, and their logarithms follow, in place."""
    whole = shown.sum(axis=0)
    logs -= elementary.log(whole)
    shown /= whole
