"""The public sources: pins, treebanks, web pages. All pages and sentences here are our own."""

from pathlib import Path

import pytest

from tests.training.source_material import HEADLINES, MAIN, PAGE, PARAGRAPHS, page_files, put, source_pin
from training.sources import SourceError, load_pins, read_public_sources, source_uses
from training.sources.fetch import SourceFiles
from training.sources.html_lines import html_lines
from training.sources.main_content import MainContent
from training.sources.pins import BenchmarkPin, PublicPins, TreebankPin
from training.sources.ud import conllu_sentences, read_ud
from training.sources.wcxb import page_document, read_wcxb


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
    for content, fault in ((b"# text = \xff\n", "not UTF-8"), (b"1\tThe\tthe\n", "no CoNLL-U")):
        put(tmp_path / "t", {"a.conllu": content})
        treebank = TreebankPin(source_pin("t", "t", {"a.conllu": content}), "xx", ())
        with pytest.raises(SourceError, match=rf"t/a\.conllu: {fault}"):
            list(read_ud([treebank], SourceFiles(mirror=tmp_path)))
