"""Public labelled sources: pinned, checked, read into labelled documents."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.documents import LabelledDocument
from training.sources.fetch import SourceError, SourceFiles
from training.sources.pins import PublicPins, SourcePin, load_pins
from training.sources.ud import read_ud
from training.sources.wcxb import read_wcxb

__all__ = ["PublicPins", "SourceError", "SourceUse", "load_pins", "read_public_sources", "source_uses"]


_PROGRESS_PAGES = 200


@dataclass(frozen=True, slots=True)
class SourceUse:
    """What a model card says about one source that was read.

    Attributes:
        name: The source.
        repository: ``owner/name`` on GitHub.
        commit: The commit.
        licence: Licence of the data.
        commercial_use: Whether it allows commercial use.
        attribution: The sentence that its licence asks for.
        fingerprint: SHA-256 over the commit and the hashes of all files read.
    """

    name: str
    repository: str
    commit: str
    licence: str
    commercial_use: bool
    attribution: str
    fingerprint: str


def read_public_sources(
    mirror: Path | None,
    cache: Path | None,
    *,
    n_jobs: int = 1,
    commercial_only: bool = True,
    progress: Callable[[str], None] | None = None,
    pins: PublicPins | None = None,
) -> list[LabelledDocument]:
    """Read the page extraction benchmark and the treebanks.

    Args:
        mirror: Folder with ``wcxb/`` and ``ud/UD_.../`` in their original layout; ``None`` reads upstream.
        cache: Folder that keeps downloads; needed when ``mirror`` is ``None``.
        n_jobs: Processes for reading web pages; the result does not depend on it.
        commercial_only: Leave out sources whose licence forbids commercial use.
        progress: Called with a line of text now and then.
        pins: Other pins than those of this repository.

    Returns:
        Web pages by id, then the sentences of the treebanks in the order of the pins.

    Raises:
        SourceError: If a file is missing, altered, malformed or out of reach; the message names it.
    """
    chosen = pins or load_pins()
    files = SourceFiles(mirror=mirror, cache=cache)
    for source in _sources(chosen, commercial_only):
        files.fetch(source, progress)
    documents: list[LabelledDocument] = []
    for page in read_wcxb(chosen.benchmark, files, n_jobs=n_jobs):
        documents.append(page)
        if progress is not None and len(documents) % _PROGRESS_PAGES == 0:
            progress(f"web pages: {len(documents)} of {len(chosen.benchmark.page_ids)}")
    documents.extend(read_ud(chosen.treebanks, files, commercial_only=commercial_only))
    if progress is not None:
        progress(f"public sources: {len(documents)} documents")
    return documents


def source_uses(*, commercial_only: bool = True, pins: PublicPins | None = None) -> list[SourceUse]:
    """Return what was read by :func:`read_public_sources` with the same choice, for the model card."""
    return [
        SourceUse(
            name=source.name,
            repository=source.repository,
            commit=source.commit,
            licence=source.licence,
            commercial_use=source.commercial_use,
            attribution=source.attribution,
            fingerprint=source.fingerprint,
        )
        for source in _sources(pins or load_pins(), commercial_only)
    ]


def _sources(pins: PublicPins, commercial_only: bool) -> list[SourcePin]:
    found = [pins.benchmark.source, *(treebank.source for treebank in pins.treebanks)]
    return [source for source in found if source.commercial_use or not commercial_only]
