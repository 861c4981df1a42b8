"""The parts of a stored model, checked: its stages and its operating points."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spamfilter.context_model import ContextModel
from spamfilter.dense_model import DenseModel
from spamfilter.document_model import DECISIONS, DOCUMENT_FEATURE_NAMES
from spamfilter.errors import ModelError
from spamfilter.labels import FLAGGED_LABELS, LABELS
from spamfilter.line_model import LineModel
from spamfilter.model_store import StoredModel
from spamfilter.ngrams import NgramSettings
from spamfilter.operating_points import OperatingPoints
from spamfilter.page_features import FEATURE_NAMES
from spamfilter.piecewise_model import PiecewiseModel
from spamfilter.pipeline import Stages
from spamfilter.relatedness import IDF_BITS
from spamfilter.second_look import SECOND_LOOK_NAMES
from spamfilter.span_description import CANDIDATE_NAMES
from spamfilter.span_model import SpanModel
from spamfilter.span_page import SPAN_PAGE_NAMES
from spamfilter.span_phrases import PHRASE_BITS, PhraseModel
from spamfilter.span_tokens import SPAN_BITS
from spamfilter.suspicion import SUSPICION_NAMES
from spamfilter.text import CHAR_TABLE_SIZE


def _order(settings: Mapping[str, Any], names: tuple[str, ...]) -> list[int]:
    """Places of the stored numbers in the order of ``names``: that in which they are computed."""
    stored = {name: place for place, name in enumerate(settings["names"])}
    if len(stored) != len(settings["names"]) or set(stored) != set(names):
        raise ModelError("the model looks at other numbers than this spamfilter computes; train the model anew")
    return [stored[name] for name in names]


def _numbers(settings: Mapping[str, Any], name: str, *shape: int) -> NDArray[np.float64]:
    numbers = np.array(settings[name], np.float64)
    if numbers.shape != shape:
        raise ModelError("a part of the model has the wrong shape; train the model anew")
    return numbers


def _dense(settings: Mapping[str, Any], names: tuple[str, ...], columns: int = 2) -> DenseModel:
    order = _order(settings, names)
    weights, means = _numbers(settings, "weights", len(names), columns), _numbers(settings, "means", len(names))
    return DenseModel(names, weights[order], _numbers(settings, "bias", columns), means[order])


def _piecewise(settings: Mapping[str, Any], names: tuple[str, ...]) -> PiecewiseModel:
    order = _order(settings, names)
    weights, means = (_numbers(settings, name, len(names))[order] for name in ("weights", "means"))
    places = np.array([names.index(name) for name in settings["bent"]], np.int64)
    knots, bends = (_numbers(settings, name, len(places)) for name in ("knots", "bends"))
    ascending = np.lexsort((knots, places))
    bias = float(settings["bias"])
    return PiecewiseModel(names, weights, bias, means, places[ascending], knots[ascending], bends[ascending])


def _array(model: StoredModel, name: str, dtype: type[np.generic], *shape: int) -> NDArray[Any]:
    array = model.arrays[name]
    if array.dtype != dtype or array.shape != shape:
        raise ModelError(
            f"{name}.npy holds {array.dtype} {array.shape}, but this version reads {np.dtype(dtype)} {shape}; "
            "train the model anew"
        )
    return array


def stages_from(model: StoredModel) -> Stages:
    """Build the stages from a stored model.

    Raises:
        ModelError: a part is missing or has another shape than this version reads.
    """
    settings, arrays = model.settings, model.arrays
    try:
        if tuple(settings["labels"]) != tuple(label.value for label in LABELS):
            raise ModelError(f"the model has the labels {settings['labels']}; train it anew for {list(LABELS)}")
        line = settings["line"]
        ngrams = NgramSettings(tuple(line["part_orders"]), int(line["part_bits"]), int(line["pair_bits"]))
        span = settings["span"]
        slots = 1 << (len(arrays["vocabulary_hashes"]).bit_length() - 1)
        return Stages(
            char_table=_array(model, "char_table", np.uint32, CHAR_TABLE_SIZE),
            line=LineModel(
                settings=ngrams,
                part_table=_array(model, "part_table", np.int64, (1 << ngrams.part_bits) + 1, 2),
                pair_table=_array(model, "pair_table", np.int64, 1 << ngrams.pair_bits, 2),
                vocabulary_hashes=_array(model, "vocabulary_hashes", np.uint32, slots),
                vocabulary_words=_array(model, "vocabulary_words", np.int64, slots, 2),
                scale=float(line["scale"]),
                bias=np.array(line["bias"], np.float64),
            ),
            idf=_array(model, "idf", np.uint8, 1 << IDF_BITS),
            context=ContextModel(
                first=_dense(settings["context"]["first"], FEATURE_NAMES, len(LABELS)),
                second=_dense(settings["context"]["second"], SECOND_LOOK_NAMES, len(LABELS)),
            ),
            span=SpanModel(
                table=_array(model, "span_table", np.int64, 1 << SPAN_BITS),
                numeric_weights=np.array(span["numeric_weights"], np.float64),
                bias=np.array(span["bias"], np.int64),
                scale=float(span["scale"]),
                phrases=PhraseModel(
                    table=_array(model, "phrase_table", np.int32, 2, 1 << PHRASE_BITS),
                    scale=float(span["phrases"]["scale"]),
                    bias=float(span["phrases"]["bias"]),
                ),
                choice=_dense(span["choice"], CANDIDATE_NAMES),
                candidates=_piecewise(span["candidates"], CANDIDATE_NAMES),
                page=_dense(span["page"], SPAN_PAGE_NAMES),
                suspicion=_dense(span["suspicion"], SUSPICION_NAMES),
            ),
            document=_dense(settings["document"], DOCUMENT_FEATURE_NAMES, len(DECISIONS)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"a part of the model is missing or malformed ({error!r}); train it anew") from None


def points_from(settings: Mapping[str, Any]) -> OperatingPoints:
    """Read the operating points of a stored model.

    Raises:
        ModelError: they are missing or malformed, or a decision has no threshold for one of the rates.
    """
    try:
        stored = settings["operating_points"]
        rates = tuple(map(float, stored["rates"]))
        thresholds = {str(name): tuple(map(float, values)) for name, values in stored["thresholds"].items()}
        points = OperatingPoints(rates, thresholds, float(stored["boilerplate"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the operating points are missing or malformed ({error!r}); train the model anew") from None
    if len(rates) < 2 or not all(0 < lower < upper < 1 for upper, lower in pairwise(rates)):
        raise ModelError(f"the rates {list(rates)} do not descend between 1 and 0; train the model anew")
    decisions = {*(label.value for label in FLAGGED_LABELS), "span", "document"}
    if set(thresholds) != decisions or any(len(values) != len(rates) for values in thresholds.values()):
        raise ModelError(f"the operating points do not cover {sorted(decisions)} at every rate; train the model anew")
    return points
