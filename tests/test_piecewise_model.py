"""Log-odds that bend at knots: how they are added up, told and fitted."""

import numpy as np

from spamfilter.piecewise_model import PiecewiseModel
from training.dense_training import fit_piecewise_model

MODEL = PiecewiseModel(
    names=("height", "width"),
    weights=np.array([2.0, -1.0]),
    bias=0.5,
    means=np.array([1.5, 0.0]),
    places=np.array([0, 0, 1]),
    knots=np.array([1.0, 2.0, -1.0]),
    bends=np.array([-3.0, 1.0, 4.0]),
)


def test_a_slope_changes_at_each_knot_that_a_number_has_passed() -> None:
    values = np.array([[0.0, -2.0], [1.5, -1.0], [3.0, 1.0]])
    # 0 + 2; 3 - 1.5 + 1; 6 - 6 + 1 - 1 + 8; and the bias.
    assert MODEL.odds(values).tolist() == [2.5, 3.0, 8.5]


def test_without_knots_the_model_is_linear() -> None:
    none = np.zeros(0)
    plain = PiecewiseModel(MODEL.names, MODEL.weights, 0.0, MODEL.means, none.astype(np.int64), none, none)
    assert plain.odds(np.array([[3.0, 1.0]])).tolist() == [5.0]
    assert plain.shares(np.array([3.0, 1.0])).tolist() == [3.0, -1.0]


def test_shares_add_up_to_the_distance_from_the_mean() -> None:
    values = np.array([3.0, 1.0])
    odds = MODEL.odds(np.stack((values, MODEL.means)))
    shares = MODEL.shares(values)
    assert shares.sum() == odds[0] - odds[1]
    # 2 * 1.5 for the slope, -3 * 1.5 and 1 * 1 for the knots that were passed on the way.
    assert shares[0] == 3.0 - 4.5 + 1.0


def test_a_fit_finds_what_no_line_could() -> None:
    """The class is where the first number is neither low nor high; the second says nothing, the third never changes."""
    rng = np.random.default_rng(3)
    values = np.column_stack([rng.integers(-1000, 1000, (4000, 2)) / 256, np.ones(4000)])
    truth = (np.abs(values[:, 0]) < 2).astype(np.int64)
    model = fit_piecewise_model(("a", "b", "c"), values, truth, np.ones(4000))
    assert ((model.odds(values) > 0) == truth).mean() > 0.9
    assert np.bincount(model.places, minlength=3).tolist() == [3, 3, 0]
    assert (model.knots * 256 == np.rint(model.knots * 256)).all()
    assert abs(model.shares(np.array([0.0, 3.0, 1.0]))[1]) < 0.5


def test_two_fits_on_the_same_rows_are_one_model() -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(-500, 500, (300, 2)) / 256
    truth = (values[:, 0] + rng.normal(size=300) > 0).astype(np.int64)
    first, second = (fit_piecewise_model(("a", "b"), values, truth, np.ones(300)) for _ in range(2))
    assert first.odds(values).tobytes() == second.odds(values).tobytes()
