"""Small pages of our own for the tests of this room."""

from spamfilter import Predictor

SPAM_LINES = (
    "Online casino slots: register now and claim a deposit bonus and 200 free spins, play roulette for real money!",
    "Buy cheap viagra online without prescription, fast worldwide delivery",
    "situs judi slot gacor terpercaya deposit pulsa tanpa potongan maxwin",
)
CLEAN_LINES = (
    "The council voted to repair the old bridge before winter.",
    "Engineers found cracks in two of the piers and closed one lane in March.",
    "A detour over the mill road adds ten minutes to the way to school.",
    "The work is expected to cost four million and to last until October.",
    "Shopkeepers on the square hope that visitors will still find their way.",
)


def clean_page(number: int) -> str:
    """A page about a bridge; its lines stand in another order for each number."""
    turn = number % len(CLEAN_LINES)
    return "\n".join([*CLEAN_LINES[turn:], *CLEAN_LINES[:turn], f"The mayor spoke on day {number} of the works."])


def mixed_page(number: int) -> str:
    """A page about a bridge with one line of spam in it."""
    lines = clean_page(number).split("\n")
    return "\n".join([*lines[:3], SPAM_LINES[number % len(SPAM_LINES)], *lines[3:]])


def cut_page(predictor: Predictor) -> str:
    """A mixed page from which the model at hand cuts something, yet not everything."""
    return next(page for page in map(mixed_page, range(9)) if predictor.predict(page).flagged)


def spam_page(number: int) -> str:
    """A page of nothing but spam."""
    return "\n".join(SPAM_LINES[(number + step) % len(SPAM_LINES)] for step in range(9))


def pages(count: int) -> list[str]:
    """Clean, mixed and spam pages in turn."""
    makers = (clean_page, mixed_page, clean_page, spam_page)
    return [makers[number % len(makers)](number) for number in range(count)]


ODD_TEXTS = (
    "",
    "\n",
    "\r\n\r\n",
    "one line",
    "a\r\nb\rc\n",
    "x\u2028y",
    "ｂａｎｋ \u200b\u0301 😀",
    "\n".join(SPAM_LINES),
)
