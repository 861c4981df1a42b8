"""Progress across processes: one number a shard in a small file that all of them map."""

import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

_WATCH = "spamfilter-parent-watch"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        bytes, total_bytes: of the input files, as they lie on the disk; what an earlier run did counts as done.
        rate: bytes a second of this run.
        seconds_left: estimate; None as long as there is no rate.
        shards, total_shards: shards that are done, and all.
    """

    bytes: int
    total_bytes: int
    rate: float
    seconds_left: float | None
    shards: int
    total_shards: int


class ProgressBoard:
    """Where workers post their progress, and a thread that tells it on."""

    def __init__(
        self, sizes: list[int], done: list[bool], listener: Callable[[Progress], None] | None, interval: float = 0.5
    ) -> None:
        """Prepare the board.

        Args:
            sizes: bytes of each shard.
            done: which shards an earlier run has finished.
            listener: told the progress each ``interval`` seconds, from a thread, and once at the end.
        """
        self._sizes = np.array(sizes, np.int64)
        self._folder = tempfile.TemporaryDirectory(prefix="spamfilter-")
        self.path = Path(self._folder.name) / "progress"
        start = np.where(np.array(done, bool), self._sizes, 0)
        self._before = int(start.sum())
        np.concatenate([start, [0]]).tofile(self.path)
        self._values = np.memmap(self.path, np.int64, "r")
        self._listener = listener
        self._interval = interval
        self._finished = sum(done)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._began = time.monotonic()

    def __enter__(self) -> "ProgressBoard":
        if self._listener is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._listener is not None:
            self._thread.join()
            self._listener(self.progress())
        self._folder.cleanup()

    def finish(self, count: int) -> None:
        """Count shards as done."""
        self._finished += count

    def progress(self) -> Progress:
        """How far the run is."""
        now = int(np.minimum(self._values[:-1], self._sizes).sum())
        whole = int(self._sizes.sum())
        seconds = max(time.monotonic() - self._began, 1e-9)
        rate = (now - self._before) / seconds
        left = (whole - now) / rate if rate > 0 else None
        return Progress(now, whole, rate, left, self._finished, len(self._sizes))

    def _watch(self) -> None:
        while not self._stop.wait(self._interval):
            if self._listener is not None:
                self._listener(self.progress())


def end_with(parent: int, interval: float = 1.0) -> None:
    """End this worker process soon after ``parent``, which had started it, is gone; what it writes is left partial.

    The queue of the worker pool does not tell: without this, workers of a run that was killed wait for minutes.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval)
        os._exit(1)

    if not any(thread.name == _WATCH for thread in threading.enumerate()):
        threading.Thread(target=watch, name=_WATCH, daemon=True).start()


class OrphanError(RuntimeError):
    """The process that had started this worker is gone."""


def poster(board: Path, place: int, parent: int | None = None) -> Callable[[int], None]:
    """A function that posts the progress of shard ``place`` on the board in the file ``board``.

    Args:
        parent: number of the process whose worker this is. Once it is gone the function raises OrphanError: the run
            may go on elsewhere, and nobody should write beside it.
    """
    values = np.memmap(board, np.int64, "r+")

    def post(position: int) -> None:
        if parent is not None and os.getppid() != parent:
            raise OrphanError(f"process {parent}, whose worker this is, has gone")
        values[place] = position

    return post
