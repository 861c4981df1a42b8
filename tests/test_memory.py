"""Memory at the worst moment, for documents of every shape."""

import tracemalloc
from pathlib import Path

import pytest

from spamfilter import Predictor
from spamfilter.memory import keep_freed_memory

SPLICED = "The mill by river {},Garden Hoses Archives grinds flour for {} villages.\n"
SENTENCE = "The mill by the river grinds flour for five villages, and its wheel is mended every autumn. "


@pytest.mark.parametrize(
    ("text", "most"),
    [
        (SENTENCE * 11_000, 70),
        ((SENTENCE * 12 + "\n") * 900, 70),
        ("short line\n" * 90_000, 110),
        ("x\n" * 200_000, 530),
        ("Best online casino bonus, claim 200 free spins now!\n" * 10_000, 70),
        ("".join(SPLICED.format(number % 977, number % 613) for number in range(15_000)), 110),
    ],
    ids=["one line", "paragraphs", "short lines", "shortest lines", "spam", "splices"],
)
def test_a_document_takes_at_most_so_many_bytes_a_character(predictor: Predictor, text: str, most: int) -> None:
    predictor.predict(text[:1000])
    tracemalloc.start()
    try:
        predictor.predict(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most * len(text)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks into /proc")
def test_asking_the_allocator_to_keep_memory_takes_none() -> None:
    before = resident_pages()
    for _ in range(100):
        keep_freed_memory()
    # Both ends of the block are written to, and may each lie in a huge page of 512; the block has 8,176.
    assert resident_pages() - before < 256 + 2 * 512


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])
