"""How programs end: every failure is one line that begins with the program's name, and an exit code."""

import errno
import os
import sys
from collections.abc import Callable
from typing import TextIO

from spamfilter.errors import SpamfilterError

EXIT_ERROR = 2
EXIT_INTERNAL = 70
"""A fault of the program (EX_SOFTWARE of sysexits.h)."""
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
DEBUG_VARIABLE = "SPAMFILTER_DEBUG"


def run(name: str, work: Callable[[], int], *, out_of_memory: str) -> int:
    """Do the work of a program, and tell what ends it.

    Args:
        name: of the program; every message begins with it.
        work: parses the arguments, does what they ask for and returns the exit code.
        out_of_memory: what to do where memory is short.

    Returns:
        That exit code, 2 after an error of input, of a file or of memory, 130 after an interrupt, 141 if the reader
        of the output has gone, 70 after a fault of the program.
    """
    for name_of_stream in ("stdout", "stderr"):
        # Closed by the caller. Where stderr is None, print takes stdout for it.
        if getattr(sys, name_of_stream) is None:
            setattr(sys, name_of_stream, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not end the run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    no_memory = f"out of memory; {out_of_memory}"
    try:
        code = work()
        sys.stdout.flush()
        return code
    except SpamfilterError as error:
        return _fail(name, str(error))
    except KeyboardInterrupt:
        return _fail(name, "interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        _discard(sys.stdout)
        return EXIT_BROKEN_PIPE
    except OSError as error:
        _discard(sys.stdout)
        place = f"{error.filename}: " if error.filename is not None else ""
        return _fail(name, no_memory if error.errno == errno.ENOMEM else f"{place}{error.strerror or error}")
    except MemoryError:
        return _fail(name, no_memory)
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        hint = f"please report it with the output of a run under {DEBUG_VARIABLE}=1"
        return _fail(name, f"internal error ({what}); {hint}", EXIT_INTERNAL)


def tell(message: str) -> None:
    """Print a line on stderr; where nobody can read it any more, the work goes on without."""
    try:
        print(message, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        _discard(sys.stderr)


def _fail(name: str, message: str, code: int = EXIT_ERROR) -> int:
    tell(f"{name}: {message}")
    return code


def _discard(stream: TextIO) -> None:
    """Let what is still written flow into nothing, at the end of the interpreter too: no reader, or a full disk."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (OSError, ValueError, AttributeError):
        return
