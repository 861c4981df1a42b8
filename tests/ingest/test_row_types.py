"""Rows made of JSON objects hold what the objects hold."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from spamfilter.ingest.json_text import parse_object
from spamfilter.ingest.row_types import row_types

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_KEYS = st.sampled_from(["a", "b", "c"])
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


def without_nulls(value: Any) -> Any:
    """A struct cannot tell a key that is missing from one that is null."""
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value


@given(st.lists(st.dictionaries(_KEYS, _VALUES, max_size=3), min_size=1, max_size=6))
def test_any_json_object_comes_back_from_parquet(objects: list[dict[str, Any]]) -> None:
    types = row_types(objects, "text", frozenset())
    file = io.BytesIO()
    batch = pa.RecordBatch.from_pylist([types.row(one) for one in objects], types.schema)
    pq.write_table(pa.Table.from_batches([batch]), file)
    for row, origin in zip(pq.read_table(file).to_pylist(), objects, strict=True):
        for name in types.as_json:
            row[name] = None if row[name] is None else json.loads(row[name])
        assert without_nulls(row) == without_nulls(origin)


def test_columns_stand_in_the_order_of_the_keys_and_some_can_be_left_out() -> None:
    types = row_types([{"z": 1, "text": "x", "gone": 2}, {"a": 1}], "text", frozenset({"gone"}))
    assert types.schema.names == ["z", "text", "a"]


def test_numbers_that_a_float_cannot_hold_stay_exact_beside_fractions() -> None:
    objects: list[dict[str, Any]] = [{"n": (1 << 53) + 1}, {"n": 0.5}]
    types = row_types(objects, "text", frozenset())
    assert [types.row(one)["n"] for one in objects] == ["9007199254740993", "0.5"]


def test_a_column_with_integers_beyond_64_bit_is_one_of_strings_with_json() -> None:
    objects = [parse_object(b'{"n":18446744073709551620}'), parse_object(b'{"n":7}')]
    types = row_types(objects, "text", frozenset())
    assert [types.row(one)["n"] for one in objects] == ["18446744073709551620", "7"]


def test_a_column_of_json_holds_what_is_no_number_as_it_came() -> None:
    lines = [
        b'{"n":NaN}',
        b'{"n":"x"}',
        b'{"n":[1,-1e400,null]}',
        b'{"n":{"a":[Infinity]}}',
        b'{"n":["\xc3\xa9",null]}',
    ]
    objects = [parse_object(line) for line in lines]
    types = row_types(objects, "text", frozenset())
    told = [types.row(one)["n"] for one in objects]
    assert told == ["NaN", '"x"', "[1, -Infinity, null]", '{"a": [Infinity]}', '["é",null]']


def test_objects_used_as_dictionaries_do_not_become_thousands_of_columns() -> None:
    types = row_types([{"counts": {f"word {k}": k}} for k in range(1000)], "text", frozenset())
    assert types.as_json == {"counts"}
