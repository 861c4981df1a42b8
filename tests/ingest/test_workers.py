"""Worker processes: no more than there is work for, deaf to interrupts, and told of as what they are when killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError

from spamfilter import SpamfilterError
from spamfilter.ingest import run
from spamfilter.ingest.workers import call_in_workers
from tests.ingest.material import ROOT, command, json_lines, records
from tests.ingest.pages import clean_page

INTERRUPT_WHILE_A_WORKER_STARTS = """
import os, signal, sys
if "joblib.externals.loky.backend.popen_loky_posix" in sys.orig_argv:
    os.killpg(0, signal.SIGINT)
"""


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    for number in range(2):
        json_lines(tmp_path / f"in/{number}.jsonl", records([clean_page(number)]))
    return tmp_path / "in"


def test_no_more_workers_are_started_than_there_are_tasks(
    tmp_path: Path, inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []

    def call(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], count: int) -> Iterator[Any]:
        counts.append(count)
        return (function(*arguments[:-1], None) for arguments in calls)

    monkeypatch.setattr(run, "call_in_workers", call)
    assert command("annotate", inputs, "-o", tmp_path / "o", "-j", 12) == 0
    assert counts == [2]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="interrupts cannot be held back here")
def test_an_interrupt_while_workers_start_is_one_line(tmp_path: Path, inputs: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT_WHILE_A_WORKER_STARTS, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-m", "spamfilter", "annotate", inputs, "-o", tmp_path / "o", "-j", "2", "--quiet"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        start_new_session=True,
        timeout=60,
    )
    assert (result.returncode, result.stdout, result.stderr) == (130, b"", b"spamfilter: interrupted\n")


def test_results_come_from_other_processes_and_interrupts_reach_the_caller_again() -> None:
    found = set(call_in_workers(os.getpid, [()] * 4, 2))
    assert found
    assert os.getpid() not in found
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_was_killed_is_an_error_that_asks_for_fewer_jobs(number: signal.Signals) -> None:
    """As it goes where memory is short: the kernel ends the largest process."""
    with pytest.raises(SpamfilterError, match=r"was killed, probably for lack of memory; give fewer --jobs and go on"):
        list(call_in_workers(signal.raise_signal, [(number,)] * 2, 2))


def test_a_worker_that_ends_by_itself_is_a_fault_of_the_program() -> None:
    with pytest.raises(TerminatedWorkerError):
        list(call_in_workers(os._exit, [(1,)] * 2, 2))
