"""Types for the columns of a table that is made from JSON objects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from spamfilter.ingest.json_text import dump_parsed

_EXACT = 1 << 53
"""Up to here a float64 holds every integer."""
_INT64 = 1 << 63
_DEEPEST = 16
_MOST_FIELDS = 256


@dataclass(slots=True)
class _Guess:
    """What the values at one place have in common so far."""

    forms: set[str] = field(default_factory=set)
    fields: dict[str, "_Guess"] = field(default_factory=dict)
    items: "_Guess | None" = None

    def add(self, value: Any, depth: int = 0) -> None:
        if value is None or "other" in self.forms:
            return
        self.forms.add(_form(value))
        if depth >= _DEEPEST or len(self.fields) > _MOST_FIELDS:
            self.forms.add("other")
        elif isinstance(value, dict):
            for name, part in value.items():
                self.fields.setdefault(name, _Guess()).add(part, depth + 1)
        elif isinstance(value, list):
            self.items = self.items or _Guess()
            for part in value:
                self.items.add(part, depth + 1)

    def type(self) -> pa.DataType | None:
        """The type that holds all values as they are; None if there is none."""
        forms = self.forms
        if forms <= {"string"}:  # nothing but nulls as well
            return pa.string()
        if forms == {"bool"}:
            return pa.bool_()
        if forms <= {"int", "wide"}:
            return pa.int64()
        if forms <= {"int", "float"}:
            return pa.float64()
        if forms == {"dict"}:
            parts = {name: part.type() for name, part in self.fields.items()}
            whole = bool(parts) and None not in parts.values() and all(map(_is_utf8, parts))
            return pa.struct(list(parts.items())) if whole else None
        if forms == {"list"}:
            item = self.items.type() if self.items else None
            return None if item is None else pa.list_(item)
        return None


def _form(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if abs(value) <= _EXACT else "wide" if -_INT64 <= value < _INT64 else "other"
    if isinstance(value, str):
        return "string" if _is_utf8(value) else "other"
    return type(value).__name__  # float, dict or list: JSON has nothing else


def _is_utf8(text: str) -> bool:
    return surrogate_place(text) is None


def surrogate_place(text: str) -> int | None:
    """Where ``text`` holds the first half of a surrogate pair, which no UTF-8 can hold; None if it holds none."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return error.start
    return None


@dataclass(frozen=True, slots=True)
class RowTypes:
    """How JSON objects become rows.

    Attributes:
        schema: a column for each key, in the order in which the keys came.
        as_json: columns whose values have no type in common; they hold the JSON of each value.
    """

    schema: pa.Schema
    as_json: frozenset[str] = frozenset()

    def row(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The row of an object; keys that it lacks are null."""
        row = {name: fields.get(name) for name in self.schema.names}
        for name in self.as_json:
            if row[name] is not None:
                row[name] = dump_parsed(row[name]).decode("utf-8")
        return row


def row_types(objects: Iterable[Mapping[str, Any]], text_key: str, leave_out: frozenset[str]) -> RowTypes:
    """Find types that hold every value of ``objects`` as it is.

    A key whose values have no such type (numbers and strings, objects that are empty or of very many keys, integers
    beyond 64 bit) becomes a column of strings that hold JSON.

    Args:
        text_key: the column of the text: always one of strings.
        leave_out: keys that get no column.
    """
    guesses: dict[str, _Guess] = {text_key: _Guess()}
    order: dict[str, None] = {}
    for one in objects:
        for name, value in one.items():
            order[name] = None
            if name != text_key:
                guesses.setdefault(name, _Guess()).add(value)
    order.setdefault(text_key)
    # A key that is no UTF-8 cannot name a column; records with such keys are not written to tables.
    names = [name for name in order if name not in leave_out and _is_utf8(name)]
    types = {name: guesses[name].type() for name in names}
    schema = pa.schema([(name, pa.string() if kind is None else kind) for name, kind in types.items()])
    return RowTypes(schema, frozenset(name for name, kind in types.items() if kind is None))
