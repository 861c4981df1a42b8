"""Decisions: thresholds on log-odds for each tolerated share of clean lines wrongly flagged."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.labels import FLAGGED_LABELS, LABELS, Label

_CLEAN, _BOILERPLATE = LABELS.index(Label.CLEAN), LABELS.index(Label.BOILERPLATE)
_FLAGGED = [LABELS.index(label) for label in FLAGGED_LABELS]


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
        position = np.log(self.rates[::-1])
        return float(np.interp(np.log(rate), position, self.thresholds[kind][::-1]))

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
        ordinary = np.logaddexp(logits[:, _CLEAN], logits[:, _BOILERPLATE])
        limits = np.array([self.threshold(label.value, rate) for label in FLAGGED_LABELS])
        margins = logits[:, _FLAGGED] - ordinary[:, None] - limits
        best = margins.argmax(axis=1) if len(margins) else np.zeros(0, np.int64)
        is_boilerplate = logits[:, _BOILERPLATE] - logits[:, _CLEAN] >= self.boilerplate
        labels = np.where(is_boilerplate, _BOILERPLATE, _CLEAN)
        flagged = margins[np.arange(len(best)), best] >= 0
        labels[flagged] = np.array(_FLAGGED)[best[flagged]]
        return labels
