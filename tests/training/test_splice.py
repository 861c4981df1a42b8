"""A phrase spliced into a sentence, and the span that says where."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.splice import splice

HOSTS = (
    "The old mill by the river was repaired in spring, and it grinds rye again.",
    "河边的老磨坊每年秋天都会停工检修，村民们一起动手更换木桨。",
    "โรงสีเก่าริมแม่น้ำได้รับการซ่อมแซมในฤดูใบไม้ผลิ",
    "Старая мельница у реки снова мелет рожь.",
)
PHRASES = ("best online casino bonus", "在线赌场注册", "Casino zonder vergunning!", "x")


@given(st.sampled_from(HOSTS), st.sampled_from(PHRASES), st.integers(0, 10_000))
def test_the_span_holds_the_phrase_and_cutting_out_what_was_inserted_gives_the_host(
    host: str, phrase: str, seed: int
) -> None:
    result = splice(host, phrase, (), random.Random(seed))
    assert result is not None
    text, ((start, end),) = result
    inside = text[start:end].strip('"【】[]()（）《》「」『』〖〗«»{}<>〔〕')
    assert inside.casefold() in (phrase.casefold(), phrase.rstrip(".!").casefold())
    inserted = len(text) - len(host)
    assert inserted >= end - start
    assert any(text[:place] + text[place + inserted :] == host for place in range(max(0, end - inserted), start + 1))


@given(st.sampled_from(HOSTS), st.integers(0, 10_000))
def test_several_phrases_get_a_span_each_that_do_not_overlap(host: str, seed: int) -> None:
    random_ = random.Random(seed)
    text: str = host
    spans: tuple[tuple[int, int], ...] = ()
    for phrase in ("first phrase", "second phrase", "third phrase"):
        result = splice(text, phrase, spans, random_)
        if result is not None:
            text, spans = result
    found = [text[start:end].casefold() for start, end in spans]
    assert list(spans) == sorted(spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    for name in found:
        assert sum(name.count(phrase) for phrase in ("first phrase", "second phrase", "third phrase")) == 1


def test_the_same_random_numbers_give_the_same_splice() -> None:
    made = [splice(HOSTS[0], PHRASES[0], (), random.Random(5)) for _ in range(2)]
    assert made[0] == made[1]


def test_all_ways_of_splicing_occur() -> None:
    ways = set()
    for seed in range(400):
        result = splice(HOSTS[0], "casino", (), random.Random(seed))
        assert result is not None
        text, ((start, end),) = result
        before, phrase, after = text[:start], text[start:end], text[end:]
        if not before:
            ways.add("start")
        elif not after:
            ways.add("end")
        elif phrase[0] in "【[(（《「『〖«{<〔":
            ways.add("bracket")
        elif before.endswith(",") and before[-2].isalnum():
            ways.add("comma")
        else:
            ways.add("middle")
    assert ways == {"start", "end", "bracket", "comma", "middle"}


def test_some_phrases_touch_the_word_behind_them_and_the_span_ends_between_the_two() -> None:
    glued = {"start": 0, "middle": 0}
    for seed in range(400):
        result = splice(HOSTS[0], "casino", (), random.Random(seed))
        assert result is not None
        text, ((start, end),) = result
        if text[start:end][-1:].isalnum() and text[end : end + 1].isalnum():
            glued["middle" if start else "start"] += 1
            assert text[:start] + text[end:] == HOSTS[0]
    # A fifth of 36 and of 13 in a hundred.
    assert 10 <= glued["middle"] <= 50
    assert 2 <= glued["start"] <= 25


def test_a_script_without_spaces_is_spliced_between_letters_without_adding_spaces() -> None:
    made = [splice(HOSTS[1], "在线赌场", (), random.Random(seed)) for seed in range(100)]
    assert any(result and " " not in result[0] and 0 < result[1][0][0] < len(HOSTS[1]) for result in made)


@pytest.mark.parametrize("phrase", ["", "   ", "\t"])
def test_an_empty_phrase_is_not_spliced(phrase: str) -> None:
    assert splice(HOSTS[0], phrase, (), random.Random(0)) is None
