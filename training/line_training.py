"""Fits the line model: TF-IDF over hashed n-grams and scikit-learn's multinomial logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from spamfilter.labels import LABELS
from spamfilter.line_model import PAIR_LIMIT, LineModel, pack_fields
from spamfilter.ngrams import NgramSettings, pair_rows, part_rows, triple_rows
from spamfilter.text import TextBatch, encode_documents
from spamfilter.tokens import KIND_LINE_END, TokenBatch, tokenize
from training.dense_training import one_quiet_thread

_BATCH_LINES = 2000


@dataclass(frozen=True, slots=True)
class LineTrainingSettings:
    """How the line model is fitted.

    Attributes:
        inverse_regularisation: ``C`` of scikit-learn's LogisticRegression.
        iterations: most steps of the L-BFGS solver.
        vocabulary_bits: the vocabulary has ``2 ** bits`` slots.
        least_lines: an n-gram row seen in fewer lines is left out.
    """

    inverse_regularisation: float = 10.0
    iterations: int = 25
    vocabulary_bits: int = 18
    least_lines: int = 2


def encode_lines(lines: Sequence[str], char_table: NDArray[np.uint32]) -> tuple[TextBatch, TokenBatch]:
    """Encode ``lines`` as the lines of one batch; line ends inside a line become spaces."""
    batch = encode_documents([line.replace("\r", " ").replace("\n", " ") + "\n" for line in lines], char_table)
    return batch, tokenize(batch)


def count_ngrams(
    lines: Sequence[str], char_table: NDArray[np.uint32], settings: NgramSettings
) -> scipy.sparse.csr_matrix:
    """Count the n-grams of each line: CSR float32 (lines, 2 ** part_bits + 2 ** pair_bits)."""
    owners, columns = [], []
    offset = 1 << settings.part_bits
    for first in range(0, len(lines), _BATCH_LINES):
        _, tokens = encode_lines(lines[first : first + _BATCH_LINES], char_table)
        line_of = tokens.token_lines + first
        which = np.flatnonzero(tokens.kinds[:-1] != KIND_LINE_END)
        places, rows = part_rows(tokens, which, settings)
        # Token ``i`` stands in ``line_of[i - 1]``; the pair that begins at token ``i`` in ``line_of[i]``.
        owners.append(line_of[which[places] - 1])
        columns.append(rows)
        owners.append(line_of)
        columns.append(pair_rows(tokens, settings) + offset)
        middles, rows = triple_rows(tokens, settings)
        owners.append(line_of[middles - 1])
        columns.append(rows + offset)
    owner, column = np.concatenate(owners), np.concatenate(columns)
    shape = (len(lines), offset + (1 << settings.pair_bits))
    matrix = scipy.sparse.csr_matrix((np.ones(len(owner), np.float32), (owner, column)), shape=shape)
    matrix.sum_duplicates()
    return matrix


def fit_line_model(
    lines: Sequence[str],
    counts: scipy.sparse.csr_matrix,
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    char_table: NDArray[np.uint32],
    ngrams: NgramSettings,
    settings: LineTrainingSettings,
) -> LineModel:
    """Fit the line model.

    Args:
        lines: texts; used for the vocabulary.
        counts: n-gram counts of ``lines`` as ``count_ngrams`` makes them.
        labels: int64 (n,), index into ``LABELS``; every label must occur.
        weights: float64 (n,), sample weights.

    Raises:
        ValueError: a label has no line.
    """
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1
    idf_squared = np.rint(idf**2)
    used = np.flatnonzero(frequency >= settings.least_lines)
    norm = np.sqrt(np.maximum(counts @ idf_squared, 1))
    matrix = counts[:, used].astype(np.float32)
    matrix.data *= idf[used].astype(np.float32)[matrix.indices]
    matrix.data /= np.repeat(norm, np.diff(matrix.indptr)).astype(np.float32)
    regression = _fit_regression(matrix, labels, weights, settings)
    relative = (regression.coef_[1:] - regression.coef_[0]).astype(np.float64) * idf[used]
    scale = PAIR_LIMIT / float(np.quantile(np.abs(relative).max(axis=0), 0.9995))
    fields = np.zeros((counts.shape[1], 6), np.int64)
    fields[used, :5] = np.clip(np.rint(relative.T * scale), -PAIR_LIMIT, PAIR_LIMIT)
    fields[:, 5] = idf_squared
    packed = pack_fields(fields)
    parts = 1 << ngrams.part_bits
    model = LineModel(
        settings=ngrams,
        part_table=np.concatenate((packed[:parts], np.zeros((1, 2), np.int64))),
        pair_table=packed[parts:].copy(),
        vocabulary_hashes=np.zeros(1, np.uint32),
        vocabulary_words=np.zeros((1, 2), np.int64),
        scale=scale,
        bias=(regression.intercept_[1:] - regression.intercept_[0]).astype(np.float64),
    )
    hashes, words = _build_vocabulary(model, lines, char_table, settings.vocabulary_bits)
    return LineModel(ngrams, model.part_table, model.pair_table, hashes, words, scale, model.bias)


def _fit_regression(
    matrix: scipy.sparse.csr_matrix,
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    settings: LineTrainingSettings,
) -> LogisticRegression:
    """Fit the multinomial regression, starting from one regression a label against the rest.

    The dual coordinate descent of LIBLINEAR (Yu, Huang and Lin, 2011) gets near the optimum in seconds, where
    L-BFGS from zero needs hundreds of steps.
    """
    missing = [label.value for number, label in enumerate(LABELS) if not (labels == number).any()]
    if missing:
        raise ValueError(
            f"no line is labelled {', '.join(missing)}, in the data or in what is left of it when a fold is held out; "
            "give more lines, in more files or pages"
        )
    regression = LogisticRegression(
        C=settings.inverse_regularisation, max_iter=settings.iterations, tol=1e-4, solver="lbfgs", warm_start=True
    )
    coefficients, intercepts = [], []
    for number in range(len(LABELS)):
        one = LogisticRegression(
            C=settings.inverse_regularisation, solver="liblinear", dual=True, tol=0.05, max_iter=50, random_state=0
        )
        with one_quiet_thread():
            one.fit(matrix, labels == number, sample_weight=weights)
        coefficients.append(one.coef_[0])
        intercepts.append(one.intercept_[0])
    regression.coef_ = np.array(coefficients)
    regression.intercept_ = np.array(intercepts)
    regression.classes_ = np.arange(len(LABELS))
    with one_quiet_thread():
        regression.fit(matrix, labels, sample_weight=weights)
    return regression


def _build_vocabulary(
    model: LineModel, lines: Sequence[str], char_table: NDArray[np.uint32], bits: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The most frequent token of each slot with the sum of its parts; line ends weigh nothing."""
    hashes: list[NDArray[np.uint32]] = []
    words: list[NDArray[np.int64]] = []
    for first in range(0, len(lines), _BATCH_LINES):
        _, tokens = encode_lines(lines[first : first + _BATCH_LINES], char_table)
        line_end = tokens.hashes[0]
        _, which = np.unique(tokens.hashes, return_index=True)
        counts = np.bincount(np.searchsorted(tokens.hashes[which], tokens.hashes), minlength=len(which))
        computed = model.part_words(tokens, which)
        computed[tokens.kinds[which] == KIND_LINE_END] = 0
        hashes.append(tokens.hashes[which])
        words.append(np.column_stack([computed, counts]))
    all_hashes, all_words = np.concatenate(hashes), np.concatenate(words)
    unique, index, inverse = np.unique(all_hashes, return_index=True, return_inverse=True)
    total = np.bincount(inverse, weights=all_words[:, 2])
    total[unique == line_end] = np.inf
    slots = (unique >> np.uint32(32 - bits)).astype(np.int64)
    order = np.lexsort((unique, -total, slots))
    first_of_slot = order[np.unique(slots[order], return_index=True)[1]]
    table_hashes = np.zeros(1 << bits, np.uint32)
    table_words = np.zeros((1 << bits, 2), np.int64)
    table_hashes[slots[first_of_slot]] = unique[first_of_slot]
    table_words[slots[first_of_slot]] = all_words[index[first_of_slot], :2]
    # An empty slot must not match the token whose hash is zero.
    empty = np.setdiff1d(np.arange(1 << bits), slots[first_of_slot])
    table_hashes[empty] = np.uint32(1 << (32 - bits)) * (empty == 0)
    return table_hashes, table_words
