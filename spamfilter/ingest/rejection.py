"""How rejected pages carry their reasons, and how pages that are judged anew lose those of an earlier run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from spamfilter.ingest.json_text import add_value, dump, remove_value, replace_value
from spamfilter.ingest.records import Record
from spamfilter.ingest.tables import take_rows

REJECTED_KEY = "spamfilter_rejected"
_REASON_FIELDS = (
    pa.field("spamfilter_reason", pa.string()),
    pa.field("spamfilter_kind", pa.string()),
    pa.field("spamfilter_probability", pa.float64()),
)
REASON_COLUMNS = tuple(field.name for field in _REASON_FIELDS)


def with_reason(record: Record, reason: dict[str, Any]) -> bytes:
    """The record as a JSON line with its reason."""
    line = dump(record.fields) if record.raw is None else record.raw
    if REJECTED_KEY in record.fields:  # somebody else's
        return replace_value(line, REJECTED_KEY, reason)
    return add_value(line, REJECTED_KEY, dump(reason))


def without_reason(record: Record) -> Record:
    """The record without the reason of an earlier run; the record itself if it has none."""
    fields, raw = fields_without_reason(record.fields), record.raw
    if fields is record.fields:
        return record
    for name in record.fields:
        if raw is not None and name not in fields:
            raw = remove_value(raw, name)
    return replace(record, fields=fields, raw=raw)


def fields_without_reason(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields of a record without the reason of an earlier run; the same object if there is none."""
    reason = fields.get(REJECTED_KEY)
    older = {REJECTED_KEY} if isinstance(reason, dict) and "reason" in reason else set()
    if all(name in fields for name in REASON_COLUMNS):  # of Parquet
        older.update(REASON_COLUMNS)
    return {name: value for name, value in fields.items() if name not in older} if older else fields


def places_without_reasons(schema: pa.Schema) -> list[int]:
    """Columns but for the reasons of an earlier run."""
    older = REASON_COLUMNS if set(REASON_COLUMNS) <= set(schema.names) else ()
    return [place for place, name in enumerate(schema.names) if name not in older]


def rows_with_reasons(
    batch: pa.RecordBatch, reasons: dict[int, tuple[str, str | None, float | None]]
) -> pa.RecordBatch:
    """The rows that ``reasons`` names, each with its reason, kind and probability.

    Raises:
        InputError: see ``take_rows``.
    """
    places = sorted(reasons)
    # Columns of these names give way: Parquet with two of one name is hard to read.
    batch = batch.select([place for place, name in enumerate(batch.schema.names) if name not in REASON_COLUMNS])
    rows = take_rows(batch, places)
    columns = [
        pa.array([reasons[place][number] for place in places], field.type)
        for number, field in enumerate(_REASON_FIELDS)
    ]
    schema = batch.schema
    for field in _REASON_FIELDS:
        schema = schema.append(field)
    return pa.RecordBatch.from_arrays([*rows.columns, *columns], schema=schema)
