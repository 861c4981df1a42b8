"""Options of the training programs are checked before anything is read."""

from collections.abc import Callable, Sequence

import pytest

from training import corpus_report, train, unseen_trades

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
