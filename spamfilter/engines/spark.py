"""Spark: ``annotate_frame`` maps the filter over a DataFrame with ``mapInArrow``; needs ``spamfilter[spark]``."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Unpack

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import types as spark_types

from spamfilter.engines.worker import AnnotateArguments, model_argument, worker_predictor
from spamfilter.errors import InputError
from spamfilter.ingest.arrow import annotate, annotation_type

_SCALARS: dict[pa.DataType, spark_types.DataType] = {
    pa.string(): spark_types.StringType(),
    pa.bool_(): spark_types.BooleanType(),
    pa.int32(): spark_types.IntegerType(),
    pa.float64(): spark_types.DoubleType(),
}


def spark_type(kind: pa.DataType) -> spark_types.DataType:
    """The Spark type of ``annotation_type(...)`` or of a part of it."""
    if pa.types.is_struct(kind):
        return spark_types.StructType([spark_types.StructField(part.name, spark_type(part.type)) for part in kind])
    if pa.types.is_list(kind):
        return spark_types.ArrayType(spark_type(kind.value_type))
    return _SCALARS[kind]


def annotate_batches(
    batches: Iterator[pa.RecordBatch], *, model: str | None, options: AnnotateArguments
) -> Iterator[pa.RecordBatch]:
    """What a Python worker runs for a partition: its model is loaded once, whatever the number of partitions."""
    predictor = worker_predictor(model)
    for batch in batches:
        yield annotate(batch, predictor=predictor, **options)


def annotate_frame(
    frame: DataFrame, *, model: str | Path | None = None, **options: Unpack[AnnotateArguments]
) -> DataFrame:
    """Add the struct column of verdicts of ``spamfilter.ingest.annotate`` to a DataFrame, lazily.

    Verdicts equal those of ``Predictor.predict`` to the bit, however the rows are cut into partitions and batches.
    Spark hands over at most ``spark.sql.execution.arrow.maxRecordsPerBatch`` rows at once.

    Args:
        frame: with a column of strings; all its columns are kept.
        model: folder of the model, on every executor; by default the shipped one.
        options: ``text_column``, ``max_false_positive_rate``, ``output_column``, ``lines``, ``probabilities``,
            ``cleaned``, ``drop_boilerplate``, as in ``annotate``.

    Raises:
        InputError: the text column is missing or does not hold strings, or the output column is there already.
            When the frame is run, Spark raises its own error with that of ``annotate`` in it: ValueError for the
            rate, ModelError for the model.
    """
    text_column = options.get("text_column", "text")
    output_column = options.get("output_column", "spamfilter")
    if output_column in frame.columns:
        raise InputError(f"the frame has a column {output_column!r} already; choose another output_column")
    if frame.columns.count(text_column) != 1 or not isinstance(
        frame.schema[text_column].dataType, spark_types.StringType
    ):
        raise InputError(f"no column of strings {text_column!r} in {frame.schema.simpleString()}; name the text's")
    verdict = annotation_type(probabilities=options.get("probabilities", False), cleaned=options.get("cleaned", False))
    added = spark_types.StructField(output_column, spark_type(verdict))
    schema = spark_types.StructType([*frame.schema.fields, added])
    return frame.mapInArrow(partial(annotate_batches, model=model_argument(model), options=options), schema)
