"""Tables in Markdown, and the place in the documents where they stand."""

import platform
import statistics
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.material import Material
from benchmarks.probes import ColdStart, InputRun, Scaling
from benchmarks.quality import CLEAN_LOST, Quality
from benchmarks.timing import Timing
from spamfilter import kernel

_PACKAGES = ("numpy", "scipy", "scikit-learn", "fasttext-numpy2", "sentence-transformers", "torch")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """Processor, Python, versions of the packages that were timed, and whether the compiled kernel was on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = f"{names[0]}, {len(names)} cores" if names else model
    found = []
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    kernel_state = "on" if kernel.is_on() else "off"
    return f"{model}; Python {platform.python_version()}, {', '.join(found)}; compiled kernel {kernel_state}"


def material_text(material: Material) -> str:
    """What the text is made of."""
    rows = [[name, f"{count:,}", f"{size / 1e6:.1f}"] for name, count, size in material.parts]
    rows.append(["all", f"{len(material.documents):,}", f"{material.size / 1e6:.1f}"])
    scripts = ", ".join(f"{name} {share:.1%}" for name, share in material.scripts)
    return table(["text", "documents", "MB"], rows) + f"\n\nLetters by script: {scripts}."


def speed_table(timings: Sequence[Timing], reference: str) -> str:
    """Speed of all systems, with the ratio to the one whose name begins with ``reference``."""
    base = next((timing.megabytes for timing in timings if timing.name.startswith(reference)), None)
    rows = [
        [
            timing.name,
            f"{timing.megabytes:.3g}",
            f"{timing.lines:,.0f}",
            f"{timing.documents:,.0f}",
            f"{timing.page:,.0f}",
            f"{timing.megabytes / base:.3g}" if base else "",
            f"{timing.spread:.2f}",
        ]
        for timing in timings
    ]
    head = ["system", "MB/s", "lines/s", "documents/s", "µs for one page of 3,000 characters", f"times {reference}"]
    return table([*head, "fastest/slowest round"], rows)


def quality_table(qualities: Sequence[Quality]) -> str:
    """Quality of all systems that judge lines."""
    rows = [
        [quality.name, f"{quality.recall:.1%}", f"{quality.spam_auc:.4f}", f"{quality.boilerplate_auc:.4f}"]
        for quality in qualities
    ]
    return table(
        ["system", f"spam lines caught at {CLEAN_LOST:.1%} of clean lines lost", "AUC spam", "AUC boilerplate"], rows
    )


def resource_text(cold: ColdStart, runs: Sequence[InputRun], scaling: Scaling) -> str:
    """Cold start, the runs over made-up input, and what a second process brings."""
    heavy = ", ".join(cold.heavy) or "none of scikit-learn, scipy, pandas, pyarrow"
    start = (
        f"Fresh process: import {cold.import_seconds:.3f} s, load {cold.load_seconds:.3f} s, first page "
        f"{cold.first_seconds:.3f} s, resident after loading {cold.resident:.0f} MB, imported: {heavy}."
    )
    rows = [
        [
            run.name,
            f"{run.size / 1e6:g}",
            f"{run.seconds:.2f}",
            f"{run.size / run.seconds / 1e6:.3g}",
            f"{run.before:.0f}",
            f"{run.peak:.0f}",
        ]
        for run in runs
    ]
    inputs = table(["input", "MB", "seconds", "MB/s", "peak before, MB", "peak, MB"], rows)
    processes = (
        f"{scaling.size / 1e6:.0f} MB of the text above, medians of {len(scaling.one)} interleaved rounds: one process "
        f"{statistics.median(scaling.one):.2f} s, two {statistics.median(scaling.two):.2f} s, "
        f"{scaling.ratio():.2f} times as fast in the middle round (two programs with a process each, side by side: "
        f"{scaling.possible():.2f} times)."
    )
    return f"{start}\n\n{inputs}\n\n{processes}"


def write_between(path: Path, mark: str, text: str) -> None:
    """Replace what stands between ``<!-- mark -->`` and ``<!-- end of mark -->`` in a document.

    Raises:
        ValueError: the document lacks the marks.
    """
    content = path.read_text(encoding="utf-8")
    head, begin, rest = content.partition(f"<!-- {mark} -->\n")
    _, end, tail = rest.partition(f"<!-- end of {mark} -->")
    if not begin or not end:
        raise ValueError(f"{path}: lacks <!-- {mark} --> and <!-- end of {mark} -->")
    path.write_text(f"{head}{begin}\n{text}\n\n{end}{tail}", encoding="utf-8")
