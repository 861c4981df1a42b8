"""JSON lines: one object a line."""

from collections.abc import Callable, Iterator
from pathlib import Path

from spamfilter.ingest.byte_files import ByteSource
from spamfilter.ingest.json_text import parse_object
from spamfilter.ingest.records import Chunk, Problem, ProblemError, ProblemKind, Record

LONGEST_LINE = 1 << 29
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_BOM = b"\xef\xbb\xbf"


def read_jsonl(path: Path, text_key: str, *, on_progress: Callable[[int], None] | None = None) -> Iterator[Chunk]:
    """Read a file of JSON lines in chunks.

    Records without text are handed over with ``text=None`` and a problem; lines that are no JSON object become
    problems that hold the line.

    Raises:
        ProblemError: the file is not made of lines in UTF-8.
        OSError: it cannot be read.
    """
    chunk = Chunk()
    with ByteSource(path, on_progress) as source:
        number, is_first = 0, True
        for number, line in enumerate(_lines(source, str(path)), 1):
            if not line.strip():
                continue
            if is_first and line.strip() == b"[":
                message = "one JSON array, not JSON lines; write one object a line (jq -c '.[]')"
                raise ProblemError(Problem(ProblemKind.UNREADABLE, str(path), "", message))
            is_first = False
            _take(chunk, str(path), number, line, text_key)
            if chunk.is_full:
                yield chunk
                chunk = Chunk()
        if source.defect is not None:
            position = f"after line {number}"
            chunk.problems.append(Problem(ProblemKind.TRUNCATED, str(path), position, source.defect))
    yield chunk


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
            if block[:2] in _MARKS:
                message = f"the file is {_MARKS[block[:2]]}, not UTF-8; encode it anew"
                raise ProblemError(Problem(ProblemKind.WRONG_ENCODING, file, "", message))
            block = block.removeprefix(_BOM)
            is_first = False
        head, *lines = block.split(b"\n")
        rest.append(head)
        size += len(head)
        if lines:
            yield b"".join(rest)
            yield from lines[:-1]
            rest, size = [lines[-1]], len(lines[-1])
        if size > LONGEST_LINE:
            message = f"a line of more than {LONGEST_LINE >> 20} MB; is it JSON lines, one object a line?"
            raise ProblemError(Problem(ProblemKind.UNREADABLE, file, "", message))
    if size:
        yield b"".join(rest)
