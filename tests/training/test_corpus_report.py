"""The corpus report on a small corpus of our own."""

import json
from pathlib import Path

import numpy as np
import pytest

from spamfilter.errors import InputError
from training import corpus_report
from training.corpus_lines import collect_lines, file_places
from training.corpus_report import build_report, main, render
from training.held_out import threshold_at
from training.lines import CORPUS_FOLDER, read_labelled_lines
from training.trades import read_trades, trade_topic

THINGS = ["bridge", "school", "harbour", "library", "orchard", "museum", "station"]
CASINO = (
    [
        "Best roulette bonus",
        "Play hot slots",
        "Live baccarat tables",
        "Win at keno",
        "Free bingo rooms",
        "Top poker app",
    ],
    [
        "register now",
        "claim 200 free spins",
        "no deposit needed",
        "deposit from 5 dollars",
        "use code LUCKY",
        "join us",
    ],
    ["instant withdrawal", "jackpot every hour", "trusted bookmaker", "VIP cashback", "welcome package", "huge odds"],
)
PILLS = (
    [
        "Buy cheap viagra",
        "Order cialis tablets",
        "Tramadol overnight",
        "Generic levitra",
        "Modafinil pills",
        "Xanax bars",
    ],
    ["no prescription", "discreet packaging", "ships worldwide", "lowest price", "pay by bitcoin", "20 mg and 50 mg"],
    ["from our pharmacy", "refund if seized", "ten bonus tablets", "express courier", "doctor not needed", "bulk sale"],
)
CLEAN = (
    ["The village choir", "Our neighbour Ada", "A young carpenter", "The ferry crew", "Two teachers", "My grandmother"],
    [
        "repaired the old clock",
        "sang under the lime trees",
        "watched the geese leave",
        "baked rye bread",
        "told a story",
    ],
    [
        "until the rain came",
        "while the mill was silent",
        "on the eve of harvest",
        "as she had in 1952",
        "for a whole week",
    ],
)
GERMAN = ["Scheune", "Mauer", "Schule", "Kapelle"]


def mixed(parts: tuple[list[str], ...]) -> list[str]:
    """Lines of which no two share more than one part; each a page of its own."""
    first, second, third = (part[:5] for part in parts)
    return [f"{first[i]} {second[j]}, {third[(i + j) % 5]}.\n" for i in range(5) for j in range(5)]


def write(folder: Path, name: str, lines: list[str]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    write(folder, "seo_injection/casino.en.txt", mixed(CASINO))
    write(folder, "seo_injection/pharmacy.en.txt", mixed(PILLS))
    write(folder, "seo_injection/archive-phrases.en.txt", [f"{thing.title()} Archives" for thing in THINGS])
    mislabelled = "Best baccarat bonus, register now, claim jackpot every hour, no deposit needed"
    write(folder, "clean/village.en.txt", [*mixed(CLEAN), mislabelled])
    german = [f"Im Sommer {n} baute unser Dorf eine neue {thing}.\n" for thing in GERMAN for n in range(1910, 1914)]
    write(folder, "clean/hamlet.de.txt", german)
    write(folder, "link_exchange/swaps.en.txt", [f"Link exchange with {thing} sites, DA 30\n" for thing in THINGS])
    write(folder, "boilerplate/menu.en.txt", [f"Home | {thing} | Contact | Log in\n" for thing in THINGS])
    write(folder, "headline_list/news.en.txt", [f"Ten {thing} secrets that experts love" for thing in THINGS])
    write(folder, "template_residue/tags.en.txt", [f"{{{{ {thing}.title }}}}" for thing in THINGS])
    return folder


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("patterns")
    write(folder, "banks/thing.any.txt", THINGS)
    write(folder, "seo_injection/doorways.en.txt", ["Cheap ‹thing› near me", "‹thing› ‹thing› best price"])
    return folder


def test_the_report_finds_a_mislabelled_line_and_says_where_it_is(corpus: Path, patterns: Path) -> None:
    report = build_report(corpus, patterns, jobs=1)
    (found,) = [one for one in report.disagreements if one.place == "clean/village.en.txt:51"]
    assert (found.label, found.suggested) == ("clean", "seo_injection")
    assert found.probability > 0.8
    assert found.text.startswith("Best baccarat bonus")


def test_the_report_counts_lines_patterns_and_measures_each_trade(corpus: Path, patterns: Path) -> None:
    report = build_report(corpus, patterns, jobs=1)
    page = render(report)
    assert "| seo_injection | 3 | 1 | 57 |" in page
    assert report.patterns == {"seo_injection": 2}
    assert {one.name: one.lines for one in report.trades_out} == {"gambling": 25, "pharmacy": 25}
    assert {one.name for one in report.languages_out} == {"en"}
    assert [one.share for one in report.curve] == [0.25, 0.5, 1.0]
    assert "figures are coarse" in page


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("spam", [[], ["seo_injection/archive-phrases.en.txt"]])
def test_a_corpus_without_spam_lines_has_a_report_without_recall(
    spam: list[str], corpus: Path, patterns: Path, tmp_path: Path
) -> None:
    """Phrases are no lines to measure; no clean line is needed where no threshold is."""
    for name in ["clean/hamlet.de.txt", "boilerplate/menu.en.txt", *spam]:
        write(tmp_path, name, (corpus / name).read_text(encoding="utf-8").splitlines())
    page = render(build_report(tmp_path, patterns, jobs=1))
    assert "## Recall\n\nNot measured: of spam the corpus holds no line, or phrases alone.\n\n## Topics" in page
    assert "| hamlet | 16 | de |" in page
    for absent in ("nan", "held out", "Learning curve"):
        assert absent not in page
    (tmp_path / "clean/hamlet.de.txt").unlink()
    assert "Not measured" in render(build_report(tmp_path, patterns, jobs=1))


def test_a_corpus_of_one_language_and_trade_has_the_other_figures(corpus: Path, patterns: Path, tmp_path: Path) -> None:
    """The language held out, there is no clean line to set a threshold on; the trade held out, no spam to learn."""
    for name in ["clean/village.en.txt", "seo_injection/casino.en.txt"]:
        write(tmp_path, name, (corpus / name).read_text(encoding="utf-8").splitlines())
    report = build_report(tmp_path, patterns, jobs=1)
    assert report.trades_out == report.languages_out == []
    assert report.curve
    page = render(report)
    assert "No trade has 20 spam lines, and others spam beside." in page
    assert "No language has 20 spam lines, and others clean ones beside." in page


def test_a_trade_of_few_lines_is_not_measured_and_there_is_no_mean_of_none(
    corpus: Path, patterns: Path, tmp_path: Path
) -> None:
    for name in ["clean/village.en.txt", "clean/hamlet.de.txt", "link_exchange/swaps.en.txt"]:
        write(tmp_path, name, (corpus / name).read_text(encoding="utf-8").splitlines())
    page = render(build_report(tmp_path, patterns, jobs=1))
    assert "No trade has 20 spam lines, and others spam beside." in page
    assert "| mean |" not in page


def test_spam_without_clean_lines_is_an_error_that_says_where_to_write_some(
    corpus: Path, patterns: Path, tmp_path: Path
) -> None:
    name = "seo_injection/casino.en.txt"
    write(tmp_path, name, (corpus / name).read_text(encoding="utf-8").splitlines())
    with pytest.raises(InputError, match=rf"too few clean lines .* write more of them under {tmp_path / 'clean'}, or"):
        build_report(tmp_path, patterns, jobs=1)


def test_the_report_does_not_depend_on_the_number_of_processes(corpus: Path, patterns: Path) -> None:
    assert render(build_report(corpus, patterns, jobs=1)) == render(build_report(corpus, patterns, jobs=2))


def test_the_command_writes_the_page_and_the_list_of_disagreements(
    corpus: Path, patterns: Path, tmp_path: Path
) -> None:
    page, listed = tmp_path / "new" / "page.md", tmp_path / "list.tsv"
    arguments = ["--corpus", str(corpus), "--patterns", str(patterns), "--out", str(page), "--jobs", "1"]
    assert main([*arguments, "--disagreements", str(listed)]) == 0
    assert page.read_text(encoding="utf-8").startswith("# What the corpus holds")
    head, *rows = listed.read_text(encoding="utf-8").splitlines()
    assert head == "place\tlabel\tsuggested\tprobability\ttext"
    assert any(row.startswith("clean/village.en.txt:51\tclean\tseo_injection\t") for row in rows)


def test_the_command_says_what_is_wrong_and_returns_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(tmp_path), "--out", str(tmp_path / "page.md")]) == 2
    assert "holds no <label>/<topic>.<language>.txt" in capsys.readouterr().err


def test_topics_of_another_corpus_have_the_trades_that_its_list_names(
    corpus: Path, patterns: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.json").write_text('{"trades": {"tablets": ["pharmacy"], "bets": ["casino"]}}', encoding="utf-8")
    page, options = tmp_path / "page.md", ["--trades", str(tmp_path / "mine.json"), "--jobs", "1"]
    assert main(["--corpus", str(corpus), "--patterns", str(patterns), "--out", str(page), *options]) == 0
    assert "| tablets | 25 |" in page.read_text(encoding="utf-8")
    assert "| gambling |" not in page.read_text(encoding="utf-8")


def test_the_page_of_another_corpus_does_not_take_the_place_of_the_own_one(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--corpus", str(corpus), "--jobs", "1"]) == 2
    assert "is not the project's own corpus, whose page is docs/corpus_report.md; give --out" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_that_is_a_file_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.tsv").write_text("clean\tThe mill stands.\n", encoding="utf-8")
    assert main(["--corpus", str(tmp_path / "mine.tsv"), "--out", str(tmp_path / "page.md")]) == 2
    assert "mine.tsv: is a file; the report reads a folder of" in capsys.readouterr().err


def test_a_folder_of_patterns_that_is_not_there_is_an_error(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in the path does not leave all generated lines out of the figures."""
    page = tmp_path / "page.md"
    arguments = ["--corpus", str(corpus), "--patterns", str(tmp_path / "paterns"), "--out", str(page), "--jobs", "1"]
    assert main(arguments) == 2
    assert f"corpus_report: {tmp_path / 'paterns'}: no such folder; patterns lie in" in capsys.readouterr().err
    assert not page.exists()


@pytest.mark.parametrize("option", ["--out", "--disagreements"])
def test_a_page_that_cannot_be_written_is_an_error_before_anything_is_measured(
    option: str, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(corpus_report, "build_report", lambda *_, **__: pytest.fail("it was measured"))
    arguments = ["--corpus", str(corpus), "--out", str(tmp_path / "page.md"), option, str(tmp_path)]
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"corpus_report: {tmp_path}: cannot be written")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to play the full disk")
def test_a_full_disk_is_one_line_of_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(corpus_report, "build_report", lambda *_, **__: None)
    monkeypatch.setattr(corpus_report, "render", lambda _: "page")
    assert main(["--out", "/dev/full"]) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_the_threshold_lets_at_most_the_allowed_share_of_clean_lines_through() -> None:
    clean = np.arange(2000, dtype=np.float64)
    assert (clean >= threshold_at(clean, 1e-3)).sum() == 2
    assert (clean >= threshold_at(clean, 1e-9)).sum() == 0
    assert (np.zeros(50) >= threshold_at(np.zeros(50), 0.1)).sum() == 0
    with pytest.raises(ValueError, match="no clean line"):
        threshold_at(clean[:0], 1e-3)


def test_phrases_of_a_topic_belong_to_the_trade_of_its_lines() -> None:
    trades = read_trades()
    assert trades[trade_topic("casino-phrases")] == trades["casino"] == ("gambling",)
    assert trades["supplements-cbd"] == ("supplements", "cannabis_and_vapes")


def test_a_topic_of_a_trade_and_of_several_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "trades.json"
    path.write_text(json.dumps({"trades": {"loans": ["cash"], "several": ["cash"]}}), encoding="utf-8")
    with pytest.raises(InputError, match="topic 'cash' stands in loans and several"):
        read_trades(path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="needs"):
        read_trades(path)
    path.write_text(json.dumps({"trades": {"loans": ["cash-phrases"]}}), encoding="utf-8")
    with pytest.raises(InputError, match="'cash-phrases' ends in '-phrases'"):
        read_trades(path)
    path.write_bytes(b'{"trades": "caf\xe9"}')
    with pytest.raises(InputError, match=r"trades\.json: byte \d+ is not UTF-8"):
        read_trades(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match=r"trades\.json: not JSON"):
        read_trades(path)
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\)"):
        read_trades(tmp_path / "nowhere.json")


def test_every_topic_of_spam_in_the_corpus_stands_among_the_trades() -> None:
    topics = {trade_topic(path.name.split(".")[0]) for path in (CORPUS_FOLDER / "seo_injection").glob("*.txt")}
    assert sorted(topics - set(read_trades())) == []


def test_the_page_and_the_disagreements_need_two_files(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    assert main(["--corpus", str(corpus), "--out", str(page), "--disagreements", f"{tmp_path}/./page.md"]) == 2
    assert "name two files" in capsys.readouterr().err
    assert not page.exists()


def test_a_corpus_that_changes_while_it_is_read_is_an_error(corpus: Path) -> None:
    written, places = read_labelled_lines(corpus), list(file_places(corpus))
    assert collect_lines(places, written, [], []).places[0] == places[0][0]
    with pytest.raises(InputError, match="changed while it was read"):
        collect_lines(places[1:], written, [], [])
