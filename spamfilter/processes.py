"""Batches scored in several processes, of which the caller's own is one."""

import gc
import os
import pickle
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from joblib import effective_n_jobs
from joblib.externals.loky import BrokenProcessPool, ProcessPoolExecutor

from spamfilter.errors import ModelError
from spamfilter.memory import keep_freed_memory
from spamfilter.model_parts import stages_from
from spamfilter.model_store import ModelOrigin, load_model
from spamfilter.pipeline import Stages, score_documents
from spamfilter.scores import ScoreArrays

_TASK_CHARACTERS = 2_400_000
"""Of a task for a worker: worth sending, and short beside the whole of an input."""
_TASKS_A_WORKER = 2
"""A worker has one to go on with while the caller is busy."""
_WAITING_CHARACTERS = 10_000_000
"""A process: texts that are under way, or scored and not yet read."""
_DOCUMENT_CHARACTERS = 200
"""What a document counts for besides its own, or tasks of short ones would have millions."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_IDLE_SECONDS = 300
"""Workers wait that long for another call, as joblib's do."""


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """Batches of texts, the number of their characters, and their scores or a worker's promise of them."""

    batches: list[list[str]]
    characters: int
    scored: "list[ScoreArrays] | Future[list[ScoreArrays]]"

    def is_done(self) -> bool:
        return isinstance(self.scored, list) or self.scored.done()

    def wait(self) -> None:
        if isinstance(self.scored, Future):
            wait([self.scored])

    def cancel(self) -> None:
        if isinstance(self.scored, Future):
            self.scored.cancel()

    def scores(self) -> list[ScoreArrays]:
        if isinstance(self.scored, list):
            return self.scored
        return self.scored.result()


class _Input:
    """Batches to be taken; an error that ended them is kept for later."""

    def __init__(self, batches: Iterator[list[str]]) -> None:
        self._batches = batches
        self.failure: Exception | None = None

    def take(self, enough: int) -> tuple[list[list[str]], int]:
        """The next batches, as many as have ``enough`` characters, and the number of their characters."""
        taken: list[list[str]] = []
        characters = 0
        try:
            while characters < enough and (batch := next(self._batches, None)) is not None:
                taken.append(batch)
                characters += sum(map(len, batch)) + _DOCUMENT_CHARACTERS * len(batch)
        except Exception as error:
            self.failure = error
        return taken, characters


class Workers:
    """Worker processes of one predictor: they wait for its next call, and end with it.

    They are not those of ``joblib.Parallel``: a call of that beside this one would end them, and this one its own.
    """

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._count = 0
        self._owner = os.getpid()
        self._of_others: list[ProcessPoolExecutor | None] = []

    def pool(self, count: int) -> ProcessPoolExecutor:
        """``count`` processes, the present ones if they are as many and well."""
        if self._owner != os.getpid():
            # In a fork they are still those of the process that it was forked from, and must not be ended here.
            self._of_others.append(self._pool)
            self._pool, self._owner = None, os.getpid()
        pool = self._pool
        if pool is not None and self._count == count:
            try:
                pool.submit(int)
                return pool
            except BrokenProcessPool:
                # One was killed while it waited: others take their place.
                pass
        # A call that still uses the former ones holds them.
        pool = ProcessPoolExecutor(count, timeout=_IDLE_SECONDS, env=_ONE_THREAD, initializer=_settle)
        self._pool, self._count = pool, count
        return pool

    def drop(self) -> None:
        """Have others started for the next call."""
        self._pool = None


def _settle() -> None:
    """Make a new worker what it will be: none that answers interrupts, and with nothing to collect.

    Ctrl-C reaches all processes of a terminal; the caller's alone answers it, or a worker dies with a lock held.
    Joblib's workers collect garbage once a second, among a hundred thousand objects of modules that stay.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()


def score_in_processes(
    workers: Workers, stages: Stages, origin: ModelOrigin | None, batches: Iterator[list[str]], n_jobs: int
) -> Iterator[tuple[list[str], ScoreArrays]]:
    """Score batches of texts in ``n_jobs`` processes; yields them in order, with their scores.

    The caller's process deals out tasks, and scores batches itself while it would only wait for the workers.

    Args:
        workers: where worker processes are kept for the next call.
        stages: for the caller's process.
        origin: the folder from which each worker loads the same stages once, None if they are from no folder.
        batches: an error of theirs is raised behind the scores of all that came before it.

    Raises:
        ModelError: the folder does not hold the model any more.
    """
    count = effective_n_jobs(n_jobs) - 1
    pool: ProcessPoolExecutor | None = None
    waiting: deque[_Task] = deque()
    source = _Input(batches)
    with _loadable(stages, origin) as model:
        try:
            while True:
                has_room = sum(task.characters for task in waiting) < _WAITING_CHARACTERS * (count + 1)
                under_way = sum(not task.is_done() for task in waiting)
                if has_room and under_way < _TASKS_A_WORKER * count and (taken := source.take(_TASK_CHARACTERS))[0]:
                    pool = pool or workers.pool(count)
                    waiting.append(_Task(*taken, pool.submit(_score_task, model, taken[0])))
                elif waiting and waiting[0].is_done():
                    task = waiting.popleft()
                    yield from zip(task.batches, task.scores(), strict=True)
                elif has_room and (taken := source.take(1))[0]:
                    waiting.append(_Task(*taken, [score_documents(stages, batch) for batch in taken[0]]))
                elif waiting:
                    waiting[0].wait()
                else:
                    break
        except Exception:
            workers.drop()
            raise
        finally:
            for task in waiting:
                task.cancel()
    if source.failure is not None:
        raise source.failure


@contextmanager
def _loadable(stages: Stages, origin: ModelOrigin | None) -> Iterator[ModelOrigin | Path]:
    """What a worker loads the stages from: the folder of the model, or a file of them for as long as they are used."""
    if origin is not None:
        yield origin
        return
    with TemporaryDirectory(prefix="spamfilter-") as folder:
        path = Path(folder, "stages.pickle")
        path.write_bytes(pickle.dumps(stages, pickle.HIGHEST_PROTOCOL))
        yield path


def _score_task(model: ModelOrigin | Path, batches: list[list[str]]) -> list[ScoreArrays]:
    """Score some batches in a worker."""
    keep_freed_memory()
    stages = _stages_of(model)
    return [score_documents(stages, batch) for batch in batches]


@lru_cache(maxsize=1)
def _stages_of(model: ModelOrigin | Path) -> Stages:
    """Load the stages; a worker keeps them for its next tasks, which finds the tables mapped and in its cache."""
    if isinstance(model, Path):
        stages: Stages = pickle.loads(model.read_bytes())
        return stages
    stored = load_model(model.folder)
    if stored.origin != model:
        raise ModelError(f"{model.folder}: the model changed while it was in use; load it anew")
    return stages_from(stored)
