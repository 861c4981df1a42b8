"""How the command line ends: faults, interrupts, and readers or streams that are gone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spamfilter import Predictor, cli
from spamfilter.errors import InputError
from spamfilter.program import DEBUG_VARIABLE

ROOT = Path(__file__).parent.parent
SPUN, CLEAN = ROOT / "examples" / "spun_page.txt", ROOT / "examples" / "clean_page.txt"


def start(*arguments: str | Path, **options: object) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "spamfilter", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, **options)  # type: ignore[call-overload,no-any-return]


def test_a_fault_of_the_program_is_one_line_that_asks_for_a_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.delenv(DEBUG_VARIABLE, raising=False)
    monkeypatch.setattr(Predictor, "predict", fail)
    assert cli.main(["scan", str(SPUN)]) == 70
    err = capsys.readouterr().err
    assert "internal error (RuntimeError: two lines); please report it" in err
    assert err.count("\n") == 1
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    with pytest.raises(RuntimeError, match="two"):
        cli.main(["scan", str(SPUN)])


@pytest.mark.parametrize(("raised", "code"), [(KeyboardInterrupt(), 130), (MemoryError(), 2), (InputError("x"), 2)])
def test_an_interrupt_and_a_lack_of_memory_end_without_a_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(Predictor, "load", fail)
    assert cli.main(["scan", str(SPUN)]) == code
    err = capsys.readouterr().err
    assert err.startswith("spamfilter: ")
    assert err.count("\n") == 1


def test_control_c_while_waiting_for_input_ends_with_130_and_no_traceback() -> None:
    process = start("scan", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while "pipe" not in wait_channel(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"spamfilter: interrupted\n")


def wait_channel(pid: int) -> str:
    """What a process waits for, where the system tells; else a moment is waited and it is taken for granted."""
    try:
        channel = Path(f"/proc/{pid}/wchan").read_text(encoding="utf-8")
    except OSError:
        channel = "0"
    if channel == "0" and not Path(f"/proc/{pid}/wchan").exists():
        time.sleep(3)
        return "pipe"
    return channel


def test_a_reader_that_goes_away_ends_the_run_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(b"A line of text that is repeated quite often.\n" * 20_000)
    process = start("scan", path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"    1 ")
    process.stdout.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_reader_of_the_messages_that_goes_away_ends_nothing() -> None:
    process = start("scan", "nowhere.txt", CLEAN, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    process.stderr = None
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"0 of 13 lines flagged" in out
    process = start("scan", "--model", "nowhere", CLEAN, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(60) == 2


def test_messages_for_a_closed_stderr_do_not_go_to_the_output() -> None:
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-m", "spamfilter"]
    result = subprocess.run([*closed, "scan", "--json", "nowhere.txt", CLEAN], cwd=ROOT, stdout=subprocess.PIPE)
    assert result.returncode == 2
    assert json.loads(result.stdout)["file"] == str(CLEAN)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_one_line_of_error() -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("scan", CLEAN, stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (2, b"spamfilter: No space left on device\n")


def test_an_output_that_cannot_show_a_character_gets_it_written_out() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    result = subprocess.run(
        [sys.executable, "-m", "spamfilter", "scan", str(SPUN)], capture_output=True, env=environment, check=False
    )
    assert result.returncode == 1
    assert rb"\u27e6online casino" in result.stdout
