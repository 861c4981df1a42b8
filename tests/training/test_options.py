"""Options of the training programs are checked before anything is read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from spamfilter import InputError
from training import corpus_report, train, unseen_trades
from training.options import check_output_file

Main = Callable[[Sequence[str]], int]


@pytest.mark.parametrize(
    ("main", "arguments", "message"),
    [
        (train.main, ["--out", "model", "--jobs", "0"], "--jobs: 0 means no process at all; use 1"),
        (train.main, ["--out", "model", "--jobs", "two"], "--jobs: 'two' is not a whole number"),
        (train.main, ["--out", "model", "--jobs", "9" * 21], "--jobs: more than 256 processes; use fewer, or -1 for"),
        (train.main, ["--out", "model", "--seed", "-1"], "--seed: -1 is no seed; use 0 or more"),
        (train.main, ["--out", "model", "--seed", "x"], "--seed: 'x' is not a whole number"),
        (corpus_report.main, ["--jobs", "0"], "--jobs: 0 means no process at all"),
        (unseen_trades.main, ["--mirror", "sources", "--jobs", "0"], "--jobs: 0 means no process at all"),
    ],
)
def test_a_number_that_no_run_can_use_is_an_error_of_usage(
    main: Main, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err


def test_looking_whether_a_file_could_be_written_keeps_what_is_there_and_leaves_no_new_file(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("mine")
    check_output_file(tmp_path / "old.md")
    check_output_file(tmp_path / "new" / "page.md")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["old.md"]
    assert (tmp_path / "old.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["folder", "file/page.md"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=f"{name}: cannot be written"):
        check_output_file(tmp_path / name)
