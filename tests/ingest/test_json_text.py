"""A JSON line is changed at one key and stays as it was elsewhere."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spamfilter.ingest.json_text import DEEPEST, add_value, dump, parse_object, remove_value, replace_value

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"text":"a"}', b'{"text":"b"}'),
        (b'{ "n" : 1.50, "text" :\t"a" , "big": 123456789012345678901234567890 }',
         b'{ "n" : 1.50, "text" :\t"b" , "big": 123456789012345678901234567890 }'),
        (b'{"x":{"text":"a"},"text":"a","y":["text"]}', b'{"x":{"text":"a"},"text":"b","y":["text"]}'),
        (b'{"\\u0074ext":"a","e":1e5}', b'{"\\u0074ext":"b","e":1e5}'),
        (b'{"text":"a","text":"a"}', b'{"text":"b","text":"b"}'),
        (b'{"text":"a\\"}{,"}\r', b'{"text":"b"}\r'),
    ],
)  # fmt: skip
def test_only_the_value_of_the_key_changes(before: bytes, after: bytes) -> None:
    assert replace_value(before, "text", "b") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"{}", b'{"k":1}'),
        (b" { } ", b' {"k":1}'),
        (b'{"a":1.0}\r', b'{"a":1.0,"k":1}'),
        (b'{"a":{}}', b'{"a":{},"k":1}'),
    ],
)
def test_a_key_is_added_at_the_end(before: bytes, after: bytes) -> None:
    assert add_value(before, "k", b"1") == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"k":1}', b"{}"),
        (b'{ "k":1 }\r', b"{  }\r"),
        (b'{"a":1.0, "k":{"k":[]}, "b" : {"k":1} }', b'{"a":1.0, "b" : {"k":1} }'),
        (b'{ "k":1, "a":"k" , "k":2}', b'{ "a":"k"}'),
        (b'{"a":"\xc3\xa9","\\u006b":"}"}', b'{"a":"\xc3\xa9"}'),
        (b'{"a":1}', b'{"a":1}'),
        (b"{}", b"{}"),
    ],
)
def test_a_key_is_taken_out_wherever_it_stands(before: bytes, after: bytes) -> None:
    assert remove_value(before, "k") == after


@given(fields=st.dictionaries(st.text(), VALUES, max_size=4), text=st.text(), new=st.text(), indent=st.booleans())
def test_replacing_and_adding_equal_a_change_of_the_object(
    fields: dict[str, Any], text: str, new: str, indent: bool
) -> None:
    fields["text"] = text
    line = json.dumps(fields, indent=2 if indent else None, ensure_ascii=indent).encode()
    assert json.loads(replace_value(line, "text", new)) == {**fields, "text": new}
    assert json.loads(add_value(line, "new key", dump(new))) == {**fields, "new key": new}
    assert json.loads(remove_value(line, "text")) == {name: fields[name] for name in fields if name != "text"}


def test_what_pythons_json_reads_is_read() -> None:
    assert parse_object(b'{"a": NaN, "text": "\\ud800"}')["text"] == "\ud800"
    assert dump({"text": "\ud800"}) == b'{"text": "\\ud800"}'


@pytest.mark.parametrize("number", [1 << 63, 1 << 64, -(1 << 63) - 1, 10**29 + 1, 10**4299, 1234567890123456789])
def test_integers_stay_what_they_are(number: int) -> None:
    value = parse_object(f'{{"text": "a", "deep": [{{"n":{number}}}]}}'.encode())["deep"][0]["n"]
    assert (type(value), value) == (int, number)
    assert dump(value) == str(number).encode()


@pytest.mark.parametrize(
    "line", [b"[1]", b'"text"', b"{", b"", b'{"a":1}{"b":2}', b'{"a":%s}' % (b"1" * 5000), b"[" * 100_000, b"nul"]
)
def test_what_is_no_object_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is that of the parser
        parse_object(line)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_read_can_be_changed_and_written_however_deep_it_is(opening: str, closing: str) -> None:
    def line(levels: int) -> bytes:
        inner = opening * (levels - 1) + "1" + closing * (levels - 1)
        return f'{{"text":"[[{{","deep":{inner}}}'.encode()

    deepest = line(DEEPEST)
    assert json.loads(dump(parse_object(deepest))) == json.loads(deepest)
    assert replace_value(deepest, "text", "b") == deepest.replace(b"[[{", b"b", 1)
    for levels in (DEEPEST + 1, 990, 100_000):
        with pytest.raises(ValueError, match="nested more than"):
            parse_object(line(levels))


def test_a_line_of_many_brackets_that_is_not_deep_is_read() -> None:
    fields = {"text": "[" * 2000, "rows": [[{"a": []}]] * 2000}
    assert parse_object(json.dumps(fields).encode()) == fields
