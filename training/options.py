"""Options that the training programs share, checked before the work begins."""

import argparse
from pathlib import Path

__all__ = ["add_public_sources", "number_of_jobs", "seed_number"]

_MOST_JOBS = 256
"""More processes than any of the programs has work for; each takes memory of its own."""


def add_public_sources(parser: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Add ``--mirror`` and ``--cache``, of which one at most is given, or just one if they are ``required``."""
    origin = parser.add_mutually_exclusive_group(required=required)
    origin.add_argument("--mirror", type=Path, help="local folder with the public sources in their original layout")
    origin.add_argument("--cache", type=Path, help="folder to download the public sources into")


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
