"""Tables for the pages and cards that training writes."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    parts = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    parts += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(parts)
