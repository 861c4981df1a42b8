"""Stage 3, the span model: which stretch of the line is foreign?

A linear scorer says for every token boundary how much it looks like the start or the end of a spliced phrase,
and for every token how much it looks like a part of one. The best stretch maximises
``start + end + sum(inside)``; it is found in one pass, since for each end the best start is a running maximum
(Kadane's algorithm). A logistic regression on the numbers of that stretch then says how sure it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import DenseModel
from spamfilter.line_model import FIELD_BITS, LineModel, Words, unpack_fields
from spamfilter.text import DIGIT, SCRIPT_SHIFT, UPPER, TextBatch
from spamfilter.tokens import KIND_LINE_END, KIND_MARK, KIND_WORD, TokenBatch, mix

SPAN_BITS = 18
"""The hashed table of the span model has ``2 ** SPAN_BITS`` rows: words, pairs and shapes share it."""
ROUNDS = 2
"""Most foreign stretches looked for in one line."""
LEAST_SCORE = -6.0
"""Stretches whose score, in log-odds, is lower are not looked at further."""
NUMERIC_OFFSETS = (-2, -1, 0, 1)
_BLOCK = -(1 << 24)
_NEVER = -(1 << 38)
_APART = 1 << 40

CANDIDATE_NAMES: tuple[str, ...] = (
    "score of the stretch",
    "start score",
    "end score",
    "inside score",
    "inside score a token",
    "tokens",
    "tokens of the line",
    "share of the line",
    "spam logit of the stretch",
    "spam logit of the rest",
    "spam logit of the line",
    "link logit of the stretch",
    "rest without a word",
    "at the start of the line",
    "at the end of the line",
    "in brackets",
    "glued to a mark before it",
    "glued to a word",
    "capital words",
    "capital words of the rest",
    "another script than the rest",
    "words of the page's body",
    "words of the page's body in the rest",
    "stretch less related than the rest",
    "page has a body",
    "stretch and rest spam logits multiplied",
)


@dataclass(frozen=True, slots=True)
class SpanCandidates:
    """Best stretches of lines, in the order of lines and places.

    Attributes:
        lines: int64 (k,), line of each candidate.
        first, last: int64 (k,), first and last token of each.
        values: float64 (k, f), multiples of 1/256, in the order of ``CANDIDATE_NAMES``.
    """

    lines: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    values: NDArray[np.float64]


def token_shapes(batch: TextBatch, tokens: TokenBatch) -> NDArray[np.uint32]:
    """A small number for what each token looks like: kind, script, case; marks by themselves; uint32 (t,)."""
    first = batch.chars[tokens.begins]
    last = batch.chars[tokens.ends - 1]
    length = tokens.ends - tokens.begins
    shape = (tokens.kinds.astype(np.uint32) << np.uint32(8)) + ((first >> np.uint32(SCRIPT_SHIFT)) << np.uint32(4))
    shape += ((first & np.uint32(UPPER)) != 0).astype(np.uint32)
    shape += (((last & np.uint32(UPPER)) != 0) & (length > 1)).astype(np.uint32) * np.uint32(2)
    shape += ((first & np.uint32(DIGIT)) != 0).astype(np.uint32) * np.uint32(4)
    marks = tokens.kinds == KIND_MARK
    shape[marks] = np.uint32(1 << 16) + (first[marks] & np.uint32(0xFFFF))
    return shape


def span_rows(batch: TextBatch, tokens: TokenBatch) -> tuple[NDArray[np.int64], ...]:
    """Rows in the table for each token and for the boundary before it.

    Returns:
        Four int64 (t,): of the word, of its shape, of the pair across the boundary, of the shapes around it.
    """
    shift = np.uint32(32 - SPAN_BITS)
    shapes = token_shapes(batch, tokens)
    gap = np.zeros(len(shapes), np.uint32)
    gap[1:] = tokens.begins[1:] != tokens.ends[:-1]
    hashes = tokens.hashes
    pair = hashes * np.uint32(0x9E3779B1)
    pair[1:] += hashes[:-1] * np.uint32(0x85EBCA77)
    mixed = mix(shapes + np.uint32(77))
    around = mixed * np.uint32(3) + gap * np.uint32(0x27D4EB2F)
    around[1:] += mixed[:-1] * np.uint32(5)
    narrow = around.copy()
    around[2:] += mixed[:-2] * np.uint32(7)
    around[:-1] += mixed[1:] * np.uint32(11)
    return tuple(
        (mix(values + np.uint32(salt)) >> shift).astype(np.int64)
        for salt, values in enumerate((hashes, narrow, pair, around), start=11)
    )


def numeric_inputs(words: Words) -> NDArray[np.float64]:
    """Spam weights around each token, float64 (t, 7): at four offsets, of the 4 before, of the 4 from here on."""
    half = np.int64(1 << (FIELD_BITS - 1))
    spam = ((words[0] + half) & ((1 << FIELD_BITS) - 1)) - half
    spam = np.clip(spam, -4096, 4096)
    count = len(spam)
    padded = np.zeros(count + 8, np.int64)
    padded[4 : 4 + count] = spam
    columns = [padded[4 + offset : 4 + offset + count] for offset in NUMERIC_OFFSETS]
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(padded)))
    columns.append(running[4 : 4 + count] - running[:count])
    columns.append(running[8 : 8 + count] - running[4 : 4 + count])
    columns.append(np.abs(spam))
    return np.stack(columns, axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class SpanModel:
    """Tables of the span model.

    Attributes:
        table: int64 (2 ** SPAN_BITS,), packed weights: start at the boundary, end at the boundary, inside.
        numeric_weights: int64 (7, 3), for ``numeric_inputs``.
        bias: int64 (3,).
        scale: integer weights are ``scale`` times real ones.
        candidates: how sure a stretch is, from the numbers in ``CANDIDATE_NAMES``.
    """

    table: NDArray[np.int64]
    numeric_weights: NDArray[np.int64]
    bias: NDArray[np.int64]
    scale: float
    candidates: DenseModel

    def boundary_scores(
        self, batch: TextBatch, tokens: TokenBatch, words: Words
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Scores of each token as the start, as the end and as a part of a phrase, int64 (t,) each."""
        word, narrow, pair, around = span_rows(batch, tokens)
        table = self.table
        boundary = np.take(table, narrow)
        boundary += np.take(table, pair)
        boundary += np.take(table, around)
        own = np.take(table, word)
        half, mask = np.int64(1 << (FIELD_BITS - 1)), np.int64((1 << FIELD_BITS) - 1)

        def fields(packed: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
            low = ((packed + half) & mask) - half
            rest = (packed - low) >> FIELD_BITS
            middle = ((rest + half) & mask) - half
            return low, middle, (rest - middle) >> FIELD_BITS

        boundary_start, boundary_end, boundary_inside = fields(boundary)
        own_start, own_end, own_inside = fields(own)
        numeric = numeric_inputs(words).astype(np.int64)
        start_numeric, end_numeric, inside_numeric = ((numeric @ self.numeric_weights) >> 12).T
        start = boundary_start + own_start + start_numeric + self.bias[0]
        # A phrase ends with a token if it ends at the boundary behind it.
        end = own_end + self.bias[1]
        end[:-1] += boundary_end[1:] + end_numeric[1:]
        inside = boundary_inside + own_inside + inside_numeric + self.bias[2]
        return start, end, inside


def best_stretches(
    tokens: TokenBatch,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    inside: NDArray[np.int64],
    blocked: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Best stretch of each line.

    Args:
        blocked: bool (t,), tokens that no stretch may hold.

    Returns:
        first, last: int64 (m,), tokens; score: int64 (m,), very low where a line has no token.
    """
    count = len(start)
    line = np.zeros(count, np.int64)
    line[1:] = tokens.token_lines
    gain = np.where(blocked, _BLOCK, inside)
    running = np.cumsum(gain)
    # Lines further down are lifted so far that no start of an earlier line can win.
    opening = np.where(blocked, _NEVER, start) - (running - gain) + line * _APART
    best_opening = np.maximum.accumulate(opening)
    total = np.where(blocked, _NEVER, end) + running + best_opening - line * _APART
    starts = tokens.line_tokens[:-1] + 1
    stops = tokens.line_tokens[1:]
    score = np.maximum.reduceat(total, np.minimum(starts, count - 1))
    score = np.where(stops > starts, score, _NEVER)
    hit = total == np.repeat(score, np.diff(tokens.line_tokens))[np.maximum(np.arange(count) - 1, 0)]
    hit[0] = False
    hits = np.flatnonzero(hit & ~blocked)
    hit_lines = line[hits]
    last = np.zeros(len(score), np.int64)
    last[hit_lines[::-1]] = hits[::-1]
    opened = np.flatnonzero(np.concatenate(([True], opening[1:] > best_opening[:-1])))
    first = opened[np.searchsorted(opened, last, side="right") - 1]
    return first, last, score


def describe_candidates(
    batch: TextBatch,
    tokens: TokenBatch,
    line_model: LineModel,
    words: Words,
    scores: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    candidates: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    related: tuple[NDArray[np.int64], NDArray[np.int64]],
    scale: float,
) -> NDArray[np.float64]:
    """Numbers of ``CANDIDATE_NAMES`` for stretches given as (lines, first tokens, last tokens); float64 (k, f).

    Args:
        related: running sums over tokens of idf, all and of words that the body uses, int64 (t + 1,) each.
    """
    lines, first, last = candidates
    start, end, inside = scores
    stop = last + 1
    line_first, line_stop = tokens.line_tokens[lines] + 1, tokens.line_tokens[lines + 1]
    # Only tokens of lines in question are unpacked.
    low, high = (int(line_first.min()), int(line_stop.max())) if len(lines) else (0, 0)
    fields = unpack_fields((words[0][low:high], words[1][low:high]))
    kinds = tokens.kinds[low:high]
    begin_chars = batch.chars[tokens.begins[low:high]]
    is_word = kinds == KIND_WORD
    capital = is_word & ((begin_chars & np.uint32(UPPER)) != 0)
    script = (begin_chars >> np.uint32(SCRIPT_SHIFT)).astype(np.int64)
    letters = (kinds != KIND_MARK) & (kinds != KIND_LINE_END)
    columns = np.column_stack([fields, is_word, capital, letters, letters & (script == 1), inside[low:high]])
    running = np.concatenate((np.zeros((1, columns.shape[1]), np.int64), np.cumsum(columns, axis=0)))
    span = running[stop - low] - running[first - low]
    whole = running[line_stop - low] - running[line_first - low]
    rest = whole - span

    def logit(sums: NDArray[np.int64], field: int) -> NDArray[np.float64]:
        norm = np.sqrt(np.maximum(sums[:, 5], 1)) * line_model.scale
        value: NDArray[np.float64] = np.clip(sums[:, field] / norm + line_model.bias[field], -12, 12)
        return value

    count = stop - first
    tokens_in_line = line_stop - line_first
    span_spam, rest_spam = logit(span, 0), logit(rest, 0)
    before, after = np.maximum(first - 1, 0), np.minimum(stop, len(tokens.kinds) - 1)
    glue_before = tokens.ends[before] == tokens.begins[first]
    glue_after = tokens.begins[after] == tokens.ends[last]
    bracket = np.isin(batch.chars[tokens.begins[first]] & np.uint32(0xFFFF), _OPENING)
    words_in, words_out = np.maximum(span[:, 6], 1), np.maximum(rest[:, 6], 1)
    latin_in, latin_out = span[:, 9] / np.maximum(span[:, 8], 1), rest[:, 9] / np.maximum(rest[:, 8], 1)
    idf, shared = related
    span_idf, span_shared = idf[stop] - idf[first], shared[stop] - shared[first]
    rest_idf = idf[line_stop] - idf[line_first] - span_idf
    rest_shared = shared[line_stop] - shared[line_first] - span_shared
    span_related, rest_related = span_shared / np.maximum(span_idf, 1), rest_shared / np.maximum(rest_idf, 1)
    has_body = (rest_shared + span_shared > 0).astype(np.float64)
    total = start[first] + end[last] + span[:, 10]
    values = [
        np.clip(total / scale, -30, 30),
        np.clip(start[first] / scale, -30, 30),
        np.clip(end[last] / scale, -30, 30),
        np.clip(span[:, 10] / scale, -30, 30),
        span[:, 10] / scale / count,
        np.log1p(count),
        np.log1p(tokens_in_line),
        count / tokens_in_line,
        span_spam,
        rest_spam,
        logit(whole, 0),
        logit(span, 1),
        rest[:, 8] == 0,
        first == line_first,
        stop == line_stop,
        bracket,
        glue_before & (tokens.kinds[before] == KIND_MARK) & ~bracket,
        (glue_before & (tokens.kinds[before] == KIND_WORD)) | (glue_after & (tokens.kinds[after] == KIND_WORD)),
        span[:, 7] / words_in,
        rest[:, 7] / words_out,
        np.abs(latin_in - latin_out),
        span_related,
        rest_related,
        np.maximum(rest_related - span_related, 0),
        has_body,
        span_spam * rest_spam,
    ]
    stacked = np.stack([np.asarray(value, np.float64) for value in values], axis=1)
    return np.rint(stacked * 256.0) / 256.0


_OPENING = np.array([ord(mark) for mark in "【[({（《「『〖«<〔"], np.uint32)


def find_candidates(
    model: SpanModel,
    line_model: LineModel,
    batch: TextBatch,
    tokens: TokenBatch,
    words: Words,
    running_idf: NDArray[np.int64],
) -> SpanCandidates:
    """The best stretches of every line, at most ``ROUNDS`` a line and none that overlap.

    Args:
        running_idf: int64 (2, t + 1), as in ``PageFeatures``.
    """
    scores = model.boundary_scores(batch, tokens, words)
    blocked = tokens.kinds == KIND_LINE_END
    found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
    for _ in range(ROUNDS):
        first, last, score = best_stretches(tokens, *scores, blocked)
        lines = np.flatnonzero(score > model.scale * LEAST_SCORE)
        if not len(lines):
            break
        found.append((lines, first[lines], last[lines]))
        # Block what was found, so that the next round looks elsewhere.
        edges = np.zeros(len(blocked) + 1, np.int64)
        edges[first[lines]] += 1
        edges[last[lines] + 1] -= 1
        blocked = blocked | (np.cumsum(edges[:-1]) > 0)
    if not found:
        empty = np.zeros(0, np.int64)
        return SpanCandidates(empty, empty, empty, np.zeros((0, len(CANDIDATE_NAMES))))
    lines, first, last = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((first, lines))
    lines, first, last = lines[order], first[order], last[order]
    values = describe_candidates(
        batch, tokens, line_model, words, scores, (lines, first, last), (running_idf[0], running_idf[1]), model.scale
    )
    return SpanCandidates(lines, first, last, values)
