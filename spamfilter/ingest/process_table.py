"""Parquet files: judged, and cut or annotated, batch by batch."""

from typing import Any

import pyarrow as pa

from spamfilter.errors import InputError
from spamfilter.ingest.arrow import annotated_schema, verdicts
from spamfilter.ingest.context import ShardContext
from spamfilter.ingest.decisions import decide
from spamfilter.ingest.filtering import NO_ID_MESSAGE, dolma_attributes, dolma_id, filter_pages
from spamfilter.ingest.job import AnnotateOptions, FilterOptions, Target
from spamfilter.ingest.json_text import dump
from spamfilter.ingest.records import Problem, ProblemError, ProblemKind
from spamfilter.ingest.table_writers import LazyTable, TableWriter
from spamfilter.ingest.tables import TableReader, decodable_values, replace_column, row_texts, take_rows
from spamfilter.ingest.writers import LazyLines

REASON_FIELDS = (
    pa.field("spamfilter_reason", pa.string()),
    pa.field("spamfilter_kind", pa.string()),
    pa.field("spamfilter_probability", pa.float64()),
)


def process_table(context: ShardContext) -> None:
    """Run a Parquet shard.

    Raises:
        ProblemError: the file cannot be used, or the job is strict and there is a problem.
        OSError: the input cannot be read or an output cannot be written.
    """
    shard, job = context.shard, context.job
    reader = TableReader(shard.path, job.read.text_column, on_progress=context.on_progress)
    try:
        if isinstance(job.task, FilterOptions):
            _filter(context, reader, job.task)
        elif shard.target is Target.DOLMA:
            _write_attributes(context, reader, job.task)
        else:
            _annotate(context, reader, job.task)
    except InputError as error:
        raise ProblemError(Problem(ProblemKind.UNREADABLE, str(shard.path), "", str(error))) from None
    finally:
        reader.close()


def _texts(
    context: ShardContext, batch: pa.RecordBatch, first_row: int, problems: list[Problem]
) -> tuple[list[str | None], dict[int, ProblemKind]]:
    read = context.job.read
    return row_texts(batch, read.text_column, str(context.shard.path), first_row, read.max_characters, problems)


def _filter(context: ShardContext, reader: TableReader, options: FilterOptions) -> None:
    shard, column = context.shard, context.job.read.text_column
    settings = reader.writer_options()
    output: TableWriter = context.transaction.add(TableWriter(shard.output, reader.schema, **settings))
    rejected: LazyTable = context.transaction.add(LazyTable(shard.rejected, **settings))
    cuts: LazyLines = context.transaction.add(LazyLines(shard.cuts))
    problems: list[Problem] = []
    for first_row, batch in reader.batches(problems):
        if batch is None:
            context.note(problems)
            problems.clear()
            output.end_group()
            continue
        texts, without = _texts(context, batch, first_row, problems)
        context.report.records += batch.num_rows
        places = [place for place in range(batch.num_rows) if place not in without]
        present = [text for text in texts if text is not None]
        pages = filter_pages(context.predictor, present, options, context.report)
        reasons: dict[int, tuple[str, str | None, float | None]] = {}
        for place, kind in without.items():
            context.report.rejected[kind.value] += 1
            reasons[place] = (kind.value, None, None)
        changed: dict[int, str] = {}
        names = _ids(batch, context.job.read.id_column)
        for place, page in zip(places, pages, strict=True):
            if page.reason is not None:
                reasons[place] = (page.reason, page.kind, page.probability)
            elif page.text is not None:
                changed[place] = page.text
                for cut in page.cuts:
                    cuts.write(dump({"id": _told(names[place]), "record": first_row + place, **cut}))
        kept = replace_column(batch, column, changed) if changed else batch
        if reasons:
            kept = take_rows(kept, [place for place in range(batch.num_rows) if place not in reasons])
            rejected.write_batch(_with_reasons(batch, reasons))
        if kept.num_rows:
            output.write_batch(kept)
    context.note(problems)


def _ids(batch: pa.RecordBatch, id_column: str) -> list[Any]:
    """Ids of the rows; None for all, if there is no such column or more than one."""
    places = batch.schema.get_all_field_indices(id_column)
    return decodable_values(batch.column(places[0])) if len(places) == 1 else [None] * batch.num_rows


def _told(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int) else str(value)


def _with_reasons(batch: pa.RecordBatch, reasons: dict[int, tuple[str, str | None, float | None]]) -> pa.RecordBatch:
    places = sorted(reasons)
    # Reasons of an earlier run give way: Parquet with two columns of one name is hard to read.
    older = {field.name for field in REASON_FIELDS}
    batch = batch.select([place for place, name in enumerate(batch.schema.names) if name not in older])
    rows = take_rows(batch, places)
    columns = [
        pa.array([reasons[place][number] for place in places], field.type) for number, field in enumerate(REASON_FIELDS)
    ]
    schema = batch.schema
    for field in REASON_FIELDS:
        schema = schema.append(field)
    return pa.RecordBatch.from_arrays([*rows.columns, *columns], schema=schema)


def _annotate(context: ShardContext, reader: TableReader, options: AnnotateOptions) -> None:
    shard, column = context.shard, context.job.read.text_column
    if options.output_column in reader.schema.names:
        message = f"the column {options.output_column!r} is there already; choose another with --output-column"
        raise ProblemError(Problem(ProblemKind.COLUMN_EXISTS, str(shard.path), "", message))
    schema = annotated_schema(
        reader.schema,
        output_column=options.output_column,
        probabilities=options.probabilities,
        cleaned=options.cleaned,
    )
    output: TableWriter = context.transaction.add(TableWriter(shard.output, schema, **reader.writer_options()))
    problems: list[Problem] = []
    for first_row, batch in reader.batches(problems):
        if batch is None:
            context.note(problems)
            problems.clear()
            output.end_group()
            continue
        texts, _ = _texts(context, batch, first_row, problems)
        column, decisions = verdicts(
            texts,
            context.predictor,
            max_false_positive_rate=options.max_false_positive_rate,
            lines=options.lines,
            probabilities=options.probabilities,
            cleaned=options.cleaned,
            drop_boilerplate=options.drop_boilerplate,
        )
        context.report.count((text for text in texts if text is not None), decisions)
        context.report.records += batch.num_rows
        context.report.kept += batch.num_rows
        output.write_batch(pa.RecordBatch.from_arrays([*batch.columns, column], schema=schema))
    context.note(problems)


def _write_attributes(context: ShardContext, reader: TableReader, options: AnnotateOptions) -> None:
    shard, id_column = context.shard, context.job.read.id_column
    if id_column not in reader.schema.names:
        message = f"no column {id_column!r}; attribute files need ids, name their column with --id-column"
        raise ProblemError(Problem(ProblemKind.NO_ID, str(shard.path), "", message))
    output: LazyLines = context.transaction.add(LazyLines(shard.output))
    problems: list[Problem] = []
    for first_row, batch in reader.batches(problems):
        if batch is None:
            context.note(problems)
            problems.clear()
            continue
        texts, _ = _texts(context, batch, first_row, problems)
        judged = []
        for place, name in enumerate(map(dolma_id, _ids(batch, id_column))):
            if texts[place] is not None and name is None:
                message = NO_ID_MESSAGE.format(id_column)
                problems.append(Problem(ProblemKind.NO_ID, str(shard.path), f"row {first_row + place}", message))
            elif name is not None and (text := texts[place]) is not None:
                judged.append((name, text))
        found = [text for _, text in judged]
        rate = options.max_false_positive_rate
        decisions = decide(list(context.predictor.predict_many(found, max_false_positive_rate=rate)))
        context.report.count(found, decisions)
        context.report.records += batch.num_rows
        context.report.kept += len(found)
        context.report.listed += batch.num_rows - len(found)
        for (name, _), marks in zip(judged, dolma_attributes(found, decisions, options.output_column), strict=True):
            output.write(dump({"id": name, "attributes": marks}))
    context.note(problems)
