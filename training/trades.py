"""Reads which topics of the corpus tout which trade."""

from pathlib import Path

from spamfilter.errors import InputError
from training.json_lines import parse_json
from training.lines import PHRASES_SUFFIX
from training.text_files import read_text

__all__ = ["SEVERAL", "TRADES_FILE", "read_trades", "trade_topic"]

TRADES_FILE = Path(__file__).parent / "trades.json"
SEVERAL = "several"
"""Stands for topics of many trades; their lines are in the way of holding out any trade."""


def trade_topic(topic: str) -> str:
    """The name under which a topic of lines or of phrases stands in the trades file."""
    return topic.removesuffix(PHRASES_SUFFIX)


def read_trades(path: Path = TRADES_FILE) -> dict[str, tuple[str, ...]]:
    """Topic -> its trades; more than one where the topic touts two or three.

    Raises:
        InputError: not such a file, a topic with the ending of phrases, or one both of a trade and of ``several``.
    """
    content = parse_json(read_text(path), str(path))
    trades = content.get("trades") if isinstance(content, dict) else None
    if not isinstance(trades, dict) or not all(isinstance(topics, list) for topics in trades.values()):
        raise InputError(f'{path}: needs {{"trades": {{"<trade>": ["<topic>", ...]}}}}')
    found: dict[str, tuple[str, ...]] = {}
    for trade, topics in trades.items():
        for topic in topics:
            found[topic] = (*found.get(topic, ()), trade)
        if phrases := [topic for topic in topics if topic != trade_topic(topic)]:
            raise InputError(f"{path}: {phrases[0]!r} ends in {PHRASES_SUFFIX!r}, which is left out of topics here")
    for topic, names in found.items():
        if SEVERAL in names and len(names) > 1:
            raise InputError(f"{path}: topic {topic!r} stands in {' and '.join(names)}; {SEVERAL} stands alone")
    return found
