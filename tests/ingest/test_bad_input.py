"""What cannot be used is counted, named with file and position, and listed; nothing is lost."""

import base64
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.ingest.material import (
    ROOT,
    command,
    compress,
    decompress,
    html_response,
    json_lines,
    problems,
    read_json_lines,
    records,
    summary,
    table,
    tree,
    warc,
    wet_bytes,
)
from tests.ingest.pages import clean_page, mixed_page, pages

FULL_DISK = """
import sys, uuid
from spamfilter.cli import main
from spamfilter.ingest import byte_files, run
byte_files.uuid4 = lambda: uuid.UUID(int=0)
run.remove_partials = lambda paths: None
sys.exit(main(sys.argv[1:]))
"""
"""Gives partial files a known name, so that one of them can be a link to a full disk."""
GOOD = json.dumps({"text": clean_page(0)}).encode()


def filtered(tmp_path: Path, *options: object) -> int:
    return command("filter", tmp_path / "in", "-o", tmp_path / "o", "--rejected", tmp_path / "r", *options)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"text": "cut off', "broken_record"),
        (b'["no object"]', "broken_record"),
        (b"no JSON", "broken_record"),
        (b'{"text": "caf\xe9"}', "wrong_encoding"),
        (b'{"text": "caf\xe9", "b": "\x80', "wrong_encoding"),
    ],
)
def test_a_broken_line_is_listed_with_its_bytes_and_the_others_are_used(tmp_path: Path, line: bytes, kind: str) -> None:
    compress(tmp_path / "in/x.jsonl", b"\n".join([GOOD, line, GOOD]))
    assert filtered(tmp_path) == 1
    assert decompress(tmp_path / "o/x.jsonl") == (GOOD + b"\n") * 2
    (problem,) = problems(tmp_path / "o")
    assert problem["kind"] == kind
    assert problem["file"] == str(tmp_path / "in/x.jsonl")
    assert problem["position"] == "line 2"
    kept = problem["record"].encode() if "record" in problem else base64.b64decode(problem["record_base64"])
    assert kept == line
    assert summary(tmp_path / "o")["total"]["problems"] == {kind: 1}


@pytest.mark.parametrize(
    "command_line", [("filter", "--rejected", "r", "--reject", "none"), ("annotate", "--to", "parquet")], ids=" ".join
)
def test_a_record_that_is_nested_too_deeply_is_a_broken_record_and_the_others_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    deep = f'{{"text": {json.dumps(mixed_page(0))}, "deep": {"[" * 990}{"]" * 990}}}'.encode()
    compress(tmp_path / "in/x.jsonl", b"\n".join([GOOD, deep, GOOD]))
    assert command(*command_line, "in", "-o", "o") == 1
    (problem,) = problems(tmp_path / "o")
    assert (problem["kind"], problem["position"]) == ("broken_record", "line 2")
    assert "nested more than 500 levels deep" in problem["message"]
    assert problem["record"].encode() == deep
    assert summary(tmp_path / "o")["total"]["kept"] == 2


@pytest.mark.parametrize("record", [{"body": "x"}, {"text": None}, {"text": 7}, {"text": ["x"]}])
def test_a_record_without_text_is_rejected_with_the_reason(tmp_path: Path, record: dict[str, object]) -> None:
    json_lines(tmp_path / "in/x.jsonl", [{"text": clean_page(0)}, record])
    assert filtered(tmp_path) == 1
    assert len(read_json_lines(tmp_path / "o/x.jsonl")) == 1
    (gone,) = read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")
    assert gone.pop("spamfilter_rejected") == {"reason": "no_text"}
    assert gone == record
    assert problems(tmp_path / "o")[0]["position"] == "line 2"


def test_rows_without_usable_text_are_rejected_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text = pa.array([clean_page(0).encode(), None, b"caf\xe9", b"x" * 600]).view(pa.string())
    pq.write_table(pa.table({"text": text, "n": range(4)}), tmp_path / "in/x.parquet")
    assert filtered(tmp_path, "--max-characters", 500) == 1
    assert pq.read_table(tmp_path / "o/x.parquet")["n"].to_pylist() == [0]
    gone = pq.read_table(tmp_path / "r/x.rejected.parquet")
    assert gone.drop_columns(["text"]).select(["n", "spamfilter_reason"]).to_pylist() == [
        {"n": 1, "spamfilter_reason": "no_text"},
        {"n": 2, "spamfilter_reason": "wrong_encoding"},
        {"n": 3, "spamfilter_reason": "too_long"},
    ]
    assert gone["text"].cast(pa.binary()).to_pylist() == [None, b"caf\xe9", b"x" * 600]
    assert [one["position"] for one in problems(tmp_path / "o")] == ["row 1", "row 2", "row 3"]


def test_a_text_that_is_too_long_is_rejected_unjudged(tmp_path: Path) -> None:
    json_lines(tmp_path / "in/x.jsonl", records([clean_page(0), "x" * 600]))
    assert filtered(tmp_path, "--max-characters", 500) == 1
    assert read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")[0]["spamfilter_rejected"] == {"reason": "too_long"}


def test_an_archive_with_rubbish_in_it_is_used_up_to_there(tmp_path: Path) -> None:
    members = wet_bytes(pages(4))
    compress(tmp_path / "in/x.wet", b"".join([*members[:3], b"rubbish\r\n" * 9, *members[3:]]))
    assert filtered(tmp_path) == 1
    assert summary(tmp_path / "o")["total"]["pages"] == 2
    assert problems(tmp_path / "o")[0]["position"] == "after record 3"


def test_a_wet_record_that_is_not_utf8_is_listed_with_its_bytes(tmp_path: Path) -> None:
    data = b"".join(wet_bytes(["cafe", clean_page(0)])).replace(b"\r\n\r\ncafe", b"\r\n\r\ncaf\xe9")
    compress(tmp_path / "in/x.wet", data)
    assert filtered(tmp_path) == 1
    assert base64.b64decode(problems(tmp_path / "o")[0]["record_base64"]) == b"caf\xe9"
    assert summary(tmp_path / "o")["total"]["pages"] == 1


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("x.jsonl", '{"text": "x"}\n'.encode("utf-16"), "wrong_encoding"),
        ("x.parquet", b"PAR1 and not more", "unreadable"),
        ("x.parquet", b"", "unreadable"),
        ("x.jsonl.gz", b"not gzip", "unreadable"),
        ("x.jsonl.zst", b"not zstd", "unreadable"),
        ("x.jsonl.gz", b"", "truncated"),
        ("x.jsonl.zst", b"", "truncated"),
        ("x.warc.wet.gz", b"", "truncated"),
        ("x.warc.gz", b"not gzip", "unreadable"),
        ("x.wet", b"not a WARC file\r\n", "unreadable"),
        ("x.warc", b"hello world\n" * 10, "unreadable"),
        ("x.wet.gz", gzip.compress(b"hello world\n" * 10), "unreadable"),
        ("x.wet", b"", "unreadable"),
        ("x.warc", b"", "unreadable"),
        ("x.wet", b"\n\r\n\n", "unreadable"),
        ("x.warc.gz", gzip.compress(b""), "unreadable"),
        ("x.wet", b"".join(wet_bytes(["x"] * 5)).replace(b"\r", b""), "unreadable"),
        ("x.warc", b"".join(wet_bytes(["x"] * 5)).replace(b"\r", b""), "unreadable"),
        ("x.warc", b"".join(wet_bytes(["x"] * 5)), "unreadable"),
        ("x.wet", html_response(0, "x") * 5, "unreadable"),
        ("x.wet", gzip.compress(b"".join(wet_bytes(["x"] * 5)) * 99)[:-20], "unreadable"),
        ("x.jsonl", gzip.compress(GOOD), "unreadable"),
        ("x.jsonl", zstandard.compress(GOOD), "unreadable"),
        ("x.jsonl.gz", gzip.compress(gzip.compress(GOOD)), "unreadable"),
        ("x.txt", gzip.compress(b"x"), "unreadable"),
        ("x.txt", b"caf\xe9", "wrong_encoding"),
    ],
)
def test_a_file_that_is_something_else_is_named_and_the_others_are_used(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    compress(tmp_path / "in/a.jsonl", GOOD)
    (tmp_path / "in" / name).write_bytes(content)
    assert filtered(tmp_path) == 1
    assert decompress(tmp_path / "o/a.jsonl") == GOOD + b"\n"
    (problem,) = problems(tmp_path / "o")
    assert (problem["kind"], problem["file"]) == (kind, str(tmp_path / "in" / name))
    # What is empty may have been cut off at its very beginning.
    assert not list((tmp_path / "o").glob("x.*")) or kind == "truncated"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
@pytest.mark.parametrize(
    "content",
    [
        b'\n[\n {"text": "x"},\n {"text": "y"}\n]\n',
        b'[{"text": "x"}, {"text": "y"}]',
        b' [ {"text": "x"}, {"text": "y"} ] \n\n',
        b'[{"text": "x"},\n{"text": "y"}]\n',
        b'[{"text": "x"}\n,{"text": "y"}\n]\n',
        b'[{\n  "text": "x"\n}]\n',
        b"[]",
    ],
)
@pytest.mark.parametrize("options", [(), ("--to", "parquet")], ids=str)
def test_one_json_array_is_named_and_gives_no_output(
    tmp_path: Path, mark: bytes, content: bytes, options: tuple[str, ...]
) -> None:
    compress(tmp_path / "in/x.json", mark + content)
    assert filtered(tmp_path, *options) == 1
    (problem,) = problems(tmp_path / "o")
    assert problem["kind"] == "unreadable"
    assert "jq -c '.[]'" in problem["message"]
    assert not list((tmp_path / "o").glob("x.*"))
    assert summary(tmp_path / "o")["files"][0]["status"] == "unreadable"


@pytest.mark.parametrize("content", [json.dumps({"text": "x", "n": {}}, indent=1), "{\n}\n{\n}\n"])
@pytest.mark.parametrize("options", [(), ("--to", "parquet")], ids=str)
def test_objects_on_many_lines_are_named_and_give_no_output(
    tmp_path: Path, content: str, options: tuple[str, ...]
) -> None:
    compress(tmp_path / "in/x.json", content.encode())
    assert filtered(tmp_path, *options) == 1
    (problem,) = problems(tmp_path / "o")
    assert problem["kind"] == "unreadable"
    assert "jq -c ." in problem["message"]
    assert not list((tmp_path / "o").glob("x.*"))


def test_a_lone_bracket_before_objects_is_a_broken_record(tmp_path: Path) -> None:
    compress(tmp_path / "in/x.jsonl", b"{\n" + GOOD)
    assert filtered(tmp_path) == 1
    assert decompress(tmp_path / "o/x.jsonl") == GOOD + b"\n"
    assert problems(tmp_path / "o")[0]["position"] == "line 1"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("line", [b'[{"text": "x"}]', b"[]", b'["no object"]', b"[deleted]"])
def test_one_line_with_an_array_among_objects_is_a_broken_record(tmp_path: Path, line: bytes, place: int) -> None:
    lines = [GOOD, GOOD]
    lines.insert(place, line)
    compress(tmp_path / "in/x.jsonl", b"\n" + b"\n".join(lines))
    assert filtered(tmp_path) == 1
    assert decompress(tmp_path / "o/x.jsonl") == (GOOD + b"\n") * 2
    (problem,) = problems(tmp_path / "o")
    assert (problem["kind"], problem["position"]) == ("broken_record", f"line {place + 2}")
    assert problem["record"].encode() == line


def test_a_missing_column_is_named_and_the_other_files_are_used(tmp_path: Path) -> None:
    table(tmp_path / "in/a.parquet", [clean_page(0)])
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "in/b.parquet")
    assert filtered(tmp_path) == 1
    (problem,) = problems(tmp_path / "o")
    assert problem["kind"] == "missing_column"
    assert "'text'" in problem["message"]
    assert "body" in problem["message"]
    assert not (tmp_path / "o/b.parquet").exists()
    files = {Path(one["file"]).name: one["status"] for one in summary(tmp_path / "o")["files"]}
    assert files == {"a.parquet": "done", "b.parquet": "unreadable"}


def test_a_column_from_which_no_rows_can_be_taken_is_named_and_the_other_files_are_used(tmp_path: Path) -> None:
    table(tmp_path / "in/b.parquet", [clean_page(0)])
    pairs = pa.FixedSizeListArray.from_arrays(pa.array(["a", "b", "c", "d"], pa.string_view()), 2)
    pq.write_table(pa.table({"text": [clean_page(0), None], "pairs": pairs}), tmp_path / "in/a.parquet")
    assert filtered(tmp_path) == 1
    (problem,) = [one for one in problems(tmp_path / "o") if one["kind"] == "unreadable"]
    assert "'pairs' of the type fixed_size_list<element: string_view>[2]; cast it" in problem["message"]
    assert {one["file"]: one["kept"] for one in summary(tmp_path / "o")["files"]} == {
        str(tmp_path / "in/a.parquet"): 0,
        str(tmp_path / "in/b.parquet"): 1,
    }


def test_a_damaged_row_group_is_named_and_the_others_are_used(tmp_path: Path) -> None:
    path = table(tmp_path / "in/x.parquet", pages(40), rows_a_group=10)
    place = pq.ParquetFile(path).metadata.row_group(1).column(1)
    start = place.dictionary_page_offset or place.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + place.total_compressed_size] = bytes(place.total_compressed_size)
    path.write_bytes(data)
    assert filtered(tmp_path) == 1
    assert summary(tmp_path / "o")["total"]["pages"] == 30
    assert problems(tmp_path / "o")[0]["position"] == "row group 1, from row 10"


@pytest.mark.parametrize("target", ["gone.jsonl", "b.jsonl"], ids=["nowhere", "to itself"])
def test_a_link_that_leads_nowhere_or_to_itself_is_named_and_the_others_are_used(tmp_path: Path, target: str) -> None:
    compress(tmp_path / "in/a.jsonl", GOOD)
    (tmp_path / "in/b.jsonl").symlink_to(target)
    assert filtered(tmp_path) == 1
    assert decompress(tmp_path / "o/a.jsonl") == GOOD + b"\n"
    (problem,) = problems(tmp_path / "o")
    assert (problem["kind"], problem["file"]) == ("unreadable", str(tmp_path / "in/b.jsonl"))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_must_not_be_read_is_named(tmp_path: Path) -> None:
    compress(tmp_path / "in/a.jsonl", GOOD).chmod(0)
    assert filtered(tmp_path) == 1
    assert problems(tmp_path / "o")[0]["kind"] == "unreadable"


def test_one_page_that_cannot_be_parsed_does_not_end_an_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spamfilter.ingest import warc as module

    whole = module.html_text

    def fails_on_the_second(html: bytes, encoding: str, *, main_content: bool = False) -> str:
        if b"day 1 " in html:
            raise RuntimeError("parser gave up")
        return whole(html, encoding, main_content=main_content)

    monkeypatch.setattr(module, "html_text", fails_on_the_second)
    warc(tmp_path / "in/x.warc.gz", [clean_page(number) for number in range(3)])
    assert filtered(tmp_path) == 1
    assert summary(tmp_path / "o")["total"]["pages"] == 2
    assert "parser gave up" in problems(tmp_path / "o")[0]["message"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_strict_stops_at_the_first_problem_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    for name in "abc":
        compress(tmp_path / f"in/{name}.jsonl", GOOD + b"\nno JSON\n" + GOOD)
    assert filtered(tmp_path, "--strict", "-j", jobs) == 2
    # Which of the files is read first is a matter of chance where two processes read.
    assert ".jsonl, line 2: no JSON object" in capsys.readouterr().err
    assert not (tmp_path / "o/a.jsonl").exists()
    assert not any(".partial" in name for name in tree(tmp_path / "o"))


def test_a_run_that_ends_early_leaves_nothing_of_what_its_other_workers_wrote(tmp_path: Path) -> None:
    # Both are at work when the first one fails.
    compress(tmp_path / "in/a.jsonl", (GOOD + b"\n") * 15_000 + b"no JSON\n")
    compress(tmp_path / "in/b.jsonl", (GOOD + b"\n") * 100_000)
    assert filtered(tmp_path, "--strict", "-j", 2) == 2
    assert not any(".partial" in name for name in tree(tmp_path / "o"))


def test_a_problem_is_told_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compress(tmp_path / "in/a.jsonl", b"no JSON\n" + GOOD)
    filtered(tmp_path)
    output = capsys.readouterr()
    assert "problem: broken_record" in output.out
    assert "1 problem, listed in" in output.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to play the full disk")
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.zst", "x.jsonl.gz", "x.parquet"])
def test_a_full_disk_stops_the_run_with_one_line_and_resume_goes_on(tmp_path: Path, name: str) -> None:
    if name == "x.parquet":
        table(tmp_path / "in" / name, pages(30))
    else:
        json_lines(tmp_path / "in" / name, records(pages(30)))
    json_lines(tmp_path / "in/a.jsonl", records(pages(10)))
    (tmp_path / "o").mkdir()
    (tmp_path / f"o/.{name}.{'0' * 32}.partial").symlink_to("/dev/full")
    arguments = ["filter", str(tmp_path / "in"), "-o", str(tmp_path / "o"), "--rejected", str(tmp_path / "r")]
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert run.returncode == 2
    place = tmp_path / "o" / name
    assert run.stderr == f"spamfilter: {place}: No space left on device; mend it and go on with --resume\n"
    assert (tmp_path / "o/a.jsonl").exists()
    assert not (tmp_path / "o" / name).exists()
    assert not any(".partial" in one for one in [*tree(tmp_path / "o"), *tree(tmp_path / "r")])
    assert filtered(tmp_path, "--resume") == 0
    whole = tmp_path / "w"
    command("filter", tmp_path / "in", "-o", whole, "--rejected", tmp_path / "v")
    assert tree(whole) == tree(tmp_path / "o")
    assert tree(tmp_path / "v") == tree(tmp_path / "r")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file system that takes any bytes as a name")
def test_files_with_names_that_are_not_utf8_are_used_and_named_with_escapes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    compress(tmp_path / f"in/t/{name}.txt", clean_page(0).encode())
    assert command("annotate", tmp_path / "in/t", "-o", tmp_path / "a", "--to", "parquet") == 0
    assert pq.read_table(tmp_path / "a")["id"].to_pylist() == [r"caf\udce9.txt"]
    # pyarrow writes no file of such a name.
    table(tmp_path / "in/x.parquet", [clean_page(0)]).rename(tmp_path / f"in/{name} 1.parquet")
    json_lines(tmp_path / f"in/{name} 2.jsonl", records([clean_page(0)]))
    assert filtered(tmp_path) == 0
    assert summary(tmp_path / "o")["total"]["kept"] == 3
    path = warc(tmp_path / f"in/{name}.warc.gz", [clean_page(0)])
    assert command("filter", path, "-o", tmp_path / "w", "--rejected", tmp_path / "r", "--to", "wet") == 0
    head = decompress(tmp_path / f"w/{name}.warc.wet.gz").partition(b"conversion")[0].decode()
    assert r"WARC-Filename: caf\udce9.warc.wet.gz" in head
    assert r"source: caf\udce9.warc.gz" in head


@pytest.mark.parametrize("option", ["--text-column", "--id-column", "--output-column"])
def test_a_name_of_a_column_that_is_not_utf8_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    table(tmp_path / "in/x.parquet", [clean_page(0)])
    named = (option, os.fsdecode(b"\xff"), "--to", "dolma")
    assert command("annotate", tmp_path / "in", "-o", tmp_path / "o", *named) == 2
    assert rf"{option} \udcff is not UTF-8" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
