"""Runs a model over labelled documents and writes one row of predictions a document, for a scorer to read.

    python -m training.evaluate SET.jsonl.gz ... --out predictions.jsonl [--model DIR] [--rate 1e-3] [--single-lines]

A set is JSONL, plain or gzipped: ``{"id", "lines": [{"text"}, ...]}``. A row of predictions is
``{"id", "lines": [{"label", "scores", "spans"}, ...], "doc_score"}``: a line for each of the document, empty ones too;
``scores`` the probability of each label; ``spans`` of characters counted within their line. ``doc_score`` is the
log-odds that the page is spam, null where no page was judged: with ``--single-lines``, or if it has no lines at all.
A scorer leaves such a page out of what it counts by pages.
"""

import argparse
import gzip
import json
import math
import sys
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from spamfilter import DocumentPrediction, InputError, Predictor
from training.json_lines import parse_json
from training.output_files import check_output_file, whole_file
from training.program import run


def read_set(path: Path) -> list[dict[str, Any]]:
    """Read the documents of a set.

    Raises:
        InputError: the file cannot be read, is damaged or not UTF-8, a row is no document, or there is none; names
            file and line.
    """
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig") as stream:
            documents = [_document(line, f"{path}:{number}") for number, line in enumerate(stream, 1) if line.strip()]
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: truncated or no gzip file ({error}); copy it anew") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8; save the file as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a set as JSONL, plain or as .gz") from None
    if not documents:
        raise InputError(f"{path}: holds no document; leave it out")
    return documents


def _document(line: str, place: str) -> dict[str, Any]:
    row = parse_json(line, place)
    if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("lines"), list):
        raise InputError(f'{place}: needs an object with an "id" and a list "lines"')
    if not _is_id(row["id"]):
        raise InputError(f'{place}: "id" is a string or a number, not {row["id"]!r}')
    for number, one in enumerate(row["lines"]):
        if not isinstance(one, dict) or not isinstance(one.get("text"), str):
            raise InputError(f'{place}: line {number} of the document needs an object with a string "text"')
    return row


def _check_ids(paths: Sequence[Path], sets: Sequence[Sequence[dict[str, Any]]]) -> None:
    """Every document has an ``id`` of its own: a scorer finds rows by it."""
    places: dict[object, Path] = {}
    for path, documents in zip(paths, sets, strict=True):
        for name in (document["id"] for document in documents):
            if name in places:
                raise InputError(
                    f'{path}: "id" {name!r} is that of another document, too, in {places[name]}; rename one'
                )
            places[name] = path


def _is_id(value: object) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))


def line_rows(prediction: DocumentPrediction) -> list[dict[str, Any]]:
    """What is predicted of the lines of one page."""
    return [
        {
            "label": line.label.value,
            "scores": {label.value: round(value, 6) for label, value in line.probabilities.items()},
            "spans": [[span.start - line.start, span.end - line.start] for span in line.spans],
        }
        for line in prediction.lines
    ]


def predict_set(
    predictor: Predictor, documents: Sequence[dict[str, Any]], rate: float, *, single_lines: bool
) -> Iterator[dict[str, Any]]:
    """Predict documents as pages, or each of their lines as a page of its own."""
    texts = [[_flat(line["text"]) + "\n" for line in document["lines"]] for document in documents]
    pages = chain.from_iterable(texts) if single_lines else map("".join, texts)
    predictions = predictor.predict_many(pages, max_false_positive_rate=rate)
    for document, lines in zip(documents, texts, strict=True):
        own = list(islice(predictions, len(lines) if single_lines else 1))
        # A page without lines has log-odds of minus infinity, for which JSON has no number.
        score = own[0].spam_logit() if lines and not single_lines else None
        yield {"id": document["id"], "lines": [row for one in own for row in line_rows(one)], "doc_score": score}


def _flat(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return run("evaluate", lambda: _evaluate(argv))


def _evaluate(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__.split("\n")[0])
    parser.add_argument("sets", type=Path, nargs="+", help="JSONL files, plain or gzipped")
    parser.add_argument("--out", type=Path, required=True, help="file to write the rows to")
    parser.add_argument("--model", type=Path, help="model folder; the shipped one by default")
    parser.add_argument("--rate", type=float, default=1e-3, help="max_false_positive_rate")
    parser.add_argument("--single-lines", action="store_true", help="judge every line without its page")
    arguments = parser.parse_args(argv)
    if arguments.out.resolve() in {path.resolve() for path in arguments.sets}:
        raise InputError(f"{arguments.out}: is one of the sets and would be overwritten; give another file")
    check_output_file(arguments.out)
    predictor = Predictor.load(arguments.model)
    sets = [read_set(path) for path in arguments.sets]
    _check_ids(arguments.sets, sets)
    with whole_file(arguments.out) as stream:
        for documents in sets:
            for row in predict_set(predictor, documents, arguments.rate, single_lines=arguments.single_lines):
                stream.write(json.dumps(row, allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
