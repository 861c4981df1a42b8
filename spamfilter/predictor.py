"""The predictor: a model, loaded once, that judges texts."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from spamfilter import kernel
from spamfilter.memory import keep_freed_memory
from spamfilter.model_parts import points_from, stages_from
from spamfilter.model_store import StoredModel, load_model
from spamfilter.pipeline import score_documents
from spamfilter.results import DocumentPrediction
from spamfilter.scores import DocumentScores, ScoreArrays, decide
from spamfilter.text import check_text

if TYPE_CHECKING:
    from spamfilter.processes import Workers

_BATCH_CHARACTERS, _COMPILED_BATCH_CHARACTERS = 300_000, 100_000
"""Numpy's calls cost more on small batches; of a small one the compiled kernel has more in the nearest cache."""
_BATCH_DOCUMENTS = 256


def default_model_folder() -> Path:
    """Folder of the shipped model: inside the installed package, or ``models/default`` of a checkout."""
    installed = Path(__file__).parent / "default_model"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "models" / "default"


class Predictor:
    """Judges texts with one model. Prediction is a pure function: nothing is remembered between calls.

    Worker processes that ``predict_many`` has started wait for its next call, five minutes at most, and end with the
    predictor.
    """

    def __init__(self, model: StoredModel) -> None:
        """Use ``model``; raises ModelError if a part is missing or malformed."""
        self.stages = stages_from(model)
        self.settings = model.settings
        self.points = points_from(model.settings)
        self._origin = model.origin
        self._workers: Workers | None = None

    def __getstate__(self) -> dict[str, object]:
        """A copy may go to a machine that does not have the folder: it gives its stages to its workers."""
        return {**self.__dict__, "_origin": None, "_workers": None}

    @classmethod
    def load(cls, path: str | Path | None = None) -> "Predictor":
        """Load a model folder, the shipped one by default.

        Raises:
            ModelError: the folder is missing, incomplete, altered, or of another schema version.
        """
        return cls(load_model(default_model_folder() if path is None else Path(path)))

    def predict(self, text: str, *, max_false_positive_rate: float = 1e-3) -> DocumentPrediction:
        """Judge one document.

        Args:
            text: any str; lines end at ``\\n``, ``\\r\\n`` or ``\\r`` and nothing else.
            max_false_positive_rate: tolerated share of clean lines wrongly flagged, for each label.

        Raises:
            TypeError: ``text`` is not a str.
            ValueError: the rate is outside the range that the model has measured.
        """
        self.points.check_rate(max_false_positive_rate)
        return self._predict_batch([check_text(text)], max_false_positive_rate)[0]

    def predict_many(
        self, texts: Iterable[str], *, max_false_positive_rate: float = 1e-3, n_jobs: int = 1
    ) -> Iterator[DocumentPrediction]:
        """Judge many documents, in order, reading ``texts`` as it goes.

        An error of ``texts`` or one of its elements is raised behind the results of all that came before it.

        Args:
            n_jobs: processes, the caller's among them; -1 for all cores, as in joblib. Results do not depend on it.

        Raises:
            TypeError: an element is not a str.
            ValueError: the rate is outside the range that the model has measured, or ``n_jobs`` is 0.
        """
        self.points.check_rate(max_false_positive_rate)
        if isinstance(texts, str):
            raise TypeError("texts must be an iterable of documents, not one str; use predict(text) for one document")
        if n_jobs == 0:
            raise ValueError("n_jobs=0 means no process at all; use 1, another number, or -1 for all cores")
        batches = _batches(texts)
        if n_jobs == 1:
            return self._predict_serially(batches, max_false_positive_rate)
        return self._predict_in_processes(batches, max_false_positive_rate, n_jobs)

    def _predict_serially(self, batches: Iterator[list[str]], rate: float) -> Iterator[DocumentPrediction]:
        keep_freed_memory()
        for batch in batches:
            yield from self._predict_batch(batch, rate)

    def _predict_in_processes(
        self, batches: Iterator[list[str]], rate: float, n_jobs: int
    ) -> Iterator[DocumentPrediction]:
        from spamfilter.processes import Workers, score_in_processes

        keep_freed_memory()
        self._workers = workers = self._workers or Workers(self._origin or self.stages)
        for texts, scores in score_in_processes(workers, self.stages, batches, n_jobs):
            yield from self._decided(texts, scores, rate)

    def _predict_batch(self, texts: list[str], rate: float) -> list[DocumentPrediction]:
        return self._decided(texts, score_documents(self.stages, texts), rate)

    def _decided(self, texts: list[str], scores: ScoreArrays, rate: float) -> list[DocumentPrediction]:
        decisions = decide(scores, self.points, rate)
        return [
            DocumentPrediction(text, DocumentScores(scores, number), self.points, rate, decisions)
            for number, text in enumerate(texts)
        ]


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Group documents so that a batch fits the cache; an error of theirs is raised behind all that came before it."""
    enough = _COMPILED_BATCH_CHARACTERS if kernel.is_on() else _BATCH_CHARACTERS
    batch: list[str] = []
    characters = 0
    failure: Exception | None = None
    try:
        for text in texts:
            batch.append(check_text(text))
            characters += len(text)
            if characters >= enough or len(batch) >= _BATCH_DOCUMENTS:
                yield batch
                batch, characters = [], 0
    except Exception as error:
        failure = error
    if batch:
        yield batch
    if failure is not None:
        raise failure
