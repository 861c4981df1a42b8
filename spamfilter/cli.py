"""The command line: picks the command, and turns every failure into one line and an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from spamfilter import __version__
from spamfilter.errors import SpamfilterError

COMMANDS = ("scan", "annotate", "filter")
EXIT_ERROR = 2
EXIT_INTERNAL = 70
"""A fault of this program (EX_SOFTWARE of sysexits.h)."""
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
DEBUG_VARIABLE = "SPAMFILTER_DEBUG"

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
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not end the run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(given)
        sys.stdout.flush()
        return code
    except SpamfilterError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        _discard_output()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        _discard_output()
        place = f"{error.filename}: " if error.filename is not None else ""
        return _fail(f"{place}{error.strerror or error}")
    except MemoryError:
        return _fail("out of memory; give smaller inputs or fewer processes")
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        return _fail(
            f"internal error ({what}); please report it with the output of a run under {DEBUG_VARIABLE}=1",
            EXIT_INTERNAL,
        )


def _run(given: list[str]) -> int:
    named = [name for name in given[:1] if name in COMMANDS]
    arguments = build_parser(named or COMMANDS).parse_args(given)
    return _load_command(arguments.command).run(arguments)


def _fail(message: str, code: int = EXIT_ERROR) -> int:
    print(f"spamfilter: {message}", file=sys.stderr)
    return code


def _discard_output() -> None:
    """Let the interpreter flush into nothing when it ends: the reader has gone, or the disk is full."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return


if __name__ == "__main__":
    sys.exit(main())
