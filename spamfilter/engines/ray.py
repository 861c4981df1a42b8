"""Ray Data: ``annotate_dataset`` puts the filter into a pipeline of blocks; needs the extra ``spamfilter[ray]``."""

from pathlib import Path
from typing import Unpack

import pyarrow as pa
import ray.data

from spamfilter.engines.worker import AnnotateArguments, model_argument
from spamfilter.ingest.arrow import annotate
from spamfilter.predictor import Predictor

# A fixed pool that books all cores leaves none to the tasks that read and write, and Ray waits for ever.
_BOOKED_CORES = 0.5


class BatchAnnotator:
    """What a Ray actor runs: the model is loaded when the actor starts and serves all its batches."""

    def __init__(self, model: str | None, options: AnnotateArguments) -> None:
        self.predictor = Predictor.load(model)
        self.options = options

    def __call__(self, batch: pa.Table) -> pa.Table:
        """The batch with one more column, as ``spamfilter.ingest.annotate`` makes it."""
        return annotate(batch, predictor=self.predictor, **self.options)


def annotate_dataset(
    dataset: ray.data.Dataset,
    *,
    workers: int | tuple[int, int],
    model: str | Path | None = None,
    batch_size: int = 1024,
    **options: Unpack[AnnotateArguments],
) -> ray.data.Dataset:
    """Add the struct column of verdicts of ``spamfilter.ingest.annotate`` to a dataset, lazily.

    Verdicts equal those of ``Predictor.predict`` to the bit, however the dataset is cut into blocks and batches.
    Ray Data keeps the order of rows only when told to (``execution_options.preserve_order``).

    Args:
        dataset: with a column of strings; all its columns are kept.
        workers: actors, a fixed number or the least and the most of a pool that grows; give the number of cores.
            Each loads the model once; those on one machine share it in memory. An actor keeps a core busy but books
            half of one, so that reading and writing find room beside a full pool; Ray needs two cores or more.
        model: folder of the model, on every machine of the cluster; by default the shipped one.
        batch_size: rows handed over at once.
        options: ``text_column``, ``max_false_positive_rate``, ``output_column``, ``lines``, ``probabilities``,
            ``cleaned``, ``drop_boilerplate``, as in ``annotate``.

    Raises:
        ValueError: ``workers`` is less than one. When the dataset is run, Ray raises its own error with that of
            ``annotate`` in it: InputError, ValueError or ModelError.
    """
    least, most = (workers, workers) if isinstance(workers, int) else workers
    if not 1 <= least <= most:
        raise ValueError(f"workers={workers!r}: give a number from 1 on, or (least, most)")
    return dataset.map_batches(
        BatchAnnotator,
        fn_constructor_kwargs={"model": model_argument(model), "options": options},
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=ray.data.ActorPoolStrategy(min_size=least, max_size=most),
        num_cpus=_BOOKED_CORES,
    )
