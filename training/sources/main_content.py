"""Where a line occurs in the reviewed main content of its page."""

from collections import Counter
from difflib import SequenceMatcher

from training.sources.html_lines import letters_and_digits

__all__ = ["MainContent"]

_SUBSTRING = 25
_FUZZY = 40
_SIMILARITY = 0.92
_GRAM = 8
_ALIGNMENTS = 3


class MainContent:
    """The main content of a page, looked up by the letters and digits of a line.

    Args:
        text: The main content, one paragraph a line.
    """

    def __init__(self, text: str) -> None:
        self._lines = {letters_and_digits(line) for line in text.split("\n")} - {""}
        self._whole = letters_and_digits(text)
        self._grams: dict[str, list[int]] | None = None

    def has_line(self, key: str) -> bool:
        """Whether a line of the main content has these very letters and digits."""
        return key in self._lines

    def has_part(self, key: str) -> bool:
        """Whether the main content has these letters and digits in a row, across its lines if need be."""
        return key in self._whole

    def holds(self, key: str) -> bool:
        """Whether the line belongs to the main content.

        As a whole line, as a part of 25 letters and digits or more, or, from 40 on, with up to about 8 % of
        them different (footnote numbers, typographic repairs).
        """
        return (
            self.has_line(key)
            or (len(key) >= _SUBSTRING and self.has_part(key))
            or (len(key) >= _FUZZY and self._similar(key))
        )

    def _similar(self, key: str) -> bool:
        """Whether some stretch of the main content as long as ``key`` is at least 92 % the same."""
        if self._grams is None:
            self._grams = {}
            for start in range(len(self._whole) - _GRAM + 1):
                self._grams.setdefault(self._whole[start : start + _GRAM], []).append(start)
        grams = len(key) - _GRAM + 1
        votes: Counter[int] = Counter()
        found = 0
        for offset in range(grams):
            places = self._grams.get(key[offset : offset + _GRAM], ())
            found += bool(places)
            for place in places[:8]:
                votes[place - offset] += 1
        if found < grams * 0.35:
            return False
        matcher = SequenceMatcher(None, b=key, autojunk=False)
        for start, _ in votes.most_common(_ALIGNMENTS):
            first = max(start, 0)
            matcher.set_seq1(self._whole[first : first + len(key)])
            if matcher.real_quick_ratio() >= _SIMILARITY and matcher.ratio() >= _SIMILARITY:
                return True
        return False
