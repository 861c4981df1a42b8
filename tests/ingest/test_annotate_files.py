"""``annotate`` adds verdicts to files and changes nothing else in them."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spamfilter import Predictor
from spamfilter.cli import main
from spamfilter.ingest import annotate
from tests.ingest.material import (
    command,
    decompress,
    json_lines,
    problems,
    read_json_lines,
    records,
    summary,
    table,
    warc,
    wet,
)
from tests.ingest.pages import ODD_TEXTS, mixed_page, pages

TEXTS = [*pages(20), *ODD_TEXTS]


@pytest.fixture(scope="module")
def wanted(predictor: Predictor) -> list[Any]:
    result: list[Any] = annotate(pa.table({"text": TEXTS}), predictor=predictor)["spamfilter"].to_pylist()
    return result


def test_json_lines_get_one_more_key(tmp_path: Path, wanted: list[Any]) -> None:
    path = json_lines(tmp_path / "x.jsonl.zst", records(TEXTS))
    assert command("annotate", path, "-o", tmp_path / "o") == 0
    rows = read_json_lines(tmp_path / "o/x.jsonl.zst")
    assert [one.pop("spamfilter") for one in rows] == wanted
    assert rows == records(TEXTS)


def test_parquet_gets_one_more_column(tmp_path: Path, wanted: list[Any]) -> None:
    path = table(tmp_path / "x.parquet", TEXTS)
    assert command("annotate", path, "-o", tmp_path / "o") == 0
    result = pq.read_table(tmp_path / "o/x.parquet")
    assert result["spamfilter"].to_pylist() == wanted
    assert result.drop_columns(["spamfilter"]).equals(pq.read_table(path))


@pytest.mark.parametrize("target", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet"])
def test_wet_pages_become_rows_with_their_address(tmp_path: Path, wanted: list[Any], target: str) -> None:
    path = wet(tmp_path / "x.warc.wet.gz", TEXTS)
    assert command("annotate", path, "-o", tmp_path / "o", "--to", target) == 0
    output = tmp_path / f"o/x.{target}"
    rows = pq.read_table(output).to_pylist() if target == "parquet" else read_json_lines(output)
    assert [one["spamfilter"] for one in rows] == wanted
    assert [one["text"] for one in rows] == TEXTS
    assert (rows[3]["id"], rows[3]["url"]) == ("<urn:uuid:page-3>", "http://site.example/3")


def test_warc_and_text_become_json_lines(tmp_path: Path, wanted: list[Any]) -> None:
    warc(tmp_path / "in/x.warc.gz", pages(3))
    (tmp_path / "in/page.txt").write_text(TEXTS[1])
    assert command("annotate", tmp_path / "in", "-o", tmp_path / "o") == 0
    assert len(read_json_lines(tmp_path / "o/x.jsonl.zst")) == 3
    assert read_json_lines(tmp_path / "o/page.jsonl.zst")[0]["spamfilter"] == wanted[1]


def test_offsets_in_a_text_file_are_those_of_scan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = mixed_page(0)
    path = tmp_path / "x.txt"
    path.write_bytes(b"\xef\xbb\xbf" + page.encode())
    assert command("annotate", path, "-o", tmp_path / "o") == 0
    (row,) = read_json_lines(tmp_path / "o/x.jsonl.zst")
    assert row["text"] == page
    capsys.readouterr()
    main(["scan", "--json", str(path)])
    shown = json.loads(capsys.readouterr().out)["lines"]
    places = [(line["number"], line["start"], line["end"], line["label"]) for line in row["spamfilter"]["lines"]]
    assert places == [(line["number"], line["start"], line["end"], line["label"]) for line in shown]
    assert command("filter", path, "-o", tmp_path / "p", "--rejected", tmp_path / "r", "--reject", "none") == 0
    for cut in read_json_lines(tmp_path / "r/x.cuts.jsonl.zst"):
        assert page[cut["start"] : cut["end"]] == cut["text"]
    path.write_bytes(b"\xef\xbb\xbfcaf\xe9")
    assert command("annotate", path, "-o", tmp_path / "q") == 1
    assert problems(tmp_path / "q")[0]["position"] == "byte 6"


def test_more_or_less_can_be_asked_for(tmp_path: Path, predictor: Predictor) -> None:
    path = json_lines(tmp_path / "x.jsonl", records(TEXTS))
    options = ("--lines", "flagged", "--probabilities", "--cleaned", "--output-column", "verdict")
    assert command("annotate", path, "-o", tmp_path / "o", *options, "--max-false-positive-rate", "1e-2") == 0
    rows = read_json_lines(tmp_path / "o/x.jsonl")
    for row, prediction in zip(rows, predictor.predict_many(TEXTS, max_false_positive_rate=1e-2), strict=True):
        assert row["verdict"]["cleaned"] == prediction.clean_text()
        assert [one["probabilities"] for one in row["verdict"]["lines"]] == [
            list(line.probabilities.values()) for line in prediction.flagged
        ]


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_dolma_attributes_mark_labels_by_id(tmp_path: Path, predictor: Predictor, name: str) -> None:
    path = json_lines(tmp_path / name, records(TEXTS)) if name == "x.jsonl" else table(tmp_path / name, TEXTS)
    assert command("annotate", path, "-o", tmp_path / "o", "--to", "dolma") == 0
    rows = read_json_lines(tmp_path / "o/x.jsonl.gz")
    assert [row["id"] for row in rows] == [f"page-{k}" for k in range(len(TEXTS))]
    for row, text, prediction in zip(rows, TEXTS, predictor.predict_many(TEXTS), strict=True):
        marks: dict[str, list[list[Any]]] = {"spamfilter__document": [[0, len(text), prediction.probability]]}
        for line in prediction.lines:
            name = f"spamfilter__{line.label.value}"
            if line.spans:
                marks.setdefault(name, []).extend([s.start, s.end, s.probability] for s in line.spans)
            elif line.label != "clean":
                marks.setdefault(name, []).append([line.start, line.end, line.probability])
        assert row["attributes"] == marks


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
@pytest.mark.parametrize(
    ("ids", "wanted"),
    [([7, 1 << 62, None], ["7", str(1 << 62)]), (["7", "b", None], ["7", "b"]), ([True, False], []), ([0.5, 1.0], [])],
)
def test_dolma_ids_are_strings_or_integers_in_any_format(
    tmp_path: Path, name: str, ids: list[Any], wanted: list[str]
) -> None:
    rows = [{"id": one, "text": TEXTS[0]} for one in ids]
    if name == "x.jsonl":
        json_lines(tmp_path / name, rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    assert command("annotate", tmp_path / name, "-o", tmp_path / "o", "--to", "dolma") == 1
    assert [row["id"] for row in read_json_lines(tmp_path / "o/x.jsonl.gz")] == wanted
    assert [one["kind"] for one in problems(tmp_path / "o")] == ["no_id"] * (len(ids) - len(wanted))


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
@pytest.mark.parametrize("texts", [[], [None]])
def test_attributes_of_no_document_are_an_empty_file_in_any_format(
    tmp_path: Path, name: str, texts: list[str | None]
) -> None:
    path = json_lines(tmp_path / name, records(texts)) if name == "x.jsonl" else table(tmp_path / name, texts)
    assert command("annotate", path, "-o", tmp_path / "o", "--to", "dolma") == len(texts)
    assert decompress(tmp_path / "o/x.jsonl.gz") == b""


def test_ids_of_a_table_that_are_not_utf8_do_not_end_the_run(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    ids = pa.array([b"caf\xe9", b"ok"]).view(pa.string())
    pq.write_table(pa.table({"id": ids, "text": [mixed_page(0), mixed_page(1)]}), path)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 0
    cuts = read_json_lines(tmp_path / "r/x.cuts.jsonl.zst")
    assert {(cut["record"], cut["id"]) for cut in cuts} == {(0, None), (1, "ok")}
    assert command("annotate", path, "-o", tmp_path / "a", "--to", "dolma") == 1
    assert [row["id"] for row in read_json_lines(tmp_path / "a/x.jsonl.gz")] == ["ok"]
    assert [(one["kind"], one["position"]) for one in problems(tmp_path / "a")] == [("no_id", "row 0")]


def test_lone_surrogates_survive(tmp_path: Path) -> None:
    page = pages(1)[0] + "\nHalf a pair \ud83d stands in this line of the page."
    path = tmp_path / "x.jsonl"
    path.write_bytes(json.dumps({"text": page, "n": float("nan")}).encode() + b"\n")
    assert command("annotate", path, "-o", tmp_path / "o", "--cleaned") == 0
    row = read_json_lines(tmp_path / "o/x.jsonl")[0]
    assert row["text"] == page
    assert "\ud83d" in row["spamfilter"]["cleaned"]


def test_a_key_that_is_there_already_is_a_problem(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "x.jsonl", [{"text": "a", "spamfilter": 1}, {"text": "b"}])
    assert command("annotate", path, "-o", tmp_path / "o") == 1
    assert [one["text"] for one in read_json_lines(tmp_path / "o/x.jsonl")] == ["b"]
    assert problems(tmp_path / "o")[0]["kind"] == "column_exists"
    assert "spamfilter" in problems(tmp_path / "o")[0]["record"]


def test_records_without_text_stay_with_a_null_verdict(tmp_path: Path) -> None:
    texts = ["one", None, "two"]
    json_lines(tmp_path / "in/x.jsonl", records(texts))
    table(tmp_path / "in/y.parquet", texts)
    assert command("annotate", tmp_path / "in", "-o", tmp_path / "o") == 1
    rows = read_json_lines(tmp_path / "o/x.jsonl")
    assert [row["spamfilter"] is None for row in rows] == [False, True, False]
    rows = pq.read_table(tmp_path / "o/y.parquet").to_pylist()
    assert [row["spamfilter"] is None for row in rows] == [False, True, False]
    assert [one["position"] for one in problems(tmp_path / "o")] == ["line 2", "row 1"]
    assert summary(tmp_path / "o")["total"]["problems"] == {"no_text": 2}
    assert command("annotate", tmp_path / "in/y.parquet", "-o", tmp_path / "p", "--to", "jsonl") == 1
    rows = read_json_lines(tmp_path / "p/y.jsonl")
    assert [(row["text"], row["spamfilter"] is None) for row in rows] == [("one", False), (None, True), ("two", False)]
