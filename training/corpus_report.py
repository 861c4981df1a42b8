"""Reports what the corpus holds and what a model of it cannot do yet; writes a Markdown page.

python -m training.corpus_report [--mirror DIR] [--out docs/corpus_report.md] [--disagreements FILE]
"""

import argparse
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spamfilter.errors import InputError
from spamfilter.labels import LABELS, Label
from training.corpus_lines import CorpusLines, collect_lines, file_places
from training.corpus_measures import LEAST_LINES, RATE, CurvePoint, Disagreement, HeldOut, Measures
from training.generate import PATTERNS_FOLDER, generate
from training.held_out import weigh_lines
from training.lines import CORPUS_FOLDER, read_labelled_lines
from training.markdown import table
from training.options import add_public_sources, number_of_jobs
from training.output_files import check_output_file, whole_file
from training.program import run
from training.sources import read_public_sources
from training.trades import SEVERAL, TRADES_FILE, read_trades, trade_topic

__all__ = ["CorpusReport", "build_report", "main", "render"]

_PAGE = Path("docs/corpus_report.md")
_WORST_FILES = 15
_WEAK = 0.5
_CLEAN_FOR_A_FINE_THRESHOLD = 5000
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """Everything the page is made of."""

    lines: CorpusLines
    trades: dict[str, tuple[str, ...]]
    patterns: dict[str, int]
    disagreements: list[Disagreement]
    trades_out: list[HeldOut]
    languages_out: list[HeldOut]
    curve: list[CurvePoint]


def _silent(message: str) -> None:
    """Say nothing."""


def build_report(
    corpus: Path = CORPUS_FOLDER,
    patterns: Path = PATTERNS_FOLDER,
    *,
    trades_file: Path = TRADES_FILE,
    mirror: Path | None = None,
    cache: Path | None = None,
    jobs: int = 2,
    progress: Progress = _silent,
) -> CorpusReport:
    """Read the corpus and measure it; the result depends on the files alone.

    Args:
        corpus: folder of ``<label>/<topic>.<language>.txt``.
        patterns: folder of patterns and banks; an empty one for no generated lines.
        trades_file: which topics tout which trade; a topic that it does not name is of several.
        mirror: local folder of the public sources; without it and ``cache``, thresholds rest on the corpus alone.
        cache: folder to download the public sources into.
        jobs: processes.

    Raises:
        InputError: a corpus, pattern or trades file is not as it should be; names file and line.
        SourceError: a public source is missing or not the pinned one.
    """
    if corpus.is_file():
        raise InputError(f"{corpus}: is a file; the report reads a folder of <label>/<topic>.<language>.txt")
    written, places = read_labelled_lines(corpus), list(file_places(corpus))
    generated = generate(patterns)
    public = read_public_sources(mirror, cache, n_jobs=jobs, progress=progress) if mirror or cache else []
    trades = read_trades(trades_file)
    lines = collect_lines(places, written, generated, public)
    if lines.measured().any() and not lines.for_threshold.any():
        more = f"write more of them under {corpus / Label.CLEAN.value}, or give --mirror or --cache"
        raise InputError(f"{corpus}: too few clean lines to set a threshold on; {more}")
    progress(f"counting n-grams of {len(lines.texts)} lines")
    measures = Measures(lines, weigh_lines(lines.texts), trades, jobs)
    progress("lines that a model of other lines labels otherwise")
    disagreements = measures.disagreements()
    progress("leave one trade out")
    trades_out = measures.leave_one_trade_out()
    progress("leave one language out")
    languages_out = measures.leave_one_language_out()
    progress("learning curve")
    curve = measures.learning_curve()
    made = Counter(document.document_id.split("/")[1] for document in generated)
    return CorpusReport(lines, trades, dict(made), disagreements, trades_out, languages_out, curve)


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"


def _near_duplicate_share(lines: CorpusLines, rows: NDArray[np.bool_]) -> float:
    """Share of ``rows`` that have a near duplicate among them."""
    if not rows.any():
        return 0.0
    _, inverse, counts = np.unique(lines.groups[rows], return_inverse=True, return_counts=True)
    return float((counts[inverse] > 1).mean())


def _counts(report: CorpusReport) -> str:
    lines, rows = report.lines, []
    for label in (*LABELS, None):
        of_label = lines.labelled(label) if label else np.ones(len(lines.texts), np.bool_)
        own, made = of_label & lines.written, of_label & lines.generated
        distinct = {lines.texts[row] for row in np.flatnonzero(own)}
        files = {lines.file_of(row) for row in np.flatnonzero(own).tolist()}
        rows.append(
            (
                label.value if label else "all",
                len(files),
                len(set(lines.languages[own].tolist())),
                int(own.sum()),
                len(distinct),
                _percent(_near_duplicate_share(lines, own), 1),
                report.patterns.get(label.value, 0) if label else sum(report.patterns.values()),
                int(made.sum()),
                _percent(_near_duplicate_share(lines, made)),
            )
        )
    head = ("label", "files", "languages", "written lines", "distinct", "near-duplicates")
    return table((*head, "patterns", "generated lines", "near-duplicates among them"), rows)


def _by_language(lines: CorpusLines) -> str:
    counted = Counter(
        (str(lines.languages[row]), int(lines.labels[row])) for row in np.flatnonzero(lines.written).tolist()
    )
    totals: Counter[str] = Counter()
    for (language, _), count in counted.items():
        totals[language] += count
    rows = [
        (language, *(counted[language, number] or "" for number in range(len(LABELS))), total)
        for language, total in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    ]
    return table(("language", *(label.value for label in LABELS), "all"), rows)


def _by_topic(report: CorpusReport) -> str:
    lines = report.lines
    counts: Counter[tuple[str, str]] = Counter()
    languages: dict[tuple[str, str], set[str]] = {}
    for row in np.flatnonzero(lines.written).tolist():
        key = (LABELS[lines.labels[row]].value, str(lines.topics[row]))
        counts[key] += 1
        languages.setdefault(key, set()).add(str(lines.languages[row]))
    parts = []
    for label in LABELS:
        own = sorted((topic, count) for (name, topic), count in counts.items() if name == label)
        cells: list[list[object]] = []
        for topic, count in own:
            cells.append([topic, count, " ".join(sorted(languages[label.value, topic]))])
            if label == Label.SEO_INJECTION:
                cells[-1].append(", ".join(report.trades.get(trade_topic(topic), ("not listed",))))
        head = ["topic", "lines", "languages", *(["trade"] if label == Label.SEO_INJECTION else [])]
        parts.append(f"### {label.value}\n\n{table(head, cells)}")
    return "\n\n".join(parts)


def _errors(report: CorpusReport) -> str:
    pairs = Counter((one.label, one.suggested) for one in report.disagreements)
    lines = report.lines
    of_label = Counter(LABELS[number].value for number in lines.labels[lines.written & ~lines.phrases].tolist())
    rows = [
        (f"{label} → {suggested}", count, _percent(count / of_label[label], 1))
        for (label, suggested), count in pairs.most_common()
    ]
    in_file = Counter(lines.file_of(row) for row in np.flatnonzero(lines.written).tolist())
    worst = Counter(one.place.rpartition(":")[0] for one in report.disagreements)
    files = [(name, count, _percent(count / in_file[name])) for name, count in worst.most_common(_WORST_FILES)]
    return (
        f"{len(report.disagreements)} of {sum(of_label.values())} lines. Most are hard lines that are labelled well; "
        "`--disagreements FILE` writes all of them with their places, the surest first.\n\n"
        + table(("from → to", "lines", "of its label"), rows)
        + "\n\nFiles with most of them:\n\n"
        + table(("file", "lines", "of the file"), files)
    )


def _held_out(report: CorpusReport) -> str:
    trades, languages = report.trades_out, report.languages_out
    trade_rows = [(one.name, one.lines, _percent(one.known), _percent(one.unknown)) for one in trades]
    if trades:
        known, unknown = (float(np.mean([getattr(one, name) for one in trades])) for name in ("known", "unknown"))
        trade_rows.append(("mean", sum(one.lines for one in trades), _percent(known), _percent(unknown)))
    language_rows = [
        (one.name, one.lines, _percent(one.known), _percent(one.unknown), one.clean_lines, _percent(one.flagged, 2))
        for one in languages
    ]
    weak = ", ".join(f"{one.name} {_percent(one.unknown)}" for one in trades if one.unknown < _WEAK)
    head = ("lines", "recall, learnt", "recall, held out")
    trade_part = f"{table(('trade', *head), trade_rows)}\n\nBelow {_percent(_WEAK)}: {weak or 'none'}."
    language_part = table(("language", *head, "clean lines", "clean flagged"), language_rows)
    return (
        "## One trade held out\n\n"
        "Lines of one trade, by a line model that has learnt no file and no pattern of it, nor any file of several "
        f"trades (`{SEVERAL}` in `training/trades.json`). *Learnt*: by a model that has learnt other pages of the "
        f"trade.\n\n{trade_part if trades else f'No trade has {LEAST_LINES} spam lines, and others spam beside.'}\n\n"
        "## One language held out\n\n"
        "Nothing in the language was learnt, neither spam nor clean text, and its clean lines did not set the "
        "threshold; *clean flagged* is the share of its clean lines above it.\n\n"
        + (language_part if languages else f"No language has {LEAST_LINES} spam lines, and others clean ones beside.")
    )


def _curve(points: Sequence[CurvePoint]) -> str:
    rows = [(_percent(one.share), one.lines, _percent(one.recall, 1)) for one in points]
    return table(("share of the written spam", "lines learnt", "recall on files held out"), rows)


def _recall(report: CorpusReport) -> str:
    lines = report.lines
    if not lines.measured().any():
        return "## Recall\n\nNot measured: of spam the corpus holds no line, or phrases alone."
    clean = int(lines.for_threshold.sum())
    public = bool((~lines.written & ~lines.generated).any())
    coarse = "" if clean >= _CLEAN_FOR_A_FINE_THRESHOLD else " With so few of them the figures are coarse."
    return f"""## How recall is measured below

At the threshold that {_percent(RATE, 1)} of {clean} clean lines reach which no model here has learnt, from the corpus
{"and the public sources" if public else "alone"}.{coarse} From the line alone, without its page; phrases are not
measured. Recall means any spam label. Near-duplicates of these lines and of measured ones are never learnt. The models
are small binary ones (see `training/held_out.py`): compare the rows, not the figures with those of the model card.

{_held_out(report)}

## Learning curve

Each quarter of the spam files is held out once; no generated spam is learnt.

{_curve(report.curve)}"""


def render(report: CorpusReport) -> str:
    """The report as a Markdown page."""
    lines = report.lines
    digest = hashlib.sha256()
    for row in np.flatnonzero(lines.written).tolist():
        digest.update(f"{lines.places[row]}\t{lines.texts[row]}\n".encode("utf-8", "surrogatepass"))
    unlisted = sorted(
        {
            trade_topic(str(topic))
            for topic in set(lines.topics[lines.written & lines.labelled(Label.SEO_INJECTION)].tolist())
        }
        - set(report.trades)
    )
    listed = f"\n\nNot in `training/trades.json`, so taken for `{SEVERAL}`: {', '.join(unlisted)}." if unlisted else ""
    return f"""# What the corpus holds

Written by `python -m training.corpus_report`; see [corpus.md](corpus.md). Corpus SHA-256 `{digest.hexdigest()[:16]}`.

## Lines

{_counts(report)}

Near-duplicates: lines whose character 4-grams resemble those of another line of the label (Jaccard similarity of
about 0.6 and more). Generated lines are meant to resemble each other: all lines of one pattern stay in one fold.

## Languages, hand-written lines

{_by_language(lines)}

## Candidate label errors

{_errors(report)}

{_recall(report)}

## Topics, hand-written lines{listed}

{_by_topic(report)}
"""


def _write_disagreements(path: Path, found: Sequence[Disagreement]) -> None:
    rows = [
        "\t".join((one.place, one.label, one.suggested, f"{one.probability:.3f}", one.text.replace("\t", " ")))
        for one in found
    ]
    with whole_file(path) as stream:
        stream.write("\n".join(["place\tlabel\tsuggested\tprobability\ttext", *rows]) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the report; returns the exit code."""
    return run("corpus_report", lambda: _report(argv))


def _report(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.corpus_report", description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS_FOLDER, help="folder of labelled lines")
    parser.add_argument("--patterns", type=Path, default=PATTERNS_FOLDER, help="folder of patterns and banks")
    parser.add_argument("--trades", type=Path, default=TRADES_FILE, help="JSON that says which topics tout which trade")
    add_public_sources(parser)
    parser.add_argument("--out", type=Path, help=f"page to write; for the project's own corpus {_PAGE} by default")
    parser.add_argument("--disagreements", type=Path, help="file for all candidate label errors, tab-separated")
    parser.add_argument("--jobs", type=number_of_jobs, default=2, help="processes; the figures do not depend on it")
    arguments = parser.parse_args(argv)
    begun = time.monotonic()

    def progress(message: str) -> None:
        print(f"[{time.monotonic() - begun:6.0f} s] {message}", file=sys.stderr, flush=True)

    if not arguments.out and arguments.corpus.resolve() != CORPUS_FOLDER.resolve():
        raise InputError(f"{arguments.corpus}: is not the project's own corpus, whose page is {_PAGE}; give --out PAGE")
    page_file = arguments.out or _PAGE
    for path in (page_file, arguments.disagreements):
        if path:
            check_output_file(path)
    if arguments.disagreements and arguments.disagreements.resolve() == page_file.resolve():
        raise InputError(f"{page_file}: both the page and the disagreements would be written there; name two files")
    report = build_report(
        arguments.corpus,
        arguments.patterns,
        trades_file=arguments.trades,
        mirror=arguments.mirror,
        cache=arguments.cache,
        jobs=arguments.jobs,
        progress=progress,
    )
    page = render(report)
    with whole_file(page_file) as stream:
        stream.write(page)
    if arguments.disagreements:
        _write_disagreements(arguments.disagreements, report.disagreements)
    progress(f"wrote {page_file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
