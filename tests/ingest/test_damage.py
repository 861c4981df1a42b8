"""Files that are cut off or damaged: what is whole is used, and nothing of which that is not known."""

import gzip
import json
import os
import zlib
from pathlib import Path

import pytest

from spamfilter.ingest import byte_files
from tests.ingest.material import (
    command,
    compress,
    json_lines,
    problems,
    read_json_lines,
    records,
    summary,
    warc,
    wet,
    wet_bytes,
)
from tests.ingest.pages import clean_page, pages


def filtered(tmp_path: Path, *options: object) -> int:
    return command("filter", tmp_path / "in", "-o", tmp_path / "o", "--rejected", tmp_path / "r", *options)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_truncated_file_is_used_as_far_as_it_goes(tmp_path: Path, suffix: str) -> None:
    texts = [f"{clean_page(number)}\n{os.urandom(300).hex()}" for number in range(400)]
    path = json_lines(tmp_path / f"in/x.jsonl{suffix}", records(texts))
    path.write_bytes(path.read_bytes()[:-20_000])
    assert filtered(tmp_path, "--reject", "none") == 1
    kept = read_json_lines(tmp_path / f"o/x.jsonl{suffix}") + read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")
    assert 100 < len(kept) < 400
    # The line at the cut is broken, the file behind it is missing: two problems, nothing silent.
    found = problems(tmp_path / "o")
    assert {one["kind"] for one in found} == {"broken_record", "truncated"}
    assert "truncated" in next(one for one in found if one["kind"] == "truncated")["message"]
    broken = next(one for one in found if one["kind"] == "broken_record")
    assert int(broken["position"].removeprefix("line ")) == len(kept) + 1


def test_a_truncated_archive_is_used_as_far_as_it_goes(tmp_path: Path) -> None:
    path = wet(tmp_path / "in/x.warc.wet.gz", pages(50))
    path.write_bytes(path.read_bytes()[:-40])
    assert filtered(tmp_path) == 1
    found = problems(tmp_path / "o")
    assert "truncated" in {one["kind"] for one in found}
    total = summary(tmp_path / "o")["total"]
    lost = sum(one["kind"] == "broken_record" for one in found)
    assert total["pages"] + lost in (49, 50)
    assert total["pages"] >= 48


def damage(path: Path, place: float = 0.5) -> Path:
    """Change one bit in the compressed bytes of a file."""
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 4
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.txt.gz"])
def test_no_page_of_a_damaged_file_in_one_piece_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lines = [f"{number**9} {clean_page(number)}" for number in range(900)]
    content = b"".join(json.dumps({"text": line}).encode() + b"\n" for line in lines)
    path = damage(compress(tmp_path / "in" / name, content))
    # Whoever believes what comes out uses all of it, most of what stands behind the damage included.
    believed = zlib.decompressobj(-zlib.MAX_WBITS).decompress(path.read_bytes()[10:])
    assert len(believed) > 0.9 * len(content)
    for held in (1 << 30, 1 << 16):  # beyond this size content is not held back until the check sum
        monkeypatch.setattr(byte_files, "_HELD", held)
        assert filtered(tmp_path, "--overwrite") == 1
        (problem,) = [one for one in problems(tmp_path / "o") if one["kind"] == "unreadable"]
        assert "any page of it may be corrupt, so none is used" in problem["message"]
        assert not list((tmp_path / "o").glob("x.*"))
        assert summary(tmp_path / "o")["total"]["records"] == 0


@pytest.mark.parametrize("name", ["x.warc.wet.gz", "x.warc.gz"])
def test_an_archive_is_used_up_to_its_damaged_record(tmp_path: Path, name: str) -> None:
    make = wet if "wet" in name else warc
    texts = [clean_page(number) for number in range(20)]
    damage(make(tmp_path / "in" / name, texts))
    assert filtered(tmp_path, "--to", "jsonl") == 1
    (problem,) = problems(tmp_path / "o")
    assert problem["kind"] == "truncated"
    assert "what came before has been used, nothing from there on" in problem["message"]
    kept = read_json_lines(tmp_path / "o/x.jsonl")
    assert 5 < len(kept) < 15
    make(tmp_path / "whole" / name, texts)
    command("filter", tmp_path / "whole", "-o", tmp_path / "w", "--rejected", tmp_path / "r", "--to", "jsonl")
    assert kept == read_json_lines(tmp_path / "w/x.jsonl")[: len(kept)]


@pytest.mark.parametrize("name", ["x.wet.gz", "x.wet.zst"])
def test_an_archive_in_one_piece_that_is_damaged_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    content = b"".join(wet_bytes([f"{number**9} {clean_page(number)}" for number in range(900)]))
    damage(compress(tmp_path / "in" / name, content), 0.9)
    monkeypatch.setattr(byte_files, "_HELD", 1 << 16)
    assert filtered(tmp_path) == 1
    assert "any page of it may be corrupt" in problems(tmp_path / "o")[-1]["message"]
    assert not list((tmp_path / "o").glob("x.*"))


def test_a_page_of_a_warc_file_that_ends_early_is_a_problem_not_half_a_page(tmp_path: Path) -> None:
    warc(tmp_path / "whole.warc.gz", [clean_page(0), clean_page(1)])
    data = gzip.decompress((tmp_path / "whole.warc.gz").read_bytes())
    compress(tmp_path / "in/x.warc", data[:-60])
    assert filtered(tmp_path) == 1
    (problem,) = problems(tmp_path / "o")
    assert problem["kind"] == "broken_record"
    assert "the record ends after" in problem["message"]
    assert summary(tmp_path / "o")["total"]["pages"] == 1
