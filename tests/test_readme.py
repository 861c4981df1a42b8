"""What the README promises is what there is."""

import re
from pathlib import Path

import pytest

from spamfilter import LABELS, DocumentKind, Predictor, cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_first_two_shell_blocks_are_one_command_each_one_scans_the_sample_and_one_runs_the_tests() -> None:
    scan, test = (block.rstrip("\n") for block in blocks("sh")[:2])
    assert "\n" not in scan + test
    assert scan.endswith("spamfilter scan examples/spun_page.txt")
    assert test.endswith("python -m pytest")


def test_the_library_example_runs_as_written(
    spun_page: str, clean_page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    residue = clean_page + "\n{dede:field.title/}\n"
    code = blocks("python")[0].replace("n_jobs=8", "n_jobs=1")
    names: dict[str, object] = {"texts": [spun_page, clean_page, residue]}
    exec(code, names)
    assert names["text"] == clean_page + "\n"
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in printed] == ["template_residue"]


def test_the_words_on_explaining_run_as_written(predictor: Predictor, spun_page: str) -> None:
    (paragraph,) = re.findall(r"^Why was it flagged\? .*", README, re.MULTILINE)
    statement, call = re.findall(r"`([^`]+)`", paragraph)
    names: dict[str, object] = {"predictor": predictor, "page": predictor.predict(spun_page)}
    exec(statement, names)
    assert eval(call, names)


def test_the_size_of_the_model_is_that_of_its_folder_wherever_it_is_told() -> None:
    size = sum(path.stat().st_size for path in (ROOT / "models" / "default").iterdir())
    told = f"{size / 1e6:.0f} MB"
    places = {"README.md": "reads {}", "docs/pipelines.md": "count {} a machine", "docs/ingest.md": "{} once a machine"}
    for name, words in places.items():
        assert words.format(told) in (ROOT / name).read_text(encoding="utf-8")


def test_every_label_and_every_kind_of_page_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert rows == [label.value for label in LABELS]
    assert all(f"`{kind.value}`" in README for kind in DocumentKind)


def test_every_command_is_named() -> None:
    assert all(f"\nspamfilter {command} " in README for command in cli.COMMANDS)


def test_every_link_into_the_repository_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
