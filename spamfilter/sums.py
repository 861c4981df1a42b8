"""Exact sums over stretches of an array, by differences of running sums of integers."""

import numpy as np
from numpy.typing import NDArray


def sums_behind(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums of ``values`` int64 (..., n) from each place to the end, int64 (..., n + 1).

    The sum of the stretch ``[first, stop)`` is ``sums[first] - sums[stop]``, exact also where the sums wrap around.
    """
    sums = np.empty((*values.shape[:-1], values.shape[-1] + 1), np.int64)
    sums[..., -1] = 0
    # Over negative strides numpy keeps the sum in a register, several times faster than forwards.
    np.add.accumulate(values[..., ::-1], axis=-1, out=sums[..., -2::-1])
    return sums
