"""Batches scored in several processes, of which the caller's own is one."""

import gc
import os
import signal
import sys
from _thread import start_new_thread
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from queue import Empty, SimpleQueue

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
_END_SECONDS = 10
"""A call that ends waits at most that long for workers that are being started."""
_IDLE_SECONDS = 300
"""Workers wait that long for another call, as joblib's do."""


@dataclass(slots=True, eq=False)
class _Task:
    """Batches of texts, what they count for, and their scores or why there are none, once that is known."""

    batches: list[list[str]]
    characters: int
    scored: list[ScoreArrays] | BaseException | None = None

    def result(self) -> list[ScoreArrays]:
        """The scores of a task that is done."""
        if isinstance(self.scored, BaseException):
            raise self.scored
        assert self.scored is not None
        return self.scored


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

    def __init__(self, model: Stages | ModelOrigin) -> None:
        """Prepare to start workers that score with ``model``, or with what they load from there."""
        self._model = model
        # By the process that has started them: a fork has its own, and must not end the others.
        self._pools: dict[int, tuple[int, ProcessPoolExecutor]] = {}

    def pool(self, count: int) -> ProcessPoolExecutor:
        """``count`` processes, the present ones if they are as many and well."""
        present = self._pools.get(os.getpid())
        if present is not None and present[0] == count:
            try:
                present[1].submit(int)
                return present[1]
            except BrokenProcessPool:
                # One was killed while it waited: others take their place.
                pass
        # A call that still uses the former ones holds them.
        pool = ProcessPoolExecutor(
            count, timeout=_IDLE_SECONDS, env=_ONE_THREAD, initializer=_settle, initargs=(self._model,)
        )
        self._pools[os.getpid()] = count, pool
        return pool

    def drop(self) -> None:
        """Have others started for the next call."""
        self._pools.pop(os.getpid(), None)


def _settle(model: Stages | ModelOrigin) -> None:
    """Make a new worker what it will be: none that answers interrupts, with nothing to collect, and of one model.

    Ctrl-C reaches all processes of a terminal; the caller's alone answers it, or a worker dies with a lock held.
    Joblib's workers collect garbage once a second, among a hundred thousand objects of modules that stay.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    _models_of_this_worker.append(model)


class _Desk:
    """Where a caller leaves tasks for workers and hears that they are done; a thread of its own deals with the workers.

    An interrupt may come between the taking of a lock and the block that gives it back, wherever that is Python code,
    as in futures and queues; and what waits for such a lock waits for ever. Only the main thread of a program is
    interrupted, so the caller's takes none: neither a ``SimpleQueue`` nor the start of a thread without its object has
    one that could be left taken.
    """

    def __init__(self, workers: Workers, count: int) -> None:
        self._workers = workers
        self._count = count
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._done: SimpleQueue[None] = SimpleQueue()
        self._ended: SimpleQueue[None] = SimpleQueue()
        self._is_open = False
        self._process = os.getpid()

    def give(self, task: _Task) -> None:
        """Have the workers do a task."""
        self._check_process()
        if not self._is_open:
            start_new_thread(self._deal, ())
            self._is_open = True
        self._tasks.put(task)

    def wait(self) -> None:
        """Wait until a task is done, or was since the last wait."""
        self._check_process()
        self._done.get()

    def close(self) -> None:
        """Let the tasks go that no worker has begun."""
        self._tasks.put(None)
        # The program may end now, but not while it still tells new workers what they are. Its threads stand still when
        # it takes its modules apart, and a fork does not have them.
        if self._is_open and self._process == os.getpid() and not sys.is_finalizing():
            with suppress(Empty):
                self._ended.get(timeout=_END_SECONDS)

    def _check_process(self) -> None:
        if self._process != os.getpid():
            raise RuntimeError("this call of predict_many was begun before the fork; call it again in this process")

    def _deal(self) -> None:
        try:
            self._deal_until_closed()
        finally:
            self._ended.put(None)

    def _deal_until_closed(self) -> None:
        pool: ProcessPoolExecutor | None = None
        under_way: set[Future[list[ScoreArrays]]] = set()
        while (task := self._tasks.get()) is not None:
            try:
                pool = pool or self._workers.pool(self._count)
                future = pool.submit(_score_task, task.batches)
            except Exception as error:
                task.scored = error
                self._done.put(None)
            else:
                under_way.add(future)
                future.add_done_callback(under_way.discard)
                future.add_done_callback(partial(self._hand_out, task))
        for future in under_way.copy():
            future.cancel()

    def _hand_out(self, task: _Task, future: "Future[list[ScoreArrays]]") -> None:
        if not future.cancelled():
            task.scored = future.exception() or future.result()
            self._done.put(None)


def score_in_processes(
    workers: Workers, stages: Stages, batches: Iterator[list[str]], n_jobs: int
) -> Iterator[tuple[list[str], ScoreArrays]]:
    """Score batches of texts in ``n_jobs`` processes; yields them in order, with their scores.

    The caller's process deals out tasks, and scores batches itself while it would only wait for the workers.

    Args:
        workers: of the same model; they are kept for the next call.
        stages: for the caller's process.
        batches: an error of theirs is raised behind the scores of all that came before it.

    Raises:
        ModelError: the folder does not hold the model any more.
    """
    count = effective_n_jobs(n_jobs) - 1
    desk = _Desk(workers, count)
    waiting: deque[_Task] = deque()
    source = _Input(batches)
    try:
        while True:
            has_room = sum(task.characters for task in waiting) < _WAITING_CHARACTERS * (count + 1)
            under_way = sum(task.scored is None for task in waiting)
            if has_room and under_way < _TASKS_A_WORKER * count and (taken := source.take(_TASK_CHARACTERS))[0]:
                task = _Task(*taken)
                waiting.append(task)
                desk.give(task)
            elif waiting and waiting[0].scored is not None:
                task = waiting.popleft()
                yield from zip(task.batches, task.result(), strict=True)
            elif has_room and (taken := source.take(1))[0]:
                waiting.append(_Task(*taken, [score_documents(stages, batch) for batch in taken[0]]))
            elif waiting:
                desk.wait()
            else:
                break
    except Exception:
        workers.drop()
        raise
    finally:
        desk.close()
    if source.failure is not None:
        raise source.failure


def _score_task(batches: list[list[str]]) -> list[ScoreArrays]:
    """Score some batches in a worker."""
    keep_freed_memory()
    stages = _stages()
    return [score_documents(stages, batch) for batch in batches]


_models_of_this_worker: list[Stages | ModelOrigin] = []
"""One in a worker, none elsewhere."""


@cache
def _stages() -> Stages:
    """The stages of a worker; it keeps them for its next tasks, which finds the tables mapped and in its cache."""
    (model,) = _models_of_this_worker
    if isinstance(model, Stages):
        return model
    stored = load_model(model.folder)
    if stored.origin != model:
        raise ModelError(f"{model.folder}: the model changed while it was in use; load it anew")
    return stages_from(stored)
