"""Archives are read record by record: none takes those behind it along, and none is passed over in silence."""

import gzip
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spamfilter.ingest import warc
from spamfilter.ingest.records import ProblemKind, Record
from tests.ingest.material import command, compress, html_response, problems, summary, warc_record, wet_bytes
from tests.ingest.pages import clean_page, mixed_page

HTML = b"<html><body><p>The ditch behind plot twelve has been cleared.</p></body></html>"
TEXT = "The ditch behind plot twelve has been cleared."


def response(number: int, headers: bytes, body: bytes) -> bytes:
    """A record of an HTML page with ``headers`` behind those that each page has."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + headers + b"\r\n\r\n"
    return warc_record("response", number, head + body, "application/http; msgtype=response")


def chunked(body: bytes) -> bytes:
    return f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("name", ["x.warc", "x.warc.gz"])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Encoding: gzip", HTML),
        (b"Content-Encoding: br", b"\xef\xbb\xbf\r\n" + HTML),
        (b"Content-Encoding: foo", HTML),
        (b"Transfer-Encoding: chunked", HTML),
        (b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked", HTML),
        (b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked", gzip.compress(HTML)),
        (b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked", chunked(HTML)),
        (b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked", chunked(gzip.compress(HTML))),
    ],
)
def test_a_body_that_does_not_fit_its_http_headers_is_read_as_far_as_it_fits(
    tmp_path: Path, name: str, headers: bytes, body: bytes
) -> None:
    members = [response(0, headers, body), html_response(1, "the next page")]
    path = tmp_path / name
    path.write_bytes(b"".join(gzip.compress(one) if path.suffix == ".gz" else one for one in members))
    chunks = list(warc.read_warc(path))
    assert [record.text for chunk in chunks for record in chunk.records] == [TEXT, "the next page"]
    assert not any(chunk.problems for chunk in chunks)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Encoding: gzip", b"\x1f\x8b rubbish" * 9),
        (b"Content-Encoding: br", b"rubbish"),
        (b"Transfer-Encoding: chunked", chunked(HTML)[:40]),
        (b"Transfer-Encoding: chunked", b"zzzz\r\n" + HTML),
        (b"X-Long: " + b"x" * 50_000, HTML),
    ],
)
@pytest.mark.parametrize(
    "command_line", [("annotate",), *(("filter", "--to", one) for one in ("jsonl", "wet", "warc"))]
)
def test_a_page_that_cannot_be_decoded_is_listed_alone(
    tmp_path: Path, headers: bytes, body: bytes, command_line: tuple[str, ...]
) -> None:
    pages = [html_response(number, clean_page(number)) for number in range(3)]
    compress(tmp_path / "x.warc", b"".join([pages[0], response(7, headers, body), *pages[1:]]))
    options = ("--rejected", tmp_path / "r") if "filter" in command_line else ()
    assert command(*command_line, tmp_path / "x.warc", "-o", tmp_path / "o", *options) == 1
    (problem,) = problems(tmp_path / "o")
    assert (problem["kind"], problem["position"]) == ("broken_record", "record 2 (<urn:uuid:page-7>)")
    total = summary(tmp_path / "o")["total"]
    assert (total["records"], total["kept"], total["listed"]) == (4, 3, 1)


@pytest.mark.parametrize("largest", [10, 1 << 26])
def test_records_of_any_size_are_pages_if_they_are_html_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest: int
) -> None:
    monkeypatch.setattr(warc, "_LARGEST_PAGE", largest)
    monkeypatch.setattr(warc, "_HEAD", 100)
    film, page = html_response(0, "x" * 500, "video/mp4"), html_response(1, "y" * 500)
    compress(tmp_path / "x.warc", film + page + page[:-100])
    chunks = list(warc.read_warc(tmp_path / "x.warc"))
    assert [record.text for chunk in chunks for record in chunk.records] == ["y" * 500]
    assert sum(chunk.skipped for chunk in chunks) == 1
    assert [one.kind for chunk in chunks for one in chunk.problems] == [ProblemKind.BROKEN_RECORD]


def test_records_whose_lines_end_in_lf_alone_are_told_and_what_came_before_is_used(tmp_path: Path) -> None:
    members = wet_bytes(["one", "two", "three"])
    for place in (2, 3):
        without = [one.replace(b"\r", b"") if number >= place else one for number, one in enumerate(members)]
        compress(tmp_path / "x.wet", b"".join(without))
        (chunk,) = warc.read_wet(tmp_path / "x.wet")
        assert [record.text for record in chunk.records] == [None, "one", "two"][:place]
        assert [(one.kind, one.position) for one in chunk.problems] == [
            (ProblemKind.UNREADABLE, f"after record {place}")
        ]
        assert "LF alone" in chunk.problems[0].message


def test_an_archive_that_says_what_it_is_but_holds_no_page_is_no_problem(tmp_path: Path) -> None:
    info, *_ = wet_bytes([])
    request = warc_record("request", 1, b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request")
    compress(tmp_path / "in/x.wet", info)
    compress(tmp_path / "in/x.warc", info + request)
    for name in ("x.wet", "x.warc"):
        assert command("annotate", tmp_path / "in" / name, "-o", tmp_path / name) == 0


def odd(record: bytes) -> bytes:
    """``record`` with headers and an id that are not UTF-8."""
    record = record.replace(b"<urn:uuid:page-", b"<urn:uuid:caf\xe9-")
    return record.replace(b"\r\nContent-Type", b"\r\nX-Caf\xe9: caf\xe9\xc3\xa9\r\nContent-Type", 1)


def in_file(path: Path, kind: bytes) -> list[set[bytes]]:
    """Header lines of the records of a kind, but for the lengths."""
    heads = [one.split(b"\r\n\r\n")[0] for one in path.read_bytes().split(b"WARC/1.0\r\n")[1:]]
    return [
        {line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")}
        for head in heads
        if b"WARC-Type: " + kind in head
    ]


def test_header_bytes_that_are_not_utf8_stay_as_they_are_in_wet(tmp_path: Path) -> None:
    texts = [clean_page(0), mixed_page(0)]
    compress(tmp_path / "x.wet", b"".join(odd(one) for one in wet_bytes(texts)))
    options = ("--rejected", tmp_path / "r", "--reject", "none")
    assert command("filter", tmp_path / "x.wet", "-o", tmp_path / "o", *options) == 0
    before, after = (in_file(tmp_path / name, b"conversion") for name in ("x.wet", "o/x.wet"))
    assert before[0] == after[0]
    assert before[1] - after[1] == {b"WARC-Block-Digest: sha1:1"}
    assert command("annotate", tmp_path / "x.wet", "-o", tmp_path / "p", "--to", "parquet") == 0
    assert pq.read_table(tmp_path / "p/x.parquet")["id"].to_pylist() == [
        "<urn:uuid:caf\ufffd-0>",
        "<urn:uuid:caf\ufffd-1>",
    ]


def test_header_bytes_that_are_not_utf8_stay_as_they_are_in_warc(tmp_path: Path) -> None:
    compress(tmp_path / "x.warc", odd(html_response(0, clean_page(0))))
    options = ("--rejected", tmp_path / "r", "--to", "warc")
    assert command("filter", tmp_path / "x.warc", "-o", tmp_path / "o", *options) == 0
    (tmp_path / "y.warc").write_bytes(gzip.decompress((tmp_path / "o/x.warc.gz").read_bytes()))
    assert in_file(tmp_path / "y.warc", b"response") == in_file(tmp_path / "x.warc", b"response")
    (text,) = in_file(tmp_path / "y.warc", b"conversion")
    assert {b"WARC-Refers-To: <urn:uuid:caf\xe9-0>", b"X-Caf\xe9: caf\xe9\xc3\xa9"} <= text
    # The text behind the page is known for what it is when it comes again.
    records: list[Record] = [
        one for chunk in warc.read_warc(tmp_path / "y.warc", keep_records=True) for one in chunk.records
    ]
    assert [one.text is None for one in records] == [True, False]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_main_content_is_not_sought_in_a_page_that_lies_too_deep_for_it(encoding: str) -> None:
    def text(depth: int, breaks: int = 0) -> str:
        body = f"{'<div>' * depth}<p>The mill grinds rye for the town.</p>{'<br>' * breaks}{'</div>' * depth}"
        html = f"<html><body><nav><a href=/>Home</a></nav>{body}</body></html>"
        return warc.html_text(html.encode(encoding), encoding, main_content=True)

    assert "Home" not in text(100)
    assert "Home" not in text(100, breaks=5000)
    assert "Home" in text(5000)
    assert "The mill grinds rye" in text(5000)
