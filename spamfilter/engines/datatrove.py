"""datatrove: ``SpamFilter`` drops or cuts pages, ``SpamAnnotator`` puts verdicts beside them.

Needs the extra ``spamfilter[datatrove]``.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.pipeline.writers.disk_base import DiskWriter
from datatrove.utils.batching import batched

from spamfilter.engines.worker import model_argument, worker_predictor
from spamfilter.ingest.arrow import LineChoice, verdicts
from spamfilter.ingest.filtering import FilteredPage, filter_pages
from spamfilter.ingest.job import FilterOptions
from spamfilter.ingest.report import ShardReport
from spamfilter.results import DocumentKind


class SpamFilter(BaseFilter):  # type: ignore[misc]
    """Keeps a page, or drops it with a reason; on request cuts flagged lines and spans out of the pages that stay.

    It decides as ``spamfilter filter`` does. Reasons: the kinds in ``reject_kinds``, ``nothing_left``, ``too_short``,
    ``too_little_left``. datatrove counts them as ``dropped_<reason>`` and hands the page to the exclusion writer
    with ``filter_reason`` in its metadata; cuts are counted as ``cut_<label>``, spans as ``cut_<label>_span``.

    Args:
        exclusion_writer: writes the pages that are dropped, as they came.
        model: folder of the model, on every machine that runs tasks; by default the shipped one. A worker process
            loads it once.
        max_false_positive_rate: tolerated share of clean lines wrongly flagged, for each label.
        reject_kinds: pages of these kinds are dropped; see ``DocumentKind``.
        min_characters: pages with fewer characters after the cuts are dropped.
        min_kept_share: pages that keep a smaller share of their characters are dropped.
        drop_boilerplate: boilerplate lines are to be cut as well.
        cut: change the text of the pages that are kept; without it they are kept as they came.
        cut_writer: writes each line that is cut, or cut into, as a document of its own: its text, the id of its
            page, and ``line``, ``start``, ``end``, ``label``, ``probability``, ``spans`` in the metadata.
        batch_size: pages judged at once.
    """

    name = "spamfilter"

    def __init__(
        self,
        exclusion_writer: DiskWriter | None = None,
        *,
        model: str | Path | None = None,
        max_false_positive_rate: float = 1e-3,
        reject_kinds: Iterable[DocumentKind | str] = (DocumentKind.LINK_FARM, DocumentKind.SPAM),
        min_characters: int = 0,
        min_kept_share: float = 0.0,
        drop_boilerplate: bool = False,
        cut: bool = False,
        cut_writer: DiskWriter | None = None,
        batch_size: int = 256,
    ) -> None:
        """Raises ValueError for a kind of page that does not exist, or a writer of cuts where nothing is cut."""
        super().__init__(exclusion_writer, batch_size)
        if cut_writer and not cut:
            raise ValueError("cut_writer has nothing to write without cut=True; give both or neither")
        self.model = model_argument(model)
        self.options = FilterOptions(
            max_false_positive_rate=max_false_positive_rate,
            drop_boilerplate=drop_boilerplate,
            reject_kinds=tuple(DocumentKind(kind).value for kind in reject_kinds),
            min_characters=min_characters,
            min_kept_share=min_kept_share,
        )
        self.cut = cut
        self.cut_writer = cut_writer
        self._rank = 0

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Filter the pages of one task; the documents that are kept come out in order."""
        self._rank = rank
        with self.cut_writer or nullcontext():
            yield from super().run(data, rank, world_size)

    def filter(self, doc: Document) -> bool | tuple[bool, str]:
        """True to keep the page, or False with the reason."""
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[bool | tuple[bool, str]]:
        """For each page True to keep it, or False with the reason."""
        report = ShardReport("batch")
        texts = [document.text for document in batch]
        pages = filter_pages(worker_predictor(self.model), texts, self.options, report)
        if self.cut:
            for label, count in report.cut.items():
                self.stat_update(f"cut_{label}".replace(" ", "_"), value=count)
            for document, page in zip(batch, pages, strict=True):
                self._cut(document, page)
        return [True if page.reason is None else (False, page.reason) for page in pages]

    def _cut(self, document: Document, page: FilteredPage) -> None:
        if page.reason is None and page.text is not None:
            document.text = page.text
            if self.cut_writer is None:
                return
            for cut in page.cuts:
                facts = {name: value for name, value in cut.items() if name != "text"}
                self.cut_writer.write(Document(text=cut["text"], id=document.id, metadata=facts), self._rank)


class SpamAnnotator(PipelineStep):  # type: ignore[misc]
    """Puts the verdict into ``metadata[key]`` of each page and passes every page on with its text untouched.

    The verdict has the fields of ``spamfilter.ingest.annotation_type``. Pages are counted as ``kind_<kind>``,
    lines as ``lines_<label>``.

    Args:
        model: folder of the model, on every machine that runs tasks; by default the shipped one. A worker process
            loads it once.
        max_false_positive_rate: tolerated share of clean lines wrongly flagged, for each label.
        lines: list all lines of a page, or only the flagged ones.
        probabilities: give each line the probabilities of all labels, not only of its own.
        key: in the metadata.
        batch_size: pages judged at once.
    """

    name = "spamfilter"
    type = "🏷 - ANNOTATE"

    def __init__(
        self,
        *,
        model: str | Path | None = None,
        max_false_positive_rate: float = 1e-3,
        lines: LineChoice = "flagged",
        probabilities: bool = False,
        key: str = "spamfilter",
        batch_size: int = 256,
    ) -> None:
        super().__init__()
        self.model = model_argument(model)
        self.max_false_positive_rate = max_false_positive_rate
        self.lines: LineChoice = lines
        self.probabilities = probabilities
        self.key = key
        self.batch_size = batch_size

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Annotate the pages of one task; all documents come out, in order."""
        for batch in batched(data, self.batch_size):
            with self.track_time("batch"):
                column, _ = verdicts(
                    [document.text for document in batch],
                    worker_predictor(self.model),
                    max_false_positive_rate=self.max_false_positive_rate,
                    lines=self.lines,
                    probabilities=self.probabilities,
                )
                found: list[dict[str, Any]] = column.to_pylist()
            for document, verdict in zip(batch, found, strict=True):
                document.metadata[self.key] = verdict
                self.stat_update(f"kind_{verdict['kind']}")
                for label, count in Counter(line["label"] for line in verdict["lines"]).items():
                    self.stat_update(f"lines_{label}", value=count)
                self.update_doc_stats(document)
                yield document
