"""All lines that the corpus report looks at, in columns: hand-written, generated and public."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spamfilter.errors import InputError
from spamfilter.labels import LABELS, Label
from training.documents import LabelledDocument
from training.generate import GENERATED
from training.lines import PHRASES_SUFFIX
from training.near_duplicates import near_duplicate_groups
from training.text_files import numbered_lines

__all__ = ["CorpusLines", "collect_lines", "file_places", "label_number", "unit_number"]

_NUMBERS = {label.value: number for number, label in enumerate(LABELS)}
_THRESHOLD_SHARE = 1 / 3
_PUBLIC_THRESHOLD_SHARE = 0.5
_PUBLIC_SHARES = {Label.BOILERPLATE.value: 0.15}


@dataclass(frozen=True, slots=True)
class CorpusLines:
    """Labelled lines in columns of one length n.

    Attributes:
        texts: The lines.
        labels: int64, index into ``LABELS``.
        languages: Codes, ``"zh"`` also for ``"zh-hant"``.
        topics: Topic of the file; empty for public lines.
        places: ``<label>/<file>:<line number>``, or the document of a line that has no file.
        documents: int64, number of the document.
        document_keys: Ids of the documents, by number.
        written: bool, a line of the corpus folder.
        generated: bool, a line made from a pattern.
        phrases: bool, a phrase to splice rather than a line.
        for_threshold: bool, a clean line that no model is trained on for which a threshold is set.
        groups: int64, near-duplicate group.
    """

    texts: list[str]
    labels: NDArray[np.int64]
    languages: NDArray[np.str_]
    topics: NDArray[np.str_]
    places: list[str]
    documents: NDArray[np.int64]
    document_keys: list[str]
    written: NDArray[np.bool_]
    generated: NDArray[np.bool_]
    phrases: NDArray[np.bool_]
    for_threshold: NDArray[np.bool_]
    groups: NDArray[np.int64]

    def labelled(self, *labels: Label) -> NDArray[np.bool_]:
        """Rows of any of ``labels``."""
        return np.isin(self.labels, [label_number(label) for label in labels])

    def measured(self) -> NDArray[np.bool_]:
        """Rows whose recall is measured: hand-written spam that is no phrase."""
        return self.labelled(Label.SEO_INJECTION, Label.LINK_EXCHANGE) & self.written & ~self.phrases

    def file_of(self, row: int) -> str:
        """The file of a hand-written row."""
        return self.places[row].rpartition(":")[0]


def label_number(label: str) -> int:
    """Index of ``label`` in ``LABELS``."""
    return _NUMBERS[str(label)]


def unit_number(text: str) -> float:
    """A number from 0 to 1 that depends on ``text`` alone."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64


def file_places(folder: Path) -> Iterator[tuple[str, str]]:
    """Place and text of each filled line in the order in which ``read_labelled_lines`` reads a folder."""
    for path in sorted(folder.glob("*/*.txt")):
        for number, line in numbered_lines(path):
            if line:
                yield f"{path.parent.name}/{path.name}:{number}", line


def collect_lines(
    places: Sequence[tuple[str, str]],
    written: Sequence[LabelledDocument],
    generated: Sequence[LabelledDocument],
    public: Sequence[LabelledDocument],
) -> CorpusLines:
    """Lay out documents in columns and group near-duplicates of written and generated lines.

    Args:
        places: ``file_places`` of the folder that ``written`` was read from.
        written: ``read_labelled_lines`` of that folder.
        generated: documents of ``generate``.
        public: documents of the public sources; most of their boilerplate is left out.

    Raises:
        InputError: ``places`` and ``written`` do not hold the same lines: the folder changed in between.
    """
    if [text for _, text in places] != [line.text for document in written for line in document.lines]:
        raise InputError("the corpus changed while it was read; run the report again")
    place_of = iter(places)
    documents = [*written, *generated, *public]
    rows: list[tuple[str, int, str, str, str, int, bool]] = []
    for number, document in enumerate(documents):
        own = number < len(written)
        is_public = number >= len(written) + len(generated)
        share = _PUBLIC_THRESHOLD_SHARE if is_public else _THRESHOLD_SHARE
        measures = document.source != GENERATED and unit_number(f"threshold:{document.document_id}") < share
        for order, line in enumerate(document.lines):
            place = next(place_of)[0] if own else f"{document.document_id}:{order + 1}"
            if line.label is None:
                continue
            if is_public and unit_number(place) > _PUBLIC_SHARES.get(line.label, 1.0):
                continue
            topic = "" if is_public else document.page_type or ""
            language = document.language.partition("-")[0]
            clean = line.label == Label.CLEAN
            rows.append((line.text, _NUMBERS[line.label], language, topic, place, number, measures and clean))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 7
    numbers = np.array(columns[5], np.int64)
    texts = list(columns[0])
    ours = int((numbers < len(written) + len(generated)).sum())
    topics = np.array(columns[3], np.str_)
    return CorpusLines(
        texts=texts,
        labels=np.array(columns[1], np.int64),
        languages=np.array(columns[2], np.str_),
        topics=topics,
        places=list(columns[4]),
        documents=numbers,
        document_keys=[document.document_id for document in documents],
        written=numbers < len(written),
        generated=(numbers >= len(written)) & (numbers < len(written) + len(generated)),
        phrases=np.char.endswith(topics, PHRASES_SUFFIX),
        for_threshold=np.array(columns[6], np.bool_),
        groups=np.concatenate([near_duplicate_groups(texts[:ours]), np.arange(ours, len(texts))]),
    )
