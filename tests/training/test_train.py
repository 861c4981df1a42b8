"""The training script, on a few hundred lines of our own."""

import errno
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from spamfilter import LABELS, Label, Predictor
from spamfilter.model_store import StoredModel, load_model
from spamfilter.ngrams import NgramSettings
from spamfilter.text import encode_documents
from spamfilter.tokens import tokenize
from tests.training.material import own_documents
from training import train
from training.documents import LabelledDocument, LabelledLine
from training.fit import FitSettings
from training.generate import generate
from training.line_training import LineTrainingSettings
from training.train import fingerprint


def write_corpus(folder: Path) -> Path:
    for document in own_documents():
        path = folder / str(document.lines[0].label) / f"{document.page_type}.{document.language}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as stream:
            stream.write("".join(f"{line.text}\n" for line in document.lines) + "\n")
    return folder


def write_patterns(folder: Path) -> Path:
    for name, content in (
        ("banks/towns.en.txt", "Millbridge\nOldharbour\nWestorchard\n"),
        ("seo_injection/doorways.en.txt", "Best poker bonus in ‹towns›, register now!\n"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The script with a small corpus, one pattern, and small tables in place of the shipped ones."""
    folder = write_corpus(tmp_path_factory.mktemp("corpus"))
    patterns = write_patterns(tmp_path_factory.mktemp("patterns"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "CORPUS_FOLDER", folder)
        patch.setattr(train, "generate", partial(generate, patterns))
        patch.setattr(train, "FitSettings", partial(FitSettings, folds=2, ngrams=NgramSettings((3, 4), 15, 15)))
        yield folder


@pytest.fixture(scope="module")
def trained(small_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    assert train.main(["--out", str(folder), "--jobs", "1"]) == 0
    return folder


def test_a_second_run_gives_the_same_bytes_with_any_number_of_processes(trained: Path, tmp_path: Path) -> None:
    assert train.main(["--out", str(tmp_path), "--jobs", "2"]) == 0
    names = sorted(path.name for path in trained.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    assert [name for name in names if (trained / name).read_bytes() != (tmp_path / name).read_bytes()] == []


def test_another_seed_gives_another_model_and_a_run_without_public_sources_says_what_it_left_out(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train.main(["--out", str(tmp_path), "--jobs", "1", "--seed", "1"]) == 0
    assert (trained / "SHA256SUMS").read_bytes() != (tmp_path / "SHA256SUMS").read_bytes()
    captured = capsys.readouterr()
    assert "left out are the page-extraction benchmark and the treebanks" in captured.err
    assert "| seo_injection |" in captured.out
    assert captured.out.startswith("# Model card")
    assert "- hand-written lines alone" in (tmp_path / "README.md").read_text(encoding="utf-8")


def line_logits(folder: Path, text: str) -> dict[Label, float]:
    """Logits of the line stage against clean, which even a toy model gets right."""
    stages = Predictor.load(folder).stages
    logits = stages.line.score(tokenize(encode_documents([text], stages.char_table))).logits[0]
    return dict(zip(LABELS[1:], map(float, logits), strict=True))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Best online casino bonus 2025, register now and claim your free offer!", Label.SEO_INJECTION),
        ("Link exchange welcome, PR 9 or more, book sites only, contact us by mail", Label.LINK_EXCHANGE),
        ("{dede:arc.footer/}", Label.TEMPLATE_RESIDUE),
        ("Home | Pictures | Contact | Log in", Label.BOILERPLATE),
        ("Why this train surprises doctors every month", Label.HEADLINE_LIST),
    ],
)
def test_the_model_that_was_trained_ranks_lines_like_those_that_it_saw(trained: Path, text: str, label: Label) -> None:
    logits = line_logits(trained, text)
    assert max(logits, key=logits.__getitem__) is label
    assert logits[label] > 0


def test_the_model_that_was_trained_takes_prose_like_that_it_saw_for_clean(trained: Path) -> None:
    text = "The old windmill was painted in 1950, and people of the town still talk about that summer."
    assert max(line_logits(trained, text).values()) < 0


def test_the_model_says_what_it_was_made_of(trained: Path) -> None:
    settings = load_model(trained).settings
    assert settings["data"]["corpus"]["documents"] == len(own_documents())
    assert settings["data"]["corpus"]["lines"]["clean"] == 480
    assert settings["data"]["patterns"]["lines"] == {"seo_injection": 3}
    assert settings["data"]["public sources"]["documents"] == 0
    assert len(settings["data"]["corpus"]["sha256"]) == 64
    assert settings["training"]["seed"] == 0
    names = {one.name for group in (FitSettings, LineTrainingSettings) for one in fields(group)}
    assert set(settings["training"]) == names - {"jobs", "line", "ngrams", "vocabulary_bits"}
    assert set(settings["versions"]) >= {"spamfilter", "python", "numpy", "scikit-learn"}


def test_the_fingerprint_of_data_follows_all_that_is_learnt_from() -> None:
    line, other = LabelledLine("The mill best casino grinds.", "clean", ((9, 20),)), LabelledLine("It grinds.", "clean")
    one = LabelledDocument("a#0", "lines", "en", (line, other), "mills")
    parted = [replace(one, lines=(line,)), replace(one, document_id="a#1", lines=(other,))]
    changed = [
        [one],
        parted,
        [replace(one, language="de")],
        [replace(one, lines=(replace(line, spans=()), other))],
        [replace(one, lines=(replace(line, label="seo_injection"), other))],
        [replace(one, lines=(other, line))],
    ]
    assert len({fingerprint(documents) for documents in changed}) == len(changed)


def test_lines_of_the_user_change_the_model_and_its_data_table(
    trained: Path, small_corpus: Path, tmp_path: Path
) -> None:
    lines = tmp_path / "mine.tsv"
    lines.write_text(
        "".join(f"seo_injection\tAncient zither lessons number {n}\n" for n in range(40)), encoding="utf-8"
    )
    assert train.main(["--out", str(tmp_path / "model"), "--jobs", "1", "--lines", str(lines)]) == 0
    assert load_model(tmp_path / "model").settings["data"]["own lines"]["lines"] == {"seo_injection": 40}
    text = "Ancient zither lessons number 41"
    before, after = (line_logits(folder, text)[Label.SEO_INJECTION] for folder in (trained, tmp_path / "model"))
    assert after > before + 2


def test_every_file_of_every_lines_option_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second ``--lines`` adds to the first; one without a file is an error of usage."""
    read: list[str] = []

    def note(path: Path) -> list[LabelledDocument]:
        read.append(path.name)
        return own_documents()[:1]

    monkeypatch.setattr(train, "read_labelled_lines", note)
    monkeypatch.setattr(train, "generate", lambda **_: [])
    arguments = ["--out", str(tmp_path), "--lines", "a.tsv", "b.tsv", "--lines", "c.tsv"]
    assert train.main(arguments) == 2
    assert [name for name in read if name.endswith(".tsv")] == ["a.tsv", "b.tsv", "c.tsv"]
    assert "train: no line is labelled" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        train.main(["--out", str(tmp_path), "--lines"])


def test_no_two_documents_share_an_id_though_their_files_share_a_name(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was split into two folders, and a folder laid out like the corpus."""
    ids: list[str] = []

    def note(documents: list[LabelledDocument], *_: object) -> None:
        ids.extend(document.document_id for document in documents)
        raise ValueError("enough")

    monkeypatch.setattr(train, "fit_model", note)
    files = [tmp_path / name / "mine.tsv" for name in ("one", "two")]
    for path in files:
        path.parent.mkdir()
        path.write_text("clean\tThe mill stands.\n", encoding="utf-8")
    assert (
        train.main(["--out", str(tmp_path / "model"), "--lines", *map(str, files), "--lines", str(small_corpus)]) == 2
    )
    assert len(ids) == len(set(ids)) == 2 * len(own_documents()) + 3


def test_lines_that_cannot_be_read_are_one_line_of_error(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = tmp_path / "mine.tsv"
    lines.write_text("spam\tx\n", encoding="utf-8")
    assert train.main(["--out", str(tmp_path / "model"), "--lines", str(lines)]) == 2
    assert f"train: {lines}:1: unknown label 'spam'" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_lines_given_twice_are_one_line_of_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = tmp_path / "mine.tsv"
    lines.write_text("clean\tThe mill stands.\n", encoding="utf-8")
    again = tmp_path / "." / "mine.tsv", tmp_path / ".." / tmp_path.name / "mine.tsv"
    for other in again:
        assert train.main(["--out", str(tmp_path / "model"), "--lines", str(lines), str(other)]) == 2
        assert "mine.tsv: is given twice" in capsys.readouterr().err


def test_a_corpus_without_one_of_the_labels_is_one_line_of_error(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    for path in (corpus / "link_exchange").iterdir():
        path.unlink()
    monkeypatch.setattr(train, "CORPUS_FOLDER", corpus)
    assert train.main(["--out", str(tmp_path / "model"), "--jobs", "1"]) == 2
    assert "train: no line is labelled link_exchange" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("out", "message"), [("project", "holds README.md"), ("file", "is a file"), ("file/x", "written")]
)
def test_a_place_where_no_model_can_be_written_is_one_line_of_error_before_anything_is_read(
    out: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "README.md").write_text("mine")
    monkeypatch.setattr(train, "read_labelled_lines", lambda path: pytest.fail(f"{path} was read"))
    assert train.main(["--out", str(tmp_path / out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"train: {tmp_path / out}: ")
    assert message in line
    assert (tmp_path / "project" / "README.md").read_text() == "mine"


def test_a_model_that_cannot_be_written_after_the_training_is_one_line_of_error(
    small_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, array: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert train.main(["--out", str(tmp_path / "model"), "--jobs", "1"]) == 2
    assert "(No space left on device); give another folder" in capsys.readouterr().err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_the_card_that_has_gone_does_not_hide_that_the_model_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(text: str) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(train, "_read_documents", lambda *_: ([], {}, []))
    monkeypatch.setattr(train, "fit_model", lambda *_: None)
    monkeypatch.setattr(train, "stored_model", lambda *_: StoredModel({}, {}, "card"))
    monkeypatch.setattr(train, "save_model", lambda *_: None)
    monkeypatch.setattr(sys.stdout, "write", gone)
    assert train.main(["--out", str(tmp_path / "model")]) == 141
    assert capsys.readouterr().err.endswith(f"wrote {tmp_path / 'model'}\n")
