"""The page extraction benchmark WCXB: web pages as labelled lines."""

import gzip
import json
import zlib
from collections.abc import Iterator

from joblib import Parallel, delayed

from training.documents import LabelledDocument, LabelledLine
from training.sources.fetch import SourceError, SourceFiles
from training.sources.html_lines import html_lines
from training.sources.page_labels import label_lines
from training.sources.pins import BenchmarkPin

__all__ = ["page_document", "read_wcxb"]


def read_wcxb(pin: BenchmarkPin, files: SourceFiles, *, n_jobs: int = 1) -> Iterator[LabelledDocument]:
    """Yield the pages of the benchmark in the order of their ids.

    Args:
        pin: The pages, and what their files must be.
        files: Where their files come from.
        n_jobs: Processes; the result does not depend on it.

    Yields:
        One document a page, its lines labelled ``"clean"``, ``"boilerplate"``, ``"headline_list"`` or
        ``None``.

    Raises:
        SourceError: If a file is missing, altered or not what the benchmark's layout promises.
    """
    pages = (
        (
            page_id,
            files.read(pin.source, f"dev/html/{page_id}.html.gz"),
            files.read(pin.source, f"dev/ground-truth/{page_id}.json"),
        )
        for page_id in pin.page_ids
    )
    pool = Parallel(n_jobs=n_jobs, return_as="generator")
    yield from pool(delayed(_read_page)(*page) for page in pages)


def page_document(page_id: str, html: str, main_content: str, page_type: str) -> LabelledDocument:
    """Return one page as a document of labelled lines.

    Args:
        page_id: Id of the page in the benchmark.
        html: The page.
        main_content: Its main content as reviewed by people; where it is empty no line gets a label.
        page_type: ``"article"``, ``"forum"``, ...
    """
    lines = html_lines(html)
    labels = label_lines(lines, main_content, page_type)
    return LabelledDocument(
        document_id=f"wcxb-{page_id}",
        source="wcxb",
        language="en",
        lines=tuple(LabelledLine(line.text, label) for line, label in zip(lines, labels, strict=True)),
        page_type=page_type,
        spam=False,
    )


def _read_page(page_id: str, html_file: bytes, truth_file: bytes) -> LabelledDocument:
    try:
        html = gzip.decompress(html_file).decode("utf-8")
        truth = json.loads(truth_file)
        main_content = truth["ground_truth"].get("main_content") or ""
        page_type = truth["_internal"]["page_type"]["primary"]
    except (OSError, EOFError, zlib.error, ValueError, LookupError, AttributeError, TypeError) as error:
        raise SourceError(f"wcxb, page {page_id}: not in the benchmark's layout ({error!r})") from error
    return page_document(page_id, html, main_content, page_type)
