"""``--to`` writes pages in another format: the same pages with the same texts, and their other fields."""

import json
from datetime import datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spamfilter import Predictor
from spamfilter.ingest import annotate
from spamfilter.ingest.byte_files import remove_partials
from tests.ingest.material import (
    command,
    compress,
    json_lines,
    problems,
    read_json_lines,
    records,
    summary,
    table,
    tree,
    warc,
    wet,
)
from tests.ingest.pages import clean_page, cut_page, pages

TEXTS = pages(24)


def make(folder: Path, suffix: str) -> Path:
    """Pages of the tests as one file."""
    path = folder / f"x.{suffix}"
    if suffix == "parquet":
        return table(path, TEXTS)
    return json_lines(path, records(TEXTS)) if "jsonl" in suffix else (wet if "wet" in suffix else warc)(path, TEXTS)


def texts_in(output: Path) -> list[str]:
    """Texts of an output, whatever its format."""
    if output.is_dir():
        return [path.read_text() for path in sorted(output.iterdir())]
    rows = pq.read_table(output).to_pylist() if output.suffix == ".parquet" else read_json_lines(output)
    return [row["text"] for row in rows]


@pytest.mark.parametrize("target", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet", "text"])
@pytest.mark.parametrize("suffix", ["jsonl.gz", "parquet", "warc.wet.gz"])
def test_the_same_texts_are_kept_in_every_format(
    tmp_path: Path, predictor: Predictor, suffix: str, target: str
) -> None:
    path = make(tmp_path, suffix)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", target) == 0
    wanted = [one.clean_text() for one in predictor.predict_many(TEXTS) if not one.is_spam]
    assert 0 < len(wanted) < len(TEXTS)
    assert texts_in(tmp_path / "o" / ("x" if target == "text" else f"x.{target}")) == wanted
    gone = summary(tmp_path / "o")["total"]["rejected"]
    assert sum(gone.values()) == len(TEXTS) - len(wanted)


def test_a_page_of_html_becomes_a_text_file(tmp_path: Path) -> None:
    path = warc(tmp_path / "x.warc.gz", [clean_page(0)])
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "text") == 0
    assert texts_in(tmp_path / "o/x")[0].split("\n")[0] == clean_page(0).split("\n")[0]


def test_a_text_file_becomes_a_row(tmp_path: Path) -> None:
    path = compress(tmp_path / "x.txt", clean_page(0).encode())
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "parquet") == 0
    (row,) = pq.read_table(tmp_path / "o/x.parquet").to_pylist()
    assert (row["id"], row["text"]) == ("x.txt", clean_page(0))


ROWS: list[dict[str, Any]] = [
    {"id": "a", "text": clean_page(0), "score": 1, "meta": {"tags": ["x", "y"], "n": 1}, "seen": True, "any": 1},
    {"id": "b", "text": clean_page(1), "score": 2.5, "meta": {"n": None, "who": "me"}, "seen": False, "any": "1"},
    {"id": "c", "text": clean_page(2), "score": None, "meta": None, "big": (1 << 63) + 1, "none": None},
    {"id": "d", "text": clean_page(3), "empty": {}, "last": -(1 << 62)},
]


def test_json_keys_become_typed_columns_and_come_back(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "x.jsonl.zst", ROWS)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "parquet") == 0
    found = pq.read_table(tmp_path / "o/x.parquet")
    assert found.schema.field("score").type == pa.float64()
    assert found.schema.field("seen").type == pa.bool_()
    assert found.schema.field("last").type == pa.int64()
    assert found.schema.field("meta").type == pa.struct(
        [("tags", pa.list_(pa.string())), ("n", pa.int64()), ("who", pa.string())]
    )
    # What has no type in common holds the JSON of each value.
    assert found["any"].to_pylist() == ["1", '"1"', None, None]
    assert found["big"].to_pylist() == [None, None, "9223372036854775809", None]
    assert found["empty"].to_pylist() == [None, None, None, "{}"]
    path = tmp_path / "o/x.parquet"
    assert command("filter", path, "-o", tmp_path / "p", "--rejected", tmp_path / "q", "--to", "jsonl") == 0
    for row, origin in zip(read_json_lines(tmp_path / "p/x.jsonl"), ROWS, strict=True):
        for name in ("id", "text", "score", "seen", "last"):
            assert row[name] == origin.get(name)
    assert read_json_lines(tmp_path / "p/x.jsonl")[0]["meta"] == {"tags": ["x", "y"], "n": 1, "who": None}


def test_a_text_under_another_key_keeps_its_key(tmp_path: Path, predictor: Predictor) -> None:
    page = cut_page(predictor)
    path = json_lines(tmp_path / "x.jsonl", [{"body": page, "text": 7}])
    options = ("--text-column", "body", "--reject", "none")
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "parquet", *options) == 0
    path = tmp_path / "o/x.parquet"
    (row,) = pq.read_table(path).to_pylist()
    assert row["text"] == 7
    assert row["body"] == predictor.predict(page).clean_text() != page
    assert command("filter", path, "-o", tmp_path / "p", "--rejected", tmp_path / "q", "--to", "jsonl", *options) == 0
    assert read_json_lines(tmp_path / "p/x.jsonl") == [row]


@pytest.mark.parametrize("target", ["parquet", "text"])
def test_half_a_surrogate_pair_is_rejected_where_utf8_is_written(tmp_path: Path, target: str) -> None:
    path = json_lines(tmp_path / "x.jsonl", [{"text": "half \ud83d"}, {"text": clean_page(0)}])
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", target) == 1
    (problem,) = problems(tmp_path / "o")
    assert (problem["kind"], problem["position"]) == ("wrong_encoding", "line 1")
    (gone,) = read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")
    assert gone["text"] == "half \ud83d"
    assert len(texts_in(tmp_path / "o" / ("x" if target == "text" else "x.parquet"))) == 1


def test_values_that_json_does_not_have_are_told_in_words(tmp_path: Path) -> None:
    content = pa.table(
        {
            "text": [clean_page(0)],
            "at": pa.array([1_700_000_000_000_000_001], pa.timestamp("ns")),
            "on": pa.array([datetime(2024, 5, 6, 7, 8)], pa.timestamp("us")),
            "price": pa.array([Decimal("1.10")]),
            "raw": pa.array([b"\xff"]),
            "gap": pa.array([float("nan")]),
        }
    )
    pq.write_table(content, tmp_path / "x.parquet")
    arguments = ("-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "jsonl")
    assert command("filter", tmp_path / "x.parquet", *arguments) == 0
    (row,) = read_json_lines(tmp_path / "o/x.jsonl")
    del row["text"]
    assert row == {
        "at": "2023-11-14T22:13:20.000000001",
        "on": "2024-05-06T07:08:00",
        "price": "1.10",
        "raw": "/w==",
        "gap": None,
    }


def tell(folder: Path, content: pa.Table) -> list[dict[str, Any]]:
    """Rows of a table that has come to be JSON lines."""
    pq.write_table(content, folder / "x.parquet")
    assert command("annotate", folder / "x.parquet", "-o", folder / "o", "--to", "jsonl") == 0
    return read_json_lines(folder / "o/x.jsonl")


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "+01:00", "America/New_York"])
def test_times_of_all_units_are_told_in_iso_8601(tmp_path: Path, unit: str, zone: str | None) -> None:
    scale = {"ms": 1, "us": 10**3, "ns": 10**6}[unit]
    moments = pa.array([1_700_000_000_001 * scale, -scale, None]).cast(pa.timestamp(unit, zone))
    hours = pa.array([3_600_001 * scale, 0, None]).cast(pa.int32() if unit == "ms" else pa.int64())
    hours = hours.cast(pa.time32("ms") if unit == "ms" else pa.time64(unit))
    rows = tell(tmp_path, pa.table({"text": [clean_page(0)] * 3, "at": moments, "hour": hours}))
    for row, wanted in zip(rows, moments.cast(pa.timestamp("ms", zone)).to_pylist(), strict=True):
        assert row["at"] is None if wanted is None else datetime.fromisoformat(row["at"]) == wanted
        assert wanted is None or row["at"][10] == "T"
        assert wanted is None or row["at"][19:].lstrip(".0123456789") == wanted.isoformat()[26:]
    assert [row["hour"] and time.fromisoformat(row["hour"]) for row in rows] == [time(1, 0, 0, 1000), time(), None]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_of_all_units_are_told_in_one_form(tmp_path: Path, unit: str) -> None:
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    gaps = pa.array([90_000 * scale, -scale, 0, None]).cast(pa.duration(unit))
    content = {"text": [clean_page(0)] * 4, "gap": gaps, "deep": pa.StructArray.from_arrays([gaps], ["gap"])}
    rows = tell(tmp_path, pa.table(content))
    assert [row["gap"] for row in rows] == ["PT90000S", "-PT1S", "PT0S", None]
    assert [row["deep"]["gap"] for row in rows] == [row["gap"] for row in rows]


def test_nanoseconds_are_told_to_the_last_one(tmp_path: Path) -> None:
    count = pa.array([-1])
    content = {
        "text": [clean_page(0)],
        "at": count.cast(pa.timestamp("ns", "+01:00")),
        "gap": count.cast(pa.duration("ns")),
        "hour": pa.array([1001]).cast(pa.time64("ns")),
    }
    (row,) = tell(tmp_path, pa.table(content))
    assert row["at"] == "1970-01-01T00:59:59.999999999+01:00"
    assert row["gap"] == "-PT0.000000001S"
    assert row["hour"] == "00:00:00.000001001"


FAR = [
    pa.array([3_000_000], pa.int32()).cast(pa.date32()),
    pa.array([1 << 60]).cast(pa.timestamp("us")),
    pa.array([1]).cast(pa.timestamp("ns", "Foo/Bar")),
    pa.array([1]).cast(pa.timestamp("us", "Foo/Bar")),
    pa.array([[1]]).cast(pa.list_(pa.duration("ns"))),
    pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["n", "n"]),
]


@pytest.mark.parametrize("values", FAR[:4], ids=lambda values: str(values.type))
@pytest.mark.parametrize("name", ["annotate", "filter"])
def test_a_value_that_json_cannot_tell_costs_its_file_alone(tmp_path: Path, name: str, values: pa.Array) -> None:
    pq.write_table(pa.table({"text": [clean_page(0)], "odd": values}), tmp_path / "x.parquet")
    table(tmp_path / "y.parquet", [clean_page(0)])
    rejected = ("--rejected", tmp_path / "r") if name == "filter" else ()
    arguments = (tmp_path / "x.parquet", tmp_path / "y.parquet", "-o", tmp_path / "o", *rejected)
    assert command(name, *arguments, "--to", "jsonl") == 1
    (problem,) = problems(tmp_path / "o")
    assert problem["kind"] == "unreadable"
    assert f"the column 'odd' of the type {values.type} cannot be told as JSON" in problem["message"]
    assert problem["message"].endswith("drop it or write Parquet")
    assert not (tmp_path / "o/x.jsonl").exists()
    assert len(read_json_lines(tmp_path / "o/y.jsonl")) == 1


@pytest.mark.parametrize("values", FAR, ids=lambda values: str(values.type))
def test_an_id_that_json_cannot_tell_is_no_id_and_the_rows_are_used(
    tmp_path: Path, predictor: Predictor, values: pa.Array
) -> None:
    pq.write_table(pa.table({"text": [cut_page(predictor)], "id": values}), tmp_path / "x.parquet")
    arguments = ("-o", tmp_path / "o", "--rejected", tmp_path / "r", "--reject", "none")
    assert command("filter", tmp_path / "x.parquet", *arguments) == 0
    assert pq.ParquetFile(tmp_path / "o/x.parquet").metadata.num_rows == 1
    assert {cut["id"] for cut in read_json_lines(tmp_path / "r/x.cuts.jsonl.zst")} == {None}
    assert command("annotate", tmp_path / "x.parquet", "-o", tmp_path / "a", "--to", "dolma") == 1
    assert [one["kind"] for one in problems(tmp_path / "a")] == ["no_id"]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array([1]).cast(pa.timestamp("ns")), "1970-01-01T00:00:00.000000001"),
        (pa.array([1]).cast(pa.timestamp("us")), "1970-01-01T00:00:00.000001"),
        (pa.array([1]).cast(pa.time64("ns")), "00:00:00.000000001"),
        (pa.array([1]).cast(pa.duration("ns")), "PT0.000000001S"),
        (pa.array([b"\xff"]), "/w=="),
    ],
)
def test_ids_of_cuts_are_told_alike_in_tables_and_json_lines(
    tmp_path: Path, predictor: Predictor, values: pa.Array, wanted: str
) -> None:
    pq.write_table(pa.table({"text": [cut_page(predictor)], "id": values}), tmp_path / "x.parquet")
    for target in ("parquet", "jsonl"):
        folders = ("-o", tmp_path / target, "--rejected", tmp_path / f"{target}-r")
        assert command("filter", tmp_path / "x.parquet", *folders, "--to", target, "--reject", "none") == 0
        assert {cut["id"] for cut in read_json_lines(tmp_path / f"{target}-r/x.cuts.jsonl.zst")} == {wanted}


def test_rows_that_are_not_utf8_are_listed_whole(tmp_path: Path) -> None:
    names = pa.array([b"caf\xe9", b"b"]).view(pa.string())
    pq.write_table(pa.table({"text": [clean_page(0), clean_page(1)], "name": names}), tmp_path / "x.parquet")
    arguments = ("-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "jsonl")
    assert command("filter", tmp_path / "x.parquet", *arguments) == 1
    assert [row["name"] for row in read_json_lines(tmp_path / "o/x.jsonl")] == ["b"]
    (problem,) = problems(tmp_path / "o")
    assert (problem["kind"], problem["position"]) == ("wrong_encoding", "row 0")
    assert json.loads(problem["record"]) == {"text": clean_page(0), "name_base64": "Y2Fm6Q=="}


def test_rows_without_text_are_rejected_by_their_number(tmp_path: Path, predictor: Predictor) -> None:
    path = table(tmp_path / "x.parquet", [clean_page(0), None, cut_page(predictor)])
    arguments = ("-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "jsonl.zst", "--reject", "none")
    assert command("filter", path, *arguments) == 1
    (gone,) = read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")
    assert (gone["id"], gone["spamfilter_rejected"]) == ("page-1", {"reason": "no_text"})
    assert problems(tmp_path / "o")[0]["position"] == "row 1"
    cuts = read_json_lines(tmp_path / "r/x.cuts.jsonl.zst")
    assert {(cut["id"], cut["record"]) for cut in cuts} == {("page-2", 2)}


def test_two_columns_of_one_name_cannot_be_one_key(tmp_path: Path) -> None:
    content = pa.Table.from_arrays([pa.array(["x"]), pa.array([1]), pa.array([2])], names=["text", "n", "n"])
    pq.write_table(content, tmp_path / "x.parquet")
    arguments = ("-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "jsonl")
    assert command("filter", tmp_path / "x.parquet", *arguments) == 1
    assert "two columns 'n'" in problems(tmp_path / "o")[0]["message"]


def test_a_damaged_row_group_costs_its_rows_alone(tmp_path: Path) -> None:
    path = table(tmp_path / "x.parquet", pages(40), rows_a_group=10)
    place = pq.ParquetFile(path).metadata.row_group(1).column(1)
    start = place.dictionary_page_offset or place.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + place.total_compressed_size] = bytes(place.total_compressed_size)
    path.write_bytes(data)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "jsonl") == 1
    assert summary(tmp_path / "o")["total"]["pages"] == 30
    assert [one["position"] for one in problems(tmp_path / "o")] == ["row group 1, from row 10"]


@pytest.mark.parametrize(("suffix", "target"), [("jsonl", "parquet"), ("parquet", "jsonl.zst")])
def test_annotations_are_the_same_in_another_format(
    tmp_path: Path, predictor: Predictor, suffix: str, target: str
) -> None:
    path = make(tmp_path, suffix)
    assert command("annotate", path, "-o", tmp_path / "o", "--to", target) == 0
    output = tmp_path / f"o/x.{target}"
    rows = pq.read_table(output).to_pylist() if target == "parquet" else read_json_lines(output)
    wanted = annotate(pa.table({"text": TEXTS}), predictor=predictor)["spamfilter"].to_pylist()
    assert [row["spamfilter"] for row in rows] == wanted
    assert [row["n"] for row in rows] == [row["n"] for row in records(TEXTS)] if suffix == "jsonl" else range(24)


def test_what_has_no_place_in_a_table_is_in_the_list_of_problems(tmp_path: Path) -> None:
    rows = [{"text": 7}, {"text": "a", "spamfilter": 1}, {"text": "half \ud83d"}, {"text": "b"}, {"text": None}]
    path = json_lines(tmp_path / "x.jsonl", rows)
    assert command("annotate", path, "-o", tmp_path / "o", "--to", "parquet") == 1
    written = pq.read_table(tmp_path / "o/x.parquet").to_pylist()
    assert [(row["text"], row["spamfilter"] is None) for row in written] == [(None, True), ("b", False), (None, True)]
    listed = {one["position"]: json.loads(one.get("record", "null")) for one in problems(tmp_path / "o")}
    assert listed == {"line 1": rows[0], "line 2": rows[1], "line 3": rows[2], "line 5": None}


def test_text_files_have_the_numbers_of_their_records_and_are_made_again_on_resume(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "x.jsonl", records([clean_page(0), None, clean_page(1)]))
    arguments = ("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "text", "--reject", "none")
    assert command(*arguments) == 1
    before = tree(tmp_path / "o")
    assert {name for name in before if name.startswith("x/")} == {"x/00000001.txt", "x/00000003.txt"}
    (tmp_path / "o/x/00000003.txt").unlink()
    assert command(*arguments, "--resume") == 1
    assert tree(tmp_path / "o") == before


@pytest.mark.parametrize("name", ["notes.md", "00000001.txt.old", "77777777.txt/notes.md"])
def test_of_a_folder_that_holds_other_things_nothing_is_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = json_lines(tmp_path / "x.jsonl", records(TEXTS))
    arguments = ("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "text")
    assert command(*arguments) == 0
    compress(tmp_path / "o/x" / name, b"mine")
    before = tree(tmp_path / "o/x")
    assert len(before) > 1
    for option in ("--overwrite", "--resume"):
        assert command(*arguments, option) == 2
        assert f"{tmp_path / 'o/x'}: it holds {name.split('/')[0]} besides pages" in capsys.readouterr().err
        assert tree(tmp_path / "o/x") == before
    (tmp_path / "o/x" / name.split("/")[0]).rename(tmp_path / "mine")
    assert command(*arguments, "--resume") == 0


def test_what_a_killed_run_has_left_of_a_folder_is_removed(tmp_path: Path) -> None:
    compress(tmp_path / f".x.{'0' * 32}.partial/00000001.txt", b"half")
    remove_partials([tmp_path / "x"])
    assert not list(tmp_path.iterdir())
