"""The stages that a stored model gives, and what is refused."""

import copy
from typing import Any

import pytest

from spamfilter import ModelError, Predictor
from spamfilter.model_store import StoredModel, load_model
from spamfilter.predictor import default_model_folder


@pytest.fixture(scope="module")
def stored() -> StoredModel:
    return load_model(default_model_folder())


def altered(stored: StoredModel, **changes: Any) -> StoredModel:
    settings = copy.deepcopy(dict(stored.settings))
    settings.update(changes)
    return StoredModel(settings, stored.arrays, stored.card)


def backwards(part: dict[str, Any]) -> dict[str, Any]:
    names = {"names", "weights", "means", "bent", "knots", "bends"} & set(part)
    return {**part, **{name: part[name][::-1] for name in names}}


def test_the_order_in_which_a_model_stores_its_numbers_does_not_matter(stored: StoredModel, spun_page: str) -> None:
    span = dict(stored.settings["span"])
    for name in ("choice", "candidates", "page", "suspicion"):
        span[name] = backwards(span[name])
    other = altered(
        stored,
        span=span,
        context={name: backwards(part) for name, part in stored.settings["context"].items()},
        document=backwards(stored.settings["document"]),
    )
    first, second = (Predictor(model).predict(spun_page) for model in (stored, other))
    assert first.scores.logits.tobytes() == second.scores.logits.tobytes()
    assert first.scores.span_logits.tobytes() == second.scores.span_logits.tobytes()
    assert first.scores.document_logits.tobytes() == second.scores.document_logits.tobytes()


@pytest.mark.parametrize("change", ["missing", "unknown", "twice"])
def test_a_model_that_looks_at_other_numbers_is_refused(stored: StoredModel, change: str) -> None:
    first = stored.settings["context"]["first"]
    names = list(first["names"])
    names[0] = {"missing": "", "unknown": "something else", "twice": names[1]}[change]
    with pytest.raises(ModelError, match="other numbers"):
        Predictor(altered(stored, context={**stored.settings["context"], "first": {**first, "names": names}}))


def test_a_model_without_a_part_is_refused(stored: StoredModel) -> None:
    span = {name: value for name, value in stored.settings["span"].items() if name != "suspicion"}
    with pytest.raises(ModelError, match="missing or malformed"):
        Predictor(altered(stored, span=span))


@pytest.mark.parametrize("part", ["first", "second", "choice", "page", "suspicion", "document"])
def test_a_regression_with_another_number_of_columns_is_refused(stored: StoredModel, part: str) -> None:
    def wider(dense: dict[str, Any]) -> dict[str, Any]:
        return {**dense, "weights": [[*row, 0.0] for row in dense["weights"]], "bias": [*dense["bias"], 0.0]}

    settings = copy.deepcopy(dict(stored.settings))
    owner = settings if part == "document" else settings["context" if part in ("first", "second") else "span"]
    owner[part] = wider(owner[part])
    with pytest.raises(ModelError, match="wrong shape"):
        Predictor(StoredModel(settings, stored.arrays, stored.card))


@pytest.mark.parametrize("part", ["weights", "means", "knots", "bends", "bent"])
def test_a_regression_that_lacks_one_of_its_numbers_is_refused(stored: StoredModel, part: str) -> None:
    settings = copy.deepcopy(dict(stored.settings))
    judge = settings["span"]["candidates"]
    judge[part] = judge[part][:-1]
    with pytest.raises(ModelError, match="wrong shape"):
        Predictor(StoredModel(settings, stored.arrays, stored.card))


def test_a_knot_of_a_number_that_is_not_there_is_refused(stored: StoredModel) -> None:
    settings = copy.deepcopy(dict(stored.settings))
    settings["span"]["candidates"]["bent"][0] = "something else"
    with pytest.raises(ModelError, match="missing or malformed"):
        Predictor(StoredModel(settings, stored.arrays, stored.card))
