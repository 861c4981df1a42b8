"""What the phrase model learns from is what it is asked about."""

from typing import Any, cast

import numpy as np
import pytest
import scipy.sparse

from spamfilter.span_description import with_phrases
from spamfilter.span_phrases import PHRASE_BITS, PhraseModel, content_rows, edge_rows
from spamfilter.span_tokens import NUMERIC_COUNT, SPAN_BITS, cut_pieces
from spamfilter.text import encode_documents
from spamfilter.tokens import tokenize
from tests.training.material import scored, silent_line_model
from training.char_table import build_char_table
from training.documents import LabelledDocument, LabelledLine
from training.phrase_training import Proposals, gold_in_pieces, overlap_with, phrase_matrix, phrase_scores, propose
from training.span_training import ScoredBatch, _boundary_model


def test_the_inputs_of_training_give_the_scores_of_serving() -> None:
    batch = encode_documents(["the mill, Garden Hoses Archives grinds rye\n磨坊 garden hoses 栄養"], build_char_table())
    pieces = cut_pieces(batch, tokenize(batch), np.arange(2))
    free = np.flatnonzero(pieces.free)
    first, last = (edges.ravel() for edges in np.meshgrid(free, free))
    inside = (first <= last) & (pieces.numbers[first] == pieces.numbers[last])
    first, last = first[inside], last[inside]
    table = np.random.default_rng(0).integers(-1000, 1000, (2, 1 << PHRASE_BITS), dtype=np.int32)
    model = PhraseModel(table, 100.0, 0.5)
    matrix = phrase_matrix(content_rows(batch, pieces), edge_rows(pieces, first, last), first, last)
    own, served = model.score(pieces, model.content_sums(batch, pieces), first, last)
    np.testing.assert_allclose(matrix @ (table.ravel() / 100.0) + 0.5, served, rtol=1e-5, atol=1e-5)
    trained = phrase_scores(model, proposals_of(matrix))
    np.testing.assert_allclose(trained, (own, served), rtol=1e-5, atol=1e-5)


def test_a_phrase_across_two_pieces_is_a_whole_one_in_each() -> None:
    words = [f"word{number}" for number in range(260)]
    start = len(" ".join(words[:190])) + 1
    line = LabelledLine(" ".join(words), "seo_injection", ((start, start + len(" ".join(words[190:210]))),))
    batch = encode_documents([line.text], build_char_table())
    tokens, nothing = tokenize(batch), cast("Any", None)
    scored = ScoredBatch([LabelledDocument("a", "lines", "en", (line,))], batch, tokens, nothing, nothing)
    pieces = cut_pieces(batch, tokens, np.array([0]))
    gold = gold_in_pieces(scored, pieces)
    first, last = np.array([np.flatnonzero((gold > 0) & (pieces.numbers == piece))[[0, -1]] for piece in (0, 1)]).T
    assert (last - first + 1).sum() == 20
    assert overlap_with(gold, first, last).tolist() == [1.0, 1.0]


def test_a_proposed_stretch_has_the_weight_of_its_document() -> None:
    line = LabelledLine("The mill was repaired in spring.", "clean")
    documents = [
        LabelledDocument("1", "body", "en", (line, line)),
        LabelledDocument("2", "line", "en", (line,)),
        LabelledDocument("3", "twin", "en", (line,)),
    ]
    weights = np.zeros((1 << SPAN_BITS, 3))
    weights[0] = 1.0
    finds_all = _boundary_model(weights, np.zeros((NUMERIC_COUNT, 3)), np.ones(3))
    (part,) = scored(documents)
    proposed = propose(finds_all, silent_line_model(), part, (0,))
    assert proposed is not None
    lines = part.tokens.line_tokens.searchsorted(proposed.first) - 1
    found = {(number, weight) for number, weight in zip(lines.tolist(), proposed.weights.tolist(), strict=True)}
    assert found == {(0, 1.0), (1, 1.0), (2, 0.3), (3, 3.0)}


def proposals_of(rows: scipy.sparse.csr_matrix) -> Proposals:
    """Stretches of which only the inputs of the phrase model are known."""
    count = rows.shape[0]
    numbers, places = np.zeros(count), np.zeros(count, np.int64)
    return Proposals(np.zeros((count, 0)), rows, places, places, places, numbers, numbers, numbers)


def test_phrase_numbers_are_replaced_as_they_would_have_been_computed() -> None:
    names = ("share of what stands around", "spam logit of the stretch", "spam logit of the rest", *"abcdef")
    values = np.array([[0.5, 4.0, -2.0, *[9.0] * 6]])
    changed = with_phrases(values, names, (np.array([3.0]), np.array([-1.001])))
    # -1.001 rounds to -256 / 256; -4.004 to -1025 / 256.
    assert changed.tolist() == [[0.5, 4.0, -2.0, -1.0, 0.0, 3.0, 1.5, -6.0, -1025 / 256]]
    assert values[0, 3] == 9.0


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (2, 4, 1.0),
        (2, 3, 2 / 3),
        (0, 4, 0.6),
        (5, 6, 0.0),
        (4, 8, 0.2),
        (8, 8, 1.0),
        (7, 9, 1 / 3),
        (9, 9, 0.0),
        (3, 8, 2 / 7),
    ],
)
def test_overlap_is_that_with_the_phrase_that_a_stretch_shares_most_with(
    first: int, last: int, expected: float
) -> None:
    #               0  1  2  3  4  5  6  7  8  9
    gold = np.array([0, 0, 2, 1, 3, 0, 0, 0, 4, 0])
    assert overlap_with(gold, np.array([first]), np.array([last]))[0] == pytest.approx(expected)


def test_phrases_that_touch_are_two() -> None:
    gold = np.array([0, 2, 1, 4, 2, 1, 2, 3, 0])
    first, last = np.array([1, 3, 4, 6, 1]), np.array([2, 3, 5, 7, 7])
    assert overlap_with(gold, first, last).tolist() == [1, 1, 1, 1, 2 / 7]


def test_without_a_phrase_nothing_overlaps() -> None:
    assert overlap_with(np.zeros(4, np.int64), np.array([0, 1]), np.array([1, 3])).tolist() == [0.0, 0.0]
