"""Documents are dealt into folds, whatever their owner calls them."""

import pytest

from training.documents import LabelledDocument
from training.fit import fold_of


def fold(document_id: str, source: str = "lines") -> int:
    return fold_of(LabelledDocument(document_id, source, "en", ()), 1000, 0)


@pytest.mark.parametrize("file", ["mine.tsv", "my#1.tsv"])
def test_eight_numbered_neighbours_of_a_file_share_a_fold(file: str) -> None:
    assert len({fold(f"{file}#{number}") for number in range(8)}) == 1
    assert len({fold(f"{file}#{number}") for number in range(0, 80, 8)}) == 10


@pytest.mark.parametrize("name", ["²", "9" * 5000, "page 3", "", "\ud800", "https://a/0"])
def test_a_document_that_has_a_name_and_no_number_is_dealt_by_itself(name: str) -> None:
    others = (f"mine.jsonl#{name} of another", f"yours.jsonl#{name}", "mine.jsonl")
    assert fold(f"mine.jsonl#{name}") not in map(fold, others)


def test_half_of_a_surrogate_pair_in_a_name_does_not_end_the_training() -> None:
    assert 0 <= fold("\ud800") < 1000


def test_a_treebank_stays_whole_and_pages_of_the_benchmark_do_not() -> None:
    assert len({fold(f"ud-train-{number:04d}", "UD_Free") for number in range(50)}) == 1
    assert fold("ud-train-0000", "UD_Free") != fold("ud-train-0000", "UD_Bound")
    assert len({fold(f"wcxb-{number:04d}", "wcxb") for number in range(50)}) > 40
