"""Writers: records to JSON lines, WET, plain text, Parquet; each file appears when it is whole."""

import base64
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from spamfilter.ingest.byte_files import OutputFile
from spamfilter.ingest.job import Target
from spamfilter.ingest.json_text import add_value, dump, replace_value
from spamfilter.ingest.records import Problem, Record

_GROUP_BYTES = 64 << 20


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
            if record.text is None:
                return
            fields = record.fields if text is None else {**record.fields, "text": text}
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


class WetWriter:
    """Records as conversion records of a WET file; what was no page in a WET file is handed on as it was."""

    def __init__(self, path: Path) -> None:
        self._file = OutputFile(path)

    def write(self, record: Record, text: str | None, annotation: tuple[str, Any] | None) -> None:
        """Add a record; there is no place for an annotation."""
        from spamfilter.ingest.warc import conversion_headers, wet_record

        headers = record.headers or conversion_headers(record.fields)
        if text is None and record.payload is not None:
            data = wet_record(headers, record.payload, changed=False)
        else:
            payload = (record.text or "") if text is None else text
            data = wet_record(headers, payload.encode("utf-8"), changed=True)
        self._file.write_member(data)

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


class TableWriter:
    """Batches as row groups of a Parquet file."""

    def __init__(self, path: Path, schema: pa.Schema, **options: Any) -> None:
        """Begin to write.

        Args:
            options: of ``pyarrow.parquet.ParquetWriter``.
        """
        self._file = OutputFile(path)
        self._writer = pq.ParquetWriter(self._file.raw, schema, **{"compression": "zstd", **options})
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= _GROUP_BYTES:
            self.end_group()

    def end_group(self) -> None:
        """Let the rows so far be a row group."""
        if self._waiting:
            table = pa.Table.from_batches(self._waiting, self._schema)
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._waiting, self._bytes = [], 0

    def commit(self) -> None:
        """Make the file whole and put it in its place."""
        self.end_group()
        self._writer.close()
        self._file.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        self._waiting = []
        # Else it writes the end of the file when it is collected, to a file that is gone.
        self._writer.is_open = False
        self._file.discard()


class RecordTableWriter:
    """Pages as rows of a Parquet file with the columns ``id``, ``url``, ``date``, ``language``, ``text``."""

    def __init__(self, path: Path, annotation: tuple[str, pa.DataType] | None) -> None:
        schema = pa.schema([(name, pa.string()) for name in ("id", "url", "date", "language", "text")])
        self._schema = schema if annotation is None else schema.append(pa.field(*annotation))
        self._writer = TableWriter(path, self._schema)
        self._rows: list[Mapping[str, Any]] = []

    def write(self, record: Record, text: str | None, annotation: tuple[str, Any] | None) -> None:
        """Add a page; records that hold none are left out."""
        if record.text is None:
            return
        fields = record.fields if text is None else {**record.fields, "text": text}
        self._rows.append(fields if annotation is None else {**fields, annotation[0]: annotation[1]})
        if len(self._rows) >= 1000:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, self._schema))
        self._rows = []

    def commit(self) -> None:
        """Make the file whole and put it in its place."""
        self._flush()
        self._writer.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        self._writer.discard()


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


class LazyTable:
    """A Parquet file that comes to be with its first batch."""

    def __init__(self, path: Path, **options: Any) -> None:
        self._path = path
        self._options = options
        self._writer: TableWriter | None = None

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        if self._writer is None:
            self._writer = TableWriter(self._path, batch.schema, **self._options)
        self._writer.write_batch(batch)

    def commit(self) -> None:
        """Put the file in its place, if there is one."""
        if self._writer is not None:
            self._writer.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        if self._writer is not None:
            self._writer.discard()


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


def record_writer(
    target: Target, path: Path, text_key: str, annotation: tuple[str, pa.DataType] | None
) -> RecordWriter:
    """The writer for records as ``target``."""
    if target is Target.WET:
        return WetWriter(path)
    if target is Target.TEXT:
        return PlainTextWriter(path)
    if target is Target.PARQUET:
        return RecordTableWriter(path, annotation)
    return JsonLinesWriter(path, text_key)


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
