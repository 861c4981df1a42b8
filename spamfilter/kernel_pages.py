"""The functions of the compiled kernel for lines on their pages; see ``spamfilter.kernel``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spamfilter.kernel import addresses, functions

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


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
    running = np.empty((1, rows + 1), np.int64)
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


def page_totals(values: Integers, edges: Integers) -> Integers:
    """Sums over each page of ``values`` int64 (k, r), int64 (k, d)."""
    totals: NDArray[Any] = np.empty((len(values), len(edges) - 1), np.int64)
    functions().page_totals(*addresses(values), *values.shape, *addresses(edges), len(edges) - 1, *addresses(totals))
    return totals
