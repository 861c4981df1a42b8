"""What a run is to do: the choices of the caller as frozen values."""

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from spamfilter.ingest.arrow import LineChoice


class Format(StrEnum):
    """What a file holds."""

    TEXT = "text"
    JSONL = "jsonl"
    PARQUET = "parquet"
    WET = "wet"
    WARC = "warc"


class Target(StrEnum):
    """What a run writes."""

    AUTO = "auto"
    """The format of the input where it can hold the result, else ``jsonl.zst``."""
    TEXT = "text"
    """One page a file: for an input of many pages a folder."""
    JSONL = "jsonl"
    JSONL_GZ = "jsonl.gz"
    JSONL_ZST = "jsonl.zst"
    PARQUET = "parquet"
    WET = "wet"
    """Conversion records."""
    WARC = "warc"
    """The records of the input, each page followed by a conversion record."""
    DOLMA = "dolma"
    """Attribute files beside the documents: ``{"id", "attributes": {name: [[start, end, score], ...]}}``."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How records are read.

    Attributes:
        text_column: column or key of the text, in tables and JSON lines; see ``ShardContext.read`` for other formats.
        id_column: likewise, of what names a record in the lists of cuts and in attribute files.
        main_content: of HTML pages, only what resiliparse holds for the main content.
        max_characters: longer texts are not judged but reported.
    """

    text_column: str = "text"
    id_column: str = "id"
    main_content: bool = False
    max_characters: int = 10_000_000


@dataclass(frozen=True, slots=True)
class AnnotateOptions:
    """What an annotation holds; see ``spamfilter.ingest.annotate``."""

    max_false_positive_rate: float = 1e-3
    output_column: str = "spamfilter"
    lines: LineChoice = "all"
    probabilities: bool = False
    cleaned: bool = False
    drop_boilerplate: bool = False


@dataclass(frozen=True, slots=True)
class FilterOptions:
    """What is cut and which pages are rejected.

    Attributes:
        max_false_positive_rate: tolerated share of clean lines wrongly flagged, for each label.
        drop_boilerplate: cut boilerplate lines as well.
        reject_kinds: pages of these kinds are rejected whole; see ``DocumentKind``.
        min_characters: pages with fewer characters after the cuts are rejected.
        min_kept_share: pages that keep a smaller share of their characters are rejected.
    """

    max_false_positive_rate: float = 1e-3
    drop_boilerplate: bool = False
    reject_kinds: tuple[str, ...] = ("link_farm", "spam")
    min_characters: int = 0
    min_kept_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A run over any number of shards.

    Attributes:
        task: annotate or filter, with its options.
        strict: the first problem ends the run.
        alarm_share: a shard that loses more than this share of its pages or judged characters raises an alarm.
        alarm_pages: ... if it has at least as many pages, judged or not.
        model: SHA-256 of the list of sums of the model, for the record.
    """

    task: AnnotateOptions | FilterOptions
    read: ReadOptions = field(default_factory=ReadOptions)
    target: Target = Target.AUTO
    strict: bool = False
    alarm_share: float = 0.5
    alarm_pages: int = 100
    model: str = ""

    @property
    def is_filter(self) -> bool:
        """Whether the task is to filter."""
        return isinstance(self.task, FilterOptions)

    def settings(self) -> dict[str, Any]:
        """All that the outputs depend on, as JSON."""
        return {
            "command": "filter" if self.is_filter else "annotate",
            "task": asdict(self.task),
            "read": asdict(self.read),
            "target": self.target.value,
            "alarm": [self.alarm_share, self.alarm_pages],
            "model": self.model,
        }
