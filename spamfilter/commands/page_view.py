"""Shows a judged page on a terminal or in a plain file."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TextIO

from spamfilter.explain import Explanation, LineExplanation, Reason
from spamfilter.labels import LABELS, Label
from spamfilter.results import DocumentKind, DocumentPrediction, LinePrediction

SPAN_OPEN, SPAN_CLOSE = "⟦", "⟧"

_COLOURS: Mapping[Label, str] = {
    Label.SEO_INJECTION: "31",
    Label.LINK_EXCHANGE: "35",
    Label.HEADLINE_LIST: "33",
    Label.TEMPLATE_RESIDUE: "36",
    Label.BOILERPLATE: "2",
}
_SPAN_COLOUR = "1;7"
_VERDICT_COLOURS = {DocumentKind.CLEAN: "1;32", DocumentKind.RESIDUE: "1;33"}
_SPAM_COLOUR = "1;31"
_KINDS: Mapping[DocumentKind, str] = {
    DocumentKind.CLEAN: "clean page",
    DocumentKind.RESIDUE: "page worth keeping, with residue to cut",
    DocumentKind.LINK_FARM: "spun page of a link farm",
    DocumentKind.SPAM: "page of spam",
}
_LABEL_WIDTH = max(len(label) for label in LABELS)
# Control characters and bidirectional overrides of a page must not reach the terminal.
_UNSAFE = [*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_ESCAPES = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _UNSAFE if code != 0x09}


def wants_colour(choice: str, stream: TextIO) -> bool:
    """Whether to colour: ``always``, ``never``, or ``auto`` for a terminal where NO_COLOR is not set."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def visible(text: str) -> str:
    """``text`` with control characters written out."""
    return text.translate(_ESCAPES)


def verdict(prediction: DocumentPrediction) -> str:
    """The page in one line."""
    total = len(prediction.scores.starts)
    counts = Counter(line.label for line in prediction.flagged)
    found = ", ".join(f"{counts[label]} {label.value}" for label in LABELS if counts[label])
    flagged = f"{sum(counts.values())} of {total} {'line' if total == 1 else 'lines'} flagged"
    return (
        f"{_KINDS[prediction.kind]}; probability of spam {percent(prediction.probability)}; "
        f"{flagged}{f' ({found})' if found else ''}"
    )


def percent(probability: float) -> str:
    """A probability for people; never rounded up to certainty."""
    return f"{min(100 * probability, 99.9):.1f} %"


class PageView:
    """Writes judged pages to one stream."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._colour = colour

    def show(
        self, name: str, prediction: DocumentPrediction, explanation: Explanation | None, *, only_flagged: bool
    ) -> None:
        """Write the page, line by line, and its verdict."""
        reasons = {one.line.number: one for one in explanation.lines} if explanation else {}
        for line in prediction.flagged if only_flagged else prediction.lines:
            self._stream.write(self._line(line) + "\n")
            if line.number in reasons:
                self._write_line_reasons(reasons[line.number])
        colour = _VERDICT_COLOURS.get(prediction.kind, _SPAM_COLOUR)
        self._stream.write(self._paint(f"{visible(name)}: {verdict(prediction)}", colour) + "\n")
        if explanation is not None:
            self._write_reasons(explanation.reasons, "")

    def _line(self, line: LinePrediction) -> str:
        chance = percent(line.probability) if line.is_flagged else ""
        label = line.label.value if line.text.strip() else ""
        colour = _COLOURS.get(line.label, "")
        margin = self._paint(f"{line.number + 1:>5}  {label:<{_LABEL_WIDTH}} {chance:>6}", colour)
        return f"{margin}  {self._text(line, colour)}".rstrip()

    def _text(self, line: LinePrediction, colour: str) -> str:
        """The text with its spans marked; where there are spans, only they are foreign."""
        if not line.spans:
            return self._paint(visible(line.text), colour)
        pieces, position = [], 0
        for span in sorted(line.spans, key=lambda span: span.start):
            start, end = span.start - line.start, span.end - line.start
            pieces.append(visible(line.text[position:start]))
            marked = SPAN_OPEN + visible(line.text[start:end]) + SPAN_CLOSE
            pieces.append(self._paint(marked, f"{_SPAN_COLOUR};{_COLOURS[span.label]}"))
            position = end
        return "".join(pieces) + visible(line.text[position:])

    def _write_line_reasons(self, explained: LineExplanation) -> None:
        self._write_reasons(explained.reasons, "")
        for span, reasons in explained.spans:
            start, end = span.start - explained.line.start, span.end - explained.line.start
            quoted = visible(explained.line.text[start:end])
            self._write_reasons(reasons, f"{SPAN_OPEN}{quoted}{SPAN_CLOSE}: ")

    def _write_reasons(self, reasons: Sequence[Reason], subject: str) -> None:
        for reason in reasons:
            weight = "" if reason.weight is None else f" ({reason.weight:+.2f})"
            text = f"       because {subject}{visible(reason.text)}{weight}"
            self._stream.write(self._paint(text, "2") + "\n")

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour and text else text
