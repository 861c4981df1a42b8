"""Every record that comes in is accounted for."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.ingest.material import command, compress, problems, read_json_lines, records, summary, warc, wet_bytes
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
