"""Batches scored in worker processes."""

import pickle
import warnings
from collections import deque
from collections.abc import Iterator
from functools import lru_cache

from joblib import Parallel, delayed, effective_n_jobs

from spamfilter.errors import ModelError
from spamfilter.memory import keep_freed_memory
from spamfilter.model_parts import stages_from
from spamfilter.model_store import ModelOrigin, load_model
from spamfilter.pipeline import Stages, score_documents
from spamfilter.scores import ScoreArrays

_TASK_CHARACTERS = 2_400_000
_WAITING_TASKS = 4
"""Tasks a process that are under way, or done and not yet read."""


def score_in_processes(
    model: Stages | ModelOrigin, batches: Iterator[list[str]], n_jobs: int
) -> Iterator[tuple[list[str], ScoreArrays]]:
    """Score batches of texts in ``n_jobs`` worker processes; yields them in order, with their scores.

    Args:
        model: the folder from which each process loads the stages once, or the stages, sent along with each task.
        batches: an error of theirs is raised behind the scores of all that came before it.

    Raises:
        ModelError: the folder does not hold the model any more.
    """
    # The texts wait here: a worker sends back arrays only.
    waiting: deque[list[list[str]]] = deque()
    limit = _WAITING_TASKS * effective_n_jobs(n_jobs)
    finished = False
    failure: Exception | None = None

    def until_failure() -> Iterator[list[str]]:
        nonlocal failure
        try:
            yield from batches
        except Exception as error:
            failure = error

    readable = until_failure()

    def tasks() -> Iterator[list[list[str]]]:
        nonlocal finished
        # joblib takes new tasks as workers get free, however far the reader of the results is behind.
        while len(waiting) < limit:
            task = _task_of(readable)
            if not task:
                finished = True
                return
            waiting.append(task)
            yield task

    # Tasks are large enough as they are: joblib would put short ones together, and leave workers without any.
    with Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator", pre_dispatch="2*n_jobs") as parallel:
        while not finished:
            scored = parallel(delayed(_score_task)(model, task) for task in tasks())
            try:
                for part in scored:
                    yield from zip(waiting.popleft(), pickle.loads(part), strict=True)
            finally:
                with warnings.catch_warnings():
                    # A reader who has seen enough knows that the rest is for nothing.
                    warnings.filterwarnings("ignore", "[0-9]+ tasks have been successfully executed", UserWarning)
                    warnings.filterwarnings("ignore", "[0-9]+ tasks which were still being processed", UserWarning)
                    scored.close()
    if failure is not None:
        raise failure


def _task_of(batches: Iterator[list[str]]) -> list[list[str]]:
    """The next batches, as many as make a task that is worth sending."""
    task: list[list[str]] = []
    characters = 0
    for batch in batches:
        task.append(batch)
        characters += sum(map(len, batch))
        if characters >= _TASK_CHARACTERS:
            break
    return task


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
