"""Files that the training programs write: whole or not at all, and looked at before the work begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO
from uuid import uuid4

from spamfilter.errors import InputError

__all__ = ["check_output_file", "whole_file"]


def check_output_file(path: Path) -> None:
    """Find out, before the work begins, whether ``path`` can be written; makes its folder, keeps what is there.

    Raises:
        InputError: it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() or path.is_dir():
            path.open("a").close()
        if not _is_stream(path):
            with TemporaryFile(dir=path.resolve().parent):
                pass
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); give another file") from None


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes the place of ``path`` once all of it is written.

    Whatever ends the writing before that leaves an older file as it was. Only what is no file of a disk, such as
    ``/dev/stdout``, is written as it comes.

    Raises:
        OSError: it cannot be written; its ``filename`` is ``path`` where the system names none.
    """
    target = path.resolve()
    partial = path if _is_stream(path) else target.with_name(f".{target.name[:40]}.{uuid4().hex}.partial")
    try:
        # What UTF-8 has no bytes for, half a surrogate pair or a name of another encoding, is written out.
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            yield stream
        if partial is not path:
            partial.replace(target)
    except BaseException as error:
        if partial is not path:
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


def _is_stream(path: Path) -> bool:
    """Whether ``path`` is there and neither file nor folder: a device, a pipe."""
    return path.exists() and not path.is_file() and not path.is_dir()
