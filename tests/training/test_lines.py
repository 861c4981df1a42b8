"""Labelled lines: the corpus folder, and what a user hands in."""

import json
from collections import Counter
from pathlib import Path

import pytest

from spamfilter import LABELS, InputError
from training.documents import LabelledLine
from training.lines import CORPUS_FOLDER, PHRASES_SUFFIX, read_labelled_lines
from training.splice import _joins


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_folder_says_label_topic_and_language_by_its_names_and_pages_by_empty_lines(tmp_path: Path) -> None:
    write(tmp_path / "clean" / "mills.en.txt", "The mill stands.\nIt grinds rye.\n\n\n  The wheel turns.  \n")
    write(tmp_path / "seo_injection" / "casino.pt.txt", "Melhor bônus\n")
    first, second, spam = read_labelled_lines(tmp_path)
    assert [line.text for line in first.lines] == ["The mill stands.", "It grinds rye."]
    assert second.lines == (LabelledLine("The wheel turns.", "clean"),)
    assert (first.document_id, second.document_id) == ("clean/mills.en#0", "clean/mills.en#1")
    assert (first.language, first.page_type, first.spam) == ("en", "mills", False)
    assert (spam.language, spam.page_type, spam.spam, spam.lines[0].label) == ("pt", "casino", True, "seo_injection")


def test_files_are_read_in_one_order_whatever_the_file_system_says(tmp_path: Path) -> None:
    for name in ("b.en", "a.en", "c.de"):
        write(tmp_path / "clean" / f"{name}.txt", f"{name}\n")
    assert [document.lines[0].text for document in read_labelled_lines(tmp_path)] == ["a.en", "b.en", "c.de"]


def test_tsv_has_a_label_a_tab_and_the_text_which_may_hold_tabs(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.tsv", "\ufeffclean\tOne\tand more\r\n\nseo_injection\tTwo\n")
    documents = read_labelled_lines(path)
    assert [document.lines for document in documents] == [
        (LabelledLine("One\tand more", "clean"),),
        (LabelledLine("Two", "seo_injection"),),
    ]


@pytest.mark.parametrize("name", ["splice-mine", "written", "my-phrases", "archive-titles"])
def test_the_name_of_a_file_of_lines_says_nothing_of_them(tmp_path: Path, name: str) -> None:
    """In a folder these would be topics with a use of their own."""
    rows = {"tsv": "clean\tOne\n", "jsonl": '{"text": "One", "label": "clean"}'}
    for suffix, content in rows.items():
        (document,) = read_labelled_lines(write(tmp_path / f"{name}.{suffix}", content))
        assert document.page_type is None


def test_jsonl_lines_of_one_doc_form_one_document_with_its_language(tmp_path: Path) -> None:
    rows = [
        {"text": "One", "label": "clean", "lang": "de", "doc": "a"},
        {"text": "Two\nhalves", "label": "boilerplate", "lang": "de", "doc": "a"},
        {"text": "Three", "label": "link_exchange"},
    ]
    path = write(tmp_path / "mine.jsonl", "\n".join(map(json.dumps, rows)))
    first, second = read_labelled_lines(path)
    assert first.lines == (LabelledLine("One", "clean"), LabelledLine("Two halves", "boilerplate"))
    assert first.language == "de"
    assert second.lines == (LabelledLine("Three", "link_exchange"),)


def test_json_lines_of_one_doc_form_one_document_wherever_they_stand(tmp_path: Path) -> None:
    rows = [
        {"text": "One", "label": "clean", "doc": "a"},
        {"text": "Two", "label": "clean"},
        {"text": "Three", "label": "boilerplate", "doc": "a", "lang": "de"},
        {"text": "Four", "label": "clean", "doc": 1},
        {"text": "Five", "label": "clean", "doc": "a", "lang": None},
    ]
    documents = read_labelled_lines(write(tmp_path / "mine.jsonl", "\n".join(map(json.dumps, rows))))
    texts = [[line.text for line in document.lines] for document in documents]
    assert texts == [["One", "Three", "Five"], ["Two"], ["Four"]]
    assert [document.language for document in documents] == ["de", "und", "und"]
    # The line without a document is the second of the file, and its number is the name of another document.
    assert len({document.document_id for document in documents}) == 3


def test_null_in_a_json_line_is_the_same_as_nothing(tmp_path: Path) -> None:
    """As tables are told in JSON: a column that is empty here stands there as null."""
    bare = {"text": "One", "label": "clean"}
    nulls = {**bare, "lang": None, "doc": None, "spans": None}
    read = [
        read_labelled_lines(write(tmp_path / "mine.jsonl", "\n".join(map(json.dumps, [row, row]))))
        for row in (bare, nulls, {**bare, "spans": []})
    ]
    assert read[0] == read[1] == read[2]
    assert [document.language for document in read[1]] == ["und", "und"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mine.tsv", "clean\tfine\nspam\tx\n", r"mine\.tsv:2: unknown label 'spam'; use one of clean, seo_injection"),
        ("mine.tsv", "clean fine\n", r"mine\.tsv:1: no tab"),
        ("mine.jsonl", '{"text": "x", "label": "clean"}\n{"text"', r"mine\.jsonl:2: not JSON"),
        ("mine.jsonl", '{"text": 3, "label": "clean"}', r'mine\.jsonl:1: needs an object with a string "text"'),
        ("mine.jsonl", '["x"]', r"mine\.jsonl:1: needs an object"),
        ("mine.jsonl", '{"text": "x"}', r"mine\.jsonl:1: unknown label None"),
        ("mine.tsv", b"clean\tcaf\xe9\n", r"mine\.tsv: byte 9 is not UTF-8"),
        ("mine.csv", "clean,x", r"mine\.csv: labelled lines come as a folder"),
        ("nowhere.tsv", None, r"nowhere\.tsv: no such file or folder"),
        ("nothing", None, "nothing: no such file or folder; labelled lines come as a folder"),
        ("folder/clean/mills.txt", "x", r"name the file <topic>\.<language>\.txt"),
        ("folder/spam/mills.en.txt", "x", "unknown label 'spam'"),
        ("folder/readme.md", "x", r"readme\.md: is no <label>/<topic>\.<language>\.txt of .*folder; name"),
        ("folder/clean/more/mills.en.txt", "x", r"mills\.en\.txt: is no <label>"),
        ("folder/clean/mills.en.TXT", "x", r"mills\.en\.TXT: is no <label>"),
        ("folder/clean/.mills.en.txt", "x", "folder: holds no"),
        ("folder/clean/my.notes.txt", "x", r"my\.notes\.txt: <language> is a code such as .* not 'notes'"),
        ("mine.jsonl", '{"text": "x", "label": "clean", "language": "en"}', "mine.jsonl:1: unknown key 'language'"),
        ("mine.jsonl", "\n" + "[" * 100_000, r"mine\.jsonl:2: JSON nested too deeply"),
        ("mine.jsonl", f'{{"text": {"9" * 5000}}}', r"mine\.jsonl:1: JSON with a number too long"),
        *(
            ("mine.jsonl", f'{{"text": "x", "label": "clean", {odd}}}', f"mine.jsonl:1: {message}")
            for odd, message in (
                ('"lang": 3', '"lang" is a code'),
                ('"lang": ""', '"lang" is a code'),
                ('"lang": "English"', '"lang" is a code'),
                ('"doc": ["a"]', '"doc" is a string or'),
                ('"doc": true', '"doc" is a string or'),
            )
        ),
        *(
            (
                "mine.jsonl",
                f'\n{{"text": "The best casino", "label": "{label}", "spans": [[4, 15]]}}',
                f"mine.jsonl:2: spans need the label seo_injection, not {label}",
            )
            for label in LABELS
            if label != "seo_injection"
        ),
        (
            "mine.jsonl",
            "\n".join(
                json.dumps({"text": "x", "label": "clean", "doc": doc, "lang": lang})
                for doc, lang in (("a", "de"), ("b", "fr"), ("a", None), ("a", "fr"))
            ),
            "mine.jsonl:4: \"lang\" is 'fr', but \"doc\" 'a' began in 'de'; use one",
        ),
        ("mine.tsv", "", r"mine\.tsv: holds no labelled line"),
        ("mine.jsonl", "\ufeff\n \n", r"mine\.jsonl: holds no labelled line"),
        ("folder/clean/mills.en.txt", "\n", "folder: holds no labelled line"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_file_and_line(
    tmp_path: Path, name: str, content: str | bytes | None, message: str
) -> None:
    if content is not None:
        write(tmp_path / name, content)
    with pytest.raises(InputError, match=message):
        read_labelled_lines(tmp_path / name.partition("/")[0])


def test_every_file_of_the_corpus_can_be_read_and_every_label_has_many_lines_in_eight_languages() -> None:
    documents = read_labelled_lines(CORPUS_FOLDER)
    lines = {(document.language, line.label, line.text) for document in documents for line in document.lines}
    counts = Counter(label for _, label, _ in lines)
    assert set(counts) == set(LABELS)
    assert min(counts.values()) >= 100
    assert len({text for _, _, text in lines}) >= 1500
    for label in ("clean", "seo_injection", "boilerplate", "headline_list"):
        assert len({language for language, own, _ in lines if own == label}) >= 8


def _is_long(text: str) -> bool:
    """Whether a text has more than two words; a script without spaces has about one in two and a half characters."""
    return len(text.split()) > 2 or sum(map(_joins, text)) > 7


def test_no_line_of_the_corpus_has_two_labels_unless_one_is_only_a_phrase_or_a_heading() -> None:
    labels: dict[str, set[str]] = {}
    for document in read_labelled_lines(CORPUS_FOLDER):
        if not (document.page_type or "").endswith(PHRASES_SUFFIX):
            for line in document.lines:
                labels.setdefault(line.text, set()).add(str(line.label))
    # "Link exchange" heads a page that explains it as well as one that offers it.
    both = {text for text, found in labels.items() if len(found) > 1 and "clean" in found and _is_long(text)}
    assert both == set()


def test_spans_of_a_json_line_are_read_and_those_outside_the_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "The mill best casino grinds.", "label": "seo_injection", "spans": [[9, 20]]}\n')
    (document,) = read_labelled_lines(path)
    assert document.lines[0].spans == ((9, 20),)
    for spans in ("[[20, 9]]", "[[0, 99]]", "[9, 20]", '"9-20"'):
        path.write_text(f'{{"text": "The mill best casino grinds.", "label": "seo_injection", "spans": {spans}}}\n')
        with pytest.raises(InputError, match=r"own\.jsonl:1"):
            read_labelled_lines(path)


def test_spans_of_a_json_line_come_in_the_order_of_the_text_and_may_touch_but_not_overlap(tmp_path: Path) -> None:
    row = {"text": "The mill best casino grinds.", "label": "seo_injection"}
    path = write(tmp_path / "own.jsonl", json.dumps({**row, "spans": [[13, 20], [9, 13]]}))
    assert read_labelled_lines(path)[0].lines[0].spans == ((9, 13), (13, 20))
    for spans in ([[0, 2], [1, 3]], [[1, 3], [0, 2]], [[0, 9], [2, 3]], [[0, 2], [0, 2]]):
        write(path, json.dumps({**row, "spans": spans}))
        with pytest.raises(InputError, match=r"own\.jsonl:1: spans .* overlap"):
            read_labelled_lines(path)
