"""Quality of each system on the same labelled pages, so that speed is never bought with quality unseen."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.systems import System
from spamfilter.labels import LABELS, Label

CLEAN_LOST = 1e-3
_COLUMN = {label: number for number, label in enumerate(LABELS)}


@dataclass(frozen=True, slots=True)
class EvaluationLines:
    """Pages of labelled lines: texts by page, and number of the label of each line or -1."""

    pages: list[list[str]]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of one system.

    Attributes:
        recall: share of spam lines caught where ``CLEAN_LOST`` of the clean lines are.
        boilerplate_auc: area under the ROC curve, clean against boilerplate.
        spam_auc: area under the ROC curve, spam against clean.
    """

    name: str
    recall: float
    boilerplate_auc: float
    spam_auc: float


def read_sets(folder: Path) -> EvaluationLines:
    """Read all JSONL sets of a folder, plain or gzipped: rows ``{"lines": [{"text", "label"}, ...]}``."""
    pages: list[list[str]] = []
    labels: list[int] = []
    for path in sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")]):
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as stream:
            for row in map(json.loads, stream):
                pages.append([" ".join(line["text"].splitlines()) for line in row["lines"]])
                # A clean sentence with a phrase spliced in is no spam line: that is the business of spans.
                labels += [
                    _COLUMN[Label(line["label"])] if line["label"] and not line.get("spans") else -1
                    for line in row["lines"]
                ]
    return EvaluationLines(pages, np.array(labels))


def measure(system: System, lines: EvaluationLines) -> Quality | None:
    """Quality of one system, or None if it judges nothing."""
    scores = system.line_scores(lines.pages)
    if scores is None:
        return None
    column = {label: scores[:, number] for label, number in _COLUMN.items()}
    spam = np.logaddexp(column[Label.SEO_INJECTION], column[Label.LINK_EXCHANGE])
    spam -= np.logaddexp(column[Label.CLEAN], column[Label.BOILERPLATE])
    furniture = column[Label.BOILERPLATE] - column[Label.CLEAN]
    clean = lines.labels == _COLUMN[Label.CLEAN]
    foreign = np.isin(lines.labels, [_COLUMN[Label.SEO_INJECTION], _COLUMN[Label.LINK_EXCHANGE]])
    threshold = np.quantile(spam[clean], 1 - CLEAN_LOST, method="higher")
    boilerplate = lines.labels == _COLUMN[Label.BOILERPLATE]
    return Quality(
        system.name,
        recall=float((spam[foreign] > threshold).mean()),
        boilerplate_auc=_auc(furniture[boilerplate], furniture[clean]),
        spam_auc=_auc(spam[foreign], spam[clean]),
    )


def measure_all(systems: Sequence[System], lines: EvaluationLines) -> list[Quality]:
    """Quality of all systems that judge lines."""
    return [quality for system in systems if (quality := measure(system, lines)) is not None]


def _auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    from sklearn.metrics import roc_auc_score

    truth = np.concatenate((np.ones(len(positive)), np.zeros(len(negative))))
    return float(roc_auc_score(truth, np.concatenate((positive, negative))))
