"""Where phrases stand in tokens, and which stretches count as found."""

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from spamfilter.span_model import SpanCandidates, SpanModel
from spamfilter.span_tokens import NUMERIC_COUNT, SPAN_BITS, high_field, low_field, middle_field
from spamfilter.text import encode_documents
from spamfilter.tokens import tokenize
from tests.training.material import char_table, scored
from training import span_training
from training.documents import WRITTEN, LabelledDocument, LabelledLine
from training.span_training import (
    BoundaryExamples,
    ScoredBatch,
    document_text,
    fit_boundaries,
    fit_span_pages,
    gold_tokens,
    label_candidates,
    stretch_weights,
)

SOFT_HYPHEN = "\u00ad"


def batch_of(*documents: tuple[LabelledLine, ...]) -> ScoredBatch:
    """Documents with their tokens; nothing has scored them."""
    made = [LabelledDocument(f"a-{number}", "lines", "en", lines) for number, lines in enumerate(documents)]
    batch, nothing = encode_documents([document_text(one) for one in made], char_table()), cast("Any", None)
    return ScoredBatch(made, batch, tokenize(batch), nothing, nothing)


def spliced(text: str, *phrases: str, label: str | None = "seo_injection") -> LabelledLine:
    return LabelledLine(text, label, tuple((text.index(one), text.index(one) + len(one)) for one in phrases))


def tokens_of_line(scored: ScoredBatch, line: int) -> slice:
    return slice(scored.tokens.line_tokens[line] + 1, scored.tokens.line_tokens[line + 1])


@pytest.mark.parametrize("hidden", ["", SOFT_HYPHEN])
def test_the_tokens_of_a_phrase_are_marked_whatever_invisible_characters_stand_before_it(hidden: str) -> None:
    def text(visible: str) -> str:
        return visible.replace("~", hidden * 3)

    scored = batch_of(
        (
            LabelledLine(text("The m~ill st~ands."), "clean"),
            spliced(text("We ~saw best ca~sino bonus there"), text("best ca~sino bonus")),
        ),
        (
            spliced(text("The ~wheel casino turns poker slots~ here"), "casino", "poker slots"),
            LabelledLine("Home", "boilerplate"),
        ),
    )
    mark, usable = gold_tokens(scored)
    marks = [mark[tokens_of_line(scored, line)].tolist() for line in range(4)]
    assert marks == [[0] * 4, [0, 0, 2, 1, 3, 0], [0, 0, 4, 0, 2, 3, 0], [0]]
    assert [set(usable[tokens_of_line(scored, line)].tolist()) for line in range(4)] == [
        {True},
        {True},
        {True},
        {False},
    ]


@pytest.mark.parametrize("hidden", ["", SOFT_HYPHEN])
@pytest.mark.parametrize(
    ("first", "last", "found"),
    [(1, 3, 1), (1, 2, 1), (3, 3, 0), (1, 1, 0), (0, 4, 1), (2, 5, 0), (0, 0, 0), (4, 5, 0)],
)
def test_a_stretch_counts_as_found_if_it_and_a_phrase_share_half_of_what_both_cover(
    first: int, last: int, found: int, hidden: str
) -> None:
    """Seven characters of a phrase of fourteen are just enough; ten are too few beside ten others."""
    scored = batch_of(
        (LabelledLine("The mill stands.", None),),
        (spliced(f"aa{hidden}aa bbb ccc dddddd eeee ffff", "bbb ccc dddddd"),),
    )
    origins = [tokens_of_line(scored, line).start for line in (0, 1)]
    candidates = SpanCandidates(
        np.array([0, 1]),
        np.array([origins[0], origins[1] + first]),
        np.array([origins[0], origins[1] + last]),
        np.zeros((2, 0)),
    )
    truth, known = label_candidates(scored, candidates)
    assert truth.tolist() == [0, found]
    assert known.tolist() == [False, True]


def marked_boundaries() -> BoundaryExamples:
    """Twenty thousand boundaries, each hundredth right for every regression: there alone stands row 7 on one side."""
    random = np.random.default_rng(0)
    truth = np.arange(20_000) % 100 == 0
    rows = random.integers(100, 1 << SPAN_BITS, (2, 3, 20_000)).astype(np.uint32)
    rows[:, 0, truth] = 7
    return BoundaryExamples(rows, np.zeros((2, 20_000, NUMERIC_COUNT), np.float32), np.stack([truth] * 3))


def scores_of_marks(model: SpanModel) -> NDArray[np.float64]:
    """What each regression gives to a boundary of which nothing is known, and to one at row 7, float64 (2, 3)."""
    mark = [int(field(model.table)[7]) for field in (low_field, middle_field, high_field)]
    scores: NDArray[np.float64] = np.stack((model.bias, model.bias + mark)) / model.scale
    return scores


def test_boundaries_that_are_rare_are_learnt_to_the_end() -> None:
    plain, marked = scores_of_marks(fit_boundaries([marked_boundaries()]))
    # Of log-likelihood ratios, which know nothing of how rare a boundary is.
    assert (plain < 0).all()
    assert (marked > 1.5).all()


def test_a_share_of_the_wrong_boundaries_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    by_share = scores_of_marks(fit_boundaries([marked_boundaries()]))
    monkeypatch.setattr(span_training, "_OUTSIDE_SHARE", 1.0)
    np.testing.assert_allclose(by_share, scores_of_marks(fit_boundaries([marked_boundaries()])), atol=0.25)


def test_untouched_sentences_weigh_most_and_single_lines_less_than_pages_unless_they_are_public_and_spliced() -> None:
    one, two = (LabelledLine("a mill", "clean"),), (LabelledLine("a mill", "clean"),) * 2
    documents = [
        LabelledDocument("1", "spun", "en", two),
        LabelledDocument("2", "line", "en", one),
        LabelledDocument("3", "splice", "en", one),
        LabelledDocument("4", "splice", "en", one, WRITTEN),
        LabelledDocument("5", "twin", "en", one),
        LabelledDocument("6", "twin", "en", one, WRITTEN),
        LabelledDocument("7", "splice", "en", two),
    ]
    assert stretch_weights(documents).tolist() == [1.0, 0.3, 1.0, 0.3, 3.0, 3.0, 1.0]


def test_a_stretch_has_the_weight_of_its_document_where_the_page_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    line, phrase = LabelledLine("The mill stands.", "clean"), spliced("The casino mill stands.", "casino")
    documents = [
        LabelledDocument("1", "spun", "en", (line, phrase)),
        LabelledDocument("2", "twin", "en", (line,)),
        LabelledDocument("3", "splice", "en", (phrase,), WRITTEN),
    ]
    (part,) = scored(documents)
    seconds = part.tokens.line_tokens[:-1] + 2
    found = SpanCandidates(np.arange(4), seconds, seconds, np.zeros((4, 1)))
    learnt: list[tuple[int, float]] = []

    def fit(names: object, values: object, truth: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
        learnt.extend(zip(truth.tolist(), weights.tolist(), strict=True))
        raise StopIteration

    class Model:
        def judge(self, *_: object) -> tuple[NDArray[np.float64], None]:
            return np.zeros((4, 1)), None

    monkeypatch.setattr(span_training, "fit_dense_model", fit)
    nothing = cast("Any", None)
    with pytest.raises(StopIteration):
        fit_span_pages(cast("Any", Model()), [(part, found, nothing, nothing)])
    assert learnt == [(0, 1.0), (1, 1.0), (0, 3.0), (1, 0.3)]
