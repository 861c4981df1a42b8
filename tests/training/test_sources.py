"""The public sources: pins, fetching, treebanks, web pages. All pages and sentences here are our own."""

import gzip
import hashlib
import json
import signal
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from training.sources import SourceError, load_pins, read_public_sources, source_uses
from training.sources.fetch import SourceFiles
from training.sources.html_lines import html_lines
from training.sources.main_content import MainContent
from training.sources.pins import BenchmarkPin, PublicPins, SourcePin, TreebankPin
from training.sources.ud import conllu_sentences, read_ud
from training.sources.wcxb import page_document, read_wcxb

COMMIT = "0123456789ab"
PARAGRAPHS = [
    "The old mill by the river grinds rye and spelt for three villages.",
    "Every autumn the wheel is lifted out and its paddles are repaired by hand.",
    "Visitors may watch the stones turn on the first Sunday of the month.",
]
HEADLINES = [
    ("Council votes to widen the bridge before winter", "/news/council-votes-to-widen-the-bridge"),
    ("School choir wins first prize at the lake festival", "/news/school-choir-wins-first-prize"),
    ("Farmers warn of late frost in the northern orchards", "/news/farmers-warn-of-late-frost"),
]
PAGE = f"""<!doctype html><html><head><title>Mill</title><style>p {{}}</style></head><body class="has-menu">
<nav><ul><li><a href="/">Front page</a></li><li><a href="/mills">All our mills</a></li></ul></nav>
<main><h1>Visiting the old river mill</h1>
<p>{PARAGRAPHS[0]}</p><p><img alt="A wheel of oak">{PARAGRAPHS[1]}</p>
<p>All our mills</p><p>{PARAGRAPHS[2]}</p></main>
<aside>{"".join(f'<h3><a href="{address}">{text}</a></h3>' for text, address in HEADLINES)}</aside>
<p>A long remark about something else entirely, which nobody counted as part of the page.</p>
<footer><a href="/contact">Write to us</a><p>Copyright River Mill Society. All rights reserved.</p></footer>
<script>var hidden = "text";</script></body></html>"""
MAIN = "\n\n".join(["Visiting the old river mill", *PARAGRAPHS])


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def conllu(count: int, prefix: str = "Sentence number") -> bytes:
    blocks = [f"# sent_id = {i}\n# text = {prefix} {i} of ours.\n1\tSentence\t_\n" for i in range(count)]
    return "\n".join(blocks).encode()


def source_pin(name: str, folder: str, files: dict[str, bytes], *, commercial: bool = True) -> SourcePin:
    return SourcePin(
        name=name,
        repository=f"example/{name}",
        commit=COMMIT,
        licence="CC-BY-4.0" if commercial else "CC-BY-NC-4.0",
        commercial_use=commercial,
        attribution=f"{name} by its authors",
        mirror_folder=folder,
        files={path: sha256(data) for path, data in files.items()},
    )


def put(folder: Path, files: dict[str, bytes]) -> None:
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def page_files(page_ids: tuple[str, ...]) -> dict[str, bytes]:
    truth = {"ground_truth": {"main_content": MAIN}, "_internal": {"page_type": {"primary": "article"}}}
    files = {}
    for page_id in page_ids:
        files[f"dev/html/{page_id}.html.gz"] = gzip.compress(PAGE.encode(), mtime=0)
        files[f"dev/ground-truth/{page_id}.json"] = json.dumps(truth).encode()
    return files


@pytest.fixture
def public(tmp_path: Path) -> tuple[PublicPins, Path]:
    """Make a small mirror of our own in the layout of the real one, and its pins."""
    mirror = tmp_path / "mirror"
    ids = ("0001", "0002", "0004")
    pages = page_files(ids)
    free = {"xx_free-ud-dev.conllu": conllu(130), "xx_free-ud-train.conllu": conllu(110, "Train")}
    bound = {"yy_bound-ud-dev.conllu": conllu(30, "Bound")}
    put(mirror / "wcxb", pages)
    put(mirror / "ud" / "UD_Free", free)
    put(mirror / "ud" / "UD_Bound", bound)
    pins = PublicPins(
        benchmark=BenchmarkPin(source_pin("wcxb", "wcxb", pages), ids),
        treebanks=(
            TreebankPin(source_pin("UD_Free", "ud/UD_Free", free), "xx", ("xx_free-ud-dev.conllu",)),
            TreebankPin(source_pin("UD_Bound", "ud/UD_Bound", bound, commercial=False), "yy", tuple(bound)),
        ),
    )
    return pins, mirror


def test_the_pins_leave_out_what_the_evaluation_reserves() -> None:
    """No pinned page has an id divisible by five, and every treebank's dev file has reserved blocks."""
    pins = load_pins()
    assert len(pins.benchmark.page_ids) == 1078
    assert not [page_id for page_id in pins.benchmark.page_ids if int(page_id) % 5 == 0]
    assert len(pins.treebanks) == 29
    for treebank in pins.treebanks:
        dev = [path for path in treebank.source.files if path.endswith("-ud-dev.conllu")]
        assert set(dev) <= set(treebank.reserved_files)
        assert treebank.reserved_files
        assert "Universal Dependencies" in treebank.source.attribution


def test_every_pinned_file_has_a_hash_and_nc_means_no_commercial_use() -> None:
    """Pins are complete: SHA-256, commit, licence; the flag for commercial use follows the licence."""
    pins = load_pins()
    for source in [pins.benchmark.source, *(treebank.source for treebank in pins.treebanks)]:
        assert all(len(value) == 64 and int(value, 16) >= 0 for value in source.files.values())
        assert len(source.commit) >= 12
        assert int(source.commit, 16)
        assert source.commercial_use == ("NC" not in source.licence)


def test_pins_of_another_schema_are_refused(tmp_path: Path) -> None:
    """A pins file from another version of the code, or one that lacks a field, is named in the error."""
    file = tmp_path / "pins.json"
    file.write_text('{"schema": 99}', encoding="utf-8")
    with pytest.raises(ValueError, match="schema 99"):
        load_pins(file)
    file.write_text('{"schema": 1, "benchmark": {"pages": {}}, "treebanks": []}', encoding="utf-8")
    with pytest.raises(ValueError, match="lacks the field"):
        load_pins(file)


def test_the_fingerprint_follows_every_hash(public: tuple[PublicPins, Path]) -> None:
    """The fingerprint in the model card changes with the commit and with any file."""
    pin = public[0].benchmark.source
    other = source_pin("wcxb", "wcxb", dict.fromkeys(pin.files, b"other"))
    assert pin.fingerprint != other.fingerprint
    assert len(pin.fingerprint) == 64


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


def test_sentences_come_from_text_lines_only() -> None:
    """Both spellings of the text line count, white space around is trimmed, nothing else is a sentence."""
    content = "# text = One of them.\n1\tOne\t_\n# text_en = No.\n\n# text =Two of them. \r\n# sent_id = x\n"
    assert conllu_sentences(content) == ["One of them.", "Two of them."]


def test_every_fourth_block_of_a_reserved_file_is_left_out(public: tuple[PublicPins, Path]) -> None:
    """Sentences 75 to 99 of a dev file are never read; a train file is read whole; all lines are clean."""
    pins, mirror = public
    documents = list(read_ud(pins.treebanks, SourceFiles(mirror=mirror)))
    dev = [document for document in documents if "dev" in document.document_id]
    train = [document for document in documents if "train" in document.document_id]
    numbers = [int(line.text.split()[2]) for document in dev for line in document.lines]
    assert numbers == [*range(75), *range(100, 130)]
    assert [len(document.lines) for document in train] == [25, 25, 25, 25, 10]
    assert {line.label for document in documents for line in document.lines} == {"clean"}
    assert {document.language for document in documents} == {"xx"}
    assert len({document.document_id for document in documents}) == len(documents)


def test_treebanks_without_commercial_use_are_read_only_when_asked_for(
    public: tuple[PublicPins, Path],
) -> None:
    """The shipped model sees no NC text; measuring may, and the list of uses says which is which."""
    pins, mirror = public
    assert {d.source for d in read_public_sources(mirror, None, pins=pins)} == {"wcxb", "UD_Free"}
    everything = read_public_sources(mirror, None, pins=pins, commercial_only=False)
    assert {d.source for d in everything} == {"wcxb", "UD_Free", "UD_Bound"}
    assert [use.name for use in source_uses(pins=pins)] == ["wcxb", "UD_Free"]
    bound = source_uses(pins=pins, commercial_only=False)[-1]
    assert (bound.commercial_use, bound.attribution) == (False, "UD_Bound by its authors")


def test_a_page_becomes_labelled_lines() -> None:
    """Prose of the main content, menu, unrelated headlines, notice: each gets its label, doubt gets none."""
    document = page_document("0001", PAGE, MAIN, "article")
    labels = {line.text: line.label for line in document.lines}
    assert [labels[text] for text in PARAGRAPHS] == ["clean"] * 3
    assert [labels[text] for text, _ in HEADLINES] == ["headline_list"] * 3
    assert labels["Visiting the old river mill"] == "clean"
    assert labels["Front page"] == labels["Write to us"] == "boilerplate"
    assert labels["Copyright River Mill Society. All rights reserved."] == "boilerplate"
    assert labels["A long remark about something else entirely, which nobody counted as part of the page."] is None
    assert "A wheel of oak" not in labels
    assert not any("hidden" in text for text in labels)
    assert (document.document_id, document.page_type, document.spam) == ("wcxb-0001", "article", False)


def test_headlines_need_a_page_that_has_other_content() -> None:
    """On a listing page the same links may be the page itself, so they are in doubt."""
    labels = {line.text: line.label for line in page_document("1", PAGE, MAIN, "listing").lines}
    assert [labels[text] for text, _ in HEADLINES] == [None] * 3


def test_repeated_text_of_the_page_is_in_doubt() -> None:
    """What stands twice on a page may be a teaser of itself: it gets no label."""
    twice = PAGE.replace("</main>", f"<p>{PARAGRAPHS[0]}</p></main>")
    found = [line.label for line in page_document("1", twice, MAIN, "article").lines if line.text == PARAGRAPHS[0]]
    assert found == [None, None]


def test_a_page_without_reviewed_content_gets_no_labels() -> None:
    """Nothing is known of such a page, so nothing may be learned from it."""
    assert {line.label for line in page_document("1", PAGE, " ", "article").lines} == {None}


def test_lines_know_their_links_and_menus() -> None:
    """Marks for links leave no trace in the text, whatever characters the page itself uses."""
    lines = html_lines(
        "<body><nav class='top'><a href='/a'>Al&#x10FFFC;pha</a> and beta</nav>"
        "<p>one\u200btwo <a href='/b'>three</a><br>four</p><pre>  code  here</pre></body>"
    )
    assert [line.text for line in lines] == ["Alpha and beta", "one two three", "four", "code here"]
    assert [line.menu for line in lines] == [True, False, False, False]
    assert [[link.address for link in line.links] for line in lines] == [["/a"], ["/b"], [], []]
    assert lines[1].linked == pytest.approx(5 / 11)
    assert html_lines("") == []


def test_main_content_is_found_despite_footnotes() -> None:
    """Up to about 8 % of the letters and digits of a long line may differ."""
    main = MainContent(MAIN)
    assert main.holds("visitorsmaywatch3thestonesturnonthefirstsundayofthe4month")
    assert not main.holds("visitorsmustleavethehallsturnonthelastmondayofeveryyear")
    assert not main.holds("theoldmill")
    assert main.has_part("theoldmill")


def test_the_number_of_processes_changes_nothing(public: tuple[PublicPins, Path]) -> None:
    """Order and content are the same with one process and with two."""
    pins, mirror = public
    said: list[str] = []
    one = read_public_sources(mirror, None, pins=pins, n_jobs=1, progress=said.append)
    assert one == read_public_sources(mirror, None, pins=pins, n_jobs=2)
    assert [document.document_id for document in one[:3]] == ["wcxb-0001", "wcxb-0002", "wcxb-0004"]
    assert said[-1] == f"public sources: {len(one)} documents"


def test_a_file_in_another_layout_is_named(tmp_path: Path) -> None:
    """A page that is pinned but no gzip, or a truth without page type, is an error with the page's id."""
    files = page_files(("0003",))
    for path, data in [("dev/html/0003.html.gz", b"plain"), ("dev/ground-truth/0003.json", b"{}")]:
        broken = {**files, path: data}
        put(tmp_path / "wcxb", broken)
        pin = BenchmarkPin(source_pin("wcxb", "wcxb", broken), ("0003",))
        with pytest.raises(SourceError, match="page 0003: not in the benchmark's layout"):
            list(read_wcxb(pin, SourceFiles(mirror=tmp_path)))
    put(tmp_path / "t", {"a.conllu": b"# text = \xff\n"})
    treebank = TreebankPin(source_pin("t", "t", {"a.conllu": b"# text = \xff\n"}), "xx", ())
    with pytest.raises(SourceError, match=r"t/a\.conllu: not UTF-8"):
        list(read_ud([treebank], SourceFiles(mirror=tmp_path)))
