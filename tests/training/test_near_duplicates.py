"""Near-duplicate groups of lines."""

import time

import numpy as np
import pytest

from training.near_duplicates import near_duplicate_groups

LINES = [
    "The council voted on Monday to repair the old bridge before winter.",
    "Cheap plumber in Ashby, call now for a free quote, open 24 hours",
    "The council voted on Monday to repair the old bridge before winter!",
    "cheap plumber in ashby, call now for a free quote, open 12 hours",
    "A poem about rain needs neither clouds nor water.",
    "今日は朝から雨が降っていたので、図書館で本を読んで過ごした。",
    "今日は朝から雨が降っていたので、図書館で本を読んで過ごしました。",
]


def test_lines_that_differ_in_case_digits_or_an_ending_fall_in_one_group() -> None:
    assert near_duplicate_groups(LINES).tolist() == [0, 1, 0, 1, 4, 5, 5]


def test_the_same_lines_always_give_the_same_groups() -> None:
    assert np.array_equal(near_duplicate_groups(LINES), near_duplicate_groups(list(LINES)))


def test_equal_lines_are_grouped_at_similarity_one() -> None:
    assert near_duplicate_groups(["a b", "a  b", "A B", "c", ""], 1.0).tolist() == [0, 0, 0, 3, 4]


def test_lines_shorter_than_a_shingle_are_told_apart() -> None:
    assert near_duplicate_groups(["a", "b", "", "ab", "a"]).tolist() == [0, 1, 2, 3, 0]


def test_no_lines_give_no_groups_and_a_senseless_similarity_is_an_error() -> None:
    assert near_duplicate_groups([]).tolist() == []
    with pytest.raises(ValueError, match="similarity is 0"):
        near_duplicate_groups(["a"], 0)


def test_ten_thousand_equal_lines_take_linear_time() -> None:
    begun = time.monotonic()
    groups = near_duplicate_groups(["the same line again and again"] * 10000)
    assert groups.max() == 0
    assert time.monotonic() - begun < 20


def test_lone_surrogates_are_text_like_any_other() -> None:
    assert near_duplicate_groups(["\ud800 broken", "\ud800 broken"]).tolist() == [0, 0]
