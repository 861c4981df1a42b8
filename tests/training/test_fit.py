"""Documents are dealt into folds, whatever their owner calls them."""

import pytest

from training.documents import LabelledDocument
from training.fit import fold_of


def fold(document_id: str) -> int:
    return fold_of(LabelledDocument(document_id, "lines", "en", ()), 1000, 0)


def test_eight_numbered_neighbours_of_a_file_share_a_fold() -> None:
    assert len({fold(f"mine.jsonl#{number}") for number in range(8)}) == 1
    assert fold("mine.jsonl#8") != fold("mine.jsonl#0")


@pytest.mark.parametrize("name", ["²", "9" * 5000, "page 3", "", "\ud800"])
def test_a_document_without_a_number_has_the_fold_of_its_file(name: str) -> None:
    assert fold(f"mine.jsonl#{name}") == fold("mine.jsonl")


def test_half_of_a_surrogate_pair_in_a_name_does_not_end_the_training() -> None:
    assert 0 <= fold("\ud800") < 1000
