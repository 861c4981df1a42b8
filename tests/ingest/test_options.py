"""Options that make no sense, or would have no effect, are refused before anything is written."""

import json
from pathlib import Path

import pytest

from tests.ingest.material import command, json_lines, records, warc, wet
from tests.ingest.pages import clean_page


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """One file of each of three formats, each alone in a folder."""
    json_lines(tmp_path / "in/jsonl/x.jsonl", records([clean_page(0)]))
    wet(tmp_path / "in/wet/y.wet", [clean_page(1)])
    warc(tmp_path / "in/warc/z.warc.gz", [clean_page(2)])
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--drop-boilerplate",), "--drop-boilerplate acts on the cleaned text alone; add --cleaned"),
        (("--id-column", "url"), "--id-column url is for --to dolma alone; add that or leave it out"),
        (("--to", "dolma", "--cleaned"), "--to dolma has no place for --cleaned;"),
        (
            ("--to", "dolma", "--probabilities", "--lines", "flagged"),
            "--to dolma has no place for --lines flagged, --probabilities;",
        ),
        (("--to", "dolma", "--drop-boilerplate"), "--to dolma has no place for --drop-boilerplate;"),
    ],
)
def test_options_of_an_annotation_that_would_have_no_effect_are_refused(
    tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], words: str
) -> None:
    assert command("annotate", inputs, "-o", tmp_path / "o", *options) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("names", "options"),
    [
        (("jsonl", "wet"), ("--main-content",)),
        (("wet", "warc"), ("--text-column", "body")),
        (("wet", "warc"), ("--id-column", "url", "--to", "dolma")),
    ],
)
def test_an_option_of_a_format_that_no_input_has_is_refused(
    tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str], names: tuple[str, ...], options: tuple[str, ...]
) -> None:
    assert command("annotate", *(inputs / name for name in names), "-o", tmp_path / "o", *options) == 2
    assert f"{options[0]}" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    # One input of that format is enough: folders may hold several.
    json_lines(inputs / "jsonl/x.jsonl", [{"id": "x", "url": "y", "body": clean_page(0), "text": clean_page(0)}])
    assert command("annotate", inputs, "-o", tmp_path / "o", *options) == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--max-characters", "-1"),
        ("--max-characters", "0"),
        ("--min-characters", "-5"),
        ("--alarm-share", "nan"),
        ("--alarm-share", "-0.1"),
        ("--alarm-share", "inf"),
        ("--min-kept-share", "nan"),
        ("--min-kept-share", "2"),
        ("--max-false-positive-rate", "nan"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert command("filter", inputs, "-o", tmp_path / "o", "--rejected", tmp_path / "r", option, value) == 2
    error = capsys.readouterr().err
    assert f"{option} {value}" in error
    assert "choose" in error
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("option", ["--text-column", "--id-column"])
@pytest.mark.parametrize(
    "name", ["spamfilter_rejected", "spamfilter_reason", "spamfilter_kind", "spamfilter_probability"]
)
def test_a_text_or_an_id_where_filter_writes_its_reasons_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, name: str
) -> None:
    path = json_lines(tmp_path / "x.jsonl", [{name: "a", "text": "b", "id": "c"}])
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", option, name) == 2
    assert f"{option} {name} is where filter writes why a page is rejected; rename" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_text_where_annotate_writes_its_verdicts_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = json_lines(tmp_path / "x.jsonl", [{"id": "a", "spamfilter": clean_page(0)}])
    arguments = ("annotate", path, "-o", tmp_path / "o", "--text-column", "spamfilter")
    assert command(*arguments) == 2
    assert "--output-column spamfilter is the column of the text; choose another name" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    # In attribute files it is but the beginning of other names.
    assert command(*arguments, "--to", "dolma") == 0


def test_more_jobs_than_any_machine_can_serve_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = json_lines(tmp_path / "x.jsonl", records([clean_page(0)]))
    assert command("annotate", path, "-o", tmp_path / "o", "-j", 100_000) == 2
    assert "--jobs 100000 is more than this machine can serve; choose fewer" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_a_part_to_which_no_file_falls_says_so(
    tmp_path: Path, inputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("annotate", inputs, "-o", tmp_path / "o", "--part", "5/10") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "spamfilter: no file falls to part 5/10: there are 3 in all\n"
    assert command("annotate", inputs, "-o", tmp_path / "o", "--part", "6/10", "--json") == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["files"] == []
    assert "part 6/10" in told.err
