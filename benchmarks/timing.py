"""Interleaved rounds on one core: every system takes its turn in every round, and medians are compared."""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.material import PAGE, pages_of, slices
from benchmarks.systems import System


@dataclass(frozen=True, slots=True)
class Timing:
    """Speed of one system: medians over the rounds.

    Attributes:
        spread: largest over smallest rate of the rounds.
        page: microseconds for one document of ``PAGE`` characters, one at a time.
    """

    name: str
    megabytes: float
    lines: float
    documents: float
    spread: float
    page: float


def pin_to_one_core() -> int | None:
    """Keep this process on its last core; returns the core, or None where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def time_systems(
    systems: Sequence[System], documents: Sequence[str], rounds: int, progress: Callable[[str], None]
) -> list[Timing]:
    """Time ``systems`` on ``documents``, a part of them in each round, and on single pages."""
    parts = slices(documents, rounds)
    pages = pages_of(documents, 40)
    rates: dict[str, list[tuple[float, float, float]]] = {system.name: [] for system in systems}
    singles: dict[str, list[float]] = {system.name: [] for system in systems}
    for number, part in enumerate(parts):
        progress(f"round {number + 1} of {rounds}")
        for system in systems:
            chosen = _head(part, system.share)
            size = sum(len(text.encode("utf-8", "surrogatepass")) for text in chosen)
            lines = sum(text.count("\n") for text in chosen)
            seconds = seconds_for(system, chosen)
            rates[system.name].append((size / seconds / 1e6, lines / seconds, len(chosen) / seconds))
        for system in systems:
            few = pages if system.share == 1 else pages[:3]
            singles[system.name].append(statistics.median(seconds_for(system, [page]) for page in few))
    return [_summary(system.name, rates[system.name], singles[system.name]) for system in systems]


def _summary(name: str, rates: Sequence[tuple[float, float, float]], singles: Sequence[float]) -> Timing:
    megabytes, lines, documents = (statistics.median(rate[column] for rate in rates) for column in range(3))
    fastest, slowest = max(rates)[0], min(rates)[0]
    return Timing(name, megabytes, lines, documents, fastest / slowest, statistics.median(singles) * 1e6)


def seconds_for(system: System, documents: Sequence[str]) -> float:
    """Processor seconds that ``system`` takes for ``documents``: other processes of the machine do not count."""
    begun = time.process_time()
    system.run(documents)
    return time.process_time() - begun


def _head(documents: list[str], share: float) -> list[str]:
    if share == 1:
        return documents
    limit = share * sum(map(len, documents))
    chosen: list[str] = []
    for document in documents:
        room = int(limit) - sum(map(len, chosen))
        if room <= 0:
            break
        chosen.append(document[: max(room, PAGE)])
    return chosen
