"""Writes a model folder as a whole: beside its place first, so that a failure leaves the older model there.

Apart from ``model_store``, since a worker that scores writes none.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spamfilter.errors import ModelError
from spamfilter.model_store import (
    CARD_FILE,
    CHECKSUM_FILE,
    SCHEMA_VERSION,
    SETTINGS_FILE,
    StoredModel,
    read_checksums,
    sha256_of,
)


def check_model_target(folder: Path) -> None:
    """Find out, before hours of training, whether ``save_model`` can write to ``folder``; leaves everything as it is.

    Raises:
        ModelError: it is a file, holds what is no file of a model, or cannot be replaced; names what is in the way.
    """
    target = folder.resolve()
    try:
        if target.exists():
            _check_holds_nothing_foreign(target)
        nearest = next(parent for parent in target.parents if parent.exists())
        with TemporaryDirectory(dir=nearest, prefix=f".{target.name}."):
            pass
    except OSError as error:
        raise _not_written(folder, error) from None


def _check_holds_nothing_foreign(folder: Path) -> None:
    if not folder.is_dir():
        raise ModelError(f"{folder}: is a file; give a folder for the model")
    if folder.is_mount():
        raise ModelError(f"{folder}: is a mount point, which no new model can take the place of; give a folder in it")
    known = {CHECKSUM_FILE}
    if (folder / CHECKSUM_FILE).is_file():
        known |= set(read_checksums(folder / CHECKSUM_FILE))
    for path in sorted(folder.iterdir()):
        if path.name != "__pycache__" and (path.name not in known or path.is_dir()):
            what = f"holds {path.name}, which is no file of a model"
            raise ModelError(f"{folder}: {what}; give a new folder, or that of an older model")


def _not_written(folder: Path, error: OSError) -> ModelError:
    return ModelError(f"{folder}: the model cannot be written there ({error.strerror or error}); give another folder")


def save_model(folder: Path, model: StoredModel) -> None:
    """Write a model folder; the same model gives the same bytes.

    An older model there is replaced as a whole. It stays as it was if the new one cannot be written.

    Raises:
        ModelError: as ``check_model_target``, or the disk is full.
    """
    check_model_target(folder)
    target = folder.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside:
            new, old = Path(beside, "new"), Path(beside, "old")
            new.mkdir()
            _write_files(new, model)
            _swap(new, target, old)
    except OSError as error:
        raise _not_written(folder, error) from error


def _swap(new: Path, target: Path, old: Path) -> None:
    try:
        if target.exists():
            target.rename(old)
        new.rename(target)
    except BaseException:
        # After an interrupt too: the older model would go with the temporary folder.
        if old.exists() and not target.exists():
            old.rename(target)
        raise


def _write_files(folder: Path, model: StoredModel) -> None:
    for name, array in sorted(model.arrays.items()):
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
    settings = {**model.settings, "schema_version": SCHEMA_VERSION}
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / CARD_FILE).write_text(model.card, encoding="utf-8")
    names = sorted(path.name for path in folder.iterdir())
    sums = "".join(f"{sha256_of(folder / name)}  {name}\n" for name in names)
    (folder / CHECKSUM_FILE).write_text(sums, encoding="utf-8")
