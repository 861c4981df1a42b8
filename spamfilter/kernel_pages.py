"""The functions of the compiled kernel for lines on their pages; see ``spamfilter.kernel``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spamfilter.kernel import addresses, functions

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def page_lines(
    tokens: Sequence[NDArray[Any]],
    lines: Integers,
    document_lines: Integers,
    scores: tuple[Floats, Floats, Integers],
    idf: NDArray[np.uint8],
    body_width: int,
) -> tuple[Integers, Integers, Floats, Integers, tuple[Integers, NDArray[np.uint8], NDArray[np.uint8]]]:
    """What ``page_features`` knows of the lines numbered ``lines`` before it asks for ``line_facts``.

    Args:
        tokens: characters, starts, ends and tokens of all lines; ends, kinds, hashes, first characters of tokens.
        scores: logits, strongest and sums of ``LineScores``.

    Returns:
        edges of ``Pages``; documents, starts and stops of ``Pages``, counts of tokens, widths, digits, marks, solos,
        capitals, latins, words and stops of ``LineShapes``, int64 (12, r); logits, strongest and related share, float64
        (7, r); sums int64 (r, 6); the arrays of ``WordWeights``, in order.
    """
    rows, count, documents = len(lines), len(tokens[4]), len(document_lines) - 1
    body = np.zeros(len(tokens[1]), np.uint8)
    edges, columns, floats = np.empty(documents + 1, np.int64), np.empty((12, rows), np.int64), np.empty((7, rows))
    sums = np.empty((rows, 6), np.int64)
    words = np.empty(count + 1, np.int64), np.empty(count, np.uint8), np.empty(count, np.uint8)
    functions().page_lines(
        *addresses(*tokens),
        count,
        *addresses(lines),
        rows,
        *addresses(document_lines),
        documents,
        *addresses(*scores),
        *addresses(idf),
        body_width,
        *addresses(body, edges, columns, floats, sums, *words),
    )
    return edges, columns, floats, sums, words


def line_facts(
    shown: Floats,
    margin: Floats,
    strongest: Floats,
    counts: Sequence[Integers],
    related: Floats,
    sums: Integers,
    edges: Integers,
) -> tuple[Floats, Integers, Integers, Integers, Integers, Integers, Integers]:
    """What is left of ``line_facts`` when the logarithms and exponentials are there.

    Args:
        shown: float64 (6, r), exponentials of the logits, made probabilities in place; logarithm of the width.
        margin, strongest: float64 (r,), limited in place.
        counts: widths, words, solos, latins and stops of ``LineShapes``.

    Returns:
        The fields not_latin, run, place, units, running, addends and totals of ``LineFacts``.
    """
    rows, pages = len(margin), len(edges) - 1
    not_latin, run, place = np.empty(rows), np.empty(rows, np.int64), np.empty(rows, np.int64)
    units, running = np.empty((4, rows), np.int64), np.empty((4, rows + 1), np.int64)
    addends, totals = np.empty((9, rows), np.int64), np.empty((9, pages), np.int64)
    functions().line_facts(
        *addresses(shown, margin, strongest, *counts, related, sums),
        rows,
        *addresses(edges),
        pages,
        *addresses(not_latin, run, place, units, running, addends, totals),
    )
    return not_latin, run, place, units, running, addends, totals


def context_numbers(
    floats: Sequence[Floats],
    counts: Sequence[Integers],
    sums: Sequence[Integers],
    pages: Sequence[Integers],
    scale: float,
    rows: slice,
    levels: Floats,
    width: int,
) -> Floats | None:
    """``PageFeatures.values_of``, float64 (n, width); None if there are not ``width`` numbers.

    Args:
        floats: logits, shown, margin, strongest, related, log_width and not_latin of ``LineFacts``.
        counts: widths, words, solos, capitals, stops, digits_and_marks of ``LineShapes``; counts, run and place.
        sums: units, running, addends and totals of ``LineFacts``.
        pages: documents, starts and stops of ``Pages``.
        levels: float64 (2,), two logarithms of widths.
    """
    kernel, count = functions(), rows.stop - rows.start
    logarithms, values = np.empty((6, count)), np.empty((count, width))
    *others, run, place = counts
    units, running, addends, totals = addresses(*sums)
    documents, starts, stops = addresses(*pages)
    run_at, place_at, logarithms_at = addresses(run, place, logarithms)
    size = len(run), sums[3].shape[1]
    kernel.context_arguments(
        starts, stops, documents, *size, totals, addends, run_at, place_at, rows.start, rows.stop, logarithms_at
    )
    np.log1p(logarithms, out=logarithms)
    failed = kernel.context_numbers(
        *addresses(*floats, *others),
        *(run_at, units, running, addends, totals, documents, starts, stops, *size, scale, rows.start, rows.stop),
        *addresses(levels),
        logarithms_at,
        width,
        *addresses(values),
    )
    return None if failed else values


def second_addends(
    margin: Floats, exponentials: Floats, widths: Integers, edges: Integers
) -> tuple[Integers, Integers, Integers]:
    """The fields ``addends``, ``totals`` and ``running`` of ``SecondLook``.

    Args:
        exponentials: float64 (5, r), of the log-probabilities but the first.
    """
    rows, pages = len(margin), len(edges) - 1
    addends, totals = np.empty((12, rows), np.int64), np.empty((12, pages), np.int64)
    running = np.empty((2, rows + 1), np.int64)
    functions().second_addends(
        *addresses(margin, exponentials, widths),
        rows,
        *addresses(edges),
        pages,
        *addresses(addends, totals, running),
    )
    return addends, totals, running


def second_numbers(
    columns: Floats, margin: Floats, sums: Sequence[Integers], pages: Sequence[Integers], rows: slice, width: int
) -> Floats | None:
    """``SecondLook.values_of``, float64 (n, width); None if there are not ``width`` numbers.

    Args:
        sums: totals, addends and running of ``SecondLook``.
        pages: documents, starts and stops of ``Pages``.
    """
    kernel, count = functions(), rows.stop - rows.start
    logarithms, values = np.empty(count), np.empty((count, width))
    totals, addends, running, documents, starts, stops, logarithms_at = addresses(*sums, *pages, logarithms)
    place = len(margin), sums[0].shape[1], rows.start, rows.stop
    kernel.second_arguments(totals, addends, documents, *place, logarithms_at)
    np.log1p(logarithms, out=logarithms)
    failed = kernel.second_numbers(
        *addresses(columns, margin),
        *(totals, addends, running, documents, starts, stops, *place, logarithms_at, width),
        *addresses(values),
    )
    return None if failed else values


def log_softmax(columns: Floats, bias: Floats) -> Floats:
    """Log-probabilities of logits float64 (6, n), less their bias float64 (6,); in place."""
    rows = columns.shape[1]
    functions().shift_logits(*addresses(columns, bias), rows)
    return _normalized(columns)


def _normalized(columns: Floats) -> Floats:
    """The rest of ``log_softmax`` of what is at most 0 in each row of float64 (6, n); in place."""
    kernel, rows = functions(), columns.shape[1]
    exponentials = np.exp(columns)
    kernel.sum_exponentials(*addresses(exponentials), rows)
    logarithms = np.log(exponentials[0], out=exponentials[0])
    kernel.take_logarithms(*addresses(columns, logarithms), rows)
    return columns


def suspicious_rows(
    partial: Floats, strongest: Floats, weights: Floats, least_sum: float, rows: slice
) -> NDArray[np.int64]:
    """The rows that ``are_suspicious``, int64, counted from the first of all.

    Args:
        partial: float64 (n,), of ``rows``.
        strongest: float64 (3, r), of all rows.
    """
    count = rows.stop - rows.start
    found = np.empty(count + 1, np.int64)
    places = strongest.shape[1], *addresses(weights), least_sum, rows.start, count, *addresses(found)
    return found[: functions().suspicious_rows(*addresses(partial, strongest), *places)]


def let_pages_speak(logits: Floats, edges: Integers, speaks_from: float, up_to: float, alone: float) -> Floats:
    """What ``look_again`` does in the end to logits float64 (6, r), in place; returns ``ContextScores.margin``."""
    margin: Floats = np.logaddexp(logits[1], logits[2])
    other = np.logaddexp(logits[0], logits[5])
    places = addresses(margin, other, logits, edges)
    functions().let_pages_speak(*places[:3], len(margin), places[3], len(edges) - 1, speaks_from, up_to, alone)
    _normalized(logits)
    return margin


def page_sums(columns: Floats, margin: Floats, widths: Integers, edges: Integers, half: float) -> Floats:
    """The fields ``headlines``, ``margins`` and ``strongest`` of ``PageSums``, float64 (6, d).

    Args:
        columns: float64 (6, r), log-probabilities of the labels.
        half: the log-probability of boilerplate from which on a line is none of the text.
    """
    rows, pages = len(margin), len(edges) - 1
    findings = np.empty((6, pages))
    shown = np.exp(columns[2:5])
    shown_at = addresses(shown)
    functions().rests(*shown_at, rows)
    np.log(shown[::2], out=shown[::2])
    functions().page_sums(
        *addresses(columns, margin),
        *shown_at,
        *addresses(widths),
        rows,
        *addresses(edges),
        pages,
        half,
        *addresses(findings),
    )
    return findings


def span_page_values(
    rows: Integers,
    odds: Floats,
    columns: Floats,
    places: tuple[Integers, Integers, Integers],
    found: tuple[Floats, Floats, Floats, Floats],
    width: int,
) -> Floats | None:
    """``span_page.span_page_values``, float64 (k, width); None if there are not ``width`` numbers.

    Args:
        odds: float64 (k,), limited in place.
        places: documents, edges and sizes of ``Pages``.
        found: headlines, strongest, margins of the text and residue of ``PageSums``.
    """
    documents, edges, sizes = places
    pages, values = len(sizes), np.empty((len(rows), width))
    logarithms, log_before = np.empty((2, pages)), rows - edges.take(documents.take(rows))
    logarithms[0], logarithms[1] = found[0], sizes
    np.log1p(logarithms, out=logarithms)
    failed = functions().span_page_values(
        *addresses(rows, odds),
        len(rows),
        *addresses(columns),
        columns.shape[1],
        *addresses(documents, edges),
        pages,
        *addresses(*found[1:], logarithms, np.log1p(log_before)),
        width,
        *addresses(values),
    )
    return None if failed else values


def document_numbers(span_documents: Integers, span_logits: Floats, margins: Floats, residue: Floats) -> Floats:
    """``document_features``, float64 (d, 4)."""
    pages = len(residue)
    values = np.empty((pages, 4))
    functions().document_numbers(
        *addresses(span_documents, span_logits),
        len(span_documents),
        *addresses(margins, residue),
        pages,
        *addresses(values),
    )
    return values


def decide_lines(
    columns: Floats, either: Floats, flagged: Integers, limits: Floats, others: tuple[int, int], boilerplate: float
) -> Integers:
    """``OperatingPoints.decide_lines``, int64 (m,).

    Args:
        columns: float64 (6, m), logits.
        either: float64 (m,), of clean and boilerplate together.
        limits: float64 (f,), of the ``flagged`` labels.
        others: the places of clean and boilerplate among the labels.
    """
    labels = np.empty(len(either), np.int64)
    places = addresses(columns, either, flagged, limits, labels)
    functions().decide_lines(*places[:2], len(either), *places[2:4], len(flagged), *others, boilerplate, places[4])
    return labels
