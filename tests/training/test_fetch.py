"""Files of the public sources come from a mirror, from the cache or from upstream, and only as pinned."""

import signal
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.training.source_material import COMMIT, conllu, put, source_pin
from training.sources import SourceError, read_public_sources
from training.sources.fetch import SourceFiles
from training.sources.pins import PublicPins
from training.sources.ud import read_ud
from training.sources.wcxb import read_wcxb


def test_a_missing_mirror_file_is_named(public: tuple[PublicPins, Path]) -> None:
    """Whoever gives an incomplete mirror learns which file to copy, and from where."""
    pins, mirror = public
    (mirror / "ud" / "UD_Free" / "xx_free-ud-dev.conllu").unlink()
    with pytest.raises(SourceError, match=r"xx_free-ud-dev\.conllu: missing\. Copy it from example/UD_Free"):
        read_public_sources(mirror, None, pins=pins)


def test_an_altered_mirror_file_is_named(public: tuple[PublicPins, Path]) -> None:
    """One changed byte is an error that names the file."""
    pins, mirror = public
    file = mirror / "wcxb" / "dev" / "ground-truth" / "0002.json"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(SourceError, match=r"0002\.json: SHA-256 is .* pinned is"):
        read_public_sources(mirror, None, pins=pins)


def test_neither_mirror_nor_cache_is_an_error(public: tuple[PublicPins, Path]) -> None:
    """Without any folder there is nowhere to read from, and the message says which two there are."""
    with pytest.raises(SourceError, match="neither a mirror folder nor a cache folder"):
        read_public_sources(None, None, pins=public[0])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[dict[str, bytes]], str]]:
    """Serve files from a local folder; returns the address."""
    root = tmp_path / "upstream"
    root.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def start(files: dict[str, bytes]) -> str:
        put(root, files)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    server.shutdown()
    server.server_close()
    thread.join()


def test_upstream_and_mirror_give_the_same_documents(
    public: tuple[PublicPins, Path], tmp_path: Path, serve: Callable[[dict[str, bytes]], str]
) -> None:
    """Downloaded from repository/commit/path, a second time from the cache alone: the same lines."""
    pins, mirror = public
    files = {}
    sources = [pins.benchmark.source, *(treebank.source for treebank in pins.treebanks)]
    for source in sources:
        for path in source.files:
            files[f"{source.repository}/{COMMIT}/{path}"] = (mirror / source.mirror_folder / path).read_bytes()
    address = serve(files)
    upstream = SourceFiles(cache=tmp_path / "cache", upstream=address, retry_seconds=0)
    said: list[str] = []
    for source in sources:
        upstream.fetch(source, said.append)
    cached = SourceFiles(cache=tmp_path / "cache", upstream="http://127.0.0.1:1", retry_seconds=0)
    local = SourceFiles(mirror=mirror)
    assert list(read_wcxb(pins.benchmark, cached)) == list(read_wcxb(pins.benchmark, local))
    assert list(read_ud(pins.treebanks, cached)) == list(read_ud(pins.treebanks, local))
    assert said[0] == "wcxb: downloading 6 files"
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_what_upstream_lacks_is_named_at_once(
    public: tuple[PublicPins, Path], tmp_path: Path, serve: Callable[[dict[str, bytes]], str]
) -> None:
    """A 404 is not tried again; the message holds the address and the mend."""
    files = SourceFiles(cache=tmp_path / "cache", upstream=serve({}), retry_seconds=60)
    with pytest.raises(SourceError, match=r"0001\.html\.gz: cannot be downloaded, 1 attempts .*mirror"):
        files.fetch(public[0].benchmark.source)


def test_a_failing_network_is_tried_again_and_wrong_content_never_kept(tmp_path: Path) -> None:
    """Two failures, then the file: fine. Something else than the pinned file: an error, and no file."""
    pin = source_pin("UD_Free", "ud/UD_Free", {"a.conllu": conllu(3)})
    answers: list[bytes | OSError] = [OSError("reset"), TimeoutError("slow"), conllu(3)]

    def download(url: str) -> bytes:
        assert url == f"https://upstream.example/example/UD_Free/{COMMIT}/a.conllu"
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    files = SourceFiles(cache=tmp_path, upstream="https://upstream.example", download=download, retry_seconds=0)
    assert files.read(pin, "a.conllu") == conllu(3)
    (cached,) = tmp_path.rglob("a.conllu")
    cached.write_bytes(b"altered")
    with pytest.raises(SourceError, match=r"a\.conllu: SHA-256 .* in the cache was altered: delete it"):
        files.read(pin, "a.conllu")
    cached.unlink()
    answers.append(b"<html>rate limit</html>")
    with pytest.raises(SourceError, match=r"a\.conllu: SHA-256 .* Upstream gave something else"):
        files.read(pin, "a.conllu")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[bytes]]]:
    """An address, and the bytes that are answered there, one by one."""
    answers: list[bytes] = []

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(answers.pop(0))

    with socketserver.TCPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", answers
        server.shutdown()
        thread.join()


GARBAGE = b"SSH-2.0-proxy \xff\r\n"
CUT = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n# text = Cut"


def test_an_answer_that_is_no_http_or_breaks_off_is_asked_for_again(
    proxy: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    """A proxy in trouble answers garbage, then half of a chunk, then the file."""
    address, answers = proxy
    body = conllu(3)
    pin = source_pin("UD_Free", "ud/UD_Free", {"a.conllu": body})
    files = SourceFiles(cache=tmp_path, upstream=address, retry_seconds=0)
    answers += [GARBAGE, CUT, b"HTTP/1.1 200 OK\r\n\r\n" + body]
    assert files.read(pin, "a.conllu") == body
    assert answers == []


@pytest.mark.parametrize(("answer", "what"), [(GARBAGE, "BadStatusLine"), (CUT, "IncompleteRead")])
def test_a_proxy_that_never_answers_well_is_one_line_of_error(
    answer: bytes, what: str, proxy: tuple[str, list[bytes]], tmp_path: Path
) -> None:
    """What came is told in one line, however it looks."""
    address, answers = proxy
    answers += [answer] * 4
    pin = source_pin("UD_Free", "ud/UD_Free", {"a.conllu": conllu(3)})
    with pytest.raises(SourceError, match=rf"a\.conllu: cannot be downloaded, 4 attempts \({what}.*mirror") as caught:
        SourceFiles(cache=tmp_path, upstream=address, retry_seconds=0).read(pin, "a.conllu")
    assert len(str(caught.value).splitlines()) == 1


def test_an_interrupt_does_not_wait_for_a_server_that_answers_nothing(tmp_path: Path) -> None:
    """Ctrl-C ends the downloads at once, not after the last attempt of each has timed out."""
    pin = source_pin("UD_Free", "ud/UD_Free", {"a.conllu": conllu(3)})
    answered, main = threading.Event(), threading.main_thread().ident

    def download(url: str) -> bytes:
        assert main is not None
        time.sleep(1)  # until the others wait
        signal.pthread_kill(main, signal.SIGINT)
        answered.wait(20)
        return conllu(3)

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        SourceFiles(cache=tmp_path, download=download).fetch(pin)
    assert time.monotonic() - begun < 10
    answered.set()
