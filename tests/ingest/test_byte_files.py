"""Compressed files are read to their last good byte and written whole or not at all."""

import errno
import gzip
import io
import os
import random
from pathlib import Path

import pytest
import zstandard

from spamfilter.ingest import byte_files
from spamfilter.ingest.byte_files import ByteSource, OutputFile
from spamfilter.ingest.records import ProblemError, ProblemKind
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


def packed(name: str, data: bytes) -> bytes:
    if name.endswith("gz"):
        return gzip.compress(data, mtime=0)
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_of_a_damaged_member_nothing_is_handed_on(tmp_path: Path, name: str) -> None:
    noise = random.Random(0).randbytes(50_000)
    member = damaged(packed(name, noise))
    (tmp_path / name).write_bytes(packed(name, b"first") + packed(name, b"") + member + packed(name, b"last"))
    with ByteSource(tmp_path / name) as source:
        assert source.read() == b"first"
        problem = source.problem("after record 1")
    assert problem is not None
    assert (problem.kind, problem.position) == (ProblemKind.TRUNCATED, "after record 1")
    (tmp_path / name).write_bytes(member)
    with ByteSource(tmp_path / name) as source:
        assert source.read() == b""
        with pytest.raises(ProblemError, match="any page of it may be corrupt, so none is used"):
            source.problem("")


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_of_a_large_member_that_is_damaged_nothing_can_be_relied_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(byte_files, "_HELD", 1000)
    noise = random.Random(0).randbytes(400_000)
    data = packed(name, noise)
    path = tmp_path / name
    path.write_bytes(packed(name, b"first") + data)
    with ByteSource(path) as source:
        assert source.read() == b"first" + noise
        assert source.problem("") is None
    path.write_bytes(packed(name, b"first") + damaged(data))
    with ByteSource(path) as source:
        assert source.read().startswith(b"first" + noise[:1000])
        with pytest.raises(ProblemError, match="any page of it may be corrupt, so none is used"):
            source.problem("")


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_a_compressed_file_without_a_byte_is_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with ByteSource(tmp_path / name) as source:
        assert source.read() == b""
        problem = source.problem("")
    assert problem is not None
    assert problem.message == "the file is empty, not even compressed; fetch it again"


def test_zeros_that_fill_up_a_gzip_file_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"first") + bytes(10) + gzip.compress(b"second") + bytes(200_000))
    with ByteSource(path) as source:
        assert source.read() == b"firstsecond"
        assert source.problem("") is None
    path.write_bytes(bytes(200_000))  # what a download that has not begun may leave
    with ByteSource(path) as source:
        assert source.read() == b""
        with pytest.raises(ProblemError):
            source.problem("")


@pytest.mark.parametrize("name", ["a", "a.gz", "a.zst"])
def test_what_was_read_before_a_disk_fails_is_used(tmp_path: Path, name: str) -> None:
    path = compress(tmp_path / name, random.Random(0).randbytes(300_000))
    with ByteSource(path) as source:
        source._raw = FailingDisk(path.read_bytes()[:200_000])  # type: ignore[assignment]
        assert len(source.read()) > 100_000
        problem = source.problem("after line 7")
    assert problem is not None
    assert "Input/output error); what came before has been used, look at its disk" in problem.message


class FailingDisk(io.BytesIO):
    """Fails where its bytes end."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return data


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_a_file_that_is_something_else_is_damaged(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is neither")
    with ByteSource(tmp_path / name) as source:
        assert source.read() == b""
        assert source.defect is not None
        assert "damaged" in source.defect
