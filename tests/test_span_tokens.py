"""The tokens that the span model looks at, and what is hashed about the boundaries between them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spamfilter.span_tokens import BOUNDARY_FEATURES, PIECE_TOKENS, PieceTokens, cut_pieces, rows_across, span_rows
from spamfilter.text import encode_documents
from spamfilter.tokens import KIND_LINE_END, tokenize
from training.char_table import build_char_table

CHAR_TABLE = build_char_table()
WORDS = st.sampled_from(["a", "an", "Garden", "gardens", "x9", "1,000", "бар", "栄養", "ก", "!", "—"])
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=9).map(" ".join), min_size=1, max_size=5)


def pieces_of(lines: list[str]) -> PieceTokens:
    batch = encode_documents(["\n".join(lines)], CHAR_TABLE)
    return cut_pieces(batch, tokenize(batch), np.arange(len(lines)))


@given(LINES)
def test_a_boundary_between_neighbours_has_the_rows_of_that_boundary(lines: list[str]) -> None:
    pieces = pieces_of(lines)
    inside = np.flatnonzero(
        (np.arange(len(pieces.kinds)) - pieces.starts[pieces.numbers] >= 2)
        & (pieces.starts[pieces.numbers + 1] - np.arange(len(pieces.kinds)) >= 2)
    )
    places = {offset: inside + offset for offset in (-2, -1, 0, 1)}
    gap = pieces.begins[inside] != pieces.ends[inside - 1]
    assert (rows_across(pieces, places, gap) == span_rows(pieces)[:, inside]).all()


@given(LINES)
def test_rows_of_a_line_do_not_depend_on_the_lines_around_it(lines: list[str]) -> None:
    together = pieces_of(lines)
    rows = span_rows(together)
    for number, line in enumerate(lines):
        alone = span_rows(pieces_of([line]))
        assert (rows[:, together.starts[number] : together.starts[number + 1]] == alone).all()


def test_words_with_one_ending_share_the_rows_of_endings_only() -> None:
    first, second = (span_rows(pieces_of([f"the {word} went"])) for word in ("marking", "parking"))
    same = (first == second).all(axis=1)
    of_endings = [not any(term.startswith("word") for term in feature) for feature in BOUNDARY_FEATURES]
    assert same.tolist() == [False, *of_endings]


def test_a_long_line_is_cut_into_windows_that_hold_each_token_once() -> None:
    count = 2 * PIECE_TOKENS + 7
    pieces = pieces_of([" ".join(f"w{number}" for number in range(count))])
    assert len(pieces.lines) == 3
    held = pieces.tokens[pieces.free & (pieces.kinds != KIND_LINE_END)]
    assert held.tolist() == list(range(1, count + 1))
