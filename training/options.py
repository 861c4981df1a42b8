"""Options that the training programs share, checked before the work begins."""

import argparse

__all__ = ["number_of_jobs", "seed_number"]

_MOST_JOBS = 256
"""More processes than any of the programs has work for; each takes memory of its own."""


def number_of_jobs(value: str) -> int:
    """Value of ``--jobs``, as joblib takes it.

    Raises:
        ArgumentTypeError: not a number of processes.
    """
    jobs = _integer(value)
    if jobs == 0:
        raise argparse.ArgumentTypeError("0 means no process at all; use 1, another number, or -1 for all cores")
    if jobs > _MOST_JOBS:
        raise argparse.ArgumentTypeError(f"more than {_MOST_JOBS} processes; use fewer, or -1 for all cores")
    return jobs


def seed_number(value: str) -> int:
    """Value of ``--seed``.

    Raises:
        ArgumentTypeError: not a number that numpy takes for a seed.
    """
    seed = _integer(value)
    if seed < 0:
        raise argparse.ArgumentTypeError(f"{seed} is no seed; use 0 or more")
    return seed


def _integer(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number") from None
