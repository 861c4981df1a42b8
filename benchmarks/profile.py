"""Nanoseconds per byte, step by step.

python -m benchmarks.profile --mirror DIR [--model DIR] [--write]
"""

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.material import mix_material, pages_of, read_public
from benchmarks.report import machine, table, write_between
from benchmarks.timing import pin_to_one_core
from spamfilter import Predictor
from training.program import run

_DOCUMENT = Path(__file__).parent.parent / "docs" / "profile.md"
_STEPS = (
    ("spamfilter.predictor", "Predictor._predict_batch", "whole batch", 0),
    ("spamfilter.pipeline", "encode_documents", "encode: text to folded characters and lines", 1),
    ("spamfilter.pipeline", "tokenize", "tokenize: characters to tokens and hashes", 1),
    ("spamfilter.line_model", "LineModel.score", "line stage: tokens to logits", 1),
    ("spamfilter.line_model", "LineModel.token_words", "weights of all tokens and pairs", 2),
    ("spamfilter.line_model", "LineModel.part_words", "words that the vocabulary lacks", 3),
    ("spamfilter.pipeline", "page_features", "facts about lines, related words", 1),
    ("spamfilter.pipeline", "strongest_tokens", "strongest tokens of lines", 1),
    ("spamfilter.pipeline", "judge_lines", "context: both looks", 1),
    ("spamfilter.context_model", "ContextModel.look_again", "second look", 2),
    ("spamfilter.pipeline", "find_candidates", "span stage", 1),
    ("spamfilter.span_model", "SpanModel.boundary_scores", "boundary scores", 2),
    ("spamfilter.span_model", "rivals", "rivals of stretches", 2),
    ("spamfilter.span_model", "describe_candidates", "numbers of candidates", 2),
    ("spamfilter.pipeline", "page_sums", "sums of pages", 1),
    ("spamfilter.pipeline", "document_features", "document numbers", 1),
    ("spamfilter.pipeline", "document_scores", "cutting into documents", 1),
    ("spamfilter.kernel", "score_batch", "compiled: tokens, stages, cutting into documents", 1),
    ("spamfilter.predictor", "decide", "decisions", 1),
)
"""Module, attribute, what it is, depth; a step that a later version lacks is left out."""


@contextmanager
def stopwatch(clock: Callable[[], float]) -> Iterator[dict[str, float]]:
    """Add up the seconds spent in each of ``_STEPS`` while the context lasts."""
    seconds: dict[str, float] = {}
    undo: list[tuple[Any, str, Any]] = []
    for module, path, name, _ in _STEPS:
        holder: Any = importlib.import_module(module)
        *classes, attribute = path.split(".")
        for part in classes:
            holder = getattr(holder, part, None)
        if holder is None or not hasattr(holder, attribute):
            continue
        original = getattr(holder, attribute)
        undo.append((holder, attribute, original))
        setattr(holder, attribute, _timed(original, name, seconds, clock))
    try:
        yield seconds
    finally:
        for holder, attribute, original in undo:
            setattr(holder, attribute, original)


def _timed(function: Any, name: str, seconds: dict[str, float], clock: Callable[[], float]) -> Any:
    def timed(*arguments: Any, **named: Any) -> Any:
        begun = clock()
        result = function(*arguments, **named)
        seconds[name] = seconds.get(name, 0.0) + clock() - begun
        return result

    return timed


def profile(predictor: Predictor, documents: Sequence[str], pages: Sequence[str], rounds: int) -> str:
    """A table of nanoseconds per byte over ``documents`` and microseconds for one of ``pages``, medians of rounds."""
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in documents)
    batches: list[dict[str, float]] = []
    singles: list[dict[str, float]] = []
    for _ in range(rounds):
        with stopwatch(time.process_time) as seconds:
            for _prediction in predictor.predict_many(documents):
                pass
        batches.append(seconds)
        with stopwatch(time.perf_counter) as seconds:
            for page in pages:
                predictor.predict(page)
        singles.append(seconds)
    rows = []
    for _, _, name, depth in _STEPS:
        if name not in batches[0]:
            continue
        each = statistics.median(row[name] for row in batches) / size * 1e9
        single = statistics.median(row[name] for row in singles) / len(pages) * 1e6
        whole = statistics.median(row["whole batch"] for row in batches) / size * 1e9
        rows.append(["&emsp;" * depth + name, f"{each:.1f}", f"{each / whole:.0%}", f"{single:.0f}"])
    return table(["step", "ns/byte", "share", "µs for one page of 3,000 characters"], rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the profile; returns the exit code."""
    return run("profile", lambda: _print_profile(argv))


def _print_profile(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__.split("\n")[0])
    parser.add_argument("--mirror", type=Path, required=True, help="local folder with the public sources")
    parser.add_argument("--model", type=Path, help="model folder; the shipped one by default")
    parser.add_argument("--megabytes", type=float, default=5.0, help="text to time on")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into docs/profile.md")
    arguments = parser.parse_args(argv)
    predictor = Predictor.load(arguments.model)
    documents = mix_material(read_public(arguments.mirror), arguments.megabytes, seed=0).documents
    pin_to_one_core()
    text = f"{machine()}.\n\n" + profile(predictor, documents, pages_of(documents, 40), arguments.rounds)
    print(text)
    if arguments.write:
        write_between(_DOCUMENT, "profile", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
