"""Ray Data with two local workers."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from spamfilter import Predictor
from tests.engines.engine_pages import RATE, library_verdicts

pytest.importorskip("ray.data", reason="Ray Data is not installed: pip install 'spamfilter[ray]'")
import pyarrow as pa
import ray

from spamfilter.engines.ray import BatchAnnotator, annotate_dataset


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def test_two_workers_say_what_the_library_says_to_the_bit(
    pages: list[dict[str, Any]], expected: dict[str, dict[str, Any]]
) -> None:
    dataset = ray.data.from_items(pages, override_num_blocks=5)
    rows = annotate_dataset(dataset, workers=2, batch_size=4).take_all()
    assert {row["id"]: row["spamfilter"] for row in rows} == expected
    untouched = {row["id"]: (row["text"], row["source"]) for row in rows}
    assert untouched == {page["id"]: (page["text"], page["source"]) for page in pages}


def test_options_reach_the_workers(pages: list[dict[str, Any]], predictor: Predictor) -> None:
    renamed = [{"id": page["id"], "body": page["text"]} for page in pages]
    judged = annotate_dataset(
        ray.data.from_items(renamed),
        workers=(1, 2),
        text_column="body",
        output_column="verdict",
        max_false_positive_rate=RATE,
        cleaned=True,
    )
    found = {row["id"]: row["verdict"] for row in judged.take_all()}
    assert found == library_verdicts(predictor, pages, cleaned=True, rate=RATE)


def test_a_worker_loads_the_model_once_for_all_its_batches(
    pages: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Noting(BatchAnnotator):
        def __call__(self, batch: pa.Table) -> pa.Table:
            mark = f"{os.getpid()} {id(self.predictor)}"
            return super().__call__(batch).append_column("worker", pa.array([mark] * len(batch)))

    monkeypatch.setattr("spamfilter.engines.ray.BatchAnnotator", Noting)
    dataset = ray.data.from_items(pages, override_num_blocks=12)
    marks = {row["worker"] for row in annotate_dataset(dataset, workers=2, batch_size=2).take_all()}
    assert 1 <= len(marks) <= 2
    assert len({mark.split()[0] for mark in marks}) == len(marks)


def test_a_missing_text_column_is_named_in_the_error(pages: list[dict[str, Any]]) -> None:
    judged = annotate_dataset(ray.data.from_items(pages), workers=1, text_column="body")
    with pytest.raises(Exception, match="no column 'body'"):
        judged.materialize()


@pytest.mark.parametrize("workers", [0, (0, 2), (3, 2)])
def test_a_pool_without_workers_is_refused(pages: list[dict[str, Any]], workers: int | tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="workers="):
        annotate_dataset(ray.data.from_items(pages), workers=workers)
