"""What cannot be timed in a warm process: cold start, memory, many processes, very long inputs.

Each probe is a program of its own, started anew, that prints one JSON object.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.material import Material

_PRELUDE = """
import json, os, sys, time
begun = time.perf_counter()
def memory(field):
    with open("/proc/self/status") as stream:
        return next(int(line.split()[1]) / 1e3 for line in stream if line.startswith(field))
def resident():
    return memory("VmRSS")
def peak():
    # Unlike ru_maxrss this begins anew with the program.
    return memory("VmHWM")
def load():
    from spamfilter import Predictor
    return Predictor.load(os.environ["SPAMFILTER_BENCHMARK_MODEL"] or None)
"""

_COLD = """
import spamfilter
imported = time.perf_counter()
predictor = load()
loaded = time.perf_counter()
held = resident()
predictor.predict("A first page.\\nWith two lines.")
first = time.perf_counter()
heavy = sorted({"sklearn", "scipy", "pandas", "pyarrow"} & set(sys.modules))
print(json.dumps({"import": imported - begun, "load": loaded - imported, "resident": held,
                  "first": first - loaded, "heavy": heavy}))
"""

_INPUT = """
predictor = load()
sentence = "The mill by the river grinds flour for five villages, and its wheel is mended every autumn. "
sizes = {
    "text": lambda size: [(sentence * 12 + "\\n") * (size // (len(sentence) * 12 + 1) or 1)],
    "line": lambda size: [(sentence * (size // len(sentence) + 1))[:size]],
    "lines": lambda size: ["short line\\n" * (size // 11)],
    "stream": lambda size: ((sentence * 3 + "\\n") * 11 for _ in range(size // 3000)),
    "pages": lambda times: (page for _ in range(times) for page in pages),
}
kind, size, jobs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if kind == "pages":
    with open(sys.argv[4], encoding="utf-8") as stream:
        pages = json.load(stream)
# Each worker gets a task, so that it has imported and loaded what it needs.
for _ in predictor.predict_many(["warm up. " * 300] * (4 if jobs == 1 else 4096), n_jobs=jobs):
    pass
documents = sizes[kind](size)
before = peak()
begun = time.perf_counter()
count = 0
for count, prediction in enumerate(predictor.predict_many(documents, n_jobs=jobs), 1):
    for line in prediction.flagged:
        pass
print(json.dumps({"seconds": time.perf_counter() - begun, "documents": count, "before": before, "peak": peak()}))
"""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Medians over fresh processes: seconds, and megabytes resident after loading."""

    import_seconds: float
    load_seconds: float
    first_seconds: float
    resident: float
    heavy: list[str]


@dataclass(frozen=True, slots=True)
class InputRun:
    """Runs over made-up input, each in a fresh process: bytes, median seconds, peak megabytes before and after."""

    name: str
    size: int
    seconds: float
    before: float
    peak: float


@dataclass(frozen=True, slots=True)
class Scaling:
    """The same text judged in one process and in two, interleaved rounds; bytes, and seconds of each round.

    ``apart`` is two programs with a process each and the whole stream each, at the same time: what the machine gives.
    """

    size: int
    one: list[float]
    two: list[float]
    apart: list[float]

    def ratio(self) -> float:
        """How much faster two processes are, median over the rounds."""
        return float(statistics.median(one / two for one, two in zip(self.one, self.two, strict=True)))

    def possible(self) -> float:
        """The same for two programs that have nothing to do with each other."""
        return float(statistics.median(2 * one / both for one, both in zip(self.one, self.apart, strict=True)))


def cold_start(model: Path | None, times: int = 7) -> ColdStart:
    """Start ``times`` fresh processes that import, load and judge one page, after one that compiles the modules."""
    with tempfile.TemporaryDirectory() as compiled:
        rows = [_probe(_COLD, model, one_core=True, compiled=compiled) for _ in range(times + 1)][1:]

    def median(key: str) -> float:
        return float(statistics.median(row[key] for row in rows))

    return ColdStart(median("import"), median("load"), median("first"), median("resident"), rows[0]["heavy"])


def run_input(name: str, kind: str, size: int, model: Path | None, jobs: int = 1, times: int = 5) -> InputRun:
    """Judge input of a kind (``text``, ``line``, ``lines``, ``stream``) of ``size`` bytes, ``times`` over."""
    rows = [_probe(_INPUT, model, kind, str(size), str(jobs), one_core=jobs == 1) for _ in range(times)]
    seconds, before, peak = (statistics.median(row[key] for row in rows) for key in ("seconds", "before", "peak"))
    return InputRun(name, size, seconds, before, peak)


def scaling(text: Material, model: Path | None, times: int = 30, rounds: int = 5) -> Scaling:
    """Judge real text ``times`` over in one process, in two, and in two programs of one process at a time."""
    one, two, apart = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder) / "pages.json"
        pages.write_text(json.dumps(text.documents), "utf-8")

        def seconds(jobs: int) -> float:
            arguments = "pages", str(times), str(jobs), str(pages)
            return float(_probe(_INPUT, model, *arguments, one_core=False)["seconds"])

        for _ in range(rounds):
            one.append(seconds(1))
            two.append(seconds(2))
            with ThreadPoolExecutor(2) as pool:
                apart.append(max(pool.map(lambda _: seconds(1), range(2))))
    return Scaling(times * text.size, one, two, apart)


def _probe(
    program: str, model: Path | None, *arguments: str, one_core: bool, compiled: str | None = None
) -> dict[str, Any]:
    environment = {**os.environ, "SPAMFILTER_BENCHMARK_MODEL": str(model or ""), "OMP_NUM_THREADS": "1"}
    if compiled:
        # As after an installation, whatever this environment says of bytecode.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = compiled
    cores = _all_cores()
    result = subprocess.run(
        [sys.executable, "-c", _PRELUDE + program, *arguments],
        env=environment,
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        preexec_fn=(lambda: os.sched_setaffinity(0, {max(cores)} if one_core else cores)) if cores else None,
    )
    row: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return row


def _all_cores() -> set[int]:
    """All cores of the machine, also where this process was pinned to one."""
    return set(range(os.cpu_count() or 1)) if hasattr(os, "sched_setaffinity") else set()
