"""Universal Dependencies: plain sentences of treebanks, all of them clean text."""

from collections.abc import Iterable, Iterator

from training.documents import LabelledDocument, LabelledLine
from training.sources.fetch import SourceError, SourceFiles
from training.sources.pins import TreebankPin

__all__ = ["conllu_sentences", "read_ud"]

_BLOCK = 25
"""Sentences to a document, and to a block of the rule that holds sentences back for evaluation."""


def read_ud(
    pins: Iterable[TreebankPin], files: SourceFiles, *, commercial_only: bool = True
) -> Iterator[LabelledDocument]:
    """Yield the sentences of the treebanks in documents of 25 consecutive ones, each sentence a clean line.

    A block of 25 is one document even where the treebank marks document boundaries: most do not, and the
    blocks held back for evaluation are counted through.

    Args:
        pins: The treebanks, in the order in which their documents come out.
        files: Where their files come from.
        commercial_only: Leave out treebanks whose licence forbids commercial use.

    Raises:
        SourceError: If a file is missing, altered or no CoNLL-U.
    """
    for pin in pins:
        if commercial_only and not pin.source.commercial_use:
            continue
        for path in pin.source.files:
            data = files.read(pin.source, path)
            try:
                sentences = conllu_sentences(data.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise SourceError(f"{pin.source.name}/{path}: not UTF-8 ({error})") from error
            if not sentences:
                raise SourceError(f"{pin.source.name}/{path}: no CoNLL-U, for no line begins with '# text ='")
            yield from _documents(pin, path, sentences)


def conllu_sentences(content: str) -> list[str]:
    """Return the sentences of a CoNLL-U file, in file order: what follows ``# text =``, trimmed."""
    sentences = []
    for line in content.split("\n"):
        if line.startswith("# text ="):
            sentences.append(line.removeprefix("# text =").strip())
    return sentences


def _documents(pin: TreebankPin, path: str, sentences: list[str]) -> Iterator[LabelledDocument]:
    stem = path.removesuffix(".conllu")
    for block, start in enumerate(range(0, len(sentences), _BLOCK)):
        if path in pin.reserved_files and block % 4 == 3:
            continue
        yield LabelledDocument(
            document_id=f"ud-{stem}-{block:04d}",
            source=pin.source.name,
            language=pin.language,
            lines=tuple(LabelledLine(text, "clean") for text in sentences[start : start + _BLOCK]),
            page_type=None,
            spam=False,
        )
