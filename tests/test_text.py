"""Documents to one folded buffer with line offsets, and offsets back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spamfilter.text import (
    DIGIT,
    DROPPED,
    MARK,
    NEWLINE,
    SOLO,
    STOP,
    UPPER,
    WORD,
    TextBatch,
    encode_documents,
    whole_characters,
)
from tests.strategies import any_text, lines_by_definition
from training.char_table import build_char_table

TABLE = build_char_table()


def encode(*texts: str) -> TextBatch:
    return encode_documents(texts, TABLE)


def folded_lines(batch: TextBatch) -> list[str]:
    codes = batch.chars & np.uint32(0xFFFF)
    bounds = zip(batch.line_starts, batch.line_ends, strict=True)
    return ["".join(map(chr, codes[start:end])) for start, end in bounds]


def folded(text: str) -> str:
    (line,) = folded_lines(encode(text))
    return line


def original_bounds(batch: TextBatch, document: int) -> list[tuple[int, int]]:
    low, high = batch.document_lines[document : document + 2]
    return list(zip(batch.original_starts[low:high].tolist(), batch.original_ends[low:high].tolist(), strict=True))


@given(st.lists(any_text, max_size=6))
def test_lines_of_any_batch_are_those_of_the_definition_and_offsets_count_from_their_own_document(
    texts: list[str],
) -> None:
    batch = encode(*texts)
    assert len(batch.document_lines) == len(texts) + 1
    for number, text in enumerate(texts):
        assert original_bounds(batch, number) == lines_by_definition(text)


@given(st.lists(any_text, max_size=4))
def test_every_kept_character_maps_back_to_where_it_stood(texts: list[str]) -> None:
    batch = encode(*texts)
    owners = np.searchsorted(batch.document_lines, np.arange(len(batch.line_starts)), side="right") - 1
    for line, document in enumerate(owners.tolist()):
        text = texts[document]
        positions = [
            batch.original_position(place, document)
            for place in range(int(batch.line_starts[line]), int(batch.line_ends[line]))
        ]
        assert positions == sorted(set(positions))
        start, end = int(batch.original_starts[line]), int(batch.original_ends[line])
        assert all(start <= place < end for place in positions)
        kept = [TABLE[min(ord(text[place]), len(TABLE) - 1)] for place in positions]
        assert kept == batch.chars[batch.line_starts[line] : batch.line_ends[line]].tolist()
        left_out = set(range(start, end)) - set(positions)
        assert all(TABLE[min(ord(text[place]), len(TABLE) - 1)] & DROPPED for place in left_out)


@given(st.lists(any_text, min_size=1, max_size=4))
def test_a_document_is_encoded_alone_as_it_is_in_a_batch(texts: list[str]) -> None:
    together = folded_lines(encode(*texts))
    assert together == [line for text in texts for line in folded_lines(encode(text))]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a", 1),
        ("a\n", 1),
        ("\n", 1),
        ("a\n\nb", 3),
        ("a\r\nb", 2),
        ("a\rb", 2),
        ("a\n\rb", 3),
        ("a\r\r\nb", 3),
        ("\r\n\r\n", 2),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g", 1),
    ],
)
def test_lines_end_at_lf_crlf_and_cr_and_at_nothing_else(text: str, count: int) -> None:
    assert len(encode(text).line_starts) == count


def test_a_carriage_return_and_a_line_feed_of_two_documents_do_not_become_one_line_end() -> None:
    batch = encode("a\r", "\nb")
    assert original_bounds(batch, 0) == [(0, 1)]
    assert original_bounds(batch, 1) == [(0, 0), (1, 2)]


def test_empty_documents_between_others_have_no_line() -> None:
    batch = encode("", "a", "", "", "b\n", "")
    assert np.diff(batch.document_lines).tolist() == [0, 1, 0, 0, 1, 0]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("CASINO", "casino"),
        ("ｃａｓｉｎｏ", "casino"),
        ("сasinо", "casino"),  # Cyrillic es and o
        ("𝐜𝐚𝐬𝐢𝐧𝐨", "casino"),
        ("ca\u200bsi\u00adno", "casino"),
        ("ca\u0301sino", "casino"),
        ("٣٤", "34"),
        ("ﬁ", "f"),
    ],
)
def test_spellings_that_hide_a_word_fold_to_the_word(written: str, plain: str) -> None:
    assert folded(written) == plain


def test_letters_that_are_not_look_alikes_keep_their_accent_and_script() -> None:
    assert folded("é ж 你 ไ") == "é ж 你 ไ"


def test_a_zero_width_non_joiner_parts_words_as_a_space_does() -> None:
    assert folded("می\u200cخواهم") == "می خواهم"


def kinds(character: str) -> int:
    return int(TABLE[ord(character)]) & (WORD | SOLO | MARK | UPPER | DIGIT | STOP)


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        ("a", WORD),
        ("A", WORD | UPPER),
        ("7", WORD | DIGIT),
        ("你", SOLO),
        ("カ", SOLO),
        ("한", WORD),
        ("!", MARK | STOP),
        (",", MARK),
        ("。", MARK | STOP),
        (" ", 0),
        ("\x00", 0),
    ],
)
def test_characters_have_the_kind_that_tokens_are_cut_by(character: str, kind: int) -> None:
    assert kinds(character) == kind


def test_only_the_two_newline_characters_fold_to_a_line_end() -> None:
    assert np.flatnonzero((TABLE & np.uint32(0xFFFF)) == NEWLINE).tolist() == [10, 13]


@pytest.mark.parametrize(("given_", "named"), [(b"x", "bytes"), (None, "NoneType"), (3, "int"), (["x"], "list")])
def test_what_is_not_a_str_is_named_in_a_type_error(given_: object, named: str) -> None:
    with pytest.raises(TypeError, match=f"must be a str, not {named}"):
        encode_documents(["fine", given_], TABLE)  # type: ignore[list-item]


def test_bytes_get_a_hint_to_decode_them() -> None:
    with pytest.raises(TypeError, match="decode"):
        encode_documents([b"x"], TABLE)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("text", "stretch", "whole"),
    [
        ("no e\u0301 at", "no e", "no e\u0301"),
        ("no e\u0301 at", "\u0301 at", " at"),
        ("I \u2764\ufe0f it", "\u2764", "\u2764\ufe0f"),
        ("\U0001f44d\U0001f3fd ok", "\U0001f44d", "\U0001f44d\U0001f3fd"),
        ("\U0001f469\u200d\U0001f4bb ok", "\U0001f469", "\U0001f469\u200d\U0001f4bb"),
        ("แตกง่าย", "แตกง", "แตกง่"),
        ("क्या है", "क", "क्"),
        ("\u0301\u0302", "\u0301", "\u0301\u0302"),
        ("plain words", "plain", "plain"),
    ],
)
def test_a_stretch_parts_no_letter_from_its_marks(text: str, stretch: str, whole: str) -> None:
    start = text.index(stretch)
    first, end = whole_characters(text, start, start + len(stretch))
    assert text[first:end] == whole
    assert whole_characters(text, first, end) == (first, end)
