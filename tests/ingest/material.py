"""Input files of our own, and ways to run the commands and read what they leave."""

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from spamfilter.cli import main

ROOT = Path(__file__).parent.parent.parent


def compress(path: Path, data: bytes) -> Path:
    """Write ``data`` as the name of ``path`` says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = {".gz": lambda: gzip.compress(data, mtime=0), ".zst": lambda: zstandard.compress(data)}
    path.write_bytes(packed.get(path.suffix, lambda: data)())
    return path


def decompress(path: Path) -> bytes:
    """What a file holds; fails if it is not whole."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def json_lines(path: Path, records: Iterable[Any]) -> Path:
    return compress(path, b"".join(json.dumps(one).encode() + b"\n" for one in records))


def read_json_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in decompress(path).splitlines()] if path.exists() else []


def records(texts: Sequence[str | None]) -> list[dict[str, Any]]:
    return [{"id": f"page-{place}", "text": text, "n": place / 8} for place, text in enumerate(texts)]


def table(path: Path, texts: Sequence[str | None], rows_a_group: int = 7) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [f"page-{k}" for k in range(len(texts))]
    content = pa.table({"id": names, "text": pa.array(texts, pa.string()), "n": range(len(texts))})
    pq.write_table(content, path, row_group_size=rows_a_group, compression="zstd")
    return path


def warc_record(kind: str, number: int, payload: bytes, content_type: str) -> bytes:
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://site.example/{number}\r\n"
        f"WARC-Date: 2024-05-06T07:08:09Z\r\nWARC-Record-ID: <urn:uuid:page-{number}>\r\n"
        f"WARC-Block-Digest: sha1:{number}\r\nContent-Type: {content_type}\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload + b"\r\n\r\n"


def wet_bytes(texts: Sequence[str]) -> list[bytes]:
    """A WET file as its records: warcinfo first."""
    info = warc_record("warcinfo", 9999, b"software: none\r\n", "application/warc-fields")
    return [info, *(warc_record("conversion", k, text.encode(), "text/plain") for k, text in enumerate(texts))]


def wet(path: Path, texts: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    members = [gzip.compress(one, mtime=0) if path.suffix == ".gz" else one for one in wet_bytes(texts)]
    path.write_bytes(b"".join(members))
    return path


def html_response(number: int, text: str, content_type: str = "text/html; charset=utf-8") -> bytes:
    body = "<html><body>" + "".join(f"<p>{line}</p>" for line in text.split("\n")) + "</body></html>"
    payload = b"HTTP/1.1 200 OK\r\nContent-Type: " + content_type.encode() + b"\r\n\r\n" + body.encode()
    return warc_record("response", number, payload, "application/http; msgtype=response")


def warc(path: Path, texts: Sequence[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    others = [
        warc_record(
            "request", 5000, b"GET / HTTP/1.1\r\nHost: site.example\r\n\r\n", "application/http; msgtype=request"
        ),
        html_response(5001, "not a page", "image/png"),
    ]
    pages = [html_response(number, text) for number, text in enumerate(texts)]
    path.write_bytes(b"".join(gzip.compress(one, mtime=0) for one in [*others, *pages]))
    return path


def command(*arguments: object) -> int:
    """Run the command line in this process; no progress."""
    return main([*map(str, arguments), "--quiet"])


def summary(output: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((output / "_spamfilter" / "summary.json").read_text())
    return result


def problems(output: Path) -> list[dict[str, Any]]:
    return read_json_lines(output / "_spamfilter" / "errors.jsonl")


def tree(folder: Path) -> dict[str, bytes]:
    """All files below ``folder`` with their bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
