"""The Arrow batch function: a table in, the same table with one struct column of verdicts out."""

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from spamfilter.errors import InputError
from spamfilter.ingest.decisions import KIND_NAMES, LABEL_NAMES, Decisions, decide
from spamfilter.predictor import Predictor

LineChoice = Literal["all", "flagged"]
_Batch = TypeVar("_Batch", pa.Table, pa.RecordBatch)

_SPAN = pa.struct(
    [
        pa.field("line", pa.int32()),
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("label", pa.string()),
        pa.field("probability", pa.float64()),
    ]
)


def annotation_type(*, probabilities: bool = False, cleaned: bool = False) -> pa.StructType:
    """The type of the struct column that ``annotate`` adds, for engines that want the schema beforehand.

    Fields: ``kind`` (see ``DocumentKind``), ``is_spam``, ``probability`` (that the page is spam), ``lines``
    (list of ``number``, ``start``, ``end``, ``label``, ``probability`` and, on request, ``probabilities`` in the
    order of ``LABELS``), ``spans`` (list of ``line``, ``start``, ``end``, ``label``, ``probability``) and, on
    request, ``cleaned``. Offsets count characters of the text, the end is exclusive.
    """
    line = [
        pa.field("number", pa.int32()),
        pa.field("start", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("label", pa.string()),
        pa.field("probability", pa.float64()),
    ]
    if probabilities:
        line.append(pa.field("probabilities", pa.list_(pa.float64())))
    fields = [
        pa.field("kind", pa.string()),
        pa.field("is_spam", pa.bool_()),
        pa.field("probability", pa.float64()),
        pa.field("lines", pa.list_(pa.struct(line))),
        pa.field("spans", pa.list_(_SPAN)),
    ]
    if cleaned:
        fields.append(pa.field("cleaned", pa.string()))
    return pa.struct(fields)


def annotated_schema(
    schema: pa.Schema, *, output_column: str = "spamfilter", probabilities: bool = False, cleaned: bool = False
) -> pa.Schema:
    """The schema of ``annotate``'s result for a table of ``schema``.

    Raises:
        InputError: ``schema`` has a column of the name ``output_column`` already.
    """
    if output_column in schema.names:
        raise InputError(f"the table has a column {output_column!r} already; choose another output_column")
    return schema.append(pa.field(output_column, annotation_type(probabilities=probabilities, cleaned=cleaned)))


def annotate(
    table: _Batch,
    text_column: str = "text",
    *,
    predictor: Predictor | None = None,
    max_false_positive_rate: float = 1e-3,
    output_column: str = "spamfilter",
    lines: LineChoice = "all",
    probabilities: bool = False,
    cleaned: bool = False,
    drop_boilerplate: bool = False,
) -> _Batch:
    """Add a struct column of verdicts; all other columns stay as they are, rows keep their order.

    Args:
        table: a ``pyarrow.Table`` or ``pyarrow.RecordBatch``; the result is of the same kind.
        text_column: a column of strings. Where it is null, the verdict is null.
        predictor: the model; by default the shipped one, loaded anew at each call. Load it once with
            ``Predictor.load()`` and hand it over when there is more than one batch.
        max_false_positive_rate: tolerated share of clean lines wrongly flagged, for each label.
        output_column: name of the new column, of the type ``annotation_type(...)``.
        lines: list all lines of a page, or only the flagged ones.
        probabilities: give each line the probabilities of all labels, not only of its own.
        cleaned: add the text without flagged lines and foreign stretches.
        drop_boilerplate: leave boilerplate lines out of the cleaned text as well.

    Raises:
        InputError: the text column is missing, is no column of strings or holds bytes that are not UTF-8,
            or the output column is there already.
        ValueError: the rate is outside the range that the model has measured.
    """
    schema = annotated_schema(table.schema, output_column=output_column, probabilities=probabilities, cleaned=cleaned)
    column, _ = verdicts(
        column_texts(table, text_column),
        Predictor.load() if predictor is None else predictor,
        max_false_positive_rate=max_false_positive_rate,
        lines=lines,
        probabilities=probabilities,
        cleaned=cleaned,
        drop_boilerplate=drop_boilerplate,
    )
    if isinstance(table, pa.RecordBatch):
        return pa.RecordBatch.from_arrays([*table.columns, column], schema=schema)
    return table.append_column(schema.field(output_column), column)


def verdicts(
    texts: Sequence[str | None],
    predictor: Predictor,
    *,
    max_false_positive_rate: float,
    lines: LineChoice = "all",
    probabilities: bool = False,
    cleaned: bool = False,
    drop_boilerplate: bool = False,
) -> tuple[pa.StructArray, Decisions]:
    """Verdicts on texts, null where a text is None, and the decisions on the others; see ``annotate``."""
    present = [text for text in texts if text is not None]
    predictions = list(predictor.predict_many(present, max_false_positive_rate=max_false_positive_rate))
    decisions = decide(predictions)
    column = annotation_array(
        decisions,
        lines=lines,
        probabilities=probabilities,
        cleaned=[one.clean_text(drop_boilerplate=drop_boilerplate) for one in predictions] if cleaned else None,
    )
    if len(present) < len(texts):
        known = np.array([text is not None for text in texts])
        column = column.take(pa.array(np.cumsum(known) - 1, mask=~known))
    return column, decisions


def text_position(schema: pa.Schema, text_column: str) -> int:
    """Position of the text column.

    Raises:
        InputError: it is missing, there are several of the name, or it does not hold strings.
    """
    found = schema.get_all_field_indices(text_column)
    if len(found) != 1:
        how = "no column" if not found else f"{len(found)} columns"
        raise InputError(f"{how} {text_column!r} among {schema.names}; name the column that holds the text")
    kind = schema.field(found[0]).type
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(value) or pa.types.is_large_string(value) or pa.types.is_string_view(value)):
        raise InputError(f"column {text_column!r} holds {kind}, not strings; name a column of strings or cast it")
    return int(found[0])


def column_texts(table: pa.Table | pa.RecordBatch, text_column: str) -> list[str | None]:
    """The text of each row, None where it is null.

    Raises:
        InputError: see ``text_position``; or a value is not UTF-8.
    """
    column = table.column(text_position(table.schema, text_column))
    try:
        texts: list[str | None] = column.to_pylist()
    except UnicodeDecodeError:
        row = next(row for row, value in enumerate(column) if _undecodable(value))
        raise InputError(
            f"column {text_column!r}, row {row}: the text is not UTF-8; decode it anew or drop the row"
        ) from None
    return texts


def _undecodable(value: pa.Scalar) -> bool:
    try:
        value.as_py()
    except UnicodeDecodeError:
        return True
    return False


def annotation_array(
    decisions: Decisions,
    *,
    lines: LineChoice = "all",
    probabilities: bool = False,
    cleaned: Sequence[str] | None = None,
) -> pa.StructArray:
    """Decisions as one struct array of the type ``annotation_type(...)``, one row a document.

    Args:
        decisions: of d documents.
        cleaned: d texts, or None for an array without them.
    """
    if lines not in ("all", "flagged"):
        raise ValueError(f"lines={lines!r} is neither 'all' nor 'flagged'")
    kind = annotation_type(probabilities=probabilities, cleaned=cleaned is not None)
    line_type = kind.field("lines").type.value_type
    numbers = np.arange(len(decisions.labels)) - np.repeat(decisions.line_edges[:-1], np.diff(decisions.line_edges))
    chosen = np.arange(len(numbers)) if lines == "all" else np.flatnonzero(decisions.flagged_lines())
    columns: list[pa.Array] = [
        _int32(numbers[chosen]),
        _int32(decisions.starts[chosen]),
        _int32(decisions.ends[chosen]),
        _names(LABEL_NAMES, decisions.labels[chosen]),
        pa.array(decisions.line_probabilities()[chosen]),
    ]
    if probabilities:
        rows = decisions.label_probabilities()[chosen]
        edges = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
        columns.append(pa.ListArray.from_arrays(pa.array(edges), pa.array(rows.ravel())))
    line_values = pa.StructArray.from_arrays(columns, fields=list(line_type))
    span_values = pa.StructArray.from_arrays(
        [
            _int32(numbers[decisions.span_lines]),
            _int32(decisions.span_starts),
            _int32(decisions.span_ends),
            _names(("seo_injection",), np.zeros(len(decisions.span_lines), np.int64)),
            pa.array(decisions.span_probabilities),
        ],
        fields=list(_SPAN),
    )
    arrays: list[pa.Array] = [
        _names(KIND_NAMES, decisions.kinds),
        pa.array(decisions.is_spam),
        pa.array(decisions.probabilities),
        pa.ListArray.from_arrays(_int32(np.searchsorted(chosen, decisions.line_edges)), line_values),
        pa.ListArray.from_arrays(_int32(decisions.span_edges), span_values),
    ]
    if cleaned is not None:
        arrays.append(pa.array(cleaned, pa.string()))
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def _int32(values: NDArray[np.int64]) -> pa.Array:
    return pa.array(values.astype(np.int32))


def _names(names: Sequence[str], indices: NDArray[np.int64]) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(indices))
