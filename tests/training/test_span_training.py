"""Where phrases stand in tokens, and which stretches count as found."""

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from spamfilter.span_model import NUMERIC_SHIFT, SpanCandidates, SpanModel
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
    mean_of_boundaries,
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


def boundaries(seed: int) -> SpanModel:
    """A scorer of boundaries between tokens that are drawn at random."""
    random = np.random.default_rng(seed)
    rows = random.integers(0, 1 << SPAN_BITS, 40).astype(np.uint32)[random.integers(0, 40, (2, 3, 200))]
    numbers = random.normal(size=(2, 200, NUMERIC_COUNT)).astype(np.float32)
    return fit_boundaries([BoundaryExamples(rows, numbers, random.random((3, 200)) < 0.3)])


def real_weights(model: SpanModel) -> tuple[NDArray[np.float64], ...]:
    table = np.stack([field(model.table) for field in (low_field, middle_field, high_field)])
    # What these weigh comes in thousands.
    numeric = 1000 * model.numeric_weights / (model.scale * NUMERIC_SHIFT)
    return table / model.scale, numeric, model.bias / model.scale


def test_the_mean_of_boundaries_has_the_means_of_all_weights() -> None:
    models = boundaries(1), boundaries(2)
    for mean, one, other in zip(*map(real_weights, (mean_of_boundaries(models), *models)), strict=True):
        assert np.abs(one - other).max() > 0.1
        np.testing.assert_allclose(mean, (one + other) / 2, atol=1e-3)


def test_the_mean_of_one_is_that_one() -> None:
    model = boundaries(1)
    assert mean_of_boundaries([model]) is model


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
