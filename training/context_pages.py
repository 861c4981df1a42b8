"""Makes pages that the context model alone learns from: intruders, walls, and threads of spam and ordinary comments.

As in ``training.compose``, everything is drawn from the documents handed in; the same documents and seed give the same.
"""

import random
from collections.abc import Sequence

from spamfilter.labels import Label
from training.compose import FEWEST_LISTED, excerpt, is_title_like
from training.documents import LabelledDocument, LabelledLine
from training.page_material import Pools, fill_pools

_WALLS = 4
"""One wall of title-like lines of spam for so many groups of a topic."""
_SPAM_THREADS = 2
"""One thread of spam and ordinary comments for so many comments of a language that are spam."""


def compose_context_pages(documents: Sequence[LabelledDocument], seed: int | str) -> list[LabelledDocument]:
    """Compose pages of all three kinds from ``documents``."""
    pools = fill_pools(documents)
    return [
        *intruded(pools, seed),
        *walls(pools, seed),
        *spam_threads(pools, seed),
    ]


def intruded(pools: Pools, seed: int | str) -> list[LabelledDocument]:
    """The articles, each with one or two lines of spam somewhere in it."""
    made, topics = [], pools.seo_topics()
    for article in pools.articles if topics else ():
        random_ = random.Random(f"{seed} intruded {article.key}")
        own = [one for one in topics if one[1] == article.language]
        topic = random_.choice(own if own and random_.random() < 0.75 else topics)
        body = list(excerpt(article.lines, random_))
        for _ in range(random_.choice((1, 1, 2))):
            text = random_.choice(random_.choice(pools.spam[topic]))
            body.insert(random_.randrange(len(body) + 1), LabelledLine(text, Label.SEO_INJECTION))
        made.append(LabelledDocument(f"intruded {article.key}", "intruded", article.language, tuple(body)))
    return made


def walls(pools: Pools, seed: int | str) -> list[LabelledDocument]:
    """Pages of nothing but title-like lines of one trade: a run of them need not be a list of headlines."""
    made: list[LabelledDocument] = []
    for topic in pools.seo_topics():
        random_ = random.Random(f"{seed} wall {' '.join(topic)}")
        groups = [[text for text in group if is_title_like(text)] for group in pools.spam[topic]]
        for _ in range(len(groups) // _WALLS):
            texts = [text for group in random_.sample(groups, min(len(groups), 8)) for text in group]
            lines = tuple(LabelledLine(text, Label.SEO_INJECTION) for text in texts[: random_.choice((6, 12, 30))])
            if len(lines) >= FEWEST_LISTED:
                made.append(LabelledDocument(f"wall-{len(made)}", "spam", topic[1], lines, None, spam=True))
    return made


def spam_threads(pools: Pools, seed: int | str) -> list[LabelledDocument]:
    """Threads of mostly spam: what an ordinary visitor wrote among the comments of touts is no spam."""
    made: list[LabelledDocument] = []
    for language, spam in sorted(pools.comment_spam.items()):
        ordinary = pools.comments.get(language, [])
        random_ = random.Random(f"{seed} spam thread {language}")
        for _ in range(len(spam) // _SPAM_THREADS if ordinary else 0):
            lines = [
                LabelledLine(text, label)
                for pool, label, most in ((spam, Label.SEO_INJECTION, 14), (ordinary, Label.CLEAN, 6))
                for text in random_.sample(pool, min(len(pool), random_.randint(2, most)))
            ]
            random_.shuffle(lines)
            made.append(LabelledDocument(f"spam-thread-{len(made)}", "spam thread", language, tuple(lines)))
    return made
