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
        rejected_characters: in judged pages that were rejected.
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
    rejected_characters: int = 0
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
        """The report that ``as_json`` gave.

        Raises:
            KeyError, TypeError: it did not give these values.
        """
        report = cls("")
        for name in cls.__slots__:
            value, empty = values[name], getattr(report, name)
            kind = dict if isinstance(empty, dict) else type(empty)
            if type(value) is not kind or (kind is dict and any(type(count) is not int for count in value.values())):
                raise TypeError(f"{name} cannot be {value!r}")
            setattr(report, name, Counter(value) if isinstance(empty, Counter) else value)
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

    A broken extraction, a foreign language or a false column looks like spam from top to bottom, or like pages without
    text: then the shard, not its pages, needs a look.

    Args:
        share: of its pages or of its judged characters, above which a shard has lost too much.
        least_pages: shards of fewer pages, judged or not, raise no alarm.
    """
    if report.records < least_pages:
        return ""
    # What is spam but stays, as with ``annotate``, would be lost as soon as somebody goes by the verdicts.
    useless = report.records - report.pages + report.kinds["spam"] + report.kinds["link_farm"]
    for count, what in ((report.records - report.kept, "not kept"), (useless, "spam or not judged")):
        if count > share * report.records:
            return f"{count} of {report.records} pages {what}, more than {share:.0%}"
    lost = report.rejected_characters + report.cut_characters
    if lost > share * report.characters:
        return f"{lost / report.characters:.0%} of the characters cut or rejected, more than {share:.0%}"
    return ""


def _add(counter: Counter[str], names: tuple[str, ...], values: Any) -> None:
    for name, value in zip(names, values.tolist(), strict=True):
        if value:
            counter[name] += int(value)
