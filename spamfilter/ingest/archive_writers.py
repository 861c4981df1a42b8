"""Writers of WET and WARC files: pages as conversion records."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from spamfilter.ingest.byte_files import OutputFile
from spamfilter.ingest.records import Record
from spamfilter.ingest.shards import as_utf8

Headers = Sequence[tuple[str, str]]
_END = b"\r\n\r\n"
_OF_THE_PAYLOAD = frozenset({"content-length", "warc-block-digest", "warc-payload-digest"})
_OF_THE_PAGE = _OF_THE_PAYLOAD | {
    "warc-type",
    "warc-record-id",
    "warc-concurrent-to",
    "warc-identified-payload-type",
    "content-type",
}
"""Headers of an HTML record that do not hold for the text that is made from it."""
CUT_HEADER = "Spamfilter-Cut-Characters"


def record_bytes(headers: Headers, block: bytes, version: str = "WARC/1.0") -> bytes:
    """A WARC record with the headers as they are but for the length, which is that of ``block``.

    A byte NN of a header that is not UTF-8 stands as ``\\udcNN`` and is written as it was.
    """
    lines = [version, *(f"{name}: {value}" for name, value in headers if name.lower() != "content-length")]
    lines.append(f"Content-Length: {len(block)}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + _END + block + _END


def changed_headers(headers: Headers, block: bytes, cut_characters: int) -> Headers:
    """Headers of a conversion record whose text has been cut: digest anew, the rest as it was, and how much is gone."""
    kept = [(name, value) for name, value in headers if name.lower() not in _OF_THE_PAYLOAD]
    return [*kept, ("WARC-Block-Digest", _digest(block)), (CUT_HEADER, str(cut_characters))]


def conversion_headers(headers: Headers, block: bytes, cut_characters: int = 0) -> Headers:
    """Headers of the conversion record for a page whose HTML record has ``headers``.

    Address, date and whatever else says where the page comes from stay; ``WARC-Refers-To`` names the HTML record. The
    id is made from the id of that record, so that the same input gives the same bytes.
    """
    origin = next((value for name, value in headers if name.lower() == "warc-record-id"), "")
    result = [
        ("WARC-Type", "conversion"),
        ("WARC-Record-ID", text_id(origin)),
        *((name, value) for name, value in headers if name.lower() not in _OF_THE_PAGE),
        ("Content-Type", "text/plain"),
        ("WARC-Block-Digest", _digest(block)),
    ]
    if origin:
        result.append(("WARC-Refers-To", origin))
    return [*result, (CUT_HEADER, str(cut_characters))] if cut_characters else result


def text_id(origin: str) -> str:
    """The id of the conversion record for the page whose record has the id ``origin``."""
    return f"<{uuid5(NAMESPACE_URL, as_utf8(f'{origin} text')).urn}>"


def _digest(block: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(block, usedforsecurity=False).digest()).decode("ascii")


class ArchiveWriter:
    """Records of an archive: those of the input, and pages as conversion records.

    The first record is a ``warcinfo`` that says what has made the file. What came from a WET file and has not been
    cut is handed on as it was.
    """

    def __init__(self, path: Path, provenance: Mapping[str, str], *, keep_pages: bool = False) -> None:
        """Begin to write.

        Args:
            provenance: fields of the ``warcinfo`` record.
            keep_pages: write the HTML record of each page before its conversion record.
        """
        self._file = OutputFile(path)
        self._provenance = provenance
        self._keep_pages = keep_pages
        self._begun = False

    def write(self, record: Record, text: str | None, annotation: tuple[str, Any] | None) -> None:
        """Add a record; there is no place for an annotation."""
        if not self._begun:
            self._begin(record.headers, record.version)
        if record.text is None:
            self._write(record.headers, record.payload or b"", record.version)
            return
        cut = 0 if text is None else len(record.text) - len(text)
        block = (record.text if text is None else text).encode("utf-8")
        kind = next((value for name, value in record.headers if name.lower() == "warc-type"), "")
        if kind == "conversion":
            headers = record.headers if text is None else changed_headers(record.headers, block, cut)
            self._write(headers, block, record.version)
            return
        if self._keep_pages and record.payload is not None:
            self._write(record.headers, record.payload, record.version)
        self._write(conversion_headers(record.headers, block, cut), block, record.version)

    def _begin(self, first: Headers = (), version: str = "WARC/1.0") -> None:
        self._begun = True
        block = "".join(f"{name}: {value}\r\n" for name, value in self._provenance.items()).encode("utf-8")
        named = {name.lower(): value for name, value in first}
        # Not the time of the run: the same input gives the same bytes.
        date = named.get("warc-date", "1970-01-01T00:00:00Z")
        seed = named.get("warc-record-id", "") + block.decode("utf-8")
        headers = [
            ("WARC-Type", "warcinfo"),
            ("WARC-Date", date),
            ("WARC-Record-ID", f"<{uuid5(NAMESPACE_URL, as_utf8(seed)).urn}>"),
            ("WARC-Filename", as_utf8(self._file.path.name)),
            ("Content-Type", "application/warc-fields"),
        ]
        self._write(headers, block, version)

    def _write(self, headers: Headers, block: bytes, version: str) -> None:
        self._file.write_member(record_bytes(headers, block, version))

    def commit(self) -> None:
        """Make the file whole and put it in its place."""
        if not self._begun:
            self._begin()
        self._file.commit()

    def discard(self) -> None:
        """Throw away what has not been committed."""
        self._file.discard()
