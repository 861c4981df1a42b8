"""Numbers of lines and pages against plain ones: one line after the other, with Python's own integers."""

from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spamfilter import Predictor
from spamfilter.line_facts import BODY_WIDTH
from spamfilter.neighbours import Pages, runs
from spamfilter.page_features import FEATURE_NAMES, PageFeatures, page_features
from spamfilter.pipeline import score_batch
from spamfilter.relatedness import IDF_BITS, RELATED_BITS
from spamfilter.span_tokens import low_field
from spamfilter.sums import sums_behind
from spamfilter.suspicion import strongest_tokens
from spamfilter.text import DIGIT, SCRIPT_SHIFT, STOP, UPPER, TextBatch, encode_documents
from spamfilter.tokens import KIND_LINE_END, KIND_MARK, KIND_SOLO, KIND_WORD, TokenBatch, tokenize

WORDS = ("casino", "bonus", "The", "mill", "7", "2024", ".", ",", "«", "漢字", "ไทย", "юла", "Ж", "\n", "\n\n", "\r")
documents = st.lists(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), min_size=1, max_size=4)
LONG = "the old mill stands by the river and grinds rye for three villages each autumn since the last war ended, "


def rows_of(numbers: NDArray[np.int64]) -> list[int]:
    return [int(number) for number in numbers]


@given(st.lists(st.integers(-(2**62), 2**62), max_size=30))
def test_a_difference_of_running_sums_is_the_sum_of_a_stretch(values: list[int]) -> None:
    sums = sums_behind(np.array(values, np.int64))
    wrap = 1 << 64
    for first in range(len(values) + 1):
        for stop in range(first, len(values) + 1):
            difference = (int(sums[first]) - int(sums[stop])) % wrap
            assert difference == sum(values[first:stop]) % wrap


@given(st.lists(st.lists(st.integers(-99, 99), max_size=9), max_size=5), st.integers(1, 4))
def test_means_totals_and_neighbours_stay_on_their_page(groups: list[list[int]], reach: int) -> None:
    edges = np.concatenate(([0], np.cumsum([len(group) for group in groups]))).astype(np.int64)
    pages = Pages.between(edges)
    values = np.array([[value for group in groups for value in group]], np.int64)
    every = slice(0, len(values[0]))
    means = pages.means_within(values, sums_behind(values), reach, every)[0].tolist()
    expected, totals, before, behind = [], [], [], []
    for group in groups:
        totals.append(sum(group))
        for place in range(len(group)):
            around = group[max(place - reach, 0) : place] + group[place + 1 : place + reach + 1]
            expected.append(sum(around) / max(len(around), 1))
            before.append(group[place - 1] if place else 0)
            behind.append([*group, 0][place + 1])
    assert means == expected
    assert pages.totals(values, every)[0].tolist() == totals
    reals = values.astype(np.float64)
    for first in range(len(expected) + 1):
        for stop in range(first, len(expected) + 1):
            rows = slice(first, stop)
            parts = (slice(0, first), rows, slice(stop, len(expected)))
            sums = np.array([pages.totals(values[:, part], part)[0] for part in parts])
            assert sums.sum(axis=0).tolist() == totals
            assert pages.means_within(values, sums_behind(values), reach, rows)[0].tolist() == expected[rows]
            assert pages.before(reals, rows)[0].tolist() == before[rows]
            assert pages.behind(reals, rows)[0].tolist() == behind[rows]


@given(st.lists(st.lists(st.booleans(), max_size=9), max_size=5))
def test_a_run_ends_with_its_page(groups: list[list[bool]]) -> None:
    edges = np.concatenate(([0], np.cumsum([len(group) for group in groups]))).astype(np.int64)
    lengths, places = runs(np.array([one for group in groups for one in group], np.bool_), Pages.between(edges))
    expected = []
    for group in groups:
        for place, similar in enumerate(group):
            first = stop = place
            while first and group[first - 1]:
                first -= 1
            while stop < len(group) and group[stop]:
                stop += 1
            expected.append((stop - first, place - first) if similar else (0, 0))
    assert list(zip(lengths.tolist(), places.tolist(), strict=True)) == expected


def prepared(predictor: Predictor, texts: list[str]) -> tuple[TextBatch, TokenBatch, NDArray[np.int64], PageFeatures]:
    stages = predictor.stages
    batch = encode_documents(texts, stages.char_table)
    tokens = tokenize(batch)
    scores = stages.line.score(tokens)
    return batch, tokens, scores.token_words[0], page_features(batch, tokens, scores, stages.idf, stages.line.scale)


@settings(deadline=None)
@given(documents)
@example([LONG * 3 + "\ncasino\n" + LONG, "", LONG + "漢字漢字。\n漢字"])
def test_shapes_and_related_words_are_those_of_a_walk_from_token_to_token(
    predictor: Predictor, texts: list[str]
) -> None:
    batch, tokens, _, page = prepared(predictor, texts)
    column = {name: page.values[:, place] for place, name in enumerate(FEATURE_NAMES)}
    lines = rows_of(np.searchsorted(batch.document_lines, np.arange(len(batch.line_starts)), side="right") - 1)
    stretches = list(pairwise(rows_of(tokens.line_tokens)))
    assert rows_of(page.lines) == [line for line, (low, high) in enumerate(stretches) if high - low > 1]
    hashes = [int(one) for one in tokens.hashes]
    mask = (1 << RELATED_BITS) - 1
    words = {}
    for place, kind in enumerate(tokens.kinds):
        if kind == KIND_SOLO:
            words[place] = (hashes[place] * 0x9E3779B1 + hashes[place + 1]) % (1 << 32)
        if kind == KIND_WORD:
            words[place] = hashes[place]
    body: dict[tuple[int, int], int] = {}
    for row, line in enumerate(page.lines):
        if page.facts.shapes.widths[row] >= BODY_WIDTH:
            for place in range(stretches[line][0], stretches[line][1]):
                if place in words:
                    key = (lines[line], words[place] & mask)
                    body[key] = body.get(key, 0) + 1
    for row, line in enumerate(page.lines):
        own = range(stretches[line][0] + 1, stretches[line][1])
        entries = [int(batch.chars[tokens.begins[place]]) for place in own]
        kinds = [int(tokens.kinds[place]) for place in own]
        solos, marks = kinds.count(KIND_SOLO), kinds.count(KIND_MARK)
        assert page.facts.shapes.widths[row] == batch.line_ends[line] - batch.line_starts[line] + 3 * solos // 2
        letters = max(kinds.count(KIND_WORD) + solos, 1)

        def near(name: str, value: float, row: int = row) -> None:
            assert column[name][row] == np.rint(value * 256) / 256

        near("letters without spaces", solos / letters)
        near("letters not Latin", 1 - sum((entry >> SCRIPT_SHIFT) & 15 == 1 for entry in entries) / letters)
        near("marks", marks / len(entries))
        near("digit words", sum(bool(entry & DIGIT) for entry in entries) / len(entries))
        capitals = sum(bool(entry & UPPER) for entry in entries)
        near("capital words", capitals / max(kinds.count(KIND_WORD), 1))
        near("ends a sentence", bool(int(batch.chars[tokens.ends[own[-1]] - 1]) & STOP))
        weights = {place: int(predictor.stages.idf[words[place] >> (32 - IDF_BITS)]) for place in own if place in words}
        in_body = page.facts.shapes.widths[row] >= BODY_WIDTH
        related = sum(
            weight
            for place, weight in weights.items()
            if body.get((lines[line], words[place] & mask), 0) > int(in_body)
        )
        assert page.facts.related[row] == related / max(sum(weights.values()), 1)


@settings(deadline=None)
@given(documents)
@example(
    [
        LONG * 3 + "\nthe river and the mill\nthree villages, casino\n" + LONG,
        "",
        "casino bonus and 漢字漢字漢\nthe mill, 2024",
    ]
)
def test_title_like_lines_nearby_are_taken_together(predictor: Predictor, texts: list[str]) -> None:
    _, _, _, page = prepared(predictor, texts)
    column = {name: page.values[:, place].tolist() for place, name in enumerate(FEATURE_NAMES)}
    facts, names = page.facts, ("words of the body", "headline logit", "width")
    read = np.rint(np.array([facts.related, facts.logits[2], facts.log_width]) * 4096) / 4096
    in_body = (facts.shapes.widths >= BODY_WIDTH).tolist()
    for row, (start, stop) in enumerate(zip(page.pages.starts.tolist(), page.pages.stops.tolist(), strict=True)):
        others = [read[0, one] for one in range(start, stop) if one != row and in_body[one]]
        expected = sum(others) / max(len(others), 1)
        assert abs(column["words of the body in its other lines"][row] - expected) <= 1 / 256
        for reach in (3, 10):
            around = [one for one in range(max(row - reach, start), min(row + reach + 1, stop)) if one != row]
            titles = [one for one in around if facts.run[one] > 0]
            assert abs(column[f"title-like within {reach}"][row] - np.log1p(len(titles))) <= 1 / 256
            for name, numbers in zip(names, read, strict=True):
                mean = sum(numbers[titles]) / max(len(titles), 1)
                assert abs(column[f"title-like lines within {reach}: {name}"][row] - mean) <= 1 / 256


@settings(deadline=None)
@given(documents)
@example(["a\nb c\nd e f\ng h i j\nk l m n o", "casino bonus " * 30])
def test_the_strongest_four_tokens_are_found_without_looking_beyond_the_line(
    predictor: Predictor, texts: list[str]
) -> None:
    _, tokens, packed, page = prepared(predictor, texts)
    line_model = predictor.stages.line
    found = strongest_tokens(line_model, tokens, (packed, packed), page)
    spam = [max(-4096, min(4096, int(one))) for one in low_field(packed)]
    for row, line in enumerate(page.lines):
        first, stop = int(tokens.line_tokens[line]) + 1, int(tokens.line_tokens[line + 1])
        sums, shares = [0], [0.0]
        for place in range(first, stop):
            window = range(place, min(place + 4, stop))
            total = sum(spam[one] for one in window)
            idf = sum(int(page.words.idf[one]) for one in window)
            unrelated = sum(int(page.words.unrelated_idf[one]) for one in window)
            sums.append(total)
            shares.append(float(np.float32(unrelated) / np.float32(max(idf, 1)) * np.float32(total)))
        # The line end itself counts as a window of nothing.
        expected = [max(sums) / line_model.scale, max(shares) / line_model.scale, np.log1p(stop - first + 1)]
        assert found[row].tolist() == [float(np.rint(value * 256) / 256) for value in expected]


def test_the_span_stage_looks_at_few_lines_of_an_ordinary_page(predictor: Predictor, clean_page: str) -> None:
    scores = score_batch(predictor.stages, [clean_page])
    assert (scores.tokens.kinds == KIND_LINE_END).sum() > 10
    assert len(scores.candidates.lines) <= len(scores.page.lines) // 2
