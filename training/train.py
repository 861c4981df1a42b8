"""Trains a model folder from the corpus, the public sources and a user's own labelled lines.

python -m training.train --out models/default [--mirror DIR | --cache DIR] [--lines FILE_OR_FOLDER ...]
"""

import argparse
import hashlib
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray

from spamfilter import LABELS, __version__
from spamfilter.dense_model import DenseModel
from spamfilter.errors import InputError
from spamfilter.model_store import StoredModel
from spamfilter.model_writer import check_model_target, save_model
from spamfilter.piecewise_model import PiecewiseModel
from training.card import model_card, source_rows
from training.documents import LabelledDocument
from training.fit import FitSettings, FittedModel, fit_model
from training.generate import generate
from training.lines import CORPUS_FOLDER, read_labelled_lines
from training.options import add_public_sources, number_of_jobs, seed_number
from training.program import run
from training.sources import read_public_sources

_NO_LANGUAGES = {"any", "und"}
"""What stands in the place of a language in lines of none, such as code."""


def fingerprint(documents: Sequence[LabelledDocument]) -> str:
    """SHA-256 over all documents with their lines, labels and spans, in order."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(f"{document.document_id}\t{document.language}\n".encode("utf-8", "surrogatepass"))
        for line in document.lines:
            spans = ",".join(f"{start}-{end}" for start, end in line.spans)
            digest.update(f"{line.label}\t{spans}\t{line.text}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _dense_settings(model: DenseModel) -> dict[str, Any]:
    return {
        "names": list(model.names),
        "weights": model.weights.tolist(),
        "bias": model.bias.tolist(),
        "means": model.means.tolist(),
    }


def _piecewise_settings(model: PiecewiseModel) -> dict[str, Any]:
    return {
        "names": list(model.names),
        "weights": model.weights.tolist(),
        "bias": model.bias,
        "means": model.means.tolist(),
        "bent": [model.names[place] for place in model.places],
        "knots": model.knots.tolist(),
        "bends": model.bends.tolist(),
    }


def stored_model(
    fitted: FittedModel, settings: FitSettings, data: dict[str, Any], sources: list[dict[str, str]]
) -> StoredModel:
    """The fitted model as a folder holds it."""
    stages, points = fitted.stages, fitted.points
    line, span = stages.line, stages.span
    content: dict[str, Any] = {
        "labels": [label.value for label in LABELS],
        "line": {
            "part_orders": list(line.settings.part_orders),
            "part_bits": line.settings.part_bits,
            "pair_bits": line.settings.pair_bits,
            "scale": line.scale,
            "bias": line.bias.tolist(),
        },
        "context": {
            "first": _dense_settings(stages.context.first),
            "second": _dense_settings(stages.context.second),
        },
        "span": {
            "numeric_weights": span.numeric_weights.tolist(),
            "bias": span.bias.tolist(),
            "scale": span.scale,
            "phrases": {"scale": span.phrases.scale, "bias": span.phrases.bias},
            "choice": _dense_settings(span.choice),
            "candidates": _piecewise_settings(span.candidates),
            "page": _dense_settings(span.page),
            "suspicion": _dense_settings(span.suspicion),
        },
        "document": _dense_settings(stages.document),
        "operating_points": {
            "rates": list(points.rates),
            "thresholds": {name: list(values) for name, values in points.thresholds.items()},
            "boilerplate": points.boilerplate,
        },
        "training": {
            "seed": settings.seed,
            "folds": settings.folds,
            "inverse_regularisation": settings.line.inverse_regularisation,
            "iterations": settings.line.iterations,
            "least_lines": settings.line.least_lines,
            "corpus_weight": settings.corpus_weight,
            "generated_weight": settings.generated_weight,
            "title_weight": settings.title_weight,
            "boilerplate_share": settings.boilerplate_share,
            "clean_share": settings.clean_share,
        },
        "metrics": fitted.metrics,
        "data": data,
        "sources": sources,
        "versions": {
            "spamfilter": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
            "joblib": joblib.__version__,
        },
    }
    arrays: dict[str, NDArray[Any]] = {
        "char_table": stages.char_table,
        "part_table": line.part_table,
        "pair_table": line.pair_table,
        "vocabulary_hashes": line.vocabulary_hashes,
        "vocabulary_words": line.vocabulary_words,
        "idf": stages.idf,
        "span_table": span.table,
        "phrase_table": span.phrases.table,
    }
    return StoredModel(content, arrays, model_card(content))


def _read_documents(
    arguments: argparse.Namespace, report: Any
) -> tuple[list[LabelledDocument], dict[str, Any], list[dict[str, str]]]:
    for number, path in enumerate(arguments.lines):
        if path.resolve() in [other.resolve() for other in arguments.lines[:number]]:
            raise InputError(f"{path}: is given twice; its lines would be learnt and measured against themselves")
    corpus = read_labelled_lines(CORPUS_FOLDER)
    generated = generate()
    # Ids tell which option they come from: files of one name, or one named as in the corpus, may lie in two folders.
    own = [
        replace(document, document_id=f"own {number}/{document.document_id}")
        for number, path in enumerate(arguments.lines, 1)
        for document in read_labelled_lines(path)
    ]
    public: list[LabelledDocument] = []
    sources: list[dict[str, str]] = []
    if arguments.mirror or arguments.cache:
        public = read_public_sources(arguments.mirror, arguments.cache, n_jobs=arguments.jobs, progress=report)
        sources = source_rows()
    else:
        report(
            "no --mirror and no --cache: left out are the page-extraction benchmark and the treebanks; "
            "the model learns from hand-written lines alone and will flag more clean lines of real pages"
        )
    data: dict[str, Any] = {}
    for name, documents in (
        ("corpus", corpus),
        ("patterns", generated),
        ("own lines", own),
        ("public sources", public),
    ):
        lines = [line for document in documents for line in document.lines if line.label]
        data[name] = {
            "documents": len(documents),
            "lines": dict(sorted(Counter(line.label for line in lines).items())),
            "languages": len({document.language.split("-")[0] for document in documents} - _NO_LANGUAGES),
            "sha256": fingerprint(documents),
        }
        report(f"{name}: {len(documents)} documents, {len(lines)} labelled lines")
    return corpus + generated + own + public, data, sources


def main(argv: Sequence[str] | None = None) -> int:
    """Run the training script; returns the exit code."""
    return run("train", lambda: _train(argv))


def _train(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="model folder to write, new or that of an older model")
    add_public_sources(parser)
    parser.add_argument(
        "--lines", type=Path, nargs="+", action="extend", default=[], help="your own labelled lines; may be repeated"
    )
    parser.add_argument("--seed", type=seed_number, default=0)
    parser.add_argument("--jobs", type=number_of_jobs, default=2, help="processes; the model does not depend on it")
    arguments = parser.parse_args(argv)
    begun = time.monotonic()

    def report(message: str) -> None:
        print(f"[{time.monotonic() - begun:6.0f} s] {message}", file=sys.stderr, flush=True)

    settings = FitSettings(seed=arguments.seed, jobs=arguments.jobs)
    check_model_target(arguments.out)
    documents, data, sources = _read_documents(arguments, report)
    fitted = fit_model(documents, settings, report)
    model = stored_model(fitted, settings, data, sources)
    save_model(arguments.out, model)
    # Before the card, which a reader may not take: the model is there all the same.
    report(f"wrote {arguments.out}")
    print(model.card)
    return 0


if __name__ == "__main__":
    sys.exit(main())
