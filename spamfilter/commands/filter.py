"""``spamfilter filter``: cuts what is flagged and rejects pages, and keeps both on record."""

import argparse
from pathlib import Path

from spamfilter.commands.ingest_options import EPILOG, add_common, check_share, require_ingest, run_job
from spamfilter.errors import InputError
from spamfilter.results import DocumentKind

_TARGETS = ("auto", "text", "jsonl", "jsonl.gz", "jsonl.zst", "parquet", "wet", "warc")
_SPAM = (DocumentKind.LINK_FARM.value, DocumentKind.SPAM.value)
_KINDS = (DocumentKind.RESIDUE.value, *_SPAM)
_EPILOG = f"""\
Nothing is dropped silently: REJECTED holds each rejected page as it was, with its reason (*.rejected.*), and each
line that was cut, or from which a stretch was cut, with its label and place (*.cuts.jsonl.zst).

{EPILOG}"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command with its options."""
    parser = subparsers.add_parser(
        "filter",
        help="cut what is flagged from files and reject pages",
        description="Cut flagged lines and stretches from files and reject pages that fall below what you ask for.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser, _TARGETS)
    parser.add_argument("--rejected", type=Path, required=True, metavar="DIR", help="folder for what is taken out")
    parser.add_argument(
        "--reject",
        type=_kinds,
        default=_SPAM,
        metavar="KINDS",
        help=f"kinds of page to reject whole, out of {','.join(_KINDS)}; none for none ({','.join(_SPAM)})",
    )
    parser.add_argument(
        "--min-characters", type=int, default=0, metavar="N", help="reject pages left with fewer characters (0)"
    )
    parser.add_argument(
        "--min-kept-share",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="reject pages that keep less of their text (0)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Filter the files; returns the exit code."""
    require_ingest()
    from spamfilter.ingest.job import FilterOptions

    check_share("--min-kept-share", arguments.min_kept_share)
    if arguments.min_characters < 0:
        raise InputError(f"--min-characters {arguments.min_characters} is no number of characters; choose 0 or more")
    options = FilterOptions(
        max_false_positive_rate=arguments.max_false_positive_rate,
        drop_boilerplate=arguments.drop_boilerplate,
        reject_kinds=arguments.reject,
        min_characters=arguments.min_characters,
        min_kept_share=arguments.min_kept_share,
    )
    return run_job(arguments, options, arguments.rejected)


def _kinds(value: str) -> tuple[str, ...]:
    kinds = () if value == "none" else tuple(sorted(set(value.split(","))))
    unknown = [kind for kind in kinds if kind not in _KINDS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: no such kind; known are {', '.join(_KINDS)}, none")
    return kinds
