"""``filter`` keeps, cuts and rejects as the library says, and nothing is lost."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from spamfilter import LABELS, DocumentPrediction, LinePrediction, Predictor
from tests.ingest.material import (
    command,
    compress,
    decompress,
    json_lines,
    read_json_lines,
    records,
    summary,
    table,
    tree,
    warc,
    wet,
)
from tests.ingest.pages import SPAM_LINES, clean_page, mixed_page, pages, spam_page

TEXTS = [*pages(40), "", "\n\n", SPAM_LINES[0], "one line of text"]


def expected(predictor: Predictor, texts: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Texts kept and reasons of rejection by page id, from the library alone."""
    kept, rejected = {}, {}
    for place, prediction in enumerate(predictor.predict_many(texts)):
        name = f"page-{place}"
        clean = prediction.clean_text()
        if prediction.is_spam:
            rejected[name] = prediction.kind.value
        elif prediction.flagged and not clean.strip():
            rejected[name] = "nothing_left"
        else:
            kept[name] = clean
    return kept, rejected


def marks(line: LinePrediction) -> list[list[object]]:
    return [[span.start, span.end, span.label.value, span.probability] for span in line.spans]


def test_pages_of_the_tests_are_kept_cut_and_rejected(predictor: Predictor) -> None:
    kept, rejected = expected(predictor, TEXTS)
    assert rejected
    assert any(text in TEXTS for text in kept.values())
    assert any(text not in TEXTS for text in kept.values())


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_json_lines_are_filtered_as_the_library_says(predictor: Predictor, tmp_path: Path, suffix: str) -> None:
    path = json_lines(tmp_path / f"x.jsonl{suffix}", records(TEXTS))
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 0
    kept, rejected = expected(predictor, TEXTS)
    assert {one["id"]: one["text"] for one in read_json_lines(tmp_path / f"o/x.jsonl{suffix}")} == kept
    gone = read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")
    assert {one["id"]: one["spamfilter_rejected"]["reason"] for one in gone} == rejected
    assert {one["id"]: one["text"] for one in gone} == {
        one["id"]: one["text"] for one in records(TEXTS) if one["id"] in rejected
    }


def test_records_that_stay_whole_keep_every_byte(tmp_path: Path, predictor: Predictor) -> None:
    line = b'{ "n": 1.50, "text":"A caf\\u00e9 by the bridge.", "big": 98765432109876543210, "n": null }\r\n'
    path = compress(tmp_path / "x.jsonl", b"\xef\xbb\xbf" + line + b"\n" + line)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 0
    assert (tmp_path / "o/x.jsonl").read_bytes() == line + line
    assert not (tmp_path / "r").exists()


def test_each_cut_is_on_record_with_its_place(predictor: Predictor, tmp_path: Path) -> None:
    path = json_lines(tmp_path / "x.jsonl", records(TEXTS))
    command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r")
    kept, _ = expected(predictor, TEXTS)
    predictions: dict[str, DocumentPrediction] = {
        f"page-{place}": one for place, one in enumerate(predictor.predict_many(TEXTS))
    }
    wanted = [
        (name, line.number, line.start, line.end, line.label.value, line.probability, line.text, marks(line))
        for name in kept
        for line in predictions[name].flagged
    ]
    cuts = read_json_lines(tmp_path / "r/x.cuts.jsonl.zst")
    names = ("id", "line", "start", "end", "label", "probability", "text", "spans")
    assert [tuple(cut[name] for name in names) for cut in cuts] == wanted
    for cut in cuts:
        assert TEXTS[int(cut["id"].removeprefix("page-"))][cut["start"] : cut["end"]] == cut["text"]
        assert cut["record"] == int(cut["id"].removeprefix("page-")) + 1


def test_a_wet_file_stays_a_wet_file(predictor: Predictor, tmp_path: Path) -> None:
    path = wet(tmp_path / "x.warc.wet.gz", TEXTS)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 0
    kept, rejected = expected(predictor, TEXTS)
    found, kinds = {}, []
    for record in ArchiveIterator(str(tmp_path / "o/x.warc.wet.gz"), record_types=WarcRecordType.any_type):
        kinds.append(record.record_type)
        payload = record.reader.read()
        assert len(payload) == record.content_length
        if record.record_type == WarcRecordType.conversion:
            name = record.headers["WARC-Record-ID"].removeprefix("<urn:uuid:").removesuffix(">")
            found[name] = payload.decode()
            assert record.headers["WARC-Target-URI"].startswith("http://site.example/")
            cut = len(TEXTS[int(name.removeprefix("page-"))]) - len(found[name])
            assert record.headers.get("Spamfilter-Cut-Characters") == (str(cut) if cut else None)
    assert kinds[0] == WarcRecordType.warcinfo
    assert found == kept
    gone = read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")
    assert [one["spamfilter_rejected"]["reason"] for one in gone] == list(rejected.values())


def test_an_untouched_wet_file_holds_the_same_records_behind_one_that_says_who_wrote_it(tmp_path: Path) -> None:
    path = wet(tmp_path / "x.wet", [clean_page(number) for number in range(5)])
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 0
    begin, *records_found = (tmp_path / "o/x.wet").read_bytes().split(b"WARC/1.0\r\n")
    assert begin == b""
    assert b"software: spamfilter/" in records_found[0]
    assert [_sorted_head(one) for one in records_found[1:]] == [
        _sorted_head(one) for one in path.read_bytes().split(b"WARC/1.0\r\n")[1:]
    ]


def _sorted_head(record: bytes) -> tuple[list[bytes], bytes]:
    head, _, block = record.partition(b"\r\n\r\n")
    return sorted(head.split(b"\r\n")), block


def test_html_of_a_warc_file_is_judged_as_its_text(predictor: Predictor, tmp_path: Path) -> None:
    path = warc(tmp_path / "x.warc.gz", pages(12))
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--to", "parquet") == 0
    rows = pq.read_table(tmp_path / "o/x.parquet").to_pylist()
    gone = read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")
    assert {one["id"] for one in [*rows, *gone]} == {f"<urn:uuid:page-{number}>" for number in range(12)}
    assert rows[0]["url"] == "http://site.example/0"
    assert rows[0]["text"].split("\n")[0] == clean_page(0).split("\n")[0]
    assert summary(tmp_path / "o")["total"]["skipped"] == 1  # the picture; requests are not asked for
    assert command("filter", path, "-o", tmp_path / "w", "--rejected", tmp_path / "v", "--to", "wet") == 0
    written = ArchiveIterator(str(tmp_path / "w/x.warc.wet.gz"), record_types=WarcRecordType.conversion)
    read = [record.reader.read().decode() for record in written]
    assert read == [row["text"] for row in rows]


def test_parquet_rows_keep_their_other_columns_and_row_groups(predictor: Predictor, tmp_path: Path) -> None:
    path = table(tmp_path / "x.parquet", TEXTS)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 0
    kept, rejected = expected(predictor, TEXTS)
    result = pq.ParquetFile(tmp_path / "o/x.parquet")
    source = pq.ParquetFile(path)
    assert result.schema_arrow.equals(source.schema_arrow, check_metadata=True)
    assert result.metadata.num_row_groups <= source.metadata.num_row_groups
    assert result.metadata.row_group(0).column(1).compression == "ZSTD"
    rows = result.read().to_pylist()
    assert {row["id"]: row["text"] for row in rows} == kept
    assert all(row["id"] == f"page-{row['n']}" for row in rows)
    gone = pq.read_table(tmp_path / "r/x.rejected.parquet").to_pylist()
    assert {row["id"]: row["spamfilter_reason"] for row in gone} == rejected
    assert [row["text"] for row in gone] == [TEXTS[row["n"]] for row in gone]


def test_parquet_with_views_of_strings_is_filtered_as_one_without(tmp_path: Path) -> None:
    names = [f"page-{place}" for place in range(len(TEXTS))]
    types = {"views": (pa.string_view(), pa.binary_view()), "plain": (pa.string(), pa.binary())}
    for folder, (strings, octets) in types.items():
        nested = pa.struct([("of", strings), ("list", pa.list_(strings)), ("map", pa.map_(strings, octets))])
        notes = [{"of": name, "list": [name, None], "map": [(name, b"\xff")]} for name in names]
        columns = {
            "id": pa.array(names, strings),
            "bytes": pa.array([b"\xff" * 20, *map(str.encode, names[1:])], octets),
        }
        content = pa.table({**columns, "text": pa.array(TEXTS, strings), "notes": pa.array([None, *notes[1:]], nested)})
        (tmp_path / folder).mkdir()
        pq.write_table(content, tmp_path / folder / "x.parquet")
        places = ("-o", tmp_path / folder / "o", "--rejected", tmp_path / folder / "r")
        assert command("filter", tmp_path / folder / "x.parquet", *places) == 0
    for name in ("o/x.parquet", "r/x.rejected.parquet"):
        plain, views = pq.read_table(tmp_path / "plain" / name), pq.read_table(tmp_path / "views" / name)
        assert views.num_rows
        assert views.to_pylist() == plain.to_pylist()
        assert views.schema.types[:3] == [pa.string_view(), pa.binary_view(), pa.string_view()]


def test_a_text_file_is_a_page(predictor: Predictor, tmp_path: Path) -> None:
    texts = pages(8)
    for number, text in enumerate(texts):
        compress(tmp_path / f"in/page-{number}.txt", text.encode())
    assert command("filter", tmp_path / "in", "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 0
    kept, rejected = expected(predictor, texts)
    assert {path.stem: path.read_text() for path in (tmp_path / "o").glob("*.txt")} == kept
    for name, reason in rejected.items():
        (gone,) = read_json_lines(tmp_path / f"r/{name}.rejected.jsonl.zst")
        assert (gone["id"], gone["spamfilter_rejected"]["reason"]) == (f"{name}.txt", reason)


def test_all_formats_give_the_same_counts(tmp_path: Path) -> None:
    json_lines(tmp_path / "a/x.jsonl.zst", records(TEXTS))
    table(tmp_path / "b/x.parquet", TEXTS)
    wet(tmp_path / "c/x.warc.wet.gz", TEXTS)
    names = ("pages", "characters", "kinds", "lines", "label_characters", "kept", "rejected", "cut", "cut_characters")
    counts = []
    for name in "abc":
        command("filter", tmp_path / name, "-o", tmp_path / f"o{name}", "--rejected", tmp_path / f"r{name}")
        counts.append({key: summary(tmp_path / f"o{name}")["total"][key] for key in names})
    assert counts[0] == counts[1] == counts[2]
    assert counts[0]["kept"] + sum(counts[0]["rejected"].values()) == len(TEXTS)


def test_what_falls_below_the_callers_limits_is_rejected_with_the_reason(tmp_path: Path) -> None:
    texts = [clean_page(0), "short", clean_page(1) + "\n" + "\n".join(SPAM_LINES * 5)]
    path = json_lines(tmp_path / "x.jsonl", records(texts))
    limits = ("--reject", "none", "--min-characters", 20, "--min-kept-share", 0.9)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", *limits) == 0
    gone = read_json_lines(tmp_path / "r/x.rejected.jsonl.zst")
    assert [(one["id"], one["spamfilter_rejected"]["reason"]) for one in gone] == [
        ("page-1", "too_short"),
        ("page-2", "too_little_left"),
    ]


def test_boilerplate_goes_only_when_asked(predictor: Predictor, tmp_path: Path) -> None:
    menu = "Home\nAbout us\nContact\nLog in\nRegister"
    text = f"{menu}\n{clean_page(0)}\nShare on Facebook\nPrivacy policy\nCookie settings\nAll rights reserved."
    path = json_lines(tmp_path / "x.jsonl", records([text]))
    prediction = predictor.predict(text)
    assert prediction.clean_text(drop_boilerplate=True) != text
    command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r")
    command("filter", path, "-o", tmp_path / "p", "--rejected", tmp_path / "q", "--drop-boilerplate")
    assert read_json_lines(tmp_path / "o/x.jsonl")[0]["text"] == prediction.clean_text()
    assert read_json_lines(tmp_path / "p/x.jsonl")[0]["text"] == prediction.clean_text(drop_boilerplate=True)
    assert "boilerplate" in {cut["label"] for cut in read_json_lines(tmp_path / "q/x.cuts.jsonl.zst")}


def test_any_key_can_hold_the_text(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "x.jsonl", [{"body": text, "url": k} for k, text in enumerate(TEXTS)])
    options = ("--text-column", "body", "--id-column", "url")
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", *options) == 0
    assert all(isinstance(cut["id"], int) for cut in read_json_lines(tmp_path / "r/x.cuts.jsonl.zst"))


def test_pages_without_keys_of_their_own_have_their_ids_whatever_the_key_of_others(tmp_path: Path) -> None:
    json_lines(tmp_path / "in/a.jsonl", [{"url": "here", "text": mixed_page(0)}])
    wet(tmp_path / "in/b.wet", [mixed_page(1)])
    warc(tmp_path / "in/c.warc.gz", [mixed_page(1)])
    compress(tmp_path / "in/d.txt", mixed_page(2).encode())
    options = ("--id-column", "url", "--reject", "none")
    assert command("filter", tmp_path / "in", "-o", tmp_path / "o", "--rejected", tmp_path / "r", *options) == 0
    page = "<urn:uuid:page-0>"
    cuts = {path.name[0]: {cut["id"] for cut in read_json_lines(path)} for path in (tmp_path / "r").iterdir()}
    assert cuts == {"a": {"here"}, "b": {page}, "c": {page}, "d": {"d.txt"}}
    assert command("annotate", tmp_path / "in", "-o", tmp_path / "p", "--to", "dolma", "--id-column", "url") == 0
    ids = {path.name[0]: [row["id"] for row in read_json_lines(path)] for path in (tmp_path / "p").glob("*.gz")}
    assert ids == {"a": ["here"], "b": [page], "c": [page], "d": ["d.txt"]}


def test_workers_change_nothing(tmp_path: Path) -> None:
    for number in range(5):
        json_lines(tmp_path / f"in/{number}.jsonl.gz", records(pages(30 + number)))
    command("filter", tmp_path / "in", "-o", tmp_path / "o1", "--rejected", tmp_path / "r1")
    command("filter", tmp_path / "in", "-o", tmp_path / "o2", "--rejected", tmp_path / "r2", "-j", 2)
    assert tree(tmp_path / "o1") == tree(tmp_path / "o2")
    assert tree(tmp_path / "r1") == tree(tmp_path / "r2")


def test_what_was_rejected_can_be_filtered_again(tmp_path: Path) -> None:
    json_lines(tmp_path / "in/x.jsonl", records(TEXTS))
    table(tmp_path / "in/y.parquet", TEXTS)
    assert command("filter", tmp_path / "in", "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 0
    assert (tmp_path / "r/x.cuts.jsonl.zst").exists()
    limits = ("--reject", "none", "--min-characters", 10_000)
    assert command("filter", tmp_path / "r", "-o", tmp_path / "p", "--rejected", tmp_path / "q", *limits) == 0
    lines = read_json_lines(tmp_path / "q/x.rejected.rejected.jsonl.zst")
    rows = pq.read_table(tmp_path / "q/y.rejected.rejected.parquet").to_pylist()
    reasons = [one["spamfilter_rejected"]["reason"] for one in lines]
    assert reasons == [row["spamfilter_reason"] for row in rows]
    assert len(summary(tmp_path / "p")["files"]) == 2
    assert "nothing_left" in reasons
    assert "spam" not in reasons
    old = b"".join(decompress(tmp_path / "q/x.rejected.rejected.jsonl.zst").splitlines())
    assert old.count(b'"spamfilter_rejected"') == len(lines)


@pytest.mark.parametrize("target", ["auto", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_a_page_that_was_rejected_and_is_kept_now_is_what_it_was(tmp_path: Path, name: str, target: str) -> None:
    texts = [spam_page(0), None, spam_page(1)]
    path = json_lines(tmp_path / name, records(texts)) if name == "x.jsonl" else table(tmp_path / name, texts)
    assert command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 1
    # Somebody has mended the first page meanwhile.
    mended = tmp_path / "mended" / name
    mended.parent.mkdir()
    if name == "x.jsonl":
        lines = decompress(tmp_path / "r/x.rejected.jsonl.zst")
        mended.write_bytes(lines.replace(json.dumps(texts[0]).encode(), json.dumps(clean_page(0)).encode()))
    else:
        gone = pq.read_table(tmp_path / "r/x.rejected.parquet")
        column = pa.array([clean_page(0), *texts[1:]])
        pq.write_table(gone.set_column(gone.schema.names.index("text"), "text", column), mended)
    arguments = ("-o", tmp_path / "p", "--rejected", tmp_path / "q", "--reject", "none", "--to", target)
    assert command("filter", mended, *arguments) == 1
    wanted = (pq.read_table(path).to_pylist() if name == "x.parquet" else records(texts))[0]
    suffix = name[2:] if target == "auto" else target
    output = tmp_path / f"p/x.{suffix}"
    (row,) = pq.read_table(output).to_pylist() if suffix == "parquet" else read_json_lines(output)
    assert row == {**wanted, "text": clean_page(0)}
    if name == "x.parquet" and suffix == "parquet":
        assert pq.read_schema(output).equals(pq.read_schema(path), check_metadata=True)
        again = pq.read_table(tmp_path / "q/x.rejected.parquet").to_pylist()
        assert [row["spamfilter_reason"] for row in again] == ["no_text", "nothing_left"]
    else:
        again = read_json_lines(tmp_path / "q/x.rejected.jsonl.zst")
        assert [row["spamfilter_rejected"]["reason"] for row in again] == ["no_text", "nothing_left"]
        assert not any("spamfilter_reason" in row for row in again)


def test_a_key_of_somebody_else_with_a_name_of_ours_stays_in_pages_that_are_kept(tmp_path: Path) -> None:
    page = {"text": clean_page(0), "spamfilter_rejected": "never", "spamfilter_kind": 7}
    path = json_lines(tmp_path / "x.jsonl", [page])
    pq.write_table(pa.Table.from_pylist([page]), tmp_path / "y.parquet")
    folders = ("-o", tmp_path / "o", "--rejected", tmp_path / "r")
    assert command("filter", path, tmp_path / "y.parquet", *folders) == 0
    assert decompress(tmp_path / "o/x.jsonl") == decompress(path)
    assert pq.read_table(tmp_path / "o/y.parquet").to_pylist() == [page]


def test_the_table_names_what_each_file_has_lost_most_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    json_lines(tmp_path / "in/good.jsonl", records([clean_page(0)]))
    json_lines(tmp_path / "in/poor.jsonl", [*records([clean_page(0)]), {"id": "x"}, {"id": "y"}])
    assert command("filter", tmp_path / "in", "-o", tmp_path / "o", "--rejected", tmp_path / "r") == 1
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith(str(tmp_path))]
    assert [(Path(row[0]).name, row[1], " ".join(row[7:])) for row in rows] == [
        ("poor.jsonl", "1", "no_text (2)"),
        ("good.jsonl", "1", "-"),
    ]


def test_the_summary_counts_every_line_and_can_be_printed_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], predictor: Predictor
) -> None:
    path = json_lines(tmp_path / "x.jsonl", records(TEXTS))
    command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert printed == summary(tmp_path / "o")
    wanted = dict.fromkeys((label.value for label in LABELS), 0)
    for prediction in predictor.predict_many(TEXTS):
        for line in prediction.lines:
            wanted[line.label.value] += 1
    assert printed["total"]["lines"] == {name: count for name, count in sorted(wanted.items()) if count}
    assert printed["total"]["pages"] == len(TEXTS)
    assert [one["file"] for one in printed["files"]] == [str(path)]
    command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r", "--overwrite")
    out = capsys.readouterr().out
    assert f"1 file: {len(TEXTS)} pages" in out
    assert "cut: " in out
    assert "rejected: " in out


def test_ids_beyond_64_bit_join_cuts_to_their_pages(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "x.jsonl", [{"id": 123456789012345678901234567890, "text": mixed_page(0)}])
    command("filter", path, "-o", tmp_path / "o", "--rejected", tmp_path / "r")
    (page,) = read_json_lines(tmp_path / "o/x.jsonl")
    cuts = read_json_lines(tmp_path / "r/x.cuts.jsonl.zst")
    assert {cut["id"] for cut in cuts} == {page["id"]} == {123456789012345678901234567890}
