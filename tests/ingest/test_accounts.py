"""Every record that comes in is accounted for, and a file that has lost most of them raises an alarm."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spamfilter.ingest.report import ShardReport, alarm_reason
from tests.ingest.material import (
    command,
    compress,
    json_lines,
    problems,
    read_json_lines,
    records,
    summary,
    table,
    warc,
    wet_bytes,
)
from tests.ingest.pages import clean_page, mixed_page, spam_page

PAGES = [clean_page(0), mixed_page(0), spam_page(0)]
LONG = "x" * 900
LIMIT = ("--max-characters", 800)
RECORDS = {"a.jsonl": 10, "b.jsonl.gz": 2, "c.parquet": 6, "d.wet": 5, "e.warc.gz": 3, "f.txt": 1, "g.txt": 0}
"""Files of ``mixed`` and how many records each has, however they can be used."""


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Files of all formats with records that can be used, and with such that cannot."""
    folder = tmp_path / "in"
    odd = [{"body": "x"}, {"id": "null", "text": None}, {"id": "seven", "text": 7}, {"id": "long", "text": LONG}]
    taken = {"id": "taken", "text": clean_page(1), "spamfilter": 1}
    lines = [json.dumps(one).encode() for one in [*records(PAGES), *odd, taken]]
    compress(folder / "a.jsonl", b"\n".join([*lines, b"", b"no JSON", b'{"text": "caf\xe9"}', b" \n"]))
    members = [gzip.compress(line + b"\n", mtime=0) for line in lines[:3]]
    (folder / "b.jsonl.gz").write_bytes(b"".join([*members[:2], members[2][:8]]))
    texts = pa.array([*(page.encode() for page in PAGES), None, b"caf\xe9", LONG.encode()]).view(pa.string())
    pq.write_table(pa.table({"text": texts, "id": [f"row-{row}" for row in range(6)]}), folder / "c.parquet")
    archive = b"".join(wet_bytes([*PAGES, "cafe", clean_page(1)])).replace(b"\r\n\r\ncafe", b"\r\n\r\ncaf\xe9")
    compress(folder / "d.wet", archive[:-30])
    warc(folder / "e.warc.gz", PAGES)
    compress(folder / "f.txt", clean_page(2).encode())
    compress(folder / "g.txt", b"caf\xe9")
    return folder


def held(path: Path) -> int:
    """How many pages an output holds."""
    if path.is_dir():
        return len(list(path.iterdir()))
    if not path.exists():
        return 0
    if path.suffix == ".parquet":
        return int(pq.ParquetFile(path).metadata.num_rows)
    if ".wet" in path.name or path.suffix == ".wet":
        return path.read_bytes().count(b"WARC-Type: conversion")
    return 1 if path.suffix == ".txt" else len(read_json_lines(path))


def check(output: Path, rejected: Path) -> None:
    """The counts add up to what went in, and are those of the files that were written."""
    result = summary(output)
    for one in [*result["files"], result["total"]]:
        assert one["records"] == one["kept"] + sum(one["rejected"].values()) + one["listed"]
    counted = {Path(one["file"]).name: one for one in result["files"]}
    assert {name: one["records"] for name, one in counted.items()} == RECORDS
    for name, one in counted.items():
        stem = name.split(".")[0]
        (place,) = list(output.glob(f"{stem}*")) or [output / stem]
        assert held(place) == one["kept"]
        assert sum(map(held, rejected.glob(f"{stem}.rejected.*"))) == sum(one["rejected"].values())
        told = [problem["kind"] for problem in problems(output) if Path(problem["file"]).name == name]
        if one["status"] == "done":
            assert one["records"] - one["pages"] == sum(kind != "truncated" for kind in told)


@pytest.mark.parametrize("options", [(), ("--to", "jsonl.zst"), ("--to", "text"), ("--reject", "none")], ids=str)
def test_records_in_are_kept_rejected_or_listed(tmp_path: Path, mixed: Path, options: tuple[str, ...]) -> None:
    assert command("filter", mixed, "-o", tmp_path / "o", "--rejected", tmp_path / "r", *LIMIT, *options) == 1
    check(tmp_path / "o", tmp_path / "r")


@pytest.mark.parametrize("target", ["auto", "jsonl", "parquet", "dolma"])
def test_records_in_are_annotated_or_listed(tmp_path: Path, mixed: Path, target: str) -> None:
    assert command("annotate", mixed, "-o", tmp_path / "o", *LIMIT, "--to", target) == 1
    check(tmp_path / "o", tmp_path / "r")


def alarm(tmp_path: Path, *options: object) -> str:
    """Why ``filter`` raises an alarm over the one file in ``in``."""
    command("filter", tmp_path / "in", "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--overwrite", *options)
    result: str = summary(tmp_path / "o")["files"][0]["alarm"]
    return result


def test_a_file_that_loses_most_of_its_pages_raises_an_alarm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    json_lines(tmp_path / "in/bad.jsonl", records([spam_page(number) for number in range(120)]))
    json_lines(tmp_path / "in/good.jsonl", records([clean_page(number) for number in range(120)]))
    arguments = ("filter", tmp_path / "in", "-o", tmp_path / "o", "--rejected", tmp_path / "r")
    assert command(*arguments) == 1
    errors = capsys.readouterr().err
    assert "ALARM" in errors
    assert "bad.jsonl: 120 of 120 pages" in errors
    assert "good.jsonl" not in errors
    assert [bool(one["alarm"]) for one in summary(tmp_path / "o")["files"]] == [True, False]
    assert command(*arguments, "--overwrite", "--alarm-share", 1.0) == 0


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("without", "pages", "wanted"),
    [
        (200, 0, "200 of 200 pages not kept, more than 50%"),
        (190, 10, "190 of 200 pages not kept, more than 50%"),
        (60, 100, ""),
        (99, 0, ""),
    ],
)
def test_pages_without_text_are_pages_that_are_lost(
    tmp_path: Path, suffix: str, without: int, pages: int, wanted: str
) -> None:
    texts = [None] * without + [clean_page(number) for number in range(pages)]
    path = tmp_path / f"in/x.{suffix}"
    _ = table(path, texts) if suffix == "parquet" else json_lines(path, records(texts))
    assert alarm(tmp_path) == wanted
    command("annotate", tmp_path / "in", "-o", tmp_path / "a")
    assert summary(tmp_path / "a")["files"][0]["alarm"] == wanted.replace("not kept", "spam or not judged")


def test_lines_that_cannot_be_read_are_pages_that_are_lost(tmp_path: Path) -> None:
    compress(tmp_path / "in/x.jsonl", b"id,text\n" * 120 + b'{"text": "x"}\n' * 80)
    assert alarm(tmp_path) == "120 of 200 pages not kept, more than 50%"


def test_spam_that_is_kept_raises_an_alarm(tmp_path: Path) -> None:
    json_lines(tmp_path / "in/x.jsonl", records([spam_page(number) + "\n" + clean_page(0) for number in range(120)]))
    assert alarm(tmp_path, "--reject", "none") == "120 of 120 pages spam or not judged, more than 50%"


def test_characters_that_are_cut_raise_an_alarm(tmp_path: Path) -> None:
    json_lines(tmp_path / "in/x.jsonl", records([mixed_page(number) for number in range(120)]))
    assert "of the characters cut or rejected, more than 3%" in alarm(tmp_path, "--alarm-share", 0.03)


def test_characters_of_rejected_pages_raise_an_alarm(tmp_path: Path) -> None:
    short = [clean_page(number)[:90] for number in range(90)]
    json_lines(tmp_path / "in/x.jsonl", records([*short, *(spam_page(number) * 4 for number in range(30))]))
    counts = summary(tmp_path / "o")["files"][0] if alarm(tmp_path) else {}
    assert counts["kept"] == 90
    share = counts["rejected_characters"] / counts["characters"]
    assert share > 0.9
    assert counts["alarm"] == f"{share:.0%} of the characters cut or rejected, more than 50%"


def test_a_file_of_empty_pages_raises_no_alarm() -> None:
    assert alarm_reason(ShardReport("x", records=100, pages=100, kept=100), 0.5, 100) == ""
