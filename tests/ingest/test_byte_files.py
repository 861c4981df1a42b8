"""Compressed files are read to their last good byte and written whole or not at all."""

import gzip
from pathlib import Path

import pytest
import zstandard

from spamfilter.ingest.byte_files import ByteSource, OutputFile
from tests.ingest.material import compress, decompress

CONTENT = b"".join(b"%d some line of text\n" % number for number in range(60_000))


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.txt.zst"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    file = OutputFile(path)
    for start in range(0, len(CONTENT), 99_991):
        file.write(CONTENT[start : start + 99_991])
    assert not path.exists()
    file.commit()
    assert [one.name for one in tmp_path.iterdir()] == [name]
    seen: list[int] = []
    with ByteSource(path, seen.append) as source:
        assert source.read(10) == CONTENT[:10]
        assert source.tell() == 10
        assert source.read() == CONTENT[10:]
        assert source.read(5) == b""
        assert source.defect is None
    assert seen[-1] == path.stat().st_size
    assert decompress(path) == CONTENT


@pytest.mark.parametrize("name", ["a", "a.gz", "a.zst"])
def test_an_empty_output_is_a_whole_file(tmp_path: Path, name: str) -> None:
    OutputFile(tmp_path / name).commit()
    with ByteSource(tmp_path / name) as source:
        assert source.read() == b""
        assert source.defect is None


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_members_can_be_decompressed_one_by_one(tmp_path: Path, name: str) -> None:
    file = OutputFile(tmp_path / name)
    file.write_member(b"first")
    file.write_member(b"second")
    file.commit()
    with ByteSource(tmp_path / name) as source:
        assert source.read() == b"firstsecond"
        assert source.defect is None


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        file = OutputFile(tmp_path / name)
        file.write(CONTENT)
        file.commit()
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_discarded_output_leaves_nothing(tmp_path: Path) -> None:
    file = OutputFile(tmp_path / "a.gz")
    file.write(CONTENT)
    file.discard()
    file.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
@pytest.mark.parametrize("cut", [1, 30, 2000])
def test_a_truncated_file_gives_all_that_is_there_and_says_so(tmp_path: Path, name: str, cut: int) -> None:
    whole = compress(tmp_path / name, CONTENT).read_bytes()
    (tmp_path / name).write_bytes(whole[:-cut])
    with ByteSource(tmp_path / name) as source:
        data = source.read()
        assert CONTENT.startswith(data)
        assert source.defect is not None
        assert "truncated" in source.defect


def test_members_before_a_truncated_member_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"first") + gzip.compress(CONTENT)[:-3000])
    with ByteSource(path) as source:
        data = source.read()
        assert data.startswith(b"first")
        assert len(data) > len(CONTENT) / 2
    path = tmp_path / "a.zst"
    path.write_bytes(zstandard.compress(b"first") + zstandard.compress(CONTENT)[:-3000])
    with ByteSource(path) as source:
        assert source.read().startswith(b"first")
        assert source.defect is not None


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_a_file_that_is_something_else_is_damaged(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is neither")
    with ByteSource(tmp_path / name) as source:
        assert source.read() == b""
        assert source.defect is not None
        assert "damaged" in source.defect
