"""What a line model says of lines it has not seen: n-grams are counted once, models refitted on subsets of the rows.

The models are smaller than the shipped one and binary or one-against-the-rest, so that liblinear's dual coordinate
descent (Yu, Huang and Lin, 2011) fits one in a second or two. Figures compare parts of the corpus with each other;
those of the shipped line model differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from spamfilter.ngrams import NgramSettings
from training.char_table import build_char_table
from training.line_training import count_ngrams

__all__ = ["Experiment", "run_experiments", "threshold_at", "weigh_lines"]

_NGRAMS = NgramSettings((3, 4, 5), 17, 17)
_TOLERANCE = 0.5
"""A tenth of it takes twice as long; with Russian held out it moved no log-odds by more than .04, recall not at all."""
_LEAST_LINES = 3


@dataclass(frozen=True, slots=True)
class Experiment:
    """One fit of ``target`` on the rows ``train`` and its log-odds for the rows ``score``; both int64 indices."""

    target: NDArray[np.bool_]
    train: NDArray[np.int64]
    score: NDArray[np.int64]


def weigh_lines(texts: Sequence[str]) -> scipy.sparse.csr_matrix:
    """TF-IDF of the hashed n-grams of ``texts``, with the norm of the line model: CSR float64 (n, k)."""
    counts = count_ngrams(texts, build_char_table(), _NGRAMS)
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1
    norm = np.sqrt(np.maximum(counts @ np.rint(idf**2), 1))
    used = np.flatnonzero(frequency >= min(_LEAST_LINES, len(texts)))
    matrix = counts[:, used].astype(np.float64)
    matrix.data *= idf[used][matrix.indices]
    matrix.data /= np.repeat(norm, np.diff(matrix.indptr))
    return matrix


def _log_odds(
    matrix: scipy.sparse.csr_matrix, weights: NDArray[np.float64], experiment: Experiment
) -> NDArray[np.float64]:
    train, target = experiment.train, experiment.target[experiment.train]
    if target.all() or not target.any() or not len(experiment.score):
        return np.full(len(experiment.score), 30.0 if target.any() else -30.0)
    regression = LogisticRegression(C=10.0, solver="liblinear", dual=True, tol=_TOLERANCE, max_iter=300, random_state=0)
    regression.fit(matrix[train], target, sample_weight=weights[train])
    return np.asarray(regression.decision_function(matrix[experiment.score]), np.float64)


def run_experiments(
    matrix: scipy.sparse.csr_matrix, weights: NDArray[np.float64], experiments: Sequence[Experiment], *, jobs: int
) -> list[NDArray[np.float64]]:
    """Log-odds float64 (len(score),) of each experiment, in order.

    Args:
        matrix: as ``weigh_lines`` makes it.
        weights: float64 (n,), sample weights.
        experiments: where all rows of ``train`` agree on the target, the answer is a constant.
        jobs: processes; the result does not depend on it.
    """
    found: list[NDArray[np.float64]] = Parallel(n_jobs=jobs, mmap_mode="r")(
        delayed(_log_odds)(matrix, weights, experiment) for experiment in experiments
    )
    return found


def threshold_at(clean: NDArray[np.float64], rate: float) -> float:
    """The least log-odds that at most the share ``rate`` of the ``clean`` ones reach.

    Raises:
        ValueError: no clean line.
    """
    if not len(clean):
        raise ValueError("no clean line to set the threshold on")
    ranked = np.sort(clean)[::-1]
    return float(np.nextafter(ranked[min(int(rate * len(ranked)), len(ranked) - 1)], np.inf))
