"""Which public data training may read: repository, commit, licence and the SHA-256 of every file.

The pins are data, in ``pins.json`` beside this module. A pin says what to fetch and what must arrive; it
holds no text of the data sets.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = ["BenchmarkPin", "PublicPins", "SourcePin", "TreebankPin", "load_pins"]

_PINS_FILE = Path(__file__).with_name("pins.json")
_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class SourcePin:
    """A source at one commit.

    Attributes:
        name: Short name, also the start of its document ids.
        repository: ``owner/name`` on GitHub.
        commit: The commit, at least 12 hexadecimal digits.
        licence: SPDX name of the licence of the data.
        commercial_use: Whether the licence allows commercial use of the text.
        attribution: The sentence to print wherever the data is named.
        mirror_folder: Folder of the source inside a mirror, with ``/`` between parts.
        files: Path (the same in the repository and under ``mirror_folder``) to SHA-256 in hexadecimal.
    """

    name: str
    repository: str
    commit: str
    licence: str
    commercial_use: bool
    attribution: str
    mirror_folder: str
    files: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over repository, commit and the hashes of all files, in the order of their paths."""
        digest = hashlib.sha256(f"{self.repository}@{self.commit}\n".encode())
        for path in sorted(self.files):
            digest.update(f"{self.files[path]}  {path}\n".encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class BenchmarkPin:
    """The page extraction benchmark.

    Attributes:
        source: Where its files come from.
        page_ids: The pages that training reads, in order; pages held back for evaluation are not among them.
    """

    source: SourcePin
    page_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TreebankPin:
    """One treebank of Universal Dependencies.

    Attributes:
        source: Where its files come from; they are read in the order of ``source.files``.
        language: ISO 639-1 code.
        reserved_files: The files of which the evaluation holds back every fourth block of 25 sentences.
    """

    source: SourcePin
    language: str
    reserved_files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PublicPins:
    """All pinned sources."""

    benchmark: BenchmarkPin
    treebanks: tuple[TreebankPin, ...]


def load_pins(path: Path = _PINS_FILE) -> PublicPins:
    """Read the pins.

    Raises:
        ValueError: If the file has another schema than this code reads, or lacks a field.
        OSError: If the file cannot be read.
    """
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if data.get("schema") != _SCHEMA:
        raise ValueError(f"{path.name}: schema {data.get('schema')!r}, this code reads schema {_SCHEMA}")
    try:
        return PublicPins(
            benchmark=_benchmark(data["benchmark"]),
            treebanks=tuple(_treebank(row) for row in data["treebanks"]),
        )
    except KeyError as error:
        raise ValueError(f"{path.name}: a pin lacks the field {error}") from error


def _benchmark(row: dict[str, Any]) -> BenchmarkPin:
    files: dict[str, str] = {}
    for page_id, (html_hash, truth_hash) in row["pages"].items():
        files[f"dev/html/{page_id}.html.gz"] = html_hash
        files[f"dev/ground-truth/{page_id}.json"] = truth_hash
    return BenchmarkPin(source=_source(row, files), page_ids=tuple(sorted(row["pages"])))


def _treebank(row: dict[str, Any]) -> TreebankPin:
    return TreebankPin(
        source=_source(row, row["files"]),
        language=row["language"],
        reserved_files=tuple(row["reserved_files"]),
    )


def _source(row: dict[str, Any], files: dict[str, str]) -> SourcePin:
    return SourcePin(
        name=row["name"],
        repository=row["repository"],
        commit=row["commit"],
        licence=row["licence"],
        commercial_use=row["commercial_use"],
        attribution=row["attribution"],
        mirror_folder=row["mirror_folder"],
        files=MappingProxyType(files),
    )
