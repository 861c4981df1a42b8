"""What the engines share: the options that they hand to ``annotate``, and the model of a worker process."""

from functools import lru_cache
from pathlib import Path
from typing import TypedDict, Unpack

import pyarrow as pa

from spamfilter.ingest.arrow import LineChoice, annotate
from spamfilter.predictor import Predictor


class AnnotateArguments(TypedDict, total=False):
    """Keyword arguments of ``spamfilter.ingest.annotate`` that an engine passes on; the defaults are its own."""

    text_column: str
    max_false_positive_rate: float
    output_column: str
    lines: LineChoice
    probabilities: bool
    cleaned: bool
    drop_boilerplate: bool


def model_argument(model: str | Path | None) -> str | None:
    """``model`` as workers get it: an absolute path, since a worker may have another working folder."""
    return None if model is None else str(Path(model).absolute())


# Spark and datatrove call plain functions for one task after the other in the same process and offer no place for
# what a process keeps. A predictor remembers nothing between calls, so sharing it cannot change a result.
@lru_cache(maxsize=1)
def worker_predictor(model: str | None) -> Predictor:
    """The predictor of this process: loaded at the first call, the same one as long as ``model`` is the same.

    Args:
        model: folder of the model, None for the shipped one; it must be on every machine that runs workers.

    Raises:
        ModelError: see ``Predictor.load``.
    """
    return Predictor.load(model)


def annotate_batch(
    batch: pa.Table, *, model: str | Path | None = None, **options: Unpack[AnnotateArguments]
) -> pa.Table:
    """``spamfilter.ingest.annotate`` with the model of this process, for engines that map a plain function.

    Args:
        batch: with a column of strings.
        model: folder of the model; by default the shipped one.
        options: as in ``annotate``.

    Raises:
        InputError, ValueError: see ``annotate``.
        ModelError: see ``Predictor.load``.
    """
    return annotate(batch, predictor=worker_predictor(model_argument(model)), **options)
