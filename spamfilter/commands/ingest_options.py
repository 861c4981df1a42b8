"""Options and output that ``annotate`` and ``filter`` share."""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spamfilter.errors import InputError
from spamfilter.program import tell

if TYPE_CHECKING:
    from spamfilter.ingest.job import AnnotateOptions, FilterOptions, Format
    from spamfilter.ingest.progress import Progress
    from spamfilter.ingest.run import RunResult

EXIT_WHOLE, EXIT_PROBLEMS = 0, 1
EPILOG = """\
Inputs are files, folders or globs; the format is told by the suffix: .txt (one page a file), .jsonl .ndjson .json
(one object a line), .warc.wet .wet, .warc (HTML pages), each also with .gz or .zst; .parquet .pq.

OUT/_spamfilter holds summary.json (all counts), errors.jsonl (each record or file that could not be used, with
its position) and the markers of finished files that --resume goes by.

exit codes: 0 all input was used, 1 the run is finished but there were problems or an alarm, 2 it was stopped.
"""
_PLAIN_SECONDS = 10.0
_MOST_JOBS = 256
"""Or as many as the machine has cores: beyond that a number is a slip, and each process takes memory of its own."""
_TEXT_COLUMN, ID_COLUMN = "text", "id"
_OVERWRITE = "begin anew and replace what lies in the way; files of other names stay"
_TO = "convert to another format (default: that of the input, JSON lines where it cannot hold the result)"


def add_common(parser: argparse.ArgumentParser, targets: tuple[str, ...]) -> None:
    """Add the options of both commands."""
    parser.add_argument("inputs", nargs="+", metavar="IN", help="files, folders or globs")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="output folder")
    parser.add_argument("--to", choices=targets, default="auto", help=_TO)
    parser.add_argument("--text-column", default=_TEXT_COLUMN, metavar="NAME", help="column or key of the text (text)")
    parser.add_argument("--id-column", default=ID_COLUMN, metavar="NAME", help="column or key of the record's id (id)")
    parser.add_argument("--model", type=Path, metavar="DIR", help="model folder (default: the shipped one)")
    parser.add_argument(
        "--max-false-positive-rate",
        type=float,
        default=1e-3,
        metavar="RATE",
        help="tolerated share of clean lines wrongly flagged (0.001)",
    )
    parser.add_argument(
        "--drop-boilerplate", action="store_true", help="cut boilerplate too (annotate: with --cleaned)"
    )
    parser.add_argument("--main-content", action="store_true", help="of HTML pages, take the main content only")
    parser.add_argument(
        "--max-characters", type=int, default=10_000_000, metavar="N", help="longer texts are problems (10000000)"
    )
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="processes, -1 for all cores (1)")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="K/N", help="run every Nth file, from the Kth")
    parser.add_argument("--resume", action="store_true", help="go on with a run that was stopped")
    parser.add_argument("--overwrite", action="store_true", help=_OVERWRITE)
    parser.add_argument("--strict", action="store_true", help="stop at the first problem")
    parser.add_argument(
        "--alarm-share",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="warn of files that lose more than this share of their pages or characters (0.5)",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, not as a table")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run_job(
    arguments: argparse.Namespace, task: "AnnotateOptions | FilterOptions", rejected: Path | None = None
) -> int:
    """Run ``task`` as the arguments say; returns the exit code."""
    from spamfilter.ingest.job import Job, ReadOptions, Target
    from spamfilter.ingest.run import RunSettings, run_shards
    from spamfilter.ingest.shards import plan_shards

    if arguments.jobs == 0:
        raise InputError("--jobs 0 means no worker at all; use 1, another number, or -1 for all cores")
    if arguments.jobs > max(_MOST_JOBS, os.cpu_count() or 1):
        raise InputError(
            f"--jobs {arguments.jobs} is more than this machine can serve; choose fewer, or -1 for all cores"
        )
    if arguments.resume and arguments.overwrite:
        raise InputError("--resume goes on with a run, --overwrite throws it away; give one of them")
    if arguments.max_characters < 1:
        raise InputError(f"--max-characters {arguments.max_characters} leaves no text to judge; choose 1 or more")
    check_share("--alarm-share", arguments.alarm_share)
    _check_names(arguments)
    _check_own_names(arguments, is_filter=rejected is not None)
    read = ReadOptions(arguments.text_column, arguments.id_column, arguments.main_content, arguments.max_characters)
    target = Target(arguments.to)
    job = Job(task, read, target, strict=arguments.strict, alarm_share=arguments.alarm_share)
    settings = RunSettings(arguments.model, arguments.jobs, arguments.resume, arguments.overwrite, arguments.part)
    shards = plan_shards(arguments.inputs, arguments.output, rejected, target, is_filter=job.is_filter)
    _check_effects(arguments, {shard.format for shard in shards})
    view = None if arguments.quiet else ProgressView()
    try:
        result = run_shards(shards, arguments.output, job, settings, view)
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        raise InputError(f"{place}{error.strerror or error}; mend it and go on with --resume") from error
    finally:
        if view is not None:
            view.close()
    if arguments.json:
        print(result.summary.read_text(encoding="utf-8"), end="")
    elif result.reports:
        print_result(result)
    if not result.reports:
        number, count = arguments.part
        tell(f"spamfilter: no file falls to part {number}/{count}: there are {len(shards)} in all")
    for report in result.reports:
        if report.alarm:
            tell(f"spamfilter: ALARM: {report.file}: {report.alarm}; look at it before you use it")
    if result.total.problems:
        count = sum(result.total.problems.values())
        tell(f"spamfilter: {count} problem{'s' * (count > 1)}, listed in {result.errors}")
    return EXIT_WHOLE if result.is_clean else EXIT_PROBLEMS


def check_share(option: str, value: float) -> None:
    """Raise InputError if ``value`` is no share."""
    if not 0 <= value <= 1:
        raise InputError(f"{option} {value} is no share; choose a value from 0 to 1")


def _check_names(arguments: argparse.Namespace) -> None:
    for option in ("text_column", "id_column", "output_column"):
        name = getattr(arguments, option, "")
        try:
            name.encode("utf-8")
        except UnicodeEncodeError:
            option = option.replace("_", "-")
            raise InputError(f"--{option} {name} is not UTF-8, as names of columns are; give it in UTF-8") from None


def _check_own_names(arguments: argparse.Namespace, *, is_filter: bool) -> None:
    """Raise InputError if what is to be read stands where the command writes."""
    from spamfilter.ingest.rejection import REASON_COLUMNS, REJECTED_KEY

    if is_filter:
        for option, name in (("--text-column", arguments.text_column), ("--id-column", arguments.id_column)):
            if name in (REJECTED_KEY, *REASON_COLUMNS):
                raise InputError(f"{option} {name} is where filter writes why a page is rejected; rename that column")
    elif arguments.to != "dolma" and arguments.output_column == arguments.text_column:
        raise InputError(f"--output-column {arguments.output_column} is the column of the text; choose another name")


def _check_effects(arguments: argparse.Namespace, formats: "set[Format]") -> None:
    if arguments.main_content and "warc" not in formats:
        raise InputError("--main-content is for the HTML pages of WARC files, and no input is one; leave it out")
    columns = (("--text-column", arguments.text_column, _TEXT_COLUMN), ("--id-column", arguments.id_column, ID_COLUMN))
    for option, name, default in columns:
        if name != default and formats.isdisjoint(("jsonl", "parquet")):
            raise InputError(f"{option} {name} is for JSON lines and Parquet, and no input is either; leave it out")


def print_result(result: "RunResult") -> None:
    """Print the summary table."""
    from spamfilter.ingest.summary import summary_table

    print(summary_table(result))


def require_ingest() -> None:
    """Raise InputError that says what to install, if the extra is not there."""
    try:
        import fastwarc  # noqa: F401
        import orjson  # noqa: F401
        import pyarrow  # noqa: F401
        import resiliparse  # noqa: F401
        import tqdm  # noqa: F401
        import zstandard  # noqa: F401
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; run: pip install 'spamfilter[ingest]'") from None


def _part(value: str) -> tuple[int, int]:
    try:
        number, count = map(int, value.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not of the form K/N, such as 3/100") from None
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f"{value!r}: parts are counted from 1 to N")
    return number, count


class ProgressView:
    """Shows progress on stderr: a bar on a terminal, else a plain line now and then."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._spoken = time.monotonic()
        self._last: Progress | None = None

    def __call__(self, progress: "Progress") -> None:
        """Show how far the run is."""
        if sys.stderr.isatty():
            self._show_bar(progress)
        elif time.monotonic() - self._spoken >= _PLAIN_SECONDS:
            self._spoken = time.monotonic()
            self._last = progress
            tell(progress_line(progress))
        elif self._last is not None and progress.shards == progress.total_shards > self._last.shards:
            # The last word of a log that has had others is that the run is through.
            self._last = progress
            tell(progress_line(progress))

    def _show_bar(self, progress: "Progress") -> None:
        from tqdm import tqdm

        if self._bar is None:
            start = progress.bytes
            self._bar = tqdm(total=progress.total_bytes, initial=start, unit="B", unit_scale=True, dynamic_ncols=True)
        self._bar.set_postfix_str(f"{progress.shards}/{progress.total_shards} files", refresh=False)
        self._bar.update(max(0, progress.bytes - self._bar.n))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


def progress_line(progress: "Progress") -> str:
    """Progress as one plain line."""
    share = progress.bytes / progress.total_bytes if progress.total_bytes else 1.0
    left = "" if progress.seconds_left is None else f", {_duration(progress.seconds_left)} left"
    files = f"{progress.shards}/{progress.total_shards} files"
    return f"spamfilter: {share:.1%} of input, {files}, {progress.rate / 1e6:.2f} MB/s{left}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
