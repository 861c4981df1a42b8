"""Why a page and its lines were flagged, in words."""

import sys
from dataclasses import replace

import pytest

from spamfilter import Label, Predictor
from spamfilter.explain import explain
from spamfilter.results import DocumentPrediction

SPAM = (
    "Best online casino bonus, claim 200 free spins now!",
    "Register today and play slots for real money.",
    "No deposit bonus codes for new players of our casino.",
    "Fast payouts and live roulette around the clock.",
)
PAGE_SPEAKS = "the other lines of the page look like spam"
PAGE_IS_MILD = "the other lines of the page do not speak firmly against it"
BAKERY = (
    "Rye bread, fresh from the oven",
    "Plaited rolls with poppy seeds",
    "Plum cake by the slice",
    "Open daily from six to noon",
    "Order your birthday cake by phone",
    "Closed for two weeks in August",
    "Find us beside the church",
)


def test_a_spam_page_speaks_for_its_lines_and_the_explanation_says_so(predictor: Predictor) -> None:
    prediction = predictor.predict("\n".join(SPAM))
    explanation = explain(predictor, prediction)
    assert prediction.is_spam
    assert any("spam margin" in reason.text for reason in explanation.reasons)
    assert all(PAGE_SPEAKS in [reason.text for reason in line.reasons] for line in explanation.lines)


def test_a_line_without_others_has_nobody_to_speak_for_it(predictor: Predictor) -> None:
    prediction = predictor.predict(SPAM[0])
    (line,) = explain(predictor, prediction).lines
    assert line.reasons
    assert PAGE_SPEAKS not in [reason.text for reason in line.reasons]


def test_a_line_of_spam_among_clean_lines_is_not_said_to_stand_among_spam(predictor: Predictor) -> None:
    prediction = predictor.predict("\n".join((*BAKERY, SPAM[0])))
    (line,) = explain(predictor, prediction).lines
    assert line.line.text == SPAM[0]
    assert not {PAGE_IS_MILD, PAGE_SPEAKS} & {reason.text for reason in line.reasons}


def test_a_page_in_doubt_is_not_said_to_look_like_spam(predictor: Predictor) -> None:
    prediction = predictor.predict("\n".join((*BAKERY[:3], *SPAM[:2])))
    first, _ = explain(predictor, prediction).lines
    assert first.line.text == SPAM[0]
    reasons = [reason.text for reason in first.reasons]
    assert PAGE_IS_MILD in reasons
    assert PAGE_SPEAKS not in reasons


def test_a_line_that_only_its_stretch_flags_has_the_reasons_of_the_stretch_alone(
    predictor: Predictor, spun_page: str
) -> None:
    explained = {one.line.number: one for one in explain(predictor, predictor.predict(spun_page)).lines}
    spliced = explained[3]
    assert spliced.line.probabilities[Label.CLEAN] > 0.9
    assert spliced.reasons == ()
    ((span, reasons),) = spliced.spans
    assert span == spliced.line.spans[0]
    assert reasons
    assert all(one.reasons for number, one in explained.items() if number != 3)


def test_lines_named_as_reasons_of_their_page_have_no_weight_and_all_other_reasons_one(
    predictor: Predictor, spun_page: str
) -> None:
    explanation = explain(predictor, predictor.predict(spun_page))
    named = [reason.text.startswith("line ") for reason in explanation.reasons]
    assert any(named)
    assert [reason.weight is None for reason in explanation.reasons] == named
    assert all(reason.weight is not None for line in explanation.lines for reason in line.reasons)


def test_a_link_farm_is_explained_by_its_residue_and_its_spans_by_their_numbers(
    predictor: Predictor, spun_page: str
) -> None:
    prediction = predictor.predict(spun_page)
    explanation = explain(predictor, prediction)
    assert prediction.kind == "link_farm"
    assert any("residue" in reason.text for reason in explanation.reasons)
    spans = [reasons for line in explanation.lines for _, reasons in line.spans]
    assert spans
    assert all(spans)


def test_words_are_told_as_they_stand_in_the_text(predictor: Predictor) -> None:
    bold = {ord("a") + place: 0x1D5EE + place for place in range(26)}
    prediction = predictor.predict("\n".join(SPAM).translate(bold))
    reasons = [reason.text for line in explain(predictor, prediction).lines for reason in line.reasons]
    words = [text.split('"')[1] for text in reasons if text.startswith("the word")]
    assert words
    assert all(word in prediction.document for word in words)


def test_a_prediction_of_another_model_is_refused(predictor: Predictor, spun_page: str, clean_page: str) -> None:
    prediction = predictor.predict(spun_page)
    other = replace(prediction, scores=predictor.predict(clean_page).scores)
    with pytest.raises(ValueError, match="another model made this prediction"):
        explain(predictor, other)


def test_a_stretch_takes_no_more_steps_to_explain_in_a_line_of_many(predictor: Predictor) -> None:
    nouns = ("river", "mill", "town", "bridge", "council", "apple", "school", "garden", "window", "winter", "road")

    def line(sentences: int) -> str:
        parts = (
            f"The {nouns[number % 11]} and the {nouns[number % 7]} were mended in {1500 + number},online casino free "
            f"spins no deposit before the {nouns[number % 5]} opened."
            for number in range(sentences)
        )
        return " ".join(parts)

    few, many = (predictor.predict(line(count), max_false_positive_rate=0.1) for count in (200, 400))
    counts = [len(one.lines[0].spans) for one in (few, many)]
    assert counts[1] > 1.5 * counts[0] > 30
    assert steps_to_explain(predictor, many) / counts[1] < 1.3 * steps_to_explain(predictor, few) / counts[0]


def steps_to_explain(predictor: Predictor, prediction: DocumentPrediction) -> int:
    """How many functions are called; unlike the time, this is the same each time."""
    steps = 0

    def count(*_: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(count)
    try:
        explain(predictor, prediction)
    finally:
        sys.setprofile(None)
    return steps
