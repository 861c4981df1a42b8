"""Figures of the corpus report: candidate label errors, leave-one-out recall, the learning curve."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from spamfilter.labels import LABELS, Label
from training.corpus_lines import CorpusLines, label_number, unit_number
from training.generate import GENERATED
from training.held_out import Experiment, run_experiments, threshold_at
from training.trades import SEVERAL, trade_topic

__all__ = ["LEAST_LINES", "RATE", "CurvePoint", "Disagreement", "HeldOut", "Measures"]

RATE = 1e-3
"""Share of clean lines that the thresholds of the report flag."""
LEAST_LINES = 20
"""Spam lines of a trade or language from which its recall is measured."""

_FOLDS = 4
_PAGES_A_UNIT = 25
_CURVE_SHARES = (0.25, 0.5, 1.0)
_CURVE_QUARTERS = (0, 1, 2, 3)
_WRITTEN_WEIGHT = 2.0


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A line that a model of other lines would label otherwise."""

    place: str
    label: str
    suggested: str
    probability: float
    text: str


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Recall of one trade's or language's spam lines.

    Attributes:
        name: The trade or language.
        lines: Spam lines measured.
        known: Recall when other pages of the same trade and language were learnt.
        unknown: Recall when none of the trade, or nothing in the language, was learnt.
        clean_lines: Clean lines of a held-out language.
        flagged: Share of these above the threshold.
    """

    name: str
    lines: int
    known: float
    unknown: float
    clean_lines: int = 0
    flagged: float = 0.0


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Recall of held-out files after learning ``share`` of the other files' spam, ``lines`` lines on average."""

    share: float
    lines: int
    recall: float


def _fold(document: str) -> int:
    """Neighbouring pages of one file fall in one fold."""
    name, _, number = document.rpartition("#")
    if number.isdigit() and not document.startswith(GENERATED):
        document = f"{name}#{int(number) // _PAGES_A_UNIT}"
    return int(unit_number(f"fold:{document}") * _FOLDS)


class Measures:
    """Runs the experiments of the report on one set of lines."""

    def __init__(
        self, lines: CorpusLines, matrix: scipy.sparse.csr_matrix, trades: Mapping[str, tuple[str, ...]], jobs: int
    ) -> None:
        self._lines, self._matrix, self._jobs = lines, matrix, jobs
        self._weights = np.where(lines.written, _WRITTEN_WEIGHT, 1.0)
        self._spam = lines.labelled(Label.SEO_INJECTION, Label.LINK_EXCHANGE)
        self._ordinary = lines.labelled(Label.CLEAN, Label.BOILERPLATE)
        self._measured = lines.measured()
        of_document = np.array([_fold(key) for key in lines.document_keys], np.int64)
        self._folds = of_document[lines.documents]
        self._trades = [self._trades_of(row, trades) for row in range(len(lines.texts))]
        self._known: NDArray[np.bool_] | None = None

    def _trades_of(self, row: int, trades: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        if not self._spam[row]:
            return ()
        if self._lines.labels[row] == label_number(Label.LINK_EXCHANGE):
            return (Label.LINK_EXCHANGE.value,)
        return trades.get(trade_topic(str(self._lines.topics[row])), (SEVERAL,))

    def _apart(self, train: NDArray[np.bool_], held_out: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of ``train`` without near duplicates of ``held_out``."""
        groups = self._lines.groups
        return np.flatnonzero(train & ~held_out & ~np.isin(groups, groups[held_out]))

    def _learnt(self, allowed: NDArray[np.bool_], held_out: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Spam and ordinary text among ``allowed``, apart from ``held_out`` and from what the threshold is set on."""
        return self._apart((self._spam | self._ordinary) & allowed, held_out | self._lines.for_threshold)

    def disagreements(self) -> list[Disagreement]:
        """Candidate label errors among written lines, most certain first.

        Confident learning (Northcutt, Jiang and Chuang, 2021): a line counts if another label is its likeliest and
        likelier than that label is for the lines that bear it, on average. Out-of-fold, one label against the rest.
        """
        lines = self._lines
        judged = [np.flatnonzero(lines.written & ~lines.phrases & (self._folds == fold)) for fold in range(_FOLDS)]
        experiments = []
        for fold in range(_FOLDS):
            held_out = lines.written & (self._folds == fold) | lines.generated & (self._folds == fold)
            train = self._apart(np.ones(len(lines.texts), np.bool_), held_out)
            experiments += [Experiment(lines.labels == number, train, judged[fold]) for number in range(len(LABELS))]
        odds = run_experiments(self._matrix, self._weights, experiments, jobs=self._jobs)
        rows = np.concatenate(judged)
        columns = [np.concatenate(odds[number :: len(LABELS)]) for number in range(len(LABELS))]
        probabilities = 1 / (1 + np.exp(-np.clip(np.stack(columns, axis=1), -30, 30)))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        own = lines.labels[rows]
        usual = np.ones(len(LABELS))
        for number in np.unique(own).tolist():
            usual[number] = probabilities[own == number, number].mean()
        best = probabilities.argmax(axis=1)
        likely = probabilities[np.arange(len(rows)), best]
        wrong = np.flatnonzero((best != own) & (likely >= usual[best]))
        found = [
            Disagreement(
                lines.places[rows[one]],
                LABELS[own[one]].value,
                LABELS[best[one]].value,
                float(likely[one]),
                lines.texts[rows[one]],
            )
            for one in wrong
        ]
        return sorted(found, key=lambda one: (-one.probability, one.place))

    def _recall(self, odds: NDArray[np.float64], spam: int, thresholds: int) -> NDArray[np.bool_]:
        """Which of the first ``spam`` scored rows lie above the threshold of the ``thresholds`` clean rows after."""
        return odds[:spam] >= threshold_at(odds[spam : spam + thresholds], RATE)

    def known_recall(self) -> NDArray[np.bool_]:
        """For each row, whether it is caught by a model that has learnt other pages of all trades and languages."""
        if self._known is None:
            clean = np.flatnonzero(self._lines.for_threshold)
            parts = [np.flatnonzero(self._measured & (self._folds == fold)) for fold in range(_FOLDS)]
            experiments = []
            for part in parts:
                held_out = np.zeros(len(self._measured), np.bool_)
                held_out[part] = True
                train = self._learnt(~held_out, held_out)
                experiments.append(Experiment(self._spam, train, np.concatenate([part, clean])))
            caught = np.zeros(len(self._measured), np.bool_)
            results = run_experiments(self._matrix, self._weights, experiments, jobs=self._jobs)
            for part, odds in zip(parts, results, strict=True):
                caught[part] = self._recall(odds, len(part), len(clean))
            self._known = caught
        return self._known

    def leave_one_trade_out(self) -> list[HeldOut]:
        """Recall of each trade by a model that has learnt no line of it, worst first.

        Topics of several trades are not learnt by any of these models, and only lines of one trade are measured. A
        trade is left out if no spam of another one is left to learn from.
        """
        names = sorted({trade for trades in self._trades for trade in trades} - {SEVERAL})
        several = np.array([SEVERAL in trades for trades in self._trades], np.bool_)
        clean = np.flatnonzero(self._lines.for_threshold)
        experiments, measured = [], []
        for name in names:
            touched = np.array([name in trades for trades in self._trades], np.bool_)
            rows = np.flatnonzero(self._measured & np.array([trades == (name,) for trades in self._trades], np.bool_))
            if len(rows) < LEAST_LINES:
                continue
            train = self._learnt(~several, touched)
            if not self._spam[train].any():
                continue
            experiments.append(Experiment(self._spam, train, np.concatenate([rows, clean])))
            measured.append((name, rows))
        if not experiments:
            return []
        results = run_experiments(self._matrix, self._weights, experiments, jobs=self._jobs)
        known = self.known_recall()
        found = [
            HeldOut(name, len(rows), float(known[rows].mean()), float(self._recall(odds, len(rows), len(clean)).mean()))
            for (name, rows), odds in zip(measured, results, strict=True)
        ]
        return sorted(found, key=lambda one: one.unknown)

    def leave_one_language_out(self) -> list[HeldOut]:
        """Recall of each language's spam, and false alarms on its clean lines, after learning nothing in it.

        A language is left out if no other one has clean lines to set the threshold on.
        """
        lines = self._lines
        experiments, measured = [], []
        for name in sorted({str(language) for language in lines.languages[self._measured]}):
            own = lines.languages == name
            rows = np.flatnonzero(self._measured & own)
            if len(rows) < LEAST_LINES:
                continue
            others = np.flatnonzero(lines.for_threshold & ~own)
            if not len(others):
                continue
            clean = np.flatnonzero(lines.labelled(Label.CLEAN) & ~lines.generated & own)
            train = self._learnt(~own, self._measured & own)
            experiments.append(Experiment(self._spam, train, np.concatenate([rows, others, clean])))
            measured.append((name, rows, others, clean))
        if not experiments:
            return []
        results = run_experiments(self._matrix, self._weights, experiments, jobs=self._jobs)
        known = self.known_recall()
        found = []
        for (name, rows, others, clean), odds in zip(measured, results, strict=True):
            limit = threshold_at(odds[len(rows) : len(rows) + len(others)], RATE)
            flagged = odds[len(rows) + len(others) :] >= limit
            caught = float((odds[: len(rows)] >= limit).mean())
            share = float(flagged.mean()) if len(clean) else 0.0
            found.append(HeldOut(name, len(rows), float(known[rows].mean()), caught, len(clean), share))
        return sorted(found, key=lambda one: one.unknown)

    def learning_curve(self) -> list[CurvePoint]:
        """Recall of held-out files at a quarter, half and all of the written spam of the other files.

        Each quarter of the files is held out once; generated spam is not learnt, ordinary text always is. Without
        spam to measure there is no point of it.
        """
        lines = self._lines
        if not self._measured.any():
            return []
        clean = np.flatnonzero(lines.for_threshold)
        quarters = np.full(len(lines.texts), -1)
        for row in np.flatnonzero(self._spam & lines.written).tolist():
            quarters[row] = int(unit_number(f"curve:{lines.file_of(row)}") * len(_CURVE_QUARTERS))
        draws = np.array([unit_number(f"share:{key}") for key in lines.document_keys])[lines.documents]
        experiments, counts, held = [], [], []
        for share in _CURVE_SHARES:
            for quarter in _CURVE_QUARTERS:
                out = quarters == quarter
                taught = (quarters >= 0) & ~out & (draws < share)
                train = self._learnt(taught | self._ordinary, out)
                rows = np.flatnonzero(out & ~lines.phrases)
                counts.append(int(self._spam[train].sum()))
                held.append(len(rows))
                experiments.append(Experiment(self._spam, train, np.concatenate([rows, clean])))
        results = run_experiments(self._matrix, self._weights, experiments, jobs=self._jobs)
        points, each = [], len(_CURVE_QUARTERS)
        for number, share in enumerate(_CURVE_SHARES):
            part = slice(number * each, (number + 1) * each)
            caught = [
                self._recall(odds, spam, len(clean)) for odds, spam in zip(results[part], held[part], strict=True)
            ]
            points.append(CurvePoint(share, round(sum(counts[part]) / each), float(np.concatenate(caught).mean())))
        return points
