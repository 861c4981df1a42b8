"""A floor for CI: fails when we become many times slower, or when the labels of a fixed text change.

python -m benchmarks.floor [--model DIR] [--update]

Bounds are on ratios within one run, and far from what is reached: noise passes, a tenfold regression does not.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks import peers
from benchmarks.material import own_lines
from benchmarks.systems import Floor, LinePeer, LineStage, System, WholePredictor
from benchmarks.timing import pin_to_one_core, seconds_for, time_systems
from spamfilter import Predictor
from training.program import run

_PAGES = Path(__file__).parent / "fixed_pages.txt"
_COUNTS = Path(__file__).parent / "fixed_counts.json"
_PAGE_BREAK = "=====\n"
_LEAST_LINE_RATIO = 10.0
"""Line stage over scikit-learn char_wb 3-5; about 50 is reached."""
_LEAST_PREDICTOR_RATIO = 2.0
"""Whole predictor over the same; about 9 is reached on these lines, twice that on pages of the web."""
_MOST_GROWTH = 2.0
"""Time per byte of ten times the input over that of the input; about 1 is reached."""
_DOCUMENT_LINES = 30
_TIMED_BYTES = 600_000
_CLEAN_FOR_ONE = 15


def label_counts(predictor: Predictor) -> dict[str, dict[str, int]]:
    """How often each label, kind of page, and spans by label, come out of the fixed pages."""
    labels: Counter[str] = Counter()
    spans: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for prediction in predictor.predict_many(_PAGES.read_text(encoding="utf-8").split(_PAGE_BREAK)):
        kinds[prediction.kind.value] += 1
        for line in prediction.lines:
            labels[line.label.value] += 1
            spans.update(span.label.value for span in line.spans)
    return {
        name: dict(sorted(found.items())) for name, found in (("kinds", kinds), ("lines", labels), ("spans", spans))
    }


def check_counts(predictor: Predictor) -> list[str]:
    """What is wrong with the labels of the fixed pages."""
    found = label_counts(predictor)
    expected = json.loads(_COUNTS.read_text(encoding="utf-8")) if _COUNTS.exists() else {}
    return [
        f"{name} of the fixed pages: {found[name]}, but {expected.get(name)} were recorded; "
        "if that is meant, run python -m benchmarks.floor --update"
        for name in found
        if found[name] != expected.get(name)
    ]


def check_speed(predictor: Predictor) -> list[str]:
    """What is wrong with the speed."""
    lines = own_lines(every=8)
    # How well the peer is trained does not matter here.
    reference = LinePeer("reference", peers.characters(lines, iterations=2))
    # Mostly clean, as the web is: a flagged line costs a Python object.
    clean = [text for text, label in zip(lines.texts, lines.labels, strict=True) if label == 0]
    others = [text for text, label in zip(lines.texts, lines.labels, strict=True) if label != 0]
    texts = [
        text
        for place in range(0, len(clean), _CLEAN_FOR_ONE)
        for text in (*clean[place : place + _CLEAN_FOR_ONE], others[place % len(others)])
    ]
    pages = ["\n".join(texts[first : first + _DOCUMENT_LINES]) for first in range(0, len(texts), _DOCUMENT_LINES)]
    size = sum(len(page.encode()) for page in pages)
    documents = pages * (_TIMED_BYTES // size + 1)
    systems: list[System] = [reference, LineStage(predictor), WholePredictor(predictor), Floor()]
    rates = [one.megabytes for one in time_systems(systems, documents, 3, lambda _: None)]
    whole = systems[2]
    growth = min(seconds_for(whole, documents * 10) / (10 * seconds_for(whole, documents)) for _ in range(3))
    found = [
        ("line stage over the reference", rates[1] / rates[0], _LEAST_LINE_RATIO, True),
        ("whole predictor over the reference", rates[2] / rates[0], _LEAST_PREDICTOR_RATIO, True),
        ("time per byte of ten times the input", growth, _MOST_GROWTH, False),
    ]
    for name, value, bound, least in found:
        print(f"{name}: {value:.2f}, {'at least' if least else 'at most'} {bound}")
    print("MB/s: " + ", ".join(f"{system.name} {rate:.3g}" for system, rate in zip(systems, rates, strict=True)))
    return [
        f"{name} is {value:.2f}, bound {bound}"
        for name, value, bound, least in found
        if (value < bound if least else value > bound)
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks; returns 1 if one fails."""
    return run("floor", lambda: _check(argv))


def _check(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.floor", description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, help="model folder; the shipped one by default")
    parser.add_argument("--update", action="store_true", help="record the labels that come out now")
    arguments = parser.parse_args(argv)
    predictor = Predictor.load(arguments.model)
    if arguments.update:
        _COUNTS.write_text(json.dumps(label_counts(predictor), indent=1) + "\n", encoding="utf-8")
        return 0
    pin_to_one_core()
    wrong = check_counts(predictor) + check_speed(predictor)
    for message in wrong:
        print(f"floor: {message}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
