"""Spark in local mode with two Python workers."""

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from spamfilter import InputError, Predictor
from tests.engines.engine_pages import RATE, REPOSITORY, library_verdicts, no_java

pytest.importorskip("pyspark", reason="Spark is not installed: pip install 'spamfilter[spark]'")
if no_java():
    pytest.skip("Spark needs a Java runtime: install Java 17, or set JAVA_HOME", allow_module_level=True)
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from spamfilter.engines.spark import annotate_batches, annotate_frame

SCHEMA = "id string, text string, source int"


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(REPOSITORY)]).lstrip(":"))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        session = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "4").getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()


@pytest.fixture
def frame(session: SparkSession, pages: list[dict[str, Any]]) -> DataFrame:
    return session.createDataFrame([(page["id"], page["text"], page["source"]) for page in pages], SCHEMA)


def test_partitions_and_batches_say_what_the_library_says_to_the_bit(
    frame: DataFrame, pages: list[dict[str, Any]], expected: dict[str, dict[str, Any]]
) -> None:
    rows = [row.asDict(recursive=True) for row in annotate_frame(frame.repartition(3)).collect()]
    assert {row["id"]: row["spamfilter"] for row in rows} == expected
    untouched = {row["id"]: (row["text"], row["source"]) for row in rows}
    assert untouched == {page["id"]: (page["text"], page["source"]) for page in pages}


def test_options_reach_the_workers(frame: DataFrame, pages: list[dict[str, Any]], predictor: Predictor) -> None:
    judged = annotate_frame(
        frame.withColumnRenamed("text", "body"),
        text_column="body",
        output_column="verdict",
        max_false_positive_rate=RATE,
        cleaned=True,
    )
    found = {row["id"]: row["verdict"].asDict(recursive=True) for row in judged.collect()}
    assert found == library_verdicts(predictor, pages, cleaned=True, rate=RATE)


def test_probabilities_of_all_labels_come_on_request(frame: DataFrame, predictor: Predictor, clean_page: str) -> None:
    [row] = annotate_frame(frame.where("id = 'page-000'"), probabilities=True).collect()
    lines = [list(line.probabilities.values()) for line in predictor.predict(clean_page).lines]
    assert [line["probabilities"] for line in row["spamfilter"]["lines"]] == lines


def test_a_page_without_text_has_no_verdict_and_other_types_of_columns_stay_as_they_are(session: SparkSession) -> None:
    values = (None, datetime(2024, 2, 29, 1, 2, 3, 4), Decimal("1.50"), [1, None], {"a": 1.5}, bytearray(b"\xff\x00"))
    kinds = "text string, at timestamp, price decimal(5,2), list array<int>, map map<string,double>, raw binary"
    [row] = annotate_frame(session.createDataFrame([values], kinds)).collect()
    assert tuple(row)[:6] == values
    assert row["spamfilter"] is None


def test_a_worker_process_loads_the_model_once_for_all_its_partitions(frame: DataFrame) -> None:
    # Nested, so that it is sent to the workers by value: they cannot import the tests.
    def note_loads(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from spamfilter.engines.worker import worker_predictor

        before = worker_predictor.cache_info().misses
        rows = sum(len(batch) for batch in annotate_batches(batches, model=None, options={}))
        note = {"process": [os.getpid()], "before": [before], "after": [worker_predictor.cache_info().misses]}
        yield pa.RecordBatch.from_pydict(note | {"rows": [rows]})

    rows = frame.repartition(8).mapInArrow(note_loads, "process long, before long, after long, rows long").collect()
    assert len(rows) == 8
    assert sum(row["rows"] for row in rows) == frame.count()
    assert {row["after"] for row in rows} == {1}
    assert sum(row["before"] == 0 for row in rows) <= len({row["process"] for row in rows}) <= 2


def test_a_wrong_column_is_named_before_anything_runs(frame: DataFrame) -> None:
    with pytest.raises(InputError, match="'body'"):
        annotate_frame(frame, text_column="body")
    with pytest.raises(InputError, match="'source'"):
        annotate_frame(frame, text_column="source")
    with pytest.raises(InputError, match="'id' already"):
        annotate_frame(frame, output_column="id")


def test_a_model_that_is_not_there_is_named_in_the_error_of_spark(frame: DataFrame) -> None:
    with pytest.raises(Exception, match="no such model folder"):
        annotate_frame(frame, model="/nowhere/at/all").collect()
