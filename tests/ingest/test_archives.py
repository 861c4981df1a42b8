"""WET and WARC outputs: whole records whose headers say where a text comes from and what has been done to it."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from spamfilter import Predictor
from tests.ingest.material import command, compress, html_response, read_json_lines, summary, tree, warc_record, wet
from tests.ingest.pages import clean_page, cut_page, mixed_page, pages, spam_page

Read = tuple[dict[str, str], bytes]
MANDATORY = {"WARC-Type", "WARC-Record-ID", "WARC-Date", "Content-Length"}


def read(path: Path) -> list[Read]:
    """All records of an archive: headers and block; checks lengths, digests and what every record must have."""
    found: list[Read] = []
    for record in ArchiveIterator(str(path), record_types=WarcRecordType.any_type, parse_http=False):
        headers = dict(record.headers.to_tuples())
        assert headers.keys() >= MANDATORY
        record.freeze()
        if len(headers.get("WARC-Block-Digest", "")) > len("sha1:") + 30:  # those of the tests' inputs are made up
            assert record.verify_block_digest()
        record.reader.seek(0)
        block = record.reader.read()
        assert len(block) == int(headers["Content-Length"])
        found.append((headers, block))
    names = [headers["WARC-Record-ID"] for headers, _ in found]
    assert len(set(names)) == len(names)
    return found


def archive(path: Path, texts: list[str]) -> list[bytes]:
    """A WARC 1.1 file: warcinfo, then request and response for each text, then a picture; as its records."""
    found = [warc_record("warcinfo", 9999, b"software: crawler\r\n", "application/warc-fields")]
    for number, text in enumerate(texts):
        found.append(warc_record("request", 5000 + number, b"GET / HTTP/1.1\r\n\r\n", "application/http"))
        head = f"WARC-IP-Address: 192.0.2.{number}\r\nWARC-Payload-Digest: sha1:{number}\r\nContent-Length:"
        found.append(html_response(number, text).replace(b"Content-Length:", head.encode(), 1))
    found.append(html_response(7777, "no page", "image/png"))
    found = [one.replace(b"WARC/1.0", b"WARC/1.1", 1) for one in found]
    path.write_bytes(b"".join(gzip.compress(one, mtime=0) for one in found))
    return found


def run(path: Path, output: Path, *options: object) -> Any:
    assert command("filter", path, "-o", output, "--rejected", output.with_name(f"{output.name}-r"), *options) == 0
    return summary(output)["total"]


def test_a_cut_wet_record_keeps_its_headers_and_says_what_is_gone(tmp_path: Path, predictor: Predictor) -> None:
    text = cut_page(predictor)
    path = wet(tmp_path / "x.warc.wet.gz", [text])
    run(path, tmp_path / "o", "--reject", "none")
    (before,) = [headers for headers, _ in read(path) if headers["WARC-Type"] == "conversion"]
    ((after, block),) = [one for one in read(tmp_path / "o/x.warc.wet.gz") if one[0]["WARC-Type"] == "conversion"]
    cleaned = predictor.predict(text).clean_text()
    assert block.decode() == cleaned != text
    assert after.pop("Spamfilter-Cut-Characters") == str(len(text) - len(cleaned))
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {"Content-Length", "WARC-Block-Digest"}


@pytest.mark.parametrize("target", ["wet", "warc"])
def test_the_first_record_says_what_has_made_the_file(tmp_path: Path, target: str) -> None:
    archive(tmp_path / "x.warc.gz", [clean_page(0)])
    run(tmp_path / "x.warc.gz", tmp_path / "o", "--to", target, "--max-false-positive-rate", "0.003")
    name = {"wet": "x.warc.wet.gz", "warc": "x.warc.gz"}[target]
    headers, block = read(tmp_path / "o" / name)[0]
    assert (headers["WARC-Type"], headers["WARC-Filename"]) == ("warcinfo", name)
    fields = dict(line.split(": ", 1) for line in block.decode().splitlines())
    assert fields["software"].startswith("spamfilter/")
    assert fields["source"] == "x.warc.gz"
    assert '"max_false_positive_rate": 0.003' in fields["spamfilter-options"]
    assert fields["spamfilter-model"] == "sha256:" + summary(tmp_path / "o")["settings"]["model"]
    assert len(fields["spamfilter-model"]) == len("sha256:") + 64


@pytest.mark.parametrize("name", ["x.wet", "x.warc.wet.gz", "x.warc.gz"])
def test_a_file_of_which_no_page_is_kept_says_what_has_made_it_too(tmp_path: Path, name: str) -> None:
    if "wet" in name:
        content = warc_record("conversion", 0, spam_page(0).encode(), "text/plain")
        compress(tmp_path / name, content)
    else:
        archive(tmp_path / name, [spam_page(0)])
    assert run(tmp_path / name, tmp_path / "o", "--to", "wet")["kept"] == 0
    ((headers, block),) = read(tmp_path / "o" / ("x.warc.wet.gz"))
    assert (headers["WARC-Type"], headers["WARC-Filename"]) == ("warcinfo", "x.warc.wet.gz")
    assert b"software: spamfilter/" in block
    assert f"source: {name}\r\n".encode() in block


def test_html_becomes_conversion_records_that_refer_to_it(tmp_path: Path) -> None:
    archive(tmp_path / "x.warc.gz", pages(8))
    total = run(tmp_path / "x.warc.gz", tmp_path / "o", "--to", "wet")
    _, *found = read(tmp_path / "o/x.warc.wet.gz")
    assert len(found) == total["kept"] < 8
    for headers, _ in found:
        number = headers["WARC-Target-URI"].rpartition("/")[2]
        assert headers["WARC-Type"] == "conversion"
        assert headers["WARC-Refers-To"] == f"<urn:uuid:page-{number}>" != headers["WARC-Record-ID"]
        assert headers["WARC-IP-Address"] == f"192.0.2.{number}"
        assert headers["Content-Type"] == "text/plain"
        assert "WARC-Payload-Digest" not in headers
    assert gzip.decompress((tmp_path / "o/x.warc.wet.gz").read_bytes()).count(b"WARC/1.1\r\n") == len(found) + 1


def test_a_wet_file_made_from_html_gives_the_same_verdicts(tmp_path: Path) -> None:
    archive(tmp_path / "x.warc.gz", pages(8))
    run(tmp_path / "x.warc.gz", tmp_path / "o", "--to", "wet")
    total = run(tmp_path / "o/x.warc.wet.gz", tmp_path / "p")
    assert total["pages"] == total["kept"]
    assert read(tmp_path / "p/x.warc.wet.gz")[1:] == read(tmp_path / "o/x.warc.wet.gz")


def test_a_warc_file_keeps_its_records_and_gets_a_text_behind_each_page(tmp_path: Path) -> None:
    before = archive(tmp_path / "x.warc.gz", [clean_page(0), spam_page(0), mixed_page(0)])
    total = run(tmp_path / "x.warc.gz", tmp_path / "o", "--to", "warc")
    assert (total["pages"], total["kept"], total["skipped"]) == (3, 2, 1)
    (gone,) = read_json_lines(tmp_path / "o-r/x.rejected.jsonl.zst")
    assert gone["id"] == "<urn:uuid:page-1>"
    found = read(tmp_path / "o/x.warc.gz")
    own = [one for one in found[1:] if one[0]["WARC-Type"] != "conversion"]
    compress(tmp_path / "before.warc", b"".join(one for one in before if b"<urn:uuid:page-1>" not in one))
    assert own == read(tmp_path / "before.warc")
    for place, (headers, _) in enumerate(found):
        if headers["WARC-Type"] == "conversion":
            assert headers["WARC-Refers-To"] == found[place - 1][0]["WARC-Record-ID"]
    assert sum(headers["WARC-Type"] == "conversion" for headers, _ in found) == 2


def test_texts_of_an_earlier_run_are_made_anew(tmp_path: Path) -> None:
    archive(tmp_path / "x.warc.gz", [clean_page(0), spam_page(0), mixed_page(0)])
    run(tmp_path / "x.warc.gz", tmp_path / "o", "--to", "warc", "--reject", "none")
    run(tmp_path / "o/x.warc.gz", tmp_path / "p", "--to", "warc")
    run(tmp_path / "x.warc.gz", tmp_path / "q", "--to", "warc")
    twice, once = (
        [one for one in read(tmp_path / output / "x.warc.gz") if one[0].get("WARC-Type") != "warcinfo"]
        for output in ("p", "q")
    )
    assert twice == once


def test_the_same_archive_gives_the_same_bytes(tmp_path: Path) -> None:
    archive(tmp_path / "x.warc.gz", pages(8))
    for output in ("o", "p"):
        run(tmp_path / "x.warc.gz", tmp_path / output, "--to", "warc")
    assert tree(tmp_path / "o") == tree(tmp_path / "p")


def test_html_resources_are_pages_too(tmp_path: Path) -> None:
    first = "The caf\xe9 on the square stays open until the first snow falls."
    html = f"<html><body><p>{first}</p><p>{clean_page(0)}</p></body></html>".encode("latin-1")
    compress(tmp_path / "x.warc", warc_record("resource", 1, html, "text/html; charset=iso-8859-1"))
    total = run(tmp_path / "x.warc", tmp_path / "o")
    assert total["pages"] == 1
    assert read_json_lines(tmp_path / "o/x.jsonl.zst")[0]["text"].startswith(first)
