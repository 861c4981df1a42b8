"""Splices a foreign phrase into a sentence in the ways of link farms."""

import random

Spans = tuple[tuple[int, int], ...]

_BRACKETS = (*["【】"] * 4, "[]", "()", "（）", "《》", "「」", "『』", "〖〗", "«»", "{}", "<>", "〔〕")
_LEADS = (" ", " ", " ", " | ", " | ", ": ", ": ", " - ", " – ", "｜", "：", "_", " » ", ", ")
_GLUED_SHARE = 0.2
"""Share of phrases in the middle and at the start that touch the word behind them, as pasted text often does."""
_TAILS = (" ", " ", " - ", "", " | ", " – ", ", ", " » ", " · ")
_NO_SPACES = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF))


def _joins(character: str) -> bool:
    """Whether the character belongs to a script that puts no spaces between words."""
    code = ord(character)
    return any(first <= code <= last for first, last in _NO_SPACES)


def _places(text: str, spans: Spans) -> list[int]:
    """Where a phrase may begin: at a space between words, or between two letters of a script without spaces."""
    found = []
    for place in range(1, len(text) - 1):
        if any(start - 2 <= place <= end + 2 for start, end in spans):
            continue
        before, here = text[place - 1], text[place]
        if (here == " " and before != " " and text[place + 1] != " ") or (_joins(before) and _joins(here)):
            found.append(place)
    return found


def _dressed(phrase: str, random_: random.Random) -> str:
    """The phrase as such pages print it."""
    draw = random_.random()
    if draw < 0.12:
        return phrase.lower()
    if draw < 0.2:
        return phrase.title()
    if draw < 0.23:
        return phrase.upper()
    if draw < 0.26:
        return f'"{phrase}"'
    return phrase.rstrip(".!") if draw < 0.6 else phrase


def splice(text: str, phrase: str, spans: Spans, random_: random.Random) -> tuple[str, Spans] | None:
    """Return ``text`` with ``phrase`` in it and the spans of all phrases, or None where there is no place.

    Args:
        spans: those already in ``text``; they are moved along.
    """
    phrase = _dressed(phrase.strip(), random_)
    if not phrase:
        return None
    way = random_.choices(("middle", "comma", "bracket", "start", "end"), (36, 22, 16, 13, 13))[0]
    if way == "start":
        glued = random_.random() < (0.5 if _joins(text[0]) else _GLUED_SHARE)
        inserted = phrase + ("" if glued else random_.choice(_LEADS))
        return _insert(text, 0, inserted, (0, len(phrase)), spans)
    if way == "end":
        tail = random_.choice(_TAILS)
        return _insert(text, len(text), tail + phrase, (len(tail), len(tail) + len(phrase)), spans)
    places = _places(text, spans)
    if not places:
        return None
    # Farms splice into the first sentence more often than further down.
    place = places[int(len(places) * random_.random() ** (2 if random_.random() < 0.4 else 1))]
    spaced = text[place] == " "
    if way == "bracket":
        bracket = random_.choice(_BRACKETS)
        phrase = bracket[0] + phrase + bracket[1]
        if not spaced:
            return _insert(text, place, phrase, (0, len(phrase)), spans)
        if random_.random() < 0.7:
            return _insert(text, place + 1, phrase, (0, len(phrase)), spans)
        return _insert(text, place, " " + phrase, (1, len(phrase) + 1), spans)
    if way == "comma" and text[place - 1].isalnum():
        comma = "，" if not spaced and random_.random() < 0.7 else ","
        return _insert(text, place, comma + phrase, (1, len(phrase) + 1), spans)
    if not spaced:
        return _insert(text, place, phrase, (0, len(phrase)), spans)
    if way == "middle" and random_.random() < _GLUED_SHARE:
        return _insert(text, place + 1, phrase, (0, len(phrase)), spans)
    return _insert(text, place, " " + phrase, (1, len(phrase) + 1), spans)


def _insert(text: str, place: int, inserted: str, own: tuple[int, int], spans: Spans) -> tuple[str, Spans]:
    moved = [(start + len(inserted), end + len(inserted)) if start >= place else (start, end) for start, end in spans]
    moved.append((place + own[0], place + own[1]))
    return text[:place] + inserted + text[place:], tuple(sorted(moved))
