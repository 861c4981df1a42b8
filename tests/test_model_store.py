"""A model folder is checked before use, and says which file is wrong."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spamfilter import ModelError, Predictor, model_store
from spamfilter.model_store import SCHEMA_VERSION, StoredModel, load_model
from spamfilter.model_writer import save_model


def small_model() -> StoredModel:
    arrays: dict[str, NDArray[Any]] = {
        "table": np.arange(2000, dtype=np.int64),
        "idf": np.arange(256, dtype=np.uint8),
    }
    return StoredModel({"labels": ["clean"], "note": "é"}, arrays, "# Card\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tmp_path / "model", small_model())
    return tmp_path / "model"


def seal(folder: Path) -> None:
    """Write the checksums anew, as somebody would who wants the folder to pass them."""
    names = sorted(path.name for path in folder.iterdir() if path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")


def edit_settings(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = folder / "model.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    change(settings)
    path.write_text(json.dumps(settings), encoding="utf-8")
    seal(folder)


def test_a_saved_model_comes_back_with_arrays_that_are_mapped_and_read_only(folder: Path) -> None:
    model = load_model(folder)
    assert model.settings == {"labels": ["clean"], "note": "é", "schema_version": SCHEMA_VERSION}
    assert model.card == "# Card\n"
    assert model.arrays.keys() == {"table", "idf"}
    assert isinstance(model.arrays["table"].base, np.memmap)
    assert (model.arrays["table"] == np.arange(2000)).all()
    with pytest.raises(ValueError, match="read-only"):
        model.arrays["table"][0] = 1


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere: no such model folder"):
        load_model(tmp_path / "nowhere")


def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="no such model folder"):
        load_model(tmp_path / "file")


def test_an_empty_folder_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model folder"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["table.npy", "model.json", "README.md", "SHA256SUMS"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=f"{name}: missing"):
        load_model(folder)


@pytest.mark.parametrize("name", ["table.npy", "model.json", "README.md"])
def test_a_truncated_file_is_named(folder: Path, name: str) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=f"{name}: truncated or altered"):
        load_model(folder)


def test_one_altered_bit_of_an_array_is_found(folder: Path) -> None:
    data = bytearray((folder / "table.npy").read_bytes())
    data[-5] ^= 1
    (folder / "table.npy").write_bytes(data)
    with pytest.raises(ModelError, match=r"table\.npy: truncated or altered"):
        load_model(folder)


def test_an_oversized_file_is_refused_before_it_is_read(folder: Path) -> None:
    os.truncate(folder / "README.md", 5 << 20)
    with pytest.raises(ModelError, match=r"README\.md: larger than 4 MiB"):
        load_model(folder)


def test_an_oversized_array_is_refused_before_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_store, "_LARGEST_ARRAY", 1000)
    with pytest.raises(ModelError, match=r"table\.npy: larger than"):
        load_model(folder)


def test_an_oversized_list_of_checksums_is_refused(folder: Path) -> None:
    os.truncate(folder / "SHA256SUMS", 5 << 20)
    with pytest.raises(ModelError, match="SHA256SUMS: larger than 4 MiB"):
        load_model(folder)


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION - 1, SCHEMA_VERSION + 1, "1", None])
def test_another_schema_version_is_named_beside_the_one_that_is_read(folder: Path, version: object) -> None:
    edit_settings(folder, lambda settings: settings.update(schema_version=version))
    read = f"but this spamfilter reads version {SCHEMA_VERSION}"
    with pytest.raises(ModelError, match=f"schema version {version!r}, {read}"):
        load_model(folder)


@pytest.mark.parametrize("content", ["", "[]", "null", "{", "[" * 100_000, '{"schema_version": NaN}'])
def test_settings_that_are_not_an_object_of_this_schema_are_refused(folder: Path, content: str) -> None:
    (folder / "model.json").write_text(content, encoding="utf-8")
    seal(folder)
    with pytest.raises(ModelError, match=r"model\.json"):
        load_model(folder)


def test_a_foreign_file_in_the_folder_is_named(folder: Path) -> None:
    (folder / "extra.pkl").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"extra\.pkl: does not belong to the model"):
        load_model(folder)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x80\x04K\x01.", b"\x93NUMPY"])
def test_a_foreign_file_in_place_of_an_array_is_refused_even_if_its_checksum_fits(folder: Path, content: bytes) -> None:
    (folder / "table.npy").write_bytes(content)
    seal(folder)
    with pytest.raises(ModelError, match=r"table\.npy: not a NumPy array"):
        load_model(folder)


class _Boom:
    """Something whose unpickling would be noticed."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, ("unpickled",)


def test_an_array_of_pickled_objects_is_refused_and_not_unpickled(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save(folder / "table.npy", np.array([_Boom()], dtype=object), allow_pickle=True)
    seal(folder)
    with pytest.raises(ModelError, match=r"table\.npy: not a NumPy array without pickled objects"):
        load_model(folder)
    assert not (tmp_path / "unpickled").exists()


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "table.npy").rename(tmp_path / "table.npy")
    (folder / "table.npy").symlink_to(tmp_path / "table.npy")
    with pytest.raises(ModelError, match=r"table\.npy: missing"):
        load_model(folder)


@pytest.mark.parametrize("line", ["zz  table.npy", "0" * 64 + "  ../table.npy", "0" * 64, "0" * 64 + "  /etc/passwd"])
def test_a_checksum_list_with_anything_else_in_it_is_refused(folder: Path, line: str) -> None:
    with (folder / "SHA256SUMS").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    with pytest.raises(ModelError, match="not a list of SHA-256 sums"):
        load_model(folder)


def test_a_checksum_list_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="SHA256SUMS: cannot be read"):
        load_model(folder)


def test_a_folder_that_is_whole_but_no_spamfilter_model_is_refused_by_the_predictor(folder: Path) -> None:
    with pytest.raises(ModelError, match="train it anew"):
        Predictor.load(folder)


def changed_model(predictor: Predictor, **settings: object) -> StoredModel:
    stages = predictor.stages
    arrays: dict[str, NDArray[Any]] = {
        "char_table": stages.char_table,
        "part_table": stages.line.part_table,
        "pair_table": stages.line.pair_table,
        "vocabulary_hashes": stages.line.vocabulary_hashes,
        "vocabulary_words": stages.line.vocabulary_words,
        "idf": stages.idf,
        "span_table": stages.span.table,
        "phrase_table": stages.span.phrases.table,
    }
    return StoredModel({**predictor.settings, **settings}, arrays, "")


def test_an_unchanged_copy_of_the_shipped_model_is_accepted(predictor: Predictor) -> None:
    assert Predictor(changed_model(predictor)).predict("x").lines


@pytest.mark.parametrize("part", ["labels", "line", "context", "span", "document", "operating_points"])
@pytest.mark.parametrize("value", [None, [], {}, "x", 3])
def test_a_part_of_the_settings_that_is_malformed_is_a_model_error(
    predictor: Predictor, part: str, value: object
) -> None:
    with pytest.raises(ModelError):
        Predictor(changed_model(predictor, **{part: value}))


@pytest.mark.parametrize("rates", [(0.01,), (0.001, 0.01), (0.01, 0.01), (0.01, 0.0), (1.5, 0.01)])
def test_rates_that_do_not_descend_between_one_and_zero_are_a_model_error(
    predictor: Predictor, rates: tuple[float, ...]
) -> None:
    thresholds = dict.fromkeys(predictor.points.thresholds, [1.0] * len(rates))
    points = {"rates": list(rates), "thresholds": thresholds, "boilerplate": 0.0}
    with pytest.raises(ModelError, match=r"the rates .* do not descend"):
        Predictor(changed_model(predictor, operating_points=points))


@pytest.mark.parametrize(
    "name",
    [
        "char_table",
        "part_table",
        "pair_table",
        "vocabulary_hashes",
        "vocabulary_words",
        "idf",
        "span_table",
        "phrase_table",
    ],
)
@pytest.mark.parametrize("fault", ["left out", "too short", "another type"])
def test_an_array_of_the_wrong_shape_or_type_is_a_model_error(predictor: Predictor, name: str, fault: str) -> None:
    model = changed_model(predictor)
    arrays = dict(model.arrays)
    if fault == "left out":
        del arrays[name]
    elif fault == "too short":
        arrays[name] = arrays[name][:1]
    else:
        arrays[name] = arrays[name].astype(np.float32)
    with pytest.raises(ModelError):
        Predictor(StoredModel(model.settings, arrays, ""))
