"""The table at the end of a run."""

from collections.abc import Sequence

from spamfilter.ingest.report import ShardReport
from spamfilter.ingest.run import RunResult

_MOST_FILES = 20
_TOP_REASON = "top reason"


def summary_table(result: RunResult) -> str:
    """Pages, lines and characters by label, reasons, and the files, as plain text."""
    whole = result.total
    parts = [_totals(result)]
    labels = [
        (name, count, _share(count, whole.lines.total()), whole.label_characters[name])
        for name, count in whole.lines.most_common()
    ]
    parts.append(_columns(("label", "lines", "share", "characters"), labels))
    reasons = [("rejected: " + name, count) for name, count in whole.rejected.most_common()]
    reasons += [("cut: " + name, count) for name, count in whole.cut.most_common()]
    reasons += [("problem: " + name, count) for name, count in whole.problems.most_common()]
    if reasons:
        parts.append(_columns(("reason", "count"), reasons))
    # Those that most need a look come first.
    ranked = sorted(result.reports, key=_urgency)
    if len(ranked) > 1:
        rows = [
            (
                one.file,
                one.pages,
                one.lines.total(),
                one.characters,
                one.kept,
                one.rejected.total(),
                one.problems.total(),
                _top_reason(one),
            )
            for one in ranked
        ]
        head = ("file", "pages", "lines", "characters", "kept", "rejected", "problems", _TOP_REASON)
        parts.append(_columns(head, rows[:_MOST_FILES]))
        if len(rows) > _MOST_FILES:
            parts[-1] += f"\n... and {len(rows) - _MOST_FILES} more, all in {result.summary}"
    return "\n\n".join(parts)


def _top_reason(report: ShardReport) -> str:
    """What has cost the file most: its alarm, the commonest reason of rejection, or the commonest problem."""
    if report.alarm:
        return "ALARM: " + report.alarm
    name, count = next(iter((report.rejected or report.problems).most_common(1)), ("", 0))
    return f"{name} ({count})" if name else "-"


def _urgency(report: ShardReport) -> tuple[bool, int, float]:
    lost = (report.records - report.kept) / max(report.records, 1)
    return not report.alarm and report.status == "done", -report.problems.total(), -lost


def _totals(result: RunResult) -> str:
    whole = result.total
    files = f"{len(result.reports)} files" if len(result.reports) != 1 else "1 file"
    resumed = f" ({result.resumed} of them finished before)" if result.resumed else ""
    kinds = ", ".join(f"{count} {name}" for name, count in whole.kinds.most_common())
    judged = f"{whole.pages} pages"
    if whole.pages != whole.records:
        judged = f"{whole.pages} of {whole.records} pages judged"
    lines = [f"{files}{resumed}: {judged}, {whole.characters} characters; {kinds or 'nothing judged'}"]
    if whole.rejected or whole.cut or whole.kept != whole.records:
        listed = f", {whole.listed} in the list of problems alone" if whole.listed else ""
        lines.append(
            f"kept {whole.kept} pages ({_share(whole.kept, whole.records)}), rejected {whole.rejected.total()}"
            f"{listed}; cut {whole.cut_characters} characters from pages that were kept"
        )
    if whole.skipped:
        lines.append(f"passed over {whole.skipped} records that hold no page")
    return "\n".join(lines)


def _columns(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place and head[place] != _TOP_REASON else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def _share(count: int, whole: int) -> str:
    return f"{count / whole:.1%}" if whole else "-"
