"""Fits what is judged with the whole page in view: the context model, spans on their page, the document model."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import ContextModel, ContextScores, first_look
from spamfilter.dense_model import DenseModel
from spamfilter.document_model import DOCUMENT_FEATURE_NAMES, document_features
from spamfilter.labels import LABELS
from spamfilter.page_features import FEATURE_NAMES
from spamfilter.page_sums import PageSums
from spamfilter.second_look import SECOND_LOOK_NAMES, second_look
from spamfilter.span_model import SpanCandidates, SpanModel
from spamfilter.span_page import SPAN_PAGE_NAMES
from training.dense_training import fit_dense_model, match_frequencies, rounded_weights
from training.documents import LabelledDocument
from training.measure import level_lone_lines
from training.span_training import ScoredBatch, fit_span_pages

_LABEL_NUMBER = {label.value: number for number, label in enumerate(LABELS)}
_KIND_NUMBER = {"clean": 0, "residue": 1, "link_farm": 2, "spam": 3}

_DECISIONS = ((3, (0,), (0,)), (2, (0, 1), (1, 2, 3)), (1, (0,), (0, 1, 2, 3)))
"""Of each decision of the document model: the kind that it looks for, those that it is told from, its numbers."""

_ORDINARY_SHARE = 0.5
_SPAM_PAGE_WEIGHT = 8.0
_INTRUDER_WEIGHT = 4.0
"""Weight of a line of spam that stands alone in an article: there are few, and the page speaks against them."""
_AMONG_SPAM_WEIGHT = 4.0
"""Weight of an ordinary comment among comments that are spam: there are few, and the page speaks against them."""
_REAL_PAGE_WEIGHT = 3.0
_DOCUMENT_WEIGHTS = {
    "wcxb": _REAL_PAGE_WEIGHT,
    "spam": 5.0,
    "spun": 0.015,
    "clean": 0.3,
    "sentences": 0.3,
    "contents": 0.3,
    "listing": 0.3,
    "thread": 0.3,
}
_SINGLE_LINE_WEIGHT = 0.001

Progress = Callable[[str], None]
Judged = tuple[ScoredBatch, SpanCandidates, ContextScores, PageSums]
"""Documents, the candidates in them, what stage 2 found, and that summed up by page."""


def kind_of(document: LabelledDocument) -> int | None:
    """Number of the document's kind for stage 4, or None if nobody can say."""
    if document.source == "spun":
        return _KIND_NUMBER["link_farm" if document.spam else "residue" if document.spam is None else "clean"]
    if document.source in ("thread", "splice", "hacked"):
        return _KIND_NUMBER["residue"]
    if document.spam is None:
        return _KIND_NUMBER["clean"] if document.source == "line" else None
    return _KIND_NUMBER["spam" if document.spam else "clean"]


def row_labels(scored: ScoredBatch) -> NDArray[np.int64]:
    """Label of each line that is not blank, int64 (r,), index into ``LABELS`` or -1."""
    # A spliced line is the business of the span model: as a whole it is neither clean nor spam.
    labels = [
        _LABEL_NUMBER[line.label] if line.label and not line.spans else -1
        for one in scored.documents
        for line in one.lines
    ]
    return np.array(labels, np.int64)[scored.features.lines]


def context_sample(
    labels: NDArray[np.int64], known: NDArray[np.int64], parts: Sequence[ScoredBatch], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows for the context model: all flagged ones, a share of the others; spam pages and real pages weigh more."""
    sources = np.array([one.source for part in parts for one in part.documents])
    documents, first = [], 0
    for part in parts:
        documents.append(part.features.pages.documents + first)
        first += len(part.documents)
    source = sources[np.concatenate(documents)]
    ordinary = (labels == _LABEL_NUMBER["clean"]) | (labels == _LABEL_NUMBER["boilerplate"])
    draw = np.random.default_rng(seed).random(len(labels))
    keep = known[~ordinary[known] | (draw[known] < _ORDINARY_SHARE)]
    source, ordinary = source[keep], ordinary[keep]
    weights = np.where(ordinary, 1 / _ORDINARY_SHARE, 1.0)
    weights[(source == "spam") & ~ordinary] = _SPAM_PAGE_WEIGHT
    weights[(source == "intruded") & ~ordinary] = _INTRUDER_WEIGHT
    weights[(source == "spam thread") & ordinary] *= _AMONG_SPAM_WEIGHT
    weights[source == "wcxb"] *= _REAL_PAGE_WEIGHT
    return keep, weights


def fit_context(parts: Sequence[ScoredBatch], seed: int, progress: Progress) -> ContextModel:
    """Both looks of the context model, on pages that the line models behind their scores had not seen."""
    labels = np.concatenate([row_labels(part) for part in parts])
    known = np.flatnonzero(labels >= 0)
    progress(f"context model: {len(known)} lines")
    chosen, weights = context_sample(labels, known, parts, seed)

    def fit(names: tuple[str, ...], values: NDArray[np.float64]) -> DenseModel:
        model = fit_dense_model(names, values[chosen], labels[chosen], weights)
        return match_frequencies(model, values[known], labels[known])

    first = fit(FEATURE_NAMES, np.concatenate([part.features.values for part in parts]))
    progress("context model: second look")
    looks = []
    for part in parts:
        features, facts = part.features, part.features.facts
        look = second_look(*first_look(first, features), facts.shapes.widths, facts.runs, features.pages)
        looks.append(look.values_of(slice(0, len(features.lines))))
    return ContextModel(first, fit(SECOND_LOOK_NAMES, np.concatenate(looks)))


def fit_levelled_span_pages(model: SpanModel, judged: Sequence[Judged]) -> SpanModel:
    """How sure a stretch is on its page, with lines that stand alone levelled."""
    model = fit_span_pages(model, judged)
    parts = [(part, found) for part, found, _, _ in judged]
    odds = [
        model.judge(found, part.features.lines.searchsorted(found.lines), context, sums)[1]
        for part, found, context, sums in judged
    ]
    shift = level_lone_lines([part for part, _ in parts], [found for _, found in parts], odds)
    weights = model.page.weights.copy()
    weights[SPAN_PAGE_NAMES.index("the only line"), 1] += rounded_weights(np.array(shift))
    return replace(model, page=replace(model.page, weights=weights))


def _document_weight(document: LabelledDocument) -> float:
    """Weight of a page: composed link farms and hard negatives are many here and few on the web."""
    return _SINGLE_LINE_WEIGHT if len(document.lines) == 1 else _DOCUMENT_WEIGHTS.get(document.source, 1.0)


def fit_documents(
    span_model: SpanModel, judged: Sequence[Judged]
) -> tuple[DenseModel, NDArray[np.float64], NDArray[np.int64], list[NDArray[np.float64]]]:
    """The document model; its numbers of all documents, their kinds or -1, and the log-odds of all candidates."""
    documents = [document for part, _, _, _ in judged for document in part.documents]
    rows, span_logits = [], []
    for part, found, context, sums in judged:
        span_rows = part.features.lines.searchsorted(found.lines)
        _, odds = span_model.judge(found, span_rows, context, sums)
        rows.append(document_features(sums, part.features.pages.documents.take(span_rows), odds))
        span_logits.append(odds)
    values = np.concatenate(rows)
    kinds = np.array([-1 if (kind := kind_of(document)) is None else kind for document in documents])
    weights = np.array([_document_weight(document) for document in documents])
    known = kinds >= 0
    return _fit_decisions(values[known], kinds[known], weights[known]), values, kinds, span_logits


def _fit_decisions(values: NDArray[np.float64], kinds: NDArray[np.int64], weights: NDArray[np.float64]) -> DenseModel:
    """The three decisions of the document model side by side; a number that one does not look at has the weight 0."""
    names = DOCUMENT_FEATURE_NAMES
    parts = []
    for kind, against, inputs in _DECISIONS:
        rows = np.isin(kinds, (kind, *against))
        chosen = values[rows][:, inputs]
        part = fit_dense_model(
            tuple(names[one] for one in inputs), chosen, (kinds[rows] == kind).astype(np.int64), weights[rows]
        )
        column = np.zeros(len(names))
        column[list(inputs)] = part.weights[:, 1]
        parts.append((column, part.bias[1]))
    columns, biases = zip(*parts, strict=True)
    return DenseModel(names, np.stack(columns, axis=1), np.array(biases), np.round(values.mean(axis=0), 4))
