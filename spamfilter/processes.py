"""Batches scored in worker processes."""

import pickle
import warnings
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from time import perf_counter

from joblib import Parallel, delayed, effective_n_jobs

from spamfilter.errors import ModelError
from spamfilter.memory import keep_freed_memory
from spamfilter.model_parts import stages_from
from spamfilter.model_store import ModelOrigin, load_model
from spamfilter.pipeline import Stages, score_documents
from spamfilter.scores import ScoreArrays

_TASK_BATCHES = 8
_WAITING_TASKS = 4
"""Tasks a process that are under way, or done and not yet read."""
_LONG_WAIT = 0.002
"""Seconds of waiting for a worker after which this process helps with one batch more."""
_MOST_HELP = 8
"""Most batches that this process scores for each task of a worker."""


class _Intake:
    """Takes batches off an iterator, for workers and for this process, and keeps them in order until they are read.

    joblib takes tasks in a thread of its own. An error of the iterator ends it: what came before it is still scored.
    """

    def __init__(self, batches: Iterator[list[str]]) -> None:
        self._batches = batches
        self._reading = Lock()
        self.waiting: deque[tuple[list[list[str]], list[ScoreArrays] | None]] = deque()
        self.finished = False
        self.error: Exception | None = None

    def take(self, count: int, scores: list[ScoreArrays] | None) -> list[list[str]]:
        """Up to ``count`` batches, none at the end; ``scores`` is where they will be, None if a worker has them."""
        task: list[list[str]] = []
        with self._reading:
            try:
                while not self.finished and len(task) < count:
                    task.append(next(self._batches))
            except StopIteration:
                self.finished = True
            except Exception as error:
                self.finished, self.error = True, error
            if task:
                self.waiting.append((task, scores))
        return task

    def scored_here(self) -> Iterator[tuple[list[str], ScoreArrays]]:
        """What this process scored before the next result of a worker."""
        while self.waiting and (scores := self.waiting[0][1]) is not None:
            yield from zip(self.waiting.popleft()[0], scores, strict=True)


def score_in_processes(
    stages: Stages, origin: ModelOrigin | None, batches: Iterator[list[str]], n_jobs: int
) -> Iterator[tuple[list[str], ScoreArrays]]:
    """Score batches of texts in ``n_jobs`` worker processes; yields them in order, with their scores.

    While this process would only wait for the workers, it scores batches itself: those need no sending.

    Args:
        origin: the folder from which each worker loads the stages once; None sends them along with each task.

    Raises:
        ModelError: the folder does not hold the model any more.
    """
    intake = _Intake(batches)
    limit = _WAITING_TASKS * effective_n_jobs(n_jobs)
    sent = received = help_given = 0

    def tasks() -> Iterator[list[list[str]]]:
        nonlocal sent
        # joblib takes new tasks as workers get free, however far the reader of the results is behind.
        while sent - received < limit and (task := intake.take(_TASK_BATCHES, None)):
            sent += 1
            yield task

    # Tasks are large enough as they are: joblib would put short ones together, and leave workers without any.
    with Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator", pre_dispatch="2*n_jobs") as parallel:
        while not intake.finished:
            results = parallel(delayed(_score_task)(origin or stages, task) for task in tasks())
            try:
                while True:
                    for _ in range(help_given):
                        scores: list[ScoreArrays] = []
                        scores += (score_documents(stages, batch) for batch in intake.take(1, scores))
                    yield from intake.scored_here()
                    begun = perf_counter()
                    part = next(results, None)
                    if part is None:
                        break
                    waited = perf_counter() - begun
                    help_given = min(help_given + 1, _MOST_HELP) if waited > _LONG_WAIT else max(help_given - 1, 0)
                    received += 1
                    yield from zip(intake.waiting.popleft()[0], pickle.loads(part), strict=True)
            finally:
                with warnings.catch_warnings():
                    # A reader who has seen enough knows that the rest is for nothing.
                    warnings.filterwarnings("ignore", "[0-9]+ tasks have been successfully executed", UserWarning)
                    warnings.filterwarnings("ignore", "[0-9]+ tasks which were still being processed", UserWarning)
                    results.close()
    if intake.error is not None:
        raise intake.error


def _score_task(model: Stages | ModelOrigin, batches: list[list[str]]) -> bytes:
    """Score some batches in a process of its own; returns the pickled list of their ``ScoreArrays``.

    Pickled here, since joblib looks at each array by itself, which takes four times as long.
    """
    keep_freed_memory()
    stages = model if isinstance(model, Stages) else _stages_at(model)
    return pickle.dumps([score_documents(stages, batch) for batch in batches], pickle.HIGHEST_PROTOCOL)


@lru_cache(maxsize=1)
def _stages_at(origin: ModelOrigin) -> Stages:
    """Load the stages; a process keeps them for its next tasks, which finds the tables mapped and in its cache."""
    model = load_model(origin.folder)
    if model.origin != origin:
        raise ModelError(f"{origin.folder}: the model changed while it was in use; load it anew")
    return stages_from(model)
