"""What several tests of training begin with."""

from pathlib import Path

import pytest

from tests.training.source_material import small_mirror
from training.sources.pins import PublicPins


@pytest.fixture
def public(tmp_path: Path) -> tuple[PublicPins, Path]:
    """Pins of a small mirror of our own, and the mirror."""
    mirror = tmp_path / "mirror"
    return small_mirror(mirror), mirror
