"""What all tests share: the shipped model and the sample pages."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from spamfilter import Predictor

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="session", autouse=True)
def heed_interrupts() -> Iterator[None]:
    """A shell's background job ignores interrupts, and so would the programs that tests start and interrupt."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """The shipped model, loaded once."""
    return Predictor.load()


@pytest.fixture(scope="session")
def spun_page() -> str:
    return (EXAMPLES / "spun_page.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def clean_page() -> str:
    return (EXAMPLES / "clean_page.txt").read_text(encoding="utf-8")
