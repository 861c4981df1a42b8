"""Builds the character table: one 32-bit entry a code point, folded code below, kind above.

Folding: case, full width and compatibility forms (Unicode NFKC), digits of all scripts, Cyrillic and Greek
letters that look like Latin ones (a subset of the pairs in Unicode Technical Standard 39, confusables).
The table goes into the model folder, so that a model means the same under every Unicode version.
"""

import unicodedata

import numpy as np
from numpy.typing import NDArray

from spamfilter.text import (
    CHAR_TABLE_SIZE,
    DIGIT,
    DROPPED,
    MARK,
    NEWLINE,
    SCRIPT_SHIFT,
    SCRIPTS,
    SOLO,
    STOP,
    UPPER,
    WORD,
)

_LOOK_ALIKES = dict(zip("аеорсухіјѕһԁԛԝαοριυνκτ", "aeopcyxijshdqwaopiuvkt", strict=True))
_STOPS = set(".!?。！？．…।؟۔॥።")
_SCRIPT_RANGES = [
    (0x0041, 0x024F, "latin"), (0x0250, 0x02AF, "latin"), (0x0370, 0x03FF, "greek"), (0x0400, 0x052F, "cyrillic"),
    (0x0590, 0x05FF, "hebrew"), (0x0600, 0x077F, "arabic"), (0x08A0, 0x08FF, "arabic"), (0x0900, 0x0DFF, "indic"),
    (0x0E00, 0x0EFF, "thai"), (0x0F00, 0x0FFF, "other"), (0x1000, 0x109F, "thai"), (0x10A0, 0x10FF, "other"),
    (0x1100, 0x11FF, "hangul"), (0x1780, 0x17FF, "thai"), (0x1E00, 0x1EFF, "latin"), (0x1F00, 0x1FFF, "greek"),
    (0x3040, 0x30FF, "kana"), (0x31F0, 0x31FF, "kana"), (0x3130, 0x318F, "hangul"), (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"), (0xA960, 0xA97F, "hangul"), (0xAC00, 0xD7FF, "hangul"), (0xF900, 0xFAFF, "han"),
    (0xFB1D, 0xFB4F, "hebrew"), (0xFB50, 0xFDFF, "arabic"), (0xFE70, 0xFEFE, "arabic"),
]  # fmt: skip
_SOLO_SCRIPTS = {"han", "kana", "thai"}


def _folded(character: str) -> str:
    """One character that stands for ``character``, or '' if it is dropped."""
    category = unicodedata.category(character)
    # ZWNJ parts Persian words, so it is not dropped but folded to a space.
    if character == "\u200c":
        return " "
    if category == "Cf" or 0x300 <= ord(character) <= 0x36F or 0xFE00 <= ord(character) <= 0xFE0F:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category in ("Zs", "Zl", "Zp") or character in "\t\f\v":
        return " "
    code = ord(character)
    if 0x1F1E6 <= code <= 0x1F1FF:
        return chr(code - 0x1F1E6 + ord("a"))
    if 0x1F150 <= code <= 0x1F169 or 0x1F170 <= code <= 0x1F189:
        return chr((code - 0x1F150) % 32 + ord("a"))
    wide = unicodedata.normalize("NFKC", character)
    # Compatibility forms of several characters are kept whole unless they begin with what they stand for.
    single = wide[0] if wide and not wide[0].isspace() else character
    if len(wide) > 1 and not wide[0].isalnum():
        single = character
    lowered = single.lower()
    single = lowered[0] if lowered else single
    return _LOOK_ALIKES.get(single, single)


def _script(character: str) -> str:
    code = ord(character)
    for first, last, name in _SCRIPT_RANGES:
        if first <= code <= last:
            return name
    return "latin" if unicodedata.normalize("NFKC", character)[:1].isascii() else "other"


def _compact(code: int) -> int:
    """Folded codes are 16 bits wide: what lies beyond is laid into the private use area."""
    return code if code < 0xE000 or 0xF900 <= code < 0x10000 else 0xE000 + code % 0x1900


def build_char_table() -> NDArray[np.uint32]:
    """Return the table, uint32 (CHAR_TABLE_SIZE,). Depends on the Unicode version of the interpreter."""
    table = np.zeros(CHAR_TABLE_SIZE, np.uint32)
    for code in range(CHAR_TABLE_SIZE):
        character = chr(code)
        if character in "\n\r":
            table[code] = NEWLINE
            continue
        category = unicodedata.category(character)
        if category == "Cs":
            table[code] = _compact(code) | MARK
            continue
        folded = _folded(character)
        if not folded:
            table[code] = DROPPED
            continue
        if folded == " ":
            table[code] = 32
            continue
        entry = _compact(ord(folded))
        script = _script(character) if category[0] in "LM" else "common"
        if category[0] in "LMN" or folded.isalnum():
            entry |= SOLO if script in _SOLO_SCRIPTS else WORD
        elif category[0] in "PS" or category in ("Co", "Cn"):
            entry |= MARK
        # The Japanese long-vowel mark and iteration mark are letters; control characters count as spaces.
        if category in ("Lu", "Lt"):
            entry |= UPPER
        if category == "Nd":
            entry |= DIGIT
        if character in _STOPS:
            entry |= STOP
        table[code] = entry | SCRIPTS.index(script) << SCRIPT_SHIFT
    return table
