"""Expands the patterns folder into labelled lines.

``patterns/<label>/<topic>.<language>.txt`` holds one pattern a line, with slots in single guillemets. A slot ``‹name›``
takes lines of ``patterns/banks/<name>.<language>.txt`` or, where that is absent, of ``patterns/banks/<name>.any.txt``.
All lines made of one pattern form one document, so that no split of documents parts them.
"""

import math
import random
import re
from pathlib import Path

from spamfilter.errors import InputError
from spamfilter.labels import Label
from training.documents import LabelledDocument, LabelledLine
from training.text_files import numbered_lines

__all__ = ["BANKS", "GENERATED", "PATTERNS_FOLDER", "generate"]

PATTERNS_FOLDER = Path(__file__).parent / "patterns"
BANKS = "banks"
GENERATED = "generated"
"""Source of the documents made here, and the beginning of their ids."""

_ANY = "any"
_UNDETERMINED = "und"
_MOST_LINES = 12
_TRIES_A_LINE = 4
_SLOT = re.compile("‹([a-z0-9_]+)›")


def generate(folder: Path = PATTERNS_FOLDER, seed: int = 0) -> list[LabelledDocument]:
    """Expand every pattern of ``folder`` into one document of up to twelve distinct lines.

    The lines of a pattern depend on ``seed``, its file, its number in the file and its banks alone.
    A pattern never yields more lines than its banks can tell apart; one without a slot yields one.

    Args:
        folder: holds ``<label>/<topic>.<language>.txt`` and ``banks/``.
        seed: another seed draws other lines.

    Returns:
        Documents of source ``"generated"`` with ids ``generated/<label>/<topic>.<language>#<pattern number>``.

    Raises:
        InputError: an unknown label, a file that is not UTF-8, a broken slot or one without a bank; names
            file and line.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; patterns lie in <label>/<topic>.<language>.txt and {BANKS}/")
    banks = _Banks(folder / BANKS)
    documents: list[LabelledDocument] = []
    for path in sorted(folder.glob("*/*.txt")):
        if path.parent.name != BANKS:
            documents += _expand_file(path, banks, seed)
    return documents


class _Banks:
    """Reads each bank once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, list[str]] = {}

    def values(self, name: str, language: str, place: str) -> list[str]:
        """Distinct lines of the bank in file order."""
        own, common = self._folder / f"{name}.{language}.txt", self._folder / f"{name}.{_ANY}.txt"
        path = own if own.is_file() else common
        if not path.is_file():
            raise InputError(f"{place}: slot ‹{name}› has no bank; write {own} or {common}")
        if path not in self._read:
            filled = [(number, text) for number, text in numbered_lines(path) if text]
            for number, text in filled:
                if _SLOT.search(text):
                    raise InputError(f"{path}:{number}: a bank holds plain lines; write out the slot")
            if not filled:
                raise InputError(f"{path}: the bank of slot ‹{name}› is empty; write one value a line")
            self._read[path] = list(dict.fromkeys(text for _, text in filled))
        return self._read[path]


def _expand_file(path: Path, banks: _Banks, seed: int) -> list[LabelledDocument]:
    try:
        label = Label(path.parent.name)
    except ValueError:
        raise InputError(f"{path}: unknown label {path.parent.name!r}; use one of {', '.join(Label)}") from None
    topic, _, language = path.stem.rpartition(".")
    if not topic:
        raise InputError(f"{path}: name the file <topic>.<language>.txt")
    documents: list[LabelledDocument] = []
    for number, pattern in numbered_lines(path):
        if not pattern:
            continue
        identity = f"{GENERATED}/{label.value}/{path.stem}#{len(documents)}"
        texts = _expand(pattern, label, language, banks, random.Random(f"{seed}:{identity}"), f"{path}:{number}")
        documents.append(
            LabelledDocument(
                document_id=identity,
                source=GENERATED,
                language=_UNDETERMINED if language == _ANY else language,
                lines=tuple(LabelledLine(text, label.value) for text in texts),
                page_type=topic,
                spam=label in (Label.SEO_INJECTION, Label.LINK_EXCHANGE),
            )
        )
    return documents


def _expand(pattern: str, label: Label, language: str, banks: _Banks, random_: random.Random, place: str) -> list[str]:
    pieces = _SLOT.split(pattern)
    fixed, names = pieces[0::2], pieces[1::2]
    if any("‹" in text or "›" in text for text in fixed):
        raise InputError(f"{place}: broken slot; a slot is ‹name› in lower-case letters, digits and _")
    values = {name: banks.values(name, language, place) for name in names}
    wanted = min(_MOST_LINES, math.prod(len(values[name]) for name in names))
    made: dict[str, None] = {}
    for _ in range(wanted * _TRIES_A_LINE):
        # Doorways repeat one keyword or name several; elsewhere two slots of one name are two things.
        repeats = label == Label.SEO_INJECTION and random_.random() < 0.5
        made[_fill(fixed, names, values, repeats, random_)] = None
        if len(made) == wanted:
            break
    return list(made)


def _fill(
    fixed: list[str], names: list[str], values: dict[str, list[str]], repeats: bool, random_: random.Random
) -> str:
    left: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        count = names.count(name)
        if repeats:
            left[name] = [random_.choice(values[name])] * count
        elif count <= len(values[name]):
            left[name] = random_.sample(values[name], count)
        else:
            left[name] = [random_.choice(values[name]) for _ in range(count)]
    filled = [left[name].pop() for name in names]
    return "".join(text + value for text, value in zip(fixed, [*filled, ""], strict=True)).strip()
