"""The raw material of composed pages: articles, spam, headlines, phrases and furniture, sorted by language."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from spamfilter.labels import Label
from training.documents import LabelledDocument, LabelledLine
from training.lines import PHRASES_SUFFIX

HOST_WIDTH = 60
"""Lines at least this wide, by ``text_width``, make an article and may hold a phrase: fewer characters than the product
asks of the body of a page (``spamfilter.line_facts.BODY_WIDTH``)."""
_LONGEST_PHRASE = 70
_LONGEST_TAG = 160
_LONGEST_SKELETON = 120
LINK_TOPIC = "link-exchange"
"""All link offers of a language stand among the spam under this topic."""
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_COMMENTS = "comment"
"""Topics with this in their names hold comments, which are put together to threads."""


@dataclass(frozen=True, slots=True)
class Article:
    """Clean lines of one page.

    Attributes:
        key: names it among all.
        is_written: hand-written lines, most of which tell of what spam touts; else of a public source.
    """

    language: str
    key: str
    lines: list[LabelledLine]
    is_written: bool


@dataclass(slots=True)
class Pools:
    """Raw material, by language where the language matters; no language has an empty pool.

    Attributes:
        clean: groups of hand-written lines, most of which tell of what spam touts.
        sentences: groups of sentences of treebanks.
    """

    articles: list[Article] = field(default_factory=list)
    headline_runs: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    tags: list[str] = field(default_factory=list)
    links: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    phrases: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    short_lines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    spam: dict[tuple[str, str], list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    clean: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    sentences: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    furniture: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    skeletons: list[list[LabelledLine]] = field(default_factory=list)
    comments: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    comment_spam: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def seo_topics(self) -> list[tuple[str, str]]:
        """Topic and language of all spam but link offers, in order."""
        return sorted(topic for topic in self.spam if topic[0] != LINK_TOPIC)


def text_width(text: str) -> int:
    """Characters of ``text``, 2.5 for each Chinese, Japanese or Korean one: such a line says as much with fewer.

    The product counts scripts without spaces so (``LineShapes.widths``), Thai too, but not Korean.
    """
    return len(text) + 3 * len(_DENSE.findall(text)) // 2


def _texts(document: LabelledDocument, label: Label) -> list[str]:
    return [line.text for line in document.lines if line.label == label and not line.spans]


def _fill(pool: dict[str, list[str]], language: str, texts: list[str]) -> None:
    """Add to the pool of a language, which comes to be with its first text: one without any cannot be drawn from."""
    if texts:
        pool[language].extend(texts)


def fill_pools(documents: Sequence[LabelledDocument]) -> Pools:
    """Sort the lines of ``documents`` into what pages are made of."""
    pools = Pools()
    for document in documents:
        language = document.language
        clean = [line for line in document.lines if line.label == Label.CLEAN and not line.spans]
        headlines = _texts(document, Label.HEADLINE_LIST)
        if headlines:
            pools.headline_runs[language].append(headlines)
        if document.source == "wcxb":
            if sum(text_width(line.text) >= HOST_WIDTH for line in clean) >= 4:
                pools.articles.append(Article(language, document.document_id, clean, is_written=False))
                pools.skeletons.append(list(document.lines[:_LONGEST_SKELETON]))
            _fill(pools.furniture, language, _texts(document, Label.BOILERPLATE)[:15])
            continue
        topic = document.page_type or ""
        spam = _texts(document, Label.SEO_INJECTION)
        if topic.endswith(PHRASES_SUFFIX):
            _fill(pools.phrases, language, spam)
            continue
        _fill(pools.short_lines, language, [text for text in spam if text_width(text) <= _LONGEST_PHRASE])
        if spam:
            pools.spam[topic, language].append(spam)
        if _COMMENTS in topic:
            _fill(pools.comment_spam, language, spam)
            _fill(pools.comments, language, [line.text for line in clean])
        links = _texts(document, Label.LINK_EXCHANGE)
        if links:
            _fill(pools.links, language, links)
            pools.spam[LINK_TOPIC, language].append(links)
        pools.tags.extend(text for text in _texts(document, Label.TEMPLATE_RESIDUE) if len(text) <= _LONGEST_TAG)
        _fill(pools.furniture, language, _texts(document, Label.BOILERPLATE))
        if clean:
            is_written = document.source == "lines"
            groups = pools.clean if is_written else pools.sentences
            groups[language].append([line.text for line in clean])
            if sum(text_width(line.text) >= HOST_WIDTH for line in clean) >= 2:
                pools.articles.append(Article(language, document.document_id, clean, is_written))
    return pools
