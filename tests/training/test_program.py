"""Every training program ends as ``spamfilter`` does: one line that begins with its name, and an exit code."""

import errno
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from joblib import Parallel, delayed

from spamfilter import InputError
from spamfilter.program import DEBUG_VARIABLE
from training import corpus_report, evaluate, score_table, train, unseen_trades
from training.program import run
from training.sources import SourceError

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = [
    (train, "check_model_target", ["--out", "model"]),
    (evaluate, "predict_set", ["set.jsonl", "--out", "rows.jsonl"]),
    (score_table, "load_model", ["model", "set.jsonl"]),
    (corpus_report, "build_report", ["--out", "page.md"]),
    (unseen_trades, "read_trades", ["--mirror", "sources"]),
]


def raises(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(("program", "step", "arguments"), PROGRAMS, ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 2), (InputError("x"), 2)])
def test_what_ends_a_program_is_one_line_that_begins_with_its_name(
    program: ModuleType,
    step: str,
    arguments: list[str],
    error: BaseException,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("set.jsonl").write_text('{"id": "a", "lines": []}\n', encoding="utf-8")
    monkeypatch.setattr(program, step, lambda *_, **__: raises(error))
    assert program.main(arguments) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{program.__name__.rpartition('.')[2]}: ")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (SourceError("page 7: missing"), "name: page 7: missing"),
        (ValueError("no line is\nlabelled clean"), "name: no line is labelled clean"),
        (OSError(errno.EACCES, "Permission denied", "lines.tsv"), "name: lines.tsv: Permission denied"),
        (MemoryError(), "name: out of memory; give fewer --jobs"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "name: out of memory; give fewer --jobs"),
    ],
)
def test_an_error_names_the_thing_and_the_mend(
    error: Exception, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("name", lambda: raises(error)) == 2
    assert capsys.readouterr().err.startswith(message)


def test_a_worker_that_the_system_kills_is_one_line_that_asks_for_fewer_jobs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it goes where memory is short: the kernel ends the largest process."""
    kill = delayed(signal.raise_signal)(signal.SIGKILL)
    assert run("name", lambda: len(Parallel(n_jobs=2)([kill, kill]))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("name: a worker process was ended from outside")
    assert line.endswith("give fewer --jobs")


def test_a_fault_of_the_program_is_one_line_that_asks_for_a_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DEBUG_VARIABLE, raising=False)
    assert run("name", lambda: raises(RuntimeError("two\nlines"))) == 70
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("name: internal error (RuntimeError: two lines); please report it")
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    with pytest.raises(RuntimeError, match="two"):
        run("name", lambda: raises(RuntimeError("two\nlines")))


def start(code: str, **options: object) -> "subprocess.Popen[bytes]":
    program = f"import sys; from training.program import run; sys.exit(run('name', lambda: {code}))"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    return subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment, stderr=-1, **options)  # type: ignore[call-overload,no-any-return]


def test_a_card_in_letters_that_the_output_cannot_show_is_printed_all_the_same() -> None:
    out, err = start("print(chr(233)) or 0", stdout=subprocess.PIPE).communicate(timeout=60)
    assert (out, err) == (b"\\xe9\n", b"")


def test_a_reader_that_has_gone_ends_the_program_without_a_traceback() -> None:
    process = start("print(sys.stdin.readline()) or 0", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(b"a card\n", timeout=60)
    assert (process.returncode, err) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("print('a card') or 0", stdout=full)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (2, b"name: No space left on device\n")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("benchmarks.__main__", ["--mirror", "sources", "--model", "nowhere"]),
        ("benchmarks.floor", ["--model", "nowhere"]),
        ("benchmarks.profile", ["--mirror", "sources", "--model", "nowhere"]),
        ("benchmarks.ingest", ["nowhere.jsonl"]),
    ],
)
def test_the_benchmarks_end_the_same_way(
    name: str,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")  # as the first of them does, for good
    monkeypatch.chdir(tmp_path)
    assert importlib.import_module(name).main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name.removesuffix('.__main__').rpartition('.')[2]}: nowhere")
