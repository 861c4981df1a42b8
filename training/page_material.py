"""The raw material of composed pages: articles, spam, headlines, phrases and furniture, sorted by language."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from spamfilter.labels import Label
from training.documents import LabelledDocument, LabelledLine
from training.lines import PHRASES_SUFFIX

BODY_WIDTH = 60
_LONGEST_PHRASE = 70
_LONGEST_TAG = 160
_LONGEST_SKELETON = 120
LINK_TOPIC = "link-exchange"
"""All link offers of a language stand among the spam under this topic."""
_COMMENTS = "comment"
"""Topics with this in their names hold comments, which are put together to threads."""


@dataclass(frozen=True, slots=True)
class Article:
    """Clean lines of one page.

    Attributes:
        is_written: hand-written lines, most of which tell of what spam touts; else of a public source.
    """

    language: str
    lines: list[LabelledLine]
    is_written: bool


@dataclass(slots=True)
class Pools:
    """Raw material, by language where the language matters."""

    articles: list[Article] = field(default_factory=list)
    headline_runs: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    tags: list[str] = field(default_factory=list)
    links: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    phrases: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    short_lines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    spam: dict[tuple[str, str], list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    clean: dict[str, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    furniture: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    skeletons: list[list[LabelledLine]] = field(default_factory=list)
    comments: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    comment_spam: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def seo_topics(self) -> list[tuple[str, str]]:
        """Topic and language of all spam but link offers, in order."""
        return sorted(topic for topic in self.spam if topic[0] != LINK_TOPIC)


def _texts(document: LabelledDocument, label: Label) -> list[str]:
    return [line.text for line in document.lines if line.label == label and not line.spans]


def fill_pools(documents: Sequence[LabelledDocument]) -> Pools:
    """Sort the lines of ``documents`` into what pages are made of."""
    pools = Pools()
    for document in documents:
        language = document.language
        clean = [line for line in document.lines if line.label == Label.CLEAN]
        headlines = _texts(document, Label.HEADLINE_LIST)
        if headlines:
            pools.headline_runs[language].append(headlines)
        if document.source == "wcxb":
            if sum(len(line.text) >= BODY_WIDTH for line in clean) >= 4:
                pools.articles.append(Article(language, clean, is_written=False))
                pools.skeletons.append(list(document.lines[:_LONGEST_SKELETON]))
            pools.furniture[language].extend(_texts(document, Label.BOILERPLATE)[:15])
            continue
        topic = document.page_type or ""
        spam = _texts(document, Label.SEO_INJECTION)
        if topic.endswith(PHRASES_SUFFIX):
            pools.phrases[language].extend(spam)
            continue
        pools.short_lines[language].extend(text for text in spam if len(text) <= _LONGEST_PHRASE)
        if spam:
            pools.spam[topic, language].append(spam)
        if _COMMENTS in topic:
            pools.comment_spam[language].extend(spam)
            pools.comments[language].extend(line.text for line in clean)
        links = _texts(document, Label.LINK_EXCHANGE)
        if links:
            pools.links[language].extend(links)
            pools.spam[LINK_TOPIC, language].append(links)
        pools.tags.extend(text for text in _texts(document, Label.TEMPLATE_RESIDUE) if len(text) <= _LONGEST_TAG)
        pools.furniture[language].extend(_texts(document, Label.BOILERPLATE))
        if clean:
            pools.clean[language].append([line.text for line in clean])
            if sum(len(line.text) >= BODY_WIDTH for line in clean) >= 2:
                pools.articles.append(Article(language, clean, is_written=document.source == "lines"))
    return pools
