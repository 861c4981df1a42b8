"""Reads text files that a person wrote."""

from pathlib import Path

from spamfilter.errors import InputError

__all__ = ["numbered_lines", "read_text"]


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        InputError: it cannot be read, or is not UTF-8; names the file.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """Number, from 1, and text of each line without the space around it; empty ones too.

    Raises:
        InputError: as ``read_text``.
    """
    return [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), 1)]
