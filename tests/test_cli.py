"""The command line: what a person sees, what a program reads, and what it refuses."""

import io
import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from spamfilter import Predictor, __version__, cli
from spamfilter.commands.page_input import decode_page

ROOT = Path(__file__).parent.parent
SPUN, CLEAN = ROOT / "examples" / "spun_page.txt", ROOT / "examples" / "clean_page.txt"


def scan(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.main(["scan", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def write(folder: Path, data: bytes) -> Path:
    path = folder / "page.txt"
    path.write_bytes(data)
    return path


def test_a_flagged_page_is_shown_with_labels_probabilities_marked_spans_and_a_verdict(
    capsys: pytest.CaptureFixture[str], predictor: Predictor, spun_page: str
) -> None:
    code, out, err = scan(capsys, SPUN)
    assert (code, err) == (1, "")
    *lines, verdict = out.splitlines()
    page = predictor.predict(spun_page)
    assert len(lines) == len(page.lines)
    for line, shown in zip(page.lines, lines, strict=True):
        assert shown.split()[0] == str(line.number + 1)
        assert (line.label.value in shown) == bool(line.text.strip())
        assert (" % " in shown) == line.is_flagged
    assert "⟦online casino free spins no deposit⟧" in lines[3]
    assert lines[2].endswith("{dede:field.title function='html2text(@me)'/}")
    assert verdict.startswith(f"{SPUN}: spun page of a link farm; probability of spam ")
    assert f"{len(page.flagged)} of 17 lines flagged" in verdict


def test_a_clean_page_ends_with_zero_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = scan(capsys, CLEAN)
    assert code == 0
    assert f"{CLEAN}: clean page; " in out
    assert "0 of 13 lines flagged" in out
    assert "Minutes of the allotment society" in out


def test_only_flagged_lines_are_shown_on_request(capsys: pytest.CaptureFixture[str], predictor: Predictor) -> None:
    _, out, _ = scan(capsys, SPUN, "--only-flagged")
    flagged = predictor.predict(SPUN.read_text(encoding="utf-8")).flagged
    assert [int(line.split()[0]) for line in out.splitlines()[:-1]] == [line.number + 1 for line in flagged]


def test_several_files_get_a_verdict_each_and_one_flagged_file_decides_the_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = scan(capsys, CLEAN, SPUN, CLEAN)
    assert code == 1
    assert [out.count(f"{path}: ") for path in (CLEAN, SPUN)] == [2, 1]


def test_json_has_one_object_a_file_with_all_that_the_library_says(
    capsys: pytest.CaptureFixture[str], predictor: Predictor, spun_page: str
) -> None:
    code, out, _ = scan(capsys, "--json", CLEAN, SPUN)
    clean, spun = map(json.loads, out.splitlines())
    page = predictor.predict(spun_page)
    assert code == 1
    assert (clean["file"], clean["kind"], clean["is_spam"], clean["flagged_count"]) == (str(CLEAN), "clean", False, 0)
    assert (spun["kind"], spun["is_spam"], spun["probability"]) == ("link_farm", True, page.probability)
    assert len(spun["lines"]) == spun["line_count"] == 17
    for line, record in zip(page.lines, spun["lines"], strict=True):
        assert spun_page[record["start"] : record["end"]] == record["text"] == line.text
        assert (record["number"], record["label"], record["flagged"]) == (line.number, line.label, line.is_flagged)
        assert record["probabilities"] == {label.value: value for label, value in line.probabilities.items()}
        assert [(span["start"], span["end"]) for span in record["spans"]] == [
            (span.start, span.end) for span in line.spans
        ]


def test_json_with_only_flagged_leaves_the_counts_of_the_whole_page(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = scan(capsys, "--json", "--only-flagged", SPUN)
    record = json.loads(out)
    assert all(line["flagged"] for line in record["lines"])
    assert record["line_count"] == 17
    assert record["flagged_count"] == len(record["lines"])


def test_reasons_are_given_for_flagged_lines_stretches_and_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = scan(capsys, SPUN, "--explain")
    lines = out.splitlines()
    casino = next(number for number, line in enumerate(lines) if "⟦online casino free spins" in line)
    because = [line for line in lines[casino + 1 : casino + 12] if line.lstrip().startswith("because ")]
    assert because
    assert all(line.lstrip().startswith("because ⟦online casino") for line in because)
    assert "       because line 17 is link_exchange" in lines
    verdict = next(number for number, line in enumerate(lines) if line.startswith(f"{SPUN}: "))
    assert lines[verdict + 1].lstrip().startswith("because ")
    heading = next(number for number, line in enumerate(lines) if "How to mend a dry stone wall" in line)
    assert "because" not in lines[heading + 1]


def test_json_carries_the_reasons_too(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = scan(capsys, SPUN, "--explain", "--json")
    record = json.loads(out)
    assert record["reasons"]
    assert all(line["reasons"] for line in record["lines"] if line["flagged"] and not line["spans"])
    assert not any("reasons" in line for line in record["lines"] if not line["flagged"])


def test_the_rate_changes_what_is_flagged(capsys: pytest.CaptureFixture[str], predictor: Predictor) -> None:
    _, out, _ = scan(capsys, SPUN, "--json", "--max-false-positive-rate", "0.0001")
    expected = predictor.predict(SPUN.read_text(encoding="utf-8"), max_false_positive_rate=1e-4)
    assert [line["label"] for line in json.loads(out)["lines"]] == [line.label for line in expected.lines]


# Colour


def test_colour_is_used_always_or_never_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b[" in scan(capsys, SPUN, "--color", "always")[1]
    assert "\x1b[" not in scan(capsys, SPUN, "--color", "never")[1]


def test_no_colour_goes_into_a_file_or_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b[" not in scan(capsys, SPUN)[1]


def on_terminal(**environment: str) -> bytes:
    """What ``scan`` writes to a terminal."""
    here, there = pty.openpty()
    variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    variables.update({"PYTHONPATH": str(ROOT), "TERM": "xterm", **environment})
    command = [sys.executable, "-m", "spamfilter", "scan", str(SPUN)]
    process = subprocess.Popen(command, stdout=there, stderr=there, env=variables)
    os.close(there)
    written = b""
    while select.select([here], [], [], 60)[0]:
        try:
            block = os.read(here, 4096)
        except OSError:
            break
        if not block:
            break
        written += block
    assert process.wait(60) == 1
    os.close(here)
    return written


def test_a_terminal_gets_colour_unless_no_color_is_set_or_it_is_dumb() -> None:
    assert b"\x1b[" in on_terminal()
    assert b"\x1b[" not in on_terminal(NO_COLOR="1")
    assert b"\x1b[" not in on_terminal(TERM="dumb")
    assert b"\x1b[" in on_terminal(NO_COLOR="")


def test_control_characters_of_a_page_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = "The mill \x1b]0;owned\x07 stands by the river\u202e and grinds rye for three villages \x9b every day.\n"
    _, out, _ = scan(capsys, write(tmp_path, text.encode()))
    assert not set("\x1b\x07\u202e\x9b") & set(out)
    assert "\\x1b]0;owned\\x07" in out
    assert "\\u202e" in out


# Input


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_every_newline_style_and_a_byte_order_mark_are_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, newline: bytes
) -> None:
    path = write(
        tmp_path,
        b"\xef\xbb\xbf" + newline.join([b"The mill grinds flour for five villages.", b"", b"It was built in 1870."]),
    )
    code, out, err = scan(capsys, path, "--json")
    assert (code, err) == (0, "")
    lines = ["The mill grinds flour for five villages.", "", "It was built in 1870."]
    assert [line["text"] for line in json.loads(out)["lines"]] == lines


def test_broken_bytes_are_replaced_and_that_is_said_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write(tmp_path, b"The caf\xe9 by the mill\nopens at nine\xff in the morning, it is said.\n")
    code, out, err = scan(capsys, path)
    assert code == 0
    assert err == f"spamfilter: {path}: not UTF-8 in 2 places, replaced by U+FFFD\n"
    assert "caf\ufffd by the mill" in out


def test_replacement_characters_that_were_there_are_not_counted_as_broken() -> None:
    assert decode_page("x", "a\ufffdb".encode()).replaced == 0
    assert decode_page("x", "a\ufffdb".encode() + b"\xff").replaced == 1


def test_standard_input_is_read_for_a_dash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SPUN.read_bytes())))
    code, out, _ = scan(capsys, "-")
    assert code == 1
    assert "<standard input>: spun page of a link farm" in out


@pytest.mark.parametrize("data", [b"", b"\n", b" \n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_a_clean_page(capsys: pytest.CaptureFixture[str], tmp_path: Path, data: bytes) -> None:
    code, out, err = scan(capsys, write(tmp_path, data))
    assert (code, err) == (0, "")
    assert "clean page" in out


def test_a_text_with_a_stray_nul_is_still_text() -> None:
    assert decode_page("x", b"A line of text that somebody cut off\x00 in the middle.\n" * 3).replaced == 0


@pytest.mark.parametrize("data", [b"Hello\x00world\n", b"\x00", b"\x02Note\x03 and \x1cend"])
def test_a_few_stray_control_characters_make_no_short_page_binary(data: bytes) -> None:
    assert decode_page("x", data).text == data.decode()


BINARY = {
    "an executable": b"\x7fELF\x02\x01\x01" + bytes(200),
    "gzip": b"\x1f\x8b\x08\x00" + bytes(range(256)) * 8,
    "a picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00\x00\x00\x01\x00\x08\x06",
    "zeros": bytes(1000),
    "UTF-16": "A line of text".encode("utf-16"),
    "UTF-16 without its mark": "A line of text".encode("utf-16-le"),
}


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_file_is_one_line_of_error_and_exit_code_two(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    path = write(tmp_path, BINARY[name])
    code, out, err = scan(capsys, path)
    assert (code, out) == (2, "")
    assert err.startswith(f"spamfilter: {path}: is ")
    assert err.count("\n") == 1


def test_a_file_that_is_not_there_does_not_stop_the_others(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = scan(capsys, tmp_path / "nowhere.txt", tmp_path, SPUN)
    assert code == 2
    assert err.splitlines() == [
        f"spamfilter: {tmp_path / 'nowhere.txt'}: cannot be read: No such file or directory",
        f"spamfilter: {tmp_path}: cannot be read: Is a directory",
    ]
    assert f"{SPUN}: spun page" in out


def test_a_file_name_with_a_nul_is_an_input_error(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = scan(capsys, "a\x00b")
    assert code == 2
    assert "cannot be read" in err


# Usage and failure


@pytest.mark.parametrize(
    "arguments",
    [[], ["scan"], ["nonsense"], ["scan", "--nonsense", "x"], ["scan", "--color", "blue", "x"],
     ["scan", "--max-false-positive-rate", "few", "x"]],
)  # fmt: skip
def test_wrong_usage_exits_with_two_and_says_how_to_call_it(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: spamfilter" in capsys.readouterr().err


@pytest.mark.parametrize("rate", ["0", "2", "-1", "nan", "1e-9"])
def test_a_rate_that_was_not_measured_is_one_line_of_error(capsys: pytest.CaptureFixture[str], rate: str) -> None:
    code, out, err = scan(capsys, SPUN, "--max-false-positive-rate", rate)
    assert (code, out) == (2, "")
    assert err.startswith("spamfilter: --max-false-positive-rate ")
    assert "choose a value from 0.0001 to " in err
    assert err.count("\n") == 1


def test_a_folder_that_is_no_model_is_one_line_of_error(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = scan(capsys, SPUN, "--model", tmp_path)
    assert code == 2
    assert "not a model folder" in err
    assert err.count("\n") == 1


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"spamfilter {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(f"\n    {name} " in out for name in cli.COMMANDS)
