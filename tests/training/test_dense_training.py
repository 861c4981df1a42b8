"""Fits on dense numbers."""

import numpy as np

from spamfilter.dense_model import DenseModel
from training.dense_training import match_frequencies


def test_the_mean_probability_of_each_label_comes_to_be_its_frequency() -> None:
    """Whatever prior odds the weights of the fit have left in the bias."""
    random = np.random.default_rng(0)
    values, labels = random.integers(-256, 256, (600, 2)) / 256, random.choice(3, 600, p=(0.7, 0.25, 0.05))
    model = DenseModel(("a", "b"), random.integers(-9, 9, (2, 3)) / 8, np.array([0.0, 3.0, -1.0]), np.zeros(2))

    def mean_probabilities(one: DenseModel) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        shown = np.exp(one.logits(values))
        return np.asarray((shown / shown.sum(axis=1, keepdims=True)).mean(axis=0))

    frequencies = np.bincount(labels) / 600
    assert np.abs(mean_probabilities(model) - frequencies).max() > 0.3
    matched = match_frequencies(model, values @ model.weights, labels)
    assert np.abs(mean_probabilities(matched) - frequencies).max() < 1e-4
    assert (matched.weights == model.weights).all()
