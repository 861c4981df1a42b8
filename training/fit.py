"""Fits the four stages, each on what the stages before it say of documents that they have not seen.

Documents are dealt into folds. Pages are composed within a fold and scored by a line model that was fitted on the
other folds; the context, span and document models learn from those scores.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import joblib
import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor
from numpy.typing import NDArray

from spamfilter.document_model import kind_log_probabilities
from spamfilter.labels import LABELS, Label
from spamfilter.line_model import LineModel
from spamfilter.ngrams import NgramSettings
from spamfilter.operating_points import OperatingPoints
from spamfilter.page_sums import page_sums
from spamfilter.pipeline import Stages
from spamfilter.relatedness import IDF_BITS
from spamfilter.span_model import SpanCandidates, SpanModel
from training.char_table import build_char_table
from training.compose import compose, compose_splices
from training.context_pages import compose_context_pages
from training.corpus_lines import unit_number
from training.documents import LabelledDocument
from training.line_training import LineTrainingSettings, count_ngrams, encode_lines, fit_line_model
from training.lines import PHRASES_SUFFIX
from training.measure import choose_points
from training.page_training import Progress, context_lines, fit_context, fit_documents, fit_levelled_span_pages
from training.phrase_training import fit_choice, fit_phrases, phrase_examples, propose
from training.span_training import (
    BoundaryExamples,
    ScoredBatch,
    boundary_examples,
    candidates_of,
    fit_boundaries,
    score_documents,
)
from training.suspicion_training import fit_suspicion, look_where_suspicious

_LABEL_NUMBER = {label.value: number for number, label in enumerate(LABELS)}
_SPAN_SHARE = {
    "spun": 0.3,
    "clean": 0.5,
    "sentences": 0.5,
    "body": 0.1,
    "wcxb": 0.15,
    "spam": 0.15,
    "line": 0.15,
    "thread": 0.2,
    "hacked": 0.1,
}

_GROUPS_A_FOLD_UNIT = 8
_DRAWS = 3
"""What is drawn in composing moves recall by three points; so the context model learns from three draws."""
_TITLE_PHRASES = ("archive-titles", "shop-names")
_SPLICED_ONLY = "splice-"
"""Topics whose phrases are spliced into sentences and not learnt as lines: alone they say nothing of a page."""

_Part = TypeVar("_Part")
_Model = TypeVar("_Model")


@dataclass(frozen=True, slots=True)
class FitSettings:
    """Choices of a training run.

    All go into the model folder but ``jobs``, on which no model depends, and ``line.vocabulary_bits``, which the size
    of the vocabulary tells.

    Attributes:
        corpus_weight: weight of a written line; a line of a public source weighs 1.
        generated_weight: weight of all lines of one pattern together.
        title_weight: weight of a title or name to splice: "Garden Hoses Archives" is spam by its place alone.
        boilerplate_share, clean_share: share of the benchmark's lines that the line model learns from.
    """

    seed: int = 0
    folds: int = 3
    jobs: int = 2
    ngrams: NgramSettings = field(default_factory=lambda: NgramSettings((3, 4, 5), 19, 19))
    line: LineTrainingSettings = field(default_factory=LineTrainingSettings)
    corpus_weight: float = 2.0
    generated_weight: float = 3.0
    title_weight: float = 0.25
    boilerplate_share: float = 0.5
    clean_share: float = 1.0


@dataclass(frozen=True, slots=True)
class FittedModel:
    """Stages, thresholds, and what was measured on the way."""

    stages: Stages
    points: OperatingPoints
    metrics: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _FoldDocuments:
    """What is composed within one fold, to be seen by models fitted on the others; scored, it takes gigabytes.

    Attributes:
        sample: what the span model learns from.
    """

    composed: list[LabelledDocument]
    sample: list[LabelledDocument]


def fold_of(document: LabelledDocument, folds: int, seed: int) -> int:
    """Fold of a document; neighbouring groups of a file of labelled lines stay together, if they are numbered."""
    if document.source.startswith("UD_"):
        # A treebank stays whole: prose in a language without a treebank must look like that to the other stages.
        return int(unit_number(f"{seed}:{document.source}") * folds)
    name, _, number = document.document_id.rpartition("#")
    try:
        unit = f"{name}#{int(number) // _GROUPS_A_FOLD_UNIT}"
    except ValueError:
        # Documents that their owner has named have no neighbours.
        unit = document.document_id
    return int(unit_number(f"{seed}:{unit}") * folds)


@dataclass(frozen=True, slots=True)
class _LineSet:
    texts: list[str]
    labels: NDArray[np.int64]
    weights: NDArray[np.float64]
    folds: NDArray[np.int64]


def _line_set(documents: Sequence[LabelledDocument], settings: FitSettings) -> _LineSet:
    """Lines for stage 1; lines of the benchmark are thinned out and taken once."""
    random_ = random.Random(settings.seed)
    shares = {Label.BOILERPLATE.value: settings.boilerplate_share, Label.CLEAN.value: settings.clean_share}
    texts, labels, weights, folds = [], [], [], []
    seen: set[str] = set()
    for document in documents:
        if (document.page_type or "").startswith(_SPLICED_ONLY):
            continue
        fold = fold_of(document, settings.folds, settings.seed)
        for line in document.lines:
            if line.label is None or line.spans:
                continue
            if document.source == "wcxb":
                if line.text in seen or random_.random() > shares.get(line.label, 1.0):
                    continue
                seen.add(line.text)
            texts.append(line.text)
            labels.append(_LABEL_NUMBER[line.label])
            if (document.page_type or "").startswith(_TITLE_PHRASES):
                weights.append(settings.title_weight)
            elif document.source == "generated":
                weights.append(min(1.0, settings.generated_weight / len(document.lines)))
            else:
                weights.append(settings.corpus_weight if document.source == "lines" else 1.0)
            folds.append(fold)
    return _LineSet(texts, np.array(labels), np.array(weights), np.array(folds))


def fit_lines_of(
    documents: Sequence[LabelledDocument], char_table: NDArray[np.uint32], settings: FitSettings
) -> LineModel:
    """One line model, fitted on all of ``documents`` as the shipped one is.

    Raises:
        ValueError: a label has no line.
    """
    lines = _line_set(documents, settings)
    counts = count_ngrams(lines.texts, char_table, settings.ngrams)
    return fit_line_model(lines.texts, counts, lines.labels, lines.weights, char_table, settings.ngrams, settings.line)


def _fit_lines(
    documents: Sequence[LabelledDocument], char_table: NDArray[np.uint32], settings: FitSettings, progress: Progress
) -> list[LineModel]:
    """One line model for each fold, fitted on the others, and one fitted on all."""
    lines = _line_set(documents, settings)
    progress(f"line model: counting n-grams of {len(lines.texts)} lines")
    counts = count_ngrams(lines.texts, char_table, settings.ngrams)

    def fit(fold: int) -> LineModel:
        rows = np.flatnonzero(lines.folds != fold)
        texts = [lines.texts[row] for row in rows]
        return fit_line_model(
            texts, counts[rows], lines.labels[rows], lines.weights[rows], char_table, settings.ngrams, settings.line
        )

    progress(f"line model: {settings.folds + 1} fits on up to {len(lines.texts)} lines, {counts.nnz} n-grams")
    fitted: list[LineModel] = Parallel(n_jobs=settings.jobs, mmap_mode="r")(
        delayed(fit)(fold) for fold in [*range(settings.folds), -1]
    )
    return fitted


def _idf_table(documents: Sequence[LabelledDocument], char_table: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """How rare a word is among documents, by the high bits of its hash."""
    frequency = np.zeros(1 << IDF_BITS)
    count = 0
    for document in documents:
        if (document.page_type or "").endswith(PHRASES_SUFFIX):
            continue
        _, tokens = encode_lines([line.text for line in document.lines], char_table)
        frequency[np.unique(tokens.hashes >> np.uint32(32 - IDF_BITS))] += 1
        count += 1
    table: NDArray[np.uint8] = np.clip(np.rint(np.log((1 + count) / (1 + frequency)) * 20), 1, 255).astype(np.uint8)
    return table


def _for_spans(
    own: Sequence[LabelledDocument], composed: Sequence[LabelledDocument], seed: str
) -> list[LabelledDocument]:
    """What the span model learns from: a share of the pages of a fold, and more sentences spliced."""
    chosen = []
    for document in composed:
        share = _SPAN_SHARE.get(document.source, 0.5 if document.source.startswith("UD") else 1.0)
        if unit_number(f"{seed}:{document.document_id}") < share:
            chosen.append(document)
    return [*chosen, *compose_splices(own, seed)]


def _without_each(parts: Sequence[Sequence[_Part]]) -> list[list[_Part]]:
    """For each fold all parts of the other folds, then all parts."""
    others = [
        [part for number, own in enumerate(parts) if number != fold for part in own] for fold in range(len(parts))
    ]
    return [*others, [part for own in parts for part in own]]


def _mapped(values: _Part, path: Path) -> _Part:
    """The same with its arrays in a file, mapped into memory."""
    joblib.dump(values, path)
    mapped: _Part = joblib.load(path, mmap_mode="r")
    return mapped


def _fit_without_each(
    fit: Callable[[list[_Part]], _Model], parts: Sequence[Sequence[_Part]], jobs: int
) -> list[_Model]:
    """``fit`` of all that ``_without_each`` makes of ``parts``, in processes that end: idle ones keep gigabytes."""
    fitted: list[_Model] = Parallel(n_jobs=jobs)(delayed(fit)(chosen) for chosen in _without_each(parts))
    get_reusable_executor().shutdown()
    return fitted


def _fit_spans(
    folds: Sequence[_FoldDocuments],
    line_models: Sequence[LineModel],
    char_table: NDArray[np.uint32],
    idf: NDArray[np.uint8],
    settings: FitSettings,
    progress: Progress,
) -> tuple[SpanModel, list[tuple[ScoredBatch, SpanCandidates]]]:
    """The span model, and what is composed with the candidates that models of the other folds found in it."""
    count = len(folds)

    def scored_sample(number: int) -> list[ScoredBatch]:
        return score_documents(folds[number].sample, line_models[number], char_table, idf)

    def examples_of(number: int, path: Path) -> list[BoundaryExamples]:
        sample = scored_sample(number)
        return [_mapped(boundary_examples(sample, line_models[number]), path)] if sample else []

    progress(f"span model: {count + 1} fits of boundaries")
    with TemporaryDirectory() as folder:
        # One set of arrays a fold, in files that processes share; what they were made of is scored again later, for the
        # fits need its gigabytes.
        examples = [examples_of(number, Path(folder) / str(number)) for number in range(count)]
        boundaries = _fit_without_each(fit_boundaries, examples, settings.jobs)
        del examples
    progress(f"span model: {count + 1} fits of phrases")
    proposals = [
        [
            proposed
            for place, part in enumerate(scored_sample(number))
            if (proposed := propose(boundaries[number], line_models[number], part, (settings.seed, number, place)))
        ]
        for number in range(count)
    ]
    with TemporaryDirectory() as folder:
        stretches = [
            _mapped(list(map(phrase_examples, own)), Path(folder) / str(number)) for number, own in enumerate(proposals)
        ]
        phrases = _fit_without_each(fit_phrases, stretches, settings.jobs)
        del stretches
    progress("span model: candidates")
    judges = fit_choice([(one, phrases[number]) for number, own in enumerate(proposals) for one in own])
    models = [
        replace(boundary, phrases=phrase, choice=judges[0], candidates=judges[1])
        for boundary, phrase in zip(boundaries, phrases, strict=True)
    ]
    found = [
        (part, line_models[number], candidates_of(models[number], line_models[number], part))
        for number, fold in enumerate(folds)
        for part in score_documents(fold.composed, line_models[number], char_table, idf)
    ]
    progress("span model: which lines to look at")
    model = fit_suspicion(models[-1], found)
    # From here on folds know what the shipped model would know: candidates in suspicious lines.
    return model, [(one[0], look_where_suspicious(model, one)) for one in found]


def fit_model(documents: Sequence[LabelledDocument], settings: FitSettings, progress: Progress) -> FittedModel:
    """Fit all stages on labelled documents.

    Raises:
        ValueError: there is too little to learn from: a label has no line, also when a fold is held out; no foreign
            stretch was found on any page; or clean lines or pages are too few to set thresholds by.
    """
    char_table = build_char_table()
    idf = _idf_table(documents, char_table)
    # Lines expanded from patterns teach words; they are no material for pages.
    written = [one for one in documents if one.source != "generated"]
    *fold_models, line_model = _fit_lines(documents, char_table, settings, progress)
    folds, owns = [], []
    seeds = [f"{settings.seed} fold {fold}" for fold in range(settings.folds)]
    for fold in range(settings.folds):
        own = [one for one in written if fold_of(one, settings.folds, settings.seed) == fold]
        owns.append(own)
        composed = compose(own, seeds[fold])
        progress(f"fold {fold}: {len(composed)} pages of {sum(len(one.lines) for one in composed)} lines")
        folds.append(_FoldDocuments(composed, _for_spans(own, composed, seeds[fold])))
    span_model, parts = _fit_spans(folds, fold_models, char_table, idf, settings, progress)
    del folds
    drawn_again = [
        one
        for fold, model in enumerate(fold_models)
        for drawn in (
            *(compose(owns[fold], f"{seeds[fold]} draw {draw}") for draw in range(1, _DRAWS)),
            compose_context_pages(owns[fold], seeds[fold]),
        )
        for one in map(context_lines, score_documents(drawn, model, char_table, idf))
    ]
    context = fit_context([*(context_lines(part) for part, _ in parts), *drawn_again], settings.seed, progress)
    del drawn_again
    contexts = [context.score(part.features) for part, _ in parts]
    sums = [page_sums(part.features, one) for (part, _), one in zip(parts, contexts, strict=True)]
    progress("span model: what the page says")
    judged = [(part, found, one, total) for (part, found), one, total in zip(parts, contexts, sums, strict=True)]
    span_model = fit_levelled_span_pages(span_model, judged)

    progress("document model")
    document, all_rows, kinds, span_logits = fit_documents(span_model, judged)
    points, metrics = choose_points(
        [part for part, _ in parts],
        [found for _, found in parts],
        [one.logits for one in contexts],
        span_logits,
        kind_log_probabilities(document.logits(all_rows)),
        kinds,
    )
    stages = Stages(char_table, line_model, idf, context, span_model, document)
    return FittedModel(stages, points, metrics)
