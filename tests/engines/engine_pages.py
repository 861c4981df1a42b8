"""Small pages of our own for the engines, and what the library says of them."""

import json
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spamfilter import DocumentPrediction, Predictor

REPOSITORY = Path(__file__).parent.parent.parent
ODD_TEXTS = ("\r\n \r\n", "Übermäßig 🙂\r\nمرحبا بالعالم\r友情链接交换", "one\u2028line\u200b only", "x" * 3000)
RATE = 3e-3


def make_pages() -> list[dict[str, Any]]:
    """Pages with an id, a text and a column that no engine may touch: the two samples, shuffles of them, odd ones."""
    samples = [path.read_text(encoding="utf-8") for path in sorted((REPOSITORY / "examples").glob("*.txt"))]
    lines = [line for sample in samples for line in sample.splitlines() if line]
    choose = random.Random(5)
    mixed = ["\n".join(choose.sample(lines, choose.randint(1, 14))) for _ in range(40)]
    texts = [*samples, *mixed, *ODD_TEXTS, "\n".join(lines[-4:])]
    return [{"id": f"page-{n:03}", "text": text, "source": n % 3} for n, text in enumerate(texts)]


def verdict(prediction: DocumentPrediction) -> dict[str, Any]:
    """The struct of ``annotate``, written down from the objects of the library."""
    return {
        "kind": prediction.kind.value,
        "is_spam": prediction.is_spam,
        "probability": prediction.probability,
        "lines": [
            {
                "number": line.number,
                "start": line.start,
                "end": line.end,
                "label": line.label.value,
                "probability": line.probability,
            }
            for line in prediction.lines
        ],
        "spans": [
            {
                "line": line.number,
                "start": span.start,
                "end": span.end,
                "label": span.label.value,
                "probability": span.probability,
            }
            for line in prediction.lines
            for span in line.spans
        ],
    }


def library_verdicts(
    predictor: Predictor, pages: Sequence[dict[str, Any]], *, cleaned: bool = False, rate: float = 1e-3
) -> dict[str, dict[str, Any]]:
    """By id, each page judged alone."""
    verdicts = {}
    for page in pages:
        prediction = predictor.predict(page["text"], max_false_positive_rate=rate)
        verdicts[page["id"]] = verdict(prediction) | ({"cleaned": prediction.clean_text()} if cleaned else {})
    return verdicts


def write_pages(path: Path, pages: Sequence[dict[str, Any]]) -> None:
    """Pages as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(page) + "\n" for page in pages), encoding="utf-8")


def no_java() -> bool:
    """Whether there is no Java runtime where Spark looks for one."""
    home = os.environ.get("JAVA_HOME")
    return shutil.which("java", path=f"{home}/bin" if home else None) is None
