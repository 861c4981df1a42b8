"""Exponentials and logarithms in single IEEE operations, so that every machine and the compiled kernel round alike.

``numpy.exp`` and ``numpy.log`` choose their code by the machine, and a C library has yet another one. Here a table and
a short polynomial give them (Tang, 1989 and 1990), to about 1e-15.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spamfilter.kernel import ModelTables

_EXP_PARTS = 64
_LOG_PARTS = 128
_LOG_2 = math.log(2)
_PARTS_PER_E = _EXP_PARTS / _LOG_2
# The logarithm of 2 over 64 in two pieces: a whole number of parts times the first one is exact.
_PART_HIGH = math.ldexp(math.floor(math.ldexp(_LOG_2 / _EXP_PARTS, 40)), -40)
_PART_LOW = 2.5310172166650877e-13
_LARGEST = 700.0
_BIAS = 1023 << 52

POWERS = np.array([2.0 ** (part / _EXP_PARTS) for part in range(_EXP_PARTS)])
"""2 to the power of each 64th, float64 (64,)."""
INVERSES = np.array([_LOG_PARTS / (_LOG_PARTS + part) for part in range(_LOG_PARTS)])
"""1 over 1 and each 128th, float64 (128,)."""
LOGARITHMS = np.array([-math.log(inverse) for inverse in INVERSES.tolist()])
"""What ``INVERSES`` take off a logarithm, float64 (128,)."""


def exp(values: ArrayLike) -> NDArray[np.float64]:
    """Exponentials of numbers, which count as -700 to 700; float64, of the same shape."""
    limited = np.minimum(np.maximum(np.asarray(values, np.float64), -_LARGEST), _LARGEST)
    parts = np.rint(limited * _PARTS_PER_E)
    rest = limited - parts * _PART_HIGH
    rest -= parts * _PART_LOW
    result = rest * (1 / 120) + 1 / 24
    result *= rest
    result += 1 / 6
    result *= rest
    result += 0.5
    result *= rest
    result += 1.0
    result *= rest
    whole = parts.astype(np.int64)
    powers = POWERS.take(whole & (_EXP_PARTS - 1))
    result *= powers
    result += powers
    whole >>= 6
    whole <<= 52
    whole += _BIAS
    result *= whole.view(np.float64)
    return result


def logistic(logits: ArrayLike) -> NDArray[np.float64]:
    """Probabilities for log-odds, which may be infinite; float64, of the same shape."""
    odds = np.where(np.equal(logits, -np.inf), 0.0, exp(logits))
    probabilities: NDArray[np.float64] = odds / (1.0 + odds)
    return probabilities


def log(values: ArrayLike) -> NDArray[np.float64]:
    """Natural logarithms of numbers from 1e-300 on; float64, of the same shape."""
    bits = np.array(values, np.float64).view(np.int64)
    places = (bits >> 45) & (_LOG_PARTS - 1)
    exponents = ((bits >> 52) - 1023).astype(np.float64)
    bits &= (1 << 52) - 1
    bits |= _BIAS
    rest = bits.view(np.float64)
    rest *= INVERSES.take(places)
    rest -= 1.0
    result = rest * (1 / 7) - 1 / 6
    for factor in (1 / 5, -1 / 4, 1 / 3, -1 / 2, 1.0):
        result *= rest
        result += factor
    result *= rest
    result += LOGARITHMS.take(places)
    exponents *= _LOG_2
    result += exponents
    return result


def log1p(values: ArrayLike) -> NDArray[np.float64]:
    """Logarithms of 1 and ``values``, which are not negative; float64, of the same shape."""
    return log(np.asarray(values, np.float64) + 1.0)


def logaddexp(left: ArrayLike, right: ArrayLike) -> NDArray[np.float64]:
    """Logarithms of the sums of the exponentials of finite numbers; float64, broadcast as numpy does."""
    left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
    result: NDArray[np.float64] = np.maximum(left, right) + log1p(exp(-np.abs(left - right)))
    return result


TABLES = ModelTables(
    *(POWERS, INVERSES, LOGARITHMS, log1p(np.arange(1024))), *(_PARTS_PER_E, _PART_HIGH, _PART_LOW, _LOG_2)
)
"""For the compiled kernel, with the logarithms that it would take most often."""
