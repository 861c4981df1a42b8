"""What the tests of all engines share."""

from typing import Any

import pytest

from spamfilter import Predictor
from tests.engines.engine_pages import library_verdicts, make_pages


@pytest.fixture(scope="session")
def pages() -> list[dict[str, Any]]:
    return make_pages()


@pytest.fixture(scope="session")
def expected(predictor: Predictor, pages: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By id, what the library says of each page alone."""
    return library_verdicts(predictor, pages)
