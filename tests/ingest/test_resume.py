"""A run that is killed leaves whole files only and goes on to the same bytes as an unbroken run."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spamfilter.ingest import run
from spamfilter.ingest.byte_files import OutputFile, OutputFolder, remove_partials
from spamfilter.ingest.shards import Shard
from tests.ingest.material import ROOT, command, compress, decompress, json_lines, records, summary, table, tree
from tests.ingest.pages import pages

FILES = 6
SIZE = 800


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    for number in range(FILES):
        json_lines(tmp_path / f"in/{number}.jsonl.zst", records(pages(SIZE + number)))
    table(tmp_path / "in/9.parquet", pages(SIZE), rows_a_group=100)
    return tmp_path / "in"


def arguments(inputs: Path, output: Path, *options: object) -> list[str]:
    rejected = output.with_name(output.name + "-rejected")
    return [str(one) for one in ("filter", inputs, "-o", output, "--rejected", rejected, "--quiet", *options)]


@pytest.mark.parametrize("to", ["auto", "text"])
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("kill", [os.killpg, os.kill], ids=["all processes", "the main process"])
def test_kill_and_resume_give_the_bytes_of_an_unbroken_run(
    tmp_path: Path, inputs: Path, jobs: int, kill: Callable[[int, int], None], to: str
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert command(*arguments(inputs, whole, "--to", to)) == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "spamfilter", *arguments(inputs, broken, "-j", jobs, "--to", to)],
        start_new_session=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    markers = broken / "_spamfilter/shards"
    deadline = time.monotonic() + 120
    while len(list(markers.glob("*.json"))) < 2:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    kill(process.pid, signal.SIGKILL)
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in markers.glob("[0-9]*.json")}
    assert 2 <= len(done) < FILES + 1
    assert not (broken / "_spamfilter/summary.json").exists()
    for path in broken.glob("[0-9]*"):
        if path.suffix == ".parquet":
            pq.read_table(path)
        elif path.is_dir():
            assert list(path.iterdir())
        else:
            decompress(path)
    # Workers that have lost their run may still be at it: they must not spoil the one that goes on.
    assert command(*arguments(inputs, broken, "--resume", "--to", to)) == 0
    wait_for_the_end_of(process.pid)
    assert tree(broken) == tree(whole)
    assert tree(tmp_path / "broken-rejected") == tree(tmp_path / "whole-rejected")
    assert {name: (markers / name).stat().st_mtime_ns for name in done} == done


def wait_for_the_end_of(group: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    raise AssertionError("workers live on after their run is gone")


def test_a_worker_that_has_lost_its_run_cannot_finish_a_folder_that_is_being_removed(tmp_path: Path) -> None:
    place = tmp_path / "1"
    lost = OutputFolder(place)
    lost.write("00000001.txt", b"half")
    remove_partials([place])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        lost.write("00000002.txt", b"more")
    with pytest.raises(FileNotFoundError):
        lost.commit()
    assert not place.exists()
    remove_partials([place])


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that takes any bytes as a name")
@pytest.mark.parametrize("letters", [b"u", b"\xc3\xa9", b"\xe9\xe9"], ids=["ASCII", "UTF-8", "no UTF-8"])
def test_the_longest_names_are_used_and_what_a_killed_run_has_left_of_them_is_removed(
    tmp_path: Path, letters: bytes
) -> None:
    stem = os.fsdecode(letters * (236 // len(letters)))
    json_lines(tmp_path / f"in/{stem}.jsonl", records(pages(8)))
    json_lines(tmp_path / "in/v.jsonl", records(pages(8)))
    killed = OutputFile(tmp_path / f"o/{stem}.jsonl")
    killed.write(b"half")
    assert command(*arguments(tmp_path / "in", tmp_path / "o")) == 0
    assert {path.name for path in (tmp_path / "o").iterdir()} == {"_spamfilter", f"{stem}.jsonl", "v.jsonl"}
    killed.discard()
    assert (tmp_path / f"o-rejected/{stem}.rejected.jsonl.zst").exists()
    assert decompress(tmp_path / f"o/{stem}.jsonl") == decompress(tmp_path / "o/v.jsonl")
    before = tree(tmp_path / "o")
    assert command(*arguments(tmp_path / "in", tmp_path / "o", "--resume")) == 0
    assert tree(tmp_path / "o") == before


def test_resume_of_a_finished_run_changes_nothing(
    tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*arguments(inputs, tmp_path / "o")) == 0
    before = tree(tmp_path / "o")
    capsys.readouterr()
    assert command(*arguments(inputs, tmp_path / "o", "--resume")) == 0
    assert tree(tmp_path / "o") == before
    assert f"({FILES + 1} of them finished before)" in capsys.readouterr().out


def test_resume_does_again_what_has_changed_or_gone(tmp_path: Path, inputs: Path) -> None:
    assert command(*arguments(inputs, tmp_path / "o")) == 0
    before = tree(tmp_path / "o")
    (tmp_path / "o/1.jsonl.zst").unlink()
    (tmp_path / "o/2.jsonl.zst").write_bytes(b"half")
    (tmp_path / "o/_spamfilter/shards/3.jsonl.zst.json").write_text("{")
    assert command(*arguments(inputs, tmp_path / "o", "--resume")) == 0
    assert tree(tmp_path / "o") == before
    json_lines(inputs / "4.jsonl.zst", records(pages(7)))
    assert command(*arguments(inputs, tmp_path / "o", "--resume")) == 0
    files = {Path(one["file"]).name: one["pages"] for one in summary(tmp_path / "o")["files"]}
    assert files["4.jsonl.zst"] == 7
    assert files["5.jsonl.zst"] == SIZE + 5


@pytest.mark.parametrize(
    "damage",
    [
        {"outputs": [1]},
        {"outputs": None},
        {"kinds": {"spam": "x"}},
        {"kinds": ["spam"]},
        {"records": "3"},
        {"alarm": 1},
        {"file": 1},
    ],
    ids=str,
)
def test_resume_does_again_what_has_a_damaged_marker(tmp_path: Path, damage: dict[str, object]) -> None:
    path = json_lines(tmp_path / "in/a.jsonl", records(pages(3)))
    assert command(*arguments(path, tmp_path / "o")) == 0
    before = tree(tmp_path / "o")
    place = tmp_path / "o/_spamfilter/shards/a.jsonl.json"
    marker = json.loads(place.read_text())
    without_input = {"report": marker["report"]}
    for damaged in ({**marker, "report": {**marker["report"], **damage}}, without_input):
        place.write_text(json.dumps(damaged))
        assert command(*arguments(path, tmp_path / "o", "--resume")) == 0
        assert tree(tmp_path / "o") == before


@pytest.mark.parametrize("damage", [b"\xff", b"{", b""])
def test_a_damaged_list_of_options_is_named_until_the_run_begins_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: bytes
) -> None:
    path = json_lines(tmp_path / "in/a.jsonl", records(pages(3)))
    assert command(*arguments(path, tmp_path / "o")) == 0
    before = tree(tmp_path / "o")
    (tmp_path / "o/_spamfilter/job.json").write_bytes(damage)
    assert command(*arguments(path, tmp_path / "o")) == 2
    assert f"{tmp_path / 'o'} holds a run already" in capsys.readouterr().err
    assert command(*arguments(path, tmp_path / "o", "--resume")) == 2
    assert f"the run in {tmp_path / 'o'} has other options" in capsys.readouterr().err
    assert command(*arguments(path, tmp_path / "o", "--overwrite")) == 0
    assert tree(tmp_path / "o") == before


def test_a_folder_that_holds_a_run_is_not_written_to_by_mistake(
    tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*arguments(inputs, tmp_path / "o")) == 0
    assert command(*arguments(inputs, tmp_path / "o")) == 2
    assert "--resume" in capsys.readouterr().err
    assert command(*arguments(inputs, tmp_path / "o", "--resume", "--min-characters", 9)) == 2
    assert "other options" in capsys.readouterr().err
    assert command(*arguments(inputs, tmp_path / "o", "--overwrite", "--min-characters", 9)) == 0


@pytest.mark.parametrize("name", ["o/5.jsonl.zst", "o-rejected/0.rejected.jsonl.zst", "o-rejected/5.cuts.jsonl.zst"])
@pytest.mark.parametrize(
    "options", [(), ("--resume",), ("--part", "1/3"), ("--text-column", "nope", "--strict")], ids=" ".join
)
def test_a_file_that_no_run_has_written_is_not_replaced_by_mistake(
    tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str], name: str, options: tuple[str, ...]
) -> None:
    compress(tmp_path / name, b"precious")
    before = tree(tmp_path)
    assert command(*arguments(inputs, tmp_path / "o", *options)) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / name} is there already" in error
    assert "--overwrite" in error
    assert tree(tmp_path) == before
    assert command(*arguments(inputs, tmp_path / "o", "--overwrite")) == 0
    assert decompress(tmp_path / name) != b"precious"


def test_files_of_a_part_that_claims_the_folder_meanwhile_are_no_strangers(
    tmp_path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = run._first_in_the_way

    def look_late(shards: Sequence[Shard]) -> Path | None:
        monkeypatch.setattr(run, "_first_in_the_way", look)
        assert command(*arguments(inputs, tmp_path / "o", "--part", "1/2")) == 0
        found = look(shards)
        assert found is not None
        return found

    monkeypatch.setattr(run, "_first_in_the_way", look_late)
    assert command(*arguments(inputs, tmp_path / "o", "--part", "2/2")) == 0
    assert len(summary_files(tmp_path / "o", "summary.part-1-of-2.json")) == 4
    assert len(summary_files(tmp_path / "o", "summary.part-2-of-2.json")) == 3


def test_annotate_leaves_alone_what_only_filter_writes(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "in/a.jsonl", records(pages(3)))
    for name in ("a.cuts.jsonl.zst", "a.rejected.jsonl.zst"):
        compress(tmp_path / "o" / name, b"precious")
    assert command("annotate", path, "-o", tmp_path / "o") == 0
    assert decompress(tmp_path / "o/a.cuts.jsonl.zst") == decompress(tmp_path / "o/a.rejected.jsonl.zst") == b"precious"


def test_parts_on_several_machines_sum_up_to_the_whole(tmp_path: Path, inputs: Path) -> None:
    assert command(*arguments(inputs, tmp_path / "whole")) == 0
    for part in ("2/3", "1/3", "3/3"):
        assert command(*arguments(inputs, tmp_path / "o", "--part", part)) == 0
    assert summary_files(tmp_path / "o", "summary.part-2-of-3.json") == ["1.jsonl.zst", "4.jsonl.zst"]
    assert command(*arguments(inputs, tmp_path / "o", "--resume")) == 0
    parts = {name: data for name, data in tree(tmp_path / "o").items() if ".part-" not in name}
    assert parts == tree(tmp_path / "whole")


def summary_files(output: Path, name: str) -> list[str]:
    return [Path(one["file"]).name for one in json.loads((output / "_spamfilter" / name).read_text())["files"]]
