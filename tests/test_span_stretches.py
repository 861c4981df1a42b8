"""Stretches by the scores of their edges, and their rivals."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spamfilter.span_phrases import PHRASE_BITS, PhraseModel, content_rows, content_sizes, edge_rows
from spamfilter.span_stretches import EDGES, LONGEST_RIVAL, REACH, best_rivals, best_stretches, disjoint, rivals
from spamfilter.span_tokens import PieceTokens, cut_pieces
from spamfilter.text import TextBatch, encode_documents
from spamfilter.tokens import tokenize
from training.char_table import build_char_table

CHAR_TABLE = build_char_table()
PHRASES = PhraseModel(
    np.random.default_rng(0).integers(-1000, 1000, (2, 1 << PHRASE_BITS), dtype=np.int32), scale=100.0, bias=-1.0
)
LINES = st.lists(
    st.lists(st.sampled_from(["a", "an", "Garden", "gardens", "бар", "栄養", "!"]), min_size=1, max_size=12).map(
        " ".join
    ),
    min_size=1,
    max_size=4,
)

LONG_LINES = st.lists(
    st.lists(st.sampled_from(["a", "Garden", "栄養"]), min_size=1, max_size=70).map(" ".join), min_size=1, max_size=3
)


def looked_at(lines: list[str]) -> tuple[TextBatch, PieceTokens]:
    batch = encode_documents(["\n".join(lines)], CHAR_TABLE)
    return batch, cut_pieces(batch, tokenize(batch), np.arange(len(lines)))


def random_scores(pieces: PieceTokens, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    start, end, inside = np.random.default_rng(seed).integers(-50, 50, (3, len(pieces.tokens)))
    return start, end, inside


@given(LINES, st.integers(0, 99))
def test_the_best_stretch_of_a_piece_is_the_best_of_all_that_are_free(lines: list[str], seed: int) -> None:
    _, pieces = looked_at(lines)
    start, end, inside = random_scores(pieces, seed)
    draw = np.random.default_rng(seed)
    free = pieces.free & (draw.random(len(pieces.free)) < 0.8)
    which = np.flatnonzero(draw.random(len(pieces.lines)) < 0.7)
    if not len(which):
        return
    first, last, score = best_stretches(pieces.starts, which, (start, end, inside), free)
    for place, piece in enumerate(which.tolist()):
        tokens = range(pieces.starts[piece], pieces.starts[piece + 1])
        sums = [
            start[a] + end[b] + inside[a : b + 1].sum()
            for a in tokens
            for b in tokens
            if a <= b and free[a : b + 1].all()
        ]
        if not sums:
            assert score[place] < -(1 << 20)
            continue
        low, high = first[place], last[place]
        assert score[place] == max(sums) == start[low] + end[high] + inside[low : high + 1].sum()
        assert free[low : high + 1].all()


@settings(deadline=None)
@given(LONG_LINES, st.integers(0, 99))
def test_rivals_are_a_stretch_with_the_best_other_edges_near_it(lines: list[str], seed: int) -> None:
    _, pieces = looked_at(lines)
    # Distinct scores: which edge wins is beyond doubt.
    scores = tuple(np.random.default_rng(seed).permutation(3 * len(pieces.tokens)).reshape(3, -1).astype(np.int64))
    start, end, _ = scores
    draw = np.random.default_rng(seed)
    free = [np.flatnonzero(pieces.free & (pieces.numbers == number)) for number in range(len(lines))]
    edges = np.array([np.sort(draw.choice(one, 2)) for one in free])
    owner, first, last = rivals(pieces, (start, end, scores[2]), edges[:, 0], edges[:, 1])
    for number, (low, high) in enumerate(edges.tolist()):
        near = [t for t in free[number].tolist() if low - REACH <= t <= high + REACH]
        starts = [low, *sorted((t for t in near if t != low), key=lambda t: -start[t])[: EDGES - 1]]
        ends = [high, *sorted((t for t in near if t != high), key=lambda t: -end[t])[: EDGES - 1]]
        expected = [(a, b) for a in starts for b in ends if a <= b and b - a < LONGEST_RIVAL]
        mine = np.flatnonzero(owner == number)
        found = list(zip(first[mine].tolist(), last[mine].tolist(), strict=True))
        assert found[0] == (low, high)
        assert sorted(found) == sorted({(low, high), *expected})


def test_of_two_overlapping_winners_the_likelier_one_is_kept() -> None:
    owner = np.array([0, 0, 1, 1, 2])
    first, last = np.array([1, 1, 6, 4, 20]), np.array([3, 5, 9, 9, 22])
    assert best_rivals(owner, first, last, np.array([1.0, 2.0, 0.0, 3.0, -1.0])).tolist() == [3, 4]
    assert best_rivals(owner, first, last, np.array([1.0, 2.0, 0.0, 1.5, -1.0])).tolist() == [1, 4]
    assert best_rivals(owner, first, last, np.array([2.0, 1.0, 0.0, 1.5, -1.0])).tolist() == [0, 3, 4]


def test_of_two_winners_that_have_changed_sides_the_likelier_one_is_kept() -> None:
    owner, first, last = np.array([0, 1]), np.array([9, 1]), np.array([10, 2])
    assert best_rivals(owner, first, last, np.array([1.0, 2.0])).tolist() == [1]
    assert best_rivals(owner, first, last, np.array([2.0, 1.0])).tolist() == [0]


def test_winners_that_come_to_stand_side_by_side_are_put_beside_each_other_too() -> None:
    first, last = np.array([1, 2, 4]), np.array([9, 5, 8])
    assert disjoint(first, last, np.array([2.0, 1.0, 3.0])).tolist() == [False, False, True]
    assert disjoint(first, last, np.array([3.0, 1.0, 2.0])).tolist() == [True, False, False]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9), st.integers(0, 3)), max_size=8))
def test_the_winners_that_stay_are_apart_and_in_order_and_the_likeliest_is_among_them(
    winners: list[tuple[int, int, int]],
) -> None:
    first, size, odds = np.array(winners, np.int64).reshape(-1, 3).T
    last = first + size
    stays = disjoint(first, last, odds.astype(np.float64))
    assert (first[stays][1:] > last[stays][:-1]).all()
    assert not winners or odds[stays].max() == odds.max()


@settings(deadline=None)
@given(LINES, st.integers(0, 3))
def test_a_phrase_has_the_sum_of_its_contents_and_edges_wherever_its_line_stands(lines: list[str], longer: int) -> None:
    batch, pieces = looked_at(lines)
    free = np.flatnonzero(pieces.free)
    first = free
    last = np.minimum(first + longer, pieces.starts[pieces.numbers[first] + 1] - 2)
    own, scores = PHRASES.score(pieces, PHRASES.content_sums(batch, pieces), first, last)
    for place, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        alone_batch, alone = looked_at([lines[pieces.numbers[low]]])
        shift = pieces.starts[pieces.numbers[low]]
        one, other = np.array([low - shift]), np.array([high - shift])
        assert PHRASES.score(alone, PHRASES.content_sums(alone_batch, alone), one, other) == (own[place], scores[place])
        rows = content_rows(alone_batch, alone)[:, one[0] : other[0] + 1]
        contents = PHRASES.table[0][rows[:3]].sum() + PHRASES.table[0][rows[3, :-1]].sum()
        edges = PHRASES.table[1][edge_rows(alone, one, other)].sum()
        expected = contents / np.sqrt(content_sizes(one, other))
        np.testing.assert_allclose(own[place], expected / PHRASES.scale)
        np.testing.assert_allclose(scores[place], (expected + 0.3 * edges) / PHRASES.scale + PHRASES.bias)


def test_a_phrase_is_read_with_its_surroundings_and_its_pairs() -> None:
    def score(text: str) -> float:
        batch, pieces = looked_at([text])
        _, whole = PHRASES.score(pieces, PHRASES.content_sums(batch, pieces), np.array([2]), np.array([3]))
        return float(whole[0])

    assert score("the garden hoses went") != score("a garden hoses went")
    assert score("the garden hoses went") != score("the hoses garden went")
