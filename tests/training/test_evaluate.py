"""Sets of pages are read whole or refused with the place of what is wrong."""

import gzip
import json
from pathlib import Path

import pytest

from training.evaluate import main

ROW = json.dumps({"id": "a", "lines": [{"text": "The mill stands."}, {"text": "Best casino bonus!"}]})


@pytest.mark.parametrize("option", [[], ["--single-lines"]])
def test_each_document_gets_a_row_with_its_lines(option: list[str], tmp_path: Path) -> None:
    (tmp_path / "set.jsonl.gz").write_bytes(gzip.compress(f"{ROW}\n\n{ROW}\n".encode()))
    assert main([str(tmp_path / "set.jsonl.gz"), "--out", str(tmp_path / "rows.jsonl"), *option]) == 0
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], len(row["lines"])) for row in rows] == [("a", 2), ("a", 2)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "a"}', 'set.jsonl:2: needs an object with an "id" and a list "lines"'),
        ('{"lines": []}', 'set.jsonl:2: needs an object with an "id"'),
        ("[1, 2]", "set.jsonl:2: needs an object"),
        ('{"id": "a", "lines": ["x"]}', 'set.jsonl:2: line 0 of the document needs an object with a string "text"'),
        ('{"id": "a", "lines": [{"text": null}]}', "set.jsonl:2: line 0 of the document"),
        ("{", "set.jsonl:2: not JSON"),
        ("[" * 100_000, "set.jsonl:2: JSON nested too deeply"),
        ("9" * 5000, "set.jsonl:2: JSON with a number too long"),
    ],
)
def test_a_row_that_is_no_document_is_one_line_of_error_with_file_and_line(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set.jsonl").write_text(f"{ROW}\n{content}\n", encoding="utf-8")
    assert main([str(tmp_path / "set.jsonl"), "--out", str(tmp_path / "rows.jsonl")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("evaluate: ")
    assert message in line


@pytest.mark.parametrize("fault", ["truncated", "altered", "plain", "another encoding"])
def test_a_damaged_file_is_one_line_of_error_that_names_it(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = gzip.compress(ROW.encode())
    content = {
        "truncated": packed[: len(packed) // 2],
        "altered": packed[:10] + b"\xff" * 20 + packed[30:],
        "plain": ROW.encode(),
        "another encoding": gzip.compress(b"\xff\xfe"),
    }
    (tmp_path / "set.jsonl.gz").write_bytes(content[fault])
    assert main([str(tmp_path / "set.jsonl.gz"), "--out", str(tmp_path / "rows.jsonl")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"evaluate: {tmp_path / 'set.jsonl.gz'}: ")


def test_a_set_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"id": "a", "lines": []}\n', encoding="utf-8")
    assert main([str(path), "--out", str(tmp_path / "." / "set.jsonl")]) == 2
    assert "set.jsonl: is one of the sets" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == '{"id": "a", "lines": []}\n'
