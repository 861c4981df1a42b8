"""Bytes from and to files: plain, gzip or zstd; outputs become visible only when they are whole."""

import errno
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import UnsupportedOperation
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import zstandard

from spamfilter.ingest.records import Problem, ProblemError, ProblemKind

BLOCK = 1 << 20
_SMALL_BLOCK = 1 << 16
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3
_LARGEST_WINDOW = 1 << 31
_GZIP_MEMBER = 16 + zlib.MAX_WBITS
_HELD = 1 << 24
"""Bytes of a member that are held back until its check sum is known: records of an archive, not a file of one piece."""
_MARKS = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
"""How compressed data begins; no text in UTF-8 does."""
_PAGE_NAME = re.compile(r"[0-9]+\.txt")
_LONGEST_STEM = 200
"""Bytes of a name up to which that of its partial file holds it: most file systems take names of 255 bytes."""
_PARTIAL = re.compile(r"\.(.+)\.[0-9a-f]{32}\.partial", re.DOTALL)


def compression_of(path: Path) -> str:
    """``"gz"``, ``"zst"`` or ``""``, by the name alone."""
    return {".gz": "gz", ".zst": "zst"}.get(path.suffix.lower(), "")


class ByteSource:
    """Decompressed bytes of a file.

    A damaged or truncated file is not an exception: what can be relied upon is read, then ``defect`` says what is
    wrong, and ``problem`` what has become of the file. So the records before the damage are never lost.

    A decompressor goes on for long with rubbish behind a damage, until a check sum tells. So what a member of the file
    holds (in zstd, a frame) is handed on once it is known to be right; only of large ones, as it comes.
    """

    def __init__(self, path: Path, on_progress: Callable[[int], None] | None = None) -> None:
        """Open ``path``.

        Args:
            on_progress: told how many bytes of the file have been read, now and then.

        Raises:
            OSError: the file cannot be opened.
        """
        self.defect: str | None = None
        self._path = path
        self._mend = ""
        self._is_spoilt = False
        self._raw = path.open("rb", buffering=0)
        self._on_progress = on_progress
        kind = compression_of(path)
        if kind and not os.fstat(self._raw.fileno()).st_size:
            # What stopped before its first byte; a compressed file that holds nothing has a header and an end.
            self._fail("the file is empty, not even compressed", "fetch it again")
        self._pieces = self._checked(self._members(kind) if kind else self._plain())
        self._rest = memoryview(b"")
        self._position = 0

    def __enter__(self) -> "ByteSource":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def blocks(self) -> Iterator[bytes]:
        """What is left of the content, in pieces of any size."""
        while True:
            try:
                piece = next(self._pieces, b"")
            except OSError as error:
                self._fail(
                    f"the file cannot be read further ({error.strerror})",
                    "what came before has been used, look at its disk",
                )
                return
            if not piece:
                return
            if self._on_progress is not None:
                self._on_progress(self._raw.tell())
            yield piece

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes, or all that are left; fewer before the end of the content are possible."""
        if size < 0:
            data = b"".join([self._rest, *self.blocks()])
            self._rest = memoryview(b"")
        else:
            if not self._rest:
                self._rest = memoryview(next(self.blocks(), b""))
            data, self._rest = bytes(self._rest[:size]), self._rest[size:]
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Not possible: the bytes come as a stream."""
        raise UnsupportedOperation("seek")

    def tell(self) -> int:
        """How many bytes ``read`` has given so far."""
        return self._position

    def problem(self, position: str) -> Problem | None:
        """What is wrong with the file whose content has been read up to ``position``; None if it is whole.

        Raises:
            ProblemError: nothing that has been read can be relied upon.
        """
        if self.defect is None:
            return None
        message = f"{self.defect}; {self._mend}"
        if self._is_spoilt:
            raise ProblemError(Problem(ProblemKind.UNREADABLE, str(self._path), "", message))
        return Problem(ProblemKind.TRUNCATED, str(self._path), position, message)

    def _fail(self, defect: str, mend: str, *, is_spoilt: bool = False) -> None:
        self.defect, self._mend, self._is_spoilt = defect, mend, is_spoilt

    def _checked(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """``pieces``, or none if they are compressed data once more than the name says."""
        first = next(pieces, b"")
        for name, mark in _MARKS.items():
            if first.startswith(mark):
                self._fail(
                    f"it holds {name} data and its name does not say so",
                    "mend its name or decompress it",
                    is_spoilt=True,
                )
                return
        if first:
            yield first
        yield from pieces

    def _plain(self) -> Iterator[bytes]:
        while piece := self._raw.read(BLOCK):
            yield piece

    def _members(self, kind: str) -> Iterator[bytes]:
        """What the members of the file hold, each once its check sum is right, or once it is too large to be held."""
        name, pieces = ("gzip", self._gzip()) if kind == "gz" else ("zstd", self._zstd())
        held: list[bytes] = []
        size = done = 0
        try:
            for piece in pieces:
                if piece is not None:
                    held.append(piece)
                    size += len(piece)
                if piece is None or size > _HELD:
                    yield from held
                    held.clear()
                if piece is None:
                    size, done = 0, done + 1
        except EOFError:
            yield from held
            self._fail(f"the {name} file is truncated", "what came before its end has been used, fetch it again")
        except OSError:
            yield from held
            raise
        except (zlib.error, zstandard.ZstdError) as error:
            if done and size <= _HELD:
                defect = f"the {name} file is damaged ({error})"
                self._fail(defect, "what came before has been used, nothing from there on: fetch it again")
                return
            defect = f"the file is damaged, or no {name} file ({error})"
            mend = f"any page of it may be corrupt, so none is used: fetch it again, or see what {name} -dc still gives"
            self._fail(defect, mend, is_spoilt=True)

    def _gzip(self) -> Iterator[bytes | None]:
        """Content, and None behind each member; EOFError if the last one has no end."""
        member = zlib.decompressobj(_GZIP_MEMBER)
        data = self._raw.read(_SMALL_BLOCK)
        is_open = bool(data)
        while data:
            if not is_open:
                data = data.lstrip(b"\0")  # what fills up the last block of a tape
                member, is_open = zlib.decompressobj(_GZIP_MEMBER), bool(data)
            if piece := member.decompress(data, BLOCK):
                yield piece
            data = member.unconsumed_tail
            if member.eof:
                yield None
                data, is_open = member.unused_data, False
            data = data or self._raw.read(_SMALL_BLOCK)
        if is_open:
            if piece := member.decompress(b""):
                yield piece
            raise EOFError

    def _zstd(self) -> Iterator[bytes | None]:
        """Content, and None behind each frame; EOFError if the last one has no end."""
        context = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
        frame = context.decompressobj()
        is_open = False
        while data := self._raw.read(_SMALL_BLOCK):
            while data:
                if piece := frame.decompress(data):
                    yield piece
                is_open, data = not frame.eof, frame.unused_data
                if not is_open:
                    yield None
                    frame = context.decompressobj()
        if is_open:
            raise EOFError


def _partial_stem(path: Path) -> str:
    """What the names of partial files of ``path`` have in common: its name, or the sum of one that is too long."""
    name = os.fsencode(path.name)
    return path.name if len(name) <= _LONGEST_STEM else hashlib.sha256(name).hexdigest()


def _new_partial(path: Path, stem: str) -> Path:
    """A name beside ``path`` that no other partial file has."""
    return path.with_name(f".{stem}.{uuid4().hex}.partial")


def remove_partials(paths: Iterable[Path]) -> None:
    """Remove what runs that were killed have left of the outputs ``paths``."""
    names: dict[Path, set[str]] = {}
    for path in paths:
        names.setdefault(path.parent, set()).add(_partial_stem(path))
    for folder, wanted in names.items():
        if folder.is_dir():
            for entry in list(os.scandir(folder)):
                found = _PARTIAL.fullmatch(entry.name)
                if found is not None and found[1] in wanted:
                    _remove_partial(Path(entry.path), found[1])


def _remove_partial(path: Path, stem: str) -> None:
    """Remove one partial output, also while a worker that has lost its run still writes to it."""
    # Under a new name nobody adds to a folder or puts it in its place while its files go one by one.
    taken = _new_partial(path, stem)
    with suppress(FileNotFoundError):
        path.rename(taken)
        remove_output(taken)


def remove_output(path: Path) -> None:
    """Remove an output, if it is there: a file, or a folder of pages.

    Raises:
        OSError: it is a folder that holds other things as well; then nothing is removed.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    for entry in entries:
        if not _PAGE_NAME.fullmatch(entry.name) or entry.is_dir(follow_symlinks=False):
            message = f"it holds {entry.name} besides pages of an earlier run, so it stays as it is"
            raise OSError(errno.ENOTEMPTY, message, str(path))
    for entry in entries:
        Path(entry.path).unlink()
    path.rmdir()


def output_size(path: Path) -> int:
    """Bytes of an output, a file or a folder of pages.

    Raises:
        OSError: it is not there.
    """
    if path.is_dir():
        return sum(entry.stat().st_size for entry in os.scandir(path))
    return path.stat().st_size


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an OSError that comes without a name, such as that of a full disk, the name of the output."""
    try:
        yield
    except OSError as error:
        # Not the partial file, which nobody has heard of and which is gone by then.
        error.filename = str(path)
        raise


class OutputFile:
    """A file that is written beside its place and takes it when it is whole.

    Without ``commit`` nothing is left behind once ``discard`` is called.
    """

    def __init__(self, path: Path) -> None:
        """Begin to write what will become ``path``, compressed as its name says."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # A name of its own: a worker that has outlived its run must not write to the file of the next.
        self.partial = _new_partial(path, _partial_stem(path))
        self._raw: IO[bytes] = self.partial.open("wb")
        self._compressor: Any = None
        self._has_members = False

    def _open_compressor(self) -> Any:
        if compression_of(self.path) == "gz":
            # No name and no time inside: the same content gives the same bytes.
            return gzip.GzipFile("", "wb", _GZIP_LEVEL, self._raw, mtime=0)
        if compression_of(self.path) == "zst":
            context = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
            return context.stream_writer(self._raw, closefd=False)
        return self._raw

    @property
    def raw(self) -> IO[bytes]:
        """The file itself, for writers that compress on their own."""
        self._has_members = True
        return self._raw

    def write(self, data: bytes) -> None:
        """Add bytes."""
        with naming(self.path):
            if self._compressor is None:
                self._compressor = self._open_compressor()
            self._compressor.write(data)

    def write_member(self, data: bytes) -> None:
        """Add bytes that can be decompressed on their own, as archives of records want it."""
        kind = compression_of(self.path)
        if kind == "gz":
            data = gzip.compress(data, _GZIP_LEVEL, mtime=0)
        elif kind == "zst":
            data = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compress(data)
        with naming(self.path):
            self._raw.write(data)
        self._has_members = True

    def commit(self) -> None:
        """Make the file whole and put it in its place."""
        with naming(self.path):
            if not self._has_members:
                self.write(b"")  # an empty file has a header and an end, too
                if self._compressor is not self._raw:
                    self._compressor.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()
            self.partial.replace(self.path)

    def discard(self) -> None:
        """Throw away what has not been committed."""
        if not self._raw.closed:
            with suppress(OSError):  # what is buffered may not fit the disk
                self._raw.close()
            self.partial.unlink(missing_ok=True)


class OutputFolder:
    """A folder of small files that is written beside its place and takes it when it is whole."""

    def __init__(self, path: Path) -> None:
        """Begin to write what will become the folder ``path``."""
        self._path = path
        self._partial = _new_partial(path, _partial_stem(path))
        self._partial.mkdir(parents=True)

    def write(self, name: str, data: bytes) -> None:
        """Add a file; its name is a number with the suffix ``.txt``."""
        with naming(self._path / name), (self._partial / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def commit(self) -> None:
        """Put the folder in its place."""
        self._partial.replace(self._path)

    def discard(self) -> None:
        """Throw away what has not been committed."""
        remove_output(self._partial)
