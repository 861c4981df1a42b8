"""Runs one thing with the compiled kernel and with numpy alone, and compares the bits; models of random weights."""

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spamfilter import kernel
from spamfilter.context_model import ContextModel
from spamfilter.dense_model import DenseModel
from spamfilter.line_model import LineModel, LineScores, pack_fields
from spamfilter.ngrams import NgramSettings
from spamfilter.page_features import PageFeatures, page_features
from spamfilter.pipeline import BatchScores, Stages, score_batch
from spamfilter.span_description import CANDIDATE_NAMES
from spamfilter.span_model import SpanModel
from spamfilter.span_phrases import PHRASE_BITS
from spamfilter.span_tokens import NUMERIC_COUNT, SPAN_BITS
from spamfilter.text import TextBatch, encode_documents
from spamfilter.tokens import TokenBatch, tokenize

BUILT = Path(kernel.__file__).with_name(kernel.LIBRARY).is_file()
needs_kernel = pytest.mark.skipif(
    not BUILT or not kernel.is_on(), reason="no compiled kernel was built here, or SPAMFILTER_KERNEL=0 turns it off"
)


@contextmanager
def turned(on: bool) -> Iterator[None]:
    """Run with the kernel, or with numpy alone."""
    before = os.environ.pop("SPAMFILTER_KERNEL", None)
    if not on:
        os.environ["SPAMFILTER_KERNEL"] = "0"
    kernel.library.cache_clear()
    try:
        assert kernel.is_on() == on
        yield
    finally:
        os.environ.pop("SPAMFILTER_KERNEL", None)
        if before is not None:
            os.environ["SPAMFILTER_KERNEL"] = before
        kernel.library.cache_clear()


def arrays_in(value: Any, path: str = "result") -> Iterator[tuple[str, NDArray[Any]]]:
    """Every array of nested tuples and dataclasses, with the way to it."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            yield from arrays_in(part, f"{path}[{number}]")
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from arrays_in(getattr(value, field.name), f"{path}.{field.name}")


def assert_same(room: str, run: Callable[[], Any]) -> None:
    """The kernel and numpy give the same bits."""
    with turned(False):
        expected = dict(arrays_in(run()))
    with turned(True):
        found = dict(arrays_in(run()))
    assert list(found) == list(expected), room
    for path, array in expected.items():
        other = found[path]
        assert (other.dtype, other.shape) == (array.dtype, array.shape), f"{room}: {path}"
        assert other.tobytes() == array.tobytes(), f"{room}: {path}"


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What numpy makes of texts: what the rooms get."""

    stages: Stages
    texts: list[str]
    batch: TextBatch
    tokens: TokenBatch
    line: LineScores
    page: PageFeatures
    scores: BatchScores

    @classmethod
    def of(cls, stages: Stages, texts: list[str]) -> "Inputs":
        with turned(False):
            batch = encode_documents(texts, stages.char_table)
            tokens = tokenize(batch)
            line = stages.line.score(tokens)
            page = page_features(batch, tokens, line, stages.idf, stages.line.scale)
            scores = score_batch(stages, texts)
        return cls(stages, texts, batch, tokens, line, page, scores)


def line_model_of(orders: tuple[int, ...], seed: int) -> LineModel:
    """A model of random weights that knows no word."""
    rng = np.random.default_rng(seed)
    parts, pairs = (rng.integers(-(1 << 62), 1 << 62, (size, 2)) for size in ((1 << 9) + 1, 1 << 8))
    if seed % 2:
        # One field goes beyond the limits, alone.
        fields = np.zeros((len(parts), 6), np.int64)
        fields[:, seed // 2 % 6] = rng.integers(-5000, 5000, len(parts))
        parts = pack_fields(fields)
    parts[-1] = 0
    nothing = np.zeros(16, np.uint32), np.zeros((16, 2), np.int64)
    return LineModel(NgramSettings(orders, 9, 8), parts, pairs, *nothing, 100.0, np.zeros(5))


def span_model_of(seed: int, known: SpanModel) -> SpanModel:
    """A model of random weights, after which many a stretch is hopeful and any of its rivals is chosen."""
    rng = np.random.default_rng(seed)
    fields = np.zeros((1 << SPAN_BITS, 6), np.int64)
    fields[:, :3] = rng.integers(-400, 400, (1 << SPAN_BITS, 3))
    width = len(CANDIDATE_NAMES)
    choice = rng.integers(-30_000, 30_000, (width, 2)) / 65536
    places = np.sort(rng.integers(0, width, 3 * width))
    weights, bends = (rng.integers(-size, size, count) / 65536 for size, count in ((30_000, width), (5_000, 3 * width)))
    knots = rng.integers(-2000, 2000, len(places)) / 256
    phrases = rng.integers(-1000, 1000, (2, 1 << PHRASE_BITS), dtype=np.int32)
    return dataclasses.replace(
        known,
        table=np.ascontiguousarray(pack_fields(fields)[:, 0]),
        numeric_weights=rng.integers(-200, 200, (NUMERIC_COUNT, 3)).astype(np.float64),
        bias=rng.integers(-300, 300, 3),
        scale=float(rng.integers(50, 500)),
        phrases=dataclasses.replace(known.phrases, table=phrases, scale=float(rng.integers(100, 1000))),
        choice=dataclasses.replace(known.choice, weights=choice),
        candidates=dataclasses.replace(
            known.candidates, weights=weights, bias=25.0, places=places, knots=knots, bends=bends
        ),
    )


def stages_of(seed: int, known: Stages) -> Stages:
    """Models of random weights over the known words; pages of all kinds, and many a line worth a look."""
    rng = np.random.default_rng(seed)

    def anew(model: DenseModel, size: int) -> DenseModel:
        weights, bias = (rng.integers(-size, size, shape) / 65536 for shape in (model.weights.shape, model.bias.shape))
        return dataclasses.replace(model, weights=weights, bias=bias)

    context = ContextModel(anew(known.context.first, 20_000), anew(known.context.second, 20_000))
    span = span_model_of(seed, known.span)
    span = dataclasses.replace(span, page=anew(span.page, 60_000), suspicion=anew(span.suspicion, 20_000))
    return dataclasses.replace(known, context=context, span=span, document=anew(known.document, 60_000))
