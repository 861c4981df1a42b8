"""A model folder: arrays, one JSON, a card and the SHA-256 of each, all checked before use.

Arrays are ``.npy`` files, read with pickling off and mapped into memory, so that processes share them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spamfilter.errors import ModelError

SCHEMA_VERSION = 2
SETTINGS_FILE = "model.json"
CARD_FILE = "README.md"
CHECKSUM_FILE = "SHA256SUMS"
_LARGEST_TEXT = 4 << 20
_LARGEST_ARRAY = 512 << 20


@dataclass(frozen=True, slots=True)
class ModelOrigin:
    """Where a model was loaded from, and the SHA-256 of its list of checksums, which says what was there."""

    folder: Path
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class StoredModel:
    """Content of a model folder.

    Attributes:
        settings: the parsed ``model.json``.
        arrays: by file name without ending; read only.
        card: Markdown.
        origin: the folder, None if the model was not loaded from one.
    """

    settings: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]
    card: str
    origin: ModelOrigin | None = None


def load_model(folder: Path) -> StoredModel:
    """Read and check a model folder.

    Raises:
        ModelError: a file is missing, foreign, oversized, truncated or altered, or the schema is another one.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder; give the folder that holds {SETTINGS_FILE}")
    expected = read_checksums(folder / CHECKSUM_FILE)
    present = {path.name for path in folder.iterdir()} - {CHECKSUM_FILE, "__pycache__"}
    for name in sorted(present - set(expected)):
        raise ModelError(f"{folder / name}: does not belong to the model; remove it or train the model anew")
    for name, digest in sorted(expected.items()):
        path = folder / name
        if name not in present or not path.is_file() or path.is_symlink():
            raise ModelError(f"{path}: missing from the model folder; copy the folder as a whole")
        limit = _LARGEST_ARRAY if path.suffix == ".npy" else _LARGEST_TEXT
        if path.stat().st_size > limit:
            raise ModelError(f"{path}: larger than {limit >> 20} MiB, which no model file is")
        if sha256_of(path) != digest:
            raise ModelError(f"{path}: truncated or altered, its SHA-256 differs; copy the model folder anew")
    settings = _read_settings(folder / SETTINGS_FILE)
    arrays = {Path(name).stem: _read_array(folder / name) for name in expected if name.endswith(".npy")}
    card = (folder / CARD_FILE).read_text(encoding="utf-8")
    return StoredModel(settings, arrays, card, ModelOrigin(folder.resolve(), sha256_of(folder / CHECKSUM_FILE)))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_checksums(path: Path) -> dict[str, str]:
    """SHA-256 of each file of a model folder by its name.

    Raises:
        ModelError: there is no such list, or it is none of a model.
    """
    try:
        if path.stat().st_size > _LARGEST_TEXT:
            raise ModelError(f"{path}: larger than {_LARGEST_TEXT >> 20} MiB, which no model file is")
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise ModelError(f"{path}: missing; this is not a model folder, or it was not copied as a whole") from None
    except (UnicodeDecodeError, OSError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); copy the model folder anew") from None
    sums = {}
    for line in lines:
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name != Path(name).name:
            raise ModelError(f"{path}: not a list of SHA-256 sums; copy the model folder anew")
        sums[name] = digest
    for name in (SETTINGS_FILE, CARD_FILE):
        if name not in sums:
            raise ModelError(f"{path}: does not list {name}; copy the model folder anew")
    return sums


def _read_settings(path: Path) -> Mapping[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not JSON ({error}); train the model anew") from None
    version = settings.get("schema_version") if isinstance(settings, dict) else None
    if version != SCHEMA_VERSION:
        raise ModelError(
            f"{path}: schema version {version!r}, but this spamfilter reads version {SCHEMA_VERSION}; "
            "train the model anew or install the matching spamfilter"
        )
    checked: Mapping[str, Any] = settings
    return checked


def _read_array(path: Path) -> NDArray[Any]:
    try:
        # Unlike np.load this reads nothing but the .npy format, so no zip archive and no pickle.
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError) as error:
        raise ModelError(f"{path}: not a NumPy array without pickled objects ({error}); train anew") from None
    # A plain view of the mapping: numpy treats its subclass several times slower in small operations.
    return array.view(np.ndarray)
