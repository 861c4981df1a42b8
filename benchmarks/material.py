"""Mixed real web text to time on, built from the public sources, and the lines that all systems are trained on."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spamfilter.labels import LABELS
from spamfilter.text import SCRIPT_SHIFT, SCRIPTS, SOLO, WORD, encode_documents
from training.char_table import build_char_table
from training.documents import LabelledDocument
from training.lines import CORPUS_FOLDER, read_labelled_lines
from training.sources import load_pins, read_public_sources

PAGE = 3000
"""Characters of the documents that are judged one at a time."""


@dataclass(frozen=True, slots=True)
class Material:
    """Documents to time on.

    Attributes:
        documents: in a fixed shuffled order.
        parts: name, documents and bytes of each part.
        scripts: share of the letters by writing system, largest first.
    """

    documents: list[str]
    parts: list[tuple[str, int, int]]
    scripts: list[tuple[str, float]]

    @property
    def size(self) -> int:
        """Bytes as UTF-8."""
        return sum(size for _, _, size in self.parts)


@dataclass(frozen=True, slots=True)
class LabelledLines:
    """Lines to train on: texts, numbers of their labels in the order of ``LABELS``, and weights."""

    texts: list[str]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64]


def read_public(mirror: Path) -> list[LabelledDocument]:
    """All public sources, those for non-commercial use too: they are timed on, never trained on.

    Raises:
        SourceError: a file is missing or altered.
    """
    return read_public_sources(mirror, None, n_jobs=2, commercial_only=False)


def mix_material(public: Sequence[LabelledDocument], megabytes: float, seed: int) -> Material:
    """Web pages and treebank sentences in a shuffled order; repeated from the start if they are too few."""
    documents = [(_part(document), _text(document)) for document in public]
    random.Random(seed).shuffle(documents)
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    texts: list[str] = []
    number = 0
    while sizes.total() < megabytes * 1e6:
        part, text = documents[number % len(documents)]
        name = part if number < len(documents) else f"{part}, repeated"
        counts[name] += 1
        sizes[name] += len(text.encode("utf-8", "surrogatepass"))
        texts.append(text)
        number += 1
    parts = [(name, counts[name], sizes[name]) for name in sorted(counts)]
    return Material(texts, parts, _scripts(texts))


def training_lines(public: Sequence[LabelledDocument], seed: int) -> LabelledLines:
    """The lines that stage 1 of a model of this checkout learns from, but for the pages made of patterns."""
    from training.fit import FitSettings, _line_set

    pins = load_pins()
    allowed = {treebank.source.name for treebank in pins.treebanks if treebank.source.commercial_use} | {"wcxb"}
    documents = read_labelled_lines(CORPUS_FOLDER) + [one for one in public if one.source in allowed]
    lines = _line_set(documents, FitSettings(seed=seed))
    return LabelledLines([text.replace("\n", " ") for text in lines.texts], lines.labels, lines.weights)


def own_lines(every: int = 1) -> LabelledLines:
    """Every n-th line of the corpus of this checkout."""
    names = {label.value: number for number, label in enumerate(LABELS)}
    lines = [line for document in read_labelled_lines(CORPUS_FOLDER) for line in document.lines][::every]
    labels = np.array([names[line.label or LABELS[0].value] for line in lines])
    return LabelledLines([line.text for line in lines], labels, np.ones(len(lines)))


def pages_of(documents: Sequence[str], count: int) -> list[str]:
    """The first ``count`` documents that are long enough, cut to ``PAGE`` characters."""
    return [document[:PAGE] for document in documents if len(document) >= PAGE][:count]


def slices(documents: Sequence[str], count: int) -> list[list[str]]:
    """Deal documents into ``count`` parts of nearly the same size."""
    parts: list[list[str]] = [[] for _ in range(count)]
    sizes = [0] * count
    for document in sorted(documents, key=len, reverse=True):
        smallest = sizes.index(min(sizes))
        parts[smallest].append(document)
        sizes[smallest] += len(document) + 1
    for part in parts:
        random.Random(0).shuffle(part)
    return parts


def _part(document: LabelledDocument) -> str:
    return "web pages (WCXB)" if document.source == "wcxb" else "sentences of treebanks (UD), 25 a document"


def _text(document: LabelledDocument) -> str:
    return "".join(line.text + "\n" for line in document.lines)


def _scripts(texts: Sequence[str]) -> list[tuple[str, float]]:
    table = build_char_table()
    counts = np.zeros(16, np.int64)
    for first in range(0, len(texts), 200):
        chars = encode_documents(texts[first : first + 200], table).chars
        letters = chars[(chars & np.uint32(WORD | SOLO)) != 0]
        counts += np.bincount(letters >> np.uint32(SCRIPT_SHIFT), minlength=16)
    named = [(name, int(counts[number])) for number, name in enumerate(SCRIPTS) if name != "common"]
    total = sum(count for _, count in named)
    return sorted(((name, count / total) for name, count in named if count), key=lambda row: -row[1])
