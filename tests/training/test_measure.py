"""Thresholds out of scores of clean items."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from spamfilter import LABELS, Label
from spamfilter.operating_points import OperatingPoints
from spamfilter.span_model import SpanCandidates
from tests.training.material import scored
from training.documents import LabelledDocument, LabelledLine
from training.measure import ALONE_RATE, LEAST_ODDS, PAGE_RATE, RATES, choose_points, level_lone_lines, thresholds_at
from training.span_training import ScoredBatch

Scores = NDArray[np.float64]
ALL_LABELS = LabelledDocument("all", "spun", "en", tuple(LabelledLine("x", label) for label in LABELS), None, True)
"""Recall needs a line of each label."""
NOTHING = -30.0


def falling(count: int) -> Scores:
    """Scores in random order of which the share ``exp(-x)`` is above x."""
    return np.random.default_rng(0).permutation(-np.log((np.arange(count) + 0.5) / count))


def pages(source: str, count: int, lines: int, text: str = "The mill stands.") -> list[LabelledDocument]:
    page = tuple(LabelledLine(text, "clean") for _ in range(lines))
    return [LabelledDocument(f"{source}-{number}", source, "en", page) for number in range(count)]


def split(scores: Scores, parts: Sequence[ScoredBatch]) -> list[Scores]:
    """What belongs to each part of ``scores``; lines at the end that have none get very low ones."""
    counts = [len(part.features.lines) for part in parts]
    padded = np.concatenate((scores, np.full((sum(counts) - len(scores), *scores.shape[1:]), NOTHING)))
    return np.split(padded, np.cumsum(counts)[:-1])


def a_stretch_a_line(parts: Sequence[ScoredBatch]) -> list[SpanCandidates]:
    """The first token of every line."""
    found = []
    for part in parts:
        first = part.tokens.line_tokens[part.features.lines] + 1
        found.append(SpanCandidates(part.features.lines, first, first, np.zeros((len(first), 0))))
    return found


def chosen(
    documents: Sequence[LabelledDocument],
    margins: Mapping[Label, Scores],
    spans: Scores | None = None,
    spam: Scores | None = None,
) -> OperatingPoints:
    """The points where lines have these log-odds against clean, and stretches and ``documents`` these of spam."""
    parts = scored([*documents, ALL_LABELS])
    logits = np.full((sum(len(one.lines) for one in documents), len(LABELS)), NOTHING)
    logits[:, LABELS.index(Label.CLEAN)] = 0
    for label, margin in margins.items():
        logits[:, LABELS.index(label)] = margin
    kinds = np.array([*(0 for _ in documents), 3])
    document_logits = np.full((len(kinds), 4), NOTHING)
    document_logits[:, 0] = 0
    document_logits[: len(documents), 3] = 0 if spam is None else spam
    points, _ = choose_points(
        parts,
        a_stretch_a_line(parts),
        split(logits, parts),
        split(np.zeros(0) if spans is None else spans, parts),
        document_logits,
        kinds,
    )
    return points


def at(points: OperatingPoints, kind: str, rate: float) -> float:
    return points.thresholds[kind][RATES.index(rate)]


@pytest.mark.parametrize("count", [300, 1000, 5000])
def test_rates_too_rare_to_be_measured_lie_on_a_straight_line(count: int) -> None:
    """Of exponential scores the threshold of a rate is minus its logarithm."""
    scores = -np.log((np.arange(count) + 0.5) / count)
    found = thresholds_at(scores)
    assert np.abs(np.array(found) + np.log(RATES)).max() < 0.6


@pytest.mark.parametrize("filler", [-20.0, -99.0])
def test_rates_too_rare_to_be_measured_do_not_follow_what_was_not_found(filler: float) -> None:
    """Nineteen of twenty lines have no score: the line goes through the thresholds of the others."""
    scores = np.full(2000, filler)
    scores[:100] = -np.log((np.arange(100) + 0.5) / 2000)
    found = thresholds_at(scores)
    assert found[0] == filler
    assert np.abs(np.array(found[1:]) + np.log(RATES[1:])).max() < 0.6


def test_too_few_items_are_an_error_that_says_how_many_are_needed() -> None:
    with pytest.raises(ValueError, match="19 clean items are too few to measure false positives: give at least 70"):
        thresholds_at(np.zeros(19))


def test_of_a_page_that_is_misjudged_from_top_to_bottom_two_lines_count() -> None:
    """Ten lines in a thousand: one page of them would take up the whole rate."""
    documents = pages("wcxb", 100, 10)
    scores = falling(1000)
    scores[:10] = 20.0
    points = chosen(documents, {Label.SEO_INJECTION: scores}, scores)
    # Two of the ten allowed are of that page, so eight are left for the others.
    for kind in (Label.SEO_INJECTION, "span"):
        assert (scores[10:] >= at(points, kind, 1e-2)).sum() == pytest.approx(8, abs=1)


@pytest.mark.parametrize(
    ("source", "label", "share"),
    [
        ("clean", Label.SEO_INJECTION, 0.095),
        ("clean", Label.LINK_EXCHANGE, 0.095),
        ("contents", Label.HEADLINE_LIST, 0.04),
    ],
)
def test_text_that_is_hard_may_be_flagged_so_many_times_as_often_and_no_more(
    source: str, label: Label, share: float
) -> None:
    documents = [*pages("wcxb", 100, 10), *pages(source, 500, 2)]
    hard = falling(1000) + 5
    limit = at(chosen(documents, {label: np.concatenate((falling(1000) - 20, hard))}), label, 1e-2)
    assert (hard >= limit).mean() == pytest.approx(share, abs=0.005)


@pytest.mark.parametrize(
    ("source", "label"),
    [("clean", Label.HEADLINE_LIST), ("contents", Label.SEO_INJECTION), ("spam", Label.SEO_INJECTION)],
)
def test_pages_that_are_hard_for_one_label_set_no_threshold_of_another(source: str, label: Label) -> None:
    documents = [*pages("wcxb", 100, 10), *pages(source, 500, 2)]
    points = chosen(documents, {label: np.concatenate((falling(1000) - 20, falling(1000) + 5))})
    assert set(points.thresholds[label]) == {LEAST_ODDS[label]}


def test_boilerplate_is_what_six_clean_lines_in_a_thousand_are_taken_for() -> None:
    scores = falling(2000) - 1
    points = chosen(pages("wcxb", 200, 10), {Label.BOILERPLATE: scores})
    assert (scores >= points.boilerplate).mean() == pytest.approx(0.006, abs=0.001)


def test_stretches_are_reported_at_the_tolerated_rate() -> None:
    scores = falling(2000)
    points = chosen(pages("wcxb", 200, 10), {}, scores)
    for rate in (1e-1, 3e-2, 1e-2):
        assert (scores >= at(points, "span", rate)).mean() == pytest.approx(rate, rel=0.2)


@pytest.mark.parametrize("harder", [0, 1])
def test_stretches_have_the_threshold_that_the_harder_of_pages_and_treebanks_asks_for(harder: int) -> None:
    scores = np.stack((falling(1000), falling(1000)))
    scores[harder] += 5
    points = chosen([*pages("wcxb", 100, 10), *pages("UD_Free", 100, 10)], {}, scores.ravel())
    shares = (scores >= at(points, "span", 1e-2)).mean(axis=1)
    assert shares[harder] == pytest.approx(0.01, abs=0.002)
    assert shares[1 - harder] == 0


def test_stretches_are_measured_by_the_characters_of_their_lines() -> None:
    """One line in a hundred is the likeliest to hold one, and long: its characters are a tenth of all."""
    documents = pages("wcxb", 200, 10)
    long = LabelledLine("The mill stands. " * 20, "clean")
    widths, scores = np.full(2000, len("The mill stands.")), falling(2000)
    highest = np.argsort(-scores)[:20].tolist()
    for row in highest:
        page, place = divmod(row, 10)
        lines = list(documents[page].lines)
        lines[place] = long
        documents[page] = LabelledDocument(documents[page].document_id, "wcxb", "en", tuple(lines))
    widths[highest] = len(long.text)
    flagged = scores >= at(chosen(documents, {}, scores), "span", 1e-1)
    assert widths[flagged].sum() / widths.sum() == pytest.approx(0.1, abs=0.02)


def test_pages_and_lines_that_are_a_page_of_their_own_are_taken_for_spam_at_the_same_rate_at_most() -> None:
    documents = [*pages("wcxb", 1000, 3), *pages("twin", 1000, 1)]
    for higher in (slice(0, 1000), slice(1000, 2000)):
        spam = np.concatenate((falling(1000), falling(1000)))
        spam[higher] += 3
        flagged = spam >= at(chosen(documents, {}, spam=spam), "document", 1e-2)
        assert flagged[higher].mean() == pytest.approx(1e-2, abs=2e-3)
        assert flagged.mean() < 6e-3


def test_lines_that_stand_alone_are_levelled_to_their_own_rate() -> None:
    """Beside a threshold that lines of pages clear once in a thousand."""
    documents = [*pages("wcxb", 250, 10), *pages("twin", 1000, 1)]
    scores = np.concatenate((falling(2500), falling(1000) + 3))
    points, parts = chosen(documents, {}, scores), scored(documents)
    shift = level_lone_lines(parts, a_stretch_a_line(parts), split(scores, parts))
    share = (scores[2500:] + shift >= at(points, "span", PAGE_RATE)).mean()
    assert share == pytest.approx(ALONE_RATE, abs=1e-3)


def test_too_few_lines_to_measure_what_stands_alone_change_nothing() -> None:
    for documents in (
        [*pages("wcxb", 199, 10), *pages("twin", 1000, 1)],
        [*pages("wcxb", 250, 10), *pages("twin", 200, 1)],
    ):
        parts = scored(documents)
        scores = falling(sum(len(one.lines) for one in documents))
        assert level_lone_lines(parts, a_stretch_a_line(parts), split(scores, parts)) == 0.0
