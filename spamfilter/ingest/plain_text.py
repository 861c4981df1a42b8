"""Plain text: one file, one page."""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from spamfilter.ingest.byte_files import ByteSource
from spamfilter.ingest.records import Chunk, Problem, ProblemError, ProblemKind, Record

LARGEST_FILE = 1 << 28


def read_plain_text(
    path: Path, identifier: str, *, on_progress: Callable[[int], None] | None = None
) -> Iterator[Chunk]:
    """Read a text file as one record with the fields ``id`` and ``text``; a byte order mark is no part of the text.

    Raises:
        ProblemError: the file is not UTF-8 or not whole, or too large for one page.
        OSError: it cannot be read.
    """
    pieces: list[bytes] = []
    size = 0
    with ByteSource(path, on_progress) as source:
        for block in source.blocks():
            pieces.append(block)
            size += len(block)
            if size > LARGEST_FILE:
                message = f"more than {LARGEST_FILE >> 20} MB in one page; split the file, one page a file"
                raise ProblemError(Problem(ProblemKind.UNREADABLE, str(path), "", message))
        problem = source.problem(f"after byte {size}")
    if problem is not None:
        # Half a page is no page: it would be judged for what it is not.
        message = f"{source.defect}; half a page is none, so nothing has been used: mend the file or fetch it again"
        raise ProblemError(replace(problem, message=message))
    data = b"".join(pieces).removeprefix(BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 ({error.reason}); encode the file anew"
        position = f"byte {error.start + size - len(data)}"
        raise ProblemError(Problem(ProblemKind.WRONG_ENCODING, str(path), position, message)) from None
    chunk = Chunk()
    chunk.add(Record(1, text, {"id": identifier, "text": text}))
    yield chunk
