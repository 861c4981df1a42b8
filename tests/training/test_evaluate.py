"""Sets of pages are read whole or refused with the place of what is wrong."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spamfilter import FLAGGED_LABELS, LABELS, DocumentPrediction, Label, Predictor
from spamfilter.operating_points import OperatingPoints
from spamfilter.scores import DocumentScores, ScoreArrays, decide
from training import evaluate
from training.evaluate import main

ROW = json.dumps({"id": "a", "lines": [{"text": "The mill stands."}, {"text": "Best casino bonus!"}]})
OTHER_ROW = ROW.replace('"a"', '"b"')


@pytest.mark.parametrize("option", [[], ["--single-lines"]])
def test_each_document_gets_a_row_with_its_lines(option: list[str], tmp_path: Path) -> None:
    (tmp_path / "set.jsonl.gz").write_bytes(gzip.compress(f"{ROW}\n\n{OTHER_ROW}\n".encode()))
    assert main([str(tmp_path / "set.jsonl.gz"), "--out", str(tmp_path / "rows.jsonl"), *option]) == 0
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(row["id"], len(row["lines"])) for row in rows] == [("a", 2), ("b", 2)]


class Undecided:
    """A predictor to which every line is spam at the odds of one to one, and its second word a foreign phrase."""

    points = OperatingPoints(
        (1e-1, 1e-3),
        dict.fromkeys((*(label.value for label in FLAGGED_LABELS), "span", "document"), (-1.0, 1.0)),
        boilerplate=5.0,
    )

    def predict_many(
        self, texts: Iterable[str], *, max_false_positive_rate: float, **_: object
    ) -> Iterator[DocumentPrediction]:
        for text in texts:
            lines = text.splitlines()
            ends = np.cumsum([len(line) + 1 for line in lines]) - 1
            starts = ends - [len(line) for line in lines]
            words = [line.split(" ")[:2] for line in lines]
            spans = starts + [len(first) + 1 for first, _ in words]
            logits = np.full((len(lines), len(LABELS)), -9.0)
            logits[:, [LABELS.index(Label.CLEAN), LABELS.index(Label.SEO_INJECTION)]] = 0.0
            edges, count = np.array([0, len(lines)]), np.arange(len(lines))
            span_ends = spans + [len(second) for _, second in words]
            scores = ScoreArrays(
                *(edges, starts, ends, logits, edges, count, spans, span_ends, np.zeros(len(lines)), np.zeros((1, 4)))
            )
            decisions = decide(scores, self.points, max_false_positive_rate)
            yield DocumentPrediction(text, DocumentScores(scores, 0), self.points, max_false_positive_rate, decisions)


@pytest.mark.parametrize("option", [[], ["--single-lines"]])
@pytest.mark.parametrize(
    ("rate", "label", "spans"),
    [
        (["--rate", "0.1"], "seo_injection", [[[4, 8]], [[5, 11]]]),
        (["--rate", "0.001"], "clean", [[], []]),
        ([], "clean", [[], []]),
    ],
)
def test_lines_are_decided_at_the_rate_and_spans_are_counted_within_their_line(
    rate: list[str],
    label: str,
    spans: list[list[list[int]]],
    option: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Predictor, "load", lambda *_, **__: Undecided())
    (tmp_path / "set.jsonl").write_text(ROW + "\n", encoding="utf-8")
    assert main([str(tmp_path / "set.jsonl"), "--out", str(tmp_path / "rows.jsonl"), *rate, *option]) == 0
    (row,) = map(json.loads, (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines())
    assert [line["label"] for line in row["lines"]] == [label] * 2
    assert [line["spans"] for line in row["lines"]] == spans


def rows_of(texts: list[str], tmp_path: Path, *options: str) -> list[dict[str, Any]]:
    """The rows of a document without lines and of one with ``texts``, as a strict reader takes them."""

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    documents = [{"id": "none", "lines": []}, {"id": "b", "lines": [{"text": text} for text in texts]}]
    content = "".join(json.dumps(document) + "\n" for document in documents)
    (tmp_path / "set.jsonl").write_text(content, encoding="utf-8")
    assert main([str(tmp_path / "set.jsonl"), "--out", str(tmp_path / "rows.jsonl"), *options]) == 0
    lines = (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_constant=refuse) for line in lines]


def test_a_page_without_lines_and_lines_without_a_page_have_no_score_of_a_page(tmp_path: Path) -> None:
    texts = ["The mill stands.", "", "Best casino bonus!"]
    none, page = rows_of(texts, tmp_path)
    assert none == {"id": "none", "lines": [], "doc_score": None}
    assert isinstance(page["doc_score"], float)
    none, page = rows_of(texts, tmp_path, "--single-lines")
    assert none == {"id": "none", "lines": [], "doc_score": None}
    assert page["doc_score"] is None


@pytest.mark.parametrize("text", ["", "  ", "The mill stands.", "Best casino bonus!", "two\nlines\r"])
def test_a_line_alone_has_the_same_row_as_the_page_of_that_line(text: str, tmp_path: Path) -> None:
    """Empty lines too: each has the probabilities of all labels."""
    (line,) = rows_of([text], tmp_path)[1]["lines"]
    assert rows_of([text], tmp_path, "--single-lines")[1]["lines"] == [line]
    assert set(line["scores"]) == set(Label)


def test_a_set_may_begin_with_a_byte_order_mark_and_its_ending_be_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "SET.JSONL.GZ").write_bytes(gzip.compress(f"\ufeff{ROW}\n".encode()))
    assert main([str(tmp_path / "SET.JSONL.GZ"), "--out", str(tmp_path / "rows.jsonl")]) == 0
    assert len((tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_a_set_without_a_document_is_one_line_of_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set.jsonl").write_text("\n", encoding="utf-8")
    assert main([str(tmp_path / "set.jsonl"), "--out", str(tmp_path / "rows.jsonl")]) == 2
    assert capsys.readouterr().err == f"evaluate: {tmp_path / 'set.jsonl'}: holds no document; leave it out\n"
    assert not (tmp_path / "rows.jsonl").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id": "a"}', 'set.jsonl:2: needs an object with an "id" and a list "lines"'),
        ('{"lines": []}', 'set.jsonl:2: needs an object with an "id"'),
        ('{"id": NaN, "lines": []}', 'set.jsonl:2: "id" is a string or a number, not nan'),
        ('{"id": ["a"], "lines": []}', "set.jsonl:2: \"id\" is a string or a number, not ['a']"),
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


@pytest.mark.parametrize(("name", "fault"), [("nowhere.jsonl", "No such file or directory"), ("", "Is a directory")])
def test_a_set_that_cannot_be_read_is_named_with_the_mend(
    name: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / name), "--out", str(tmp_path / "rows.jsonl")]) == 2
    message = f"evaluate: {tmp_path / name}: cannot be read ({fault}); give a set as JSONL, plain or as .gz"
    assert capsys.readouterr().err.splitlines() == [message]


@pytest.mark.parametrize("second", ["b.jsonl", "a.jsonl"])
def test_two_documents_of_one_id_are_an_error(second: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ['{"id": "x", "lines": []}\n', '{"id": "y", "lines": []}\n']
    (tmp_path / "a.jsonl").write_text("".join(rows), encoding="utf-8")
    with (tmp_path / second).open("a", encoding="utf-8") as stream:
        stream.write(rows[1])
    sets = [str(tmp_path / name) for name in sorted({"a.jsonl", second})]
    assert main([*sets, "--out", str(tmp_path / "rows.jsonl")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"evaluate: {tmp_path / second}: \"id\" 'y' is that of another document")
    assert not (tmp_path / "rows.jsonl").exists()


def test_a_set_is_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"id": "a", "lines": []}\n', encoding="utf-8")
    assert main([str(path), "--out", str(tmp_path / "." / "set.jsonl")]) == 2
    assert "set.jsonl: is one of the sets" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == '{"id": "a", "lines": []}\n'


def test_older_predictions_stay_where_a_later_set_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All sets are read before a row is written."""
    (tmp_path / "good.jsonl").write_text(f"{ROW}\n", encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text("{", encoding="utf-8")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("older", encoding="utf-8")
    assert main([str(tmp_path / "good.jsonl"), str(tmp_path / "bad.jsonl"), "--out", str(rows)]) == 2
    assert "bad.jsonl:1: not JSON" in capsys.readouterr().err
    assert rows.read_text(encoding="utf-8") == "older"


def test_older_predictions_stay_where_the_run_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(prediction: DocumentPrediction) -> list[dict[str, Any]]:
        if "Worst" in prediction.document:
            raise KeyboardInterrupt
        return []

    monkeypatch.setattr(evaluate, "line_rows", interrupted)
    (tmp_path / "set.jsonl").write_text(ROW + "\n" + OTHER_ROW.replace("Best", "Worst"), encoding="utf-8")
    rows = tmp_path / "rows.jsonl"
    rows.write_text("older", encoding="utf-8")
    assert main([str(tmp_path / "set.jsonl"), "--out", str(rows)]) == 130
    assert capsys.readouterr().err == "evaluate: interrupted\n"
    assert rows.read_text(encoding="utf-8") == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.jsonl", "set.jsonl"]


def test_an_output_that_cannot_be_written_is_told_before_a_set_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set.jsonl").write_text("{", encoding="utf-8")
    assert main([str(tmp_path / "set.jsonl"), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"evaluate: {tmp_path}: cannot be written (Is a directory); give another")
