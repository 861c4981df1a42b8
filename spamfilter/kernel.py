"""The optional compiled kernel, ``kernel*.c``: the same results as numpy's, to the bit, in less time.

The numpy functions remain the reference. A prediction is one call; the functions on which training spends its time ask
``is_on()`` too and hand their arrays over if the library is there.
``SPAMFILTER_KERNEL=0`` in the environment turns it off. Arrays of the caller must be contiguous and of the dtype that
is named, or else are copied.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 8
"""Of the functions and their arguments; a library of another version is not used."""
LIBRARY, NEWER_LIBRARY = "_kernel.so", "_kernel_avx2.so"
"""For any machine of its kind, and for those with AVX2 and BMI2."""
_NOTHING = ctypes.c_char * 0
_AT: Callable[[Any], Any] = _NOTHING.from_buffer
_CODES = {"p": _NOTHING, "n": ctypes.c_int64, "d": ctypes.c_double}
SIGNATURES: dict[str, tuple[str, Any]] = {
    "encode": ("ppnpnnnppppppp", ctypes.c_int32),
    "count_line_ends": ("pn", ctypes.c_int64),
    "dropped_places": ("ppnpnp", None),
    "count_tokens": ("pn", ctypes.c_int64),
    "tokenize": ("pnpppppp", None),
    "line_words": ("ppppppnp", None),
    "line_scores": ("pppnppp", None),
    "find_spans": ("ppppppppppppnnppppp", ctypes.c_int64),
    "score_batch": ("ppnnpnppnpnnppppppp", ctypes.c_int64),
    "decide": ("ppnpnppnppddppppppp", None),
}
MAY_REFUSE = frozenset({"encode", "find_spans", "score_batch"})
"""Functions that give a number below 0 if numpy has to do their work."""
_CANDIDATES = 512
"""Stretches are found so many at a time."""


@cache
def library() -> ctypes.CDLL | None:
    """The compiled functions, None if there are none or they are turned off."""
    # numpy's places are int64 on 64-bit machines only.
    if os.environ.get("SPAMFILTER_KERNEL") == "0" or np.dtype(np.intp) != np.dtype(np.int64):
        return None
    loaded = _opened(LIBRARY)
    if loaded is not None and loaded.is_newer_machine():
        return _opened(NEWER_LIBRARY) or loaded
    return loaded


def _opened(name: str) -> ctypes.CDLL | None:
    """A library beside this module, None if it is not there or of another version."""
    path = Path(__file__).with_name(name)
    if not path.is_file():
        return None
    try:
        loaded = ctypes.CDLL(str(path))
        if loaded.kernel_version() != VERSION:
            return None
        for function_name, (arguments, result) in SIGNATURES.items():
            function = getattr(loaded, function_name)
            function.argtypes, function.restype = [_CODES[code] for code in arguments], result
    except (OSError, AttributeError):
        return None
    return loaded


def is_on() -> bool:
    """Whether the compiled functions are there and wanted."""
    return library() is not None


def functions() -> ctypes.CDLL:
    """The compiled functions, when they are on."""
    loaded = library()
    assert loaded is not None
    return loaded


def addresses(*arrays: NDArray[Any]) -> list[Any]:
    """What C takes for pointers to the first number of each array; the caller keeps the arrays during the call."""
    try:
        return list(map(_AT, arrays))
    except TypeError:
        return [_at(array) for array in arrays]


def _at(array: NDArray[Any]) -> Any:
    """The same for one array that may be read only or have gaps, more slowly."""
    if array.flags.c_contiguous:
        return _NOTHING.from_address(array.ctypes.data)
    return _AT(np.ascontiguousarray(array))


class ModelTables:
    """What the kernel reads of a model, a C struct: addresses of arrays, asked for once, and numbers.

    It holds the arrays, and is copied and pickled without addresses.
    """

    __slots__ = ("_values", "at")

    def __init__(self, *values: "NDArray[Any] | ModelTables | float") -> None:
        """Keep ``values`` in the order of the struct: contiguous arrays, structs, floats, integers, of 64 bits each."""
        self._values = values
        fields: Any = (ctypes.c_int64 * len(values))()
        self.at = _AT(fields)
        for place, value in enumerate(values):
            if isinstance(value, np.ndarray):
                fields[place] = value.ctypes.data
            elif isinstance(value, ModelTables):
                fields[place] = ctypes.addressof(value.at)
            elif isinstance(value, float):
                ctypes.c_double.from_buffer(fields, 8 * place).value = value
            else:
                fields[place] = value

    def __reduce__(self) -> tuple[type["ModelTables"], tuple["NDArray[Any] | ModelTables | float", ...]]:
        """Ask for the addresses anew."""
        return ModelTables, self._values


def encode(
    codes: NDArray[np.uint32], offsets: NDArray[np.int64], char_table: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
    """Characters, line ends (m + 1,), original (2, m) starts and ends, first lines of documents (d + 1,), dropped.

    None if the table folds line ends in a way of its own.
    """
    kernel, documents, codes_at = functions(), len(offsets) - 1, _at(codes)
    most_lines = kernel.count_line_ends(codes_at, len(codes)) - 1
    chars, ends = np.empty(len(codes), np.uint32), np.empty(most_lines + 1, np.int64)
    original, document_lines = np.empty((2, most_lines), np.int64), np.empty(documents + 1, np.int64)
    counts, dropped = np.empty(3, np.int64), np.empty(len(codes) // 64, np.int64)
    places = codes_at, *addresses(offsets), documents, _at(char_table), len(char_table)
    outputs = addresses(chars, ends, *original, document_lines, dropped, counts)
    if kernel.encode(*places, most_lines, len(dropped), *outputs):
        return None
    kept, lines, gone = counts.tolist()
    if gone > len(dropped):
        dropped = np.empty(gone, np.int64)
        kernel.dropped_places(*places, *addresses(dropped))
    return chars[:kept], ends[: lines + 1], original[:, :lines], document_lines, dropped[:gone]


def tokenize(
    chars: NDArray[np.uint32], line_ends: int
) -> tuple[
    NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]
]:
    """The arrays of ``TokenBatch`` but the last, in order."""
    (place,) = addresses(chars)
    kernel = functions()
    count = kernel.count_tokens(place, len(chars))
    # One place more, as the kernel asks for.
    begins, ends = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    kinds, hashes, firsts = (
        np.empty(count + 1, np.uint8),
        np.empty(count + 1, np.uint32),
        np.empty(count + 1, np.uint32),
    )
    line_tokens = np.empty(line_ends + 1, np.int64)
    kernel.tokenize(place, len(chars), *addresses(begins, ends, kinds, hashes, firsts, line_tokens))
    return begins[:-1], ends[:-1], kinds[:-1], hashes[:-1], line_tokens[:-1], firsts[:-1]


def line_words(
    model: ModelTables,
    chars: NDArray[np.uint32],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint32],
) -> NDArray[np.int64]:
    """``LineModel.token_words``, int64 (t, 2)."""
    words = np.empty((len(hashes), 2), np.int64)
    functions().line_words(model.at, *addresses(chars, begins, ends, kinds, hashes), len(hashes), *addresses(words))
    return words


def line_scores(
    model: ModelTables, words: NDArray[np.int64], line_tokens: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Logits float64 (m, 5), strongest float64 (m,) and sums int64 (m, 6) of ``LineScores``."""
    lines = len(line_tokens) - 1
    logits, strongest, sums = np.empty((lines, 5)), np.empty(lines), np.empty((lines, 6), np.int64)
    functions().line_scores(model.at, *addresses(words, line_tokens), lines, *addresses(logits, strongest, sums))
    return logits, strongest, sums


def find_spans(
    model: ModelTables,
    line_model: ModelTables,
    tokens: tuple[NDArray[Any], ...],
    lines: NDArray[np.int64],
    width: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]] | None:
    """The candidates of ``find_candidates``: lines, first and last tokens int64 (3, k), numbers float64 (k, width).

    None if the model asks for more than the kernel has room for.

    Args:
        tokens: characters; begins, ends, kinds, hashes, firsts and packed weights int64 (t, 2) of all tokens; running
            sums of ``WordWeights``; line ends among the tokens.
    """
    following = np.zeros(2, np.int64)
    places = model.at, line_model.at, *addresses(*tokens, lines), len(lines), _CANDIDATES, *addresses(following)
    parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    while not parts or following[0] < len(lines):
        found, numbers = np.empty((3, _CANDIDATES), np.int64), np.empty((_CANDIDATES, width))
        count = functions().find_spans(*places, *addresses(*found, numbers))
        if count < 0:
            return None
        parts.append((found[:, :count], numbers[:count]))
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([found for found, _ in parts], axis=1), np.concatenate([numbers for _, numbers in parts])


def score_batch(
    model: ModelTables,
    chars: NDArray[np.uint32],
    places: tuple[NDArray[np.int64], ...],
    most_spans: tuple[int, int],
) -> tuple[NDArray[np.float64], tuple[NDArray[Any], ...], NDArray[np.int64], NDArray[np.float64]] | None:
    """Logits (6, m), lines, starts, ends and log-odds of spans, their edges, and log-probabilities of the kinds (d, 4).

    None if there is too little memory, or the model asks for more than the kernel has room for.

    Args:
        places: line ends, first lines and offsets of documents, dropped characters, as ``TextBatch`` has them.
        most_spans: how many spans a line may hold, and tokens in which there may be as many once more.
    """
    loaded = functions()
    line_ends, _, offsets, dropped = places
    lines, documents, (chars_at,) = len(line_ends), len(offsets), addresses(chars)
    tokens = loaded.count_tokens(chars_at, len(chars))
    room = most_spans[0] * (lines + tokens // most_spans[1])
    logits, kinds, edges = np.empty((6, lines)), np.empty((documents, 4)), np.empty(documents + 1, np.int64)
    found, odds = np.empty((3, room), np.int64), np.empty(room)
    line_ends_at, document_lines_at, offsets_at, dropped_at = addresses(*places)
    count = loaded.score_batch(
        *(model.at, chars_at, len(chars), tokens, line_ends_at, lines, document_lines_at, offsets_at, documents),
        *(dropped_at, len(dropped), room),
        *addresses(logits, *found, odds, edges, kinds),
    )
    if count < 0:
        return None
    # Copies: there is room for far more than there are.
    return logits, (*found[:, :count].copy(), odds[:count].copy()), edges, kinds


def decide(
    model: ModelTables,
    columns: NDArray[np.float64],
    line_edges: NDArray[np.int64],
    spans: tuple[NDArray[np.int64], NDArray[np.float64]],
    kinds: NDArray[np.float64],
    limits: tuple[NDArray[np.float64], float, float],
) -> tuple[NDArray[Any], ...]:
    """The fields of ``DecisionArrays``, in order.

    Args:
        columns: float64 (6, m), logits of lines.
        spans: lines and log-odds of spans.
        kinds: float64 (d, 4), log-probabilities of the kinds.
        limits: thresholds of the flagged labels and of spans; of pages; of boilerplate.
    """
    lines, documents, count = columns.shape[1], len(kinds), len(spans[0])
    labels, flagged, chosen = np.empty(lines, np.int64), np.empty(lines, np.int64), np.empty(count, np.int64)
    edges, found, odds = np.empty(documents + 1, np.int64), np.empty(documents, np.int64), np.empty(documents)
    counts = np.empty(2, np.int64)
    columns_at, edges_at, span_lines_at, span_odds_at, kinds_at, limits_at = addresses(
        columns, line_edges, *spans, kinds, limits[0]
    )
    functions().decide(
        *(model.at, columns_at, lines, edges_at, documents, span_lines_at, span_odds_at, count, kinds_at),
        *(limits_at, *limits[1:]),
        *addresses(labels, flagged, edges, chosen, found, odds, counts),
    )
    flags, chosen_count = counts.tolist()
    return labels, flagged[:flags].copy(), edges, chosen[:chosen_count].copy(), found, odds
