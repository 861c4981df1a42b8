"""The Arrow batch function says what the library says."""

import numpy as np
import pyarrow as pa
import pytest

from spamfilter import LABELS, InputError, Predictor
from spamfilter.ingest import annotate, annotated_schema, annotation_type
from spamfilter.ingest.decisions import KIND_NAMES, LABEL_NAMES, decide
from tests.ingest.pages import ODD_TEXTS, pages

TEXTS = [*pages(24), *ODD_TEXTS]
RATES = (1e-2, 1e-3, 1e-4)


@pytest.mark.parametrize("rate", RATES)
def test_batch_decisions_equal_the_predictions_to_the_bit(predictor: Predictor, rate: float) -> None:
    predictions = list(predictor.predict_many(TEXTS, max_false_positive_rate=rate))
    decisions = decide(predictions)
    probabilities = decisions.line_probabilities()
    everything = decisions.label_probabilities()
    totals = dict.fromkeys(LABEL_NAMES, 0)
    for number, prediction in enumerate(predictions):
        assert KIND_NAMES[decisions.kinds[number]] == prediction.kind.value
        assert decisions.is_spam[number] == prediction.is_spam
        assert decisions.probabilities[number] == prediction.probability
        low, high = decisions.line_edges[number : number + 2]
        assert high - low == len(prediction.lines)
        spans = []
        for line, place in zip(prediction.lines, range(low, high), strict=True):
            assert (line.start, line.end) == (decisions.starts[place], decisions.ends[place])
            assert LABELS[decisions.labels[place]] is line.label
            assert probabilities[place] == line.probability
            assert list(everything[place]) == [line.probabilities[label] for label in LABELS]
            cut = sum(span.end - span.start for span in line.spans)
            totals["clean" if line.spans else line.label.value] += line.end - line.start - cut
            totals["seo_injection"] += cut
            spans += [(line.number, span.start, span.end, span.probability) for span in line.spans]
        first, stop = decisions.span_edges[number : number + 2]
        assert spans == [
            (decisions.span_lines[k] - low, decisions.span_starts[k], decisions.span_ends[k], p)
            for k, p in zip(range(first, stop), decisions.span_probabilities[first:stop], strict=True)
        ]
    assert list(totals.values()) == list(decisions.characters_by_label())


def test_pages_of_the_tests_have_clean_flagged_and_spam_verdicts(predictor: Predictor) -> None:
    kinds = {prediction.kind.value for prediction in predictor.predict_many(TEXTS)}
    assert {"clean", "residue"} <= kinds
    assert kinds & {"spam", "link_farm"}


@pytest.mark.parametrize("text_type", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_annotation_holds_lines_spans_verdict_and_cleaned_text(predictor: Predictor, text_type: pa.DataType) -> None:
    table = pa.table({"id": range(len(TEXTS)), "body": pa.array(TEXTS).cast(text_type)})
    result = annotate(table, "body", predictor=predictor, probabilities=True, cleaned=True)
    assert result.drop_columns(["spamfilter"]).equals(table)
    result.validate(full=True)
    for row, prediction in zip(result["spamfilter"].to_pylist(), predictor.predict_many(TEXTS), strict=True):
        assert row["kind"] == prediction.kind.value
        assert row["is_spam"] is prediction.is_spam
        assert row["probability"] == prediction.probability
        assert row["cleaned"] == prediction.clean_text()
        assert [
            (one["number"], one["start"], one["end"], one["label"], one["probability"], one["probabilities"])
            for one in row["lines"]
        ] == [
            (one.number, one.start, one.end, one.label.value, one.probability, list(one.probabilities.values()))
            for one in prediction.lines
        ]
        assert [(one["line"], one["start"], one["end"], one["label"], one["probability"]) for one in row["spans"]] == [
            (line.number, span.start, span.end, span.label.value, span.probability)
            for line in prediction.lines
            for span in line.spans
        ]


def test_only_flagged_lines_can_be_asked_for(predictor: Predictor) -> None:
    result = annotate(pa.table({"text": TEXTS}), predictor=predictor, lines="flagged")
    for row, prediction in zip(result["spamfilter"].to_pylist(), predictor.predict_many(TEXTS), strict=True):
        assert [one["number"] for one in row["lines"]] == [one.number for one in prediction.flagged]


def test_null_text_gets_a_null_verdict_and_neighbours_keep_theirs(predictor: Predictor) -> None:
    texts = [None, TEXTS[1], None, TEXTS[3], None]
    result = annotate(pa.table({"text": texts}), predictor=predictor, cleaned=True)["spamfilter"].to_pylist()
    full = annotate(pa.table({"text": [TEXTS[1], TEXTS[3]]}), predictor=predictor, cleaned=True)["spamfilter"]
    assert result == [None, full[0].as_py(), None, full[1].as_py(), None]


@pytest.mark.parametrize("texts", [[], [None, None], [""]])
def test_tables_without_anything_to_judge_keep_the_schema(predictor: Predictor, texts: list[str | None]) -> None:
    table = pa.table({"text": pa.array(texts, pa.string())})
    result = annotate(table, predictor=predictor)
    assert result.schema.equals(annotated_schema(table.schema))
    assert result.num_rows == len(texts)


def test_a_record_batch_gives_a_record_batch_and_chunks_do_not_matter(predictor: Predictor) -> None:
    batch = pa.record_batch({"text": TEXTS})
    result = annotate(batch, predictor=predictor)
    assert isinstance(result, pa.RecordBatch)
    chunked = pa.concat_tables([pa.table({"text": TEXTS[:5]}), pa.table({"text": TEXTS[5:]})])
    assert annotate(chunked, predictor=predictor)["spamfilter"].to_pylist() == result["spamfilter"].to_pylist()


def test_field_metadata_and_schema_metadata_survive(predictor: Predictor) -> None:
    schema = pa.schema([pa.field("text", pa.string(), metadata={"a": "b"})], metadata={"pandas": "{}"})
    result = annotate(pa.table({"text": TEXTS}, schema=schema), predictor=predictor)
    assert result.schema.metadata == schema.metadata
    assert result.schema.field("text").metadata == {b"a": b"b"}
    assert result.schema.field("spamfilter").type == annotation_type()


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        (pa.table({"body": ["x"]}), "text", "no column 'text'"),
        (pa.table({"text": [1]}), "text", "not strings"),
        (pa.table({"text": [b"x"]}), "text", "not strings"),
        (pa.table({"text": ["x"], "spamfilter": [1]}), "text", "already"),
        (pa.table([["x"], ["y"]], names=["text", "text"]), "text", "2 columns"),
    ],
)
def test_a_table_that_does_not_fit_is_named_with_the_mend(
    predictor: Predictor, table: pa.Table, column: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        annotate(table, column, predictor=predictor)


def test_bytes_that_are_not_utf8_are_named_with_their_row(predictor: Predictor) -> None:
    broken = pa.array([b"fine", b"caf\xe9"]).view(pa.string())
    with pytest.raises(InputError, match=r"row 1.*not UTF-8"):
        annotate(pa.table({"text": broken}), predictor=predictor)


def test_an_unknown_choice_of_lines_is_an_error(predictor: Predictor) -> None:
    with pytest.raises(ValueError, match="neither 'all' nor 'flagged'"):
        annotate(pa.table({"text": ["x"]}), predictor=predictor, lines="some")  # type: ignore[arg-type]


def test_line_edges_count_every_line(predictor: Predictor) -> None:
    decisions = decide(list(predictor.predict_many(TEXTS)))
    assert decisions.line_edges[-1] == len(decisions.labels)
    assert np.array_equal(decisions.count_in_documents(decisions.labels >= 0), np.diff(decisions.line_edges))
