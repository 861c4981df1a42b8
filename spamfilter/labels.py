"""The closed set of labels and what each of them means."""

from enum import StrEnum


class Label(StrEnum):
    """What a line, or a span inside a line, is. The string values are stable across releases."""

    CLEAN = "clean"
    """Text that belongs to the page.

    Kept: ``The council voted to repair the bridge before winter.``
    """

    SEO_INJECTION = "seo_injection"
    """Text put there to rank or sell something foreign, as whole lines or spliced into a sentence.

    Kept: ``The regulator fined two online casinos for misleading bonus offers.``
    Flagged: ``Best online casino bonus 2024, register now and claim 200 free spins!``
    """

    LINK_EXCHANGE = "link_exchange"
    """Offers and leftovers of link farming: swaps, sales and blocks of friend links.

    Kept: ``PageRank counts a link as a vote of one page for another.``
    Flagged: ``Link exchange welcome, DA 30 and more, contact us on Telegram.``
    """

    HEADLINE_LIST = "headline_list"
    """A run of headlines or teasers that lead away from this page.

    Kept: ``2.3 How the samples were taken`` (a table of contents)
    Flagged: ``Ten kitchen gadgets that chefs swear by`` (among others, under an article on bridges)
    """

    TEMPLATE_RESIDUE = "template_residue"
    """Tags and code of a template engine or CMS that should have been rendered, and placeholder text.

    Kept: ``In Jinja, {{ user.name }} prints the name of the user.``
    Flagged: ``{dede:field.title/}``
    """

    BOILERPLATE = "boilerplate"
    """Navigation, cookie and share lines, copyright. Not spam; kept or dropped as the caller likes.

    Kept: ``The ship's captain was asked to log in every evening.``
    Named: ``Home | About us | Contact | Log in``
    """


LABELS: tuple[Label, ...] = tuple(Label)
"""All labels in the order of every probability array of the package."""

FLAGGED_LABELS: tuple[Label, ...] = (
    Label.SEO_INJECTION,
    Label.LINK_EXCHANGE,
    Label.HEADLINE_LIST,
    Label.TEMPLATE_RESIDUE,
)
"""The labels that flag a line; ``clean`` and ``boilerplate`` do not."""
