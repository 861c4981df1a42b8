"""Documents whose lines carry labels: what every source, the corpus and the composer hand to training."""

from dataclasses import dataclass

__all__ = ["WRITTEN", "LabelledDocument", "LabelledLine"]

WRITTEN = "written"
"""Page type of what is made of hand-written lines, most of which tell of what spam touts."""


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """One line of a document.

    Attributes:
        text: The line without its line end.
        label: One of the six label names (``"clean"``, ``"boilerplate"``, ...), or ``None`` for a line that
            is shown as context and never trained on.
        spans: Foreign stretches ``(start, end)`` in characters of ``text``, end exclusive.
    """

    text: str
    label: str | None
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledDocument:
    """One page, post or run of sentences, in reading order.

    Attributes:
        document_id: Unique among all documents of all sources, such as ``"wcxb-0001"``.
        source: Name of the source it comes from; splits for held-out data may go by it.
        language: ISO 639-1 code, such as ``"en"``.
        lines: The lines from top to bottom.
        page_type: What kind of page it is, where the source says so (``"article"``, ``"forum"``, ...); ``WRITTEN`` of
            a hand-written sentence that was spliced.
        spam: Whether the document as a whole is spam; ``None`` where nobody has said.
    """

    document_id: str
    source: str
    language: str
    lines: tuple[LabelledLine, ...]
    page_type: str | None = None
    spam: bool | None = None
