"""JSON objects changed at one key, byte for byte as they were elsewhere.

Parsing and dumping a record again would change numbers, escapes and repeated keys of columns that are none of
our business. So the text is exchanged in place, and new keys go in before the closing brace.
"""

import base64
import json
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import orjson

_DECODER = json.JSONDecoder()
_STRING: Callable[[str, int, bool], tuple[str, int]] = json.decoder.__dict__["scanstring"]
_SPACE = " \t\n\r"
_DIGITS_AS_ZEROS = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))
_LONG_NUMBER = b"0" * 19
DEEPEST = 500
"""Levels of lists and objects up to which a record is read: the parser and the writer of Python stop below 1000."""


def parse_object(line: bytes) -> dict[str, Any]:
    """Parse one JSON object.

    Escaped lone surrogates, NaN and integers of up to 4300 digits are read, as Python's json reads them.

    Raises:
        UnicodeDecodeError: the bytes are not UTF-8.
        ValueError: they are no JSON object, or one of more than ``DEEPEST`` levels; the message says what is wrong.
    """
    value = _parse(line)
    if not isinstance(value, dict):
        raise ValueError(f"not an object but {type(value).__name__}")
    # Flat objects, and lines with few brackets, need no look into their values.
    if _holds(value, dict, list) and line.count(b"[") + line.count(b"{") > DEEPEST and _is_too_deep(value):
        raise _too_deep()
    return value


def _parse(line: bytes) -> Any:
    with suppress(orjson.JSONDecodeError):
        value = orjson.loads(line)
        # orjson makes fractions of integers beyond 64 bit; most records hold nothing that could be one.
        is_plain = isinstance(value, dict) and not _holds(value, float, dict, list)
        if is_plain or _LONG_NUMBER not in line.translate(_DIGITS_AS_ZEROS):
            return value
    try:
        return json.loads(line.decode("utf-8"))
    except RecursionError:
        raise _too_deep() from None


def _holds(value: dict[str, Any], *kinds: type) -> bool:
    return any(isinstance(part, kinds) for part in value.values())


def _too_deep() -> ValueError:
    return ValueError(f"nested more than {DEEPEST} levels deep")


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        parts = [part.values() if isinstance(part, dict) else part for part in level]
        level = [inner for part in parts for inner in part if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def dump(value: Any) -> bytes:
    """JSON of ``value``; lone surrogates are escaped, bytes told in base64, decimals as strings, NaN as null.

    Times and durations stand in ISO 8601.
    """
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        return json.dumps(value, default=_plain).encode("ascii")


def dump_parsed(value: Any) -> bytes:
    """JSON of a value that came from JSON; NaN and infinities stay what they are, as Python's json writes them."""
    told = dump(value)
    # orjson writes null for them.
    return json.dumps(value).encode("ascii") if b"null" in told and not _is_finite(value) else told


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def duration_text(count: int, per_second: int) -> str:
    """A duration in ISO 8601, of ``count`` units of which ``per_second`` (a power of ten) make a second."""
    seconds, rest = divmod(abs(count), per_second)
    fraction = f".{rest:0{len(str(per_second)) - 1}}".rstrip("0") if rest else ""
    return f"{'-' if count < 0 else ''}PT{seconds}{fraction}S"


def _plain(value: Any) -> Any:
    """What stands in JSON for a value that JSON does not have."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, timedelta):
        # Those of pandas, which pyarrow makes inside lists and structs, have nanoseconds.
        return duration_text(value // timedelta(microseconds=1) * 1000 + getattr(value, "nanoseconds", 0), 10**9)
    raise TypeError(f"no JSON for {type(value).__name__}")


def replace_value(line: bytes, key: str, value: Any) -> bytes:
    """Put ``value`` in the place of every value of the top-level ``key`` of the object ``line``.

    Raises:
        ValueError: ``line`` is no JSON object, or has no such key.
    """
    text = line.decode("utf-8")
    places = [(start, end) for name, _, start, end in _members(text) if name == key]
    if not places:
        raise ValueError(f"no key {key!r}")
    pieces = []
    position = 0
    new = dump(value)
    for start, end in places:
        pieces += [text[position:start].encode("utf-8"), new]
        position = end
    return b"".join([*pieces, text[position:].encode("utf-8")])


def remove_value(line: bytes, key: str) -> bytes:
    """Take every value of the top-level ``key`` out of the object ``line``, with its key."""
    text = line.decode("utf-8")
    members = _members(text)
    if not members:
        return line
    pieces: list[str] = []
    first = before = members[0][1]
    for name, begin, _, end in members:
        if name != key:
            pieces.append(text[before if pieces else begin : end])  # with the comma in front of it
        before = end
    return "".join([text[:first], *pieces, text[before:]]).encode("utf-8")


def add_value(line: bytes, key: str, value: bytes) -> bytes:
    """Add ``key`` with the JSON ``value`` at the end of the object ``line``."""
    body = line.rstrip()[:-1].rstrip()
    comma = b"" if body.strip() == b"{" else b","
    return b"".join([body, comma, dump(key), b":", value, b"}"])


def _members(text: str) -> list[tuple[str, int, int, int]]:
    """Each key of an object with where it begins, and where its value begins and ends."""
    members = []
    position = _skip(text, _skip(text, 0) + 1)
    while position < len(text) and text[position] == '"':
        begin = position
        name, position = _STRING(text, position + 1, True)
        start = _skip(text, _skip(text, position) + 1)  # past the colon
        _, end = _DECODER.raw_decode(text, start)
        members.append((name, begin, start, end))
        position = _skip(text, end)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
    return members


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position
