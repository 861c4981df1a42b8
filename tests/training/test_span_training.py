"""Where phrases stand in tokens, and which stretches count as found."""

from typing import Any, cast

import numpy as np
import pytest

from spamfilter.span_model import SpanCandidates
from spamfilter.text import encode_documents
from spamfilter.tokens import tokenize
from tests.training.material import char_table
from training.documents import LabelledDocument, LabelledLine
from training.span_training import ScoredBatch, document_text, gold_tokens, label_candidates

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
