"""What readers hand over and writers take: records with a text, and what is wrong with the others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from spamfilter.errors import InputError

CHUNK_CHARACTERS = 2_000_000
CHUNK_RECORDS = 2048
_CHUNK_BYTES = 32 << 20


class ProblemKind(StrEnum):
    """Why a record or a file cannot be used. The string values are stable across releases."""

    BROKEN_RECORD = "broken_record"
    """A line that is no JSON object or a very deep one, or a WARC record that does not end where it says."""
    WRONG_ENCODING = "wrong_encoding"
    """Bytes that are not UTF-8."""
    NO_TEXT = "no_text"
    """A record without the key of the text, or with something else than a string there."""
    TOO_LONG = "too_long"
    """A text beyond the limit of characters."""
    COLUMN_EXISTS = "column_exists"
    """A record that has the key of the annotation already."""
    NO_ID = "no_id"
    """A record without an id, where the output is joined by id."""
    TRUNCATED = "truncated"
    """A compressed file that ends early, or is damaged from some record on: what came before has been used."""
    MISSING_COLUMN = "missing_column"
    """A table without the column of the text, or with something else than strings in it."""
    UNREADABLE = "unreadable"
    """A file that is not what its name says, that is damaged as a whole, or that the system does not let us read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A record or a file that cannot be used.

    Attributes:
        file: the input, as it was found.
        position: where in it, for people: ``line 17``, ``row 3``, ``record 5``; empty for the whole file.
        message: what is wrong and how to mend it.
        record: the record as it was read, where it is written nowhere else.
    """

    kind: ProblemKind
    file: str
    position: str
    message: str
    record: bytes | None = None

    def __str__(self) -> str:
        place = f"{self.file}, {self.position}" if self.position else self.file
        return f"{place}: {self.message}"


class ProblemError(InputError):
    """A problem that ends the run, because the caller is strict, or that ends the file."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem

    def __reduce__(self) -> tuple[type["ProblemError"], tuple[Problem]]:
        return type(self), (self.problem,)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file that is no table.

    Attributes:
        number: of the record in its file, from 1 (for JSON lines: the number of the line); of a row, from 0.
        text: what is to be judged; None for records that are handed on as they are or have no text.
        fields: the record as a JSON object, the text included.
        raw: the bytes of a JSON line, so that what is not touched stays as it was.
        headers: of a WARC record, in order; a byte NN that is not UTF-8 stands as ``\\udcNN``.
        payload: the block of a WARC record that is handed on.
        version: of a WARC record, as its first line says.
    """

    number: int
    text: str | None
    fields: Mapping[str, Any]
    raw: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    payload: bytes | None = None
    version: str = "WARC/1.0"


@dataclass(slots=True)
class Chunk:
    """A few megabytes of records in the order of their file, and the problems met among them.

    Attributes:
        skipped: records that hold no page.
        unread: records that could not be read, and so are in ``problems`` alone.
    """

    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    characters: int = 0
    bytes: int = 0
    skipped: int = 0
    unread: int = 0

    def add(self, record: Record) -> bool:
        """Add a record; whether the chunk is full."""
        self.records.append(record)
        self.characters += len(record.text) if record.text is not None else 0
        self.bytes += len(record.payload) if record.payload is not None else 0
        return self.is_full

    def give_up(self, problem: Problem) -> None:
        """Add the problem of a record that cannot be read; it holds the record."""
        self.problems.append(problem)
        self.unread += 1

    @property
    def is_full(self) -> bool:
        """Whether it is time to hand the chunk over."""
        many = len(self.records) + len(self.problems) >= CHUNK_RECORDS
        return many or self.characters >= CHUNK_CHARACTERS or self.bytes >= _CHUNK_BYTES
