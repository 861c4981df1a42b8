"""Documents to one buffer of folded characters with line offsets, and offsets back.

The buffer starts with a line end and every line ends with one, so that an n-gram can see where a line
begins and stops. Characters are folded one to one by the model's character table; the few that
disappear (invisible characters, combining marks, the first half of ``\\r\\n``) are dropped with a map back.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter import kernel

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
    *("common", "latin", "cyrillic", "greek", "hebrew", "arabic"),
    *("indic", "thai", "han", "kana", "hangul", "other"),
)

CHAR_TABLE_SIZE = 0x20000  # characters beyond are folded to the last entry
NEWLINE = 10
_BLOCK = 1 << 15
_LONGEST_ITEM = 1 << 28
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TextBatch:
    """Documents as arrays. ``n`` characters kept, ``m`` lines, ``d`` documents.

    Attributes:
        chars: uint32 (n,), character table entries: folded code in the low 16 bits, kind above.
        line_starts: int64 (m,), index in ``chars`` of the first character of each line.
        line_ends: int64 (m,), index in ``chars`` of the line end behind each line.
        document_lines: int64 (d + 1,), number of the first line of each document.
        original_starts: int64 (m,), first character of each line, counted in its own document.
        original_ends: int64 (m,), one past its last character, the line end left out.
        dropped: int64 (k,), ascending, places in the unfolded buffer of the characters that were dropped.
        document_offsets: int64 (d,), position of each document in the unfolded buffer.
    """

    chars: NDArray[np.uint32]
    line_starts: NDArray[np.int64]
    line_ends: NDArray[np.int64]
    document_lines: NDArray[np.int64]
    original_starts: NDArray[np.int64]
    original_ends: NDArray[np.int64]
    dropped: NDArray[np.int64]
    document_offsets: NDArray[np.int64]

    def original_positions(self, positions: NDArray[np.int64], documents: NDArray[np.int64] | int) -> NDArray[np.int64]:
        """Offsets in the caller's strings of the characters at ``positions`` of ``chars``."""
        if not len(self.dropped):
            plain: NDArray[np.int64] = positions - self.document_offsets[documents]
            return plain
        # As many characters were dropped before a kept one as have at most its number of kept ones before them.
        skipped = np.searchsorted(self.dropped - np.arange(len(self.dropped)), positions, side="right")
        original: NDArray[np.int64] = positions + skipped - self.document_offsets[documents]
        return original

    def original_position(self, position: int, document: int) -> int:
        """Offset in the caller's string of the character at ``position`` of ``chars``."""
        return int(self.original_positions(np.array([position]), document)[0])


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
    pieces = ["\n"]
    sizes = np.empty(len(texts), np.int64)
    for number, text in enumerate(texts):
        pieces.append(check_text(text))
        sizes[number] = len(text)
        if text and text[-1] not in "\n\r":
            pieces.append("\n")
            sizes[number] += 1
    joined = "".join(pieces)
    codes = _code_points(joined)
    offsets = np.ones(len(texts) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    offsets[1:] += 1
    if kernel.is_on():
        compiled = kernel.encode(codes, offsets, char_table)
        if compiled is not None:
            chars, ends, original, document_lines, dropped = compiled
            return TextBatch(
                chars, ends[:-1] + 1, ends[1:], document_lines, original[0], original[1], dropped, offsets[:-1]
            )
    paired = _carriage_returns(codes, offsets) if "\r" in joined else _NONE
    chars, ends, dropped = _fold(codes, char_table, paired)
    unfolded_ends = ends
    if len(dropped):
        # Dropped characters that stand before an end: as many as have fewer kept ones before them.
        counts = np.bincount(np.searchsorted(ends, dropped - np.arange(len(dropped))), minlength=len(ends) + 1)
        unfolded_ends = ends + np.cumsum(counts[:-1])
    starts = unfolded_ends[:-1] + 1
    document_lines = np.searchsorted(starts, offsets)
    owner = np.repeat(offsets[:-1], np.diff(document_lines))
    stops = unfolded_ends[1:]
    if len(paired):
        stops = stops - np.isin(stops - 1, paired)
    return TextBatch(
        chars=chars,
        line_starts=ends[:-1] + 1,
        line_ends=ends[1:],
        document_lines=document_lines,
        original_starts=starts - owner,
        original_ends=stops - owner,
        dropped=dropped,
        document_offsets=offsets[:-1],
    )


def _carriage_returns(codes: NDArray[np.uint32], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of the carriage returns that are the first half of a line end; it may not straddle two documents."""
    places = ((codes[:-1] == 13) & (codes[1:] == 10)).nonzero()[0]
    paired: NDArray[np.int64] = places[~np.isin(places + 1, offsets)]
    return paired


def _fold(
    codes: NDArray[np.uint32], char_table: NDArray[np.uint32], unwanted: NDArray[np.int64]
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Entries of the characters that are kept, places of line ends among them, places in ``codes`` of the dropped."""
    chars = np.empty(len(codes), np.uint32)
    ends, dropped = [], []
    fill = 0
    # Block by block, so that what a step writes is still in the cache for the next.
    for first in range(0, len(codes), _BLOCK):
        block = codes[first : first + _BLOCK]
        entries = np.take(char_table, block, out=chars[fill : fill + len(block)], mode="clip")
        if len(unwanted):
            low, high = np.searchsorted(unwanted, (first, first + _BLOCK))
            entries[unwanted[low:high] - first] = DROPPED
        # One pass over all bits tells whether anything in this block is dropped.
        if int(np.bitwise_or.reduce(entries)) & DROPPED:
            gone = (entries & np.uint32(DROPPED)) != 0
            dropped.append(gone.nonzero()[0] + first)
            kept = entries[~gone]
            entries = chars[fill : fill + len(kept)]
            entries[...] = kept
        # Both newline characters fold to NEWLINE without any kind bit.
        ends.append((entries == NEWLINE).nonzero()[0] + fill)
        fill += len(entries)
    return chars[:fill], _joined(ends), _joined(dropped)


def _joined(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return parts[0] if len(parts) == 1 else np.concatenate([_NONE, *parts])


def _code_points(text: str) -> NDArray[np.uint32]:
    """Code points of ``text``, which may not end in NUL."""
    if len(text) > _LONGEST_ITEM:
        return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    # An array of one string takes its characters as they lie in memory, several times faster than a codec.
    return np.array([text]).view(np.uint32)


def whole_characters(text: str, start: int, end: int) -> tuple[int, int]:
    """The edges of a stretch of a text, moved so that none stands between a letter and its marks.

    Marks, joiners and variation selectors belong to the character before them: those behind the stretch come into it,
    those at its start stay outside, unless it holds nothing else.
    """
    while end < len(text) and _is_attached(text, end):
        end += 1
    first = start
    while first < end and _is_attached(text, first):
        first += 1
    return (first if first < end else start), end


def _is_attached(text: str, place: int) -> bool:
    """Whether the character at a place makes one sign with the character before it."""
    character = text[place]
    if character < _FIRST_MARK:
        return False
    category = unicodedata.category(character)
    if category[0] == "M" or character in _JOINERS or character in _SKIN_TONES:
        return True
    # The second half of a picture joined of two.
    return category == "So" and place > 0 and text[place - 1] == _JOINERS[1]


_FIRST_MARK = "\u0300"
_JOINERS = "\u200c\u200d"
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
