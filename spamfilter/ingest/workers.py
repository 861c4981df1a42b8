"""Calls in worker processes that leave interrupts to their caller, and whose death is told as what it is."""

import multiprocessing.resource_tracker
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky.backend import resource_tracker
from joblib.externals.loky.process_executor import TerminatedWorkerError

from spamfilter.errors import SpamfilterError

_Result = TypeVar("_Result")
_FROM_OUTSIDE = ("SIGKILL", "SIGTERM")
"""What ends a worker that has done nothing wrong; where memory is short, the system ends the largest process."""


def call_in_workers(
    function: Callable[..., _Result], calls: Iterable[tuple[object, ...]], count: int
) -> Iterator[_Result]:
    """Call ``function`` with each of ``calls`` in ``count`` processes; yields results as they come.

    Raises:
        SpamfilterError: a worker was killed.
    """
    with Parallel(n_jobs=count, return_as="generator_unordered", pre_dispatch="2*n_jobs") as parallel:
        try:
            with _interrupts_held_back():
                results = parallel(delayed(function)(*arguments) for arguments in calls)
            yield from results
        except TerminatedWorkerError as error:
            if not any(name in str(error) for name in _FROM_OUTSIDE):
                raise
            reason = "a worker process was killed, probably for lack of memory"
            raise SpamfilterError(f"{reason}; give fewer --jobs and go on with --resume") from error


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Have interrupts wait, for good in the processes and threads that are started within.

    Ctrl-C reaches all processes of a terminal. The caller's alone answers it and ends the workers, or each would fill
    the screen with what it was just importing; so they must not hear of it from their first moment on.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # These are started with the first worker, and that would let interrupts through again.
    multiprocessing.resource_tracker.ensure_running()
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
