"""WET and WARC archives: text of conversion records, or of HTML responses through resiliparse."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree

from spamfilter.ingest.byte_files import ByteSource
from spamfilter.ingest.records import Chunk, Problem, ProblemKind, Record

_HTML = ("text/html", "application/xhtml+xml")
_NEW_PAYLOAD = frozenset({"content-length", "warc-block-digest", "warc-payload-digest"})
_END = b"\r\n\r\n"


def read_wet(path: Path, *, on_progress: Callable[[int], None] | None = None) -> Iterator[Chunk]:
    """Read the text of a WET file; records that hold no text (warcinfo) are handed over with ``text=None``.

    Fields: ``id``, ``url``, ``date``, ``language`` where the record says so, and ``text``.

    Raises:
        OSError: the file cannot be read.
    """
    return _read(path, _take_conversion, WarcRecordType.any_type, False, on_progress)


def read_warc(
    path: Path, *, main_content: bool = False, on_progress: Callable[[int], None] | None = None
) -> Iterator[Chunk]:
    """Read the text of the HTML responses of a WARC file; all other records are counted as skipped.

    Fields: ``id``, ``url``, ``date`` and ``text``.

    Args:
        main_content: take what resiliparse holds for the main content, not all of the page.

    Raises:
        OSError: the file cannot be read.
    """

    def take(chunk: Chunk, file: str, number: int, record: Any) -> None:
        _take_response(chunk, file, number, record, main_content)

    return _read(path, take, WarcRecordType.response, True, on_progress)


def _read(
    path: Path,
    take: Callable[[Chunk, str, int, Any], None],
    record_types: Any,
    parse_http: bool,
    on_progress: Callable[[int], None] | None,
) -> Iterator[Chunk]:
    chunk = Chunk()
    file = str(path)
    number = 0
    with ByteSource(path, on_progress) as source:
        try:
            for record in ArchiveIterator(
                source, record_types=record_types, parse_http=parse_http, auto_decode="all" if parse_http else "none"
            ):
                number += 1
                take(chunk, file, number, record)
                if chunk.is_full:
                    yield chunk
                    chunk = Chunk()
        except (OSError, ValueError) as error:
            message = f"no WARC record behind record {number} ({error}); what came before has been used"
            chunk.problems.append(Problem(ProblemKind.UNREADABLE, file, f"after record {number}", message))
        if source.defect is not None:
            position = f"after record {number}"
            chunk.problems.append(Problem(ProblemKind.TRUNCATED, file, position, source.defect))
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


def _take_conversion(chunk: Chunk, file: str, number: int, record: Any) -> None:
    payload = record.reader.read()
    headers = tuple(record.headers.to_tuples())
    where = f"record {number} ({record.headers.get('WARC-Record-ID') or 'without id'})"
    if len(payload) != record.content_length:
        message = f"the record ends after {len(payload)} of {record.content_length} bytes; fetch the file again"
        chunk.problems.append(Problem(ProblemKind.BROKEN_RECORD, file, where, message, payload))
        return
    if record.record_type != WarcRecordType.conversion:
        chunk.add(Record(number, None, {}, None, headers, payload))
        chunk.skipped += 1
        return
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 (byte {error.start}: {error.reason}); drop the record or encode it anew"
        chunk.problems.append(Problem(ProblemKind.WRONG_ENCODING, file, where, message, payload))
        return
    chunk.add(Record(number, text, {**_fields(record), "text": text}, None, headers, payload))


def _take_response(chunk: Chunk, file: str, number: int, record: Any, main_content: bool) -> None:
    content_type = (record.http_content_type or "").lower()
    if not record.is_http or content_type not in _HTML:
        chunk.skipped += 1
        return
    where = f"record {number} ({record.headers.get('WARC-Record-ID') or 'without id'})"
    payload = b""
    try:
        payload = record.reader.read()
        encoding = record.http_charset or detect_encoding(payload) or "utf-8"
        text = html_text(payload, encoding, main_content=main_content)
    except Exception as error:  # the parsers name no common error, and one page must not end the file
        message = f"the page cannot be read ({type(error).__name__}: {error}); drop the record"
        chunk.problems.append(Problem(ProblemKind.BROKEN_RECORD, file, where, message, payload))
        return
    chunk.add(Record(number, text, {**_fields(record), "text": text}))


def html_text(html: bytes, encoding: str, *, main_content: bool = False) -> str:
    """Text of an HTML page, line by line, as resiliparse sees it."""
    tree = HTMLTree.parse_from_bytes(html, encoding)
    text: str = extract_plain_text(tree, preserve_formatting=True, main_content=main_content)
    return text


def wet_record(headers: Sequence[tuple[str, str]], payload: bytes, *, changed: bool) -> bytes:
    """Bytes of a WARC record; where the payload has changed, its length is set anew and its digests go."""
    lines = ["WARC/1.0"]
    for name, value in headers:
        if name.lower() in _NEW_PAYLOAD and (changed or name.lower() == "content-length"):
            continue
        lines.append(f"{name}: {value}")
    lines.append(f"Content-Length: {len(payload)}")
    return "\r\n".join(lines).encode("utf-8") + _END + payload + _END


def conversion_headers(fields: Any) -> tuple[tuple[str, str], ...]:
    """Headers of a conversion record for a page that did not come from a WET file."""
    return (
        ("WARC-Type", "conversion"),
        ("WARC-Target-URI", fields["url"]),
        ("WARC-Date", fields["date"]),
        ("WARC-Refers-To", fields["id"]),
        ("Content-Type", "text/plain"),
    )
