"""Fits what is judged with the whole page in view: the context model, spans on their page, the document model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import ContextModel, ContextScores, first_look
from spamfilter.dense_model import DenseModel
from spamfilter.document_model import DOCUMENT_FEATURE_NAMES, document_features
from spamfilter.labels import LABELS
from spamfilter.page_features import FEATURE_NAMES, PageFeatures
from spamfilter.page_sums import PageSums
from spamfilter.relatedness import WordWeights
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
_NO_WORDS = WordWeights(np.zeros(1, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.uint8))

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


@dataclass(frozen=True, slots=True)
class ContextLines:
    """What the context model learns from in some documents: ``r`` lines that are not blank, without their texts.

    Attributes:
        features: without the words, on which no number of a line depends any more.
        labels: int64 (r,), index into ``LABELS`` or -1 where nobody can say.
        sources: str (r,), source of the document of each line.
    """

    features: PageFeatures
    labels: NDArray[np.int64]
    sources: NDArray[np.str_]


def context_lines(scored: ScoredBatch) -> ContextLines:
    """The lines of ``scored``: several draws of pages fit into memory so, with texts and tokens only one does."""
    # A spliced line is the business of the span model: as a whole it is neither clean nor spam.
    labels = [
        _LABEL_NUMBER[line.label] if line.label and not line.spans else -1
        for one in scored.documents
        for line in one.lines
    ]
    sources = np.array([one.source for one in scored.documents])
    features = scored.features
    return ContextLines(
        replace(features, words=_NO_WORDS),
        np.array(labels, np.int64)[features.lines],
        sources[features.pages.documents],
    )


def context_sample(
    labels: NDArray[np.int64], sources: NDArray[np.str_], known: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Rows for the context model: all flagged ones, a share of the others; spam pages and real pages weigh more."""
    ordinary = (labels == _LABEL_NUMBER["clean"]) | (labels == _LABEL_NUMBER["boilerplate"])
    draw = np.random.default_rng(seed).random(len(labels))
    keep = known[~ordinary[known] | (draw[known] < _ORDINARY_SHARE)]
    source, ordinary = sources[keep], ordinary[keep]
    weights = np.where(ordinary, 1 / _ORDINARY_SHARE, 1.0)
    weights[(source == "spam") & ~ordinary] = _SPAM_PAGE_WEIGHT
    weights[(source == "intruded") & ~ordinary] = _INTRUDER_WEIGHT
    weights[(source == "spam thread") & ordinary] *= _AMONG_SPAM_WEIGHT
    weights[source == "wcxb"] *= _REAL_PAGE_WEIGHT
    return keep, weights


def fit_context(parts: Sequence[ContextLines], seed: int, progress: Progress) -> ContextModel:
    """Both looks of the context model, on pages that the line models behind their scores had not seen."""
    labels = np.concatenate([part.labels for part in parts])
    known = np.flatnonzero(labels >= 0)
    progress(f"context model: {len(known)} lines")
    chosen, weights = context_sample(labels, np.concatenate([part.sources for part in parts]), known, seed)

    def fit(names: tuple[str, ...], numbers: Callable[[PageFeatures], NDArray[np.float64]]) -> DenseModel:
        # The numbers are worked out twice: those of all lines take gigabytes, and the fit as many again.
        model = fit_dense_model(names, _numbers_of(parts, numbers, chosen, len(names)), labels[chosen], weights)
        products = _numbers_of(parts, lambda features: numbers(features) @ model.weights, known, len(LABELS))
        return match_frequencies(model, products, labels[known])

    first = fit(FEATURE_NAMES, lambda features: features.values)
    progress("context model: second look")

    def looked_at(features: PageFeatures) -> NDArray[np.float64]:
        facts = features.facts
        look = second_look(*first_look(first, features), facts.shapes.widths, facts.runs, features.pages)
        return look.values_of(slice(0, len(features.lines)))

    return ContextModel(first, fit(SECOND_LOOK_NAMES, looked_at))


def _numbers_of(
    parts: Sequence[ContextLines],
    numbers: Callable[[PageFeatures], NDArray[np.float64]],
    rows: NDArray[np.int64],
    width: int,
) -> NDArray[np.float64]:
    """Numbers of some rows of all parts, given in ascending order, float64 (n, width)."""
    values = np.empty((len(rows), width))
    edges = np.cumsum([0, *(len(part.labels) for part in parts)])
    places = rows.searchsorted(edges)
    for part, edge, first, stop in zip(parts, edges, places, places[1:], strict=False):
        values[first:stop] = numbers(part.features)[rows[first:stop] - edge]
    return values


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


def kinds_of(parts: Sequence[ScoredBatch]) -> NDArray[np.int64]:
    """Number of each document's kind, int64 (d,), -1 where nobody can say.

    Nor of a page from which nothing was extracted, which the predictor never calls spam: all of them have the same
    log-odds, and as clean pages of the benchmark they would set the threshold.
    """
    kinds = [-1 if (kind := kind_of(one)) is None else kind for part in parts for one in part.documents]
    sizes = np.concatenate([part.features.pages.sizes for part in parts])
    return np.where(sizes == 0, -1, np.array(kinds, np.int64))


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
    kinds = kinds_of([part for part, _, _, _ in judged])
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
