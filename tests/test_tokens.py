"""Tokens and their hashes."""

import numpy as np
from hypothesis import given

from spamfilter.text import encode_documents
from spamfilter.tokens import (
    KIND_LINE_END,
    KIND_MARK,
    KIND_SOLO,
    KIND_WORD,
    TokenBatch,
    mix,
    tokenize,
)
from tests.strategies import any_text
from training.char_table import build_char_table

TABLE = build_char_table()
BASE = 0x9E3779B1


def tokens_of(text: str) -> tuple[list[str], TokenBatch]:
    batch = encode_documents([text], TABLE)
    tokens = tokenize(batch)
    codes = batch.chars & np.uint32(0xFFFF)
    return ["".join(map(chr, codes[a:b])) for a, b in zip(tokens.begins, tokens.ends, strict=True)], tokens


def hash_of(text: str) -> int:
    """Hash of the first token of ``text``."""
    return int(tokens_of(text)[1].hashes[1])


def test_words_marks_and_characters_without_spaces_become_tokens_and_spaces_do_not() -> None:
    texts, tokens = tokens_of("Don't pay 9,99 你好!\n")
    assert texts == ["\n", "don", "'", "t", "pay", "9", ",", "99", "你", "好", "!", "\n"]
    assert tokens.kinds.tolist() == [
        KIND_LINE_END, KIND_WORD, KIND_MARK, KIND_WORD, KIND_WORD, KIND_WORD, KIND_MARK, KIND_WORD, KIND_SOLO,
        KIND_SOLO, KIND_MARK, KIND_LINE_END,
    ]  # fmt: skip


@given(any_text)
def test_tokens_stand_in_order_and_never_cross_a_line_end(text: str) -> None:
    texts, tokens = tokens_of(text)
    assert (tokens.begins < tokens.ends).all()
    assert (tokens.ends[:-1] <= tokens.begins[1:]).all()
    line_ends = tokens.kinds == KIND_LINE_END
    assert all(("\n" in token) == bool(end) for token, end in zip(texts, line_ends, strict=True))
    assert np.flatnonzero(line_ends).tolist() == tokens.line_tokens.tolist()


@given(any_text)
def test_a_token_has_the_same_hash_wherever_it_stands(text: str) -> None:
    _, alone = tokens_of(text)
    _, behind = tokens_of("Some words in front of it, 你好.\n" + text)
    count = len(alone.hashes) - 1
    assert behind.hashes[len(behind.hashes) - count :].tolist() == alone.hashes[1:].tolist()


def test_words_that_differ_by_case_share_a_hash_and_words_that_differ_by_a_letter_do_not() -> None:
    assert hash_of("Casino") == hash_of("casino")
    assert hash_of("casino") != hash_of("casina")
    assert hash_of("ab") != hash_of("ba")


def test_a_comma_glued_on_both_sides_is_another_token_than_a_comma_before_a_space() -> None:
    glued, spaced = (int(tokens_of(text)[1].hashes[2]) for text in ("a,b", "a, b"))
    assert glued != spaced


def test_a_hash_is_the_mixed_polynomial_of_the_codes_beyond_a_block_of_powers_and_across_its_border_too() -> None:
    tokens = tokenize(encode_documents(["some words go on " * 6000 + "x" * 70_000 + " end"], TABLE))
    for place in {*range(1, 30), *range(7000, 7800, 7), *range(len(tokens.kinds) - 30, len(tokens.kinds))}:
        codes = tokens.chars[tokens.begins[place] : tokens.ends[place]] & np.uint32(0xFFFF)
        expected = sum(int(code) * pow(BASE, power, 1 << 32) for power, code in enumerate(codes)) % (1 << 32)
        assert tokens.hashes[place] == mix(np.array([expected], np.uint32))[0]
