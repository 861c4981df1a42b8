"""Texts in, verdicts out: any input, any batch, any number of processes; and what the shipped model must get right."""

import time
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spamfilter import DocumentKind, DocumentPrediction, Label, Predictor
from tests.strategies import any_text, lines_by_definition

Decisions = tuple[object, ...]
TOUTS = {Label.SEO_INJECTION, Label.LINK_EXCHANGE}


def decisions(page: DocumentPrediction) -> Decisions:
    """All that a prediction says, to the bit."""
    scores = page.scores
    arrays = (
        scores.starts, scores.ends, scores.logits, scores.span_lines, scores.span_starts, scores.span_ends,
        scores.span_logits, scores.document_logits,
    )  # fmt: skip
    return (page.document, page.kind, *(array.tobytes() for array in arrays))


def bounds(page: DocumentPrediction) -> list[tuple[int, int]]:
    return [(line.start, line.end) for line in page.lines]


# Any input


@pytest.mark.parametrize("text", ["", " ", "\t \u3000\n\n \r\n", "\ufeff", "\u200b\n\u200b", "\x00", "\x00\n\x00"])
def test_text_that_holds_nothing_is_clean(predictor: Predictor, text: str) -> None:
    page = predictor.predict(text)
    assert bounds(page) == lines_by_definition(text)
    assert page.kind is DocumentKind.CLEAN
    assert not page.flagged
    assert page.clean_text() == text
    assert {line.label for line in page.lines} <= {Label.CLEAN}
    assert page.probability < 0.5


def test_blank_lines_among_others_are_clean_and_counted(predictor: Predictor) -> None:
    page = predictor.predict("\n\nBest online casino bonus, claim 200 free spins now!\n \n")
    assert [line.number for line in page.lines] == [0, 1, 2, 3]
    assert [line.label for line in page.lines if not line.text.strip()] == [Label.CLEAN] * 3


@settings(max_examples=150, deadline=None)
@given(any_text)
def test_every_text_gets_one_result_a_line_with_its_own_offsets(predictor: Predictor, text: str) -> None:
    page = predictor.predict(text)
    assert bounds(page) == lines_by_definition(text)
    for line in page.lines:
        assert line.text == text[line.start : line.end]
        assert sum(line.probabilities.values()) == pytest.approx(1)
        assert 0 <= line.probability <= 1
        for span in line.spans:
            assert line.start <= span.start < span.end <= line.end
    assert 0 <= page.probability <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(any_text, max_size=5))
def test_a_document_is_judged_alone_as_in_any_batch_to_the_bit(predictor: Predictor, texts: list[str]) -> None:
    together = [decisions(page) for page in predictor.predict_many(texts)]
    assert together == [decisions(predictor.predict(text)) for text in texts]


@settings(max_examples=60, deadline=None)
@given(any_text, st.sampled_from(["\n", "\r", "\r\n"]))
def test_the_style_of_line_ends_does_not_change_a_verdict(predictor: Predictor, text: str, newline: str) -> None:
    lines = [text[start:end] for start, end in lines_by_definition(text)]
    plain = predictor.predict("".join(line + "\n" for line in lines))
    styled = predictor.predict("".join(line + newline for line in lines))
    assert [line.probabilities for line in styled.lines] == [line.probabilities for line in plain.lines]
    assert styled.probability == plain.probability
    assert styled.clean_text() == plain.clean_text().replace("\n", newline)


def test_the_last_line_is_judged_the_same_with_and_without_its_line_end(predictor: Predictor, spun_page: str) -> None:
    with_end, without = predictor.predict(spun_page), predictor.predict(spun_page.rstrip("\n"))
    assert with_end.lines == without.lines


def test_lone_surrogates_and_nuls_are_kept_and_counted_as_one_character_each(predictor: Predictor) -> None:
    text = "a\ud800b\x00c\udfff\nThe mill stands by the river,best online casino bonus and grinds rye."
    page = predictor.predict(text)
    assert page.lines[0].text == "a\ud800b\x00c\udfff"
    assert page.lines[1].start == 7


def test_characters_of_any_width_keep_their_offsets(predictor: Predictor) -> None:
    text = "\U0001f600" * 10 + "\r\n" + "e\u0301" * 5 + "\n" + "x"
    assert bounds(predictor.predict(text)) == [(0, 10), (12, 22), (23, 24)]


@pytest.mark.parametrize("given_", [b"bytes", None, 3, ["a list"], bytearray(b"x"), object()])
def test_what_is_not_a_str_is_a_type_error_that_names_both_types(predictor: Predictor, given_: object) -> None:
    with pytest.raises(TypeError, match=f"must be a str, not {type(given_).__name__}"):
        predictor.predict(given_)  # type: ignore[arg-type]


def test_an_element_that_is_not_a_str_is_a_type_error_when_it_is_reached(predictor: Predictor) -> None:
    with pytest.raises(TypeError, match="must be a str, not int"):
        list(predictor.predict_many(["fine", 3]))  # type: ignore[list-item]


def test_one_str_instead_of_many_is_a_type_error_and_not_read_letter_by_letter(predictor: Predictor) -> None:
    with pytest.raises(TypeError, match="not one str"):
        predictor.predict_many("a page")


@pytest.mark.parametrize("rate", [0.0, -1e-3, 0.5, 1e-9, float("nan")])
def test_a_rate_that_was_not_measured_is_refused_at_the_call(predictor: Predictor, rate: float) -> None:
    with pytest.raises(ValueError, match="outside what this model has measured"):
        predictor.predict("x", max_false_positive_rate=rate)
    with pytest.raises(ValueError, match="outside what this model has measured"):
        predictor.predict_many(["x"], max_false_positive_rate=rate)


def test_no_worker_at_all_is_refused_at_the_call(predictor: Predictor) -> None:
    with pytest.raises(ValueError, match="n_jobs=0"):
        predictor.predict_many(["x"], n_jobs=0)


# Large input


def seconds(predictor: Predictor, text: str) -> float:
    """Time of the processor, so that a busy machine does not count."""
    begun = time.process_time()
    predictor.predict(text)
    return time.process_time() - begun


def test_one_line_of_ten_megabytes_is_one_result_in_linear_time(predictor: Predictor) -> None:
    sentence = "The miller opens the sluice and waits until the wheel turns. "
    long = sentence * (10_000_000 // len(sentence))
    tenth = min(seconds(predictor, long[: len(long) // 10]) for _ in range(3))
    assert bounds(predictor.predict(long)) == [(0, len(long))]
    assert min(seconds(predictor, long) for _ in range(3)) < 30 * tenth


def test_a_foreign_phrase_at_the_end_of_a_long_line_is_found_at_its_place(predictor: Predictor) -> None:
    who = ("The miller", "Her daughter", "A carter from the village", "The old joiner", "Nobody", "The schoolmaster")
    did = ("opened the sluice", "mended the wheel", "carried rye to the loft", "wrote the price on the door")
    when = ("before the frost came", "on the day of the fair", "when the river was low", "in the year of the flood")
    sentences = " ".join(f"{one} {deed} {day}." for one, deed, day in product(who, did, when))
    phrase = "【buy instagram followers cheap】"
    text = f"{sentences} Visitors may watch the stones {phrase} on the first Sunday of the month."
    assert len(text) > 5_000
    (line,) = predictor.predict(text).lines
    assert [text[span.start : span.end] for span in line.spans] == [phrase]


def test_several_phrases_in_one_line_are_cut_out_and_the_sentences_are_left_whole(predictor: Predictor) -> None:
    places = (
        "Our baker{} brought the bread that was left over to the school and went home early.",
        "In the morning the harbour{} was calm, and the ferry crew waited for the post.",
        "The two teachers{} told the children of the mill that had burnt down before the war.",
        "After the storm my neighbour{} mended the roof of the chapel with slates from the quarry.",
    )
    phrases = (
        ",Replica Rolex Watches Sale",
        " (Online Casino No Deposit Bonus)",
        ",Buy Viagra Without Prescription",
        " [Payday Loans No Credit Check]",
    )
    spliced = " ".join(place.format(phrase) for place, phrase in zip(places, phrases, strict=True))
    page = predictor.predict(spliced, max_false_positive_rate=1e-3)
    assert [spliced[span.start : span.end] for span in page.lines[0].spans] == [one.strip(" ,") for one in phrases]
    assert page.clean_text() == " ".join(place.format("") for place in places)


def test_a_million_empty_lines_are_a_million_clean_results(predictor: Predictor) -> None:
    page = predictor.predict("\n" * 1_000_000)
    assert len(page.scores.starts) == 1_000_000
    assert len(page.flagged) == 0
    assert page.clean_text() == page.document
    assert seconds(predictor, page.document) < 30


# Many documents


def mixed_documents(spun_page: str, clean_page: str) -> list[str]:
    awkward = ["", "\n", " ", "\ud800", "x\r", "\ny", "a" * 5000, "你好" * 300]
    documents = []
    for number in range(120):
        documents += [
            f"{clean_page}Page {number}\n",
            spun_page.replace("stone", f"brick {number}"),
            awkward[number % 8],
        ]
    return documents


def test_predict_many_reads_as_it_goes(predictor: Predictor) -> None:
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        for _ in range(5000):
            taken += 1
            yield "A short page.\n"

    results = predictor.predict_many(texts())
    assert taken == 0
    next(results)
    assert taken < 5000


def test_no_document_gives_no_result(predictor: Predictor) -> None:
    assert list(predictor.predict_many([])) == []
    assert list(predictor.predict_many([], n_jobs=2)) == []


def test_results_of_two_processes_come_in_order_and_are_those_of_one_to_the_bit(
    predictor: Predictor, spun_page: str, clean_page: str
) -> None:
    texts = mixed_documents(spun_page, clean_page) * 8
    alone = [decisions(page) for page in predictor.predict_many(texts)]
    assert [text for text, *_ in alone] == texts
    assert [decisions(page) for page in predictor.predict_many(iter(texts), n_jobs=2)] == alone


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_in_the_input_reaches_the_caller_behind_all_that_came_before_it(
    predictor: Predictor, n_jobs: int
) -> None:
    texts = [f"Page {number} of the mill." for number in range(300)]
    judged: list[str] = []
    results = predictor.predict_many([*texts, None, "more"], n_jobs=n_jobs)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="must be a str, not NoneType"):
        judged.extend(page.document for page in results)
    assert judged == texts


def test_an_error_of_the_source_itself_comes_behind_the_documents_that_it_gave(predictor: Predictor) -> None:
    def texts() -> Iterator[str]:
        yield "A page."
        raise OSError("the disk is gone")

    results = predictor.predict_many(texts())
    assert next(results).document == "A page."
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)


def test_prediction_remembers_nothing(predictor: Predictor, spun_page: str, clean_page: str) -> None:
    first = decisions(predictor.predict(clean_page))
    for _ in range(5):
        predictor.predict(spun_page)
    assert decisions(predictor.predict(clean_page)) == first


def test_the_rate_of_the_call_is_the_rate_of_the_verdict(predictor: Predictor, spun_page: str) -> None:
    loose = predictor.predict(spun_page, max_false_positive_rate=1e-2)
    assert decisions(loose) == decisions(predictor.predict(spun_page).at(max_false_positive_rate=1e-2))
    assert len(loose.flagged) >= len(loose.at(max_false_positive_rate=1e-4).flagged)


# Golden cases of the shipped model: what must go, and what must stay


def test_the_spun_sample_page_is_a_link_farm_whose_article_stays(predictor: Predictor, spun_page: str) -> None:
    page = predictor.predict(spun_page)
    labels = {line.number: line.label for line in page.lines}
    assert page.kind is DocumentKind.LINK_FARM
    assert labels[2] is Label.TEMPLATE_RESIDUE
    assert labels[3] is Label.SEO_INJECTION
    assert sum(labels[number] is Label.HEADLINE_LIST for number in range(9, 16)) >= 5
    assert labels[16] is Label.LINK_EXCHANGE
    assert {labels[number] for number in (0, 1, 4, 5, 6, 7, 8)} == {Label.CLEAN}
    (span,) = page.lines[3].spans
    assert spun_page[span.start : span.end] == "online casino free spins no deposit"
    left = page.clean_text()
    assert "leans a little towards the middle and a gap that is mended soon" in left
    for gone in ("casino", "dede", "PR4"):
        assert gone not in left
    for kept in ("How to mend", "Begin by clearing", "put the copes back on edge"):
        assert kept in left


def test_the_clean_sample_page_stays_as_it_is(predictor: Predictor, clean_page: str) -> None:
    page = predictor.predict(clean_page)
    assert page.kind is DocumentKind.CLEAN
    assert not page.flagged
    assert page.clean_text() == clean_page


@pytest.mark.parametrize(
    "text",
    [
        "The regulator fined two online casinos for misleading bonus offers and ordered them to repay players.",
        "PageRank counts a link as a vote of one page for another, weighted by the rank of the page that casts it.",
        "In Jinja, {{ user.name }} prints the name of the user, and {% if %} begins a condition.",
        "Sildenafil lowers the blood pressure and must not be taken together with nitrates.",
        "The probability of drawing two aces from a full deck of cards is one in 221.",
        "Payday lenders must show the yearly interest rate before the contract is signed, the court held.",
        "Le conseil municipal a voté la réparation du pont avant l'hiver.",
        "Der Gemeinderat beschloss, die Brücke noch vor dem Winter zu reparieren.",
        "市议会决定在冬天之前修好这座桥，并在桥头增设两盏路灯。",
        "議会は冬が来る前に橋を修理することを決めました。",
        "Городской совет решил отремонтировать мост до наступления зимы.",
        "قرر المجلس البلدي إصلاح الجسر قبل حلول الشتاء.",
    ],
)
def test_a_clean_sentence_stays(predictor: Predictor, text: str) -> None:
    page = predictor.predict(text)
    assert not page.flagged
    assert page.clean_text() == text


@pytest.mark.parametrize("ruler", ["-" * 40, "=" * 40, "_" * 40, "*" * 40, "* * *", "." * 60, "# " * 20, "· · · · ·"])
def test_a_ruler_between_paragraphs_stays(predictor: Predictor, clean_page: str, ruler: str) -> None:
    """Hundreds of marks in a row weigh as much as a page of words: they must not be taken for a tout's arrows."""
    lines = clean_page.split("\n")
    text = "\n".join([*lines[:2], ruler, *lines[2:], f"Balance {ruler} 12.40"])
    spam = {Label.SEO_INJECTION, Label.LINK_EXCHANGE}
    assert not [line.text for line in predictor.predict(text).lines if line.label in spam]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("Best online casino bonus 2024, register now and claim 200 free spins!", {Label.SEO_INJECTION}),
        ("Buy cheap viagra online without prescription, fast shipping worldwide", {Label.SEO_INJECTION}),
        ("Need an essay written fast? Order your paper from our expert writers, no plagiarism", {Label.SEO_INJECTION}),
        ("Situs slot gacor hari ini gampang menang, daftar sekarang dan klaim bonus new member", {Label.SEO_INJECTION}),
        ("代开发票,普通增值税发票代开,联系电话微信同号,保真可验", TOUTS),
        ("Быстрый займ на карту без отказа и без проверки кредитной истории онлайн круглосуточно", TOUTS),
        ("Link exchange welcome, DA 30 and more, homepage links only, contact us on Telegram", {Label.LINK_EXCHANGE}),
        ("友情链接交换,要求PR3以上,权重2以上,联系QQ", {Label.LINK_EXCHANGE}),
        ("{dede:field.title/}", {Label.TEMPLATE_RESIDUE}),
        ("<?php echo $this->title; ?>", {Label.TEMPLATE_RESIDUE}),
    ],
)  # fmt: skip
def test_a_line_of_spam_goes_by_itself(predictor: Predictor, text: str, labels: set[Label]) -> None:
    (line,) = predictor.predict(text).lines
    assert line.label in labels


@pytest.mark.parametrize(
    ("before", "phrase", "after"),
    [
        ("The library in the old station,", "Payday Loans Bad Credit", " opens again in March after the repairs."),
        ("Visitors may watch the stones ", "【buy instagram followers cheap】", " on the first Sunday of the month."),
    ],
)  # fmt: skip
def test_a_spliced_phrase_is_found_where_it_stands(predictor: Predictor, before: str, phrase: str, after: str) -> None:
    page = predictor.predict(
        f"The old mill\n{before}{phrase}{after}\nIt was built of oak and has two pairs of stones.\n"
    )
    line = page.lines[1]
    found = "".join(page.document[span.start : span.end] for span in line.spans)
    assert phrase.strip("【】") in found
    assert len(found) <= len(phrase) + 3
    assert [other.number for other in page.flagged] == [1]


def test_the_untouched_twin_of_a_spliced_sentence_stays(predictor: Predictor) -> None:
    text = "The mill by the river stands on oak piles, and grinds rye for three villages."
    assert not predictor.predict(text).flagged


def test_the_contents_of_a_manual_are_no_headline_list(predictor: Predictor) -> None:
    text = (
        "Keeping bees in a small garden\n"
        "This manual tells a beginner how to keep two colonies of bees in a small garden through the year, "
        "from the first box to the honey.\n"
        "Contents\n"
        "1 Where to put the hive\n"
        "2 What the bees need in spring\n"
        "3 How to recognise a swarm\n"
        "4 Taking the honey without harm\n"
        "5 Feeding the colony for winter\n"
        "Put the hive where the morning sun reaches it and where nobody walks past the entrance. Bees fly out and up; "
        "a hedge or fence makes them rise above the heads of your neighbours.\n"
        "In spring the colony needs room and food. Look into the hive on the first warm day, but be quick, and close "
        "it again before the brood gets cold.\n"
        "A swarm leaves with the old queen. The young queen stays in the hive, and a second swarm may follow within a "
        "week.\n"
        "Take no more honey than the bees can spare; what you take in August you will have to give back as syrup.\n"
    )
    assert not predictor.predict(text).flagged


def test_a_phrase_takes_the_marks_of_its_last_letter_with_it(predictor: Predictor, spun_page: str) -> None:
    spans = [span for line in predictor.predict(spun_page).lines for span in line.spans]
    marked = "".join(f"{letter}\u0308" if letter.isalpha() else letter for letter in spun_page)
    found = [span for line in predictor.predict(marked).lines for span in line.spans]
    assert spans
    assert [marked[span.start : span.end].replace("\u0308", "") for span in found] == [
        spun_page[span.start : span.end] for span in spans
    ]
    assert all(marked[span.start] != "\u0308" != marked[span.end] for span in found)
