"""Stage 1: packed weights, and logits that are exact sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spamfilter import LABELS, Label, Predictor
from spamfilter.line_model import (
    PAIR_LIMIT,
    SEGMENT_TOKENS,
    TOKEN_LIMIT,
    LineModel,
    clip_words,
    pack_fields,
    unpack_fields,
)
from spamfilter.ngrams import NgramSettings, pair_rows, part_rows, triple_rows
from spamfilter.text import encode_documents
from spamfilter.tokens import TokenBatch, tokenize
from tests.strategies import any_text
from training.char_table import build_char_table

TABLE = build_char_table()
SETTINGS = NgramSettings((3, 4), 10, 11)


def random_model(seed: int = 0) -> LineModel:
    """A model of random weights whose vocabulary knows nothing."""
    random = np.random.default_rng(seed)

    def fields(bits: int, limit: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        weights = random.integers(-limit, limit + 1, (1 << bits, 6))
        weights[:, 5] = random.integers(1, 200, 1 << bits)
        return pack_fields(weights)

    return LineModel(
        settings=SETTINGS,
        part_table=np.concatenate((fields(10, 300), np.zeros((1, 2), np.int64))),
        pair_table=fields(11, PAIR_LIMIT),
        vocabulary_hashes=np.array([1], np.uint32),
        vocabulary_words=np.zeros((1, 2), np.int64),
        scale=50.0,
        bias=np.array([-1.0, -2.0, -3.0, -4.0, -0.5]),
    )


def tokens_of(*texts: str) -> TokenBatch:
    return tokenize(encode_documents(texts, TABLE))


field_rows = st.lists(st.lists(st.integers(-(1 << 19), 1 << 19), min_size=6, max_size=6), min_size=1, max_size=8)


@given(field_rows)
def test_packed_fields_come_back_as_they_were(rows: list[list[int]]) -> None:
    fields = np.array(rows, np.int64)
    words = pack_fields(fields)
    assert (unpack_fields((words[:, 0], words[:, 1])) == fields).all()


@given(st.lists(st.lists(st.integers(-8191, 8191), min_size=6, max_size=6), min_size=1, max_size=SEGMENT_TOKENS))
def test_a_sum_of_packed_words_is_the_packed_sum(rows: list[list[int]]) -> None:
    fields = np.array(rows, np.int64)
    words = pack_fields(fields).sum(axis=0, keepdims=True)
    assert (unpack_fields((words[:, 0], words[:, 1])) == fields.sum(axis=0)).all()


def test_the_largest_weights_of_a_segment_fit_into_their_fields() -> None:
    most = (TOKEN_LIMIT + 2 * PAIR_LIMIT) * SEGMENT_TOKENS
    for value in (most, -most):
        words = pack_fields(np.full((1, 6), value))
        assert (unpack_fields((words[:, 0], words[:, 1])) == value).all()


@given(field_rows)
def test_clipping_limits_every_field_by_itself(rows: list[list[int]]) -> None:
    fields = np.array(rows, np.int64)
    clipped = clip_words(pack_fields(fields))
    assert (unpack_fields((clipped[:, 0], clipped[:, 1])) == np.clip(fields, -TOKEN_LIMIT, TOKEN_LIMIT)).all()


def logits_by_hand(model: LineModel, text: str) -> list[float]:
    """The formula of the module, n-gram by n-gram, for one line without a segment border."""
    tokens = tokens_of(text)
    inside = np.arange(len(tokens.kinds) - 1)  # the line end before the line and its tokens
    parts = unpack_fields((model.part_table[:, 0], model.part_table[:, 1]))
    pairs = unpack_fields((model.pair_table[:, 0], model.pair_table[:, 1]))
    places, rows = part_rows(tokens, inside, model.settings)
    sums = np.zeros(6, np.int64)
    for place in inside:
        sums += np.clip(parts[rows[places == place]].sum(axis=0), -TOKEN_LIMIT, TOKEN_LIMIT)
    sums += pairs[pair_rows(tokens, model.settings)].sum(axis=0)
    sums += pairs[triple_rows(tokens, model.settings)[1]].sum(axis=0)
    values = sums[:5] / (np.sqrt(max(int(sums[5]), 1)) * model.scale) + model.bias
    return [float(value) for value in values]


@pytest.mark.parametrize("text", ["casino bonus, now!", "你好 world 【", "a", "Straße, 12345 ไทย"])
def test_logits_are_weights_times_counts_over_the_norm_of_all_occurrences(text: str) -> None:
    model = random_model()
    assert model.score(tokens_of(text)).logits[0].tolist() == pytest.approx(logits_by_hand(model, text), abs=1e-12)


@given(st.lists(any_text, min_size=1, max_size=4))
def test_a_line_scores_the_same_alone_and_in_any_batch_to_the_bit(texts: list[str]) -> None:
    model = random_model()
    together = model.score(tokens_of(*texts))
    alone = [model.score(tokens_of(text)) for text in texts]
    assert (together.logits == np.concatenate([one.logits for one in alone])).all()
    assert (together.strongest == np.concatenate([one.strongest for one in alone])).all()


def test_a_long_line_has_the_logits_of_all_its_tokens_and_its_strongest_stretch_of_64_of_them() -> None:
    model = random_model()
    tokens = tokens_of("plain words of no weight " * 60 + "casino bonus " * 40 + "你好 and the rest " * 30)
    scores = model.score(tokens)
    fields = unpack_fields(scores.token_words)[:-1]
    stretches = [fields[first : first + SEGMENT_TOKENS].sum(axis=0) for first in range(0, len(fields), SEGMENT_TOKENS)]
    logits = [sums[0] / (np.sqrt(sums[5]) * model.scale) + model.bias[0] for sums in stretches]
    assert len(logits) > 5
    assert scores.strongest[0] == pytest.approx(max(logits))
    total = fields.sum(axis=0)
    assert scores.logits[0].tolist() == pytest.approx(total[:5] / (np.sqrt(total[5]) * model.scale) + model.bias)


def test_the_vocabulary_is_a_shortcut_with_the_same_result(predictor: Predictor) -> None:
    line = predictor.stages.line
    bare = LineModel(
        line.settings,
        line.part_table,
        line.pair_table,
        np.array([1], np.uint32),
        np.zeros((1, 2), np.int64),
        line.scale,
        line.bias,
    )
    batch = encode_documents(
        ["The council voted to repair the bridge.\nBest casino bonus, 你好 2024!"], predictor.stages.char_table
    )
    tokens = tokenize(batch)
    known = line.vocabulary_hashes[tokens.hashes >> np.uint32(33 - len(line.vocabulary_hashes).bit_length())]
    assert (known == tokens.hashes).mean() > 0.5
    # Line ends weigh nothing in the vocabulary; without it their part is looked up.
    inside = tokens.kinds != tokens.kinds[0]
    assert (line.token_words(tokens)[inside] == bare.token_words(tokens)[inside]).all()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Best online casino bonus, register now and claim 200 free spins!", Label.SEO_INJECTION),
        ("Link exchange welcome, PR 4 or more, please add my QQ", Label.LINK_EXCHANGE),
        ("{dede:field.body/}", Label.TEMPLATE_RESIDUE),
        ("Home | About us | Contact | Log in | Privacy policy", Label.BOILERPLATE),
    ],
)
def test_the_shipped_line_model_ranks_the_right_label_first(predictor: Predictor, text: str, label: Label) -> None:
    logits = predictor.stages.line.score(tokenize(encode_documents([text], predictor.stages.char_table))).logits[0]
    assert LABELS[1 + int(logits.argmax())] is label
    assert logits.max() > 0
