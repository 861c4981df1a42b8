"""The generator: patterns and banks in, labelled lines out."""

import re
from pathlib import Path

import pytest

from spamfilter.errors import InputError
from training.generate import PATTERNS_FOLDER, generate


def write(folder: Path, name: str, *lines: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "banks/town.en.txt", "Ashby", "Corfe", "Dunmow", "Ely", "Frome")
    write(tmp_path, "banks/town.any.txt", "Rivertown")
    write(tmp_path, "banks/trade.any.txt", "plumber", "locksmith", "mover", "roofer")
    return tmp_path


def test_a_slot_takes_the_bank_of_its_language_before_the_common_one(folder: Path) -> None:
    write(folder, "seo_injection/doorways.en.txt", "Cheap ‹trade› in ‹town›, call now")
    write(folder, "seo_injection/doorways.de.txt", "‹trade› in ‹town›")
    german, english = generate(folder)
    assert {line.text.rpartition(" ")[2] for line in german.lines} == {"Rivertown"}
    assert not any("Rivertown" in line.text for line in english.lines)


def test_all_lines_of_a_pattern_form_one_document_that_names_it(folder: Path) -> None:
    write(folder, "seo_injection/doorways.en.txt", "‹trade› ‹town›", "", "‹town› ‹trade› prices")
    documents = generate(folder)
    assert [document.document_id for document in documents] == [
        "generated/seo_injection/doorways.en#0",
        "generated/seo_injection/doorways.en#1",
    ]
    assert {(one.source, one.language, one.page_type, one.spam) for one in documents} == {
        ("generated", "en", "doorways", True)
    }
    assert all(len(document.lines) == 12 for document in documents)
    assert all(line.label == "seo_injection" for document in documents for line in document.lines)


def test_the_same_seed_gives_the_same_lines_and_another_seed_others(folder: Path) -> None:
    write(folder, "seo_injection/doorways.en.txt", "‹trade› ‹town› ‹town› ‹trade›")
    assert generate(folder, 1) == generate(folder, 1)
    assert generate(folder, 1) != generate(folder, 2)


def test_a_new_pattern_in_another_file_leaves_the_lines_of_the_first_alone(folder: Path) -> None:
    write(folder, "seo_injection/doorways.en.txt", "‹trade› ‹town› ‹town›")
    before = generate(folder)
    write(folder, "seo_injection/a-first.en.txt", "‹town›")
    assert generate(folder)[-1] == before[-1]


def test_lines_of_a_pattern_are_distinct_and_never_more_than_its_banks_allow(folder: Path) -> None:
    write(folder, "seo_injection/doorways.en.txt", "best ‹trade›", "no slot at all")
    few, one = generate(folder)
    assert sorted(line.text for line in few.lines) == ["best locksmith", "best mover", "best plumber", "best roofer"]
    assert [line.text for line in one.lines] == ["no slot at all"]


def test_two_slots_of_one_name_differ_outside_spam(folder: Path) -> None:
    write(folder, "clean/trains.en.txt", "The train from ‹town› to ‹town› is late.")
    for line in generate(folder)[0].lines:
        found = re.findall(r"from (\w+) to (\w+)", line.text)
        assert found[0][0] != found[0][1]


def test_half_of_the_lines_of_spam_repeat_one_value_for_all_slots_of_one_name(folder: Path) -> None:
    """As doorways repeat their keyword; the values of the other lines all differ."""
    write(folder, "banks/street.en.txt", *(f"street{number}" for number in range(50)))
    write(folder, "seo_injection/doorways.en.txt", *(f"{number}: ‹street› ‹street› ‹street›" for number in range(40)))
    lines = [line.text.split()[1:] for document in generate(folder) for line in document.lines]
    assert len(lines) == 480
    assert sum(len(set(streets)) == 1 for streets in lines) == pytest.approx(240, abs=40)
    assert all(len(set(streets)) in (1, 3) for streets in lines)


def test_patterns_for_any_language_are_of_undetermined_language(folder: Path) -> None:
    write(folder, "template_residue/tags.any.txt", "{{ ‹trade› }}")
    assert generate(folder)[0].language == "und"


def test_a_slot_without_a_bank_is_an_error_that_names_file_and_line(folder: Path) -> None:
    write(folder, "seo_injection/doorways.en.txt", "‹trade›", "", "‹vilage›")
    with pytest.raises(InputError, match=r"doorways\.en\.txt:3: slot ‹vilage› has no bank; write .*vilage\.en\.txt"):
        generate(folder)


@pytest.mark.parametrize("pattern", ["‹Town›", "‹town", "town›", "‹my town›"])
def test_a_broken_slot_is_an_error_that_names_file_and_line(folder: Path, pattern: str) -> None:
    write(folder, "seo_injection/doorways.en.txt", pattern)
    with pytest.raises(InputError, match=r"doorways\.en\.txt:1: broken slot"):
        generate(folder)


def test_an_empty_bank_and_a_slot_in_a_bank_are_errors(folder: Path) -> None:
    write(folder, "banks/none.any.txt", "", "")
    write(folder, "seo_injection/doorways.en.txt", "‹none›")
    with pytest.raises(InputError, match=r"none\.any\.txt: the bank of slot ‹none› is empty"):
        generate(folder)
    write(folder, "banks/none.any.txt", "fine", "‹town›")
    with pytest.raises(InputError, match=r"none\.any\.txt:2: a bank holds plain lines"):
        generate(folder)


def test_an_unknown_label_a_nameless_file_and_a_missing_folder_are_errors(folder: Path) -> None:
    write(folder, "spam/doorways.en.txt", "‹town›")
    with pytest.raises(InputError, match="unknown label 'spam'"):
        generate(folder)
    (folder / "spam/doorways.en.txt").unlink()
    write(folder, "clean/en.txt", "‹town›")
    with pytest.raises(InputError, match="name the file"):
        generate(folder)
    with pytest.raises(InputError, match="no such folder"):
        generate(folder / "nowhere")


def test_the_patterns_of_the_repository_expand_without_an_open_slot() -> None:
    documents = generate()
    assert len({document.document_id for document in documents}) == len(documents)
    assert all(document.lines for document in documents)
    assert not any("‹" in line.text or "›" in line.text for document in documents for line in document.lines)
    assert max(len(document.lines) for document in documents) <= 12
    assert PATTERNS_FOLDER.is_dir()
