"""Where the files of a pinned source come from: a local mirror folder, or upstream through a cache folder.

Whatever the way, a file is handed out only when its SHA-256 is the pinned one.
"""

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

from spamfilter.errors import SpamfilterError
from training.sources.pins import SourcePin

__all__ = ["SourceError", "SourceFiles"]

_THREADS = 6
_ATTEMPTS = 4
_TIMEOUT_SECONDS = 60.0
_LARGEST_FILE = 64 * 1024 * 1024
_LONGEST_ANSWER = 200
_REFUSALS = frozenset({400, 401, 403, 404, 410})
"""HTTP answers that a further attempt does not change."""

Download = Callable[[str], bytes]
Progress = Callable[[str], None]


class SourceError(SpamfilterError):
    """A file of a public source is missing, altered or out of reach; the message names it and the mend."""


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """Reads files of pinned sources, from a mirror if there is one and else from upstream.

    Attributes:
        mirror: Folder that holds ``wcxb/`` and ``ud/UD_.../`` in their original layout, or ``None``.
        cache: Folder that keeps what was downloaded; needed where there is no mirror.
        upstream: Address under which ``owner/name/commit/path`` are found.
        download: What turns an address into bytes; raises ``OSError`` or ``HTTPException`` when it cannot.
        retry_seconds: Pause before the second attempt; it doubles with every further one.
    """

    mirror: Path | None = None
    cache: Path | None = None
    upstream: str = "https://raw.githubusercontent.com"
    download: Download | None = None
    retry_seconds: float = 1.0

    def read(self, pin: SourcePin, path: str) -> bytes:
        """Return one file of ``pin``, checked.

        Raises:
            KeyError: If the pin does not list ``path``.
            SourceError: If the file is missing, altered or cannot be downloaded.
        """
        expected = pin.files[path]
        origin = f"{pin.repository} at commit {pin.commit}"
        if self.mirror is not None:
            file = self.mirror.joinpath(*pin.mirror_folder.split("/"), *path.split("/"))
            absent = f"Copy it from {origin}, or run without a mirror to download it."
            altered = f"The mirror holds another version: copy the file from {origin}."
        else:
            file = self._cached(pin, path)
            if not file.is_file():
                self._store(pin, path, file)
            absent = "Run again to download it."
            altered = "The copy in the cache was altered: delete it and run again."
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            raise SourceError(f"{file}: missing. {absent}") from None
        except OSError as error:
            raise SourceError(f"{file}: cannot be read ({error.strerror or error}).") from error
        _check(data, expected, str(file), altered)
        return data

    def fetch(self, pin: SourcePin, progress: Progress | None = None) -> None:
        """Download what the cache still lacks of ``pin``, a few files at a time; nothing to do with a mirror.

        Raises:
            SourceError: For the first file that cannot be had.
        """
        if self.mirror is not None:
            return
        missing = [path for path in pin.files if not self._cached(pin, path).is_file()]
        if not missing:
            return
        if progress is not None:
            progress(f"{pin.name}: downloading {len(missing)} files")
        # Its threads end with the program: Ctrl-C does not wait for a server that answers nothing.
        with ThreadPool(_THREADS) as pool:
            stored = pool.imap(lambda path: self._store(pin, path, self._cached(pin, path)), missing)
            for done, _ in enumerate(stored, start=1):
                if progress is not None and done % 200 == 0:
                    progress(f"{pin.name}: {done} of {len(missing)} files")

    def _cached(self, pin: SourcePin, path: str) -> Path:
        if self.cache is None:
            raise SourceError(
                f"{pin.name}/{path}: neither a mirror folder nor a cache folder was given; give one of them."
            )
        return self.cache.joinpath(pin.name, pin.commit, *path.split("/"))

    def _store(self, pin: SourcePin, path: str, target: Path) -> None:
        """Download one file and put it in place whole, or not at all."""
        url = f"{self.upstream}/{pin.repository}/{pin.commit}/{path}"
        data = self._download(url)
        _check(data, pin.files[path], url, "Upstream gave something else: try again later, or use a mirror.")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, beside = tempfile.mkstemp(dir=target.parent, prefix=target.name, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                os.replace(beside, target)
            except BaseException:
                Path(beside).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise SourceError(
                f"{target}: cannot be written ({error.strerror or error}); give another cache folder."
            ) from error

    def _download(self, url: str) -> bytes:
        download = self.download or _download_url
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return download(url)
            except (OSError, http.client.HTTPException) as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code in _REFUSALS
                if refused or attempt == _ATTEMPTS:
                    # What a proxy answers instead of HTTP may be anything: it is told in one line.
                    what = error if isinstance(error, OSError) else repr(error)[:_LONGEST_ANSWER]
                    raise SourceError(
                        f"{url}: cannot be downloaded, {attempt} attempts ({what}). Check the network, "
                        "or use a mirror folder."
                    ) from error
            time.sleep(self.retry_seconds * 2 ** (attempt - 1))
        raise AssertionError("unreachable: the last attempt returns or raises")


def _check(data: bytes, expected: str, name: str, mend: str) -> None:
    """Raise a :class:`SourceError` unless ``data`` has the SHA-256 that is pinned."""
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise SourceError(f"{name}: SHA-256 is {found}, pinned is {expected}. {mend}")


def _download_url(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"User-Agent": "spamfilter-training"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
        data: bytes = answer.read(_LARGEST_FILE + 1)
        announced = answer.headers.get("Content-Length")
    if len(data) > _LARGEST_FILE:
        raise OSError(f"larger than {_LARGEST_FILE} bytes")
    if announced is not None and announced.isdigit() and int(announced) != len(data):
        raise OSError(f"cut off after {len(data)} of {announced} bytes")
    return data
