"""Parses JSON that somebody hands to a training program; what is wrong is told with its place."""

import json

from spamfilter.errors import InputError

__all__ = ["parse_json"]


def parse_json(text: str, place: str) -> object:
    """Parse ``text``, which stands at ``place``, such as ``"pages.jsonl:3"``.

    Raises:
        InputError: it is no JSON, nested too deeply, or holds a number too long to read.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON ({error.msg})") from None
    except RecursionError:
        raise InputError(f"{place}: JSON nested too deeply to be read") from None
    except ValueError:
        raise InputError(f"{place}: JSON with a number too long to be read; write it as a string") from None
