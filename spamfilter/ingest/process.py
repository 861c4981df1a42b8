"""One shard from input to outputs: read, judge, write, count."""

from collections.abc import Callable

from spamfilter.ingest.byte_files import output_size, remove_output
from spamfilter.ingest.context import ShardContext
from spamfilter.ingest.job import Format, Job, Target
from spamfilter.ingest.process_records import process_records
from spamfilter.ingest.process_table import process_table
from spamfilter.ingest.records import Problem, ProblemError, ProblemKind
from spamfilter.ingest.report import ShardReport, alarm_reason
from spamfilter.ingest.shards import Shard
from spamfilter.ingest.writers import LazyLines, Transaction
from spamfilter.predictor import Predictor


def process_shard(
    shard: Shard, job: Job, predictor: Predictor, on_progress: Callable[[int], None] | None = None
) -> ShardReport:
    """Run one shard; its outputs appear together at the end.

    Problems of records are counted and written to ``shard.errors``. A file that cannot be used at all gives a
    report of the status ``unreadable`` and no output.

    Raises:
        ProblemError: the first problem, if ``job.strict``.
        OSError: an output cannot be written.
    """
    for stale in shard.outputs().values():
        remove_output(stale)
    report = ShardReport(str(shard.path))
    with Transaction() as listing:
        errors = listing.add(LazyLines(shard.errors))
        try:
            report.bytes = shard.path.stat().st_size
            with Transaction() as outputs:
                context = ShardContext(shard, job, predictor, report, errors, outputs, on_progress)
                is_table = shard.format is Format.PARQUET and shard.target in (Target.PARQUET, Target.DOLMA)
                (process_table if is_table else process_records)(context)
        except (ProblemError, OSError) as error:
            problem = _whole_file(shard, error)
            if job.strict or problem is None:
                raise
            # Counts of a file that gives no output would not add up.
            problems = report.problems
            report = ShardReport(str(shard.path), "unreadable", report.bytes, problems=problems)
            ShardContext(shard, job, predictor, report, errors, listing, None).note([problem])
    report.alarm = alarm_reason(report, job.alarm_share, job.alarm_pages)
    for role, place in shard.outputs().items():
        if place.exists():
            report.outputs[role] = output_size(place)
    return report


def _whole_file(shard: Shard, error: ProblemError | OSError) -> Problem | None:
    """The problem of the input as a whole; None if the error is about something else, such as an output."""
    if isinstance(error, ProblemError):
        return error.problem
    if str(error.filename) != str(shard.path):
        return None
    message = f"cannot be read ({error.strerror}); look at its permissions and its disk"
    return Problem(ProblemKind.UNREADABLE, str(shard.path), "", message)
