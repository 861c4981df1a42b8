"""The recipes of docs/pipelines.md, run as they stand there."""

import gzip
import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.engines.engine_pages import REPOSITORY, library_verdicts, no_java, write_pages

NEEDS = {"plain": [], "datasets": ["datasets", "pyarrow"], "datatrove": ["datatrove", "pyarrow"]}
NEEDS |= {"ray": ["ray", "pyarrow"], "spark": ["pyspark", "pyarrow"]}


def recipes() -> dict[str, str]:
    """Code of each recipe by its name."""
    text = (REPOSITORY / "docs" / "pipelines.md").read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- recipe: (\w+) -->\n```python\n(.*?)```\n", text, flags=re.DOTALL))


def run_recipe(name: str, folder: Path, pages: list[dict[str, Any]]) -> None:
    """Write the recipe and its input into an empty folder and run it there; skip where an engine is missing."""
    missing = [module for module in NEEDS[name] if find_spec(module) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    if name == "spark" and no_java():
        pytest.skip("Spark needs a Java runtime: install Java 17, or set JAVA_HOME")
    write_pages(folder / "pages.jsonl", pages)
    (folder / "recipe.py").write_text(recipes()[name], encoding="utf-8")
    paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    # The settings keep the engines from asking for a network that tests do not have.
    settings = {"HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    settings |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"} | settings
    done = subprocess.run(
        [sys.executable, "recipe.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr[-3000:]


def json_lines(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    return [json.loads(line) for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()]


def parquet_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


@pytest.fixture(scope="session")
def cleaned(predictor: Any, pages: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return library_verdicts(predictor, pages, cleaned=True)


def test_every_recipe_of_the_page_is_tested() -> None:
    blocks = (REPOSITORY / "docs" / "pipelines.md").read_text(encoding="utf-8").count("```python")
    assert set(recipes()) == set(NEEDS)
    assert blocks == len(NEEDS)


def test_the_plain_recipe_parts_pages_as_the_library_does(
    tmp_path: Path, pages: list[dict[str, Any]], cleaned: dict[str, dict[str, Any]]
) -> None:
    run_recipe("plain", tmp_path, pages)
    kept, rejected = json_lines(tmp_path / "kept.jsonl"), json_lines(tmp_path / "rejected.jsonl")
    spam = {key: verdict["kind"] for key, verdict in cleaned.items() if verdict["is_spam"]}
    assert {page["id"]: page["reason"] for page in rejected} == spam
    assert spam
    assert [page["id"] for page in kept] == [page["id"] for page in pages if page["id"] not in spam]
    assert all(page["text"] == cleaned[page["id"]]["cleaned"] for page in kept)
    assert all(page["spam_probability"] == cleaned[page["id"]]["probability"] for page in [*kept, *rejected])


@pytest.mark.parametrize("name", ["datasets", "ray", "spark"])
def test_the_recipe_of_a_table_engine_says_what_the_library_says_to_the_bit(
    name: str, tmp_path: Path, pages: list[dict[str, Any]], cleaned: dict[str, dict[str, Any]]
) -> None:
    run_recipe(name, tmp_path, pages)
    ending = ".parquet" if name == "datasets" else ""
    judged = parquet_rows(tmp_path / f"judged{ending}")
    assert {row["id"]: row["spamfilter"] for row in judged} == cleaned
    assert {row["id"]: row["text"] for row in judged} == {page["id"]: page["text"] for page in pages}
    kept = {row["id"] for row in parquet_rows(tmp_path / f"kept{ending}")}
    assert kept == {key for key, verdict in cleaned.items() if not verdict["is_spam"]}


def test_the_datatrove_recipe_says_what_the_library_says_to_the_bit(
    tmp_path: Path, pages: list[dict[str, Any]], cleaned: dict[str, dict[str, Any]]
) -> None:
    run_recipe("datatrove", tmp_path, pages)
    found = {
        name: [page for path in sorted((tmp_path / name).glob("*.gz")) for page in json_lines(path)]
        for name in ("judged", "kept", "rejected", "cuts")
    }
    judged = {page["id"]: page["metadata"]["spamfilter"] | {"cleaned": page["text"]} for page in found["judged"]}
    texts = {page["id"]: page["text"] for page in pages}
    assert judged == {key: verdict | {"cleaned": texts[key]} for key, verdict in cleaned.items()}
    assert all(page["text"] == cleaned[page["id"]]["cleaned"] for page in found["kept"])
    assert all(page["text"] == texts[page["id"]] for page in found["rejected"])
    assert sorted(page["id"] for page in [*found["kept"], *found["rejected"]]) == sorted(texts)
    assert {page["metadata"]["filter_reason"] for page in found["rejected"]} <= {"link_farm", "spam", "nothing_left"}
    for cut in found["cuts"]:
        assert texts[cut["id"]][cut["metadata"]["start"] : cut["metadata"]["end"]] == cut["text"]
