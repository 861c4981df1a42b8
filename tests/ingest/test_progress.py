"""Progress is told from all workers, as a bar on a terminal and as plain lines elsewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from spamfilter.commands import ingest_options
from spamfilter.commands.ingest_options import ProgressView, progress_line
from spamfilter.ingest.job import FilterOptions, Job, Target
from spamfilter.ingest.progress import Progress, ProgressBoard, poster
from spamfilter.ingest.run import RunSettings, run_shards
from spamfilter.ingest.shards import plan_shards
from tests.ingest.material import ROOT, json_lines, problems, records, summary
from tests.ingest.pages import pages


def test_the_board_adds_what_workers_post_and_what_was_done_before() -> None:
    told: list[Progress] = []
    with ProgressBoard([100, 200, 50], [True, False, False], told.append, interval=0.01) as board:
        poster(board.path, 1)(150)
        poster(board.path, 2)(70)  # more than the file: compressed readers look ahead
        board.finish(1)
        progress = board.progress()
    assert (progress.bytes, progress.total_bytes) == (300, 350)
    assert (progress.shards, progress.total_shards) == (2, 3)
    assert progress.rate > 0
    assert progress.seconds_left is not None
    assert told[-1].bytes == 300
    assert not board.path.exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_ends_at_all_bytes_and_all_files(tmp_path: Path, jobs: int) -> None:
    for number in range(3):
        json_lines(tmp_path / f"in/{number}.jsonl", records(pages(40)))
    told: list[Progress] = []
    shards = plan_shards([str(tmp_path / "in")], tmp_path / "o", tmp_path / "r", Target.AUTO, is_filter=True)
    run_shards(shards, tmp_path / "o", Job(FilterOptions()), RunSettings(n_jobs=jobs), told.append)
    assert told[-1].bytes == told[-1].total_bytes == sum(one.path.stat().st_size for one in shards)
    assert told[-1].shards == 3


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (5, ", 5 s left"), (61, ", 1 min 01 s left"), (7320, ", 2 h 02 min left")]
)
def test_a_plain_line_says_share_files_rate_and_time_left(seconds: float | None, words: str) -> None:
    line = progress_line(Progress(25, 100, 2e6, seconds, 1, 4))
    assert line == f"spamfilter: 25.0% of input, 1/4 files, 2.00 MB/s{words}"


def test_without_a_terminal_plain_lines_come_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_options, "_PLAIN_SECONDS", 0.0)
    view = ProgressView()
    view(Progress(25, 100, 2e6, 5, 1, 4))
    view.close()
    assert capsys.readouterr().err.startswith("spamfilter: 25.0% of input")


def test_a_log_that_has_seen_progress_ends_with_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = ProgressView(), ProgressView()
    short(Progress(100, 100, 2e6, 0, 4, 4))
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(ingest_options, "_PLAIN_SECONDS", 0.0)
    long(Progress(25, 100, 2e6, 5, 1, 4))
    monkeypatch.setattr(ingest_options, "_PLAIN_SECONDS", 1e9)
    long(Progress(50, 100, 2e6, 5, 2, 4))
    long(Progress(100, 100, 2e6, 0, 4, 4))
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["spamfilter: 25.0% of input", "spamfilter: 100.0% of input"]


def test_a_run_whose_progress_nobody_reads_any_more_goes_on_to_its_end(tmp_path: Path) -> None:
    for number in range(3):
        json_lines(tmp_path / f"in/{number}.jsonl", records([*pages(40), None]))
    program = (
        "import sys; from spamfilter import cli; from spamfilter.commands import ingest_options as options; "
        "options._PLAIN_SECONDS = 0.0; sys.exit(cli.main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", program, "annotate", str(tmp_path / "in"), "-o", str(tmp_path / "o")]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stderr.close()
        table = process.stdout.read()
        assert process.wait(60) == 1
    assert table.startswith(b"3 files: 120 of 123 pages judged")
    assert summary(tmp_path / "o")["total"]["records"] == 123
    assert len(problems(tmp_path / "o")) == 3


def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    view = ProgressView()
    view(Progress(25, 100, 2e6, 5, 1, 4))
    view(Progress(100, 100, 2e6, 0, 4, 4))
    view.close()
    assert "100%" in capsys.readouterr().err
