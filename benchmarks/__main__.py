"""Times our stages and simple peers side by side on one core, and measures all on the same labelled pages.

python -m benchmarks --mirror DIR [--sets DIR] [--model DIR] [--write]
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

_DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("--mirror", type=Path, required=True, help="local folder with the public sources")
    parser.add_argument("--sets", type=Path, help="folder with labelled sets as JSONL; without it no quality")
    parser.add_argument("--model", type=Path, help="model folder; the shipped one by default")
    parser.add_argument("--peers", default="abcd", help="letters of the peers to run, such as ac")
    parser.add_argument("--kept", type=Path, default=Path(".benchmarks"), help="folder that keeps trained peers")
    parser.add_argument("--megabytes", type=float, default=20.0, help="text to time on")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="also a document of 100 MB: takes gigabytes")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    arguments = parser.parse_args(argv)
    # Before numpy is imported: one thread for every system.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    from training.program import run

    return run("benchmarks", lambda: _print_tables(arguments))


def _print_tables(arguments: argparse.Namespace) -> int:
    text = _tables(arguments)
    print(text)
    if arguments.write:
        from benchmarks.report import write_between

        write_between(_DOCUMENT, "tables", text)
    return 0


def _tables(arguments: argparse.Namespace) -> str:
    from benchmarks import material, peers, probes, quality, report, systems, timing
    from spamfilter import Predictor

    begun = time.monotonic()

    def progress(message: str) -> None:
        print(f"[{time.monotonic() - begun:6.0f} s] {message}", file=sys.stderr, flush=True)

    predictor = Predictor.load(arguments.model)
    progress("reading the public sources")
    public = material.read_public(arguments.mirror)
    text = material.mix_material(public, arguments.megabytes, seed=0)
    lines = material.training_lines(public, seed=0)
    fitted = peers.train_peers(lines, arguments.kept, arguments.peers, progress)
    progress("cold start and made-up input")
    cold = probes.cold_start(arguments.model)
    runs = [
        probes.run_input(name, kind, size, arguments.model, jobs)
        for name, kind, size, jobs in [
            ("stream of 3 KB pages", "stream", 3_000_000, 1),
            ("the same, ten times", "stream", 30_000_000, 1),
            ("forty times, two processes", "stream", 120_000_000, 2),
            ("one document", "text", 1_000_000, 1),
            ("one document, ten times", "text", 10_000_000, 1),
            *([("one document, a hundred times", "text", 100_000_000, 1)] if arguments.large else []),
            ("one line", "line", 1_000_000, 1),
            ("one line, ten times", "line", 10_000_000, 1),
            ("a hundred thousand short lines", "lines", 1_100_000, 1),
            ("a million short lines", "lines", 11_000_000, 1),
        ]
    ]
    progress("two processes")
    scaling = probes.scaling(text, arguments.model)
    core = timing.pin_to_one_core()
    own: list[systems.System] = [systems.LineStage(predictor), systems.WholePredictor(predictor), systems.Floor()]
    everything: list[systems.System] = [*fitted, *own]
    timings = timing.time_systems(everything, text.documents, arguments.rounds, progress)
    parts = [
        f"{date.today().isoformat()}, {report.machine()}; pinned to {'one core' if core is not None else 'no core'}, "
        f"medians of {arguments.rounds} interleaved rounds; load {os.getloadavg()[0]:.1f} at the end.",
        report.material_text(text),
        report.speed_table(timings, "(a)"),
    ]
    if arguments.sets:
        progress("quality")
        parts.append(report.quality_table(quality.measure_all(everything, quality.read_sets(arguments.sets))))
    parts.append(report.resource_text(cold, runs, scaling))
    return "\n\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
