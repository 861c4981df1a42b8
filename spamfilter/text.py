"""Documents to one buffer of folded characters with line offsets, and offsets back.

The buffer starts with a line end and every line ends with one, so that an n-gram can see where a line
begins and stops. Characters are folded one to one by the model's character table; the few that
disappear (invisible characters, combining marks, the first half of ``\\r\\n``) are dropped with a map back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The upper half of a character table entry: what kind of character it is.
WORD = 1 << 16  # letter or digit of a script that puts spaces between words
SOLO = 1 << 17  # letter of a script without spaces: a token of its own
MARK = 1 << 18  # punctuation or symbol: a token of its own
UPPER = 1 << 19
DIGIT = 1 << 20
DROPPED = 1 << 21  # invisible: removed before hashing
STOP = 1 << 22  # ends a sentence
SCRIPT_SHIFT = 24  # bits 24 to 27: script group
SCRIPTS = (
    "common",
    "latin",
    "cyrillic",
    "greek",
    "hebrew",
    "arabic",
    "indic",
    "thai",
    "han",
    "kana",
    "hangul",
    "other",
)

CHAR_TABLE_SIZE = 0x20000  # characters beyond are folded to the last entry
NEWLINE = 10


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Documents as arrays. ``n`` characters kept, ``m`` lines, ``d`` documents.

    Attributes:
        chars: uint32 (n,), character table entries: folded code in the low 16 bits, kind above.
        line_starts: int64 (m,), index in ``chars`` of the first character of each line.
        line_ends: int64 (m,), index in ``chars`` of the line end behind each line.
        document_lines: int64 (d + 1,), number of the first line of each document.
        original_starts: int64 (m,), first character of each line, counted in its own document.
        original_ends: int64 (m,), one past its last character, the line end left out.
        kept: int64 (n,) or None, position of each kept character in the unfolded buffer.
        document_offsets: int64 (d,), position of each document in the unfolded buffer.
    """

    chars: NDArray[np.uint32]
    line_starts: NDArray[np.int64]
    line_ends: NDArray[np.int64]
    document_lines: NDArray[np.int64]
    original_starts: NDArray[np.int64]
    original_ends: NDArray[np.int64]
    kept: NDArray[np.int64] | None
    document_offsets: NDArray[np.int64]

    @property
    def line_documents(self) -> NDArray[np.int64]:
        """Number of the document of each line, int64 (m,)."""
        return np.repeat(np.arange(len(self.document_lines) - 1), np.diff(self.document_lines))

    def original_position(self, position: int, document: int) -> int:
        """Offset in the caller's string of the character at ``position`` of ``chars``."""
        unfolded = position if self.kept is None else int(self.kept[position])
        return unfolded - int(self.document_offsets[document])


def check_text(text: object) -> str:
    """Return ``text`` if it is a str, else raise TypeError that says what was given."""
    if not isinstance(text, str):
        hint = (
            "; decode it first, for example data.decode('utf-8', errors='replace')" if isinstance(text, bytes) else ""
        )
        raise TypeError(f"a document must be a str, not {type(text).__name__}{hint}")
    return text


def encode_documents(texts: Sequence[str], char_table: NDArray[np.uint32]) -> TextBatch:
    """Fold ``texts`` into one buffer.

    Args:
        texts: documents; any str, lone surrogates and NULs included.
        char_table: uint32 (CHAR_TABLE_SIZE,), see the constants of this module.

    Raises:
        TypeError: an element is not a str.
    """
    parts = [b"\n\0\0\0"]
    sizes = np.empty(len(texts), np.int64)
    for number, text in enumerate(texts):
        data = check_text(text).encode("utf-32-le", "surrogatepass")
        parts.append(data)
        size = len(data) >> 2
        if data and data[-4:] not in (b"\n\0\0\0", b"\r\0\0\0"):
            parts.append(b"\n\0\0\0")
            size += 1
        sizes[number] = size
    codes = np.frombuffer(b"".join(parts), np.uint32)
    offsets = np.empty(len(texts) + 1, np.int64)
    offsets[0] = 1
    np.cumsum(sizes, out=offsets[1:])
    offsets[1:] += 1
    chars = np.take(char_table, codes, mode="clip")
    # Both newline characters fold to NEWLINE without any kind bit.
    ends = np.flatnonzero(chars == NEWLINE)
    kept: NDArray[np.int64] | None = None
    dropped = (chars & DROPPED).astype(bool)
    carriage = codes[ends[:-1]] == 13
    if carriage.any():
        pair = np.flatnonzero(carriage & (codes[ends[:-1] + 1] == 10) & (ends[:-1] + 1 < len(codes)))
        # "\r\n" may not straddle two documents.
        if len(pair):
            first = ends[pair]
            pair = pair[~np.isin(first + 1, offsets)]
            dropped[ends[pair]] = True
            line_ends_unfolded = np.delete(ends, pair + 1)[1:]
            kept_ends = np.delete(ends, pair)
        else:
            line_ends_unfolded, kept_ends = ends[1:], ends
    else:
        line_ends_unfolded, kept_ends = ends[1:], ends
    # A line starts behind the end that was kept of the line before.
    line_starts_unfolded = kept_ends[:-1] + 1
    line_starts, line_ends = line_starts_unfolded, line_ends_unfolded
    if dropped.any():
        kept = np.flatnonzero(~dropped)
        chars = chars[kept]
        line_starts = np.searchsorted(kept, line_starts_unfolded)
        line_ends = np.searchsorted(kept, kept_ends[1:])
    document_lines = np.searchsorted(line_starts_unfolded, offsets)
    owner = np.repeat(offsets[:-1], np.diff(document_lines))
    return TextBatch(
        chars=chars,
        line_starts=line_starts,
        line_ends=line_ends,
        document_lines=document_lines,
        original_starts=line_starts_unfolded - owner,
        original_ends=line_ends_unfolded - owner,
        kept=kept,
        document_offsets=offsets[:-1],
    )
