"""The compiled kernel against numpy, to the bit: room by room, and whole predictions."""

import ctypes
import dataclasses
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ctypes import addressof
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spamfilter import Predictor, kernel, text
from spamfilter.operating_points import DECISIONS, OperatingPoints
from spamfilter.pipeline import document_scores, score_batch, score_documents
from spamfilter.scores import decide
from spamfilter.span_model import SpanModel, find_candidates
from spamfilter.span_tokens import PIECE_TOKENS
from spamfilter.text import encode_documents
from spamfilter.tokens import tokenize
from tests.kernel_twins import (
    Inputs,
    arrays_in,
    assert_same,
    line_model_of,
    needs_kernel,
    span_model_of,
    stages_of,
    turned,
)
from tests.strategies import AWKWARD, any_text

ROOT = Path(__file__).parent.parent


def encoding(inputs: Inputs) -> Any:
    return encode_documents(inputs.texts, inputs.stages.char_table)


def tokens_of(inputs: Inputs) -> Any:
    return tokenize(inputs.batch)


def weights_of_tokens(inputs: Inputs) -> Any:
    return inputs.stages.line.token_words(inputs.tokens)


def scores_of_lines(inputs: Inputs) -> Any:
    scores = inputs.stages.line.score(inputs.tokens)
    return scores.logits, scores.strongest, scores.sums, scores.token_words


def decisions(inputs: Inputs) -> Any:
    scores = document_scores(inputs.scores)
    return [decide(scores, POINTS, rate) for rate in (0.1, 0.01, 0.001)]


def scores_of_documents(inputs: Inputs) -> Any:
    return score_documents(inputs.stages, inputs.texts)


def stretches_of_all_lines(inputs: Inputs) -> Any:
    return candidates_of(inputs, inputs.stages.span)


def candidates_of(inputs: Inputs, model: SpanModel) -> Any:
    words, page = inputs.line.token_words, inputs.page
    return find_candidates(model, inputs.stages.line, inputs.batch, inputs.tokens, words, page.words, page.lines)


ROOMS = (
    *(encoding, tokens_of, weights_of_tokens, scores_of_lines, stretches_of_all_lines),
    *(scores_of_documents, decisions),
)

POINTS = OperatingPoints((0.1, 0.01, 0.001), dict.fromkeys(DECISIONS, (-1.0, 0.5, 3.0)), boilerplate=-0.5)
long_words = st.builds(lambda letter, count: letter * count, st.sampled_from("aZй9你."), st.integers(30, 70))
pieces_of_text = st.one_of(st.sampled_from(AWKWARD), long_words, any_text)
documents = st.lists(st.lists(pieces_of_text, max_size=20).map("".join), min_size=1, max_size=4)
LONG = [
    "Best online casino bonus, claim 200 free spins now! " * 400,
    ("The mill by the river grinds flour for five villages. " * 3 + "\n") * 40 + "x" * 5000 + "\r\n" + "水の" * 3000,
    "\n".join(["Home", "", "  ", "About us \u200b| Contact"] * 60) + "\r",
    "\n" + ("a " * PIECE_TOKENS + "\n") * 3 + "a " * (PIECE_TOKENS + 1) + "\r\n\r\n" + "。" * 4100,
    "\n".join("a" * width for limit in (15, 25, 60, 100, 150, 400) for width in (limit - 1, limit, limit + 1)),
]
"""Lines of several segments and pieces, words across blocks, more tokens than a count can hold, widths at limits."""


@pytest.fixture(scope="module")
def pages() -> list[str]:
    examples = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.txt"))]
    fixed = (ROOT / "benchmarks" / "fixed_pages.txt").read_text(encoding="utf-8").split("=====\n")
    return [*examples, *fixed]


@needs_kernel
@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.__name__)
def test_a_room_gives_the_same_bits_on_pages(
    room: Callable[[Inputs], Any], predictor: Predictor, pages: list[str]
) -> None:
    for texts in (pages, LONG, *([page] for page in pages[:4])):
        inputs = Inputs.of(predictor.stages, texts)
        assert_same(room.__name__, partial(room, inputs))


@needs_kernel
@given(texts=documents)
@example(texts=[""])
@example(texts=["", "\n", "\r", "\n", "x\r", "\r\n"])
@example(texts=["\u200b", "\ud800\x00\udfff", "\u200b\r\n\u0301\n"])
@settings(max_examples=150, deadline=None)
def test_all_rooms_give_the_same_bits_on_any_text(predictor: Predictor, texts: list[str]) -> None:
    inputs = Inputs.of(predictor.stages, texts)
    for room in ROOMS:
        assert_same(room.__name__, partial(room, inputs))


@needs_kernel
@given(texts=documents, seed=st.integers(0, 7))
@settings(max_examples=150, deadline=None)
@example(texts=[], seed=0)
def test_any_models_give_the_same_scores(predictor: Predictor, texts: list[str], seed: int) -> None:
    stages = stages_of(seed, predictor.stages)
    assert stages.tables is not None
    assert_same("score_documents", lambda: score_documents(stages, texts))


@needs_kernel
def test_any_models_give_the_same_scores_on_pages(predictor: Predictor, pages: list[str]) -> None:
    texts, most = [*pages, *LONG], 0
    for seed in range(8):
        stages = stages_of(seed, predictor.stages)
        assert_same("score_documents", lambda stages=stages: score_documents(stages, texts))  # type: ignore[misc]
        most = max(most, len(score_documents(stages, texts).span_lines))
    # More than are looked for at a time.
    assert most > 64


@needs_kernel
def test_a_document_that_asks_for_huge_pages_gets_the_same_scores(predictor: Predictor, pages: list[str]) -> None:
    large = "\n".join(pages)
    large = f"{large}\n" * (3_000_000 // len(large))
    assert_same("score_documents", lambda: score_documents(predictor.stages, [large]))


@needs_kernel
def test_whole_predictions_are_the_same(predictor: Predictor, pages: list[str]) -> None:
    def predictions() -> Any:
        single = [predictor.predict(page).scores for page in pages]
        return single, [prediction.scores for prediction in predictor.predict_many([*pages, *LONG])]

    assert_same("predictions", predictions)


@needs_kernel
@given(
    orders=st.lists(st.integers(2, 31), min_size=1, max_size=4, unique=True),
    parts=st.lists(pieces_of_text, max_size=9),
    seed=st.integers(0, 11),
)
@settings(max_examples=100, deadline=None)
def test_any_n_grams_and_weights_give_the_same_sums(
    predictor: Predictor, orders: list[int], parts: list[str], seed: int
) -> None:
    model = line_model_of(tuple(orders), seed)
    with turned(False):
        tokens = tokenize(encode_documents([" ".join(parts)], predictor.stages.char_table))
    assert_same("token_words", lambda: model.token_words(tokens))


spliced = st.builds(
    lambda words, phrase, place: " ".join([*words[:place], phrase, *words[place:]]),
    st.lists(st.sampled_from(["the", "mill", "River", "grinds", "水", "车", "(", ",", "9", "кот"]), max_size=450),
    st.sampled_from(["cheap garden hoses", "best online casino bonus", "【澳门 赌场】", "купить диплом"]),
    st.integers(0, 450),
)


@needs_kernel
@given(texts=st.lists(st.one_of(spliced, pieces_of_text), min_size=1, max_size=9), seed=st.integers(0, 7))
@settings(max_examples=150, deadline=None)
def test_any_span_model_finds_the_same_stretches(predictor: Predictor, texts: list[str], seed: int) -> None:
    inputs = Inputs.of(predictor.stages, ["\n".join(texts), *texts[:2]])
    model = span_model_of(seed, predictor.stages.span)
    assert_same("find_candidates", lambda: candidates_of(inputs, model))


@needs_kernel
def test_any_number_of_stretches_is_found(
    predictor: Predictor, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = Inputs.of(predictor.stages, [*pages, *LONG])
    for seed in range(3):
        model = span_model_of(seed, predictor.stages.span)
        assert_same("find_candidates", lambda model=model: candidates_of(inputs, model))  # type: ignore[misc]
        found = candidates_of(inputs, model)
        assert len(found.lines) > 100
        is_same_line = found.lines[1:] == found.lines[:-1]
        assert (found.first[1:] > found.last[:-1])[is_same_line].all()
    monkeypatch.setattr(kernel, "_CANDIDATES", 3)
    assert_same("find_candidates", lambda: candidates_of(inputs, model))
    monkeypatch.setattr(kernel, "_CANDIDATES", 1)
    # Less room than one piece asks for: left to numpy.
    assert_same("find_candidates", lambda: candidates_of(inputs, model))


@needs_kernel
def test_tables_that_the_kernel_cannot_read_are_left_to_numpy(predictor: Predictor, spun_page: str) -> None:
    model = line_model_of((1 << 5, 3), seed=0)
    tokens = tokenize(encode_documents([spun_page], predictor.stages.char_table))
    assert_same("token_words", lambda: model.token_words(tokens))


@needs_kernel
def test_numbers_that_the_kernel_does_not_know_are_left_to_numpy(predictor: Predictor, spun_page: str) -> None:
    batch = encode_documents([spun_page], predictor.stages.char_table)
    places = batch.line_ends, batch.document_lines, batch.document_offsets, batch.dropped
    tables = predictor.stages.tables
    assert tables is not None
    assert kernel.score_batch(tables, batch.chars, places, (2, PIECE_TOKENS)) is not None
    *known, width = tables.__reduce__()[1]
    assert isinstance(width, int)
    others = kernel.ModelTables(*known, width + 1)
    assert kernel.score_batch(others, batch.chars, places, (2, PIECE_TOKENS)) is None


@needs_kernel
def test_models_that_the_kernel_cannot_read_are_left_to_numpy(predictor: Predictor, pages: list[str]) -> None:
    stages = dataclasses.replace(predictor.stages, line=line_model_of((1 << 5, 3), seed=0))
    assert stages.tables is None
    assert_same("score_documents", lambda: score_documents(stages, pages))
    document = predictor.stages.document
    wider = dataclasses.replace(document, weights=np.repeat(document.weights, 2, axis=1))
    assert dataclasses.replace(predictor.stages, document=wider).tables is None


class Recorder:
    """Passes on to a library; remembers what was asked for, and what it refused to do and left to numpy."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.asked: set[str] = set()
        self.refused: set[str] = set()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self.library, name)

        def recorded(*arguments: Any) -> Any:
            result = function(*arguments)
            self.asked.add(name)
            if name in kernel.MAY_REFUSE and result < 0:
                self.refused.add(name)
            return result

        return recorded


@needs_kernel
def test_predictions_and_their_evidence_use_every_function(
    predictor: Predictor, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = kernel.library()
    assert loaded is not None
    recorder = Recorder(loaded)
    monkeypatch.setattr(kernel, "library", lambda: recorder)
    list(predictor.predict_many([*pages, "soft\u00adhyphen " * 2000]))
    assert recorder.asked == {"encode", "count_line_ends", "dropped_places", "count_tokens", "score_batch", "decide"}
    score_batch(predictor.stages, pages)
    assert recorder.asked == set(kernel.SIGNATURES)
    assert recorder.refused == set()


@needs_kernel
def test_a_library_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "VERSION", kernel.VERSION + 1)
    kernel.library.cache_clear()
    try:
        assert not kernel.is_on()
    finally:
        monkeypatch.undo()
        kernel.library.cache_clear()
    assert kernel.is_on()


@needs_kernel
@pytest.mark.skipif(
    not (
        kernel.is_on()
        and Path(kernel.__file__).with_name(kernel.NEWER_LIBRARY).is_file()
        and kernel.functions().is_newer_machine()
    ),
    reason="no second library was built here, or this machine cannot run it",
)
def test_older_machines_get_the_same_bits(
    predictor: Predictor, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = dict(arrays_in(score_documents(predictor.stages, [*pages, *LONG])))
    monkeypatch.setattr(kernel, "NEWER_LIBRARY", "_kernel_of_no_machine.so")
    kernel.library.cache_clear()
    try:
        assert kernel.functions()._name.endswith(kernel.LIBRARY)
        older = list(arrays_in(score_documents(predictor.stages, [*pages, *LONG])))
    finally:
        monkeypatch.undo()
        kernel.library.cache_clear()
    assert kernel.functions()._name.endswith(kernel.NEWER_LIBRARY)
    assert len(older) == len(newer)
    for name, array in older:
        assert array.tobytes() == newer[name].tobytes(), name


@needs_kernel
def test_arrays_that_are_read_only_or_have_gaps_are_read_as_well(predictor: Predictor, spun_page: str) -> None:
    batch = Inputs.of(predictor.stages, [spun_page]).batch
    wide = np.repeat(batch.chars, 2)
    batch.chars.setflags(write=False)
    expected = dict(arrays_in(tokenize(batch)))
    for name, array in arrays_in(tokenize(dataclasses.replace(batch, chars=wide[::2]))):
        assert array.tobytes() == expected[name].tobytes()


@needs_kernel
def test_texts_that_are_read_through_a_codec_are_encoded_as_well(
    predictor: Predictor, pages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "_LONGEST_ITEM", 0)
    assert_same("encoding", lambda: encode_documents(pages, predictor.stages.char_table))


@needs_kernel
def test_models_are_copied_without_addresses(predictor: Predictor, spun_page: str) -> None:
    copied = pickle.loads(pickle.dumps(predictor.stages))
    for own, other in ((predictor.stages, copied), (predictor.stages.line, copied.line)):
        assert own.tables is not None
        assert addressof(own.tables.at) != addressof(other.tables.at)
    expected = dict(arrays_in(score_documents(predictor.stages, [spun_page])))
    for path, array in arrays_in(score_documents(copied, [spun_page])):
        assert array.tobytes() == expected[path].tobytes()


def test_threads_do_not_get_in_each_others_way(predictor: Predictor, pages: list[str]) -> None:
    expected = [predictor.predict(page).scores.batch.logits.tobytes() for page in pages]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(predictor.predict, pages * 5))
    assert [one.scores.batch.logits.tobytes() for one in found] == expected * 5


def test_without_the_kernel_the_predictions_are_the_same(predictor: Predictor, pages: list[str]) -> None:
    program = (
        "import json, sys; from spamfilter import Predictor, kernel; assert not kernel.is_on(); "
        "found = Predictor.load().predict_many(json.load(sys.stdin)); "
        "scores = [prediction.scores.batch for prediction in found]; "
        "print(json.dumps([[each.logits.tobytes().hex(), each.span_logits.tolist()] for each in scores]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(pages),
        env={**os.environ, "SPAMFILTER_KERNEL": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    arrays = [prediction.scores.batch for prediction in predictor.predict_many(pages)]
    expected = [[scores.logits.tobytes().hex(), scores.span_logits.tolist()] for scores in arrays]
    assert json.loads(result.stdout) == expected
    assert any(spans for _, spans in expected)
