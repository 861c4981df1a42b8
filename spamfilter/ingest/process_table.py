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
from spamfilter.ingest.records import Problem, ProblemError, ProblemKind, Record
from spamfilter.ingest.rejection import places_without_reasons, rows_with_reasons
from spamfilter.ingest.table_writers import LazyTable, TableWriter
from spamfilter.ingest.tables import (
    UNTELLABLE,
    TableReader,
    decodable_values,
    replace_column,
    row_texts,
    take_rows,
    told_values,
)
from spamfilter.ingest.writers import JsonLinesWriter, LazyLines


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
    columns = places_without_reasons(reader.schema)
    schema = pa.schema([reader.schema.field(place) for place in columns], reader.schema.metadata)
    output: TableWriter = context.transaction.add(TableWriter(shard.output, schema, **settings))
    rejected: LazyTable = context.transaction.add(LazyTable(shard.rejected, **settings))
    cuts: LazyLines = context.transaction.add(LazyLines(shard.cuts))
    problems: list[Problem] = []
    for first_row, batch in reader.batches(problems):
        if batch is None:
            context.note(problems)
            problems.clear()
            output.end_group()
            continue
        batch = batch.select(columns)
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
        names = _told_ids(batch, context.job.read.id_column)
        for place, page in zip(places, pages, strict=True):
            if page.reason is not None:
                reasons[place] = (page.reason, page.kind, page.probability)
            elif page.text is not None:
                changed[place] = page.text
                for cut in page.cuts:
                    cuts.write(dump({"id": names[place], "record": first_row + place, **cut}))
        kept = replace_column(batch, column, changed) if changed else batch
        if reasons:
            kept = take_rows(kept, [place for place in range(batch.num_rows) if place not in reasons])
            rejected.write_batch(rows_with_reasons(batch, reasons))
        if kept.num_rows:
            output.write_batch(kept)
    context.note(problems)


def _ids(batch: pa.RecordBatch, id_column: str) -> pa.Array:
    """The column of ids; nulls, if there is no such column or more than one."""
    places = batch.schema.get_all_field_indices(id_column)
    return batch.column(places[0]) if len(places) == 1 else pa.nulls(batch.num_rows)


def _told_ids(batch: pa.RecordBatch, id_column: str) -> list[Any]:
    column = _ids(batch, id_column)
    try:
        return told_values(column)
    except UNTELLABLE:
        return decodable_values(column)


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
    output: JsonLinesWriter = context.transaction.add(JsonLinesWriter(shard.output, context.job.read.text_column))
    problems: list[Problem] = []
    for first_row, batch in reader.batches(problems):
        if batch is None:
            context.note(problems)
            problems.clear()
            continue
        texts, _ = _texts(context, batch, first_row, problems)
        judged = []
        for place, name in enumerate(map(dolma_id, decodable_values(_ids(batch, id_column)))):
            if texts[place] is not None and name is None:
                message = NO_ID_MESSAGE.format(id_column)
                problems.append(Problem(ProblemKind.NO_ID, str(shard.path), f"row {first_row + place}", message))
            elif name is not None and (text := texts[place]) is not None:
                judged.append((first_row + place, name, text))
        found = [text for _, _, text in judged]
        rate = options.max_false_positive_rate
        decisions = decide(list(context.predictor.predict_many(found, max_false_positive_rate=rate)))
        context.report.count(found, decisions)
        context.report.records += batch.num_rows
        context.report.kept += len(found)
        context.report.listed += batch.num_rows - len(found)
        attributes = dolma_attributes(found, decisions, options.output_column)
        for (number, name, text), marks in zip(judged, attributes, strict=True):
            output.write(Record(number, text, {"id": name, "attributes": marks}), None, None)
    context.note(problems)
