"""Which lines the span stage may pass over."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from spamfilter.dense_model import DenseModel
from spamfilter.span_model import SpanCandidates
from tests.training.material import scored, silent_line_model
from training.documents import LabelledDocument, LabelledLine
from training.span_training import ScoredBatch
from training.suspicion_training import fit_suspicion, look_where_suspicious


@dataclass(frozen=True)
class SpanStandIn:
    """As much of a span model as it takes to say which lines are looked at."""

    suspicion: DenseModel | None = None

    def odds(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values[:, 0]


def a_stretch_a_line(part: ScoredBatch, odds: NDArray[np.float64]) -> SpanCandidates:
    first = part.tokens.line_tokens[part.features.lines] + 1
    return SpanCandidates(part.features.lines, first, first, odds[:, None])


def test_of_the_lines_of_pages_that_surely_hold_a_stretch_two_in_a_thousand_are_passed_over() -> None:
    random = np.random.default_rng(0)
    words = ["rye", "casino", "mill", "Best", "of", "bonus", "windmills", "1952", "-"]
    texts = [" ".join(random.choice(words, random.integers(1, 40))) for _ in range(1500)]
    pages = [
        LabelledDocument(f"a-{start}", "spun", "en", tuple(LabelledLine(text, "clean") for text in texts[start:][:10]))
        for start in range(0, len(texts), 10)
    ]
    (part,) = scored(pages)
    # Long lines hold one more often, so that there is something to learn, and much that cannot be known.
    chance = np.argsort(np.argsort([len(text) for text in texts])) + random.integers(0, 2000, len(texts))
    sure = np.zeros(len(texts), np.bool_)
    sure[np.argsort(-chance)[:1001]] = True
    found = a_stretch_a_line(part, np.where(sure, -1.0, -10.0))
    stand_in = cast("Any", SpanStandIn())
    one = part, silent_line_model(), found
    looked_at = look_where_suspicious(fit_suspicion(stand_in, [one]), one).lines
    assert sure.sum() - sure[looked_at].sum() == 2
    assert (~sure)[looked_at].sum() < (~sure).sum()


def test_without_any_stretch_on_a_page_there_is_nothing_to_learn() -> None:
    line = LabelledLine("The mill stands.", "clean")
    alone = LabelledDocument("a", "spun", "en", (line,))
    page = LabelledDocument("b", "spun", "en", (line, line))
    (part,) = scored([alone, page])
    found = a_stretch_a_line(part, np.array([5.0, -9.0, -9.0]))
    with pytest.raises(ValueError, match="no foreign stretch was found on any composed page"):
        fit_suspicion(cast("Any", SpanStandIn()), [(part, silent_line_model(), found)])
