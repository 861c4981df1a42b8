"""The optional compiled kernel, ``kernel.c``: the same results as numpy's, to the bit, in less time.

The numpy functions remain the reference. Each asks ``is_on()`` first and hands its arrays over if the library is there.
``SPAMFILTER_KERNEL=0`` in the environment turns it off. Arrays of the caller must be contiguous and of the dtype that
is named, or else are copied.
"""

import ctypes
import os
import weakref
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Of the functions and their arguments; a library of another version is not used."""
_CODES = {"p": ctypes.c_void_p, "n": ctypes.c_int64, "i": ctypes.c_int32, "u": ctypes.c_uint32, "d": ctypes.c_double}
SIGNATURES: dict[str, tuple[str, Any]] = {
    "count_line_ends": ("pn", ctypes.c_int64),
    "encode": ("ppnpnnnppppppp", ctypes.c_int32),
    "dropped_places": ("ppnpnp", None),
    "count_tokens": ("pn", ctypes.c_int64),
    "tokenize": ("pnpppppp", None),
    "line_words": ("pppppnuiiippppp", None),
    "line_scores": ("ppndpppp", None),
    "count_pieces": ("ppnp", None),
    "cut_pieces": ("pppnppppppppppppppppp", None),
    "strangeness_before": ("pnppip", None),
    "rows_across": ("ppppppppnp", None),
    "boundary_scores": ("pnppppppppnppppppp", ctypes.c_int32),
    "count_shapes": ("ppppppppnpp", None),
    "word_weights": ("ppnpnpnpppppp", None),
    "line_facts": ("ppppppppppnpnppppppp", None),
    "context_arguments": ("pppnnppppnnp", None),
    "context_numbers": ("p" * 22 + "nndnnppnp", ctypes.c_int32),
    "second_addends": ("pppnpnppp", None),
    "second_arguments": ("pppnnnnp", None),
    "second_numbers": ("ppppppppnnnnpnp", ctypes.c_int32),
    "page_totals": ("pnnpnp", None),
    "strongest_tokens": ("pnppnppp", None),
}
_NOTHING = ctypes.c_char * 0


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


def _at(array: NDArray[Any]) -> Any:
    """What C takes for a pointer to the first number; keeps the array alive during the call."""
    buffer: Any = array
    try:
        return _NOTHING.from_buffer(buffer)
    except TypeError:
        return np.ascontiguousarray(array).ctypes.data_as(ctypes.c_void_p)


def addresses(*arrays: NDArray[Any]) -> list[Any]:
    """What C takes for pointers to the first number of each array."""
    return [_at(array) for array in arrays]


known_tables: dict[int, tuple[weakref.ref[NDArray[Any]], ctypes.c_void_p]] = {}


def table_address(array: NDArray[Any], dtype: type[np.generic]) -> Any:
    """The same for an array that stays, as those of a model: its address is asked for once."""
    known = known_tables.get(id(array))
    if known is not None and known[0]() is array:
        return known[1]
    if not array.flags.c_contiguous or array.dtype != dtype:
        return _at(np.ascontiguousarray(array, dtype))
    number = id(array)
    address = ctypes.c_void_p(array.ctypes.data)
    known_tables[number] = weakref.ref(array, lambda _: known_tables.pop(number, None)), address
    return address


def encode(
    codes: NDArray[np.uint32], offsets: NDArray[np.int64], char_table: NDArray[np.uint32]
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]] | None:
    """Characters, line ends (m + 1,), original (2, m) starts and ends, first lines of documents (d + 1,), dropped.

    None if the table folds line ends in a way of its own.
    """
    chars = np.empty(len(codes), np.uint32)
    most_lines = functions().count_line_ends(_at(codes), len(codes)) - 1
    ends = np.empty(most_lines + 1, np.int64)
    original = np.empty((2, most_lines), np.int64)
    document_lines = np.empty(len(offsets), np.int64)
    counts = np.empty(3, np.int64)
    dropped = np.empty(len(codes) // 64, np.int64)
    documents = len(offsets) - 1
    places = _at(codes), _at(offsets), documents, table_address(char_table, np.uint32), len(char_table)
    outputs = addresses(chars, ends, *original, document_lines, dropped, counts)
    if functions().encode(*places, most_lines, len(dropped), *outputs):
        return None
    kept, lines, gone = counts.tolist()
    if gone > len(dropped):
        dropped = np.empty(gone, np.int64)
        functions().dropped_places(*places, _at(dropped))
    return chars[:kept], ends[: lines + 1], original[:, :lines], document_lines, dropped[:gone]


def tokenize(
    chars: NDArray[np.uint32], line_ends: int
) -> tuple[
    NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint32]
]:
    """The arrays of ``TokenBatch`` but the last, in order."""
    place = _at(chars)
    count = functions().count_tokens(place, len(chars))
    # One place more, as the kernel asks for.
    begins, ends = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    kinds, hashes, firsts = (
        np.empty(count + 1, np.uint8),
        np.empty(count + 1, np.uint32),
        np.empty(count + 1, np.uint32),
    )
    line_tokens = np.empty(line_ends + 1, np.int64)
    functions().tokenize(place, len(chars), *addresses(begins, ends, kinds, hashes, firsts, line_tokens))
    return begins[:-1], ends[:-1], kinds[:-1], hashes[:-1], line_tokens[:-1], firsts[:-1]


def suits_line_tables(
    part_bits: int, pair_bits: int, orders: tuple[int, ...], slots: int, sizes: tuple[int, int, int]
) -> bool:
    """Whether ``line_words`` can read these tables; ``sizes``: rows of parts, pairs and the vocabulary."""
    return (
        1 <= part_bits < 32
        and 1 <= pair_bits < 32
        and min(orders) >= 2
        and max(orders) < 32
        and slots > 1
        and slots & (slots - 1) == 0
        and sizes == ((1 << part_bits) + 1, 1 << pair_bits, slots)
    )


def line_words(
    chars: NDArray[np.uint32],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint32],
    orders: tuple[int, ...],
    bits: tuple[int, int],
    tables: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32], NDArray[np.int64]],
) -> NDArray[np.int64]:
    """``LineModel.token_words``, int64 (t, 2). Tables: of parts, of pairs, hashes and words of the vocabulary."""
    words = np.empty((len(hashes), 2), np.int64)
    parts, pairs, vocabulary_hashes, vocabulary_words = tables
    functions().line_words(
        *addresses(chars, begins, ends, kinds, hashes),
        len(hashes),
        sum(1 << order for order in orders),
        *bits,
        len(vocabulary_hashes).bit_length() - 1,
        table_address(parts, np.int64),
        table_address(pairs, np.int64),
        table_address(vocabulary_hashes, np.uint32),
        table_address(vocabulary_words, np.int64),
        _at(words),
    )
    return words


def line_scores(
    words: NDArray[np.int64], line_tokens: NDArray[np.int64], scale: float, bias: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Logits float64 (m, 5), strongest float64 (m,) and sums int64 (m, 6) of ``LineScores``."""
    lines = len(line_tokens) - 1
    logits, strongest, sums = np.empty((lines, 5)), np.empty(lines), np.empty((lines, 6), np.int64)
    functions().line_scores(
        _at(words),
        _at(line_tokens),
        lines,
        scale,
        table_address(bias, np.float64),
        _at(logits),
        _at(strongest),
        _at(sums),
    )
    return logits, strongest, sums


def cut_pieces(
    chars: NDArray[np.uint32],
    line_tokens: NDArray[np.int64],
    lines: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    hashes: NDArray[np.uint32],
    firsts: NDArray[np.uint32],
) -> tuple[Any, ...]:
    """The arrays of ``PieceTokens``, in order."""
    counts = np.empty(2, np.int64)
    places = _at(line_tokens), _at(lines), len(lines)
    functions().count_pieces(*places, _at(counts))
    pieces, count = counts.tolist()
    whole = [np.empty(size, np.int64) for size in (pieces, pieces + 1, count, count)]
    free, piece_kinds = np.empty(count, np.bool_), np.empty(count, np.uint8)
    piece_hashes, piece_firsts, endings, shapes = (np.empty(count, np.uint32) for _ in range(4))
    piece_begins, piece_ends = np.empty(count, np.int64), np.empty(count, np.int64)
    results = *whole, free, piece_kinds, piece_hashes, piece_firsts, piece_begins, piece_ends, endings, shapes
    functions().cut_pieces(_at(chars), *places, *addresses(begins, ends, kinds, hashes, firsts), *addresses(*results))
    return results


def strangeness_before(
    starts: NDArray[np.int64], hashes: NDArray[np.uint32], pair_table: NDArray[np.int64], pair_bits: int
) -> NDArray[np.int64]:
    """``span_tokens.strangeness_before``, int64 (c,)."""
    strange = np.empty(len(hashes), np.int64)
    functions().strangeness_before(
        _at(starts), len(starts) - 1, _at(hashes), table_address(pair_table, np.int64), pair_bits, _at(strange)
    )
    return strange


def rows_across(
    values: tuple[NDArray[np.uint32], ...], places: tuple[NDArray[np.int64], ...], gap: NDArray[np.bool_], count: int
) -> NDArray[np.uint32]:
    """``span_tokens.rows_across``, uint32 (count, k).

    Args:
        values: hashes, endings and shapes of ``PieceTokens``.
        places: int64 (k,) for each of the offsets -2 to 1 in turn.
    """
    rows = np.empty((count, len(gap)), np.uint32)
    functions().rows_across(*addresses(*values, *places, gap), len(gap), *addresses(rows))
    return rows


def boundary_scores(
    pieces: tuple[Any, ...],
    words: NDArray[np.int64],
    strange: NDArray[np.int64],
    table: NDArray[np.int64],
    taps: NDArray[np.float64],
    bias: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """``SpanModel.boundary_scores``, int64 (c,) each.

    Args:
        pieces: of ``PieceTokens``: starts, tokens, kinds, hashes, begins, ends, endings, shapes.
        words: int64 (t,), packed weights, in steps of any size.
        taps: float64 (17, 3), as ``numeric_taps`` gives them.
    """
    starts, *columns = pieces
    start, end, inside = (np.empty(len(strange), np.int64) for _ in range(3))
    failed = functions().boundary_scores(
        _at(starts),
        len(starts) - 1,
        *addresses(*columns),
        words.ctypes.data,
        words.strides[0] // words.itemsize,
        _at(strange),
        table_address(table, np.int64),
        table_address(taps, np.float64),
        table_address(bias, np.int64),
        *addresses(start, end, inside),
    )
    if failed:
        raise ValueError("a piece is longer than pieces are")
    return start, end, inside


def count_shapes(
    places: tuple[NDArray[Any], ...], lines: NDArray[np.int64], starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Digits, marks, solos, capitals, latins, words and stops int64 (7, r), widths int64 (r,) of ``LineShapes``.

    Args:
        places: characters, starts and ends of all lines, ends and first characters of all tokens.
    """
    shapes, widths = np.empty((7, len(lines)), np.int64), np.empty(len(lines), np.int64)
    functions().count_shapes(*addresses(*places, lines, starts, stops), len(lines), _at(shapes), _at(widths))
    return shapes, widths


def word_weights(
    hashes: NDArray[np.uint32],
    kinds: NDArray[np.uint8],
    line_tokens: NDArray[np.int64],
    document_tokens: NDArray[np.int64],
    body: NDArray[np.bool_],
    idf: NDArray[np.uint8],
    related_bits: int,
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8]]:
    """The arrays of ``WordWeights``, in order."""
    count = len(hashes)
    running, weights, unrelated = np.empty(count + 1, np.int64), np.empty(count, np.uint8), np.empty(count, np.uint8)
    seen = np.zeros(1 << related_bits, np.uint8)
    functions().word_weights(
        _at(hashes),
        _at(kinds),
        count,
        _at(line_tokens),
        len(line_tokens) - 1,
        _at(document_tokens),
        len(document_tokens) - 1,
        _at(body),
        table_address(idf, np.uint8),
        *addresses(seen, running, weights, unrelated),
    )
    return running, weights, unrelated


def strongest_tokens(
    words: NDArray[np.int64],
    line_tokens: NDArray[np.int64],
    lines: NDArray[np.int64],
    idf: NDArray[np.uint8],
    unrelated: NDArray[np.uint8],
    result: NDArray[np.float64],
) -> None:
    """Largest spam sum of four tokens and largest unrelated one, into the first two rows of ``result`` (k, r)."""
    functions().strongest_tokens(
        words.ctypes.data,
        words.strides[0] // words.itemsize,
        *addresses(line_tokens, lines),
        len(lines),
        *addresses(idf, unrelated, result),
    )
