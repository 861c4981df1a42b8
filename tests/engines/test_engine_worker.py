"""The model of a worker process."""

from pathlib import Path
from typing import Any

import pytest

from spamfilter import ModelError, Predictor
from spamfilter.predictor import default_model_folder

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'spamfilter[ingest]'")
from spamfilter.engines.worker import annotate_batch, model_argument, worker_predictor  # noqa: E402
from spamfilter.ingest import annotate  # noqa: E402


def test_a_process_loads_a_model_once_and_another_model_anew() -> None:
    shipped = worker_predictor(None)
    assert worker_predictor(None) is shipped
    assert worker_predictor(str(default_model_folder())) is not shipped


def test_the_path_of_a_model_still_holds_in_another_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    argument = model_argument("models/mine")
    assert argument == str(tmp_path / "models/mine")
    assert model_argument(None) is None


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        worker_predictor("/nowhere/at/all")


def test_the_plain_batch_function_gives_what_annotate_gives(predictor: Predictor, pages: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(pages)
    assert annotate_batch(table, cleaned=True).equals(annotate(table, predictor=predictor, cleaned=True))
