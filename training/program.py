"""How the training programs end: as ``spamfilter`` does, and with a line on what ends trainings besides."""

import os
from collections.abc import Callable

from joblib.externals.loky.process_executor import TerminatedWorkerError

from spamfilter import program
from spamfilter.errors import SpamfilterError

__all__ = ["run"]


def run(name: str, work: Callable[[], int]) -> int:
    """Do the work of a program, and tell what ends it; arguments and result are those of ``spamfilter.program.run``.

    A ValueError is told as an error of input: numbers out of range, most of all.
    """

    def told() -> int:
        try:
            return work()
        except TerminatedWorkerError:
            # The system ends the largest process where memory is short.
            reason = "a worker process was ended from outside, as happens when memory is short; give fewer --jobs"
            raise SpamfilterError(reason) from None
        except ValueError as error:
            if os.environ.get(program.DEBUG_VARIABLE):
                raise
            raise SpamfilterError(" ".join(str(error).split())) from None

    return program.run(name, told, out_of_memory="give fewer --jobs, or less text where there is one process")
