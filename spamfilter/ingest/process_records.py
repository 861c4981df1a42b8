"""Records one by one, for all outputs but tables from tables: judged, and cut or annotated."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import pyarrow as pa

import spamfilter
from spamfilter.ingest.archive_writers import ArchiveWriter
from spamfilter.ingest.arrow import annotation_array, annotation_type
from spamfilter.ingest.context import ShardContext
from spamfilter.ingest.decisions import decide
from spamfilter.ingest.filtering import NO_ID_MESSAGE, dolma_attributes, dolma_id, filter_pages
from spamfilter.ingest.job import AnnotateOptions, FilterOptions, Format, Job, ReadOptions, Target
from spamfilter.ingest.json_text import dump
from spamfilter.ingest.jsonl import read_jsonl
from spamfilter.ingest.plain_text import read_plain_text
from spamfilter.ingest.records import Chunk, Problem, ProblemKind, Record
from spamfilter.ingest.rejection import fields_without_reason, with_reason, without_reason
from spamfilter.ingest.row_types import row_types, surrogate_place
from spamfilter.ingest.table_records import read_rows
from spamfilter.ingest.table_writers import PAGE_ROWS, RecordTableWriter
from spamfilter.ingest.writers import (
    JsonLinesWriter,
    LazyLines,
    PlainTextWriter,
    RecordWriter,
    TextFolderWriter,
)

_POSITIONS = {Format.JSONL: "line", Format.PARQUET: "row"}
_UTF8_ONLY = (Target.PARQUET, Target.TEXT, Target.WET, Target.WARC)


def process_records(context: ShardContext) -> None:
    """Run a shard record by record.

    Raises:
        ProblemError: the file cannot be used, or the job is strict and there is a problem.
        OSError: the input cannot be read or an output cannot be written.
    """
    shard, task = context.shard, context.job.task
    annotation = None
    if isinstance(task, AnnotateOptions):
        kind = annotation_type(probabilities=task.probabilities, cleaned=task.cleaned)
        annotation = (task.output_column, kind)
    output: RecordWriter = context.transaction.add(_writer(context, annotation))
    rejected: LazyLines = context.transaction.add(LazyLines(shard.rejected))
    cuts: LazyLines = context.transaction.add(LazyLines(shard.cuts))
    for chunk in _chunks(context):
        context.report.skipped += chunk.skipped
        withheld = _withhold(chunk, context)
        context.note(chunk.problems)
        judged = [record for record in chunk.records if record.text is not None and record.number not in withheld]
        context.report.records += len(judged) + len(withheld) + chunk.unread
        context.report.listed += chunk.unread
        if isinstance(task, FilterOptions):
            _filter(context, task, chunk, judged, withheld, output, rejected, cuts)
        else:
            _annotate(context, task, chunk, judged, withheld, output)


def _writer(context: ShardContext, annotation: tuple[str, pa.DataType] | None) -> RecordWriter:
    shard, path = context.shard, context.shard.output
    text_key = context.read.text_column
    if shard.target in (Target.WET, Target.WARC):
        return ArchiveWriter(path, _provenance(context), keep_pages=shard.target is Target.WARC)
    if shard.target is Target.TEXT:
        return PlainTextWriter(path) if shard.format is Format.TEXT else TextFolderWriter(path)
    if shard.target is not Target.PARQUET:
        return JsonLinesWriter(path, text_key)
    types = PAGE_ROWS
    if shard.format is Format.JSONL:
        # A table wants its types beforehand, and the last record may be the one that tells them: read twice.
        chunks = read_jsonl(shard.path, text_key)
        rows = (record.fields for chunk in chunks for record in chunk.records)
        objects = map(fields_without_reason, rows) if context.job.is_filter else rows
        types = row_types(objects, text_key, frozenset() if annotation is None else frozenset({annotation[0]}))
    return RecordTableWriter(path, types, text_key, annotation)


def _provenance(context: ShardContext) -> dict[str, str]:
    job = context.job
    return {
        "software": f"spamfilter/{spamfilter.__version__}",
        "format": "text of pages without what spamfilter has flagged; pages that it has rejected are left out",
        "source": context.shard.name,
        "spamfilter-options": json.dumps(asdict(job.task), sort_keys=True),
        "spamfilter-model": f"sha256:{job.model}",
    }


def _chunks(context: ShardContext) -> Iterator[Chunk]:
    shard, read, on_progress = context.shard, context.read, context.on_progress
    if shard.format is Format.JSONL:
        return read_jsonl(shard.path, read.text_column, on_progress=on_progress)
    if shard.format is Format.PARQUET:
        return read_rows(shard.path, read.text_column, on_progress=on_progress)
    if shard.format is Format.TEXT:
        return read_plain_text(shard.path, shard.name, on_progress=on_progress)
    from spamfilter.ingest.warc import read_warc, read_wet  # only archives need their libraries

    if shard.format is Format.WET:
        return read_wet(shard.path, on_progress=on_progress)
    keep_records = shard.target is Target.WARC
    return read_warc(shard.path, main_content=read.main_content, keep_records=keep_records, on_progress=on_progress)


def _withhold(chunk: Chunk, context: ShardContext) -> dict[int, ProblemKind]:
    """Records that are not judged, by number, with the reason; new problems are added to the chunk."""
    job, shard, read = context.job, context.shard, context.read
    rows = shard.format in (Format.JSONL, Format.PARQUET)
    withheld = {record.number: ProblemKind.NO_TEXT for record in chunk.records if record.text is None and rows}
    for record in chunk.records:
        found = None if record.text is None else _obstacle(record, record.text, read, job, shard.target)
        if found is not None:
            kind, message = found
            withheld[record.number] = kind
            position = f"{_POSITIONS.get(shard.format, 'record')} {record.number}"
            # Nothing else holds a record that is not annotated.
            raw = (record.raw or dump(record.fields)) if _is_left_out(kind, job) else None
            chunk.problems.append(Problem(kind, str(shard.path), position, message, raw))
    return withheld


def _is_left_out(kind: ProblemKind, job: Job) -> bool:
    """Whether a record with this problem has no place in the output of ``annotate``."""
    return not job.is_filter and kind in (ProblemKind.COLUMN_EXISTS, ProblemKind.WRONG_ENCODING)


def _obstacle(record: Record, text: str, read: ReadOptions, job: Job, target: Target) -> tuple[ProblemKind, str] | None:
    if target in _UTF8_ONLY:
        place = surrogate_place(text)
        if place is not None or any(surrogate_place(name) is not None for name in record.fields):
            where = "in the name of a key" if place is None else f"at character {place}"
            message = f"half a surrogate pair {where}, which {target.value} cannot hold; mend it or write JSON lines"
            return ProblemKind.WRONG_ENCODING, message
    if len(text) > read.max_characters:
        message = (
            f"{len(text)} characters are more than {read.max_characters}; raise --max-characters or split the text"
        )
        return ProblemKind.TOO_LONG, message
    if target is Target.DOLMA:
        if dolma_id(record.fields.get(read.id_column)) is None:
            return ProblemKind.NO_ID, NO_ID_MESSAGE.format(read.id_column)
    elif isinstance(job.task, AnnotateOptions) and job.task.output_column in record.fields:
        message = f"the key {job.task.output_column!r} is there already; choose another with --output-column"
        return ProblemKind.COLUMN_EXISTS, message
    return None


def _filter(
    context: ShardContext,
    options: FilterOptions,
    chunk: Chunk,
    judged: list[Record],
    withheld: dict[int, ProblemKind],
    output: RecordWriter,
    rejected: LazyLines,
    cuts: LazyLines,
) -> None:
    texts = [record.text or "" for record in judged]
    pages = iter(filter_pages(context.predictor, texts, options, context.report))
    id_column = context.read.id_column
    for record in map(without_reason, chunk.records):
        if record.number in withheld:
            reason = withheld[record.number].value
            context.report.rejected[reason] += 1
            rejected.write(with_reason(record, {"reason": reason}))
            continue
        if record.text is None:
            output.write(record, None, None)
            continue
        page = next(pages)
        if page.reason is not None:
            verdict = {"reason": page.reason, "kind": page.kind, "probability": page.probability}
            rejected.write(with_reason(record, verdict))
            continue
        output.write(record, page.text, None)
        for cut in page.cuts:
            cuts.write(dump({"id": record.fields.get(id_column), "record": record.number, **cut}))


def _annotate(
    context: ShardContext,
    options: AnnotateOptions,
    chunk: Chunk,
    judged: list[Record],
    withheld: dict[int, ProblemKind],
    output: RecordWriter,
) -> None:
    texts = [record.text or "" for record in judged]
    judge = context.predictor
    predictions = list(judge.predict_many(texts, max_false_positive_rate=options.max_false_positive_rate))
    decisions = decide(predictions)
    is_dolma = context.shard.target is Target.DOLMA  # which has no place for a document without a verdict
    left_out = sum(is_dolma or _is_left_out(kind, context.job) for kind in withheld.values())
    context.report.count(texts, decisions)
    context.report.kept += len(texts) + len(withheld) - left_out
    context.report.listed += left_out
    if is_dolma:
        attributes, id_column = dolma_attributes(texts, decisions, options.output_column), context.read.id_column
        for record, marks in zip(judged, attributes, strict=True):
            fields = {"id": dolma_id(record.fields[id_column]), "attributes": marks}
            output.write(Record(record.number, record.text, fields), None, None)
        return
    verdicts = annotation_array(decisions, lines=options.lines, probabilities=options.probabilities)
    rows = verdicts.to_pylist()
    if options.cleaned:
        # Not through Arrow: JSON may hold lone surrogates, Arrow may not.
        for row, prediction in zip(rows, predictions, strict=True):
            row["cleaned"] = prediction.clean_text(drop_boilerplate=options.drop_boilerplate)
    remaining = iter(rows)
    for record in chunk.records:
        reason = withheld.get(record.number)
        if reason is None and record.text is not None:
            output.write(record, None, (options.output_column, next(remaining)))
        elif reason is not None and not _is_left_out(reason, context.job):
            output.write(record, None, (options.output_column, None))
