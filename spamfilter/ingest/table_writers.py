"""Writers of Parquet files: batches and records as rows; each file appears when it is whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spamfilter.ingest.byte_files import OutputFile, naming
from spamfilter.ingest.records import CHUNK_CHARACTERS, CHUNK_RECORDS, Record
from spamfilter.ingest.row_types import RowTypes

_GROUP_BYTES = 64 << 20
PAGE_ROWS = RowTypes(pa.schema([(name, pa.string()) for name in ("id", "url", "date", "language", "text")]))
"""Columns of rows that are made from WET, WARC and plain text."""


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
            with naming(self._file.path):
                self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._waiting, self._bytes = [], 0

    def commit(self) -> None:
        """Make the file whole and put it in its place."""
        self.end_group()
        with naming(self._file.path):
            self._writer.close()
        self._file.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        self._waiting = []
        # Else it writes the end of the file when it is collected, to a file that is gone.
        self._writer.is_open = False
        self._file.discard()


class RecordTableWriter:
    """Records as rows of a Parquet file."""

    def __init__(
        self, path: Path, types: RowTypes, text_key: str, annotation: tuple[str, pa.DataType] | None = None
    ) -> None:
        """Begin to write.

        Args:
            types: of the keys of the records.
            annotation: name and type of one more column.
        """
        self._types = types
        self._text_key = text_key
        self._schema = types.schema if annotation is None else types.schema.append(pa.field(*annotation))
        self._writer = TableWriter(path, self._schema)
        self._rows: list[Mapping[str, Any]] = []
        self._characters = 0

    def write(self, record: Record, text: str | None, annotation: tuple[str, Any] | None) -> None:
        """Add a record; those that hold no page and came without a line of JSON are left out."""
        if record.text is None and record.raw is None:
            return
        page = record.text if text is None else text
        row = {**self._types.row(record.fields), self._text_key: page}
        self._rows.append(row if annotation is None else {**row, annotation[0]: annotation[1]})
        self._characters += len(page or "")
        if len(self._rows) >= CHUNK_RECORDS or self._characters >= CHUNK_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, self._schema))
        self._rows, self._characters = [], 0

    def commit(self) -> None:
        """Make the file whole and put it in its place."""
        self._flush()
        self._writer.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        self._writer.discard()


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
