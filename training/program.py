"""How the training programs end: every failure is one line that begins with the program's name, and an exit code."""

import errno
import os
import sys
from collections.abc import Callable

from joblib.externals.loky.process_executor import TerminatedWorkerError

from spamfilter.cli import DEBUG_VARIABLE, EXIT_BROKEN_PIPE, EXIT_ERROR, EXIT_INTERNAL, EXIT_INTERRUPTED
from spamfilter.errors import SpamfilterError

__all__ = ["run"]

_OUT_OF_MEMORY = "out of memory; give fewer --jobs, or less text where there is one process"


def run(name: str, work: Callable[[], int]) -> int:
    """Do the work of a program, and tell as ``spamfilter`` does what ends it.

    Args:
        name: of the program; every message begins with it.
        work: parses the arguments, does what they ask for and returns the exit code.

    Returns:
        That exit code, 2 after an error of input, of a file or of memory, 130 after an interrupt, 141 if the reader
        of the output has gone, 70 after a fault of the program.
    """
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not end the run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = work()
        sys.stdout.flush()
        return code
    except SpamfilterError as error:
        return _fail(name, str(error))
    except KeyboardInterrupt:
        return _fail(name, "interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        _discard_output()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        _discard_output()
        place = f"{error.filename}: " if error.filename is not None else ""
        return _fail(name, _OUT_OF_MEMORY if error.errno == errno.ENOMEM else f"{place}{error.strerror or error}")
    except MemoryError:
        return _fail(name, _OUT_OF_MEMORY)
    except TerminatedWorkerError:
        # The system ends the largest process where memory is short.
        return _fail(
            name, "a worker process was ended from outside, as happens when memory is short; give fewer --jobs"
        )
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        if isinstance(error, ValueError):  # numbers out of range, most of all
            return _fail(name, " ".join(str(error).split()))
        what = " ".join(f"{type(error).__name__}: {error}".split())
        hint = f"please report it with the output of a run under {DEBUG_VARIABLE}=1"
        return _fail(name, f"internal error ({what}); {hint}", EXIT_INTERNAL)


def _fail(name: str, message: str, code: int = EXIT_ERROR) -> int:
    print(f"{name}: {message}", file=sys.stderr)
    return code


def _discard_output() -> None:
    """Let the interpreter flush into nothing when it ends: the reader has gone, or the disk is full."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        return
