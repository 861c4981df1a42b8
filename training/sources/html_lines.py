"""An HTML page as plain text lines, with what its markup says about each line.

Every piece of text in the tree gets a numbered mark before the text is extracted, and the marks that stand in
an extracted line say which elements the line comes from.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import ElementNode, HTMLTree, Node, TextNode

__all__ = ["Link", "PageLine", "html_lines", "letters_and_digits"]

_OPEN, _CLOSE = "\U0010fffc", "\U0010fffd"
"""Private-use characters around a mark, rarer than those of icon fonts; a page's own ones are removed."""

_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_WHITE_SPACE = re.compile("[ \t\xa0\u200b\ufeff]+")
_UNSEEN_TAGS = frozenset({"head", "script", "style", "template", "noscript"})
_MENU_TAGS = frozenset({"nav", "menu"})
_MENU_ROLES = frozenset({"navigation", "menu", "menubar"})
_MENU_NAME = re.compile(r"(?:^|[-_\s])(?:nav|navbar|navigation|menu|submenu|breadcrumbs?)(?![a-z])", re.IGNORECASE)
_PAGE_TAGS = frozenset({"html", "body", "main", "article"})
"""Elements around a whole page: their class names ("has-menu") speak of the page, not of themselves."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link: its number in the page, from 1, and its address (empty where it has none)."""

    number: int
    address: str


@dataclass(frozen=True, slots=True)
class PageLine:
    """A line of the page.

    Attributes:
        text: The line, white space collapsed.
        key: Its letters and digits, lower case, by which lines are compared.
        links: The links that its text stands in, in order.
        linked: Share of its letters and digits that stand in links, 0 to 1.
        menu: Whether some of it stands in a menu, by tag, role or class name.
    """

    text: str
    key: str
    links: tuple[Link, ...]
    linked: float
    menu: bool


def letters_and_digits(text: str) -> str:
    """Return the letters and digits of ``text`` in lower case."""
    return "".join(filter(str.isalnum, text.lower()))


def html_lines(html: str) -> list[PageLine]:
    """Return the lines of a page that hold a letter or a digit, from top to bottom as a reader meets them.

    Args:
        html: The page.

    Returns:
        Lines in reading order: no scripts, no alternative texts of images, no bullets of lists.
    """
    tree = HTMLTree.parse(html)
    places = _mark_texts(tree)
    text = extract_plain_text(tree, preserve_formatting=True, list_bullets=False, alt_texts=False)
    lines = []
    place = _Place()
    for raw in text.split("\n"):
        pieces = _MARK.split(raw)
        met = []
        for position in range(0, len(pieces), 2):
            if position:
                place = places[int(pieces[position - 1])]
            size = len(letters_and_digits(pieces[position]))
            if size:
                met.append((place, size))
        if met:
            line = _WHITE_SPACE.sub(" ", "".join(pieces[::2])).strip()
            lines.append(_page_line(line, met))
    return lines


@dataclass(frozen=True, slots=True)
class _Place:
    """What stands above a piece of text."""

    link: Link | None = None
    menu: bool = False


def _page_line(text: str, met: list[tuple[_Place, int]]) -> PageLine:
    links = {place.link.number: place.link for place, _ in met if place.link is not None}
    linked = sum(size for place, size in met if place.link is not None)
    return PageLine(
        text=text,
        key=letters_and_digits(text),
        links=tuple(links.values()),
        linked=linked / sum(size for _, size in met),
        menu=any(place.menu for place, _ in met),
    )


def _mark_texts(tree: HTMLTree) -> list[_Place]:
    """Put a mark before every piece of text; return the place of each, by its number."""
    places: list[_Place] = []
    for node, place in _texts(tree):
        value = (node.value or "").replace(_OPEN, "").replace(_CLOSE, "")
        bare = value.lstrip()
        if bare:
            space = value[: len(value) - len(bare)]
            node.value = f"{space}{_OPEN}{len(places)}{_CLOSE}{bare}"
            places.append(place)
    return places


def _texts(tree: HTMLTree) -> Iterator[tuple[TextNode, _Place]]:
    """Yield the text nodes that a reader may see, in order, each with its place."""
    links = 0
    above = [_Place()]
    node: Node | None = tree.document
    while node is not None:
        child: Node | None = None
        if isinstance(node, TextNode):
            yield node, above[-1]
        elif isinstance(node, ElementNode):
            if node.tag not in _UNSEEN_TAGS:
                child = node.first_child
                if child is not None:
                    if node.tag == "a":
                        links += 1
                    above.append(_place(node, above[-1], links))
        else:
            child = node.first_child
            if child is not None:
                above.append(above[-1])
        if child is not None:
            node = child
            continue
        while node is not None and node.next is None:
            node = node.parent
            above.pop()
        node = node.next if node is not None else None


def _place(element: ElementNode, above: _Place, link_number: int) -> _Place:
    tag = element.tag
    if tag == "a":
        above = replace(above, link=Link(link_number, element.getattr("href") or ""))
    if not above.menu and (
        tag in _MENU_TAGS
        or element.getattr("role") in _MENU_ROLES
        or (
            tag not in _PAGE_TAGS
            and _MENU_NAME.search(f"{element.getattr('class') or ''} {element.getattr('id') or ''}")
        )
    ):
        above = replace(above, menu=True)
    return above
