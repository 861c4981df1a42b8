"""The blocks for datatrove, run by its local executor."""

import gzip
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spamfilter import ModelError, Predictor
from tests.engines.engine_pages import RATE, library_verdicts, write_pages

pytest.importorskip("datatrove", reason="datatrove is not installed: pip install 'spamfilter[datatrove]'")
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

from spamfilter.engines.datatrove import SpamAnnotator, SpamFilter


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, pages: list[dict[str, Any]]) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    for number in range(4):
        write_pages(folder / f"{number}.jsonl", pages[number::4])
    return folder


def run(shards: Path, folder: Path, *blocks: Any, tasks: int = 2, workers: int = 2) -> list[dict[str, Any]]:
    """Run the blocks between a reader and a writer; the documents written, and the stats in ``folder``."""
    pipeline = [JsonlReader(str(shards)), *blocks, JsonlWriter(str(folder / "kept"))]
    LocalPipelineExecutor(pipeline, tasks=tasks, workers=workers, logging_dir=str(folder / "logs")).run()
    return written(folder / "kept")


def written(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*.jsonl.gz")) if folder.is_dir() else []
    return [json.loads(line) for file in files for line in gzip.open(file, "rt", encoding="utf-8")]


def stats(folder: Path, block: int) -> dict[str, float]:
    """Totals that datatrove has counted for a block."""
    found = json.loads((folder / "logs" / "stats.json").read_text())[block]["stats"]
    return {name: value["total"] if isinstance(value, dict) else value for name, value in found.items()}


def documents(pages: list[dict[str, Any]]) -> list[Document]:
    return [Document(page["text"], page["id"]) for page in pages]


def test_the_annotator_says_what_the_library_says_to_the_bit(
    shards: Path, tmp_path: Path, pages: list[dict[str, Any]], expected: dict[str, dict[str, Any]]
) -> None:
    found = run(shards, tmp_path, SpamAnnotator(lines="all", batch_size=5))
    assert {page["id"]: page["metadata"]["spamfilter"] for page in found} == expected
    assert {page["id"]: page["text"] for page in found} == {page["id"]: page["text"] for page in pages}
    assert {page["id"]: page["metadata"]["source"] for page in found} == {page["id"]: page["source"] for page in pages}


def test_the_annotator_counts_kinds_and_labels(
    shards: Path, tmp_path: Path, expected: dict[str, dict[str, Any]]
) -> None:
    run(shards, tmp_path, SpamAnnotator(lines="all"))
    counted = stats(tmp_path, 1)
    kinds = Counter(verdict["kind"] for verdict in expected.values())
    labels = Counter(line["label"] for verdict in expected.values() for line in verdict["lines"])
    assert {name: value for name, value in counted.items() if name.startswith("kind_")} == {
        f"kind_{kind}": count for kind, count in kinds.items()
    }
    assert {name: value for name, value in counted.items() if name.startswith("lines_")} == {
        f"lines_{label}": count for label, count in labels.items()
    }


def test_the_filter_keeps_or_drops_with_a_reason_and_loses_no_page(
    shards: Path, tmp_path: Path, pages: list[dict[str, Any]], predictor: Predictor
) -> None:
    kept = run(shards, tmp_path, SpamFilter(JsonlWriter(str(tmp_path / "dropped")), max_false_positive_rate=RATE))
    dropped = written(tmp_path / "dropped")
    reasons = {}
    for page in pages:
        prediction = predictor.predict(page["text"], max_false_positive_rate=RATE)
        if prediction.is_spam:
            reasons[page["id"]] = prediction.kind.value
        elif prediction.flagged and not prediction.clean_text().strip():
            reasons[page["id"]] = "nothing_left"
    assert {page["id"]: page["metadata"]["filter_reason"] for page in dropped} == reasons
    assert reasons
    texts = {page["id"]: page["text"] for page in pages}
    assert {page["id"]: page["text"] for page in [*kept, *dropped]} == texts
    assert len(kept) + len(dropped) == len(pages)
    counted = {name: value for name, value in stats(tmp_path, 1).items() if name.startswith("dropped_")}
    assert counted == {f"dropped_{reason}": count for reason, count in Counter(reasons.values()).items()}


def test_a_page_that_is_kept_is_cut_and_every_cut_is_written_out(
    shards: Path, tmp_path: Path, pages: list[dict[str, Any]], predictor: Predictor
) -> None:
    block = SpamFilter(reject_kinds=(), cut=True, cut_writer=JsonlWriter(str(tmp_path / "cuts")), batch_size=3)
    kept = run(shards, tmp_path, block)
    texts = {page["id"]: page["text"] for page in pages}
    predictions = {key: predictor.predict(text) for key, text in texts.items()}
    left = {key: prediction.clean_text() for key, prediction in predictions.items()}
    assert {page["id"]: page["text"] for page in kept} == {
        key: text for key, text in left.items() if text.strip() or not predictions[key].flagged
    }
    cuts = [
        (cut["id"], cut["metadata"]["start"], cut["metadata"]["label"], cut["text"])
        for cut in written(tmp_path / "cuts")
    ]
    assert Counter(cuts) == Counter(
        (page["id"], line.start, line.label.value, texts[page["id"]][line.start : line.end])
        for page in kept
        for line in predictions[page["id"]].flagged
    )
    counted = {name: value for name, value in stats(tmp_path, 1).items() if name.startswith("cut_")}
    assert sum(counted.values()) == len(cuts) > 0


def test_boilerplate_is_cut_and_written_out_on_request(predictor: Predictor, clean_page: str, tmp_path: Path) -> None:
    furniture = "\n\nHome | About us | Contact\nShare this page\nCookie settings\nTerms of use | Privacy policy\n"
    text = clean_page + furniture
    block = SpamFilter(cut=True, cut_writer=JsonlWriter(str(tmp_path)), drop_boilerplate=True)
    [page] = block.run([Document(text, "a")])
    assert page.text == predictor.predict(text).clean_text(drop_boilerplate=True) != text
    assert "boilerplate" in {cut["metadata"]["label"] for cut in written(tmp_path)}


def test_a_page_of_which_too_little_would_stay_is_dropped(spun_page: str, clean_page: str) -> None:
    block = SpamFilter(reject_kinds=(), min_kept_share=0.9)
    found = block.filter_batch([Document(spun_page, "a"), Document(clean_page, "b")])
    assert found == [(False, "too_little_left"), True]
    assert block.filter(Document("", "c")) is True
    assert SpamFilter(min_characters=5).filter(Document("four", "d")) == (False, "too_short")


def test_the_batch_size_changes_nothing(pages: list[dict[str, Any]]) -> None:
    one, many = (
        [(page.id, page.text) for page in SpamFilter(cut=True, batch_size=size).run(documents(pages))]
        for size in (1, 1000)
    )
    assert one == many


def test_text_that_no_file_could_hold_does_not_stop_the_pipeline() -> None:
    text = "a lone surrogate \ud800 in a line"
    [page] = SpamAnnotator().run([Document(text, "a")])
    assert page.text == text
    assert [page.text for page in SpamFilter(cut=True).run([Document(text, "a")])] == [text]


def note_loads(data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
    """Write down how often the process has loaded a model."""
    from spamfilter.engines.worker import worker_predictor

    for document in data:
        document.metadata["process"] = os.getpid()
        document.metadata["loads"] = worker_predictor.cache_info().misses
        yield document


def test_a_worker_process_loads_the_model_once_for_all_its_tasks(shards: Path, tmp_path: Path) -> None:
    found = run(shards, tmp_path, SpamAnnotator(), note_loads, tasks=4, workers=2)
    assert {page["metadata"]["loads"] for page in found} == {1}
    assert len({page["metadata"]["process"] for page in found}) <= 2


def test_another_model_and_rate_are_used(pages: list[dict[str, Any]], predictor: Predictor, tmp_path: Path) -> None:
    rated = list(SpamAnnotator(max_false_positive_rate=RATE, lines="all").run(documents(pages)))
    assert {page.id: page.metadata["spamfilter"] for page in rated} == library_verdicts(predictor, pages, rate=RATE)
    with pytest.raises(ModelError, match="no such model folder"):
        list(SpamAnnotator(model=tmp_path / "nothing").run(documents(pages)))


def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="junk"):
        SpamFilter(reject_kinds=["junk"])
    with pytest.raises(ValueError, match="cut=True"):
        SpamFilter(cut_writer=JsonlWriter(str(tmp_path)))
