"""``spamfilter annotate``: adds verdicts to files, changes nothing else in them."""

import argparse

from spamfilter.commands.ingest_options import EPILOG, ID_COLUMN, add_common, require_ingest, run_job
from spamfilter.errors import InputError

_TARGETS = ("auto", "jsonl", "jsonl.gz", "jsonl.zst", "parquet", "dolma")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command with its options."""
    parser = subparsers.add_parser(
        "annotate",
        help="add verdicts to files",
        description="Add verdicts to files: lines with labels, foreign stretches, and a verdict on the page.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser, _TARGETS)
    parser.add_argument(
        "--output-column", default="spamfilter", metavar="NAME", help="name of the verdict (spamfilter)"
    )
    parser.add_argument("--lines", choices=("all", "flagged"), default="all", help="which lines to list (all)")
    parser.add_argument("--probabilities", action="store_true", help="give each line the probabilities of all labels")
    parser.add_argument("--cleaned", action="store_true", help="add the text without what is flagged")


def run(arguments: argparse.Namespace) -> int:
    """Annotate the files; returns the exit code."""
    require_ingest()
    from spamfilter.ingest.job import AnnotateOptions

    _check_effects(arguments)
    options = AnnotateOptions(
        max_false_positive_rate=arguments.max_false_positive_rate,
        output_column=arguments.output_column,
        lines=arguments.lines,
        probabilities=arguments.probabilities,
        cleaned=arguments.cleaned,
        drop_boilerplate=arguments.drop_boilerplate,
    )
    return run_job(arguments, options)


def _check_effects(arguments: argparse.Namespace) -> None:
    of_annotations = {
        "--lines flagged": arguments.lines == "flagged",
        "--probabilities": arguments.probabilities,
        "--cleaned": arguments.cleaned,
        "--drop-boilerplate": arguments.drop_boilerplate,
    }
    given = [option for option, is_given in of_annotations.items() if is_given]
    if given and arguments.to == "dolma":
        raise InputError(f"--to dolma has no place for {', '.join(given)}; leave that out or choose another format")
    if arguments.id_column != ID_COLUMN and arguments.to != "dolma":
        raise InputError(f"--id-column {arguments.id_column} is for --to dolma alone; add that or leave it out")
    if arguments.drop_boilerplate and not arguments.cleaned:
        raise InputError("--drop-boilerplate acts on the cleaned text alone; add --cleaned or leave it out")
