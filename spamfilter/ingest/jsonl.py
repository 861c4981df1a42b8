"""JSON lines: one object a line."""

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from spamfilter.ingest.byte_files import ByteSource
from spamfilter.ingest.json_text import parse_object
from spamfilter.ingest.records import Chunk, Problem, ProblemError, ProblemKind, Record

LONGEST_LINE = 1 << 29
_ARRAY_BEGINS = re.compile(rb"\s*\[\s*([{\[]|$)")
_ONE_A_LINE = "write one object a line (jq -c '.[]')"


def read_jsonl(path: Path, text_key: str, *, on_progress: Callable[[int], None] | None = None) -> Iterator[Chunk]:
    """Read a file of JSON lines in chunks.

    Records without text are handed over with ``text=None`` and a problem; lines that are no JSON object become
    problems that hold the line.

    Raises:
        ProblemError: the file is not made of lines in UTF-8, or is one JSON array, or holds objects on many lines, or
            is damaged.
        OSError: it cannot be read.
    """
    chunk = Chunk()
    with ByteSource(path, on_progress) as source:
        number = 0
        for number, line in _objects(_lines(source, str(path)), str(path)):
            _take(chunk, str(path), number, line, text_key)
            if chunk.is_full:
                yield chunk
                chunk = Chunk()
        problem = source.problem(f"after line {number}")
        if problem is not None:
            chunk.problems.append(problem)
    yield chunk


def _objects(lines: Iterable[bytes], file: str) -> Iterator[tuple[int, bytes]]:
    """Lines that hold something, with their numbers.

    Raises:
        ProblemError: they are one JSON array, on one line or on many, or an object on many.
    """
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    first = next(numbered, None)
    if first is None:
        return
    second = None
    if first[1].lstrip().startswith(b"["):
        # An array that ends on its line is the whole file only if nothing follows: else it is one bad line of many.
        is_closed = first[1].rstrip().endswith(b"]")
        second = next(numbered, None) if is_closed else None
        if second is None and (is_closed or _ARRAY_BEGINS.match(first[1])):
            message = f"one JSON array, not JSON lines; {_ONE_A_LINE}"
            raise ProblemError(Problem(ProblemKind.UNREADABLE, file, "", message))
    elif first[1].strip() == b"{":
        second = next(numbered, None)
        if second is not None and second[1].lstrip().startswith((b'"', b"}")):
            message = "JSON objects on many lines each, not JSON lines; write one object a line (jq -c .)"
            raise ProblemError(Problem(ProblemKind.UNREADABLE, file, "", message))
    yield first
    if second is not None:
        yield second
    yield from numbered


def _take(chunk: Chunk, file: str, number: int, line: bytes, text_key: str) -> None:
    position = f"line {number}"
    try:
        fields = parse_object(line)
    except UnicodeDecodeError as error:
        message = f"not UTF-8 (byte {error.start} of the line: {error.reason}); encode the file anew"
        chunk.give_up(Problem(ProblemKind.WRONG_ENCODING, file, position, message, line))
        return
    except ValueError as error:
        message = f"no JSON object ({error}); mend or drop the line"
        chunk.give_up(Problem(ProblemKind.BROKEN_RECORD, file, position, message, line))
        return
    text = fields.get(text_key)
    if isinstance(text, str):
        chunk.add(Record(number, text, fields, line))
        return
    lost = None
    if text_key not in fields:
        message = f"no key {text_key!r} among {list(fields)[:20]}; name the key of the text with --text-column"
    else:
        message = f"{text_key!r} holds {type(text).__name__}, not a string; drop the record or give it a text"
        lost = None if text is None else line  # a table of strings has no place for it
    chunk.problems.append(Problem(ProblemKind.NO_TEXT, file, position, message, lost))
    chunk.add(Record(number, None, fields, line))


def _lines(source: ByteSource, file: str) -> Iterator[bytes]:
    """Lines without their ends; only a line feed ends a line."""
    rest: list[bytes] = []
    size = 0
    is_first = True
    for block in source.blocks():
        if is_first:
            if block.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
                message = "the file is UTF-16, not UTF-8; encode it anew"
                raise ProblemError(Problem(ProblemKind.WRONG_ENCODING, file, "", message))
            block = block.removeprefix(BOM_UTF8)
            is_first = False
        head, *lines = block.split(b"\n")
        rest.append(head)
        size += len(head)
        if lines:
            yield b"".join(rest)
            yield from lines[:-1]
            rest, size = [lines[-1]], len(lines[-1])
        if size > LONGEST_LINE:
            message = f"a line of more than {LONGEST_LINE >> 20} MB; if the file is one JSON array, {_ONE_A_LINE}"
            raise ProblemError(Problem(ProblemKind.UNREADABLE, file, "", message))
    if size:
        yield b"".join(rest)
