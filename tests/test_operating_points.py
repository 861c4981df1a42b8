"""Decisions at a tolerated share of clean lines wrongly flagged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spamfilter import FLAGGED_LABELS, LABELS, Label, Predictor
from spamfilter.operating_points import OperatingPoints

RATES = (1e-1, 1e-2, 1e-3)
POINTS = OperatingPoints(
    RATES,
    dict.fromkeys((*(label.value for label in FLAGGED_LABELS), "span", "document"), (0.0, 1.0, 3.0)),
    boilerplate=0.5,
)
SPAM, LINK, CLEAN, BOILERPLATE = (
    LABELS.index(label) for label in (Label.SEO_INJECTION, Label.LINK_EXCHANGE, Label.CLEAN, Label.BOILERPLATE)
)


def logits(**values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    row = np.full(len(LABELS), -30.0)
    for name, value in values.items():
        row[LABELS.index(Label(name))] = value
    return row[None, :]


@pytest.mark.parametrize(("rate", "threshold"), [(1e-1, 0.0), (1e-2, 1.0), (1e-3, 3.0)])
def test_a_measured_rate_has_its_measured_threshold(rate: float, threshold: float) -> None:
    assert POINTS.threshold("span", rate) == pytest.approx(threshold)


def test_a_rate_between_two_measured_ones_lies_between_them_on_the_logarithm() -> None:
    assert POINTS.threshold("span", 10**-2.5) == pytest.approx(2.0)


@given(st.floats(1e-3, 1e-1), st.floats(1e-3, 1e-1))
def test_a_stricter_rate_never_has_a_lower_threshold(one: float, other: float) -> None:
    strict, loose = sorted((one, other))
    assert POINTS.threshold("span", strict) >= POINTS.threshold("span", loose)


@pytest.mark.parametrize("rate", [0, -1, 1, 0.2, 1e-4, float("nan"), float("inf")])
def test_a_rate_that_was_not_measured_is_refused_with_the_range_that_was(rate: float) -> None:
    with pytest.raises(ValueError, match=r"choose a value from 0\.001 to 0\.1"):
        POINTS.check_rate(rate)


def test_a_line_is_flagged_from_its_threshold_on_and_not_below() -> None:
    values = np.concatenate([logits(clean=0.0, seo_injection=value) for value in (0.99, 1.01)])
    assert POINTS.decide_lines(values, 1e-2).tolist() == [CLEAN, SPAM]


def test_clean_and_boilerplate_together_speak_against_a_flag() -> None:
    against_one = logits(clean=0.0, seo_injection=1.2)
    against_both = logits(clean=0.0, boilerplate=0.0, seo_injection=1.2)
    assert POINTS.decide_lines(against_one, 1e-2).tolist() == [SPAM]
    assert POINTS.decide_lines(against_both, 1e-2).tolist() == [CLEAN]


def test_a_line_that_any_label_flags_gets_the_likeliest_of_the_flagged_labels() -> None:
    thresholds = {**POINTS.thresholds, "link_exchange": (4.0, 5.0, 6.0)}
    points = OperatingPoints(RATES, thresholds, 0.5)
    likelier_link = logits(clean=0.0, seo_injection=3.0, link_exchange=3.5)
    likelier_spam = logits(clean=0.0, seo_injection=3.5, link_exchange=3.0)
    only_an_unlikely_link = logits(clean=0.0, seo_injection=0.0, link_exchange=3.0)
    assert points.decide_lines(likelier_link, 1e-2).tolist() == [LINK]
    assert points.decide_lines(likelier_spam, 1e-2).tolist() == [SPAM]
    assert points.decide_lines(only_an_unlikely_link, 1e-2).tolist() == [CLEAN]


def test_a_line_below_all_thresholds_is_boilerplate_if_it_leans_that_way() -> None:
    values = np.concatenate([logits(clean=0.0, boilerplate=value) for value in (0.4, 0.6)])
    assert POINTS.decide_lines(values, 1e-2).tolist() == [CLEAN, BOILERPLATE]


def test_no_line_is_no_decision() -> None:
    assert POINTS.decide_lines(np.zeros((0, 6)), 1e-2).shape == (0,)


def test_the_shipped_thresholds_cover_every_decision_and_never_fall_as_the_rate_falls(predictor: Predictor) -> None:
    points = predictor.points
    assert set(points.thresholds) == {*(label.value for label in FLAGGED_LABELS), "span", "document"}
    assert list(points.rates) == sorted(points.rates, reverse=True)
    assert {1e-2, 3e-3, 1e-3, 3e-4, 1e-4} <= set(points.rates)
    for values in points.thresholds.values():
        assert len(values) == len(points.rates)
        assert list(values) == sorted(values)
        assert np.isfinite(values).all()


def test_pages_are_decided_at_ten_times_the_rate_of_lines_but_never_beyond_what_was_measured() -> None:
    rates = POINTS.rates
    assert POINTS.document_threshold(rates[-1]) == POINTS.threshold("document", 10 * rates[-1])
    assert POINTS.document_threshold(rates[0]) == POINTS.threshold("document", rates[0])
    with pytest.raises(ValueError, match="max_false_positive_rate"):
        POINTS.document_threshold(rates[-1] / 2)
