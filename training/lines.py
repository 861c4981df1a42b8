"""Reads labelled lines: the corpus folder, and a user's own folder, TSV or JSONL.

A folder holds ``<label>/<topic>.<language>.txt``, one line of text a line; an empty line parts two pages.
TSV is ``label<TAB>text``. JSONL has ``text`` and ``label`` and may have ``lang``, ``doc`` and ``spans``, a list of
``[start, end]`` in characters of the text that do not overlap: such a line teaches where a foreign phrase stands, and
its label is ``seo_injection``. Lines of one ``doc`` form one document, wherever in the file they stand; with several
labels, or a span, it is learnt as a page as it stands, too.

The name of a folder's file is the topic of its lines, and may say what they are for; that of a TSV or JSONL file says
nothing.
"""

import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path

from spamfilter.errors import InputError
from spamfilter.labels import Label
from training.documents import LabelledDocument, LabelledLine
from training.json_lines import parse_json
from training.text_files import read_text

CORPUS_FOLDER = Path(__file__).parent / "corpus"
PHRASES_SUFFIX = "-phrases"
"""Topics with this ending hold phrases to splice into sentences, not lines of their own."""
_LANGUAGE_CODE = re.compile("[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_JSON_KEYS = ("text", "label", "lang", "doc", "spans")


def read_labelled_lines(path: Path) -> list[LabelledDocument]:
    """Read ``path``, a folder in the layout of the corpus, or a ``.tsv`` or ``.jsonl`` file.

    Raises:
        InputError: the path is not there or none of these, cannot be decoded, holds no line, or has an unknown label;
            names file and line.
    """
    forms = "a folder of <label>/<topic>.<language>.txt, a .tsv or a .jsonl"
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; labelled lines come as {forms}")
    if path.is_dir():
        documents = list(_read_folder(path))
    elif path.suffix == ".tsv":
        documents = list(_read_tsv(path))
    elif path.suffix == ".jsonl":
        documents = list(_read_jsonl(path))
    else:
        raise InputError(f"{path}: labelled lines come as {forms}")
    if not documents:
        raise InputError(f"{path}: holds no labelled line; write one or leave it out")
    return documents


def _check_label(label: object, place: str) -> str:
    try:
        return Label(str(label)).value
    except ValueError:
        raise InputError(f"{place}: unknown label {label!r}; use one of {', '.join(Label)}") from None


def _read_folder(folder: Path) -> Iterator[LabelledDocument]:
    hidden_from = len(folder.parts)
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() and not any(part.startswith(".") for part in path.parts[hidden_from:])
    ]
    if not files:
        raise InputError(f"{folder}: holds no <label>/<topic>.<language>.txt")
    for path in files:
        if path.suffix != ".txt" or path.parent.parent != folder:
            raise InputError(f"{path}: is no <label>/<topic>.<language>.txt of {folder}; name it so or move it away")
        label = _check_label(path.parent.name, str(path))
        topic, _, language = path.stem.rpartition(".")
        if not topic:
            raise InputError(f"{path}: name the file <topic>.<language>.txt")
        _check_language(language, f"{path}: <language>")
        lines = [line.strip() for line in read_text(path).split("\n")]
        pages = [list(page) for filled, page in groupby(lines, key=bool) if filled]
        for number, page in enumerate(pages):
            yield LabelledDocument(
                document_id=f"{path.parent.name}/{path.stem}#{number}",
                source="lines",
                language=language,
                lines=tuple(LabelledLine(text, label) for text in page),
                page_type=topic,
                spam=label in ("seo_injection", "link_exchange"),
            )


def _read_tsv(path: Path) -> Iterator[LabelledDocument]:
    for number, line in enumerate(read_text(path).split("\n")):
        if not line.strip():
            continue
        label, tab, text = line.partition("\t")
        if not tab or not text.strip():
            raise InputError(f"{path}:{number + 1}: no tab or no text; write label<TAB>text")
        checked = _check_label(label.strip(), f"{path}:{number + 1}")
        yield LabelledDocument(f"{path.name}#{number}", "lines", "und", (LabelledLine(text, checked),))


def _check_spans(spans: object, text: str, place: str) -> tuple[tuple[int, int], ...]:
    checked = []
    for span in spans if isinstance(spans, list) else [spans]:
        if not (isinstance(span, list) and len(span) == 2 and all(type(edge) is int for edge in span)):
            raise InputError(f'{place}: "spans" is a list of [start, end] in characters of the text, not {span!r}')
        start, end = span
        if not 0 <= start < end <= len(text):
            raise InputError(f"{place}: span {span} lies outside the text of {len(text)} characters")
        checked.append((start, end))
    checked.sort()
    for first, second in pairwise(checked):
        if second[0] < first[1]:
            raise InputError(f"{place}: spans {list(first)} and {list(second)} overlap; write one span for both")
    return tuple(checked)


def _check_language(language: object, place: str) -> str:
    if not isinstance(language, str) or not _LANGUAGE_CODE.fullmatch(language):
        raise InputError(f'{place} is a code such as "en" or "zh-hant", "any" or "und", not {language!r}')
    return language


def _check_document(name: object, place: str) -> str:
    if isinstance(name, bool) or not isinstance(name, str | int | float):
        raise InputError(f'{place}: "doc" is a string or a number, not {name!r}')
    return str(name)


def _read_jsonl(path: Path) -> Iterator[LabelledDocument]:
    documents: dict[str, list[LabelledLine]] = {}
    languages: dict[str, str] = {}
    for number, line in enumerate(read_text(path).split("\n")):
        if not line.strip():
            continue
        place = f"{path}:{number + 1}"
        row = parse_json(line, place)
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not row["text"].strip():
            raise InputError(f'{place}: needs an object with a string "text" and a "label"')
        for key in row:
            if key not in _JSON_KEYS:
                raise InputError(f"{place}: unknown key {key!r}; a line has {', '.join(_JSON_KEYS)}")
        label = _check_label(row.get("label"), place)
        text = row["text"].replace("\r", " ").replace("\n", " ")
        spans = _check_spans([] if row.get("spans") is None else row["spans"], text, place)
        if spans and label != Label.SEO_INJECTION:
            raise InputError(f"{place}: spans need the label seo_injection, not {label}")
        if row.get("doc") is None:
            # Another document may be called by the number of this line.
            document = f"{path.name}:line#{number}"
        else:
            document = f"{path.name}#{_check_document(row['doc'], place)}"
        language = None if row.get("lang") is None else _check_language(row["lang"], f'{place}: "lang"')
        if language is not None and (first := languages.setdefault(document, language)) != language:
            raise InputError(f'{place}: "lang" is {language!r}, but "doc" {row["doc"]!r} began in {first!r}; use one')
        documents.setdefault(document, []).append(LabelledLine(text, label, spans))
    for document, lines in documents.items():
        yield LabelledDocument(document, "lines", languages.get(document, "und"), tuple(lines))
