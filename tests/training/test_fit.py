"""Documents are dealt into folds, and each model is fitted on those and with the weights that it should be."""

from collections import Counter
from typing import Any

import pytest

from spamfilter import LABELS
from tests.training.material import char_table
from training import fit
from training.documents import LabelledDocument, LabelledLine
from training.fit import FitSettings, _fit_lines, _without_each, fit_lines_of, fold_of

Learnt = dict[str, tuple[str, float]]
"""Text -> label and weight of the lines that a line model was fitted on."""


def fold(document_id: str, source: str = "lines") -> int:
    return fold_of(LabelledDocument(document_id, source, "en", ()), 1000, 0)


@pytest.mark.parametrize("file", ["mine.tsv", "my#1.tsv"])
def test_eight_numbered_neighbours_of_a_file_share_a_fold(file: str) -> None:
    assert len({fold(f"{file}#{number}") for number in range(8)}) == 1
    assert len({fold(f"{file}#{number}") for number in range(0, 80, 8)}) == 10


@pytest.mark.parametrize("name", ["²", "9" * 5000, "page 3", "", "\ud800", "https://a/0"])
def test_a_document_that_has_a_name_and_no_number_is_dealt_by_itself(name: str) -> None:
    others = (f"mine.jsonl#{name} of another", f"yours.jsonl#{name}", "mine.jsonl")
    assert fold(f"mine.jsonl#{name}") not in map(fold, others)


def test_half_of_a_surrogate_pair_in_a_name_does_not_end_the_training() -> None:
    assert 0 <= fold("\ud800") < 1000


def test_a_treebank_stays_whole_and_pages_of_the_benchmark_do_not() -> None:
    assert len({fold(f"ud-train-{number:04d}", "UD_Free") for number in range(50)}) == 1
    assert fold("ud-train-0000", "UD_Free") != fold("ud-train-0000", "UD_Bound")
    assert len({fold(f"wcxb-{number:04d}", "wcxb") for number in range(50)}) > 40


def a_page(topic: str, source: str, *lines: LabelledLine) -> LabelledDocument:
    return LabelledDocument(f"seo_injection/{topic}.en#0", source, "en", lines, topic)


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> list[Learnt]:
    """What each line model is fitted on, in order; no model is fitted."""
    fits: list[Learnt] = []

    def note(texts: list[str], counts: Any, labels: Any, weights: Any, *_: object) -> Learnt:
        assert counts.shape[0] == len(texts) == len(labels) == len(weights)
        names = [LABELS[number].value for number in labels.tolist()]
        fits.append(dict(zip(texts, zip(names, weights.tolist(), strict=True), strict=True)))
        return fits[-1]

    monkeypatch.setattr(fit, "fit_line_model", note)
    return fits


def test_the_line_model_of_a_fold_has_seen_no_line_of_it_and_the_last_one_has_seen_all(learnt: list[Learnt]) -> None:
    lines = [LabelledLine(f"line {number}", LABELS[number % len(LABELS)].value) for number in range(30)]
    documents = [a_page(f"mill-{number}", "lines", line) for number, line in enumerate(lines)]
    settings = FitSettings(jobs=1)
    dealt = {one.lines[0].text: fold_of(one, settings.folds, settings.seed) for one in documents}
    assert set(dealt.values()) == {0, 1, 2}
    models: list[Any] = list(_fit_lines(documents, char_table(), settings, lambda _: None))
    assert models == learnt
    everything = {line.text: (line.label, settings.corpus_weight) for line in lines}
    others = [{text: one for text, one in everything.items() if dealt[text] != number} for number in range(3)]
    assert models == [*others, everything]


def test_what_is_learnt_for_a_fold_is_that_of_the_others_and_in_the_end_all() -> None:
    assert _without_each([["a", "b"], ["c"], []]) == [["c"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c"]]


def test_lines_weigh_what_the_settings_say_and_splices_are_not_learnt_as_lines(learnt: list[Learnt]) -> None:
    settings = FitSettings(corpus_weight=5.0, generated_weight=3.0, title_weight=0.125, clean_share=1.0)
    spam = "seo_injection"
    fit_lines_of(
        [
            a_page("casino", "lines", LabelledLine("written", spam), LabelledLine("menu", None)),
            a_page("casino", "lines", LabelledLine("the best casino mill", spam, ((4, 15),))),
            a_page("casino-phrases", "lines", LabelledLine("phrase", spam)),
            a_page("splice-brands-phrases", "lines", LabelledLine("only spliced", spam)),
            a_page("archive-titles-phrases", "lines", LabelledLine("title", spam)),
            a_page("shop-names-phrases", "lines", LabelledLine("name", spam)),
            a_page("doorways", "generated", *(LabelledLine(f"one of {number}", spam) for number in range(12))),
            a_page("doorways", "generated", LabelledLine("one of one", spam)),
            a_page("article", "wcxb", LabelledLine("public", "clean"), LabelledLine("public", "clean")),
        ],
        char_table(),
        settings,
    )
    assert learnt == [
        {
            "written": (spam, 5.0),
            "phrase": (spam, 5.0),
            "title": (spam, 0.125),
            "name": (spam, 0.125),
            **{f"one of {number}": (spam, 0.25) for number in range(12)},
            "one of one": (spam, 1.0),
            "public": ("clean", 1.0),
        }
    ]


def test_lines_of_the_benchmark_are_thinned_out_by_label(learnt: list[Learnt]) -> None:
    labels = ("boilerplate", "clean", "headline_list")
    lines = [LabelledLine(f"{label} {number}", label) for label in labels for number in range(1000)]
    page = a_page("article", "wcxb", *lines)
    fit_lines_of([page], char_table(), FitSettings(boilerplate_share=0.25, clean_share=0.75))
    counts = Counter(label for label, _ in learnt[0].values())
    assert counts["boilerplate"] == pytest.approx(250, abs=40)
    assert counts["clean"] == pytest.approx(750, abs=40)
    assert counts["headline_list"] == 1000
