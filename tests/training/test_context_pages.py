"""Pages that the context model alone learns from."""

from collections.abc import Sequence

from tests.training.material import own_documents
from training.context_pages import compose_context_pages
from training.documents import LabelledDocument, LabelledLine


def page(name: str, label: str, language: str, texts: Sequence[str]) -> LabelledDocument:
    topic = name.partition("#")[0]
    lines = tuple(LabelledLine(text, label) for text in texts)
    return LabelledDocument(f"lines/{name}", "lines", language, lines, topic)


def made(kind: str, documents: Sequence[LabelledDocument], seed: int) -> list[LabelledDocument]:
    return [one for one in compose_context_pages(documents, seed) if one.source == kind]


def test_a_line_or_two_of_spam_stand_in_an_article_that_stays_as_it_was() -> None:
    intruded = made("intruded", own_documents(), 0)
    assert intruded == made("intruded", own_documents(), 0) != made("intruded", own_documents(), 1)
    clean, spam = (
        {line.text for document in own_documents() for line in document.lines if line.label == label}
        for label in ("clean", "seo_injection")
    )
    places = set()
    for document in intruded:
        foreign = [place for place, line in enumerate(document.lines) if line.label == "seo_injection"]
        assert len(foreign) in (1, 2)
        assert {line.text for line in document.lines if line.label != "seo_injection"} <= clean
        assert {document.lines[place].text for place in foreign} <= spam
        assert document.spam is None
        places |= {"first" if place == 0 else "later" for place in foreign}
    assert places == {"first", "later"}
    assert compose_context_pages([], 0) == []


def test_a_wall_is_a_page_of_title_like_spam_of_one_topic() -> None:
    titles = [f"Lucky Dragon slots bonus number {number}" for number in range(24)]
    prose = "Our readers may claim a bonus of {} euros and play until the morning."
    pages = [
        page(f"slots#{number}", "seo_injection", "en", (*titles[number::8], prose.format(number)))
        for number in range(8)
    ]
    walls = made("spam", pages, 0)
    assert len(walls) == 2
    assert walls == made("spam", pages, 0) != made("spam", pages, 1)
    for wall in walls:
        texts = [line.text for line in wall.lines]
        assert wall.spam
        assert len(texts) in (6, 12, 24)
        assert set(texts) <= set(titles)
        assert all(line.label == "seo_injection" for line in wall.lines)
    assert made("spam", pages[:3], 0) == []


def test_a_thread_mixes_comments_that_are_spam_with_ordinary_ones_of_the_same_language() -> None:
    spam = [f"Thanks to the healer of Ulm my ex came home, text him on {number}" for number in range(20)]
    ordinary = [f"I watched this {number} times and the violin still makes me cry" for number in range(5)]
    documents = [
        page("comment-plugs", "seo_injection", "en", spam),
        page("comment-ordinary", "clean", "en", ordinary),
        page("casino", "seo_injection", "en", ["Spin the reels of Golden Otter tonight"]),
        page("recipes", "clean", "en", ["Knead the dough for ten minutes."]),
        page("comment-plugs", "seo_injection", "fr", ["Merci au guérisseur, il répond à toute heure"] * 4),
    ]
    threads = made("spam thread", documents, 0)
    assert len(threads) == 10
    assert threads == made("spam thread", documents, 0) != made("spam thread", documents, 1)
    for thread in threads:
        by_label = {
            label: [line.text for line in thread.lines if line.label == label] for label in ("seo_injection", "clean")
        }
        assert 2 <= len(by_label["seo_injection"]) <= 14
        assert 2 <= len(by_label["clean"]) <= 5
        assert set(by_label["seo_injection"]) <= set(spam)
        assert set(by_label["clean"]) <= set(ordinary)
        assert thread.language == "en"
        assert thread.spam is None
    assert made("spam thread", documents[:1], 0) == []
