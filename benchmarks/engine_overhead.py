"""What each engine costs on top of the library: ``python -m benchmarks.engine_overhead --megabytes 20``.

The same pages, put together from the lines of the training corpus, go through the library with the texts in memory,
through the Arrow function, and through each engine that is installed, with one worker. Told in processor time of this
process and all below it, which other work on the machine disturbs less than wall time. Ray and Spark are warmed up
with a small run before the clock starts: what they cost to start is told apart, since a long run pays it once.
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
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spamfilter import Predictor
from spamfilter.ingest import annotate

CORPUS = Path(__file__).parent.parent / "training" / "corpus"
PAGE = Path(__file__).parent.parent / "docs" / "pipelines.md"
WARM_UP_PAGES = 200


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


def run_library(folder: Path, pages: list[dict[str, str]]) -> float:
    """Predict, and decide the lines of each page as a caller would."""
    predictor = Predictor.load()
    started = processor_seconds()
    for prediction in predictor.predict_many(page["text"] for page in pages):
        assert prediction.kind
    return processor_seconds() - started


def run_arrow(folder: Path, pages: list[dict[str, str]]) -> float:
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
    return processor_seconds() - started


def run_datatrove(folder: Path, pages: list[dict[str, str]]) -> float:
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
    return processor_seconds() - started


def run_ray(folder: Path, pages: list[dict[str, str]]) -> float:
    """Ray Data with one actor from Parquet to Parquet."""
    import ray

    from spamfilter.engines.ray import annotate_dataset

    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    annotate_dataset(ray.data.from_items(pages[:WARM_UP_PAGES]), workers=1).materialize()
    started = processor_seconds()
    judged = annotate_dataset(ray.data.read_parquet(str(folder / "pages.parquet")), workers=1)
    judged.write_parquet(str(folder / "ray"))
    seconds = processor_seconds() - started
    ray.shutdown()
    return seconds


def run_spark(folder: Path, pages: list[dict[str, str]]) -> float:
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
    seconds = processor_seconds() - started
    session.stop()
    return seconds


ENGINES: dict[str, tuple[str, Callable[[Path, list[dict[str, str]]], float]]] = {
    "the library, texts in memory": ("numpy", run_library),
    "annotate, Parquet to Parquet": ("pyarrow", run_arrow),
    "datatrove": ("datatrove", run_datatrove),
    "Ray Data": ("ray", run_ray),
    "Spark": ("pyspark", run_spark),
}


def measure(megabytes: float, chosen: list[str]) -> dict[str, Any]:
    """Seconds of each engine, and the size of the text in megabytes."""
    pages = make_pages(megabytes)
    load = os.getloadavg()[0]
    size = sum(len(page["text"].encode()) for page in pages) / 1e6
    seconds: dict[str, float] = {}
    started_in: dict[str, float] = {}
    for name, (module, run) in ENGINES.items():
        if find_spec(module) is None or (chosen and module not in chosen and module != "numpy"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            pq.write_table(pa.Table.from_pylist(pages), Path(folder) / "pages.parquet", row_group_size=2048)
            with (Path(folder) / "pages.jsonl").open("w", encoding="utf-8") as lines:
                lines.writelines(json.dumps(page, ensure_ascii=False) + "\n" for page in pages)
            begun = processor_seconds()
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                seconds[name] = run(Path(folder), pages)
            started_in[name] = processor_seconds() - begun - seconds[name]
    loads = [load, os.getloadavg()[0]]
    return {"pages": len(pages), "megabytes": size, "seconds": seconds, "start": started_in, "loads": loads}


def table(found: dict[str, Any]) -> str:
    """The measurements as Markdown."""
    library = next(iter(found["seconds"].values()))
    rows = [
        f"{date.today():%d %B %Y}, {found['pages']} pages, {found['megabytes']:.1f} MB of text, one worker, load "
        f"{found['loads'][0]:.1f} before and {found['loads'][1]:.1f} after on {os.cpu_count()} cores, Python "
        f"{platform.python_version()}:\n",
        "| engine | processor seconds | MB a second | more than the library | to start, seconds |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, seconds in found["seconds"].items():
        more = f"{seconds / library - 1:+.0%}" if name != next(iter(ENGINES)) else ""
        start = max(found["start"][name], 0.0)
        module = ENGINES[name][0]
        rate = found["megabytes"] / seconds
        rows.append(f"| {name} ({module} {version(module)}) | {seconds:.1f} | {rate:.1f} | {more} | {start:.1f} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table, or write it into docs/pipelines.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=20.0, help="of text (default: %(default)s)")
    parser.add_argument("--engine", action="append", default=[], help="module name, such as ray; all by default")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    arguments = parser.parse_args()
    made = table(measure(arguments.megabytes, arguments.engine))
    print(made)
    if arguments.write:
        before, start, rest = PAGE.read_text(encoding="utf-8").partition("<!-- overhead -->\n")
        _, end, after = rest.partition("<!-- end of overhead -->")
        PAGE.write_text(f"{before}{start}\n{made}\n\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
