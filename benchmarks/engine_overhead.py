"""What each engine costs on top of the library: ``python -m benchmarks.engine_overhead --megabytes 160``.

The same pages, put together from the lines of the training corpus, go through the library with the texts in memory,
through the Arrow function, and through each engine that is installed, with one worker. Told in processor time of this
process and all below it, which other work on the machine disturbs less than wall time. Each goes over a tenth of the
pages and over all of them: the difference is what pages cost, the rest what a run costs once, as long as it may be.
"""

import argparse
import json
import logging
import os
import platform
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from spamfilter import Predictor
from spamfilter.ingest import annotate

CORPUS = Path(__file__).parent.parent / "training" / "corpus"
PAGE = Path(__file__).parent.parent / "docs" / "pipelines.md"
WARM_UP_PAGES = 200
_SHORT = 10
"""The short run has one page of so many."""
Span = tuple[float, float]
"""Processor seconds when the work begins, after whatever the engine does to start, and when it has ended."""


def processor_seconds() -> float:
    """Processor time of this process and of all processes below it, the ended ones that were waited for included."""
    times: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        times[int(stat.parent.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    below = {os.getpid()}
    while more := {process for process, (parent, _) in times.items() if parent in below} - below:
        below |= more
    return sum(times[process][1] for process in below) / os.sysconf("SC_CLK_TCK")


def make_pages(megabytes: float) -> list[dict[str, str]]:
    """Pages of 5 to 60 lines of the corpus, the same in each run: clean ones, every tenth of all kinds of line."""
    clean, all_kinds = ([*_corpus_lines(folder)] for folder in (CORPUS / "clean", CORPUS))
    choose = random.Random(1)
    pages: list[dict[str, str]] = []
    size = 0
    while size < megabytes * 1e6:
        text = "\n".join(choose.sample(clean if len(pages) % 10 else all_kinds, choose.randint(5, 60)))
        size += len(text.encode())
        pages.append({"id": str(len(pages)), "text": text})
    return pages


def _corpus_lines(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.txt")):
        yield from filter(None, path.read_text("utf-8").splitlines())


def run_library(folder: Path, pages: list[dict[str, str]]) -> Span:
    """Predict, and decide the lines of each page as a caller would."""
    predictor = Predictor.load()
    started = processor_seconds()
    for prediction in predictor.predict_many(page["text"] for page in pages):
        assert prediction.kind
    return started, processor_seconds()


def run_arrow(folder: Path, pages: list[dict[str, str]]) -> Span:
    """The Arrow function from Parquet to Parquet."""
    predictor = Predictor.load()
    started = processor_seconds()
    source = pq.ParquetFile(folder / "pages.parquet")
    writer: pq.ParquetWriter | None = None
    for batch in source.iter_batches(1024):
        judged = annotate(batch, predictor=predictor)
        writer = writer or pq.ParquetWriter(folder / "arrow.parquet", judged.schema)
        writer.write_batch(judged)
    if writer:
        writer.close()
    return started, processor_seconds()


def run_datatrove(folder: Path, pages: list[dict[str, str]]) -> Span:
    """The annotator with the local executor from JSON lines to JSON lines."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    from spamfilter.engines.datatrove import SpamAnnotator

    blocks = [
        JsonlReader(str(folder), glob_pattern="pages.jsonl"),
        SpamAnnotator(),
        JsonlWriter(str(folder / "datatrove"), compression=None),
    ]
    executor = LocalPipelineExecutor(blocks, logging_dir=str(folder / "logs"), workers=1)
    started = processor_seconds()
    executor.run()
    return started, processor_seconds()


def run_ray(folder: Path, pages: list[dict[str, str]]) -> Span:
    """Ray Data with one actor from Parquet to Parquet."""
    import ray

    from spamfilter.engines.ray import annotate_dataset

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    annotate_dataset(ray.data.from_items(pages[:WARM_UP_PAGES]), workers=1).materialize()
    started = processor_seconds()
    judged = annotate_dataset(ray.data.read_parquet(str(folder / "pages.parquet")), workers=1)
    judged.write_parquet(str(folder / "ray"))
    ended = processor_seconds()
    ray.shutdown()
    return started, ended


def run_spark(folder: Path, pages: list[dict[str, str]]) -> Span:
    """Spark in local mode with one task at a time from Parquet to Parquet."""
    from pyspark.sql import SparkSession

    from spamfilter.engines.spark import annotate_frame

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    frame = session.read.parquet(str(folder / "pages.parquet"))
    annotate_frame(frame.limit(WARM_UP_PAGES)).write.parquet(str(folder / "warm"))
    started = processor_seconds()
    annotate_frame(frame).write.parquet(str(folder / "spark"))
    ended = processor_seconds()
    session.stop()
    return started, ended


ENGINES: dict[str, tuple[str, Callable[[Path, list[dict[str, str]]], Span]]] = {
    "the library, texts in memory": ("numpy", run_library),
    "annotate, Parquet to Parquet": ("pyarrow", run_arrow),
    "datatrove": ("datatrove", run_datatrove),
    "Ray Data": ("ray", run_ray),
    "Spark": ("pyspark", run_spark),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What an engine takes: processor seconds once a run, and for each megabyte of text."""

    start: float
    a_megabyte: float


def measure(megabytes: float, rounds: int, chosen: list[str]) -> tuple[list[float], dict[str, Cost]]:
    """Megabytes of text of a short and a long run, and the costs of each engine that is installed.

    The difference between the runs is what the pages cost; what is left is what a run costs. Of the rounds, the least
    time of each run counts.
    """
    pages = make_pages(megabytes)
    runs = (pages[: len(pages) // _SHORT], pages)
    sizes = [sum(len(page["text"].encode()) for page in run) / 1e6 for run in runs]
    installed = [
        (name, run)
        for name, (module, run) in ENGINES.items()
        if find_spec(module) is not None and (not chosen or module in (*chosen, "numpy"))
    ]
    found: dict[str, list[list[tuple[float, float]]]] = {name: [[], []] for name, _ in installed}
    # In turn, so that what else the machine does falls on all of them.
    for _ in range(rounds):
        for name, run in installed:
            for place, some in enumerate(runs):
                found[name][place].append(_seconds(run, some))
    costs: dict[str, Cost] = {}
    for name, spans in found.items():
        short, long = (min(work for _, work in turns) for turns in spans)
        a_megabyte = (long - short) / (sizes[1] - sizes[0])
        # The first time includes the import of the engine, which a run of its own has to pay.
        costs[name] = Cost(spans[0][0][0] + max(short - a_megabyte * sizes[0], 0.0), a_megabyte)
    return sizes, costs


def _seconds(run: Callable[[Path, list[dict[str, str]]], Span], pages: list[dict[str, str]]) -> tuple[float, float]:
    """Processor seconds until the work begins, and those of the work."""
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(pa.Table.from_pylist(pages), Path(folder) / "pages.parquet", row_group_size=2048)
        with (Path(folder) / "pages.jsonl").open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(page, ensure_ascii=False) + "\n" for page in pages)
        begun = processor_seconds()
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            started, ended = run(Path(folder), pages)
    return started - begun, ended - started


def table(sizes: list[float], costs: dict[str, Cost], load: float) -> str:
    """The measurements as Markdown."""
    library = next(iter(costs.values())).a_megabyte
    rows = [
        f"{date.today():%d %B %Y}, runs over {sizes[0]:.0f} and {sizes[1]:.0f} MB of text with one worker; load "
        f"{load:.1f} before and {os.getloadavg()[0]:.1f} after on {os.cpu_count()} cores; Python "
        f"{platform.python_version()}:\n",
        "| engine | processor seconds a MB | MB a second | more than the library | seconds once a run |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, cost in costs.items():
        module = ENGINES[name][0]
        more = f"{cost.a_megabyte / library - 1:+.0%}" if cost.a_megabyte != library else ""
        cells = (
            f"{name} ({module} {version(module)})",
            f"{cost.a_megabyte:.3f}",
            f"{1 / cost.a_megabyte:.1f}",
            more,
            f"{cost.start:.1f}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table, or write it into docs/pipelines.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=160.0, help="of text (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="the least time of each counts (default: %(default)s)")
    parser.add_argument("--engine", action="append", default=[], help="module name, such as ray; all by default")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    made = table(*measure(arguments.megabytes, arguments.rounds, arguments.engine), load)
    print(made)
    if arguments.write:
        before, start, rest = PAGE.read_text(encoding="utf-8").partition("<!-- overhead -->\n")
        _, end, after = rest.partition("<!-- end of overhead -->")
        PAGE.write_text(f"{before}{start}\n{made}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
