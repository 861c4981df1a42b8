"""Runs the four stages over a batch of documents: text in, scores out, no decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spamfilter import kernel
from spamfilter.context_model import SPEAKS, ContextModel, ContextScores
from spamfilter.dense_model import DenseModel, softmax
from spamfilter.document_model import DECISIONS, DOCUMENT_FEATURE_NAMES, document_features, kind_log_probabilities
from spamfilter.elementary import TABLES
from spamfilter.labels import LABELS
from spamfilter.line_facts import BODY_WIDTH
from spamfilter.line_model import LineModel, LineScores
from spamfilter.page_features import FEATURE_NAMES, WIDTH_LEVELS, PageFeatures, page_features
from spamfilter.page_sums import page_sums
from spamfilter.relatedness import IDF_BITS
from spamfilter.scores import ScoreArrays
from spamfilter.second_look import SECOND_LOOK_NAMES, second_look
from spamfilter.span_description import CANDIDATE_NAMES
from spamfilter.span_model import ROUNDS, SpanCandidates, SpanModel, find_candidates
from spamfilter.span_page import SPAN_PAGE_NAMES
from spamfilter.span_tokens import PIECE_TOKENS
from spamfilter.suspicion import are_suspicious, strongest_tokens
from spamfilter.text import TextBatch, encode_documents, whole_characters
from spamfilter.tokens import TokenBatch, tokenize

BLANK_LOGITS = np.array([12.0, -12.0, -12.0, -12.0, -12.0, -12.0])
"""A blank line is clean."""
EMPTY_DOCUMENT_LOGITS = np.array([12.0, -12.0, -12.0, -12.0])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stages:
    """The four stages with all that they need.

    Attributes:
        char_table: uint32, see ``spamfilter.text``.
        idf: uint8, see ``spamfilter.page_features``.
        document: 3 columns, the decisions of ``spamfilter.document_model``.
        line_weights: float64 (7, f), of the first look of the context model and of suspicion: one product serves both.
        tables: what the compiled kernel reads, None if it cannot read these models.
    """

    char_table: NDArray[np.uint32]
    line: LineModel
    idf: NDArray[np.uint8]
    context: ContextModel
    span: SpanModel
    document: DenseModel
    line_weights: NDArray[np.float64] = field(init=False)
    tables: kernel.ModelTables | None = field(init=False)

    def __post_init__(self) -> None:
        """Lay the weights out."""
        suspicion = self.span.suspicion.weights[: len(FEATURE_NAMES), 1]
        object.__setattr__(self, "line_weights", np.vstack((self.context.first.weights.T, suspicion)))
        object.__setattr__(self, "tables", self._tables())

    def _tables(self) -> kernel.ModelTables | None:
        labels, widths = len(LABELS), (len(FEATURE_NAMES), len(SECOND_LOOK_NAMES), len(CANDIDATE_NAMES))
        first, second, page, suspicion = self.context.first, self.context.second, self.span.page, self.span.suspicion
        shapes = first.weights.shape, second.weights.shape, page.weights.shape, self.document.weights.shape
        expected = (widths[0], labels), (widths[1], labels), (len(SPAN_PAGE_NAMES), 2)
        if shapes != (*expected, (len(DOCUMENT_FEATURE_NAMES), len(DECISIONS))) or self.idf.shape != (1 << IDF_BITS,):
            return None
        if self.line.tables is None or self.span.tables is None:
            return None
        return kernel.ModelTables(
            *(self.line.tables, self.span.tables, TABLES, np.ascontiguousarray(self.idf)),
            *(_padded(self.line_weights.T), np.ascontiguousarray(first.bias)),
            np.ascontiguousarray(suspicion.weights[len(FEATURE_NAMES) :, 1]),
            *(_padded(second.weights), np.ascontiguousarray(second.bias)),
            np.ascontiguousarray(page.weights[:, 1] - page.weights[:, 0]),
            *(np.ascontiguousarray(self.document.weights.T), np.ascontiguousarray(self.document.bias)),
            *(np.array(SPEAKS), np.ascontiguousarray(WIDTH_LEVELS), BLANK_LOGITS, EMPTY_DOCUMENT_LOGITS),
            *(-float(suspicion.bias[1]), float(page.bias[1] - page.bias[0]), float(self.line.scale), BODY_WIDTH),
            *(*widths, len(SPAN_PAGE_NAMES), len(DOCUMENT_FEATURE_NAMES)),
        )


def _padded(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns as the compiled kernel takes them, float64 (f, 8)."""
    padded = np.zeros((len(weights), 8))
    padded[:, : weights.shape[1]] = weights
    return padded


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BatchScores:
    """All that the stages found in a batch.

    Attributes:
        context: what stage 2 found of the lines that are not blank.
        span_values: float64 (k, f), what the pages say of the candidates.
        span_logits: float64 (k,), log-odds of the candidates.
        document_logits: float64 (d, 4), log-probabilities of the kinds.
    """

    batch: TextBatch
    tokens: TokenBatch
    line: LineScores
    page: PageFeatures
    context: ContextScores
    candidates: SpanCandidates
    span_values: NDArray[np.float64]
    span_logits: NDArray[np.float64]
    document_values: NDArray[np.float64]
    document_logits: NDArray[np.float64]


def judge_lines(
    stages: Stages, page: PageFeatures, strongest: NDArray[np.float64]
) -> tuple[ContextScores, NDArray[np.int64]]:
    """Run the context model and choose the lines that the span stage looks at.

    Args:
        strongest: float64 (r, 3), as ``strongest_tokens`` gives them.

    Returns:
        What the context model found.
        rows: int64 (k,), suspicious ones, ascending.
    """
    first, shown = (np.empty((len(LABELS), len(page.lines))) for _ in range(2))
    rows = [np.zeros(0, np.int64)]
    for block in page.pages.blocks():
        products = stages.line_weights @ page.values_of(block).T
        first[:, block], shown[:, block] = softmax(products[:-1] + stages.context.first.bias[:, None])
        found = are_suspicious(stages.span.suspicion, products[-1], strongest[block]).nonzero()[0]
        rows.append(found + block.start)
    second = second_look(first, shown, page.facts.shapes.widths, page.facts.runs, page.pages)
    del shown
    return stages.context.look_again(second, page), rows[1] if len(rows) == 2 else np.concatenate(rows)


def score_batch(stages: Stages, texts: Sequence[str]) -> BatchScores:
    """Score documents; the same document gives the same scores in any batch."""
    batch = encode_documents(texts, stages.char_table)
    tokens = tokenize(batch)
    line = stages.line.score(tokens)
    page = page_features(batch, tokens, line, stages.idf, stages.line.scale)
    context, rows = judge_lines(stages, page, strongest_tokens(stages.line, tokens, line.token_words, page))
    candidates = find_candidates(
        stages.span, stages.line, batch, tokens, line.token_words, page.words, page.lines.take(rows)
    )
    sums = page_sums(page, context)
    span_rows = page.lines.searchsorted(candidates.lines)
    span_values, span_logits = stages.span.judge(candidates, span_rows, context, sums)
    values = document_features(sums, page.pages.documents.take(span_rows), span_logits)
    document_logits = kind_log_probabilities(stages.document.logits(values))
    return BatchScores(
        batch, tokens, line, page, context, candidates, span_values, span_logits, values, document_logits
    )


def score_documents(stages: Stages, texts: Sequence[str]) -> ScoreArrays:
    """Score documents, keeping only what decisions need; the same document gives the same scores in any batch."""
    if kernel.is_on() and stages.tables is not None:
        batch = encode_documents(texts, stages.char_table)
        places = batch.line_ends, batch.document_lines, batch.document_offsets, batch.dropped
        compiled = kernel.score_batch(stages.tables, batch.chars, places, (ROUNDS, PIECE_TOKENS))
        if compiled is not None:
            logits, (span_lines, span_starts, span_ends, span_logits), span_edges, document_logits = compiled
            lines = batch.document_lines, batch.original_starts, batch.original_ends, logits.T
            spans = span_edges, span_lines, span_starts, span_ends, span_logits
            return _with_whole_characters(ScoreArrays(*lines, *spans, document_logits), texts)
    return _with_whole_characters(document_scores(score_batch(stages, texts)), texts)


def _with_whole_characters(scores: ScoreArrays, texts: Sequence[str]) -> ScoreArrays:
    """The same scores with spans that part no letter from its marks, which are no tokens or tokens of their own."""
    owners = (scores.line_edges.searchsorted(scores.span_lines, side="right") - 1).tolist()
    edges = zip(owners, scores.span_starts.tolist(), scores.span_ends.tolist(), strict=True)
    whole = [whole_characters(texts[owner], start, end) for owner, start, end in edges]
    starts, ends = np.array(whole, np.int64).reshape(-1, 2).T
    return replace(scores, span_starts=starts.copy(), span_ends=ends.copy())


def document_scores(scores: BatchScores) -> ScoreArrays:
    """What the stages found, with offsets into the caller's strings."""
    batch, tokens, candidates = scores.batch, scores.tokens, scores.candidates
    # Each column is a row of memory, as everywhere.
    logits = np.empty((len(BLANK_LOGITS), len(batch.line_starts)))
    logits[:] = BLANK_LOGITS[:, None]
    logits[:, scores.page.lines] = scores.context.logits.T
    owners = np.searchsorted(batch.document_lines, candidates.lines, side="right") - 1
    document_logits = scores.document_logits.copy()
    document_logits[scores.page.pages.sizes == 0] = EMPTY_DOCUMENT_LOGITS
    return ScoreArrays(
        line_edges=batch.document_lines,
        starts=batch.original_starts,
        ends=batch.original_ends,
        logits=logits.T,
        span_edges=candidates.lines.searchsorted(batch.document_lines),
        span_lines=candidates.lines,
        span_starts=batch.original_positions(tokens.begins.take(candidates.first), owners),
        span_ends=batch.original_positions(tokens.ends.take(candidates.last) - 1, owners) + 1,
        span_logits=scores.span_logits,
        document_logits=document_logits,
    )
