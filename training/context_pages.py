"""Makes pages that the context model alone learns from: intruders, walls, and threads of spam and ordinary comments.

As in ``training.compose``, everything is drawn from the documents handed in; the same documents and seed give the same.
"""

import random
from collections.abc import Sequence

from spamfilter.labels import Label
from training.compose import FEWEST_LISTED, OTHER_STREAM, excerpt, is_title_like
from training.documents import LabelledDocument, LabelledLine
from training.page_material import Pools, fill_pools

_WALLS = 4
"""One wall of title-like lines of spam for so many groups of a topic."""
_SPAM_THREADS = 2
"""One thread of spam and ordinary comments for so many comments of a language that are spam."""


def compose_context_pages(documents: Sequence[LabelledDocument], seed: int) -> list[LabelledDocument]:
    """Compose pages of all three kinds from ``documents``."""
    pools = fill_pools(documents)
    return [
        *intruded(pools, random.Random(seed + 2 * OTHER_STREAM)),
        *walls(pools, random.Random(seed + 3 * OTHER_STREAM)),
        *spam_threads(pools, random.Random(seed + 4 * OTHER_STREAM)),
    ]


def intruded(pools: Pools, random_: random.Random) -> list[LabelledDocument]:
    """The articles, each with one or two lines of spam somewhere in it."""
    made, topics = [], pools.seo_topics()
    for number, article in enumerate(pools.articles if topics else ()):
        own = [one for one in topics if one[1] == article.language]
        topic = random_.choice(own if own and random_.random() < 0.75 else topics)
        body = list(excerpt(article.lines, random_))
        for _ in range(random_.choice((1, 1, 2))):
            text = random_.choice(random_.choice(pools.spam[topic]))
            body.insert(random_.randrange(len(body) + 1), LabelledLine(text, Label.SEO_INJECTION))
        made.append(LabelledDocument(f"intruded-{number}", "intruded", article.language, tuple(body)))
    return made


def walls(pools: Pools, random_: random.Random) -> list[LabelledDocument]:
    """Pages of nothing but title-like lines of one trade: a run of them need not be a list of headlines."""
    made: list[LabelledDocument] = []
    for topic in pools.seo_topics():
        groups = [[text for text in group if is_title_like(text)] for group in pools.spam[topic]]
        for _ in range(len(groups) // _WALLS):
            texts = [text for group in random_.sample(groups, min(len(groups), 8)) for text in group]
            lines = tuple(LabelledLine(text, Label.SEO_INJECTION) for text in texts[: random_.choice((6, 12, 30))])
            if len(lines) >= FEWEST_LISTED:
                made.append(LabelledDocument(f"wall-{len(made)}", "spam", topic[1], lines, None, spam=True))
    return made


def spam_threads(pools: Pools, random_: random.Random) -> list[LabelledDocument]:
    """Threads of mostly spam: what an ordinary visitor wrote among the comments of touts is no spam."""
    made: list[LabelledDocument] = []
    for language, spam in sorted(pools.comment_spam.items()):
        ordinary = pools.comments[language]
        for _ in range(len(spam) // _SPAM_THREADS if ordinary else 0):
            lines = [
                LabelledLine(text, label)
                for pool, label, most in ((spam, Label.SEO_INJECTION, 14), (ordinary, Label.CLEAN, 6))
                for text in random_.sample(pool, min(len(pool), random_.randint(2, most)))
            ]
            random_.shuffle(lines)
            made.append(LabelledDocument(f"spam-thread-{len(made)}", "spam thread", language, tuple(lines)))
    return made
