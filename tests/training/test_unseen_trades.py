"""Trades that the line model never saw, judged by a finished model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from spamfilter import Predictor
from tests.training.material import own_documents
from training import unseen_trades
from training.documents import LabelledDocument, LabelledLine
from training.fit import FitSettings, fold_of
from training.trades import SEVERAL
from training.unseen_trades import Found, deal_trades, hold_out, report, touts

TRADES = {"potions": ("potions",), "charms": ("charms",), "mixed": (SEVERAL,), "both": ("charms", "potions")}


def pages(topic: str, ware: str) -> list[LabelledDocument]:
    """Thirty pages of two lines that name ``ware``, and tout it in no word."""
    return [
        LabelledDocument(
            f"seo_injection/{topic}.en#{number}",
            "lines",
            "en",
            tuple(
                LabelledLine(text, "seo_injection")
                for text in (f"The {ware} of house {number} lies on a shelf", f"A box of {ware} from house {number}")
            ),
            topic,
            True,
        )
        for number in range(30)
    ]


def test_every_trade_is_dealt_into_one_group_and_topics_of_many_trades_into_none() -> None:
    groups = deal_trades({**TRADES, "third": ("amulets",)}, 2)
    assert sorted(name for group in groups for name in group) == ["amulets", "charms", "potions"]


def test_a_document_touts_the_trades_of_its_topic() -> None:
    assert touts(pages("both", "brew")[0], TRADES) == ("charms", "potions")
    assert touts(pages("potions-phrases", "brew")[0], TRADES) == ("potions",)
    assert touts(pages("unheard-of", "brew")[0], TRADES) == (SEVERAL,)
    clean = next(one for one in own_documents() if all(line.label == "clean" for line in one.lines))
    assert touts(clean, TRADES) == ()


def test_lines_of_a_trade_are_found_more_often_when_they_were_learnt(predictor: Predictor) -> None:
    ware = "qxovarin"
    documents = [*own_documents(), *pages("potions", ware)]
    trades = {**{one.page_type or "": ("others",) for one in own_documents()}, **TRADES}
    unseen, _, clean = hold_out(predictor, documents, trades, frozenset({"potions"}), 0, FitSettings())
    assert unseen["potions"].lines == 60
    assert clean.lines > 0
    # The same lines under another trade: those of the first one have been learnt.
    learnt, _, _ = hold_out(
        predictor,
        [*documents, *pages("charms", ware)],
        trades,
        frozenset({"charms"}),
        0,
        FitSettings(),
    )
    # On the page its neighbours may tell of a line that was not learnt; alone nothing does.
    assert learnt["charms"].alone > unseen["potions"].alone
    assert learnt["charms"].on_page >= unseen["potions"].on_page


@dataclass(frozen=True)
class StandIn:
    """As much of a finished model as is handed on: the table of characters, and a place for a line model."""

    char_table: None = None
    line: str = "its own"

    @property
    def stages(self) -> "StandIn":
        return self


def clean_pages(source: str, topic: str) -> list[LabelledDocument]:
    """Thirty pages of two clean lines, a menu and a blank one."""
    texts = (("The mill stands.", "clean"), ("It grinds rye.", "clean"), ("Home", "boilerplate"), (" ", "clean"))
    lines = tuple(LabelledLine(text, label) for text, label in texts)
    return [LabelledDocument(f"{source}/{topic}-{n}.en#0", source, "en", lines, topic) for n in range(30)]


def test_neither_the_trade_nor_the_clean_pages_that_are_measured_are_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt: list[LabelledDocument] = []
    judged: list[tuple[str, LabelledDocument]] = []

    def learn(documents: Sequence[LabelledDocument], *_: object) -> str:
        learnt.extend(documents)
        return "without the trade"

    def judge(stages: StandIn, _: object, pages: Sequence[LabelledDocument]) -> list[NDArray[np.float64]]:
        judged.extend((stages.line, page) for page in pages)
        return [np.ones(len(page.lines)) for page in pages]

    monkeypatch.setattr(unseen_trades, "fit_lines_of", learn)
    monkeypatch.setattr(unseen_trades, "margins_of", judge)
    settings, fold = FitSettings(), 1
    potions, phrases, charms, both, mixed = (
        pages(topic, "brew") for topic in ("potions", "potions-phrases", "charms", "both", "mixed")
    )
    patterns = [replace(one, source="generated") for one in pages("potions", "brew")]
    # Of some pages of the web nothing is left to read.
    bare = [replace(one, lines=()) for one in clean_pages("wcxb", "bare")]
    web, town = [*clean_pages("wcxb", "article"), *bare], clean_pages("lines", "town")
    clean_patterns = clean_pages("generated", "trains")
    links = [
        replace(one, lines=(LabelledLine("Swap links with us", "link_exchange"),))
        for one in clean_pages("lines", "links")
    ]
    others = [*clean_patterns, *links, *clean_pages("UD_English", "treebank")]
    documents = [*potions, *phrases, *charms, *both, *mixed, *patterns, *web, *town, *others]
    found, public, written = hold_out(cast("Any", StandIn()), documents, TRADES, frozenset({"potions"}), fold, settings)

    def held_out(documents: Sequence[LabelledDocument]) -> list[LabelledDocument]:
        return [one for one in documents if fold_of(one, settings.folds, settings.seed) == fold]

    out = [*held_out(web), *held_out(town)]
    assert learnt == [*charms, *(one for one in [*web, *town] if one not in out), *others]
    whole = [*potions, *both]
    expected: list[LabelledDocument] = []
    for pages_, label in ((held_out(web), "clean"), (held_out(town), "clean"), (whole, "seo_injection")):
        read = [[line for line in page.lines if line.label == label and line.text.strip()] for page in pages_]
        expected += pages_
        expected += [replace(page, lines=(line,)) for page, own in zip(pages_, read, strict=True) for line in own]
    assert judged == [("without the trade", page) for page in expected]
    # All lines stand at the same margin: at thresholds raised above the public clean ones nothing is left.
    assert found == {"potions": Found(120, 120, 120, 0, 0)}
    assert held_out(bare)
    counts = [2 * sum(bool(page.lines) for page in held_out(one)) for one in (web, town)]
    assert (public, written) == tuple(Found(count, count, count, 0, 0) for count in counts)
    assert min(public.lines, written.lines) > 0


def test_thresholds_are_raised_until_a_thousandth_of_the_public_clean_lines_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def judge(_: object, __: object, pages: Sequence[LabelledDocument]) -> list[NDArray[np.float64]]:
        on_page = {"web": 2.0, "potions": 3.0}
        # Clean lines stand above the thresholds of the model, on their pages higher than alone.
        return [
            np.full(len(page.lines), on_page[page.page_type or ""] - (len(page.lines) == 1) * 1.5) for page in pages
        ]

    monkeypatch.setattr(unseen_trades, "fit_lines_of", lambda *_: "without the trade")
    monkeypatch.setattr(unseen_trades, "margins_of", judge)
    documents = [*pages("potions", "brew"), *clean_pages("wcxb", "web")]
    found, public, _ = hold_out(cast("Any", StandIn()), documents, TRADES, frozenset({"potions"}), 1, FitSettings())
    assert public.lines == public.on_page == public.alone > 0
    assert (public.on_page_raised, public.alone_raised) == (0, 0)
    assert found == {"potions": Found(60, 60, 60, 60, 60)}


def test_thresholds_are_never_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unseen_trades, "fit_lines_of", lambda *_: "without the trade")
    monkeypatch.setattr(
        unseen_trades, "margins_of", lambda _, __, pages: [np.full(len(page.lines), -1.0) for page in pages]
    )
    documents = [*pages("potions", "brew"), *clean_pages("wcxb", "web")]
    found, _, _ = hold_out(cast("Any", StandIn()), documents, TRADES, frozenset({"potions"}), 1, FitSettings())
    assert found == {"potions": Found(60, 0, 0, 0, 0)}


def test_the_report_gives_means_over_trades_and_what_was_lost() -> None:
    text = report(
        [
            ({"potions": Found(10, 5, 1, 4, 0)}, Found(100, 1, 2, 0, 0), Found(50, 2, 0, 1, 0)),
            (
                {"charms": Found(10, 10, 3, 6, 2), "empty": Found(0, 0, 0, 0, 0)},
                Found(100, 0, 2, 0, 0),
                Found(50, 3, 0, 0, 0),
            ),
        ]
    )
    assert "| potions | 10 | 50.0 | 10.0 | 40.0 | 0.0 |" in text
    assert "empty" not in text
    assert "| mean over trades |  | 75.0 | 20.0 | 50.0 | 10.0 |" in text
    assert "| clean lines of public pages | 200 | 0.5 | 2.0 | 0.0 | 0.0 |" in text
    assert "| clean hand-written lines | 100 | 5.0 | 0.0 | 1.0 | 0.0 |" in text


def test_the_command_prints_the_table_and_tells_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, listed = tmp_path / "corpus", tmp_path / "mine.json"
    (corpus / "seo_injection").mkdir(parents=True)
    (corpus / "seo_injection" / "brews.en.txt").write_text("Best brews\n", encoding="utf-8")
    listed.write_text('{"trades": {"potions": ["brews"]}}', encoding="utf-8")
    monkeypatch.setattr(unseen_trades, "read_public_sources", lambda *_, **__: [])
    found = {"potions": Found(10, 5, 1, 4, 0)}
    monkeypatch.setattr(unseen_trades, "hold_out", lambda *_: (found, Found(9, 0, 0, 0, 0), Found(9, 0, 0, 0, 0)))
    monkeypatch.setattr(unseen_trades, "_GROUPS", 1)
    options = ["--corpus", str(corpus), "--trades", str(listed), "--jobs", "1"]
    assert unseen_trades.main(["--cache", "sources", *options]) == 0
    told = capsys.readouterr()
    assert "| potions | 10 | 50.0 | 10.0 | 40.0 | 0.0 |" in told.out
    assert told.err == "1 of 1 groups of trades\n"


@pytest.mark.parametrize("topic", ["casino-phrases", "of-no-trade"])
def test_a_corpus_without_any_trade_is_an_error_before_anything_is_fitted(
    topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seo_injection").mkdir()
    (tmp_path / "seo_injection" / f"{topic}.en.txt").write_text("Best casino bonus\n", encoding="utf-8")
    monkeypatch.setattr(unseen_trades, "read_public_sources", lambda *_, **__: [])
    monkeypatch.setattr(unseen_trades, "hold_out", lambda *_: pytest.fail("it was fitted"))
    assert unseen_trades.main(["--mirror", "sources", "--corpus", str(tmp_path), "--jobs", "1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    fault = "holds no line of any trade of trades.json; give another folder, or a list with --trades"
    assert line == f"unseen_trades: {tmp_path}: {fault}"
