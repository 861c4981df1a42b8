"""Thresholds out of scores of clean items."""

import numpy as np
import pytest

from training.measure import RATES, thresholds_at


@pytest.mark.parametrize("count", [300, 1000, 5000])
def test_rates_too_rare_to_be_measured_lie_on_a_straight_line(count: int) -> None:
    """Of exponential scores the threshold of a rate is minus its logarithm."""
    scores = -np.log((np.arange(count) + 0.5) / count)
    found = thresholds_at(scores)
    assert np.abs(np.array(found) + np.log(RATES)).max() < 0.6


def test_too_few_items_are_an_error_that_says_how_many_are_needed() -> None:
    with pytest.raises(ValueError, match="19 clean items are too few to measure false positives: give at least 70"):
        thresholds_at(np.zeros(19))
