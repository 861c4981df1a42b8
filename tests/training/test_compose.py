"""Pages made out of labelled lines."""

from collections import Counter
from itertools import pairwise

import pytest

from spamfilter import LABELS
from tests.training.material import own_documents
from training.compose import _LONG_BODIES, _LONG_SPUN, compose, compose_splices
from training.documents import WRITTEN, LabelledDocument, LabelledLine
from training.page_material import text_width


@pytest.fixture(scope="module")
def composed() -> list[LabelledDocument]:
    return [document for seed in range(6) for document in compose(own_documents(), seed)]


def test_the_same_documents_and_seed_give_the_same_pages() -> None:
    assert compose(own_documents(), 3) == compose(own_documents(), 3)


def test_more_splices_are_sentences_with_their_twins_and_the_same_for_the_same_seed() -> None:
    made = compose_splices(own_documents(), 3)
    assert made == compose_splices(own_documents(), 3)
    assert Counter(document.source for document in made) == {"splice": len(made) // 2, "twin": len(made) // 2}
    known = {line.text for document in own_documents() for line in document.lines}
    for spliced, twin in zip(made[::2], made[1::2], strict=True):
        assert spliced.lines[0].spans
        assert twin.lines[0].text in known
    assert made != [document for document in compose(own_documents(), 3) if document.source in ("splice", "twin")]


def test_another_seed_gives_other_pages() -> None:
    assert compose(own_documents(), 3) != compose(own_documents(), 4)


def test_every_line_comes_from_the_documents_handed_in_but_for_splices(composed: list[LabelledDocument]) -> None:
    known = {(line.text, line.label) for document in own_documents() for line in document.lines}
    texts = {text for text, _ in known}
    for document in composed:
        for line in document.lines:
            if line.spans:
                assert line.label == "seo_injection"
            elif line.label is None:
                assert line.text in texts
            elif document.source in ("contents", "listing"):
                # Headings may be numbered, and on a page that is a list its titles are clean.
                assert line.text in texts or line.text.partition(". ")[2] in texts
            else:
                assert (line.text, line.label) in known


def test_spans_lie_inside_their_lines_in_order(composed: list[LabelledDocument]) -> None:
    spliced = [line for document in composed for line in document.lines if line.spans]
    assert len(spliced) > 20
    for line in spliced:
        edges = [edge for span in line.spans for edge in span]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= len(line.text)
        assert all(start < end for start, end in line.spans)


def test_every_splice_has_its_untouched_twin(composed: list[LabelledDocument]) -> None:
    kinds = Counter(document.source for document in composed)
    assert kinds["splice"] == kinds["twin"] > 0


def test_spliced_sentences_and_their_twins_say_whether_they_are_written() -> None:
    public = LabelledDocument("page-1", "wcxb", "en", an_article(9).lines)
    for made in (compose([*own_documents(), public], 3), compose_splices([*own_documents(), public], 3)):
        sentences = [one for one in made if one.source in ("splice", "twin")]
        assert {one.page_type for one in sentences if "page-1" in one.document_id} == {None}
        assert {one.page_type for one in sentences if "page-1" not in one.document_id} == {WRITTEN}


def test_all_kinds_of_page_and_all_labels_occur(composed: list[LabelledDocument]) -> None:
    assert {document.source for document in composed} >= {"spun", "splice", "twin", "spam", "clean", "line", "body"}
    assert {line.label for document in composed for line in document.lines} == {*map(str, LABELS), None}


def test_a_spun_page_is_spam_if_kinds_of_residue_meet_and_clean_if_there_is_none(
    composed: list[LabelledDocument],
) -> None:
    spun = [document for document in composed if document.source == "spun"]
    for document in spun:
        kinds = {line.label for line in document.lines} - {"clean", "boilerplate"}
        assert document.spam == (True if len(kinds) >= 2 else None if kinds else False)
    assert {document.spam for document in spun} == {True, None, False}


def test_on_a_hacked_page_the_article_stays_clean_and_the_spam_is_one_block(composed: list[LabelledDocument]) -> None:
    hacked = [document for document in composed if document.source == "hacked"]
    assert hacked
    for document in hacked:
        labels = [line.label for line in document.lines]
        assert set(labels) == {"clean", "seo_injection"}
        assert sum(left != right for left, right in pairwise(labels)) == 1
        assert document.spam is None


def test_a_thread_is_ordinary_comments_with_one_to_three_lines_of_spam_and_not_spam_itself(
    composed: list[LabelledDocument],
) -> None:
    threads = [document for document in composed if document.source == "thread"]
    assert threads
    for document in threads:
        labels = Counter(line.label for line in document.lines)
        spam = labels["seo_injection"] + labels["link_exchange"]
        assert 1 <= spam <= 3
        assert 3 <= labels["clean"] <= 12
        assert spam + labels["clean"] == len(document.lines)
        assert document.spam is None


def an_article(lines: int) -> LabelledDocument:
    listed = [LabelledLine(f"Tools of the mill, part {number}", "clean") for number in range(4)]
    prose = "The mill was repaired in {}, and the town still talks about that summer."
    return LabelledDocument(
        "lines/own.en#0",
        "lines",
        "en",
        (*(LabelledLine(prose.format(1900 + number), "clean") for number in range(lines)), *listed),
        "mills",
        False,
    )


def test_lists_of_an_article_come_with_residue_and_without() -> None:
    article = an_article(8)
    bodies = [one for one in compose([article], 0) if one.source == "body" and one.lines[-4:] == article.lines[-4:]]
    spun = [one for one in compose([article], 0) if one.source == "spun" and one.lines[-1:] == article.lines[-1:]]
    assert bodies
    assert spun


def test_long_articles_make_more_pages_than_short_ones() -> None:
    rounds = 20
    long, short = (
        Counter(
            one.source
            for seed in range(rounds)
            for one in compose([an_article(lines)], seed)
            if one.source in ("body", "spun")
        )
        for lines in (40, 11)
    )
    assert long["spun"] - short["spun"] == rounds * _LONG_SPUN
    # An ordinary body is left out at times.
    assert rounds * _LONG_BODIES - 10 < long["body"] - short["body"] < rounds * _LONG_BODIES + 10


def test_ids_of_one_composition_are_distinct() -> None:
    ids = [document.document_id for document in compose(own_documents(), 0)]
    assert len(ids) == len(set(ids))


def test_no_document_makes_no_page() -> None:
    assert compose([], 0) == []


def test_documents_of_public_sources_stay_as_they_are() -> None:
    page = LabelledDocument("wcxb-1", "wcxb", "en", own_documents()[0].lines, "article", False)
    assert page in compose([page, *own_documents()], 0)


def test_written_lines_of_several_labels_or_with_a_span_are_pages_as_they_stand() -> None:
    clean, spam = LabelledLine("The mill stands still.", "clean"), LabelledLine("Best casino here", "seo_injection")
    spliced = LabelledLine("The mill,Garden Hoses Archives which stands", "seo_injection", ((9, 31),))
    pages = {
        name: LabelledDocument(name, "lines", "en", lines)
        for name, lines in (("mixed", (clean, spam)), ("spliced", (spliced,)), ("clean", (clean, clean)))
    }
    made = compose([*own_documents(), *pages.values()], 0)
    assert [name for name, page in pages.items() if page in made] == ["mixed", "spliced"]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("zh", "村口的石桥在去年夏天被洪水冲垮以后，大家走了整整半年的山路。"),
        ("ja", "岬の古い灯台は昨年の台風で窓をすべて失い、今も夜になると暗いままだ。"),
        ("ko", "마을 어귀의 옛 등대는 지난해 태풍에 창을 모두 잃고 지금도 밤이면 어둡다."),
    ],
)
def test_sentences_in_scripts_that_need_fewer_characters_are_spliced_too(language: str, sentence: str) -> None:
    assert len(sentence) < 45
    lines = tuple(LabelledLine(f"{number}：{sentence}", "clean") for number in (1, 2))
    made = compose([*own_documents(), LabelledDocument("own", "lines", language, lines)], 0)
    assert {line.text for one in made if one.source == "twin" for line in one.lines} >= {line.text for line in lines}


def test_the_width_of_a_text_counts_dense_scripts_more() -> None:
    assert [text_width(text) for text in ("", "stone bridge", "石桥", "かな", "다리", "สะพาน", "石桥 2025")] == [
        *(0, 12, 5, 5, 5, 5),
        10,
    ]
