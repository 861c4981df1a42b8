"""How much of a trade the whole predictor finds when the line model has never seen a line of it.

python -m training.unseen_trades --mirror DIR [--model DIR]

The corpus report holds trades out with small models that see lines alone. Here the line model is fitted as for the
shipped one, without some of the trades, and put into a finished model in the place of its own: the stages behind it
know numbers, not words. What is written of a trade is judged page by page, at the thresholds of the finished model.
Stretches are left aside, since the span model knows the phrases of the trade. A third of the public pages and of the
clean hand-written ones is left out as well, to show what the same thresholds lose there.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from spamfilter import InputError, Predictor
from spamfilter.labels import Label
from spamfilter.line_model import LineModel
from spamfilter.pipeline import Stages, score_documents
from spamfilter.scores import IS_FLAGGED
from training.documents import LabelledDocument
from training.fit import FitSettings, fit_lines_of, fold_of
from training.generate import generate
from training.lines import CORPUS_FOLDER, PHRASES_SUFFIX, read_labelled_lines
from training.options import number_of_jobs
from training.program import run
from training.sources import read_public_sources
from training.span_training import document_text
from training.trades import SEVERAL, TRADES_FILE, read_trades, trade_topic

_GROUPS = 6
_RATE = 1e-3
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Found:
    """Lines that were flagged, of how many, on their page and as pages of their own."""

    lines: int
    on_page: int
    alone: int


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


def flagged_lines(stages: Stages, predictor: Predictor, pages: Sequence[LabelledDocument]) -> list[NDArray[np.bool_]]:
    """Which lines of each page have a label of ``FLAGGED_LABELS`` as a whole, at the thresholds of ``predictor``."""
    limits, found = predictor.points.limits(_RATE), []
    for first in range(0, len(pages), _BATCH):
        scores = score_documents(stages, [document_text(page) for page in pages[first : first + _BATCH]])
        flagged = IS_FLAGGED.take(predictor.points.labels_within(scores.logits, limits))
        found.extend(np.split(flagged, scores.line_edges[1:-1]))
    return found


def _share(flagged: Sequence[NDArray[np.bool_]]) -> tuple[int, int]:
    return sum(int(one.sum()) for one in flagged), sum(map(len, flagged))


def hold_out(
    predictor: Predictor,
    documents: Sequence[LabelledDocument],
    trades: dict[str, tuple[str, ...]],
    group: frozenset[str],
    fold: int,
    settings: FitSettings,
) -> tuple[dict[str, Found], tuple[int, int], tuple[int, int]]:
    """Fit a line model without the trades of ``group`` and without the clean pages of ``fold``, and measure.

    Returns:
        What was found of each trade; clean lines flagged, of how many, on public pages and on hand-written ones.
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
    found: dict[str, Found] = {}
    for trade in sorted(group):
        pages = [
            replace(document, lines=tuple(line for line in document.lines if line.label == Label.SEO_INJECTION))
            for document, own in held
            if trade in own and is_measured(document)
        ]
        hit, count = _share(flagged_lines(stages, predictor, pages))
        lone_lines = [replace(page, lines=(line,)) for page in pages for line in page.lines]
        alone, _ = _share(flagged_lines(stages, predictor, lone_lines))
        found[trade] = Found(count, hit, alone)
    shares = []
    for whole_pages in (public, written):
        flagged = flagged_lines(stages, predictor, whole_pages)
        kept = [
            own[[line.label == Label.CLEAN and bool(line.text.strip()) for line in page.lines]]
            for own, page in zip(flagged, whole_pages, strict=True)
        ]
        shares.append(_share(kept))
    return found, shares[0], shares[1]


def report(results: Sequence[tuple[dict[str, Found], tuple[int, int], tuple[int, int]]]) -> str:
    """The table, and what the thresholds lost; Markdown."""

    def percent(hits: int, count: int) -> str:
        return f"{100 * hits / max(count, 1):.1f}"

    rows = sorted((trade, one) for found, _, _ in results for trade, one in found.items() if one.lines)
    table = ["| trade | lines | on their page, % | alone, % |", "| --- | ---: | ---: | ---: |"]
    table += [
        f"| {trade} | {one.lines} | {percent(one.on_page, one.lines)} | {percent(one.alone, one.lines)} |"
        for trade, one in rows
    ]
    means = [np.mean([getattr(one, name) / one.lines for _, one in rows]) * 100 for name in ("on_page", "alone")]
    table.append(f"| mean over trades | | {means[0]:.1f} | {means[1]:.1f} |")
    losses = [
        f"{percent(sum(hits for hits, _ in own), sum(count for _, count in own))} % of {sum(count for _, count in own)}"
        for own in ([public for _, public, _ in results], [written for _, _, written in results])
    ]
    return "\n".join(table) + (
        f"\n\nAt the same thresholds {losses[0]} clean lines of public pages, and {losses[1]} hand-written ones about "
        "the trades, were flagged; both unseen by the line model, and counted once in each group.\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement; returns the exit code."""
    return run("unseen_trades", lambda: _measure(argv))


def _measure(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.unseen_trades", description=__doc__.split("\n")[0])
    parser.add_argument("--mirror", type=Path, required=True, help="local folder with the public sources")
    parser.add_argument("--model", type=Path, help="finished model, the shipped one by default")
    parser.add_argument("--corpus", type=Path, default=CORPUS_FOLDER, help="folder of labelled lines")
    parser.add_argument("--jobs", type=number_of_jobs, default=2, help="processes; the figures do not depend on it")
    arguments = parser.parse_args(argv)
    settings = FitSettings()
    predictor = Predictor.load(arguments.model)
    trades = read_trades()
    documents = [
        *read_labelled_lines(arguments.corpus),
        *generate(),
        *read_public_sources(arguments.mirror, None, n_jobs=arguments.jobs),
    ]
    if not any(is_measured(one) and set(touts(one, trades)) - {SEVERAL} for one in documents):
        raise InputError(f"{arguments.corpus}: holds no line of any trade of {TRADES_FILE.name}; give another folder")
    results = Parallel(n_jobs=arguments.jobs)(
        delayed(hold_out)(predictor, documents, trades, group, number % settings.folds, settings)
        for number, group in enumerate(deal_trades(trades, _GROUPS))
    )
    print(report(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
