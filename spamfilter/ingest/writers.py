"""Writers: records to JSON lines and plain text, lists of problems; each file appears when it is whole."""

import base64
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from spamfilter.ingest.byte_files import OutputFile, OutputFolder
from spamfilter.ingest.json_text import add_value, dump, replace_value
from spamfilter.ingest.records import Problem, Record


class RecordWriter(Protocol):
    """What all writers of records offer."""

    def write(self, record: Record, text: str | None, annotation: tuple[str, Any] | None) -> None:
        """Add a record, with another text and with an annotation (its key and value) if they are given."""

    def commit(self) -> None:
        """Make the file whole and put it in its place."""

    def discard(self) -> None:
        """Throw away what has not been committed."""


class JsonLinesWriter:
    """Records as JSON lines; a record that came as a JSON line stays as it was but for what is given."""

    def __init__(self, path: Path, text_key: str) -> None:
        self._file = OutputFile(path)
        self._text_key = text_key

    def write(self, record: Record, text: str | None, annotation: tuple[str, Any] | None) -> None:
        """Add a record; records that hold no page are left out."""
        if record.raw is None:
            if not record.fields:  # one of an archive; a row without text has fields
                return
            fields = record.fields if text is None else {**record.fields, self._text_key: text}
            line = dump(fields if annotation is None else {**fields, annotation[0]: annotation[1]})
        else:
            line = record.raw if text is None else replace_value(record.raw, self._text_key, text)
            if annotation is not None:
                line = add_value(line, annotation[0], dump(annotation[1]))
        self._file.write(line + b"\n")

    def commit(self) -> None:
        """Make the file whole and put it in its place."""
        self._file.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        self._file.discard()


class PlainTextWriter:
    """One page as one text file; a page that is not written leaves no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: OutputFile | None = None

    def write(self, record: Record, text: str | None, annotation: tuple[str, Any] | None) -> None:
        """Write the page; there is no place for an annotation."""
        self._file = OutputFile(self._path)
        self._file.write(((record.text or "") if text is None else text).encode("utf-8"))

    def commit(self) -> None:
        """Make the file whole and put it in its place."""
        if self._file is not None:
            self._file.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        if self._file is not None:
            self._file.discard()


class TextFolderWriter:
    """Each page as a file ``NUMBER.txt`` of a folder; the number is that of its record, as in the list of cuts."""

    def __init__(self, path: Path) -> None:
        self._folder = OutputFolder(path)

    def write(self, record: Record, text: str | None, annotation: tuple[str, Any] | None) -> None:
        """Add a page, if the record holds one; there is no place for an annotation."""
        if record.text is not None:
            page = record.text if text is None else text
            self._folder.write(f"{record.number:08d}.txt", page.encode("utf-8"))

    def commit(self) -> None:
        """Make the folder whole and put it in its place."""
        self._folder.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        self._folder.discard()


class LazyLines:
    """JSON lines in a file that comes to be with its first line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: OutputFile | None = None

    def write(self, line: bytes) -> None:
        """Add a line without its end."""
        if self._file is None:
            self._file = OutputFile(self.path)
        self._file.write(line + b"\n")

    def commit(self) -> None:
        """Put the file in its place, if there is one."""
        if self._file is not None:
            self._file.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        if self._file is not None:
            self._file.discard()


def problem_line(problem: Problem) -> bytes:
    """A problem as a JSON line; the record as text where it is UTF-8, else in base64."""
    values: dict[str, Any] = {
        "file": problem.file,
        "position": problem.position,
        "kind": problem.kind.value,
        "message": problem.message,
    }
    if problem.record is not None:
        try:
            values["record"] = problem.record.decode("utf-8")
        except UnicodeDecodeError:
            values["record_base64"] = base64.b64encode(problem.record).decode("ascii")
    return dump(values)


class Transaction:
    """Writers that are committed together at the end, or discarded on any exception."""

    def __init__(self) -> None:
        self._writers: list[Any] = []

    def add(self, writer: Any) -> Any:
        """Take part: ``writer`` has ``commit`` and ``discard``."""
        self._writers.append(writer)
        return writer

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for writer in self._writers:
                    writer.commit()
        finally:
            for writer in self._writers:
                writer.discard()
