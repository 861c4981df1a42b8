"""Tables for the pages and cards that training writes."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first are numbers. A cell may be any text: it stays within its cell."""
    parts = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    parts += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    return "\n".join(parts)


def _cell(value: object) -> str:
    text = " ".join(str(value).split()).replace("|", "\\|")
    # Half a surrogate pair, as JSON may hold, has no bytes in UTF-8.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
