"""``spamfilter scan``: shows a page with its lines labelled and what is foreign in them marked."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from spamfilter.commands.page_input import PageInput, read_page
from spamfilter.commands.page_view import PageView, wants_colour
from spamfilter.errors import InputError
from spamfilter.explain import Explanation, Reason, explain
from spamfilter.predictor import Predictor
from spamfilter.program import EXIT_ERROR, tell
from spamfilter.results import DocumentPrediction, LinePrediction, Span

EXIT_CLEAN, EXIT_FLAGGED = 0, 1

_EPILOG = """\
exit codes: 0 nothing flagged, 1 at least one line or page flagged, 2 usage or input error.
The probability of a line is that of its label, or of its surest foreign stretch where that is higher.
A file that cannot be read is reported and the others are still scanned.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command with its options."""
    parser = subparsers.add_parser(
        "scan",
        help="show a page with its lines labelled",
        description="Show pages of text with their lines labelled, foreign stretches marked, and a verdict.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="text file in UTF-8, one page each; - is stdin")
    parser.add_argument("--json", action="store_true", help="one JSON object a file, one a line (numbers from 0)")
    parser.add_argument("--only-flagged", action="store_true", help="leave out lines that are not flagged")
    parser.add_argument("--explain", action="store_true", help="say why lines, stretches and the page are flagged")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    parser.add_argument("--model", type=Path, metavar="DIR", help="model folder (default: the shipped one)")
    parser.add_argument(
        "--max-false-positive-rate",
        type=float,
        default=1e-3,
        metavar="RATE",
        help="tolerated share of clean lines wrongly flagged (default: 0.001)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Scan the files; returns the exit code."""
    predictor = Predictor.load(arguments.model)
    try:
        predictor.points.check_rate(arguments.max_false_positive_rate)
    except ValueError as error:
        raise InputError(str(error).replace("max_false_positive_rate=", "--max-false-positive-rate ")) from None
    view = PageView(sys.stdout, colour=wants_colour(arguments.color, sys.stdout))
    code = EXIT_CLEAN
    for number, path in enumerate(arguments.files):
        try:
            page = read_page(path)
        except InputError as error:
            tell(f"spamfilter: {error}")
            code = EXIT_ERROR
            continue
        if page.replaced:
            places = "1 place" if page.replaced == 1 else f"{page.replaced} places"
            tell(f"spamfilter: {page.name}: not UTF-8 in {places}, replaced by U+FFFD")
        prediction = predictor.predict(page.text, max_false_positive_rate=arguments.max_false_positive_rate)
        explanation = explain(predictor, prediction) if arguments.explain else None
        if arguments.json:
            record = page_record(page, prediction, explanation, only_flagged=arguments.only_flagged)
            print(json.dumps(record))
        else:
            if number:
                print()
            view.show(page.name, prediction, explanation, only_flagged=arguments.only_flagged)
        if code == EXIT_CLEAN and (prediction.is_spam or prediction.flagged):
            code = EXIT_FLAGGED
    return code


def page_record(
    page: PageInput, prediction: DocumentPrediction, explanation: Explanation | None, *, only_flagged: bool
) -> dict[str, Any]:
    """The verdict on a page for ``--json``."""
    reasons = {one.line.number: one for one in explanation.lines} if explanation else {}
    lines = []
    for line in prediction.flagged if only_flagged else prediction.lines:
        record = _line_record(line)
        if line.number in reasons:
            record["reasons"] = _reason_records(reasons[line.number].reasons)
            because = dict(reasons[line.number].spans)
            for span, span_record in zip(line.spans, record["spans"], strict=True):
                span_record["reasons"] = _reason_records(because.get(span, ()))
        lines.append(record)
    result = {
        "file": page.name,
        "kind": prediction.kind.value,
        "is_spam": prediction.is_spam,
        "probability": prediction.probability,
        "max_false_positive_rate": prediction.max_false_positive_rate,
        "line_count": len(prediction.scores.starts),
        "flagged_count": len(prediction.flagged),
        "replaced": page.replaced,
        "lines": lines,
    }
    if explanation is not None:
        result["reasons"] = _reason_records(explanation.reasons)
    return result


def _line_record(line: LinePrediction) -> dict[str, Any]:
    return {
        "number": line.number,
        "start": line.start,
        "end": line.end,
        "text": line.text,
        "label": line.label.value,
        "flagged": line.is_flagged,
        "probability": line.probability,
        "probabilities": {label.value: value for label, value in line.probabilities.items()},
        "spans": [_span_record(span) for span in line.spans],
    }


def _span_record(span: Span) -> dict[str, Any]:
    return {"start": span.start, "end": span.end, "label": span.label.value, "probability": span.probability}


def _reason_records(reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
    return [{"text": reason.text, "weight": reason.weight} for reason in reasons]
