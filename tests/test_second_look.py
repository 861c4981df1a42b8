"""The second look, sums of pages and what pages say of stretches, against plain ones: one page after the other."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spamfilter import Predictor
from spamfilter.context_model import ContextScores, page_speaks
from spamfilter.document_model import DOCUMENT_FEATURE_NAMES, document_features, kind_log_probabilities
from spamfilter.line_facts import BODY_WIDTH
from spamfilter.neighbours import Pages, runs
from spamfilter.page_features import page_features
from spamfilter.page_sums import PageSums, page_sums
from spamfilter.second_look import SECOND_LOOK_NAMES, second_look
from spamfilter.span_page import SPAN_PAGE_NAMES, span_page_values
from spamfilter.text import encode_documents
from spamfilter.tokens import tokenize

SPAM = "Best online casino bonus, claim 200 free spins now!"
CLEAN = "The mill by the river grinds flour for five villages, and its wheel is mended every autumn."
WIDE = f"{CLEAN} {CLEAN}"
MENU = "Home | About us | Contact | Log in"
page_lines = st.sampled_from([SPAM, CLEAN, WIDE, MENU, "Mill"])
page_texts = st.lists(st.lists(page_lines, max_size=8).map("\n".join), min_size=1)


def log_probabilities(count: int, seed: int) -> NDArray[np.float64]:
    logits = np.random.default_rng(seed).normal(scale=3, size=(6, count))
    result: NDArray[np.float64] = np.log(np.exp(logits) / np.exp(logits).sum(axis=0))
    return result


def margins(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    odds = np.logaddexp(columns[1], columns[2]) - np.logaddexp(columns[0], columns[5])
    result: NDArray[np.float64] = np.clip(odds, -12, 12)
    return result


@given(st.lists(st.integers(0, 7), min_size=1, max_size=5), st.integers(0, 99))
def test_the_second_look_reads_the_other_lines_of_the_same_page(sizes: list[int], seed: int) -> None:
    edges = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    columns = log_probabilities(int(edges[-1]), seed)
    widths = np.arange(int(edges[-1])) * 37 % 500 + 1
    pages = Pages.between(edges)
    titles = np.random.default_rng(seed + 100).random(int(edges[-1])) < 0.7
    look = second_look(columns, np.exp(columns), widths, runs(titles, pages), pages)
    values = look.values_of(slice(0, int(edges[-1])))
    named = {name: values[:, place] for place, name in enumerate(SECOND_LOOK_NAMES)}
    margin, spam, headlines = margins(columns), np.exp(columns[1]) + np.exp(columns[2]), np.exp(columns[3])
    for low, high in pairwise(edges.tolist()):
        for row in range(low, high):
            others = [other for other in range(low, high) if other != row]
            near = [other for other in others if abs(other - row) <= 2]
            near4 = [other for other in others if abs(other - row) <= 4]
            share = np.minimum(widths, 400)
            sides = [[other for other in near if (other < row) == before] for before in (True, False)]
            run = [other for other in others if titles[min(other, row) : max(other, row) + 1].all()]
            in_run = headlines[run].mean() if run else 0.0
            expected = {
                "first look at the line: spam of either kind": margin[row],
                "likely spam lines elsewhere on the page": np.log1p(spam[others].sum()),
                "spam of the lines within 2": margin[near].mean() if near else 0.0,
                "headlines within 2": headlines[near].mean() if near else 0.0,
                "headlines within 4": headlines[near4].mean() if near4 else 0.0,
                "spam of the page's other text": (margin * share)[others].sum() / (share[others].sum() + 30),
                "share of the page's other lines: headline": headlines[others].mean() if others else 0.0,
                "the only line": float(not others),
                "spam of the only line": 0.0 if others else margin[row],
                "spam on the side that has more of it": max(margin[side].mean() if side else 0.0 for side in sides),
                "spam on the side that has less of it": min(margin[side].mean() if side else 0.0 for side in sides),
                "headlines on the side that has more of it": max(
                    headlines[side].mean() if side else 0.0 for side in sides
                ),
                "headlines on the side that has less of it": min(
                    headlines[side].mean() if side else 0.0 for side in sides
                ),
                "headlines in its run of title-like lines": in_run,
                "headlines in its run, times headline odds of the line": in_run
                * np.clip(columns[3, row] - columns[0, row], -8, 8),
            }
            for name, value in expected.items():
                assert named[name][row] == pytest.approx(value, abs=0.01), name


def judged(predictor: Predictor, texts: list[str]) -> tuple[ContextScores, PageSums]:
    stages = predictor.stages
    batch = encode_documents(texts, stages.char_table)
    tokens = tokenize(batch)
    page = page_features(batch, tokens, stages.line.score(tokens), stages.idf, stages.line.scale)
    context = stages.context.score(page)
    return context, page_sums(page, context)


@settings(deadline=None, max_examples=40)
@given(page_texts)
def test_sums_of_a_page_are_those_of_its_lines(predictor: Predictor, texts: list[str]) -> None:
    context, sums = judged(predictor, texts)
    edges = context.second.pages.edges.tolist()
    for page, (low, high) in enumerate(pairwise(edges)):
        probabilities = np.exp(context.logits[low:high])
        own = context.margin[low:high]
        assert sums.sizes[page] == high - low
        is_text = probabilities[:, 5] < 0.5
        assert sums.headlines[page] == pytest.approx(probabilities[:, 3].sum(), abs=0.01)
        assert sums.margins[0, page] == pytest.approx(own.mean() if high > low else 0, abs=0.01)
        assert sums.margins[2, page] == pytest.approx(own[is_text].mean() if is_text.any() else 0, abs=0.01)
        links = probabilities[:, 2]
        strongest = np.log(links / np.maximum(1 - links, 1e-9)).max() if high > low else -12
        assert sums.strongest[0, page] == pytest.approx(max(strongest, -12), abs=0.01)
        wide = [low + place for place, line in enumerate(texts[page].split("\n")) if len(line) >= BODY_WIDTH]
        assert sums.opening[page] == (wide[0] if wide else -1)


def test_a_page_gets_the_same_sums_in_any_batch(predictor: Predictor) -> None:
    texts = [f"{SPAM}\n{CLEAN}", "", MENU, f"{CLEAN}\n{WIDE}\n{SPAM}\n{MENU}"]
    together_context, together = judged(predictor, texts)
    for number, text in enumerate(texts):
        _, alone = judged(predictor, [text])
        edges = together_context.second.pages.edges
        openings = alone.opening[0], together.opening[number]
        assert openings[0] == (openings[1] - edges[number] if openings[1] >= 0 else -1)
        for name in ("margins", "strongest"):
            assert getattr(alone, name)[:, 0].tobytes() == getattr(together, name)[:, number].tobytes(), name


def test_a_page_that_looks_like_spam_speaks_for_its_lines_as_far_as_the_others_do() -> None:
    pages = Pages.between(np.array([0, 3, 3, 4, 6]))
    margin = np.array([-8.0, 1.5, 4.5, 8.0, -4.0, -2.0])
    # Means of the others: 3, -1.75, -3.25; none; -2, -4.
    assert page_speaks(margin, pages).tolist() == [2.5, 0.75, 0.0, 1.5, 0.5, 0.0]


def test_kinds_of_page_share_out_what_the_decisions_before_them_leave() -> None:
    logits = np.array([[0.0, 0.0, 0.0], [3.0, -1.0, 0.5], [-40.0, -40.0, -40.0], [700.0, -700.0, 700.0]])
    shares = np.exp(kind_log_probabilities(logits))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(shares[0], [0.125, 0.125, 0.25, 0.5])
    spam, farm, residue = 1 / (1 + np.exp(-logits[1]))
    rest = (1 - spam) * (1 - farm)
    np.testing.assert_allclose(shares[1], [rest * (1 - residue), rest * residue, (1 - spam) * farm, spam])


def test_only_the_best_stretch_of_a_page_is_called_the_best(predictor: Predictor) -> None:
    context, sums = judged(predictor, [f"{CLEAN}\n{WIDE}\n{{dede:field.title/}}", WIDE])
    values = span_page_values(np.array([0, 1, 2, 3]), np.array([-2.0, 1.5, 0.5, -4.0]), context, sums)
    named = {name: values[:, place].tolist() for place, name in enumerate(SPAN_PAGE_NAMES)}
    assert named["odds of the stretch by itself"] == [-2, 1.5, 0.5, -4]
    # The last one stands alone: nothing but that is said of it.
    assert named["best stretch of its page"] == [0, 1, 0, 0]
    assert named["better than the next stretch of its page"] == [-3.5, 1, -1, 0]
    assert np.flatnonzero(values[3]).tolist() == [0, SPAN_PAGE_NAMES.index("the only line")]
    assert named["the only line"] == [0, 0, 0, 1]
    assert named["opens the page's body"] == [0, 1, 0, 0]
    kinds = named["kinds of residue on the page"][1]
    assert kinds > 0
    assert named["opens the page's body, kinds of residue"] == [0, kinds, 0, 0]
    assert named["lines before"] == [0, np.rint(np.log1p(1) * 256) / 256, np.rint(np.log1p(2) * 256) / 256, 0]


def test_the_strongest_stretch_of_each_page_goes_into_its_numbers(predictor: Predictor) -> None:
    _, sums = judged(predictor, [CLEAN, f"{CLEAN}\n{SPAM}", ""])
    values = document_features(sums, np.array([1, 1]), np.array([0.5, 2.25]))
    named = {name: values[:, place].tolist() for place, name in enumerate(DOCUMENT_FEATURE_NAMES)}
    assert named["strongest span"] == [-12, 2.25, -12]
    margins = sums.margins[0] + (sums.margins[1] + sums.margins[2]) / 2
    assert named["spam margin of lines and text"] == (np.rint(margins * 256) / 256).tolist()
    assert named["kinds of residue"][1] > named["kinds of residue"][0]
