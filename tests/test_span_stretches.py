"""Stretches by the scores of their edges, and their rivals."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spamfilter.span_phrases import PHRASE_BITS, PhraseModel, content_rows, content_sizes, edge_rows
from spamfilter.span_stretches import EDGES, REACH, best_rivals, best_stretches, rivals
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


def looked_at(lines: list[str]) -> tuple[TextBatch, PieceTokens]:
    batch = encode_documents(["\n".join(lines)], CHAR_TABLE)
    return batch, cut_pieces(batch, tokenize(batch), np.arange(len(lines)))


def random_scores(pieces: PieceTokens, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    start, end, inside = np.random.default_rng(seed).integers(-50, 50, (3, len(pieces.tokens)))
    return start, end, inside


@given(LINES, st.integers(0, 99))
def test_the_best_stretch_of_a_piece_is_the_best_of_all_of_them(lines: list[str], seed: int) -> None:
    _, pieces = looked_at(lines)
    start, end, inside = random_scores(pieces, seed)
    first, last, score = best_stretches(pieces.starts, np.arange(len(pieces.lines)), (start, end, inside), pieces.free)
    for piece in range(len(pieces.lines)):
        free = [t for t in range(pieces.starts[piece], pieces.starts[piece + 1]) if pieces.free[t]]
        sums = [start[a] + end[b] + inside[a : b + 1].sum() for a in free for b in free if a <= b]
        assert score[piece] == max(sums)
        assert score[piece] == start[first[piece]] + end[last[piece]] + inside[first[piece] : last[piece] + 1].sum()


@given(LINES, st.integers(0, 99))
def test_rivals_have_the_best_other_edges_near_a_stretch_and_stay_on_its_line(lines: list[str], seed: int) -> None:
    _, pieces = looked_at(lines)
    scores = random_scores(pieces, seed)
    own_first, own_last, _ = best_stretches(pieces.starts, np.arange(len(pieces.lines)), scores, pieces.free)
    owner, first, last = rivals(pieces, scores, own_first, own_last)
    assert np.unique(owner).tolist() == list(range(len(lines)))
    for number in range(len(lines)):
        mine = np.flatnonzero(owner == number)
        assert (first[mine[0]], last[mine[0]]) == (own_first[number], own_last[number])
        pairs = list(zip(first[mine].tolist(), last[mine].tolist(), strict=True))
        assert len(set(pairs)) == len(pairs) <= EDGES * EDGES
        edges = np.concatenate((first[mine], last[mine]))
        assert pieces.free[edges].all()
        assert (pieces.numbers[edges] == number).all()
        low, high = own_first[number] - REACH, own_last[number] + REACH
        near = [t for t in range(len(pieces.tokens)) if low <= t <= high and pieces.numbers[t] == number]
        others = sorted((scores[0][t] for t in near if pieces.free[t] and t != own_first[number]), reverse=True)
        tried = {scores[0][t] for t in first[mine].tolist() if t != own_first[number]}
        assert tried <= set(others[: EDGES - 1])


def test_of_two_overlapping_winners_the_likelier_one_is_kept() -> None:
    owner = np.array([0, 0, 1, 1, 2])
    first, last = np.array([1, 1, 6, 4, 20]), np.array([3, 5, 9, 9, 22])
    assert best_rivals(owner, first, last, np.array([1.0, 2.0, 0.0, 3.0, -1.0])).tolist() == [3, 4]
    assert best_rivals(owner, first, last, np.array([1.0, 2.0, 0.0, 1.5, -1.0])).tolist() == [1, 4]
    assert best_rivals(owner, first, last, np.array([2.0, 1.0, 0.0, 1.5, -1.0])).tolist() == [0, 3, 4]


@given(LINES, st.integers(0, 3))
def test_a_phrase_has_the_sum_of_its_contents_and_edges_wherever_its_line_stands(lines: list[str], longer: int) -> None:
    batch, pieces = looked_at(lines)
    free = np.flatnonzero(pieces.free)
    first = free
    last = np.minimum(first + longer, pieces.starts[pieces.numbers[first] + 1] - 2)
    scores = PHRASES.score(pieces, PHRASES.content_sums(batch, pieces), first, last)
    for place, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        alone_batch, alone = looked_at([lines[pieces.numbers[low]]])
        shift = pieces.starts[pieces.numbers[low]]
        one, other = np.array([low - shift]), np.array([high - shift])
        assert PHRASES.score(alone, PHRASES.content_sums(alone_batch, alone), one, other) == scores[place]
        rows = content_rows(alone_batch, alone)[:, one[0] : other[0] + 1]
        contents = PHRASES.table[0][rows[:3]].sum() + PHRASES.table[0][rows[3, :-1]].sum()
        edges = PHRASES.table[1][edge_rows(alone, one, other)].sum()
        expected = (contents / np.sqrt(content_sizes(one, other)) + 0.3 * edges) / PHRASES.scale + PHRASES.bias
        np.testing.assert_allclose(scores[place], expected)


def test_a_phrase_is_read_with_its_surroundings_and_its_pairs() -> None:
    def score(text: str) -> float:
        batch, pieces = looked_at([text])
        return float(PHRASES.score(pieces, PHRASES.content_sums(batch, pieces), np.array([2]), np.array([3]))[0])

    assert score("the garden hoses went") != score("a garden hoses went")
    assert score("the garden hoses went") != score("the hoses garden went")
