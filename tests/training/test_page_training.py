"""What the models of pages are fitted on, and what is added to them by hand."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from spamfilter import LABELS
from spamfilter.dense_model import DenseModel
from spamfilter.span_page import SPAN_PAGE_NAMES
from tests.training.material import scored
from training import page_training
from training.documents import LabelledDocument, LabelledLine
from training.page_training import (
    _AMONG_SPAM_WEIGHT,
    _INTRUDER_WEIGHT,
    _REAL_PAGE_WEIGHT,
    _SPAM_PAGE_WEIGHT,
    context_lines,
    context_sample,
    fit_levelled_span_pages,
    kind_of,
    kinds_of,
)


def document(source: str, *lines: LabelledLine, spam: bool | None = None) -> LabelledDocument:
    return LabelledDocument(f"a {source}", source, "en", lines, None, spam)


def test_lines_with_a_phrase_spliced_in_and_those_without_a_label_are_not_learnt_as_lines() -> None:
    lines = (
        LabelledLine("The mill stands.", "clean"),
        LabelledLine("", "clean"),
        LabelledLine("The mill best casino grinds.", "seo_injection", ((9, 20),)),
        LabelledLine("Best casino bonus!", "seo_injection"),
        LabelledLine("It grinds rye.", None),
    )
    (part,) = scored([document("spun", *lines)])
    labels = [LABELS[number].value if number >= 0 else None for number in context_lines(part).labels.tolist()]
    assert labels == ["clean", None, "seo_injection", None]


def test_lines_that_are_few_or_real_weigh_more_and_half_of_the_ordinary_ones_stand_for_all() -> None:
    both = [LabelledLine("Best casino bonus!", "seo_injection"), LabelledLine("The mill stands.", "clean")] * 100
    sources = ("spun", "spam", "intruded", "spam thread", "wcxb")
    parts = [context_lines(part) for source in sources for part in scored([document(source, *both)])]
    labels = np.concatenate([part.labels for part in parts])
    # As if nobody knew the label of the last line of each page.
    known = np.flatnonzero(np.arange(len(labels)) % 200 < 199)
    chosen, weights = context_sample(labels, np.concatenate([part.sources for part in parts]), known, seed=0)
    flagged = labels[chosen] > 0
    assert set(chosen.tolist()) <= set(known.tolist())
    assert flagged.sum() == 500
    assert 200 < (~flagged).sum() < 300
    found = {
        source: [set(weights[(chosen // 200 == number) & rows].tolist()) for rows in (flagged, ~flagged)]
        for number, source in enumerate(sources)
    }
    assert found == {
        "spun": [{1.0}, {2.0}],
        "spam": [{_SPAM_PAGE_WEIGHT}, {2.0}],
        "intruded": [{_INTRUDER_WEIGHT}, {2.0}],
        "spam thread": [{1.0}, {2 * _AMONG_SPAM_WEIGHT}],
        "wcxb": [{_REAL_PAGE_WEIGHT}, {2 * _REAL_PAGE_WEIGHT}],
    }
    assert min(_SPAM_PAGE_WEIGHT, _INTRUDER_WEIGHT, _AMONG_SPAM_WEIGHT, _REAL_PAGE_WEIGHT) > 1


@dataclass(frozen=True)
class SpanStandIn:
    """As much of a span model as the page is fitted to."""

    page: DenseModel


@pytest.mark.parametrize("shift", [1.25, -0.5])
def test_stretches_of_lone_lines_are_shifted_by_what_levels_them_and_no_others(
    shift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(SPAN_PAGE_NAMES)
    page = DenseModel(SPAN_PAGE_NAMES, np.full((count, 2), 0.5), np.zeros(2), np.zeros(count))
    monkeypatch.setattr(page_training, "fit_span_pages", lambda model, _: model)
    monkeypatch.setattr(page_training, "level_lone_lines", lambda *_: shift)
    model = cast("Any", SpanStandIn(page))
    levelled = fit_levelled_span_pages(model, []).page
    alone, among_others = np.ones((2, count))
    among_others[SPAN_PAGE_NAMES.index("the only line")] = 0
    rows = np.stack((alone, among_others))
    assert (levelled.logits(rows) - page.logits(rows)).tolist() == [[0, shift], [0, 0]]


@pytest.mark.parametrize(
    ("source", "spam", "kind"),
    [
        ("spun", True, 2),
        ("spun", None, 1),
        ("spun", False, 0),
        ("spam", True, 3),
        ("thread", None, 1),
        ("hacked", None, 1),
        ("splice", None, 1),
        ("body", False, 0),
        ("line", None, 0),
        ("lines", None, None),
        ("intruded", None, None),
    ],
)
def test_a_page_is_learnt_as_what_it_was_composed_for(source: str, spam: bool | None, kind: int | None) -> None:
    assert kind_of(document(source, spam=spam)) == kind


def test_pages_without_a_line_are_of_no_kind() -> None:
    mill, blank = LabelledLine("The mill stands.", "clean"), LabelledLine(" ", "clean")
    pages = [document("wcxb", mill, spam=False), document("wcxb", spam=False), document("wcxb", blank, spam=False)]
    assert kinds_of([*scored(pages), *scored([document("spam", mill, spam=True)])]).tolist() == [0, -1, -1, 3]
