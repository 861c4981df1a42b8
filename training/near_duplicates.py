"""Groups lines that are nearly the same: MinHash signatures, banded into buckets, in linear time.

Broder, "On the resemblance and containment of documents" (1997): the share of equal minima of two sets under random
hash functions estimates their Jaccard similarity. Banding after Indyk and Motwani, "Approximate nearest neighbors"
(1998): only lines with a whole band of minima in common are compared, each with the first line of its bucket.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

__all__ = ["near_duplicate_groups"]

_SHINGLE = 4
_BANDS, _ROWS = 12, 4
_CHUNK_LINES = 20000
_NO_SHINGLE = np.uint64(2**64 - 1)


def near_duplicate_groups(lines: Sequence[str], similarity: float = 0.6) -> NDArray[np.int64]:
    """Group lines whose sets of character 4-grams are alike; case and digits do not tell lines apart.

    Groups are closed under likeness: if the first resembles the second and the second the third, all three are one.

    Args:
        lines: texts; the result depends on them and their order alone.
        similarity: least estimated Jaccard similarity of two lines of a pair, above 0 and at most 1.

    Returns:
        int64 (n,): the index of the first line of the group; a line without a near duplicate holds its own index.

    Raises:
        ValueError: ``similarity`` is out of range.
    """
    if not 0 < similarity <= 1:
        raise ValueError(f"similarity is {similarity}; give a number above 0 and at most 1")
    count = len(lines)
    if not count:
        return np.zeros(0, np.int64)
    signatures = np.concatenate(
        [_signatures(lines[first : first + _CHUNK_LINES]) for first in range(0, count, _CHUNK_LINES)]
    )
    own = np.arange(count)
    heads, tails = [own], [own]
    for band in range(_BANDS):
        key = _mix(signatures[:, band * _ROWS : (band + 1) * _ROWS])
        _, first, bucket = np.unique(key, return_index=True, return_inverse=True)
        head = first[bucket]
        members = np.flatnonzero(head != own)
        alike = (signatures[members] == signatures[head[members]]).mean(axis=1) >= similarity
        heads.append(head[members[alike]])
        tails.append(members[alike])
    head, tail = np.concatenate(heads), np.concatenate(tails)
    graph = coo_matrix((np.ones(len(head), np.int8), (head, tail)), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], np.int64)


def _normal(line: str) -> str:
    folded = "".join("0" if letter.isdigit() else letter for letter in line.casefold())
    text = " ".join(folded.split())
    return f" {text} ".ljust(_SHINGLE)


def _mix(rows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One hash of each row of ``rows``, uint64 (n, k)."""
    key = np.zeros(len(rows), np.uint64)
    for column in range(rows.shape[1]):
        key = _scramble(key ^ rows[:, column])
    return key


def _scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Steele, Lea and Flood's SplitMix64 finaliser."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)), np.uint64)


def _signatures(lines: Sequence[str]) -> NDArray[np.uint64]:
    """Minima of the shingle hashes of each line under every hash function: uint64 (n, bands * rows)."""
    texts = [_normal(line) for line in lines]
    starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    shingles = np.zeros(len(codes), np.uint64)
    for offset in range(_SHINGLE):
        shingles[: len(codes) - offset] = _scramble(shingles[: len(codes) - offset] ^ codes[offset:])
    crosses = np.zeros(len(codes), np.bool_)
    for offset in range(1, _SHINGLE):
        crosses[starts[1:] - offset] = True
    signatures = np.empty((len(texts), _BANDS * _ROWS), np.uint64)
    for number in range(signatures.shape[1]):
        hashed = _scramble(shingles ^ np.uint64((number + 1) * 0xD1B54A32D192ED03 & 0xFFFFFFFFFFFFFFFF))
        hashed[crosses] = _NO_SHINGLE
        signatures[:, number] = np.minimum.reduceat(hashed, starts[:-1])
    return signatures
