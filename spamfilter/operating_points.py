"""Decisions: thresholds on log-odds for each tolerated share of clean lines wrongly flagged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.labels import FLAGGED_LABELS, LABELS, Label

_CLEAN, _BOILERPLATE = LABELS.index(Label.CLEAN), LABELS.index(Label.BOILERPLATE)
DECISIONS = (*(label.value for label in FLAGGED_LABELS), "span", "document")
_FLAGGED = np.array([LABELS.index(label) for label in FLAGGED_LABELS])


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Thresholds measured at training on clean text whose words the line and phrase models had not learnt from.

    Attributes:
        rates: tolerated false-positive rates, descending.
        thresholds: for each flagged label, for ``"span"`` and for ``"document"``: one log-odds threshold a rate.
        boilerplate: log-odds of boilerplate against clean from which a line counts as boilerplate.
    """

    rates: tuple[float, ...]
    thresholds: Mapping[str, tuple[float, ...]]
    boilerplate: float
    _limits: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the thresholds out for ``limits``."""
        object.__setattr__(self, "_limits", np.array([self.thresholds[kind] for kind in DECISIONS]).T)

    def check_rate(self, rate: float) -> None:
        """Raise ValueError if thresholds for ``rate`` have not been measured."""
        if not self.rates[-1] <= rate <= self.rates[0]:
            raise ValueError(
                f"max_false_positive_rate={rate!r} is outside what this model has measured; "
                f"choose a value from {self.rates[-1]:g} to {self.rates[0]:g}"
            )

    def threshold(self, kind: str, rate: float) -> float:
        """Threshold for ``kind`` at ``rate``, interpolated over the logarithm of the rate."""
        return float(self.limits(rate)[DECISIONS.index(kind)])

    def document_threshold(self, rate: float) -> float:
        """Threshold for pages: at ten times ``rate``.

        Training sees a few thousand clean pages, too few to measure one in a thousand; one in a hundred they can.
        """
        self.check_rate(rate)
        return float(self.limits(min(10 * rate, self.rates[0]))[-1])

    def limits(self, rate: float) -> NDArray[np.float64]:
        """Thresholds at ``rate`` for each of ``FLAGGED_LABELS``, for spans and for pages, float64 (6,)."""
        self.check_rate(rate)
        place = 1
        while self.rates[place] > rate:
            place += 1
        upper, lower = math.log(self.rates[place - 1]), math.log(self.rates[place])
        above, below = self._limits[place - 1], self._limits[place]
        limits: NDArray[np.float64] = (above - below) / (upper - lower) * (math.log(rate) - lower) + below
        return limits

    def decide_lines(self, logits: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
        """Label of each line.

        A line is flagged where the log-odds of any flagged label against clean and boilerplate together reach the
        threshold of that label; it gets the likeliest of the flagged labels.

        Args:
            logits: float64 (m, 6).
            rate: tolerated false-positive rate.

        Returns:
            int64 (m,), indices into ``LABELS``.
        """
        return self.labels_within(logits, self.limits(rate))

    def margins(self, logits: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far lines stand above the thresholds, by the label farthest above: flagged from 0 on; float64 (m,).

        Args:
            logits: float64 (m, 6).
            limits: as ``limits`` gives them.
        """
        return _farthest_margins(np.ascontiguousarray(logits.T), limits)

    def labels_within(self, logits: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.int64]:
        """``decide_lines`` at known ``limits``."""
        columns = np.ascontiguousarray(logits.T)
        labels = np.where(columns[_BOILERPLATE] - columns[_CLEAN] >= self.boilerplate, _BOILERPLATE, _CLEAN)
        # Few lines clear a threshold: only those are asked for their likeliest label.
        above = (_farthest_margins(columns, limits) >= 0).nonzero()[0]
        labels[above] = _FLAGGED.take(columns.take(above, axis=1).take(_FLAGGED, axis=0).argmax(axis=0))
        return labels


def _farthest_margins(columns: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """``OperatingPoints.margins`` of logits float64 (6, m)."""
    margins = columns.take(_FLAGGED, axis=0)
    margins -= elementary.logaddexp(columns[_CLEAN], columns[_BOILERPLATE])
    margins -= limits[: len(FLAGGED_LABELS), None]
    farthest: NDArray[np.float64] = margins.max(axis=0)
    return farthest
