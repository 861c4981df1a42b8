"""Times ``spamfilter filter`` on files against the library on the same texts, and watches its memory.

python -m benchmarks.ingest PAGES.jsonl... [--megabytes 40] [--rounds 3] [--memory-megabytes 2000]
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.timing import pin_to_one_core
from spamfilter import Predictor
from spamfilter.cli import main as command_line
from spamfilter.ingest.archive_writers import conversion_headers, record_bytes
from spamfilter.ingest.byte_files import OutputFile
from spamfilter.ingest.jsonl import read_jsonl
from training.program import run

_FORMATS = ("jsonl.zst", "parquet", "warc.wet.gz")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its tables; returns the exit code."""
    return run("ingest", lambda: _print_tables(argv))


def _print_tables(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__.split("\n")[0])
    parser.add_argument("pages", nargs="+", type=Path, help="JSON lines with the key text, also .gz or .zst")
    parser.add_argument("--megabytes", type=float, default=40.0, help="text to time on; 0 for none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-megabytes", type=float, default=0.0, help="text to watch the memory on; 0 for none")
    arguments = parser.parse_args(argv)
    texts = [
        record.text
        for path in arguments.pages
        for chunk in read_jsonl(path, "text")
        for record in chunk.records
        if record.text is not None
    ]
    with tempfile.TemporaryDirectory(prefix="spamfilter-benchmark-") as name:
        folder = Path(name)
        core = pin_to_one_core() if arguments.megabytes else None
        print(f"one core: {'yes' if core is not None else 'no'}; load {os.getloadavg()[0]:.1f} at the beginning")
        if arguments.megabytes:
            print(_time_formats(texts, folder, arguments.megabytes, arguments.rounds), flush=True)
        if arguments.memory_megabytes:
            print(_watch_memory(texts, folder, arguments.memory_megabytes))
    print(f"load {os.getloadavg()[0]:.1f} at the end")
    return 0


def _pages(texts: list[str], megabytes: float) -> Iterator[str]:
    """Pages in a fixed shuffled order, again and again, until there is enough."""
    order, size = random.Random(0), 0.0
    while True:
        for text in order.sample(texts, len(texts)):
            if size >= megabytes * 1e6:
                return
            size += len(text.encode("utf-8", "surrogatepass"))
            yield text


def _write(path: Path, texts: Iterator[str]) -> None:
    if path.suffix == ".parquet":
        rows = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
        pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd", row_group_size=2000)
        return
    file = OutputFile(path)
    for number, text in enumerate(texts):
        if path.name.endswith(".wet.gz"):
            block = text.encode("utf-8")
            headers = [("WARC-Record-ID", f"<urn:{number}>"), ("WARC-Target-URI", "http://a.example/")]
            headers.append(("WARC-Date", "2024-01-01T00:00:00Z"))
            file.write_member(record_bytes(conversion_headers(headers, block), block))
        else:
            file.write(orjson.dumps({"id": str(number), "text": text}) + b"\n")
    file.commit()


def _time_formats(texts: list[str], folder: Path, megabytes: float, rounds: int) -> str:
    for suffix in _FORMATS:
        _write(folder / f"in.{suffix}", _pages(texts, megabytes))
    chosen = list(_pages(texts, megabytes))
    predictor = Predictor.load()
    rates: dict[str, list[float]] = {name: [] for name in ("library", *_FORMATS)}
    for turn in range(rounds):
        begun = time.process_time()
        for _ in predictor.predict_many(chosen):
            pass
        rates["library"].append(megabytes / (time.process_time() - begun))
        for suffix in _FORMATS:
            output = folder / f"out-{turn}-{suffix}"
            arguments = ["filter", str(folder / f"in.{suffix}"), "-o", str(output), "--rejected", f"{output}-rejected"]
            begun = time.process_time()
            with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
                code = command_line([*arguments, "--quiet"])
            rates[suffix].append(megabytes / (time.process_time() - begun))
            if code not in (0, 1):
                raise SystemExit(f"filter ended with exit code {code} on {suffix}")
    rows = ["| | MB of text a processor second | of the library |", "| --- | --- | --- |"]
    own = statistics.median(rates["library"])
    for name, values in rates.items():
        rate = statistics.median(values)
        shares = statistics.median(value / base for value, base in zip(values, rates["library"], strict=True))
        rows.append(f"| {name} | {rate:.2f} | {shares if rate != own else 1:.0%} |")
    return "\n".join(rows)


def _watch_memory(texts: list[str], folder: Path, megabytes: float) -> str:
    path = folder / "large.jsonl.zst"
    _write(path, _pages(texts, megabytes))
    command = [sys.executable, "-m", "spamfilter", "filter", str(path), "-o", str(folder / "large")]
    begun = time.monotonic()
    run = subprocess.Popen(
        [*command, "--rejected", str(folder / "gone"), "--quiet"],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seen: list[float] = []
    while run.poll() is None:
        status = Path(f"/proc/{run.pid}/status").read_text()
        seen += [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:")]
        time.sleep(1)
    tenths = [max(seen[len(seen) * k // 10 : len(seen) * (k + 1) // 10], default=0.0) for k in range(10)]
    return (
        f"memory over {megabytes:.0f} MB of text ({path.stat().st_size / 1e6:.0f} MB on disk, "
        f"{time.monotonic() - begun:.0f} s, exit code {run.returncode}), most in each tenth of the time, MB: "
        + ", ".join(f"{value:.0f}" for value in tenths)
    )


if __name__ == "__main__":
    sys.exit(main())
