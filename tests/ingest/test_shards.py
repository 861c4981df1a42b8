"""Inputs are found by file, folder and glob; outputs are planned and checked before anything is written."""

import os
from pathlib import Path

import pytest

from spamfilter import InputError
from spamfilter.ingest.job import Format, Target
from spamfilter.ingest.shards import find_files, plan_shards, split_name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b/two.jsonl.gz", "a/one.jsonl", "a/.hidden.jsonl", "_spamfilter/x.jsonl", "notes.md", "t.parquet"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("x.jsonl.zst", ("x", ".jsonl.zst", Format.JSONL)),
        ("x.json.gz", ("x", ".json.gz", Format.JSONL)),
        ("CC-1.warc.wet.gz", ("CC-1", ".warc.wet.gz", Format.WET)),
        ("CC-1.warc.gz", ("CC-1", ".warc.gz", Format.WARC)),
        ("x.TXT", ("x", ".TXT", Format.TEXT)),
        ("x.parquet", ("x", ".parquet", Format.PARQUET)),
        ("x.csv", None),
        (".jsonl", None),
    ],
)
def test_the_suffix_says_the_format(name: str, parts: tuple[str, str, Format] | None) -> None:
    assert split_name(name) == parts


def test_a_folder_gives_its_files_in_order_with_their_relative_names(folder: Path) -> None:
    assert [name for _, name in find_files([str(folder)])] == ["a/one.jsonl", "b/two.jsonl.gz", "t.parquet"]


def test_a_glob_keeps_the_names_behind_its_fixed_part(folder: Path) -> None:
    assert [name for _, name in find_files([f"{folder}/*/*.jsonl*"])] == [
        "_spamfilter/x.jsonl",
        "a/one.jsonl",
        "b/two.jsonl.gz",
    ]
    assert [name for _, name in find_files([f"{folder}/**/*.gz"])] == ["b/two.jsonl.gz"]


def test_a_glob_that_leads_out_of_its_fixed_part_is_an_error(folder: Path) -> None:
    (folder / "b/c").mkdir()
    with pytest.raises(InputError, match=r"a/one.jsonl does not lie below .*/b, .* leave '..' out of the glob"):
        find_files([f"{folder}/b/c*/../../a/one.jsonl"])
    # What stays below the fixed part, or leads up before it ends, leads nowhere else.
    assert [name for _, name in find_files([f"{folder}/b/c*/../two.*"])] == ["two.jsonl.gz"]
    assert [name for _, name in find_files([f"{folder}/b/../a/o*.jsonl"])] == ["one.jsonl"]


def test_lists_of_cuts_are_passed_over_in_folders_unless_they_are_named(tmp_path: Path) -> None:
    for name in ("in/x.cuts.jsonl.zst", "in/x.rejected.jsonl.zst", "in/cuts.jsonl.zst", "cuts/x.cuts.jsonl.zst"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [name for _, name in find_files([f"{tmp_path}/in"])] == ["cuts.jsonl.zst", "x.rejected.jsonl.zst"]
    for named in ("in/x.cuts.jsonl.zst", "in/x.cuts.*"):
        assert [name for _, name in find_files([f"{tmp_path}/{named}"])] == ["x.cuts.jsonl.zst"]
    with pytest.raises(InputError, match="count only if they are named"):
        find_files([f"{tmp_path}/cuts"])


def test_a_file_named_twice_counts_once(folder: Path) -> None:
    assert len(find_files([str(folder / "a/one.jsonl"), str(folder)])) == 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing.jsonl", "no such file"),
        ("*.nothing", "no file matches"),
        ("notes.md", "suffix"),
        ("empty", "no file in it"),
    ],
)
def test_a_name_that_leads_nowhere_is_an_error(folder: Path, name: str, words: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match=words):
        find_files([str(folder / name)])


@pytest.mark.parametrize(
    ("name", "is_filter", "target", "output"),
    [
        ("x.jsonl.zst", True, Target.AUTO, "x.jsonl.zst"),
        ("x.json", False, Target.AUTO, "x.json"),
        ("x.json", True, Target.JSONL_ZST, "x.jsonl.zst"),
        ("x.warc.wet.gz", True, Target.AUTO, "x.warc.wet.gz"),
        ("x.warc.wet.gz", False, Target.AUTO, "x.jsonl.zst"),
        ("x.warc.gz", True, Target.AUTO, "x.jsonl.zst"),
        ("x.warc.gz", True, Target.WET, "x.warc.wet.gz"),
        ("x.txt", True, Target.AUTO, "x.txt"),
        ("x.txt", False, Target.PARQUET, "x.parquet"),
        ("x.pq", False, Target.AUTO, "x.pq"),
        ("x.parquet", False, Target.DOLMA, "x.jsonl.gz"),
        ("x.parquet", True, Target.JSONL_ZST, "x.jsonl.zst"),
        ("x.jsonl.gz", True, Target.PARQUET, "x.parquet"),
        ("x.jsonl.gz", True, Target.TEXT, "x"),
        ("x.txt", True, Target.PARQUET, "x.parquet"),
        ("x.warc", True, Target.WARC, "x.warc.gz"),
    ],
)
def test_outputs_are_named_after_inputs(
    tmp_path: Path, name: str, is_filter: bool, target: Target, output: str
) -> None:
    (tmp_path / name).write_bytes(b"")
    shards = plan_shards([str(tmp_path / name)], tmp_path / "o", tmp_path / "r", target, is_filter=is_filter)
    assert shards[0].output == tmp_path / "o" / output


def test_a_target_that_cannot_hold_the_result_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"")
    with pytest.raises(InputError, match="filter cannot write jsonl as warc; possible: auto, jsonl,"):
        plan_shards([str(tmp_path / "x.jsonl")], tmp_path / "o", None, Target.WARC, is_filter=True)
    with pytest.raises(InputError, match="annotate cannot write jsonl as text"):
        plan_shards([str(tmp_path / "x.jsonl")], tmp_path / "o", None, Target.TEXT, is_filter=False)


def test_an_output_that_is_an_input_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"keep me")
    with pytest.raises(InputError, match="is an input"):
        plan_shards([str(path)], tmp_path, tmp_path / "r", Target.AUTO, is_filter=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(InputError, match="is an input"):
        plan_shards([str(path)], link, tmp_path / "r", Target.AUTO, is_filter=True)


@pytest.mark.parametrize(("output", "rejected"), [("in/o", "r"), ("in", "r"), ("o", "in/r")])
def test_outputs_inside_an_input_folder_are_an_error(tmp_path: Path, folder: Path, output: str, rejected: str) -> None:
    with pytest.raises(InputError, match="lies in the input"):
        plan_shards([str(folder)], tmp_path / output, tmp_path / rejected, Target.AUTO, is_filter=True)


def test_two_inputs_with_one_output_are_an_error(tmp_path: Path) -> None:
    for name in ("a/x.jsonl", "b/x.jsonl"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
    names = [str(tmp_path / "a/x.jsonl"), str(tmp_path / "b/x.jsonl")]
    with pytest.raises(InputError, match="run them apart"):
        plan_shards(names, tmp_path / "o", None, Target.AUTO, is_filter=False)


def test_a_folder_of_pages_that_would_hold_another_output_is_an_error(tmp_path: Path) -> None:
    for name in ("in/x.jsonl", "in/x/00000001.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="run them apart"):
        plan_shards([str(tmp_path / "in")], tmp_path / "o", tmp_path / "r", Target.TEXT, is_filter=True)


def test_a_folder_of_pages_cannot_take_the_place_of_the_books(tmp_path: Path) -> None:
    path = tmp_path / "_spamfilter.jsonl"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="keeps its books"):
        plan_shards([str(path)], tmp_path / "o", tmp_path / "r", Target.TEXT, is_filter=True)


@pytest.mark.parametrize("name", ["errors.jsonl", "summary.json", "job.json", "shards/x.jsonl.json"])
def test_books_of_an_earlier_run_that_a_glob_reaches_cannot_take_the_place_of_the_books(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "z/_spamfilter" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{}")
    with pytest.raises(InputError, match=f"keeps its books; leave {path} out"):
        plan_shards([f"{tmp_path}/z/**/*.json*"], tmp_path / "o", tmp_path / "r", Target.AUTO, is_filter=True)
    # Alone it is a file like any other.
    (shard,) = plan_shards([str(path)], tmp_path / "o", tmp_path / "r", Target.AUTO, is_filter=True)
    assert shard.output == tmp_path / "o" / path.name


@pytest.mark.parametrize("rejected", ["o/_spamfilter", "o/_spamfilter/r", "link"])
def test_rejected_pages_cannot_lie_among_the_books(tmp_path: Path, folder: Path, rejected: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "o/_spamfilter")
    with pytest.raises(InputError, match="keeps its books; choose another folder"):
        plan_shards([str(folder)], tmp_path / "o", tmp_path / rejected, Target.AUTO, is_filter=True)


@pytest.mark.parametrize("letter", ["u", "é"])
def test_a_name_too_long_for_the_suffixes_of_its_outputs_is_an_error(tmp_path: Path, letter: str) -> None:
    stem = letter * (236 // len(letter.encode()))
    long, too_long = tmp_path / f"{stem}.jsonl", tmp_path / f"{stem}--.jsonl"
    for path in (long, too_long):
        path.write_bytes(b"")
    plan_shards([str(long)], tmp_path / "o", tmp_path / "r", Target.AUTO, is_filter=True)
    with pytest.raises(InputError, match=f"{too_long}: the name is too long by 2 "):
        plan_shards([str(tmp_path / "*.jsonl")], tmp_path / "o", tmp_path / "r", Target.AUTO, is_filter=True)
    # Nothing is rejected here, so the longest suffix is another one.
    plan_shards([str(too_long)], tmp_path / "o", None, Target.AUTO, is_filter=False)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", ["s.jsonl", "*.jsonl"])
def test_a_pipe_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "s.jsonl")
    with pytest.raises(InputError, match=f"{tmp_path / 's.jsonl'} is no file, but a pipe"):
        plan_shards([str(tmp_path / name)], tmp_path / "o", None, Target.AUTO, is_filter=False)


def test_kept_and_rejected_pages_need_folders_of_their_own(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(InputError, match="folders of their own"):
        plan_shards([str(folder)], tmp_path / "o", tmp_path / "o", Target.AUTO, is_filter=True)


def test_an_output_folder_that_is_a_file_is_an_error(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "o").write_bytes(b"")
    with pytest.raises(InputError, match="is a file"):
        plan_shards([str(folder)], tmp_path / "o", None, Target.AUTO, is_filter=False)
