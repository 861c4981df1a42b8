"""WET and WARC archives: text of conversion records, or of HTML pages through resiliparse."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree

from spamfilter.ingest.archive_writers import text_id
from spamfilter.ingest.byte_files import ByteSource
from spamfilter.ingest.records import Chunk, Problem, ProblemError, ProblemKind, Record

_HTML = ("text/html", "application/xhtml+xml")
_LARGEST_PAGE = 1 << 26
"""Bytes of a record up to which its length is checked: more is a film, or a page that is too long in any case."""
_PAGES = WarcRecordType.response | WarcRecordType.resource


def read_wet(path: Path, *, on_progress: Callable[[int], None] | None = None) -> Iterator[Chunk]:
    """Read the text of a WET file; records that hold no text (warcinfo) are handed over with ``text=None``.

    Fields: ``id``, ``url``, ``date``, ``language`` where the record says so, and ``text``.

    Raises:
        ProblemError: the file is no archive, or is damaged, and not only from some record on.
        OSError: the file cannot be read.
    """
    return _read(path, _take_conversion, WarcRecordType.any_type, on_progress)


def read_warc(
    path: Path,
    *,
    main_content: bool = False,
    keep_records: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[Chunk]:
    """Read the text of the HTML pages of a WARC file: responses, and resources that are HTML.

    Fields: ``id``, ``url``, ``date`` and ``text``. Responses and resources that are no HTML are counted as skipped.

    Args:
        main_content: take what resiliparse holds for the main content, not all of the page.
        keep_records: hand over every record with its block, those that are no page with ``text=None``; but for texts
            that an earlier run has put behind the pages, which are made anew.

    Raises:
        ProblemError: the file is no archive, or is damaged, and not only from some record on.
        OSError: the file cannot be read.
    """

    text_of_last_page = ""

    def take(chunk: Chunk, file: str, number: int, record: Any) -> None:
        nonlocal text_of_last_page
        name = record.headers.get("WARC-Record-ID") or ""
        if record.record_type == WarcRecordType.conversion and name == text_of_last_page:
            return
        text_of_last_page = text_id(name)
        _take_page(chunk, file, number, record, main_content, keep_records)

    return _read(path, take, WarcRecordType.any_type if keep_records else _PAGES, on_progress)


def _read(
    path: Path,
    take: Callable[[Chunk, str, int, Any], None],
    record_types: Any,
    on_progress: Callable[[int], None] | None,
) -> Iterator[Chunk]:
    chunk = Chunk()
    file = str(path)
    number = 0
    failure: Exception | None = None
    with ByteSource(path, on_progress) as source:
        try:
            for record in ArchiveIterator(source, record_types=record_types, parse_http=False):
                number += 1
                take(chunk, file, number, record)
                if chunk.is_full:
                    yield chunk
                    chunk = Chunk()
        except (OSError, ValueError) as error:
            failure = error
        # Only the end of a compressed file tells whether what came before was right.
        for _ in source.blocks():
            pass
        problem = source.problem(f"after record {number}")
    if failure is not None and not number:
        message = f"not one page in it can be read ({failure}); fetch it again or mend its name"
        raise ProblemError(Problem(ProblemKind.UNREADABLE, file, "", message))
    if failure is not None:
        message = f"no WARC record behind record {number} ({failure}); what came before has been used"
        chunk.problems.append(Problem(ProblemKind.UNREADABLE, file, f"after record {number}", message))
    if problem is not None:
        chunk.problems.append(problem)
    yield chunk


def _fields(record: Any) -> dict[str, Any]:
    headers = record.headers
    fields = {
        "id": headers.get("WARC-Record-ID") or "",
        "url": headers.get("WARC-Target-URI") or "",
        "date": headers.get("WARC-Date") or "",
    }
    language = headers.get("WARC-Identified-Content-Language")
    return {**fields, "language": language} if language else fields


def _where(number: int, record: Any) -> str:
    return f"record {number} ({record.headers.get('WARC-Record-ID') or 'without id'})"


def _is_whole(chunk: Chunk, file: str, number: int, record: Any, block: bytes, length: int) -> bool:
    """Whether ``block`` has its ``length``; else there is one more problem."""
    if len(block) == length:
        return True
    message = f"the record ends after {len(block)} of {length} bytes; fetch the file again"
    chunk.give_up(Problem(ProblemKind.BROKEN_RECORD, file, _where(number, record), message, block))
    return False


def _take_conversion(chunk: Chunk, file: str, number: int, record: Any) -> None:
    headers, version = record.headers.to_tuples(), record.headers.status_line
    block = record.reader.read()
    if not _is_whole(chunk, file, number, record, block, record.content_length):
        return
    if record.record_type != WarcRecordType.conversion:
        chunk.add(Record(number, None, {}, None, headers, block, version))
        chunk.skipped += 1
        return
    try:
        text = block.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 (byte {error.start}: {error.reason}); drop the record or encode it anew"
        chunk.give_up(Problem(ProblemKind.WRONG_ENCODING, file, _where(number, record), message, block))
        return
    chunk.add(Record(number, text, {**_fields(record), "text": text}, None, headers, block, version))


def _take_page(chunk: Chunk, file: str, number: int, record: Any, main_content: bool, keep_records: bool) -> None:
    headers, version, length = record.headers.to_tuples(), record.headers.status_line, record.content_length
    is_page = record.record_type in (WarcRecordType.response, WarcRecordType.resource)
    block: bytes | None = None
    if keep_records or length <= _LARGEST_PAGE:
        record.freeze()  # the block is read twice: as it is, and decoded
        block = record.reader.read()
        if not _is_whole(chunk, file, number, record, block, length):
            return
        record.reader.seek(0)
    kept = block if keep_records else None
    html = b""
    try:
        content_type, charset = _content_type(record)
        if not is_page or content_type not in _HTML:
            chunk.skipped += is_page
            if keep_records:
                chunk.add(Record(number, None, {}, None, headers, kept, version))
            return
        html = record.reader.read()
        text = html_text(html, charset or detect_encoding(html) or "utf-8", main_content=main_content)
    except Exception as error:  # the parsers name no common error, and one page must not end the file
        message = f"the page cannot be read ({type(error).__name__}: {error}); drop the record"
        chunk.give_up(Problem(ProblemKind.BROKEN_RECORD, file, _where(number, record), message, block or html))
        return
    chunk.add(Record(number, text, {**_fields(record), "text": text}, None, headers, kept, version))


def _content_type(record: Any) -> tuple[str, str | None]:
    """Type and charset of what a record holds; of a response, its reader then stands behind the HTTP headers."""
    if record.record_type == WarcRecordType.response and record.is_http:
        record.parse_http(auto_decode="all")
        return (record.http_content_type or "").lower(), record.http_charset
    kind, _, parameters = (record.headers.get("Content-Type") or "").partition(";")
    return kind.strip().lower(), parameters.partition("charset=")[2].strip(" \"'") or None


def html_text(html: bytes, encoding: str, *, main_content: bool = False) -> str:
    """Text of an HTML page, line by line, as resiliparse sees it."""
    tree = HTMLTree.parse_from_bytes(html, encoding)
    text: str = extract_plain_text(tree, preserve_formatting=True, main_content=main_content)
    return text
