"""What is compared: each system runs over documents, and scores lines for the table of quality."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spamfilter import Predictor
from spamfilter.labels import LABELS
from spamfilter.predictor import _batches
from spamfilter.text import encode_documents
from spamfilter.tokens import tokenize

_BATCH = 2000

Pages = Sequence[Sequence[str]]


class System(Protocol):
    """One row of the tables.

    Attributes:
        name: as printed.
        share: part of the text that it is timed on; less than 1 for what is too slow for all of it.
    """

    name: str
    share: float

    def run(self, documents: Sequence[str]) -> None:
        """Do all the work for ``documents``."""

    def line_scores(self, pages: Pages) -> NDArray[np.float64] | None:
        """Log-probabilities of the labels, float64 (lines, 6), or None if the system has none."""


def _log(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithms: NDArray[np.float64] = np.log(np.maximum(probabilities, 1e-12))
    return logarithms


@dataclass(slots=True)
class LinePeer:
    """A classifier that sees one line at a time.

    Attributes:
        predict: lines to probabilities, float (n, 6), or to anything else that costs the same while timing.
    """

    name: str
    predict: Any
    share: float = 1.0

    def run(self, documents: Sequence[str]) -> None:
        """Split into lines, and predict them in batches."""
        lines = [line for document in documents for line in document.split("\n") if line]
        for first in range(0, len(lines), _BATCH):
            self.predict(lines[first : first + _BATCH])

    def line_scores(self, pages: Pages) -> NDArray[np.float64]:
        """Log-probabilities of all lines."""
        lines = [line for page in pages for line in page]
        parts = [self.predict(lines[first : first + _BATCH]) for first in range(0, len(lines), _BATCH)]
        return _log(np.concatenate(parts))


@dataclass(slots=True)
class LineStage:
    """Our stage 1 alone: text to the logits of each line."""

    predictor: Predictor
    name: str = "(e) our line stage"
    share: float = 1.0

    def run(self, documents: Sequence[str]) -> None:
        """Score in the batches of the predictor."""
        for batch in _batches(documents):
            self._logits(batch)

    def _logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        stages = self.predictor.stages
        return stages.line.score(tokenize(encode_documents(texts, stages.char_table))).logits

    def line_scores(self, pages: Pages) -> NDArray[np.float64]:
        """Logits against clean; every line is a document."""
        lines = [line + "\n" for page in pages for line in page]
        logits = np.concatenate([self._logits(batch) for batch in _batches(lines)])
        return np.column_stack([np.zeros(len(logits)), logits])


@dataclass(slots=True)
class WholePredictor:
    """Our predictor with context, spans and documents; each document's kind and flagged lines are asked for."""

    predictor: Predictor
    name: str = "(f) our whole predictor"
    share: float = 1.0

    def run(self, documents: Sequence[str]) -> None:
        """Predict all, and read the verdicts that a filter needs."""
        for prediction in self.predictor.predict_many(documents):
            _ = prediction.kind, tuple(prediction.flagged)

    def line_scores(self, pages: Pages) -> NDArray[np.float64]:
        """Probabilities of the lines on their pages."""
        texts = ["".join(line + "\n" for line in page) for page in pages]
        rows = []
        for page, prediction in zip(pages, self.predictor.predict_many(texts), strict=True):
            if len(prediction.lines) != len(page):
                raise ValueError("a page of the set has a line end inside a line")
            rows += [[line.probabilities[label] for label in LABELS] for line in prediction.lines]
        return _log(np.array(rows))


@dataclass(slots=True)
class Floor:
    """What nobody can do without: encode the text, find its lines."""

    name: str = "(g) floor: encode and split"
    share: float = 1.0

    def run(self, documents: Sequence[str]) -> None:
        """One buffer a batch, and the places of its line ends."""
        for batch in _batches(documents):
            data = b"\n".join([text.encode("utf-8", "surrogatepass") for text in batch])
            np.flatnonzero(np.frombuffer(data, np.uint8) == 10)

    def line_scores(self, pages: Pages) -> None:
        """Nothing: the floor judges nothing."""
        return
