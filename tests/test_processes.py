"""Many processes: a stream is read as far as its results are, and every end is a clean one."""

import hashlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from joblib import Parallel, delayed
from joblib.externals.loky import ProcessPoolExecutor

from spamfilter import ModelError, Predictor, pipeline, processes
from spamfilter.model_store import StoredModel, load_model
from spamfilter.pipeline import Stages
from spamfilter.predictor import default_model_folder
from spamfilter.scores import ScoreArrays

PAGE = "The mill by the river grinds flour.\n" * 80
FORKED = """
import os
import sys
from spamfilter import Predictor
predictor = Predictor.load()
pages = [{page!r}] * 3000
def count():
    return sum(1 for _ in predictor.predict_many(pages, n_jobs=2))
before = count()
child = os.fork()
if child == 0:
    sys.exit(count() != 3000)
_, status = os.waitpid(child, 0)
print(before, status, count())
"""
FORKED_WITHIN_A_CALL = """
import os
from spamfilter import Predictor
pages = Predictor.load().predict_many([{page!r}] * 5000, n_jobs=2)
next(pages)
child = os.fork()
if child == 0:
    try:
        for _ in pages:
            pass
    except RuntimeError as error:
        os._exit("before the fork" not in str(error))
    os._exit(2)
_, status = os.waitpid(child, 0)
print(status, 1 + sum(1 for _ in pages))
"""
ENDLESS = """
import itertools
from spamfilter import Predictor
for number, page in enumerate(Predictor.load().predict_many(itertools.repeat({page!r}), n_jobs=2)):
    if number == 0:
        print("begun", flush=True)
"""
INTERRUPTED_WITHIN_LOCKS = """
import threading
from spamfilter import Predictor
taken = threading.Condition.__enter__
is_begun = False
def interrupted(self):
    result = taken(self)
    if is_begun and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt
    return result
threading.Condition.__enter__ = interrupted
count = 0
for _ in Predictor.load().predict_many([{page!r}] * 5000, n_jobs=2):
    is_begun = True
    count += 1
is_begun = False
print(count)
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


@pytest.mark.parametrize("text", ["", "a"])
def test_short_documents_are_not_read_far_ahead_either(predictor: Predictor, text: str) -> None:
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield text

    results = predictor.predict_many(texts(), n_jobs=2)
    for _ in range(1000):
        next(results)
    assert taken < 200_000


def test_what_stands_before_an_error_of_the_texts_is_judged(predictor: Predictor) -> None:
    def texts() -> Iterator[str]:
        yield from (PAGE for _ in range(3000))
        raise OSError("the disk is gone")

    judged = {1: 0, 2: 0}

    def judge(n_jobs: int) -> None:
        for _ in predictor.predict_many(texts(), n_jobs=n_jobs):
            judged[n_jobs] += 1

    for n_jobs in judged:
        with pytest.raises(OSError, match="the disk is gone"):
            judge(n_jobs)
    assert judged[1] == judged[2] > 2800


def test_calls_that_run_side_by_side_do_not_end_each_other(predictor: Predictor) -> None:
    calls = [predictor.predict_many((PAGE for _ in range(3000)), n_jobs=n_jobs) for n_jobs in (2, 3)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(len(page.lines) == 80 for pages in zip(*calls, strict=True) for page in pages)


def test_joblib_goes_on_beside_it(predictor: Predictor) -> None:
    pages = predictor.predict_many((PAGE for _ in range(5000)), n_jobs=2)
    next(pages)
    assert Parallel(n_jobs=2)(delayed(len)(text) for text in ("a", "bc")) == [1, 2]
    assert sum(1 for _ in pages) == 4999
    assert Parallel(n_jobs=2)(delayed(len)(text) for text in ("a", "bc")) == [1, 2]


def waiting_worker(own: Predictor) -> tuple[ProcessPoolExecutor, BaseProcess]:
    """The pool of a predictor that has just had two processes score pages, and its only process."""
    assert sum(1 for _ in own.predict_many([PAGE] * 3, n_jobs=2)) == 3
    assert own._workers is not None
    workers = own._workers.pool(1)
    (process,) = workers._processes.values()
    return workers, process


def test_workers_wait_for_the_next_call_and_end_with_their_predictor() -> None:
    own = Predictor.load()
    workers, process = waiting_worker(own)
    assert waiting_worker(own) == (workers, process)
    del workers
    # The pool's own thread waits for the process too: joined here as well, it may look alive when it has ended.
    assert not wait([process.sentinel], timeout=0.5)
    del own
    assert wait([process.sentinel], timeout=20)


def test_workers_end_when_a_call_needs_another_number() -> None:
    own = Predictor.load()
    workers, process = waiting_worker(own)
    assert own._workers is not None
    assert own._workers.pool(2) is not workers
    del workers
    assert wait([process.sentinel], timeout=20)


def test_a_worker_that_was_killed_while_it_waited_is_replaced() -> None:
    own = Predictor.load()
    workers, process = waiting_worker(own)
    assert own._workers is not None
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while not workers._flags.broken and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sum(1 for _ in own.predict_many([PAGE] * 3, n_jobs=2)) == 3
    assert own._workers.pool(1) is not workers


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_has_workers_of_its_own() -> None:
    program = [sys.executable, "-c", FORKED.format(page=PAGE)]
    result = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split() == ["3000", "0", "3000"]


def test_the_caller_takes_part_in_the_work(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    scored = []

    def score_documents(stages: Stages, texts: list[str]) -> ScoreArrays:
        scored.append(len(texts))
        return pipeline.score_documents(stages, texts)

    monkeypatch.setattr(processes, "score_documents", score_documents)
    assert sum(1 for _ in predictor.predict_many([PAGE] * 5000, n_jobs=2)) == 5000
    assert 0 < sum(scored) < 5000


def test_a_reader_who_stops_early_hears_nothing_of_it(predictor: Predictor) -> None:
    results = predictor.predict_many((PAGE for _ in range(20_000)), n_jobs=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        next(results)
        results.close()  # type: ignore[attr-defined]


def test_a_model_that_was_loaded_from_no_folder_goes_to_the_workers_itself(predictor: Predictor) -> None:
    stored = load_model(default_model_folder())
    own = Predictor(StoredModel(stored.settings, stored.arrays, stored.card))
    texts = [PAGE, "Buy cheap pills online without prescription, casino bonus 2024", ""]
    found = [[line.probabilities for line in page.lines] for page in own.predict_many(texts, n_jobs=2)]
    assert found == [[line.probabilities for line in predictor.predict(text).lines] for text in texts]


def test_a_copy_needs_no_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(default_model_folder(), folder)
    copied = pickle.loads(pickle.dumps(Predictor.load(folder)))
    shutil.rmtree(folder)
    assert [len(page.lines) for page in copied.predict_many([PAGE] * 3, n_jobs=2)] == [80] * 3


def test_a_model_folder_that_became_another_model_is_an_error_in_the_workers(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(default_model_folder(), folder)
    predictor = Predictor.load(folder)
    (folder / "README.md").write_text("# Another card\n", encoding="utf-8")
    sums = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    digest = hashlib.sha256(b"# Another card\n").hexdigest()
    changed = [f"{digest}  README.md" if line.endswith("  README.md") else line for line in sums]
    (folder / "SHA256SUMS").write_text("\n".join(changed) + "\n", encoding="utf-8")
    with pytest.raises(ModelError, match="changed while it was in use"):
        list(predictor.predict_many([PAGE] * 3, n_jobs=2))


@pytest.mark.parametrize("whom", [os.kill, os.killpg], ids=["the caller alone", "all processes of a terminal"])
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
def test_an_interrupt_ends_all_processes(whom: Callable[[int, int], None]) -> None:
    program = [sys.executable, "-c", ENDLESS.format(page=PAGE)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            whom(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
        assert process.returncode == -signal.SIGINT
        assert errors.strip().endswith(b"KeyboardInterrupt")
        assert errors.count(b"Traceback") == 1
        deadline = time.monotonic() + 10
        while living(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert living(process.pid) == []


def test_a_call_does_not_end_while_workers_are_being_started(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    start = processes.Workers.pool

    def pool(workers: processes.Workers, count: int) -> ProcessPoolExecutor:
        steps.append("begun")
        time.sleep(0.5)
        steps.append("started")
        return start(workers, count)

    monkeypatch.setattr(processes.Workers, "pool", pool)

    def texts() -> Iterator[str]:
        yield from [PAGE] * 900
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(predictor.predict_many(texts(), n_jobs=2))
    assert steps == ["begun", "started"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_call_that_was_begun_before_a_fork_says_so_in_the_child() -> None:
    program = [sys.executable, "-c", FORKED_WITHIN_A_CALL.format(page=PAGE)]
    result = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split() == ["0", "5000"]


def test_an_interrupt_leaves_no_lock_taken_that_workers_wait_for() -> None:
    program = [sys.executable, "-c", INTERRUPTED_WITHIN_LOCKS.format(page=PAGE)]
    result = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "5000\n", "")


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
