"""Many processes: a stream is read as far as its results are, and every end is a clean one."""

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from spamfilter import Predictor

PAGE = "The mill by the river grinds flour.\n" * 80
ENDLESS = """
import itertools
from spamfilter import Predictor
for number, page in enumerate(Predictor.load().predict_many(itertools.repeat({page!r}), n_jobs=2)):
    if number == 0:
        print("begun", flush=True)
"""


def test_input_is_not_read_far_ahead_of_a_reader_who_takes_his_time(predictor: Predictor) -> None:
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        for _ in range(40_000):
            taken += 1
            yield PAGE

    results = predictor.predict_many(texts(), n_jobs=2)
    next(results)
    deadline = time.monotonic() + 20
    before = -1
    # Workers go on until nothing is left that they may take.
    while taken != before and time.monotonic() < deadline:
        before = taken
        time.sleep(1)
    assert taken < 10_000
    assert sum(1 for _ in results) == 40_000 - 1


def test_a_reader_who_stops_early_hears_nothing_of_it(predictor: Predictor) -> None:
    results = predictor.predict_many((PAGE for _ in range(20_000)), n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(results)
        results.close()  # type: ignore[attr-defined]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_an_interrupt_ends_all_processes() -> None:
    program = [sys.executable, "-c", ENDLESS.format(page=PAGE)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode == -signal.SIGINT
        assert errors.strip().endswith(b"KeyboardInterrupt")
        deadline = time.monotonic() + 10
        while living(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert living(process.pid) == []


def living(session: int) -> list[int]:
    """Processes of a session that still run."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, _, _, owner = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(owner) == session and state not in "ZX":
            found.append(int(name))
    return found
