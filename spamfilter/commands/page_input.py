"""Reads one page for the command line: UTF-8, with or without a byte order mark, broken bytes replaced."""

import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass
from pathlib import Path

from spamfilter.errors import InputError

STANDARD_INPUT = "-"
_SAMPLE = 1 << 16
_TEXT_CONTROLS = b"\b\t\n\v\f\r\x1b"
_CONTROLS = bytes(set(range(32)) - set(_TEXT_CONTROLS)) + b"\x7f"
_MOST_CONTROLS = 0.03
_STRAY_CONTROLS = 3
"""Control characters that make no page binary, however short it is."""


@dataclass(frozen=True, slots=True)
class PageInput:
    """A page as read.

    Attributes:
        name: for messages.
        text: the page, without a byte order mark.
        replaced: number of places where bytes were not UTF-8; each became U+FFFD.
    """

    name: str
    text: str
    replaced: int


def read_page(path: str) -> PageInput:
    """Read ``path``, or standard input for ``-``.

    Raises:
        InputError: the file cannot be read, is binary, or is UTF-16.
    """
    name = "<standard input>" if path == STANDARD_INPUT else path
    if path == STANDARD_INPUT and sys.stdin is None:
        raise InputError(f"{name}: is closed; give a file or pipe text into the command")
    try:
        data = sys.stdin.buffer.read() if path == STANDARD_INPUT else Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return decode_page(name, data)


def decode_page(name: str, data: bytes) -> PageInput:
    """Decode the bytes of a page.

    Raises:
        InputError: the bytes are no text in UTF-8, not even a damaged one.
    """
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise InputError(f"{name}: is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
    sample = data[:_SAMPLE]
    controls = len(sample) - len(sample.translate(None, _CONTROLS))
    if controls > max(_STRAY_CONTROLS, _MOST_CONTROLS * len(sample)):
        raise InputError(f"{name}: is binary, not text; extract its text first")
    try:
        return PageInput(name, data.decode("utf-8-sig"), 0)
    except UnicodeDecodeError:
        text = data.decode("utf-8-sig", errors="replace")
        return PageInput(name, text, text.count("\ufffd") - data.count("\ufffd".encode()))
