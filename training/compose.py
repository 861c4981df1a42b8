"""Makes pages out of labelled lines: spun pages, splices with their untouched twins, spam pages, threads.

Everything is drawn from the documents handed in, so pages composed from one fold hold nothing of another.
The same documents and seed give the same pages; a seed is a number or a text, such as "0 fold 1".
"""

import random
from collections.abc import Sequence

from spamfilter.labels import Label
from training.documents import WRITTEN, LabelledDocument, LabelledLine
from training.lines import PHRASES_SUFFIX
from training.page_material import HOST_WIDTH, LINK_TOPIC, Article, fill_pools, text_width
from training.splice import splice

_EXCERPTS = (4, 8, 12, 20, 30, 45, 70)
"""Lines of an excerpt, one of these."""
_LONG_ARTICLE = 12
"""Articles with so many wide lines are also used at greater length."""
_LONG_SPUN, _LONG_BODIES = 2, 1
"""How often, with residue and without."""
_LISTS, FEWEST_LISTED = 1, 4
"""Most lists of an article that are put into pages of their own, and lines that a list has at least."""
_HACKED_SHARE = 0.15
"""Share of articles that are also made into a page with a block of spam."""
_SPLICES, _WRITTEN_SPLICES = 14, 4
"""Most spliced sentences made of one article, and of one that is hand-written where there are public ones as well:
those tell of what spam touts, and in great numbers they teach that a tout's words may stand in any sentence."""
_SPLICE_ROUNDS = {"en": 3, "zh": 2, "ja": 2, "ko": 2}
_SPLICE_ROUNDS_ELSEWHERE = 6
"""How often articles are spliced once more for the span model alone. In the languages named there are thousands of
sentences, elsewhere hundreds; and Chinese, Japanese and Korean share no words with others, so more cost those."""
_NEUTRAL_SHARES = (0.0, 0.0, 0.0, 0.0, 0.2)
"""Neutral lines for each line of spam on a spam page, one of these: such pages seldom speak of anything else."""
_SKELETON_SHARE, _SKELETON_SHARE_ABROAD = 0.1, 0.05
"""Share of spam pages set into the furniture of a real page, in English and in other languages."""
_FURNITURE_SHARE = 0.15
"""Share of the other spam pages that have a few lines of furniture around them."""


def excerpt(
    lines: list[LabelledLine], random_: random.Random, lengths: Sequence[int] = _EXCERPTS
) -> list[LabelledLine]:
    """A stretch of an article, from its beginning more often than not."""
    length = min(len(lines), random_.choice(lengths))
    start = 0 if random_.random() < 0.6 else random_.randrange(len(lines) - length + 1)
    return lines[start : start + length]


def is_title_like(text: str) -> bool:
    """Whether a text is short and does not end as sentences do."""
    return 15 <= text_width(text) <= 150 and text[-1] not in ".!?。"


def _lists(lines: Sequence[LabelledLine]) -> list[tuple[int, int]]:
    """Where an article has lists: at least four title-like lines."""
    found, start = [], 0
    for place in range(len(lines) + 1):
        if place == len(lines) or not is_title_like(lines[place].text.strip()):
            if place - start >= FEWEST_LISTED:
                found.append((start, place))
            start = place + 1
    return found


def _is_page(document: LabelledDocument) -> bool:
    """Whether written lines are a page as they stand: those of a topic are material only, all of one label."""
    return len({line.label for line in document.lines}) > 1 or any(line.spans for line in document.lines)


class Composer:
    """Composes documents. Each article and each pool has a stream of random choices of its own."""

    def __init__(self, documents: Sequence[LabelledDocument], seed: int | str) -> None:
        self._documents = documents
        self._seed = seed
        self._pools = fill_pools(documents)
        self._topics = self._pools.seo_topics()
        self._begin()

    def compose(self) -> list[LabelledDocument]:
        """Return the real documents and all that is made of them."""
        made = [document for document in self._documents if document.source != "lines" or _is_page(document)]
        for article in self._pools.articles:
            self._begin("article", article.key)
            language, lines = article.language, article.lines
            body = excerpt(lines, self._random)
            if self._random.random() < 0.6:
                made.append(self._document("body", language, body, spam=False))
            for _ in range(2):
                made.append(self._spun(language, excerpt(lines, self._random)))
            made.extend(self._contents(language, lines))
            made.extend(self._hacked(language, lines))
            made.extend(self._splices(article))
        made.extend(self._spam_pages())
        made.extend(self._clean_pages())
        made.extend(self._listings())
        made.extend(self._single_lines())
        made.extend(self._long_articles())
        made.extend(self._articles_with_lists())
        return made

    def more_splices(self) -> list[LabelledDocument]:
        """Spliced sentences and their twins, made of all articles again and again."""
        made = []
        for number in range(_SPLICE_ROUNDS_ELSEWHERE):
            for article in self._pools.articles:
                if number < _SPLICE_ROUNDS.get(article.language, _SPLICE_ROUNDS_ELSEWHERE):
                    self._begin("splices", number, article.key)
                    made.extend(self._splices(article))
        return made

    def _begin(self, *purpose: object) -> random.Random:
        """Begin a stream of choices for one purpose: what is made for others, which come and go, does not change it."""
        self._purpose = " ".join(map(str, purpose))
        self._count = 0
        self._random = random.Random(f"{self._seed} {self._purpose}")
        return self._random

    def _document(
        self,
        kind: str,
        language: str,
        lines: Sequence[LabelledLine],
        *,
        spam: bool | None,
        page_type: str | None = None,
    ) -> LabelledDocument:
        self._count += 1
        name = f"{kind} {self._count} of {self._purpose}"
        return LabelledDocument(name, kind, language, tuple(lines), page_type, spam)

    def _phrase(self, language: str) -> str | None:
        """A phrase to splice, mostly in the language of its host."""
        pools = self._pools.phrases if self._random.random() < 0.75 else self._pools.short_lines
        if self._random.random() < 0.15 or not pools.get(language):
            language = self._random.choice(sorted(pools)) if pools else language
        return self._random.choice(pools[language]) if pools.get(language) else None

    def _splice_line(self, line: LabelledLine, language: str, *, count: int = 1) -> LabelledLine | None:
        """``line`` with phrases spliced in, or None where no place was found."""
        text = line.text
        spans: tuple[tuple[int, int], ...] = ()
        for _ in range(count):
            phrase = self._phrase(language)
            spliced = splice(text, phrase, spans, self._random) if phrase else None
            if spliced is not None:
                text, spans = spliced
        return LabelledLine(text, Label.SEO_INJECTION, spans) if spans else None

    def _spun(self, language: str, body: list[LabelledLine]) -> LabelledDocument:
        """An article with the residue of a link farm: any of a splice, a tag, headlines, a link offer."""
        random_ = self._random
        lines = list(body)
        kinds = 0
        hosts = [number for number, line in enumerate(lines) if text_width(line.text) >= HOST_WIDTH]
        if hosts and random_.random() < 0.75:
            host = hosts[0] if random_.random() < 0.5 else random_.choice(hosts)
            spliced = self._splice_line(lines[host], language, count=1 + (random_.random() < 0.15))
            if spliced is not None:
                lines[host] = spliced
                kinds += 1
        tail: list[LabelledLine] = []
        if random_.random() < 0.7 and self._pools.headline_runs:
            tail += self._headlines(language)
            kinds += 1
        if random_.random() < 0.45 and self._pools.links:
            offers = self._pools.links
            draw = random_.random()
            chosen = language if draw < 0.55 else "zh" if draw < 0.8 else random_.choice(sorted(offers))
            if chosen not in offers:
                chosen = random_.choice(sorted(offers))
            offer = LabelledLine(random_.choice(offers[chosen]), Label.LINK_EXCHANGE)
            tail.insert(0 if random_.random() < 0.4 else len(tail), offer)
            kinds += 1
        if random_.random() < 0.15:
            tail += [LabelledLine(text, Label.BOILERPLATE) for text in self._furniture(language, 4)]
        if random_.random() < 0.8:
            lines += tail
        else:
            place = random_.randrange(len(lines) + 1)
            lines[place:place] = tail
        if random_.random() < 0.45 and self._pools.tags:
            tag = LabelledLine(random_.choice(self._pools.tags), Label.TEMPLATE_RESIDUE)
            lines.insert(random_.randrange(len(lines) + 1), tag)
            kinds += 1
        return self._document("spun", language, lines, spam=True if kinds >= 2 else None if kinds else False)

    def _headlines(self, language: str) -> list[LabelledLine]:
        """Headlines of other pages, mixed or as one list: 4 to 14, now and then fewer."""
        random_ = self._random
        runs = self._pools.headline_runs
        pool = runs.get(language) if random_.random() < 0.85 else None
        if pool is None:
            pool = runs[random_.choice(sorted(runs))]
        wanted = random_.randint(4, 14)
        titles: list[str] = []
        while len(titles) < wanted:
            run = random_.choice(pool)
            titles += run if random_.random() < 0.4 else random_.sample(run, min(len(run), 3))
            if random_.random() < 0.05:
                break
        return [LabelledLine(text, Label.HEADLINE_LIST) for text in titles[:wanted]]

    def _furniture(self, language: str, most: int) -> list[str]:
        pool = self._pools.furniture.get(language) or self._pools.furniture.get("en") or []
        return self._random.sample(pool, min(len(pool), self._random.randint(0, most)))

    def _splices(self, article: Article) -> list[LabelledDocument]:
        """Spliced sentences, as documents of one line, with their untouched twins."""
        language, made = article.language, []
        hosts = [line for line in article.lines if 40 <= text_width(line.text) <= 600]
        page_type = WRITTEN if article.is_written else None
        most = _WRITTEN_SPLICES if article.is_written and self._pools.skeletons else _SPLICES
        for host in self._random.sample(hosts, min(len(hosts), most)):
            spliced = self._splice_line(host, language, count=1 + (self._random.random() < 0.1))
            if spliced is not None:
                made.append(self._document("splice", language, [spliced], spam=None, page_type=page_type))
                made.append(self._document("twin", language, [host], spam=False, page_type=page_type))
        return made

    def _spam_pages(self) -> list[LabelledDocument]:
        """Whole pages and posts of one trade, with the furniture and neutral lines that real ones have."""
        made = []
        for (topic, language), groups in sorted(self._pools.spam.items()):
            random_ = self._begin("spam", topic, language)
            label = Label.LINK_EXCHANGE if topic == LINK_TOPIC else Label.SEO_INJECTION
            for _ in range(max(2, len(groups) // 2)):
                chosen = random_.sample(groups, min(len(groups), random_.choice((1, 2, 3, 5, 8))))
                lines = [LabelledLine(text, label) for group in chosen for text in group]
                lines = lines[: random_.choice((2, 6, 12, 25, 60))]
                if self._pools.skeletons and random_.random() < (
                    _SKELETON_SHARE if language == "en" else _SKELETON_SHARE_ABROAD
                ):
                    made.append(self._document("spam", language, self._fill_skeleton(lines), spam=True))
                    continue
                neutral = self._neutral(language, int(len(lines) * random_.choice(_NEUTRAL_SHARES)))
                for text in neutral:
                    lines.insert(random_.randrange(len(lines) + 1), LabelledLine(text, None))
                head = [LabelledLine(text, None) for text in self._furniture(language, 5)]
                tail = [LabelledLine(text, None) for text in self._furniture(language, 5)]
                if random_.random() < _FURNITURE_SHARE:
                    lines = head + lines + tail
                made.append(self._document("spam", language, lines, spam=True))
            made.extend(self._threads(label, language, groups))
        return made

    def _fill_skeleton(self, spam: list[LabelledLine]) -> list[LabelledLine]:
        """A real page whose own text is replaced by spam, so that menus and size are those of real pages."""
        waiting = iter(spam)
        lines = []
        for line in self._random.choice(self._pools.skeletons):
            if line.label != Label.CLEAN:
                lines.append(LabelledLine(line.text, None))
            elif (replacement := next(waiting, None)) is not None:
                lines.append(replacement)
        return lines + list(waiting)

    def _hacked(self, language: str, lines: list[LabelledLine]) -> list[LabelledDocument]:
        """An article with a block of spam before or behind it, as hacked sites have it: the article stays clean."""
        topics = [one for one in self._topics if one[1] == language]
        if not topics or self._random.random() > _HACKED_SHARE:
            return []
        groups = self._pools.spam[self._random.choice(topics)]
        block = [
            LabelledLine(text, Label.SEO_INJECTION)
            for group in self._random.sample(groups, min(len(groups), self._random.choice((1, 2, 4))))
            for text in group
        ]
        body = excerpt(lines, self._random)
        page = [*block, *body] if self._random.random() < 0.3 else [*body, *block]
        return [self._document("hacked", language, page, spam=None)]

    def _contents(self, language: str, lines: list[LabelledLine]) -> list[LabelledDocument]:
        """An article that opens with the list of its own headings: not a list of headlines."""
        body = excerpt(lines, self._random)
        headings = [line for line in body if 8 <= text_width(line.text) <= 80 and line.text[-1:] not in ".!?。"]
        if len(headings) < 3 or self._random.random() < 0.5:
            return []
        numbered = self._random.random() < 0.4
        listed = [
            LabelledLine(f"{place}. {line.text}" if numbered else line.text, Label.CLEAN)
            for place, line in enumerate(headings[:20], start=1)
        ]
        return [self._document("contents", language, [*listed, *body], spam=False)]

    def _long_articles(self) -> list[LabelledDocument]:
        """Articles at full length, with residue and without: only a long body tells what words it does not use."""
        made = []
        for article in self._pools.articles:
            if sum(text_width(line.text) >= HOST_WIDTH for line in article.lines) < _LONG_ARTICLE:
                continue
            random_ = self._begin("long", article.key)
            for spun in (True,) * _LONG_SPUN + (False,) * _LONG_BODIES:
                body = excerpt(article.lines, random_, (30, 45, 70, 120))
                made.append(self._body(article.language, body, spun=spun))
        return made

    def _articles_with_lists(self) -> list[LabelledDocument]:
        """Articles around their own lists of short lines, with residue and without: such lists are no headlines."""
        made = []
        for article in self._pools.articles:
            random_ = self._begin("lists", article.key)
            lists = _lists(article.lines)
            for start, stop in random_.sample(lists, min(len(lists), _LISTS)):
                body = article.lines[max(start - random_.randint(2, 30), 0) : stop + random_.randint(2, 30)]
                for spun in (False, True):
                    made.append(self._body(article.language, body, spun=spun))
        return made

    def _body(self, language: str, lines: list[LabelledLine], *, spun: bool) -> LabelledDocument:
        return self._spun(language, lines) if spun else self._document("body", language, lines, spam=False)

    def _listings(self) -> list[LabelledDocument]:
        """Pages whose content is their list of titles: clean."""
        made = []
        for language, runs in sorted(self._pools.headline_runs.items()):
            self._begin("listings", language)
            for run in runs:
                if len(run) >= 5 and self._random.random() < 0.3:
                    lines = [LabelledLine(text, Label.CLEAN) for text in run[:40]]
                    furniture = [LabelledLine(text, Label.BOILERPLATE) for text in self._furniture(language, 4)]
                    made.append(self._document("listing", language, [*furniture, *lines], spam=False))
        return made

    def _neutral(self, language: str, count: int) -> list[str]:
        pools = self._pools.clean.get(language, []), self._pools.sentences.get(language, [])
        pool = [group for groups in pools for group in groups] if count else []
        return [self._random.choice(self._random.choice(pool)) for _ in range(count)] if pool else []

    def _threads(self, label: Label, language: str, groups: list[list[str]]) -> list[LabelledDocument]:
        """Ordinary comments with a few lines of spam among them."""
        random_, made = self._random, []
        if not (self._pools.clean.get(language) or self._pools.sentences.get(language)):
            return []
        for _ in range(max(1, len(groups) // 40)):
            ordinary = [LabelledLine(text, Label.CLEAN) for text in self._neutral(language, random_.randint(3, 12))]
            for text in random_.choice(groups)[:3]:
                ordinary.insert(random_.randrange(len(ordinary) + 1), LabelledLine(text, label))
            made.append(self._document("thread", language, ordinary, spam=None))
        return made

    def _clean_pages(self) -> list[LabelledDocument]:
        """Clean groups of one language put together to pages of many lengths, with and without furniture.

        Hand-written ones measure what is lost of honest text about what spam touts: sentences stay apart from them.
        """
        return [*self._pages_of("clean", self._pools.clean), *self._pages_of("sentences", self._pools.sentences)]

    def _pages_of(self, kind: str, pool: dict[str, list[list[str]]]) -> list[LabelledDocument]:
        made = []
        for language, groups in sorted(pool.items()):
            random_ = self._begin(kind, language)
            waiting = random_.sample(groups, len(groups))
            while waiting:
                count = random_.choice((1, 1, 2, 4, 8))
                lines = [LabelledLine(text, Label.CLEAN) for group in waiting[:count] for text in group]
                del waiting[:count]
                if random_.random() < 0.25:
                    furniture = [LabelledLine(text, Label.BOILERPLATE) for text in self._furniture(language, 8)]
                    split = random_.randint(0, len(furniture))
                    lines = furniture[:split] + lines + furniture[split:]
                made.append(self._document(kind, language, lines, spam=False))
        return made

    def _single_lines(self) -> list[LabelledDocument]:
        """Documents of one line."""
        made = []
        for document in self._documents:
            if (document.page_type or "").endswith(PHRASES_SUFFIX):
                continue
            labelled = [
                line for line in document.lines if not line.spans and line.label not in (None, Label.HEADLINE_LIST)
            ]
            most = 3 if document.source == "lines" else 2
            random_ = self._begin("line", document.document_id)
            for line in random_.sample(labelled, min(len(labelled), most)):
                spam = line.label in (Label.SEO_INJECTION, Label.LINK_EXCHANGE)
                made.append(self._document("line", document.language, [line], spam=spam or None))
        return made


def compose(documents: Sequence[LabelledDocument], seed: int | str) -> list[LabelledDocument]:
    """Compose pages from ``documents``; real documents of public sources are returned among them."""
    return Composer(documents, seed).compose()


def compose_splices(documents: Sequence[LabelledDocument], seed: int | str) -> list[LabelledDocument]:
    """Spliced sentences of ``documents`` with their untouched twins, drawn anew."""
    return Composer(documents, seed).more_splices()
