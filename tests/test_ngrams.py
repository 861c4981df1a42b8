"""Tokens to rows of the n-gram tables."""

import numpy as np
from hypothesis import given

from spamfilter.ngrams import LONGEST_WORD, NgramSettings, pair_rows, part_rows, triple_rows
from spamfilter.text import encode_documents
from spamfilter.tokens import KIND_SOLO, KIND_WORD, TokenBatch, tokenize
from tests.strategies import any_text
from training.char_table import build_char_table

TABLE = build_char_table()
SETTINGS = NgramSettings((3, 4), 20, 21)


def tokens_of(text: str) -> TokenBatch:
    return tokenize(encode_documents([text], TABLE))


def parts_of(text: str) -> list[list[int]]:
    """Sorted part rows of each token but the first line end."""
    tokens = tokens_of(text)
    places, rows = part_rows(tokens, np.arange(1, len(tokens.kinds)), SETTINGS)
    return [sorted(rows[places == place].tolist()) for place in range(len(tokens.kinds) - 1)]


def test_a_word_has_itself_and_its_ngrams_with_both_edges_as_parts() -> None:
    word, _ = parts_of("casino")
    # itself; <ca cas asi sin ino no>; <cas casi asin sino ino>
    assert len(word) == 1 + 6 + 5


def test_a_short_word_has_only_the_ngrams_that_fit_into_it() -> None:
    assert [len(parts_of(word)[0]) for word in ("a", "ab", "abc")] == [2, 4, 6]


def test_marks_characters_without_spaces_and_line_ends_are_their_own_only_part() -> None:
    assert [len(parts) for parts in parts_of("! 你\n")] == [1, 1, 1]


def test_words_share_the_ngrams_that_they_have_in_common() -> None:
    casino, casinos = (set(parts_of(word)[0]) for word in ("casino", "casinos"))
    # <ca cas asi sin ino <cas casi asin sino
    assert len(casino & casinos) == 9


def test_an_ngram_at_the_edge_differs_from_the_same_letters_inside() -> None:
    assert len(set(parts_of("bet")[0]) & set(parts_of("sorbets")[0])) == 1  # the bare "bet" inside, not "<be" or "et>"


def test_a_word_of_any_length_has_a_bounded_number_of_parts() -> None:
    longest, _ = parts_of("a" * 5000)
    assert len(longest) == 1 + LONGEST_WORD + (LONGEST_WORD - 1)


@given(any_text)
def test_rows_lie_in_their_tables_and_there_is_one_pair_less_than_tokens(text: str) -> None:
    tokens = tokens_of(text)
    places, rows = part_rows(tokens, np.arange(len(tokens.kinds)), SETTINGS)
    pairs = pair_rows(tokens, SETTINGS)
    middles, triples = triple_rows(tokens, SETTINGS)
    assert len(pairs) == len(tokens.kinds) - 1
    assert (tokens.kinds[middles] == KIND_SOLO).all()
    assert set(places.tolist()) == set(range(len(tokens.kinds)))
    for values, bits in ((rows, SETTINGS.part_bits), (pairs, SETTINGS.pair_bits), (triples, SETTINGS.pair_bits)):
        assert ((values >= 0) & (values < 1 << bits)).all()


def test_a_pair_depends_on_the_order_of_its_tokens() -> None:
    forward, backward = (pair_rows(tokens_of(text), SETTINGS)[1] for text in ("free bonus", "bonus free"))
    assert forward != backward


def test_the_same_word_has_the_same_parts_in_any_line() -> None:
    inside = tokens_of("the casino of the town\nand more")
    place = int(np.flatnonzero(inside.hashes == tokens_of("casino").hashes[1])[0])
    assert inside.kinds[place] == KIND_WORD
    _, rows = part_rows(inside, np.array([place]), SETTINGS)
    assert sorted(rows.tolist()) == parts_of("casino")[0]
