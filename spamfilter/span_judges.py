"""How sure a stretch is by itself: one judge for text with spaces between words, one for scripts without.

A phrase of eight characters is long in Chinese and short in English, and so it goes with most numbers of a stretch.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter import kernel
from spamfilter.piecewise_model import PiecewiseModel
from spamfilter.span_description import CANDIDATE_NAMES

SOLO_SHARE = 0.25
"""Share of characters without spaces, among the tokens around a stretch, from which the second judge is asked."""
SOLO_SHARE_PLACE = CANDIDATE_NAMES.index("letters without spaces")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SpanJudges:
    """Log-odds of stretches from the numbers in ``CANDIDATE_NAMES``.

    Attributes:
        spaced: for text with spaces between words.
        solo: for text in scripts without.
    """

    spaced: PiecewiseModel
    solo: PiecewiseModel

    def judge_of(self, values: NDArray[np.float64]) -> PiecewiseModel:
        """The one that is asked about a stretch with the numbers float64 (f,)."""
        return self.solo if is_solo(values[None])[0] else self.spaced

    def odds(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log-odds float64 (k,) of stretches from their numbers float64 (k, f)."""
        return np.where(is_solo(values), self.solo.odds(values), self.spaced.odds(values))

    def tables(self) -> tuple[kernel.ModelTables, kernel.ModelTables] | None:
        """Both as the compiled kernel reads them, or None if it cannot."""
        if any(judge.weights.shape != (len(CANDIDATE_NAMES),) for judge in (self.spaced, self.solo)):
            return None
        return _tables(self.spaced), _tables(self.solo)


def is_solo(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which stretches stand in text without spaces between words, bool (k,), from their numbers float64 (k, f)."""
    return values[:, SOLO_SHARE_PLACE] >= SOLO_SHARE


def _tables(judge: PiecewiseModel) -> kernel.ModelTables:
    arrays = judge.weights, judge.places, judge.knots, judge.bends
    return kernel.ModelTables(*map(np.ascontiguousarray, arrays), float(judge.bias), len(judge.places))
