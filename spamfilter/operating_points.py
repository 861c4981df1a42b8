"""Decisions: thresholds on log-odds for each tolerated share of clean lines wrongly flagged."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.labels import FLAGGED_LABELS, LABELS, Label

_CLEAN, _BOILERPLATE = LABELS.index(Label.CLEAN), LABELS.index(Label.BOILERPLATE)
_FLAGGED = np.array([LABELS.index(label) for label in FLAGGED_LABELS])


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """Thresholds measured at training on clean text that the model had not seen.

    Attributes:
        rates: tolerated false-positive rates, descending.
        thresholds: for each flagged label, for ``"span"`` and for ``"document"``: one log-odds threshold a rate.
        boilerplate: log-odds of boilerplate against clean from which a line counts as boilerplate.
    """

    rates: tuple[float, ...]
    thresholds: Mapping[str, tuple[float, ...]]
    boilerplate: float

    def check_rate(self, rate: float) -> None:
        """Raise ValueError if thresholds for ``rate`` have not been measured."""
        if not self.rates[-1] <= rate <= self.rates[0]:
            raise ValueError(
                f"max_false_positive_rate={rate!r} is outside what this model has measured; "
                f"choose a value from {self.rates[-1]:g} to {self.rates[0]:g}"
            )

    def threshold(self, kind: str, rate: float) -> float:
        """Threshold for ``kind`` at ``rate``, interpolated over the logarithm of the rate."""
        self.check_rate(rate)
        # In plain Python: for one number several times faster than through arrays.
        place = next(place for place in range(1, len(self.rates)) if self.rates[place] <= rate)
        upper, lower = math.log(self.rates[place - 1]), math.log(self.rates[place])
        above, below = self.thresholds[kind][place - 1], self.thresholds[kind][place]
        return (above - below) / (upper - lower) * (math.log(rate) - lower) + below

    def document_threshold(self, rate: float) -> float:
        """Threshold for pages: at ten times ``rate``.

        Training sees a few thousand clean pages, too few to measure one in a thousand; one in a hundred they can.
        """
        self.check_rate(rate)
        return self.threshold("document", min(10 * rate, self.rates[0]))

    def decide_lines(self, logits: NDArray[np.float64], rate: float) -> NDArray[np.int64]:
        """Label of each line.

        A flagged label applies where its log-odds against clean and boilerplate together reach its threshold;
        the label that clears its own by most wins.

        Args:
            logits: float64 (m, 6).
            rate: tolerated false-positive rate.

        Returns:
            int64 (m,), indices into ``LABELS``.
        """
        columns = np.ascontiguousarray(logits.T)
        clean, boilerplate = columns[_CLEAN], columns[_BOILERPLATE]
        margins = columns.take(_FLAGGED, axis=0)
        margins -= np.logaddexp(clean, boilerplate)
        margins -= np.array([[self.threshold(label.value, rate)] for label in FLAGGED_LABELS])
        labels = np.where(boilerplate - clean >= self.boilerplate, _BOILERPLATE, _CLEAN)
        # Few lines clear a threshold: only those are asked for the label that does best.
        above = (margins.max(axis=0) >= 0).nonzero()[0]
        labels[above] = _FLAGGED.take(margins.take(above, axis=1).argmax(axis=0))
        return labels
