"""What the experiments of the corpus report learn and what they keep apart, without fitting a model."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spamfilter import LABELS, Label
from training import corpus_measures
from training.corpus_lines import CorpusLines, label_number
from training.corpus_measures import Measures, _fold
from training.held_out import Experiment

TOPICS = {"casino": ("gambling",), "pharmacy": ("medicine",)}
Row = tuple[str, Label, str, str, str]
"""Text, label, language, topic, document."""


def corpus_lines(written: Sequence[Row], generated: Sequence[Row] = (), groups: Sequence[int] = ()) -> CorpusLines:
    """Written lines and generated ones; every third clean one sets thresholds.

    Args:
        groups: the first row of each row's group of near duplicates; all stand alone without them.
    """
    rows = [*written, *generated]
    texts, labels, languages, topics, documents = zip(*rows, strict=True)
    count, keys = len(rows), list(dict.fromkeys(documents))
    clean = np.array([label == Label.CLEAN for label in labels])
    return CorpusLines(
        texts=list(texts),
        labels=np.array([label_number(label) for label in labels]),
        languages=np.array(languages),
        topics=np.array(topics),
        places=[f"{document.partition('#')[0]}.txt:{number}" for number, document in enumerate(documents)],
        documents=np.array([keys.index(document) for document in documents]),
        document_keys=keys,
        written=np.arange(count) < len(written),
        generated=np.arange(count) >= len(written),
        phrases=np.zeros(count, np.bool_),
        for_threshold=clean & (np.arange(count) % 3 == 0),
        groups=np.array(groups) if len(groups) else np.arange(count),
    )


def many_lines() -> CorpusLines:
    """Two trades and clean text in two languages, many files; each line has near duplicates in all other parts."""
    rows: list[Row] = []
    groups: list[int] = []
    for language in ("de", "en"):
        for topic, label in (("casino", Label.SEO_INJECTION), ("pharmacy", Label.SEO_INJECTION), ("town", Label.CLEAN)):
            for number in range(60):
                document = f"{label}/{topic}-{number % 10}.{language}#{number}"
                rows.append((f"{topic} {number}", label, language, topic, document))
                groups.append(number if number < 20 else len(groups))
    return corpus_lines(rows, groups=groups)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[Experiment]:
    """The experiments that were run, in order; every line has the same odds."""
    ran: list[Experiment] = []

    def note(matrix: Any, weights: Any, experiments: Sequence[Experiment], *, jobs: int) -> list[NDArray[np.float64]]:
        ran.extend(experiments)
        return [np.zeros(len(one.score)) for one in experiments]

    monkeypatch.setattr(corpus_measures, "run_experiments", note)
    return ran


def measures_of(lines: CorpusLines) -> Measures:
    nothing: Any = None
    return Measures(lines, nothing, TOPICS, 1)


@pytest.mark.parametrize(
    "measure",
    [
        Measures.disagreements,
        Measures.known_recall,
        Measures.leave_one_trade_out,
        Measures.leave_one_language_out,
        Measures.learning_curve,
    ],
)
def test_nothing_is_learnt_that_is_measured_or_nearly_the_same(measure: Any, run: list[Experiment]) -> None:
    lines = many_lines()
    measure(measures_of(lines))
    spam = lines.labelled(Label.SEO_INJECTION)
    assert run
    for one in run:
        measured = one.score[spam[one.score]]
        # There is something to leave out besides the lines themselves.
        assert np.isin(np.delete(lines.groups, measured), lines.groups[measured]).any()
        assert not np.isin(lines.groups[one.train], lines.groups[measured]).any()
        assert spam[one.train].any()
        of_threshold = lines.groups[lines.for_threshold]
        assert not np.isin(lines.groups[one.train], of_threshold).any() or measure is Measures.disagreements


def test_a_trade_that_is_held_out_is_not_learnt_and_the_others_are(run: list[Experiment]) -> None:
    lines = many_lines()
    found = measures_of(lines).leave_one_trade_out()
    assert {one.name: one.lines for one in found} == {"gambling": 120, "medicine": 120}
    for topic, one in zip(("casino", "pharmacy"), run[:2], strict=True):
        assert set(lines.topics[one.train].tolist()) == {"casino", "pharmacy", "town"} - {topic}


def test_nothing_in_a_language_that_is_held_out_is_learnt_and_its_clean_lines_set_no_threshold(
    run: list[Experiment],
) -> None:
    lines = many_lines()
    found = measures_of(lines).leave_one_language_out()
    assert [(one.name, one.lines, one.clean_lines) for one in found] == [("de", 120, 60), ("en", 120, 60)]
    for own, other, one in zip(("de", "en"), ("en", "de"), run[:2], strict=True):
        assert set(lines.languages[one.train].tolist()) == {other}
        assert {str(topic) for topic in lines.topics[one.train]} == {"casino", "pharmacy", "town"}
        # Scored are its spam, what sets the threshold, and its clean lines, in this order.
        others = one.score[120:-60]
        assert len(others) == lines.for_threshold[lines.languages == other].sum()
        assert set(lines.languages[others].tolist()) == {other}
        assert set(lines.languages[one.score[:120]].tolist()) == {own}


def test_the_learning_curve_learns_a_quarter_half_and_all_of_the_spam_of_other_files(run: list[Experiment]) -> None:
    lines = many_lines()
    spam = lines.labelled(Label.SEO_INJECTION)
    quarter, half, whole = measures_of(lines).learning_curve()
    assert [one.share for one in (quarter, half, whole)] == [0.25, 0.5, 1.0]
    assert quarter.lines == pytest.approx(whole.lines / 4, rel=0.3)
    assert half.lines == pytest.approx(whole.lines / 2, rel=0.2)
    for few, some, every in zip(run[:4], run[4:8], run[8:], strict=True):
        learnt = [set(one.train[spam[one.train]].tolist()) for one in (few, some, every)]
        assert learnt[0] < learnt[1] < learnt[2]
        files = [{lines.file_of(row) for row in rows if spam[row]} for rows in (every.train, every.score)]
        assert files[0].isdisjoint(files[1])
        assert len({tuple(one.train[~spam[one.train]].tolist()) for one in (few, some, every)}) == 1
    assert sorted(row for one in run[8:] for row in one.score.tolist() if spam[row]) == np.flatnonzero(spam).tolist()


def test_neighbouring_pages_of_a_file_share_a_fold_and_patterns_of_a_file_do_not() -> None:
    assert len({_fold(f"seo_injection/casino.en#{number}") for number in range(25)}) == 1
    assert len({_fold(f"seo_injection/casino.en#{number}") for number in range(0, 500, 25)}) > 1
    assert len({_fold(f"generated/seo_injection/doorways.en#{number}") for number in range(25)}) > 1


def test_a_line_counts_as_a_candidate_error_if_another_label_is_likelier_than_for_lines_that_bear_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of spam that is told surely, an unsure line is no error, even where spam is what it is likeliest."""
    odds = {"sure": (-9, 9), "clean": (9, -9), "unsure": (0.0, 0.5), "mislabelled": (-20, 20)}
    rows: list[Row] = [
        (text, label, "en", "town", f"{label}/town.en#{number}")
        for number, (text, label) in enumerate(
            [
                *[("sure", Label.SEO_INJECTION), ("clean", Label.CLEAN)] * 20,
                ("unsure", Label.CLEAN),
                ("mislabelled", Label.CLEAN),
            ]
        )
    ]
    lines = corpus_lines(rows)

    def score(matrix: Any, weights: Any, experiments: Sequence[Experiment], *, jobs: int) -> list[NDArray[np.float64]]:
        columns = [label_number(Label.CLEAN), label_number(Label.SEO_INJECTION)]
        table = np.full((len(rows), len(LABELS)), -30.0)
        table[:, columns] = [odds[text] for text in lines.texts]
        return [table[one.score, number % len(LABELS)] for number, one in enumerate(experiments)]

    monkeypatch.setattr(corpus_measures, "run_experiments", score)
    (found,) = measures_of(lines).disagreements()
    assert (found.text, found.label, found.suggested) == ("mislabelled", "clean", "seo_injection")
    assert found.place == "clean/town.en.txt:41"
