"""Puts what a scorer measured into the card of a model.

    python -m training.score_table MODEL scores.json

``scores.json`` holds an object for each set of pages, and ``documents``; all shares in %. What is not there, or no
number, is left out.

- ``flags``: ``clean_lines``, ``fp_lines`` and ``fp_chars`` (shares of clean lines and of their characters flagged, but
  not as boilerplate), ``spam_lines``, ``spam_recall_either_label`` (share caught as seo_injection or link_exchange);
- ``lines``: by label ``n``, ``precision``, ``recall``, ``f1``;
- ``spans``: ``spans`` (spliced phrases), ``iou50`` and ``exact`` (shares of them found with half an overlap, and with
  the exact edges), ``char_f1``, ``clean_lines_with_span``;
- ``by_lang``, ``by_vertical``: ``flags`` again, by language and by trade;
- ``documents``: ``roc_auc`` and ``recall_at_1pct_fpr``, by the two groups of pages that are told apart.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spamfilter.errors import InputError
from spamfilter.labels import LABELS
from spamfilter.model_parts import points_from
from spamfilter.model_store import load_model
from spamfilter.model_writer import save_model
from training.json_lines import parse_json
from training.markdown import table
from training.program import run

HEADING = "## Measured by a scorer, in %"
_NEXT_HEADING = "## Limits"
_LEAST_LINES = 30
"""Spam lines of a language or trade from which its recall is shown."""


def score_tables(scores: object, rate: float) -> list[str]:
    """The section of the card, line by line.

    Args:
        scores: content of ``scores.json``.
        rate: ``max_false_positive_rate`` that the predictions were made at.

    Raises:
        ValueError: there is no set of pages in it.
    """
    sets = {
        name: one
        for name, one in _object(scores).items()
        if not _object(_object(one).get("flags")).keys().isdisjoint(_FLAG_KEYS)
    }
    if not sets:
        raise ValueError(f"no set of pages with flags ({', '.join(_FLAG_KEYS)}); give what the scorer wrote as JSON")
    lines = [HEADING, "", f"At the operating point {rate:g}, on pages that training never saw.", ""]
    lines += _flag_table(sets) + _label_table(sets) + _span_table(sets)
    lines += _part_table(sets, "by_lang", "language") + _part_table(sets, "by_vertical", "trade")
    return lines + _document_table(_object(_object(scores).get("documents")))


def with_scores(card: str, section: Sequence[str]) -> str:
    """The card with the section in place of an older one."""
    before, behind = _cut(card, _NEXT_HEADING)
    before, _ = _cut(before, HEADING)
    return before.rstrip("\n") + "\n\n" + "\n".join(section) + "\n" + behind


def _cut(card: str, heading: str) -> tuple[str, str]:
    """The card before a heading, and from it on; a name in a table that reads like one is none."""
    found = re.search(f"^{re.escape(heading)}$", card, re.MULTILINE)
    return (card[: found.start()], card[found.start() :]) if found else (card, "")


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    """The value if it is a finite number; else it counts as not there."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= sys.float_info.max else None


def _cell(value: object, digits: int = 1) -> str:
    number = _number(value)
    return "" if number is None else f"{number:.{digits}f}"


def _count(value: object) -> str:
    number = _number(value)
    return "" if number is None else str(number)


def _part(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [*table(head, rows).split("\n"), ""] if rows else []


def _flag_table(sets: Mapping[str, Any]) -> list[str]:
    head = ("pages", "clean lines", "of them flagged", "of their characters", "spam lines", "caught as spam")
    rows = []
    for name, one in sets.items():
        flags = one["flags"]
        wrong = (_cell(flags.get("fp_lines"), 2), _cell(flags.get("fp_chars"), 2))
        spam = (_count(flags.get("spam_lines")), _cell(flags.get("spam_recall_either_label")))
        rows.append((name, _count(flags.get("clean_lines")), *wrong, *spam))
    return _part(head, rows)


def _label_table(sets: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, one in sets.items():
        for label in LABELS:
            row = _object(_object(one.get("lines")).get(label.value))
            if _number(row.get("n")):
                rows.append((f"{name}: {label.value}", _count(row["n"]), *map(_cell, map(row.get, _LABEL_COLUMNS))))
    return _part(("label", "lines", "precision", "recall", "F1"), rows)


def _span_table(sets: Mapping[str, Any]) -> list[str]:
    head = ("splices", "phrases", "found", "with exact edges", "F1 of characters", "clean lines with a span")
    rows = []
    for name, one in sets.items():
        spans = _object(one.get("spans"))
        if _number(spans.get("spans")):
            rows.append((name, _count(spans["spans"]), *map(_cell, map(spans.get, _SPAN_COLUMNS))))
    return _part(head, rows)


def _part_table(sets: Mapping[str, Any], key: str, title: str) -> list[str]:
    rows = [
        (f"{name}: {part}", _count(flags["spam_lines"]), _cell(flags.get("spam_recall_either_label")))
        for name, one in sets.items()
        for part, flags in sorted((part, _object(flags)) for part, flags in _object(one.get(key)).items())
        if (_number(flags.get("spam_lines")) or 0) >= _LEAST_LINES
    ]
    return _part((title, "spam lines", "caught as spam"), rows)


def _document_table(documents: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, one in documents.items():
        row = _object(one)
        rows.append((name, _count(row.get("docs")), _cell(row.get("roc_auc")), _cell(row.get("recall_at_1pct_fpr"))))
    return _part(("pages told apart", "pages", "ROC-AUC", "recall at 1 % false alarms"), rows)


_FLAG_KEYS = ("clean_lines", "fp_lines", "fp_chars", "spam_lines", "spam_recall_either_label")
_LABEL_COLUMNS = ("precision", "recall", "f1")
_SPAN_COLUMNS = ("iou50", "exact", "char_f1", "clean_lines_with_span")


def _read_section(path: Path, rate: float) -> list[str]:
    """The section of a file of scores.

    Raises:
        InputError: it cannot be read, or is not what a scorer writes.
    """
    try:
        return score_tables(parse_json(path.read_text(encoding="utf-8-sig"), str(path)), rate)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give the JSON that the scorer wrote") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8; give the JSON that the scorer wrote") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    return run("score_table", lambda: _write_section(argv))


def _write_section(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.score_table", description=__doc__.split("\n")[0])
    parser.add_argument("model", type=Path, help="model folder; its card is written anew")
    parser.add_argument("scores", type=Path, help="JSON that the scorer wrote")
    parser.add_argument("--rate", type=float, default=1e-3, help="max_false_positive_rate of the predictions")
    arguments = parser.parse_args(argv)
    model = load_model(arguments.model)
    points_from(model.settings).check_rate(arguments.rate)
    section = _read_section(arguments.scores, arguments.rate)
    save_model(arguments.model, replace(model, card=with_scores(model.card, section)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
