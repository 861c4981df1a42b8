"""How much of a trade the whole predictor finds when the line model has never seen a line of it.

python -m training.unseen_trades (--mirror DIR | --cache DIR) [--model DIR]

The corpus report holds trades out with small models that see lines alone. Here the line model is fitted as for the
shipped one, without some of the trades, and put into a finished model in the place of its own: the stages behind it
know numbers, not words. What is written of a trade is judged page by page: at the thresholds of the finished model, and
at thresholds raised until no more clean lines of public pages are lost than the rate says, for a line model that knows
less is wrong more often. Stretches are left aside, since the span model knows the phrases of the trade. A third of the
public pages and of the clean hand-written ones is left out as well, to measure what is lost there.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from itertools import compress
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from spamfilter import InputError, Predictor
from spamfilter.labels import Label
from spamfilter.line_model import LineModel
from spamfilter.pipeline import Stages, score_documents
from training.documents import LabelledDocument
from training.fit import FitSettings, fit_lines_of, fold_of
from training.generate import generate
from training.held_out import threshold_at
from training.lines import CORPUS_FOLDER, PHRASES_SUFFIX, read_labelled_lines
from training.markdown import table
from training.options import add_public_sources, number_of_jobs
from training.program import run
from training.sources import read_public_sources
from training.span_training import document_text
from training.trades import SEVERAL, TRADES_FILE, read_trades, trade_topic

_GROUPS = 6
_RATE = 1e-3
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Found:
    """Lines that were flagged, of how many, on their page and as pages of their own; also at raised thresholds."""

    lines: int
    on_page: int
    alone: int
    on_page_raised: int
    alone_raised: int


def deal_trades(trades: dict[str, tuple[str, ...]], groups: int) -> list[frozenset[str]]:
    """Deal the trades, but not ``SEVERAL``, into groups that are left out together."""
    names = sorted({name for own in trades.values() for name in own} - {SEVERAL})
    return [frozenset(names[number::groups]) for number in range(groups)]


def touts(document: LabelledDocument, trades: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The trades that a document touts, none if it is no spam."""
    if not any(line.label == Label.SEO_INJECTION for line in document.lines):
        return ()
    return trades.get(trade_topic(document.page_type or ""), (SEVERAL,))


def is_measured(document: LabelledDocument) -> bool:
    """Whether lines of the document are judged where its trade is left out: it is hand-written, and no phrases."""
    return document.source == "lines" and not (document.page_type or "").endswith(PHRASES_SUFFIX)


def is_clean_page(document: LabelledDocument) -> bool:
    """Whether clean lines of the document may be judged: it is a public page, or hand-written and holds one."""
    if document.source == "lines":
        return any(line.label == Label.CLEAN for line in document.lines)
    return document.source == "wcxb"


def margins_of(stages: Stages, predictor: Predictor, pages: Sequence[LabelledDocument]) -> list[NDArray[np.float64]]:
    """How far each line of each page stands above the thresholds of ``predictor``: flagged as a whole from 0 on."""
    limits, found = predictor.points.limits(_RATE), []
    for first in range(0, len(pages), _BATCH):
        scores = score_documents(stages, [document_text(page) for page in pages[first : first + _BATCH]])
        margins = predictor.points.margins(scores.logits, limits)
        found.extend(np.split(margins, scores.line_edges[1:-1]))
    return found


def _judge(
    stages: Stages, predictor: Predictor, pages: Sequence[LabelledDocument], label: Label
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Margins of the lines with ``label`` that are not blank, on their pages and each as a page of its own."""
    kept = [
        np.array([line.label == label and bool(line.text.strip()) for line in page.lines], np.bool_) for page in pages
    ]
    lone = [
        replace(page, lines=(line,))
        for page, own in zip(pages, kept, strict=True)
        for line in compress(page.lines, own)
    ]
    on_page = [margins[own] for margins, own in zip(margins_of(stages, predictor, pages), kept, strict=True)]
    none = np.zeros(0)
    return np.concatenate([none, *on_page]), np.concatenate([none, *margins_of(stages, predictor, lone)])


def _flagged(margins: NDArray[np.float64], limit: float = 0.0) -> int:
    return int((margins >= limit).sum())


def hold_out(
    predictor: Predictor,
    documents: Sequence[LabelledDocument],
    trades: dict[str, tuple[str, ...]],
    group: frozenset[str],
    fold: int,
    settings: FitSettings,
) -> tuple[dict[str, Found], Found, Found]:
    """Fit a line model without the trades of ``group`` and without the clean pages of ``fold``, and measure.

    Returns:
        What was found of each trade; what was flagged of the clean lines of public pages and of hand-written ones.
    """
    learnt, held = [], []
    public: list[LabelledDocument] = []
    written: list[LabelledDocument] = []
    for document in documents:
        own = touts(document, trades)
        if SEVERAL in own or group & set(own):
            held.append((document, own))
        elif not own and is_clean_page(document) and fold_of(document, settings.folds, settings.seed) == fold:
            (public if document.source == "wcxb" else written).append(document)
        else:
            learnt.append(document)
    model: LineModel = fit_lines_of(learnt, predictor.stages.char_table, settings)
    stages = replace(predictor.stages, line=model)
    clean = [_judge(stages, predictor, pages, Label.CLEAN) for pages in (public, written)]
    raised = [max(threshold_at(margins, _RATE), 0.0) if len(margins) else 0.0 for margins in clean[0]]

    def counted(on_page: NDArray[np.float64], alone: NDArray[np.float64]) -> Found:
        at_raised = _flagged(on_page, raised[0]), _flagged(alone, raised[1])
        return Found(len(on_page), _flagged(on_page), _flagged(alone), *at_raised)

    found = {}
    for trade in sorted(group):
        pages = [document for document, own in held if trade in own and is_measured(document)]
        found[trade] = counted(*_judge(stages, predictor, pages, Label.SEO_INJECTION))
    return found, counted(*clean[0]), counted(*clean[1])


def report(results: Sequence[tuple[dict[str, Found], Found, Found]]) -> str:
    """The table, with what is lost of clean lines in its last rows; Markdown."""

    def row(name: str, lines: int | str, shares: Sequence[float]) -> tuple[object, ...]:
        return (name, lines, *(f"{100 * share:.1f}" for share in shares))

    def shares(one: Found) -> list[float]:
        return [hits / one.lines for hits in (one.on_page, one.alone, one.on_page_raised, one.alone_raised)]

    trades = sorted((trade, one) for found, _, _ in results for trade, one in found.items() if one.lines)
    rows = [row(trade, one.lines, shares(one)) for trade, one in trades]
    rows.append(row("mean over trades", "", np.mean([shares(one) for _, one in trades], axis=0).tolist()))
    for name, parts in (
        ("clean lines of public pages", [public for _, public, _ in results]),
        ("clean hand-written lines", [written for _, _, written in results]),
    ):
        total = Found(*(sum(counts) for counts in zip(*map(astuple, parts), strict=True)))
        if total.lines:
            rows.append(row(name, total.lines, shares(total)))
    head = ("flagged, %", "lines", "on their page", "alone", "on their page, raised thresholds", "alone, raised")
    return table(head, rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement; returns the exit code."""
    return run("unseen_trades", lambda: _measure(argv))


def _measure(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.unseen_trades", description=__doc__.split("\n")[0])
    add_public_sources(parser, required=True)
    parser.add_argument("--model", type=Path, help="finished model, the shipped one by default")
    parser.add_argument("--corpus", type=Path, default=CORPUS_FOLDER, help="folder of labelled lines")
    parser.add_argument("--trades", type=Path, default=TRADES_FILE, help="JSON that says which topics tout which trade")
    parser.add_argument("--jobs", type=number_of_jobs, default=2, help="processes; the figures do not depend on it")
    arguments = parser.parse_args(argv)
    settings = FitSettings()
    predictor = Predictor.load(arguments.model)
    trades = read_trades(arguments.trades)
    documents = [
        *read_labelled_lines(arguments.corpus),
        *generate(),
        *read_public_sources(arguments.mirror, arguments.cache, n_jobs=arguments.jobs),
    ]
    if not any(is_measured(one) and set(touts(one, trades)) - {SEVERAL} for one in documents):
        what = f"holds no line of any trade of {arguments.trades.name}"
        raise InputError(f"{arguments.corpus}: {what}; give another folder, or a list with --trades")
    groups = deal_trades(trades, _GROUPS)
    results = []
    for result in Parallel(n_jobs=arguments.jobs, return_as="generator")(
        delayed(hold_out)(predictor, documents, trades, group, number % settings.folds, settings)
        for number, group in enumerate(groups)
    ):
        results.append(result)
        print(f"{len(results)} of {len(groups)} groups of trades", file=sys.stderr, flush=True)
    print(report(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
