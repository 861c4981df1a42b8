"""A few hundred lines of our own, enough to compose pages and to train a toy model."""

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from spamfilter.line_model import LineModel
from spamfilter.ngrams import NgramSettings
from spamfilter.relatedness import IDF_BITS
from training.char_table import build_char_table
from training.documents import LabelledDocument, LabelledLine
from training.span_training import ScoredBatch, score_documents

PLACES = ("bridge", "mill", "school", "library", "harbour", "orchard", "station", "market", "chapel", "museum")
KINDS = (
    "old",
    "new",
    "upper",
    "lower",
    "wooden",
    "royal",
    "parish",
    "southern",
    "northern",
    "little",
    "former",
    "famous",
)
DEEDS = ("repaired", "painted", "measured")
TRADES = ("casino bonus", "poker bonus", "cheap loans", "essay help", "slot games", "betting tips")


FILES = 8
"""Files a label: neighbouring pages of a file stay in one fold, so there must be several."""


def _numbered(topic: str, number: int) -> str:
    name, phrases, _ = topic.partition("-phrases")
    return f"{name}{number % FILES}{phrases}"


def _documents(label: str, topic: str, pages: list[list[str]], *, spam: bool = False) -> list[LabelledDocument]:
    return [
        LabelledDocument(
            f"{label}/{_numbered(topic, number)}.en#{number // FILES}",
            "lines",
            "en",
            tuple(LabelledLine(text, label) for text in page),
            _numbered(topic, number),
            spam,
        )
        for number, page in enumerate(pages)
    ]


def own_documents() -> list[LabelledDocument]:
    """Documents of all labels in one language."""
    clean = [
        [f"About the {kind} {place}"]
        + [
            f"The {kind} {place} was {deed} in {1900 + 7 * number}, and the town still talks about that summer."
            for number, deed in enumerate(DEEDS)
        ]
        for kind, place in product(KINDS, PLACES)
    ]
    spam = [
        [f"Best online {trade} {year}, register now and claim your {kind} offer!" for year in (2022, 2023, 2024)]
        for trade, kind in product(TRADES, ("free", "welcome", "secret", "daily", "first"))
    ]
    phrases = [[f"best online {trade}", f"{trade} no deposit"] for trade in TRADES]
    links = [
        [f"Link exchange welcome, PR {rank} or more, {topic} sites only, contact us by mail"]
        for rank, topic in product(range(1, 6), ("travel", "health", "garden", "news"))
    ]
    headlines = [
        [f"Why this {thing} surprises {who} every {time}" for thing in ("car", "diet", "beach", "phone", "star")]
        for who, time in product(("doctors", "experts", "parents", "fans"), ("summer", "week", "year"))
    ]
    tags = [
        [f"{{dede:{field}.{part}/}}", f"{{{{ {field}.{part} }}}}", f"[!--{field}.{part}--]"]
        for field, part in product(("field", "list", "arc", "page"), ("title", "body", "date"))
    ]
    menus = [
        [f"Home | {one} | {two} | Log in", f"Share this page with {one}", f"Copyright {two}. All rights reserved."]
        for one, two in product(("About us", "Shop", "Blog"), ("Contact", "Help", "Imprint", "Terms"))
    ]
    return [
        *_documents("clean", "town", clean),
        *_documents("seo_injection", "offers", spam, spam=True),
        *_documents("seo_injection", "offers-phrases", phrases, spam=True),
        *_documents("link_exchange", "swaps", links, spam=True),
        *_documents("headline_list", "teasers", headlines),
        *_documents("template_residue", "tags", tags),
        *_documents("boilerplate", "menus", menus),
    ]


@cache
def char_table() -> NDArray[np.uint32]:
    """The one table, which takes a third of a second to build."""
    return build_char_table()


def silent_line_model() -> LineModel:
    """A line model of small tables that finds nothing in any line."""
    nothing = np.zeros((1 << 4, 2), np.int64)
    return LineModel(
        settings=NgramSettings((3,), 4, 4),
        part_table=np.concatenate((nothing, nothing[:1])),
        pair_table=nothing,
        vocabulary_hashes=np.array([1], np.uint32),
        vocabulary_words=nothing[:1],
        scale=1.0,
        bias=np.zeros(5),
    )


def scored(documents: Sequence[LabelledDocument]) -> list[ScoredBatch]:
    """Documents with the places of their tokens and lines, of which no model has said anything."""
    return score_documents(documents, silent_line_model(), char_table(), np.ones(1 << IDF_BITS, np.uint8))
