"""WET and WARC archives: text of conversion records, or of HTML pages through resiliparse."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import DOMContext, HTMLTree, traverse_dom

from spamfilter.ingest.archive_writers import text_id
from spamfilter.ingest.byte_files import ByteSource
from spamfilter.ingest.records import Chunk, Problem, ProblemError, ProblemKind, Record

_HTML = ("text/html", "application/xhtml+xml")
_LARGEST_PAGE = 1 << 26
"""Bytes of a record up to which its length is checked: more is a film, or a page that is too long in any case."""
_HEAD = 1 << 16
"""Bytes from which can be seen what a record is; FastWARC reads HTTP headers of half as many."""
_BEFORE_HTML = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n\f"
"""What may stand before the first tag: byte order marks and blanks, in UTF-8 or UTF-16."""
_PAGES = WarcRecordType.response | WarcRecordType.resource
_TEXTS = WarcRecordType.conversion


def read_wet(path: Path, *, on_progress: Callable[[int], None] | None = None) -> Iterator[Chunk]:
    """Read the text of a WET file; records that hold no text (warcinfo) are handed over with ``text=None``.

    Fields: ``id``, ``url``, ``date``, ``language`` where the record says so, and ``text``.

    Raises:
        ProblemError: the file is no archive, or is damaged, and not only from some record on.
        OSError: the file cannot be read.
    """
    return _read(path, _take_conversion, WarcRecordType.any_type, _TEXTS, on_progress)


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
        name = _as_text(record.headers.get_bytes(b"WARC-Record-ID") or b"")
        if record.record_type == _TEXTS and name == text_of_last_page:
            return
        text_of_last_page = text_id(name)
        _take_page(chunk, file, number, record, main_content, keep_records)

    return _read(path, take, WarcRecordType.any_type if keep_records else _PAGES, _PAGES, on_progress)


def _read(
    path: Path,
    take: Callable[[Chunk, str, int, Any], None],
    record_types: Any,
    pages: Any,
    on_progress: Callable[[int], None] | None,
) -> Iterator[Chunk]:
    """Hand the records of ``record_types`` to ``take``; ``pages`` are the types that hold what the name promises."""
    chunk = Chunk()
    file = str(path)
    number = seen = 0
    failure: Exception | None = None
    with ByteSource(path, on_progress) as source:
        try:
            # All types: records that are malformed have none, and would be passed over in silence.
            for record in ArchiveIterator(source, parse_http=False, stream_detect=False):
                _check_length(record)
                seen |= int(record.record_type)
                if not record.record_type & record_types:
                    continue
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
    if not seen and problem is None:
        message = "not one WARC record in it; fetch it again or mend its name"
        raise ProblemError(Problem(ProblemKind.UNREADABLE, file, "", message))
    if not seen & pages and seen & (_PAGES | _TEXTS):
        other = ".warc.wet" if pages == _PAGES else ".warc"
        message = f"not one page in it is of the kind that its name says, all are those of {other}; mend its name"
        raise ProblemError(Problem(ProblemKind.UNREADABLE, file, "", message))
    if failure is not None:
        message = f"no WARC record behind record {number} ({failure}); what came before has been used"
        chunk.problems.append(Problem(ProblemKind.UNREADABLE, file, f"after record {number}", message))
    if problem is not None:
        chunk.problems.append(problem)
    yield chunk


def _check_length(record: Any) -> None:
    """See that the length of a record is the one in its headers.

    Raises:
        ValueError: it is not, so nobody knows where the record ends.
    """
    lengths = record.headers.get_multiple("Content-Length")
    if not any(length.isdecimal() and int(length) == record.content_length for length in lengths):
        raise ValueError("a record without a valid Content-Length: cut off, or its lines end in LF alone, not in CR LF")


def _headers(record: Any) -> tuple[tuple[str, str], ...]:
    return tuple((_as_text(name), _as_text(value)) for name, value in record.headers.items_bytes())


def _as_text(data: bytes) -> str:
    """Bytes of a header so that they can be written again as they are, UTF-8 or not."""
    return data.decode("utf-8", "surrogateescape")


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
    headers, version = _headers(record), record.headers.status_line
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
    headers, version, length = _headers(record), record.headers.status_line, record.content_length
    is_page = bool(record.record_type & _PAGES)
    is_small = keep_records or length <= _LARGEST_PAGE
    block = record.reader.read() if is_small else record.reader.read(_HEAD)
    if is_small and not _is_whole(chunk, file, number, record, block, length):
        return
    kept = block if keep_records else None
    try:
        content_type, charset = _content_type(record, block)
        if not is_page or content_type not in _HTML:
            chunk.skipped += is_page
            if keep_records:
                chunk.add(Record(number, None, {}, None, headers, kept, version))
            return
        if not is_small:
            block += record.reader.read()
            if not _is_whole(chunk, file, number, record, block, length):
                return
        html = _body(block) if _is_http(record) else block
        text = html_text(html, charset or detect_encoding(html) or "utf-8", main_content=main_content)
    except Exception as error:  # the parsers name no common error, and one page must not end the file
        message = f"the page cannot be read ({type(error).__name__}: {error}); drop the record"
        chunk.give_up(Problem(ProblemKind.BROKEN_RECORD, file, _where(number, record), message, block))
        return
    chunk.add(Record(number, text, {**_fields(record), "text": text}, None, headers, kept, version))


def _is_http(record: Any) -> bool:
    return bool(record.record_type == WarcRecordType.response and record.is_http)


def _content_type(record: Any, block: bytes) -> tuple[str, str | None]:
    """Type and charset of what a record holds; of a response, as its HTTP headers say."""
    if _is_http(record):
        message = _http(block[:_HEAD], "none")
        return (message.http_content_type or "").lower(), message.http_charset
    kind, _, parameters = (record.headers.get("Content-Type") or "").partition(";")
    return kind.strip().lower(), parameters.partition("charset=")[2].strip(" \"'") or None


def _http(block: bytes, decoding: str) -> Any:
    """An HTTP message, its reader behind the headers."""
    # In a record of its own: one whose body cannot be decoded would take the rest of the file with it.
    message: Any = WarcRecord()
    message.set_bytes_content(block)
    message.is_http = True
    message.parse_http(auto_decode=decoding)
    return message


def _body(block: bytes) -> bytes:
    """The body of an HTTP response, decoded as its headers say, or as far as they fit it.

    Crawlers that store bodies decoded often leave the headers as they came.

    Raises:
        OSError: it cannot be decoded, and is no HTML as it is.
    """
    failure: OSError | None = None
    for decoding in ("all", "content", "transfer", "none"):
        try:
            body: bytes = _http(block, decoding).reader.read()
        except OSError as error:
            failure = failure or error
            continue
        if failure is None:
            return body
        start = body.lstrip(_BEFORE_HTML)
        if not start or start.startswith(b"<"):
            return body
    raise failure or OSError("no HTTP")


def html_text(html: bytes, encoding: str, *, main_content: bool = False) -> str:
    """Text of an HTML page, line by line, as resiliparse sees it; all of it if its elements lie very deep."""
    tree = HTMLTree.parse_from_bytes(html, encoding)
    main_content = main_content and not _is_very_deep(tree, html)
    text: str = extract_plain_text(tree, preserve_formatting=True, main_content=main_content)
    return text


def _is_very_deep(tree: HTMLTree, html: bytes) -> bool:
    """Whether elements lie so deep that to look for the main content, which takes time by its square, would stall."""
    data = np.frombuffer(html.replace(b"\0", b""), np.uint8)  # as if UTF-16 were ASCII
    behind = data[1:][data[:-1] == ord("<")]
    # Quickly, by tags: elements that are never closed, such as images, count as if all else stood in them.
    steps = np.where(behind == ord("/"), -1, np.isin(behind, _LETTERS).astype(np.int64))
    if tree.body is None or steps.cumsum().max(initial=0) <= _DEEPEST:
        return False
    deepest = 0

    def look(place: DOMContext) -> None:
        nonlocal deepest
        deepest = max(deepest, place.depth)

    traverse_dom(tree.body, look, elements_only=True)
    return deepest > _DEEPEST


_DEEPEST = 2000
_LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)
