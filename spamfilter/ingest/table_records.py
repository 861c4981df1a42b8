"""Rows of Parquet files as records, for outputs that are no tables."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from spamfilter.ingest.json_text import dump
from spamfilter.ingest.records import Chunk, Problem, ProblemError, ProblemKind, Record
from spamfilter.ingest.tables import UNTELLABLE, TableReader, told_values


def read_rows(path: Path, text_column: str, *, on_progress: Callable[[int], None] | None = None) -> Iterator[Chunk]:
    """Read the rows of a Parquet file; their number counts from 0, their fields are the columns.

    Rows without text are handed over with ``text=None`` and a problem; rows with a column that is not UTF-8 become
    problems that hold the row as JSON, these bytes in base64.

    Raises:
        ProblemError: the file is no Parquet file or has no such column of strings, or two columns of one name, or
            a column of a type, or with a value, that JSON cannot tell.
        OSError: it cannot be read.
    """
    reader = TableReader(path, text_column, on_progress=on_progress)
    try:
        _check_names(reader.schema, path)
        chunk = Chunk()
        for first_row, batch in reader.batches(chunk.problems):
            if batch is None:
                continue
            for place, row in enumerate(_rows(batch, path)):
                _take(chunk, str(path), first_row + place, row, text_column)
            yield chunk
            # The list of problems is the one that the reader adds to.
            chunk.records, chunk.characters, chunk.unread = [], 0, 0
            chunk.problems.clear()
        yield chunk
    finally:
        reader.close()


def _check_names(schema: pa.Schema, path: Path) -> None:
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        message = f"two columns {twice[0]!r}, and a JSON object holds one; rename one or write Parquet"
        raise ProblemError(Problem(ProblemKind.UNREADABLE, str(path), "", message))


def _rows(batch: pa.RecordBatch, path: Path) -> list[dict[str, Any]]:
    columns = {
        name: _values(column, name, path) for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _values(column: pa.Array, name: str, path: Path) -> list[Any]:
    try:
        return told_values(column)
    except UnicodeDecodeError:
        return [_bytes_if_undecodable(value, name, path) for value in column]
    except UNTELLABLE as error:
        raise _untold(name, column.type, path, error) from None


def _bytes_if_undecodable(value: pa.Scalar, name: str, path: Path) -> Any:
    try:
        return value.as_py()
    except UnicodeDecodeError as error:
        if not hasattr(value, "as_buffer"):
            raise _untold(name, value.type, path, error) from None
        return _Undecodable(value.as_buffer().to_pybytes())


def _untold(name: str, kind: pa.DataType, path: Path, error: Exception) -> ProblemError:
    message = f"the column {name!r} of the type {kind} cannot be told as JSON ({error}); drop it or write Parquet"
    return ProblemError(Problem(ProblemKind.UNREADABLE, str(path), "", message))


class _Undecodable(bytes):
    """Bytes of a string that is not UTF-8."""


def _take(chunk: Chunk, file: str, number: int, fields: dict[str, Any], text_column: str) -> None:
    position = f"row {number}"
    broken = [name for name, value in fields.items() if isinstance(value, _Undecodable)]
    if broken:
        message = f"{broken[0]!r} is not UTF-8; decode it anew"
        told = {
            f"{name}_base64" if name in broken else name: base64.b64encode(value).decode() if name in broken else value
            for name, value in fields.items()
        }
        chunk.give_up(Problem(ProblemKind.WRONG_ENCODING, file, position, message, dump(told)))
        return
    text = fields[text_column]
    if text is None:
        message = f"{text_column!r} is null; drop the row or give it a text"
        chunk.problems.append(Problem(ProblemKind.NO_TEXT, file, position, message))
    chunk.add(Record(number, text, fields))
