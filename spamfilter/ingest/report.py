"""Counts of a shard and of a run."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spamfilter.ingest.decisions import KIND_NAMES, LABEL_NAMES, Decisions


@dataclass(slots=True)
class ShardReport:
    """What happened in one shard; all counts, so that reports can be added.

    Attributes:
        file: the input as it was found.
        status: ``done``, or ``unreadable`` where the file as a whole could not be used.
        bytes: size of the input file.
        records: pages that the file holds, those without a usable text and those that cannot be read included. When the
            file gives an output, they are ``kept``, ``rejected`` or ``listed``.
        pages: records with a text that was judged.
        characters: in these texts.
        kinds: pages by kind.
        lines, label_characters: lines and characters by label.
        kept: records written to the output; when annotating, those without a verdict too.
        rejected: rejected records by reason.
        listed: records that are nowhere but in the list of problems.
        cut: lines and foreign stretches cut from pages that were kept, by label.
        cut_characters: how many characters these pages lost.
        problems: by kind.
        skipped: records that hold no page, such as images in a WARC file.
        alarm: why the shard looks wrong as a whole, or empty.
        outputs: sizes of the files written: ``output``, ``rejected``, ``cuts``, ``errors``.
    """

    file: str
    status: str = "done"
    bytes: int = 0
    records: int = 0
    pages: int = 0
    characters: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    lines: Counter[str] = field(default_factory=Counter)
    label_characters: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    listed: int = 0
    cut: Counter[str] = field(default_factory=Counter)
    cut_characters: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    skipped: int = 0
    alarm: str = ""
    outputs: dict[str, int] = field(default_factory=dict)

    def count(self, texts: Iterable[str], decisions: Decisions) -> None:
        """Add what was found in judged pages."""
        self.pages += len(decisions.kinds)
        self.characters += sum(map(len, texts))
        _add(self.kinds, KIND_NAMES, np.bincount(decisions.kinds, minlength=len(KIND_NAMES)))
        _add(self.lines, LABEL_NAMES, np.bincount(decisions.labels, minlength=len(LABEL_NAMES)))
        _add(self.label_characters, LABEL_NAMES, decisions.characters_by_label())

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON object; names in a fixed order."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: dict(sorted(value.items())) if isinstance(value, dict) else value for name, value in values.items()
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ShardReport":
        """The report that ``as_json`` gave."""
        report = cls(values["file"])
        for name in cls.__slots__:
            value = values[name]
            setattr(report, name, Counter(value) if isinstance(getattr(report, name), Counter) else value)
        return report


def total(reports: Iterable[ShardReport]) -> ShardReport:
    """The sum of reports."""
    result = ShardReport("total", status="")
    for report in reports:
        for name in result.__slots__:
            value = getattr(report, name)
            if isinstance(value, int):
                setattr(result, name, getattr(result, name) + value)
            elif isinstance(value, Counter):
                getattr(result, name).update(value)
    return result


def alarm_reason(report: ShardReport, share: float, least_pages: int) -> str:
    """Why a shard looks wrong as a whole, or an empty string.

    A broken extraction, a foreign language or a false column looks like spam from top to bottom: then the shard,
    not its pages, needs a look.
    """
    if report.pages < least_pages:
        return ""
    spam, gone = report.kinds["spam"] + report.kinds["link_farm"], report.rejected.total()
    for count, what in ((gone, "rejected"), (spam, "spam")):
        if count > share * report.pages:
            return f"{count} of {report.pages} pages {what}, more than {share:.0%}"
    if report.cut_characters > share * max(report.characters, 1):
        lost = report.cut_characters / max(report.characters, 1)
        return f"{lost:.0%} of the characters cut from pages that were kept, more than {share:.0%}"
    return ""


def _add(counter: Counter[str], names: tuple[str, ...], values: Any) -> None:
    for name, value in zip(names, values.tolist(), strict=True):
        if value:
            counter[name] += int(value)
