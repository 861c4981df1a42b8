"""A model takes its place as a whole or not at all, and never that of something else."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spamfilter import ModelError
from spamfilter.model_store import StoredModel, load_model
from spamfilter.model_writer import check_model_target, save_model
from tests.test_model_store import small_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", small_model())
    return tmp_path / "model"


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_model_is_saved_as_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "again", small_model())
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_saving_over_an_older_model_leaves_none_of_its_arrays(folder: Path) -> None:
    save_model(folder, StoredModel({}, {"other": np.zeros(3)}, "# New\n"))
    assert load_model(folder).arrays.keys() == {"other"}


def test_a_model_goes_into_an_empty_folder_and_into_one_whose_parents_are_missing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for target in (tmp_path / "empty", tmp_path / "new" / "deep"):
        save_model(target, small_model())
        assert load_model(target).card == "# Card\n"


@pytest.mark.parametrize("check", [check_model_target, lambda folder: save_model(folder, small_model())])
@pytest.mark.parametrize("name", ["README.md", "numbers.npy", "model.json", "src/main.py", "SHA256SUMS/main.py"])
def test_a_folder_with_anything_but_a_model_is_refused_and_left_as_it_was(
    tmp_path: Path, name: str, check: Callable[[Path], None]
) -> None:
    (tmp_path / "project" / name).parent.mkdir(parents=True)
    (tmp_path / "project" / name).write_text("mine")
    with pytest.raises(ModelError, match=f"project: holds {name.partition('/')[0]}, which is no file of a model"):
        check(tmp_path / "project")
    assert content(tmp_path) == {f"project/{name}": b"mine"}


def test_a_model_folder_with_a_foreign_file_is_refused_and_left_as_it_was(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    before = content(folder)
    with pytest.raises(ModelError, match=r"holds notes\.txt, which is no file of a model"):
        save_model(folder, small_model())
    assert content(folder) == before


def test_a_list_of_checksums_that_is_none_of_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  README.md\n")
    with pytest.raises(ModelError, match=r"SHA256SUMS: does not list model\.json"):
        check_model_target(tmp_path)


def test_a_model_folder_that_is_no_longer_whole_can_be_replaced(folder: Path) -> None:
    (folder / "table.npy").unlink()
    (folder / "README.md").write_text("altered")
    save_model(folder, small_model())
    assert load_model(folder).card == "# Card\n"


@pytest.mark.parametrize("step", ["write", "swap"])
def test_a_full_disk_is_a_named_error_and_leaves_the_older_model_and_nothing_beside_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before, save, rename = content(folder.parent), np.save, Path.rename

    def full(path: Path, *rest: Any, **options: Any) -> Any:
        if path.name == "table.npy" or path.name == "new":
            raise OSError(errno.ENOSPC, "No space left on device")
        return rename(path, *rest) if step == "swap" else save(path, *rest, **options)

    monkeypatch.setattr(*((np, "save", full) if step == "write" else (Path, "rename", full)))
    with pytest.raises(ModelError, match=r"model: the model cannot be written there \(No space left on device\)"):
        save_model(folder, StoredModel({}, small_model().arrays, "# New\n"))
    assert content(folder.parent) == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("moved", ["old", "new"])
def test_an_interrupt_between_two_models_leaves_the_older_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    """Just after the older model was put aside, or before the new one takes its place."""
    before, rename = content(folder.parent), Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if moved == "new" and path.name == "new":
            raise KeyboardInterrupt
        done = rename(path, target)
        if moved == "old" and target.name == "old":
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(folder, StoredModel({}, small_model().arrays, "# New\n"))
    assert content(folder.parent) == before


def test_a_place_that_cannot_be_written_is_named_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="file: is a file; give a folder"):
        check_model_target(tmp_path / "file")
    with pytest.raises(ModelError, match="model: the model cannot be written there"):
        check_model_target(tmp_path / "file" / "model")
    with pytest.raises(ModelError, match="/proc/model: the model cannot be written there"):
        check_model_target(Path("/proc/model"))


def test_a_mount_point_is_refused_before_the_training() -> None:
    with pytest.raises(ModelError, match="/: is a mount point"):
        check_model_target(Path("/"))


def test_looking_whether_a_model_could_be_written_leaves_nothing(folder: Path) -> None:
    before = content(folder.parent)
    check_model_target(folder)
    check_model_target(folder.parent / "new" / "deep")
    assert content(folder.parent) == before
    assert [path.name for path in folder.parent.iterdir()] == ["model"]
