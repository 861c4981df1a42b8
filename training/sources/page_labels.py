"""Labels for the lines of a web page, from its reviewed main content and its markup.

A line that the main content holds is clean. Links, notices and buttons outside it are boilerplate, unless
three or more of them in a row lead to other articles: those are a headline list. Whatever is in doubt gets no
label.
"""

import re
from collections import Counter
from collections.abc import Sequence
from statistics import median
from urllib.parse import unquote, urlsplit

from training.sources.html_lines import PageLine
from training.sources.main_content import MainContent

__all__ = ["label_lines"]

_WORD = re.compile(r"\w+")
_FEWEST_WORDS = 4
_FEWEST_LETTERS = 20
_TIED_LETTERS = 10
"""From this many letters and digits on, a line that the main content holds anywhere is never boilerplate."""

_MOST_LINK_WORDS = 6
_MOST_MENU_WORDS = 12
_HEADLINE_PAGES = frozenset({"article", "forum", "documentation"})
_HEADLINE_GAP = 3
_HEADLINE_RUN = 3
_HEADLINE_WORDS = 6
_LONGEST_HEADLINE = 30
_WEB_SCHEMES = frozenset({"", "http", "https"})
_FILE_ENDING = re.compile(r"\.\w{2,5}$")
_ARTICLE_NUMBER = re.compile(r"\d{5}")

_CALL = re.compile(
    r"(?:(?:read|learn|see|view|show|load) (?:more|all)|continue reading|share|tweet|reply|subscribe"
    r"|sign (?:in|up|out)|log ?(?:in|out)|contact us|download|add to (?:cart|bag|basket|wish ?list)|buy now"
    r"|get started|click here|back to top|skip to)\b",
    re.IGNORECASE,
)
_LONGEST_CALL = 80
_NOTICE = re.compile(
    r"©|\bcopyright\b|\ball rights reserved\b|\bcookies?\b|\bprivacy (?:policy|notice|choices)\b"
    r"|\bterms (?:of (?:use|service)|(?:and|&) conditions)\b|\bsubscrib(?:e|er|ing)\b|\bunsubscribe\b"
    r"|\bsign (?:up|in)\b|\blog ?in\b|\bnewsletters?\b|\bfollow us\b|\bpowered by\b|\bopt[- ]out\b"
    r"|\bshare (?:this|on|with)\b|\bskip to\b|\bback to top\b",
    re.IGNORECASE,
)


def label_lines(lines: Sequence[PageLine], main_content: str, page_type: str) -> list[str | None]:
    """Return a label for every line of a page.

    Args:
        lines: The lines from top to bottom.
        main_content: The main content as reviewed by people, one paragraph a line; without one, nothing is
            known of the page and no line gets a label.
        page_type: ``"article"``, ``"forum"``, ``"product"``, ...

    Returns:
        For each line ``"clean"``, ``"boilerplate"``, ``"headline_list"`` or ``None`` (in doubt).
    """
    if not main_content.strip():
        return [None] * len(lines)
    main = MainContent(main_content)
    words = [len(_WORD.findall(line.text)) for line in lines]
    times = Counter(line.key for line in lines)
    held = [main.holds(line.key) for line in lines]
    sure = [
        held[i] and len(line.key) >= _FEWEST_LETTERS and words[i] >= _FEWEST_WORDS and times[line.key] == 1
        for i, line in enumerate(lines)
    ]
    menu_keys = {line.key for line in lines if line.menu and line.linked > 0.99 and len(line.links) == 1}
    inside = [i for i, line in enumerate(lines) if sure[i] and line.key not in menu_keys]
    first, last = (inside[0], inside[-1]) if inside else (len(lines), -1)
    leads_away = _leads_away(lines, words, held) if page_type in _HEADLINE_PAGES else [False] * len(lines)
    headlines = _runs([i for i, away in enumerate(leads_away) if away], words)
    labels: list[str | None] = []
    for i, line in enumerate(lines):
        if held[i] or (len(line.key) >= _TIED_LETTERS and main.has_part(line.key)):
            clean = sure[i] and line.key not in menu_keys and not _is_call(line)
            labels.append("clean" if clean else None)
        elif line.key in menu_keys:
            labels.append("boilerplate" if words[i] <= _MOST_MENU_WORDS and _is_wording(line) else None)
        elif i in headlines:
            labels.append("headline_list")
        elif _is_call(line):
            labels.append("boilerplate")
        elif leads_away[i] or first < i < last:
            labels.append(None)
        elif line.linked > 0.99:
            button = words[i] <= _MOST_LINK_WORDS and len(line.links) == 1 and _is_wording(line)
            labels.append("boilerplate" if button else None)
        else:
            labels.append("boilerplate" if _NOTICE.search(line.text) else None)
    return labels


def _is_call(line: PageLine) -> bool:
    """Whether the line asks to do something, as buttons do."""
    return len(line.text) <= _LONGEST_CALL and _CALL.match(line.text) is not None


def _is_wording(line: PageLine) -> bool:
    """Whether the line says something, rather than giving a price, a date or a count."""
    letters = sum(map(str.isalpha, line.key))
    return letters >= 2 and (letters == len(line.key) or line.menu or letters >= 12)


def _leads_away(lines: Sequence[PageLine], words: Sequence[int], held: Sequence[bool]) -> list[bool]:
    """Tell for each line whether it is a single link, outside menus, to what looks like another article."""
    return [
        not held[i]
        and not line.menu
        and _FEWEST_WORDS <= words[i] <= _LONGEST_HEADLINE
        and line.linked > 0.99
        and len(line.links) == 1
        and _is_permalink(line.links[0].address, line.text)
        for i, line in enumerate(lines)
    ]


def _runs(positions: Sequence[int], words: Sequence[int]) -> set[int]:
    """Return the positions that stand in runs: three or more, at most two other lines between.

    Headlines are sentences: a run whose lines have five words or fewer, as most have in lists of services and
    topics, does not count.
    """
    found: set[int] = set()
    run: list[int] = []
    for i in [*positions, None]:
        if i is None or (run and i - run[-1] > _HEADLINE_GAP):
            if len(run) >= _HEADLINE_RUN and median(words[j] for j in run) >= _HEADLINE_WORDS:
                found.update(run)
            run = []
        if i is not None:
            run.append(i)
    return found


def _is_permalink(address: str, text: str) -> bool:
    """Whether an address repeats the words of a headline, or has the shape of an article's address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if "share" in parts.query or parts.scheme not in _WEB_SCHEMES:
        return False
    path = unquote(parts.path).lower()
    slugs = [_FILE_ENDING.sub("", part) for part in path.split("/") if part]
    if not slugs:
        return False
    wanted = {word for word in _WORD.findall(text.lower()) if len(word) > 2}
    given = set(_WORD.findall(slugs[-1].replace("_", " ")))
    if wanted and len(wanted & given) >= 0.5 * len(wanted):
        return True
    return any(slug.count("-") >= 3 for slug in slugs) or _ARTICLE_NUMBER.search(path) is not None
