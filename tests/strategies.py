"""Texts for property tests: any characters, and above all those at which text code breaks."""

import re

from hypothesis import strategies as st

AWKWARD = (
    "\n", "\r", "\r\n", "\n\r", "\r\r\n", " ", "\t", "\x00", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029",
    "\u200b", "\u200c", "\ufeff", "\u0301", "\ud800", "\udfff", "\U0001f600", "\U0010ffff", "é", "ﬁ", "ß", "İ", "Σ",
    "你", "好", "ไทย", "कि", "한", "。", "casino", "bonus", "{{ x }}", "【", "】", ",", ".", "PR4", "word", "42",
)  # fmt: skip

any_text = st.one_of(
    st.text(st.characters(codec=None), max_size=80),
    st.lists(st.sampled_from(AWKWARD), max_size=30).map("".join),
)
"""Arbitrary strings, lone surrogates included, and strings of awkward pieces."""


def lines_by_definition(text: str) -> list[tuple[int, int]]:
    """Offsets of the lines of ``text``: they end at LF, CR LF or CR; a last line end opens no further line."""
    ends = [(match.start(), match.end()) for match in re.finditer("\r\n|\r|\n", text)]
    starts = [0, *(stop for _, stop in ends)]
    lines = [(start, end) for start, (end, _) in zip(starts, ends, strict=False)]
    if starts[-1] < len(text):
        lines.append((starts[-1], len(text)))
    return lines
