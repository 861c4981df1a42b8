"""Why a page and its lines were flagged, in words."""

from spamfilter import Predictor
from spamfilter.explain import explain

SPAM = (
    "Best online casino bonus, claim 200 free spins now!",
    "Register today and play slots for real money.",
    "No deposit bonus codes for new players of our casino.",
    "Fast payouts and live roulette around the clock.",
)
PAGE_SPEAKS = "the other lines of the page look like spam"


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
