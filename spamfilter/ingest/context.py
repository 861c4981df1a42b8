"""What the steps of one shard share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from spamfilter.ingest.job import Format, Job, ReadOptions
from spamfilter.ingest.records import Problem, ProblemError
from spamfilter.ingest.report import ShardReport
from spamfilter.ingest.shards import Shard
from spamfilter.ingest.writers import LazyLines, Transaction, problem_line
from spamfilter.predictor import Predictor


@dataclass(frozen=True, slots=True)
class ShardContext:
    """One shard at work.

    Attributes:
        report: counts so far.
        errors: the list of problems.
        transaction: the outputs that appear together.
        on_progress: told how many bytes of the input have been read.
    """

    shard: Shard
    job: Job
    predictor: Predictor
    report: ShardReport
    errors: LazyLines
    transaction: Transaction
    on_progress: Callable[[int], None] | None

    @property
    def read(self) -> ReadOptions:
        """How the records of this shard are read: those of archives and text files have text and id at our own keys."""
        read = self.job.read
        if self.shard.format in (Format.JSONL, Format.PARQUET):
            return read
        own = ReadOptions()
        return replace(read, text_column=own.text_column, id_column=own.id_column)

    def note(self, problems: Iterable[Problem]) -> None:
        """Count and list problems.

        Raises:
            ProblemError: the first of them, if the job is strict.
        """
        for problem in problems:
            if self.job.strict:
                raise ProblemError(problem)
            self.report.problems[problem.kind.value] += 1
            self.errors.write(problem_line(problem))
