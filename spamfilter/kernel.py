"""The optional compiled kernel, ``kernel*.c``: the same results as numpy's, to the bit, in less time.

The numpy functions remain the reference. Each asks ``is_on()`` first and hands its arrays over if the library is there.
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

VERSION = 4
"""Of the functions and their arguments; a library of another version is not used."""
_NOTHING = ctypes.c_char * 0
_AT: Callable[[Any], Any] = _NOTHING.from_buffer
_CODES = {"p": _NOTHING, "n": ctypes.c_int64, "d": ctypes.c_double}
SIGNATURES: dict[str, tuple[str, Any]] = {
    "encode": ("ppnpnnnppppppp", ctypes.c_int32),
    "dropped_places": ("ppnpnp", None),
    "count_tokens": ("pn", ctypes.c_int64),
    "tokenize": ("pnpppppp", None),
    "line_words": ("ppppppnp", None),
    "line_scores": ("pppnppp", None),
    "find_spans": ("ppppppppppppnnppppp", ctypes.c_int64),
    "page_lines": ("ppppppppnpnpnppppnpppppppp", None),
    "line_facts": ("ppppppppppnpnppppppp", None),
    "context_arguments": ("pppnnppppnnp", None),
    "context_numbers": ("p" * 22 + "nndnnppnp", ctypes.c_int32),
    "second_addends": ("pppnpnppp", None),
    "second_arguments": ("pppnnnnp", None),
    "second_numbers": ("ppppppppnnnnpnp", ctypes.c_int32),
    "strongest_tokens": ("pnppnppdp", None),
    "shift_logits": ("ppn", None),
    "sum_exponentials": ("pn", None),
    "take_logarithms": ("ppn", None),
    "suspicious_rows": ("ppnpdnnp", ctypes.c_int64),
    "let_pages_speak": ("pppnpnddd", None),
    "rests": ("pn", None),
    "page_sums": ("ppppnpndp", None),
    "span_page_values": ("ppnpnppnpppppnp", ctypes.c_int32),
    "document_numbers": ("ppnppnp", None),
    "decide_lines": ("ppnppnnndp", None),
}
MAY_REFUSE = frozenset({"encode", "find_spans", "context_numbers", "second_numbers", "span_page_values"})
"""Functions that give a number below 0 if numpy has to do their work."""
_CANDIDATES = 512
"""Stretches are found so many at a time."""


@cache
def library() -> ctypes.CDLL | None:
    """The compiled functions, None if there are none or they are turned off."""
    path = Path(__file__).with_name("_kernel.so")
    # numpy's places are int64 on 64-bit machines only.
    if os.environ.get("SPAMFILTER_KERNEL") == "0" or np.dtype(np.intp) != np.dtype(np.int64) or not path.is_file():
        return None
    try:
        loaded = ctypes.CDLL(str(path))
        if loaded.kernel_version() != VERSION:
            return None
        for name, (arguments, result) in SIGNATURES.items():
            function = getattr(loaded, name)
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

    def __init__(self, *values: NDArray[Any] | float) -> None:
        """Keep ``values`` in the order of the struct: contiguous arrays, floats and integers, of 64 bits each."""
        self._values = values
        fields: Any = (ctypes.c_int64 * len(values))()
        self.at = _AT(fields)
        for place, value in enumerate(values):
            if isinstance(value, np.ndarray):
                fields[place] = value.ctypes.data
            elif isinstance(value, float):
                ctypes.c_double.from_buffer(fields, 8 * place).value = value
            else:
                fields[place] = value

    def __reduce__(self) -> tuple[type["ModelTables"], tuple[NDArray[Any] | float, ...]]:
        """Ask for the addresses anew."""
        return ModelTables, self._values


def encode(
    codes: NDArray[np.uint32], offsets: NDArray[np.int64], char_table: NDArray[np.uint32], most_lines: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
    """Characters, line ends (m + 1,), original (2, m) starts and ends, first lines of documents (d + 1,), dropped.

    None if the table folds line ends in a way of its own.

    Args:
        most_lines: how many lines there may be.
    """
    chars = np.empty(len(codes), np.uint32)
    kernel = functions()
    ends = np.empty(most_lines + 1, np.int64)
    original = np.empty((2, most_lines), np.int64)
    document_lines = np.empty(len(offsets), np.int64)
    counts = np.empty(3, np.int64)
    dropped = np.empty(len(codes) // 64, np.int64)
    documents = len(offsets) - 1
    places = _at(codes), *addresses(offsets), documents, _at(char_table), len(char_table)
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


def strongest_tokens(
    words: NDArray[np.int64],
    line_tokens: NDArray[np.int64],
    lines: NDArray[np.int64],
    idf: NDArray[np.uint8],
    unrelated: NDArray[np.uint8],
    scale: float,
    result: NDArray[np.float64],
) -> None:
    """Largest spam sum of four tokens and largest unrelated one, into the first rows of ``result`` float64 (3, r).

    All three rows are rounded to multiples of 1/256.
    """
    functions().strongest_tokens(
        _NOTHING.from_address(words.ctypes.data),
        words.strides[0] // words.itemsize,
        *addresses(line_tokens, lines),
        len(lines),
        *addresses(idf, unrelated),
        scale,
        *addresses(result),
    )
