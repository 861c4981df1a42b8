"""Two judges of stretches, by the script of the text around."""

import numpy as np
from numpy.typing import NDArray

from spamfilter.piecewise_model import PiecewiseModel
from spamfilter.span_description import CANDIDATE_NAMES
from spamfilter.span_judges import SOLO_SHARE, SpanJudges, is_solo
from training.phrase_training import fit_judges

SHARE = CANDIDATE_NAMES.index("letters without spaces")


def constant(odds: float) -> PiecewiseModel:
    none, zeros = np.zeros(0), np.zeros(len(CANDIDATE_NAMES))
    return PiecewiseModel(CANDIDATE_NAMES, zeros, odds, zeros, none.astype(np.int64), none, none)


def stretches(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.zeros((len(shares), len(CANDIDATE_NAMES)))
    values[:, SHARE] = shares
    return values


def test_the_script_around_a_stretch_says_which_judge_is_asked() -> None:
    judges = SpanJudges(spaced=constant(-1.0), solo=constant(2.0))
    values = stretches(np.array([0.0, SOLO_SHARE - 1 / 256, SOLO_SHARE, 1.0]))
    assert judges.odds(values).tolist() == [-1.0, -1.0, 2.0, 2.0]
    assert [judges.judge_of(row).bias for row in values] == [-1.0, -1.0, 2.0, 2.0]


def test_judges_of_other_numbers_are_not_for_the_kernel() -> None:
    none = np.zeros(0)
    other = PiecewiseModel(("height",), np.zeros(1), 0.0, np.zeros(1), none.astype(np.int64), none, none)
    assert SpanJudges(constant(0.0), constant(0.0)).tables() is not None
    assert SpanJudges(constant(0.0), other).tables() is None


def examples(solo_count: int) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Phrases are long in text with spaces, and short in scripts without."""
    rng = np.random.default_rng(5)
    values = stretches(np.repeat([0.0, 1.0], [2000, solo_count]))
    tokens = CANDIDATE_NAMES.index("tokens")
    values[:, tokens] = rng.integers(0, 1024, len(values)) / 256
    truth = ((values[:, tokens] > 2) ^ is_solo(values)).astype(np.int64)
    return values, truth, np.ones(len(values))


def test_each_judge_learns_from_its_own_scripts() -> None:
    values, truth, weights = examples(2000)
    judges = fit_judges(values, truth, weights)
    assert ((judges.odds(values) > 0) == truth).mean() > 0.98
    assert ((judges.spaced.odds(values) > 0) == truth)[is_solo(values)].mean() < 0.1


def test_few_stretches_of_one_kind_of_script_make_no_judge_of_their_own() -> None:
    judges = fit_judges(*examples(60))
    assert judges.spaced is judges.solo
