"""Exponentials and logarithms of our own, against those of the C library."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spamfilter.dense_model import row_probabilities
from spamfilter.elementary import exp, log, log1p, logaddexp, logistic

moderate = st.floats(-690, 690)


@given(moderate)
def test_an_exponential_is_right_to_the_last_digits(value: float) -> None:
    assert exp(value) == pytest.approx(math.exp(value), rel=5e-16)


@given(st.floats(1e-300, 1e300))
def test_a_logarithm_is_right_to_the_last_digits(value: float) -> None:
    assert log(value) == pytest.approx(math.log(value), rel=5e-16, abs=5e-16)


@given(st.floats(0, 1e12))
def test_a_logarithm_of_one_more_is_right(value: float) -> None:
    assert log1p(value) == pytest.approx(math.log1p(value), rel=5e-16, abs=5e-16)


@given(moderate, moderate)
def test_a_sum_in_logarithms_is_right(left: float, right: float) -> None:
    assert logaddexp(left, right) == pytest.approx(np.logaddexp(left, right), rel=1e-15, abs=5e-16)


@given(moderate)
def test_a_probability_is_right(value: float) -> None:
    assert logistic(value) == pytest.approx(1 / (1 + math.exp(-value)), rel=2e-15)


def test_infinite_odds_are_certain() -> None:
    assert logistic([-math.inf, math.inf, 0.0]).tolist() == [0.0, 1.0, 0.5]


@given(st.lists(st.tuples(moderate, moderate, moderate), min_size=1, max_size=4))
def test_probabilities_of_a_row_are_right_and_depend_on_no_other(rows: list[tuple[float, float, float]]) -> None:
    found = row_probabilities(np.array(rows))
    for row, own in zip(rows, found, strict=True):
        shown = [math.exp(value - max(row)) for value in row]
        assert own == pytest.approx([value / sum(shown) for value in shown], rel=2e-15, abs=1e-300)
        assert row_probabilities(np.array([row]))[0].tolist() == own.tolist()


def test_what_must_be_exact_is() -> None:
    assert exp(0.0) == 1
    assert log(1.0) == 0
    assert log1p([0, 0]).tolist() == [0, 0]
    assert exp(-1e9) == exp(-700.0) > 0
    assert exp(1e9) == exp(700.0) < np.inf


def test_a_number_gets_the_same_bits_in_any_company() -> None:
    values = np.random.default_rng(0).normal(0, 20, 1001)
    for function, inputs in ((exp, values), (log, np.abs(values)), (log1p, np.abs(values))):
        together = function(inputs)
        assert together.tobytes() == np.array([function(value) for value in inputs]).tobytes()
        assert function(inputs[:1000].reshape(4, 5, 50)).ravel().tobytes() == together[:1000].tobytes()
    assert exp(np.zeros((0, 3))).shape == (0, 3)
    assert logaddexp(np.zeros((3, 1)), np.zeros(2)).shape == (3, 2)
