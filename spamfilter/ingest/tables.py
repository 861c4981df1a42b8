"""Parquet: row groups streamed, other columns untouched."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spamfilter.errors import InputError
from spamfilter.ingest.arrow import text_position
from spamfilter.ingest.json_text import duration_text
from spamfilter.ingest.records import CHUNK_CHARACTERS, CHUNK_RECORDS, Problem, ProblemError, ProblemKind

_BUFFER = 1 << 20
_UNITS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UNTELLABLE = (pa.ArrowException, ValueError, OverflowError, ImportError)
"""What pyarrow raises for values that Python's types do not hold, such as days beyond the year 9999."""


class TableReader:
    """Batches of a Parquet file, a few megabytes each."""

    def __init__(self, path: Path, text_column: str, *, on_progress: Callable[[int], None] | None = None) -> None:
        """Open ``path``.

        Raises:
            ProblemError: it is no Parquet file, or has no such column of strings.
            OSError: it cannot be read.
        """
        self._path = path
        self._on_progress = on_progress
        with path.open("rb"):
            pass  # an OSError of the system, not one that pyarrow words
        try:
            # As bytes, because pyarrow takes only names in UTF-8 as strings.
            source = pa.OSFile(os.fsencode(path))
            self._file = pq.ParquetFile(source, buffer_size=_BUFFER, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            message = f"no whole Parquet file ({_first_line(error)}); fetch it again or mend its name"
            raise ProblemError(Problem(ProblemKind.UNREADABLE, str(path), "", message)) from None
        self.schema: pa.Schema = self._file.schema_arrow
        try:
            text_position(self.schema, text_column)
        except InputError as error:
            raise ProblemError(Problem(ProblemKind.MISSING_COLUMN, str(path), "", str(error))) from None

    def writer_options(self) -> dict[str, Any]:
        """Compression of the file, for a writer that does likewise."""
        metadata = self._file.metadata
        if not metadata.num_row_groups or not metadata.num_columns:
            return {}
        codecs = {metadata.row_group(0).column(place).compression for place in range(metadata.num_columns)}
        codec = codecs.pop() if len(codecs) == 1 else "ZSTD"
        return {"compression": "NONE" if codec == "UNCOMPRESSED" else codec}

    def batches(self, problems: list[Problem]) -> Iterator[tuple[int, pa.RecordBatch | None]]:
        """Batches with the number of their first row; None ends a row group.

        A row group that is damaged becomes a problem; the others are still read.
        """
        metadata = self._file.metadata
        row = done = 0
        for group in range(metadata.num_row_groups):
            first, facts = row, metadata.row_group(group)
            try:
                for batch in self._file.iter_batches(_rows_a_batch(facts), row_groups=[group], use_threads=False):
                    yield row, batch
                    row += batch.num_rows
                    self._tell(done + _size(facts) * (row - first) // max(facts.num_rows, 1))
            except (pa.ArrowException, OSError) as error:
                message = f"the row group is damaged ({_first_line(error)}); fetch the file again"
                position = f"row group {group}, from row {row}"
                problems.append(Problem(ProblemKind.TRUNCATED, str(self._path), position, message))
            row = first + facts.num_rows
            done += _size(facts)
            yield row, None

    def close(self) -> None:
        """Close the file."""
        self._file.close(force=True)

    def _tell(self, position: int) -> None:
        if self._on_progress is not None:
            self._on_progress(position)


def row_texts(
    batch: pa.RecordBatch, text_column: str, file: str, first_row: int, longest: int, problems: list[Problem]
) -> tuple[list[str | None], dict[int, ProblemKind]]:
    """The text of each row, or None and the reason in the second result."""
    column = batch.column(text_position(batch.schema, text_column))
    without: dict[int, ProblemKind] = {}
    texts: list[str | None] = decodable_values(column)
    for place, text in enumerate(texts):
        if text is None:
            without[place] = ProblemKind.WRONG_ENCODING if column[place].is_valid else ProblemKind.NO_TEXT
        elif len(text) > longest:
            without[place] = ProblemKind.TOO_LONG
            texts[place] = None
    words = {
        ProblemKind.WRONG_ENCODING: f"{text_column!r} is not UTF-8; decode it anew",
        ProblemKind.NO_TEXT: f"{text_column!r} is null; drop the row or give it a text",
        ProblemKind.TOO_LONG: f"{text_column!r} is longer than {longest} characters; raise the limit or split it",
    }
    for place, kind in sorted(without.items()):
        problems.append(Problem(kind, file, f"row {first_row + place}", words[kind]))
    return texts, without


def decodable_values(column: pa.Array) -> list[Any]:
    """Values of a column; None for strings that are not UTF-8 and for others that Python's types do not hold."""
    try:
        values: list[Any] = column.to_pylist()
    except UNTELLABLE:
        values = [_decoded(value) for value in column]
    return values


def told_values(column: pa.Array) -> list[Any]:
    """Values of a column for JSON: durations and times of nanoseconds as texts in ISO 8601, others as Python has them.

    Raises:
        Exception: one of ``UNTELLABLE``.
    """
    kind = column.type
    if pa.types.is_duration(kind):
        second = _UNITS_A_SECOND[kind.unit]
        counts = column.cast(pa.int64()).to_pylist()
        return [None if count is None else duration_text(count, second) for count in counts]
    if (pa.types.is_timestamp(kind) or pa.types.is_time64(kind)) and kind.unit == "ns":
        return _nanosecond_texts(column)
    values: list[Any] = column.to_pylist()
    return values


def _nanosecond_texts(column: pa.Array) -> list[str | None]:
    # Python's times end at microseconds, so the rest is put into their texts.
    kind = column.type
    coarse = pa.timestamp("us", kind.tz) if pa.types.is_timestamp(kind) else pa.time64("us")
    parts = [(None, 0) if count is None else divmod(count, 1000) for count in column.cast(pa.int64()).to_pylist()]
    times = pa.array([whole for whole, _ in parts], pa.int64()).cast(coarse).to_pylist()
    texts: list[str | None] = []
    for time, (_, rest) in zip(times, parts, strict=True):
        text = None if time is None else time.isoformat(timespec="microseconds")
        texts.append(text and re.sub(r"(\.\d{6})", rf"\g<1>{rest:03}", text))
    return texts


def replace_column(batch: pa.RecordBatch, name: str, texts: dict[int, str]) -> pa.RecordBatch:
    """``batch`` with other texts in the rows that ``texts`` names."""
    place = text_position(batch.schema, name)
    column = batch.column(place)
    kind = column.type
    values = column.dictionary_decode() if pa.types.is_dictionary(kind) else column
    plain = pa.large_string() if pa.types.is_string_view(values.type) else values.type
    values = values.cast(plain)
    mask = [row in texts for row in range(batch.num_rows)]
    new = pa.compute.replace_with_mask(values, pa.array(mask), pa.array(list(texts.values()), plain))
    new = new.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else new.cast(kind)
    arrays = [*batch.columns[:place], new, *batch.columns[place + 1 :]]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def take_rows(batch: pa.RecordBatch, rows: Sequence[int]) -> pa.RecordBatch:
    """The rows of ``batch`` that ``rows`` names.

    Raises:
        InputError: pyarrow cannot take rows from a column of such a type.
    """
    places = pa.array(rows, pa.int64())
    columns = [_taken(column, places, name) for name, column in zip(batch.schema.names, batch.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _taken(column: pa.Array, places: pa.Array, name: str) -> pa.Array:
    with suppress(pa.ArrowNotImplementedError):
        return column.take(places)
    try:  # views, as of pyarrow 26
        return column.cast(_without_views(column.type)).take(places).cast(column.type)
    except pa.ArrowNotImplementedError:
        raise InputError(
            f"rows cannot be taken from the column {name!r} of the type {column.type}; cast it or drop it"
        ) from None


def _without_views(kind: pa.DataType) -> pa.DataType:
    """``kind`` with views of strings and bytes, at any depth, as plain strings and bytes."""
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_struct(kind):
        return pa.struct([_field_without_views(field) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_field_without_views(kind.key_field), _field_without_views(kind.item_field))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.large_list(_field_without_views(kind.value_field))
    return kind


def _field_without_views(field: pa.Field) -> pa.Field:
    return field.with_type(_without_views(field.type))


def _decoded(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except UNTELLABLE:
        return None


def _rows_a_batch(facts: Any) -> int:
    width = max(1, facts.total_byte_size // max(facts.num_rows, 1))
    return int(min(max(CHUNK_CHARACTERS // width, 1), CHUNK_RECORDS))


def _size(facts: Any) -> int:
    return sum(facts.column(place).total_compressed_size for place in range(facts.num_columns))


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0].rstrip(".")
