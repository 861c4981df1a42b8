"""Runs the four stages over a batch of documents: text in, scores out, no decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import DenseModel
from spamfilter.document_model import document_features
from spamfilter.line_model import LineModel, LineScores
from spamfilter.page_features import FEATURE_NAMES, PageFeatures, page_features
from spamfilter.scores import ScoreArrays
from spamfilter.span_model import EVIDENCE_NAMES, SpanCandidates, SpanModel, find_candidates, page_evidence
from spamfilter.suspicion import are_suspicious, strongest_tokens
from spamfilter.text import TextBatch, encode_documents
from spamfilter.tokens import TokenBatch, tokenize

BLANK_LOGITS = np.array([12.0, -12.0, -12.0, -12.0, -12.0, -12.0])
"""A blank line is clean."""
EMPTY_DOCUMENT_LOGITS = np.array([12.0, -12.0, -12.0, -12.0])


@dataclass(frozen=True, slots=True)
class Stages:
    """The four stages with all that they need.

    Attributes:
        char_table: uint32, see ``spamfilter.text``.
        idf: uint8, see ``spamfilter.page_features``.
        context: 6 columns, the labels.
        document: 4 columns, the kinds of page.
        line_weights: float64 (7, f), those of the context model and of suspicion: one product serves both.
    """

    char_table: NDArray[np.uint32]
    line: LineModel
    idf: NDArray[np.uint8]
    context: DenseModel
    span: SpanModel
    document: DenseModel
    line_weights: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the weights out."""
        suspicion = self.span.suspicion.weights[: len(FEATURE_NAMES), 1]
        object.__setattr__(self, "line_weights", np.vstack((self.context.weights.T, suspicion)))


@dataclass(frozen=True, slots=True)
class BatchScores:
    """All that the stages found in a batch.

    Attributes:
        logits: float64 (r, 6), stage 2 log-probabilities of the lines that are not blank.
        span_logits: float64 (k,), log-odds of the candidates.
        document_logits: float64 (d, 4), log-probabilities of the kinds.
    """

    batch: TextBatch
    tokens: TokenBatch
    line: LineScores
    page: PageFeatures
    logits: NDArray[np.float64]
    candidates: SpanCandidates
    span_logits: NDArray[np.float64]
    document_values: NDArray[np.float64]
    document_logits: NDArray[np.float64]


def log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalise rows of logits to log-probabilities; each column is added in turn, so rows do not depend on others."""
    # Columns as rows of memory: numpy is slow along rows of five.
    columns = np.ascontiguousarray(logits.T)
    shifted: NDArray[np.float64] = columns - columns.max(axis=0)
    exponential = np.exp(shifted)
    shifted -= np.log(exponential.sum(axis=0))
    return shifted.T


def judge_lines(
    stages: Stages, page: PageFeatures, strongest: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Run the context model and choose the lines that the span stage looks at.

    Args:
        strongest: float64 (r, 3), as ``strongest_tokens`` gives them.

    Returns:
        logits: float64 (r, 6), log-probabilities.
        rows: int64 (k,), suspicious ones, ascending.
        evidence: float64 (k, 5), what the rest of the page says of them.
    """
    logits = np.empty((len(stages.context.bias), len(page.lines)))
    rows = [np.zeros(0, np.int64)]
    evidence = [np.zeros((0, len(EVIDENCE_NAMES)))]
    for block in page.pages.blocks():
        values = page.values_of(block)
        products = stages.line_weights @ values.T
        logits[:, block] = log_softmax((products[:-1] + stages.context.bias[:, None]).T).T
        found = are_suspicious(stages.span.suspicion, products[-1], strongest[block]).nonzero()[0]
        rows.append(found + block.start)
        evidence.append(page_evidence(values, found))
    return logits.T, np.concatenate(rows), np.concatenate(evidence)


def score_batch(stages: Stages, texts: Sequence[str]) -> BatchScores:
    """Score documents; the same document gives the same scores in any batch."""
    batch = encode_documents(texts, stages.char_table)
    tokens = tokenize(batch)
    line = stages.line.score(tokens)
    page = page_features(batch, tokens, line, stages.idf)
    logits, rows, evidence = judge_lines(stages, page, strongest_tokens(stages.line, tokens, line.token_words, page))
    candidates = find_candidates(
        stages.span, stages.line, batch, tokens, line.token_words, page.words, page.lines.take(rows), evidence
    )
    pair = stages.span.candidates.logits(candidates.values)
    span_logits = pair[:, 1] - pair[:, 0]
    values = document_features(
        page,
        line.logits[:, 0].take(page.lines),
        np.exp(logits),
        np.searchsorted(page.lines, candidates.lines),
        span_logits,
        len(texts),
    )
    document_logits = log_softmax(stages.document.logits(values))
    return BatchScores(batch, tokens, line, page, logits, candidates, span_logits, values, document_logits)


def document_scores(scores: BatchScores) -> ScoreArrays:
    """What the stages found, with offsets into the caller's strings."""
    batch, tokens, candidates = scores.batch, scores.tokens, scores.candidates
    # Each column is a row of memory, as everywhere.
    logits = np.empty((len(BLANK_LOGITS), len(batch.line_starts)))
    logits[:] = BLANK_LOGITS[:, None]
    logits[:, scores.page.lines] = scores.logits.T
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
