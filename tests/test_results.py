"""What a prediction says, decided again, and the text that is left."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spamfilter import FLAGGED_LABELS, LABELS, DocumentKind, DocumentPrediction, Label, Predictor
from spamfilter.operating_points import OperatingPoints
from spamfilter.scores import DocumentScores, ScoreArrays, decide
from tests.strategies import any_text, lines_by_definition

POINTS = OperatingPoints(
    (1e-1, 1e-3),
    dict.fromkeys((*(label.value for label in FLAGGED_LABELS), "span", "document"), (-1.0, 1.0)),
    boilerplate=0.0,
)


def prediction(
    document: str,
    labels: list[Label] | None = None,
    spans: list[tuple[int, int, float]] | None = None,
    kind: tuple[float, float, float, float] = (3.0, 0.0, -3.0, -3.0),
    rate: float = 1e-3,
) -> DocumentPrediction:
    """A prediction as if the stages had found ``labels`` and ``spans`` (start, end, log-odds)."""
    bounds = lines_by_definition(document)
    logits = np.full((len(bounds), len(LABELS)), -9.0)
    for number, label in enumerate(labels or [Label.CLEAN] * len(bounds)):
        logits[number, LABELS.index(label)] = 0.0
    found = sorted(spans or [])
    lines = [next(n for n, (start, end) in enumerate(bounds) if start <= span[0] <= end) for span in found]
    scores = ScoreArrays(
        line_edges=np.array([0, len(bounds)]),
        starts=np.array([start for start, _ in bounds], np.int64),
        ends=np.array([end for _, end in bounds], np.int64),
        logits=logits,
        span_edges=np.array([0, len(found)]),
        span_lines=np.array(lines, np.int64),
        span_starts=np.array([span[0] for span in found], np.int64),
        span_ends=np.array([span[1] for span in found], np.int64),
        span_logits=np.array([span[2] for span in found], np.float64),
        document_logits=np.array([kind]),
    )
    return DocumentPrediction(document, DocumentScores(scores, 0), POINTS, rate, decide(scores, POINTS, rate))


def spliced(marked: str) -> DocumentPrediction:
    """A prediction for a text in which ``⟦`` and ``⟧`` mark the foreign stretches."""
    text, spans = "", []
    for piece in marked.split("⟧"):
        kept, opened, foreign = piece.partition("⟦")
        text += kept
        if opened:
            spans.append((len(text), len(text) + len(foreign), 5.0))
            text += foreign
    return prediction(text, spans=spans)


@pytest.mark.parametrize(
    ("marked", "left"),
    [
        # after a comma without a space
        ("The mill stands,⟦best casino bonus⟧ and grinds.", "The mill stands and grinds."),
        ("磨坊在河边,⟦在线赌场⟧。", "磨坊在河边。"),
        # a comma that the sentence needs stays
        ("The mill stands, ⟦best casino bonus⟧ and grinds.", "The mill stands, and grinds."),
        ("The mill,⟦best casino bonus⟧which grinds, stands.", "The mill,which grinds, stands."),
        # between words
        ("The mill ⟦best casino bonus⟧ grinds.", "The mill grinds."),
        ("The mill ⟦best casino bonus ⟧grinds.", "The mill grinds."),
        ("磨坊⟦在线赌场⟧在河边。", "磨坊在河边。"),
        # in brackets
        ("The mill 【⟦best casino⟧】 grinds.", "The mill grinds."),
        ("The mill ⟦【best casino】⟧ grinds.", "The mill grinds."),
        # at the start, with what parts it from the sentence
        ("⟦best casino bonus⟧ The mill grinds.", "The mill grinds."),
        ("⟦best casino bonus⟧ | The mill grinds.", "The mill grinds."),
        ("⟦best casino bonus⟧: The mill grinds.", "The mill grinds."),
        ("  ⟦best casino bonus⟧ - The mill grinds.", "  The mill grinds."),
        # at the end
        ("The mill grinds. ⟦best casino bonus⟧", "The mill grinds."),
        ("The mill grinds - ⟦best casino bonus⟧", "The mill grinds"),
        ("The mill grinds,⟦best casino bonus⟧", "The mill grinds"),
        # several in one line, and the lines around it
        ("One ⟦casino⟧ two,⟦poker⟧ three.", "One two three."),
        ("Before.\r\nThe ⟦casino⟧ mill.\r\nAfter.", "Before.\r\nThe mill.\r\nAfter."),
        ("The mill grinds. ⟦casino⟧\nAfter.", "The mill grinds.\nAfter."),
        # the whole line
        ("Before.\n ⟦best casino bonus⟧ \nAfter.", "Before.\n\nAfter."),
    ],
)
def test_cutting_a_phrase_leaves_the_sentence_as_it_was_before_the_splice(marked: str, left: str) -> None:
    assert spliced(marked).clean_text() == left


def test_flagged_lines_go_with_their_line_end_and_the_others_stay_with_theirs() -> None:
    labels = [Label.CLEAN, Label.SEO_INJECTION, Label.CLEAN, Label.TEMPLATE_RESIDUE, Label.CLEAN]
    page = prediction("a\r\nb\nc\r\nd\rlast", labels)
    assert page.clean_text() == "a\r\nc\r\nlast"


def test_boilerplate_stays_unless_the_caller_drops_it() -> None:
    page = prediction("a\nmenu\nb\n", [Label.CLEAN, Label.BOILERPLATE, Label.CLEAN])
    assert page.clean_text() == "a\nmenu\nb\n"
    assert page.clean_text(drop_boilerplate=True) == "a\nb\n"
    assert not page.flagged


@given(any_text)
def test_a_page_with_nothing_flagged_comes_back_character_for_character(text: str) -> None:
    assert prediction(text).clean_text() == text


@given(any_text, st.data())
def test_what_is_left_is_made_of_kept_characters_in_their_order(text: str, data: st.DataObject) -> None:
    bounds = lines_by_definition(text)
    labels = [data.draw(st.sampled_from(LABELS)) for _ in bounds]
    spans = []
    for start, end in bounds:
        if end > start and data.draw(st.booleans()):
            low = data.draw(st.integers(start, end - 1))
            spans.append((low, data.draw(st.integers(low + 1, end)), 5.0))
    page = prediction(text, labels, spans)
    remaining = iter(page.clean_text())
    position = 0
    for character in remaining:
        position = text.index(character, position) + 1
    for line in page.lines:
        for span in line.spans:
            assert line.start <= span.start < span.end <= line.end


def test_lines_carry_offsets_text_label_and_probabilities() -> None:
    page = prediction("one\r\ntwo", [Label.CLEAN, Label.LINK_EXCHANGE])
    first, second = page.lines
    assert (first.number, first.start, first.end, first.text) == (0, 0, 3, "one")
    assert (second.number, second.start, second.end, second.text) == (1, 5, 8, "two")
    assert second.label is Label.LINK_EXCHANGE
    assert second.probability == second.probabilities[Label.LINK_EXCHANGE]
    assert tuple(second.probabilities) == LABELS
    assert sum(second.probabilities.values()) == pytest.approx(1)
    assert page.flagged == (second,)
    assert second.is_flagged
    assert not first.is_flagged


def test_lines_are_a_sequence_of_which_any_part_may_be_asked_for() -> None:
    labels = [Label.CLEAN, Label.LINK_EXCHANGE] * 1500
    page = spliced("One ⟦casino⟧ two.\n" + "And more.\n" * 2998 + "Three ⟦slots⟧ four.")
    alone = prediction("\n".join(["A line."] * 3000), labels)
    built = tuple(page.lines)
    assert [line.number for line in built] == list(range(3000))
    assert page.lines == built
    assert built == page.lines
    assert page.lines != built[1:]
    assert page.lines[-1] == built[2999]
    assert page.lines[2:0:-1] == built[2:0:-1]
    assert [len(line.spans) for line in (page.lines[0], page.lines[1], page.lines[2999])] == [1, 0, 1]
    assert page.flagged == (built[0], built[2999])
    assert list(reversed(page.flagged)) == [built[2999], built[0]]
    assert [line.number for line in alone.flagged] == list(range(1, 3000, 2))
    assert pickle.loads(pickle.dumps(page.flagged)) == page.flagged
    assert len(prediction("").flagged) == 0
    assert not prediction("").flagged
    with pytest.raises(IndexError):
        page.lines[3000]


def test_a_line_with_a_foreign_stretch_is_seo_injection_with_the_probability_of_the_stretch() -> None:
    (line,) = spliced("The mill ⟦best casino bonus⟧ grinds.").lines
    assert line.label is Label.SEO_INJECTION
    (span,) = line.spans
    assert line.text[span.start : span.end] == "best casino bonus"
    assert line.probability == span.probability == pytest.approx(1 / (1 + np.exp(-5.0)))


def test_spans_below_the_threshold_are_left_out() -> None:
    page = prediction("The mill best casino grinds.", spans=[(9, 20, 0.5)])
    assert page.lines[0].spans == ()
    assert page.clean_text() == "The mill best casino grinds."


def test_deciding_again_changes_the_verdicts_and_not_the_scores() -> None:
    strict = prediction("The mill best casino grinds.", spans=[(9, 20, 0.5)], kind=(0.3, -9.0, 0.0, -9.0))
    loose = strict.at(max_false_positive_rate=1e-1)
    assert not strict.flagged
    assert not strict.is_spam
    assert [line.number for line in loose.flagged] == [0]
    assert loose.is_spam
    assert loose.clean_text() == "The mill grinds."
    assert loose.scores is strict.scores
    assert loose.probability == strict.probability
    assert loose.at(max_false_positive_rate=1e-3).lines == strict.lines


def test_deciding_again_at_a_rate_that_was_not_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="outside what this model has measured"):
        prediction("x").at(max_false_positive_rate=1e-9)


@pytest.mark.parametrize(
    ("logits", "labels", "kind"),
    [
        ((3.0, 0.0, -3.0, -3.0), [Label.CLEAN], DocumentKind.CLEAN),
        ((3.0, 0.0, -3.0, -3.0), [Label.HEADLINE_LIST], DocumentKind.RESIDUE),
        ((3.0, 0.0, -3.0, -3.0), [Label.BOILERPLATE], DocumentKind.CLEAN),
        ((-3.0, -3.0, 3.0, 0.0), [Label.CLEAN], DocumentKind.LINK_FARM),
        ((-3.0, -3.0, 0.0, 3.0), [Label.CLEAN], DocumentKind.SPAM),
    ],
)
def test_the_kind_of_a_page_agrees_with_its_verdict(
    logits: tuple[float, float, float, float], labels: list[Label], kind: DocumentKind
) -> None:
    page = prediction("x", labels, kind=logits)
    assert page.kind is kind
    assert page.is_spam == (kind in (DocumentKind.LINK_FARM, DocumentKind.SPAM))


def test_results_are_frozen_and_slotted() -> None:
    page = spliced("The mill ⟦best casino bonus⟧ grinds.")
    line = page.lines[0]
    for value, name in ((page, "document"), (line, "label"), (line.spans[0], "start")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, None)
        assert not hasattr(value, "__dict__")


def test_a_prediction_survives_the_way_between_processes(predictor: Predictor, spun_page: str) -> None:
    page = predictor.predict(spun_page)
    again = pickle.loads(pickle.dumps(page))
    assert again.lines == page.lines
    assert again.kind is page.kind
    assert again.clean_text() == page.clean_text()


def test_predictions_that_say_the_same_are_equal_however_they_came_about(predictor: Predictor, spun_page: str) -> None:
    page = predictor.predict(spun_page)
    loose = predictor.predict(spun_page, max_false_positive_rate=1e-2)
    *_, among_others = predictor.predict_many(["Another page.", "casino", spun_page])
    for same in (predictor.predict(spun_page), pickle.loads(pickle.dumps(page)), copy.deepcopy(page), among_others):
        assert same == page
        assert hash(same) == hash(page)
    assert page.at(max_false_positive_rate=1e-2) == loose != page
    assert len({page, loose, among_others}) == 2
    assert page != spun_page
    empty = prediction("")
    assert empty == prediction("") != prediction("\n")


def test_predictions_that_differ_in_anything_they_say_are_not_equal() -> None:
    text = "The mill best casino grinds.\nAnd more."
    page = prediction(text, spans=[(9, 20, 5.0)])
    assert page == prediction(text, spans=[(9, 20, 5.0)])
    assert page == prediction(text, spans=[(9, 20, 5.0), (29, 32, -5.0)]), "a stretch that nobody is told of"
    others = (
        prediction(text + " ", spans=[(9, 20, 5.0)]),
        prediction(text, spans=[(9, 20, 5.5)]),
        prediction(text, spans=[(9, 19, 5.0)]),
        prediction(text),
        prediction(text, [Label.CLEAN, Label.BOILERPLATE], [(9, 20, 5.0)]),
        prediction(text, spans=[(9, 20, 5.0)], kind=(-3.0, -3.0, 3.0, 0.0)),
        prediction(text, spans=[(9, 20, 5.0)], kind=(3.0, 0.0, -3.0, -2.5)),
        prediction(text, spans=[(9, 20, 5.0)], rate=1e-2),
    )
    assert all(other != page for other in others)


def test_lines_can_be_kept_in_sets_and_compared_with_lists() -> None:
    page = spliced("The mill ⟦best casino bonus⟧ grinds.\nAnd more.\nAnd more.")
    assert page.lines == list(page.lines)
    assert list(page.flagged) == page.flagged
    assert page.lines != list(page.flagged)
    assert len({*page.lines, *spliced(page.document).lines, *page.flagged}) == 4
    assert hash(page.lines) == hash(tuple(page.lines))


def test_a_prediction_shows_its_verdict_and_not_its_arrays() -> None:
    shown = repr(prediction("x\ny", [Label.CLEAN, Label.SEO_INJECTION]))
    assert "kind='residue'" in shown
    assert "lines=2, flagged=1" in shown
    assert "array" not in shown


def test_documents_of_one_batch_share_arrays_and_are_decided_as_each_alone(
    predictor: Predictor, spun_page: str, clean_page: str
) -> None:
    texts = [clean_page, "", spun_page, "\n", "casino", spun_page]
    together = list(predictor.predict_many(texts))
    assert all(page.scores.batch is together[0].scores.batch for page in together)
    for text, page in zip(texts, together, strict=True):
        alone = predictor.predict(text)
        assert (page.kind, page.probability, page.flagged, page.lines) == (
            *(alone.kind, alone.probability, alone.flagged, alone.lines),
        )
        assert page.clean_text(drop_boilerplate=True) == alone.clean_text(drop_boilerplate=True)


def test_a_copy_of_one_document_leaves_the_rest_of_its_batch_behind(predictor: Predictor, spun_page: str) -> None:
    short, _ = predictor.predict_many(["One line.", spun_page * 50])
    assert len(pickle.dumps(short)) < 10_000
    assert pickle.loads(pickle.dumps(short)).lines == short.lines
