"""The predictor: a model, loaded once, that judges texts."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import ContextModel
from spamfilter.dense_model import DenseModel
from spamfilter.document_model import DECISIONS, DOCUMENT_FEATURE_NAMES
from spamfilter.errors import ModelError
from spamfilter.labels import FLAGGED_LABELS, LABELS
from spamfilter.line_model import LineModel
from spamfilter.memory import keep_freed_memory
from spamfilter.model_store import StoredModel, load_model
from spamfilter.ngrams import NgramSettings
from spamfilter.operating_points import OperatingPoints
from spamfilter.page_features import FEATURE_NAMES
from spamfilter.pipeline import Stages, score_documents
from spamfilter.relatedness import IDF_BITS
from spamfilter.results import DocumentPrediction
from spamfilter.scores import DocumentScores, ScoreArrays, decide
from spamfilter.second_look import SECOND_LOOK_NAMES
from spamfilter.span_model import CANDIDATE_NAMES, SpanModel
from spamfilter.span_page import SPAN_PAGE_NAMES
from spamfilter.span_phrases import PHRASE_BITS, PhraseModel
from spamfilter.span_tokens import SPAN_BITS
from spamfilter.suspicion import SUSPICION_NAMES
from spamfilter.text import CHAR_TABLE_SIZE, check_text

_BATCH_CHARACTERS = 300_000
_BATCH_DOCUMENTS = 256
_TASK_BATCHES = 8
_WAITING_TASKS = 4
"""Tasks a process that are under way, or done and not yet read."""


def default_model_folder() -> Path:
    """Folder of the shipped model: inside the installed package, or ``models/default`` of a checkout."""
    installed = Path(__file__).parent / "default_model"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "models" / "default"


def _dense(settings: Mapping[str, Any], names: tuple[str, ...], columns: int = 2) -> DenseModel:
    stored = {name: place for place, name in enumerate(settings["names"])}
    if len(stored) != len(settings["names"]) or set(stored) != set(names):
        raise ModelError("the model looks at other numbers than this spamfilter computes; train the model anew")
    weights, bias, means = (np.array(settings[name], np.float64) for name in ("weights", "bias", "means"))
    if weights.shape != (len(names), columns) or bias.shape != (columns,) or means.shape != (len(names),):
        raise ModelError("a part of the model has the wrong shape; train the model anew")
    # The order in which the numbers are computed is a matter of this version.
    order = [stored[name] for name in names]
    return DenseModel(names, weights[order], bias, means[order])


def _array(model: StoredModel, name: str, dtype: type[np.generic], *shape: int) -> NDArray[Any]:
    array = model.arrays[name]
    if array.dtype != dtype or array.shape != shape:
        raise ModelError(
            f"{name}.npy holds {array.dtype} {array.shape}, but this version reads {np.dtype(dtype)} {shape}; "
            "train the model anew"
        )
    return array


def stages_from(model: StoredModel) -> Stages:
    """Build the stages from a stored model.

    Raises:
        ModelError: a part is missing or has another shape than this version reads.
    """
    settings, arrays = model.settings, model.arrays
    try:
        if tuple(settings["labels"]) != tuple(label.value for label in LABELS):
            raise ModelError(f"the model has the labels {settings['labels']}; train it anew for {list(LABELS)}")
        line = settings["line"]
        ngrams = NgramSettings(tuple(line["part_orders"]), int(line["part_bits"]), int(line["pair_bits"]))
        span = settings["span"]
        slots = 1 << (len(arrays["vocabulary_hashes"]).bit_length() - 1)
        return Stages(
            char_table=_array(model, "char_table", np.uint32, CHAR_TABLE_SIZE),
            line=LineModel(
                settings=ngrams,
                part_table=_array(model, "part_table", np.int64, (1 << ngrams.part_bits) + 1, 2),
                pair_table=_array(model, "pair_table", np.int64, 1 << ngrams.pair_bits, 2),
                vocabulary_hashes=_array(model, "vocabulary_hashes", np.uint32, slots),
                vocabulary_words=_array(model, "vocabulary_words", np.int64, slots, 2),
                scale=float(line["scale"]),
                bias=np.array(line["bias"], np.float64),
            ),
            idf=_array(model, "idf", np.uint8, 1 << IDF_BITS),
            context=ContextModel(
                first=_dense(settings["context"]["first"], FEATURE_NAMES, len(LABELS)),
                second=_dense(settings["context"]["second"], SECOND_LOOK_NAMES, len(LABELS)),
            ),
            span=SpanModel(
                table=_array(model, "span_table", np.int64, 1 << SPAN_BITS),
                numeric_weights=np.array(span["numeric_weights"], np.float64),
                bias=np.array(span["bias"], np.int64),
                scale=float(span["scale"]),
                phrases=PhraseModel(
                    table=_array(model, "phrase_table", np.int32, 2, 1 << PHRASE_BITS),
                    scale=float(span["phrases"]["scale"]),
                    bias=float(span["phrases"]["bias"]),
                ),
                choice=_dense(span["choice"], CANDIDATE_NAMES),
                candidates=_dense(span["candidates"], CANDIDATE_NAMES),
                page=_dense(span["page"], SPAN_PAGE_NAMES),
                suspicion=_dense(span["suspicion"], SUSPICION_NAMES),
            ),
            document=_dense(settings["document"], DOCUMENT_FEATURE_NAMES, len(DECISIONS)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"a part of the model is missing or malformed ({error!r}); train it anew") from None


def points_from(settings: Mapping[str, Any]) -> OperatingPoints:
    """Read the operating points of a stored model.

    Raises:
        ModelError: they are missing or malformed, or a decision has no threshold for one of the rates.
    """
    try:
        stored = settings["operating_points"]
        rates = tuple(map(float, stored["rates"]))
        thresholds = {str(name): tuple(map(float, values)) for name, values in stored["thresholds"].items()}
        points = OperatingPoints(rates, thresholds, float(stored["boilerplate"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the operating points are missing or malformed ({error!r}); train the model anew") from None
    decisions = {*(label.value for label in FLAGGED_LABELS), "span", "document"}
    if set(thresholds) != decisions or not rates or any(len(values) != len(rates) for values in thresholds.values()):
        raise ModelError(f"the operating points do not cover {sorted(decisions)} at every rate; train the model anew")
    return points


class Predictor:
    """Judges texts with one model. Prediction is a pure function: nothing is remembered between calls."""

    def __init__(self, model: StoredModel) -> None:
        """Use ``model``; raises ModelError if a part is missing or malformed."""
        self.stages = stages_from(model)
        self.settings = model.settings
        self.points = points_from(model.settings)

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

        Args:
            n_jobs: processes, as in joblib; -1 for all cores. Results do not depend on it.

        Raises:
            TypeError: an element is not a str.
            ValueError: the rate is outside the range that the model has measured, or ``n_jobs`` is 0.
        """
        self.points.check_rate(max_false_positive_rate)
        if isinstance(texts, str):
            raise TypeError("texts must be an iterable of documents, not one str; use predict(text) for one document")
        if n_jobs == 0:
            raise ValueError("n_jobs=0 means no worker at all; use 1, another number, or -1 for all cores")
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
        from joblib import Parallel, delayed, effective_n_jobs

        # The texts wait here: a worker sends back arrays only.
        waiting: deque[list[list[str]]] = deque()
        limit = _WAITING_TASKS * effective_n_jobs(n_jobs)
        finished = False

        def tasks() -> Iterator[list[list[str]]]:
            nonlocal finished
            # joblib takes new tasks as workers get free, however far the reader of the results is behind.
            while len(waiting) < limit:
                task = list(islice(batches, _TASK_BATCHES))
                if not task:
                    finished = True
                    return
                waiting.append(task)
                yield task

        with Parallel(n_jobs=n_jobs, return_as="generator", pre_dispatch="2*n_jobs") as parallel:
            while not finished:
                scored = parallel(delayed(_score_task)(self.stages, task) for task in tasks())
                try:
                    for part in scored:
                        for texts, scores in zip(waiting.popleft(), part, strict=True):
                            yield from self._decided(texts, scores, rate)
                finally:
                    with warnings.catch_warnings():
                        # A reader who has seen enough knows that the rest is for nothing.
                        warnings.filterwarnings("ignore", "[0-9]+ tasks have been successfully executed", UserWarning)
                        warnings.filterwarnings("ignore", "[0-9]+ tasks which were still being processed", UserWarning)
                        scored.close()

    def _predict_batch(self, texts: list[str], rate: float) -> list[DocumentPrediction]:
        return self._decided(texts, score_documents(self.stages, texts), rate)

    def _decided(self, texts: list[str], scores: ScoreArrays, rate: float) -> list[DocumentPrediction]:
        decisions = decide(scores, self.points, rate)
        return [
            DocumentPrediction(text, DocumentScores(scores, number), self.points, rate, decisions)
            for number, text in enumerate(texts)
        ]


def _score_task(stages: Stages, batches: list[list[str]]) -> list[ScoreArrays]:
    """Score some batches in a process of its own."""
    keep_freed_memory()
    return [score_documents(stages, batch) for batch in batches]


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Group documents so that a batch fits the cache."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(check_text(text))
        characters += len(text)
        if characters >= _BATCH_CHARACTERS or len(batch) >= _BATCH_DOCUMENTS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
