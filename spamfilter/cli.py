"""The command line: picks the command and runs it."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from spamfilter import __version__, program

COMMANDS = ("scan", "annotate", "filter")
_DESCRIPTION = "Find spam and link-farm residue in web text, line by line."


class Command(Protocol):
    """What a module in ``spamfilter.commands`` offers."""

    def add_parser(self, subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        """Add the command with its options."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; returns the exit code."""


def _load_command(name: str) -> Command:
    return cast(Command, importlib.import_module(f"spamfilter.commands.{name}"))


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The argument parser with the commands ``names``; only their modules are imported."""
    parser = argparse.ArgumentParser(prog="spamfilter", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"spamfilter {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        _load_command(name).add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit code: that of the command, 2 after an error of usage or input, 130 after an interrupt, 141 if the
        reader of the output has gone, 70 after a fault of this program.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    return program.run("spamfilter", lambda: _run(given), out_of_memory="give smaller inputs or fewer processes")


def _run(given: list[str]) -> int:
    named = [name for name in given[:1] if name in COMMANDS]
    arguments = build_parser(named or COMMANDS).parse_args(given)
    return _load_command(arguments.command).run(arguments)


if __name__ == "__main__":
    sys.exit(main())
