"""The fast path against a plain one: character by character, token by token, with Python's own integers."""

from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spamfilter.line_model import PAIR_LIMIT, SEGMENT_TOKENS, TOKEN_LIMIT, LineModel, pack_fields
from spamfilter.ngrams import LONGEST_WORD, NgramSettings, pair_rows, part_rows, triple_rows
from spamfilter.text import DROPPED, MARK, NEWLINE, SOLO, WORD, encode_documents
from spamfilter.tokens import KIND_LINE_END, KIND_MARK, KIND_SOLO, KIND_WORD, tokenize
from training.char_table import build_char_table

TABLE = build_char_table()
SETTINGS = NgramSettings((3, 4, 5), 10, 11)
BASE, WRAP = 0x9E3779B1, 1 << 32
Token = tuple[int, int, int, int]  # kind, hash, first and last place in the document (document 0 has place 0 before it)
Entry = tuple[int, int]  # table entry, place in the document

PIECES = (
    *("word", "Casino", "a", " ", "  ", ".", ",", "\n", "\r", "\r\n", "\n\r", "é", "e\u0301", "\u200b", "\u00ad"),
    *("ไทย", "한국", "漢字", "😀", "\U0003ffff", "\ud83d", "\ude00", "\0", "²", "𝐀", "ﬁ", "юЖ", "9", "\u200c", "」"),
    "z" * 40,
)
pieces = st.sampled_from(PIECES)
documents = st.lists(st.lists(pieces, max_size=12).map("".join), max_size=4)


def mixed(value: int) -> int:
    value ^= value >> 16
    value = value * 0x85EBCA6B % WRAP
    value ^= value >> 13
    return value * 0xC2B2AE35 % WRAP


def polynomial(codes: list[int]) -> int:
    return sum(code * pow(BASE, place, WRAP) for place, code in enumerate(codes)) % WRAP


def plain_lines(text: str) -> list[list[Entry]]:
    """Entries of the kept characters of each line, the line end last."""
    lines: list[list[Entry]] = []
    line: list[Entry] = []
    for place, character in enumerate(text):
        if text[place : place + 2] == "\r\n":
            continue
        entry = int(TABLE[min(ord(character), len(TABLE) - 1)])
        if not entry & DROPPED:
            line.append((entry, place))
        if character in "\r\n":
            lines.append(line)
            line = []
    if text and text[-1] not in "\r\n":
        lines.append([*line, (NEWLINE, len(text))])
    return lines


def plain_tokens(line: list[Entry], lead: bool) -> list[Token]:
    """Tokens of a line with its line end, and with the line end before it if ``lead``."""
    end = (KIND_LINE_END, mixed(NEWLINE))
    tokens: list[Token] = [(*end, -1, -1)] if lead else []
    entries = [(NEWLINE, -1), *line]
    place = 1
    while place < len(entries) - 1:
        begin = place
        kind = entries[place][0] & (WORD | SOLO | MARK)
        place += 1
        while kind == WORD and entries[place][0] & WORD:
            place += 1
        codes = [entry & 0xFFFF for entry, _ in entries[begin:place]]
        hashed = polynomial(codes)
        if kind == MARK:
            left, right = (bool(entries[beside][0] & (WORD | SOLO | MARK)) for beside in (begin - 1, place))
            hashed = (hashed + (left + 2 * right) * 0x3C6EF372) % WRAP
        if kind:
            number = {WORD: KIND_WORD, SOLO: KIND_SOLO, MARK: KIND_MARK}[kind]
            tokens.append((number, mixed(hashed), entries[begin][1], entries[place - 1][1]))
    return [*tokens, (*end, entries[-1][1], entries[-1][1])]


def plain_parts(token: Token, codes: list[int]) -> list[int]:
    """Rows of the parts of a token with the folded characters ``codes``."""
    shift = 32 - SETTINGS.part_bits
    rows = [mixed((token[1] + 1) % WRAP) >> shift]
    if token[0] != KIND_WORD:
        return rows
    word = codes[:LONGEST_WORD]
    for order in SETTINGS.part_orders:
        for start in range(-1, len(word) + 2 - order):
            stretch = word[max(start, 0) : start + order]
            edges = (start < 0) + 2 * (start + order > len(word))
            rows.append(mixed((polynomial(stretch) + edges * 0x7F4A7C15 + order * 0x1B873593) % WRAP) >> shift)
    return rows


@settings(deadline=None)
@given(documents)
@example(["a\r", "\nb"])
@example(["\ud83d\ude00", "😀"])
@example(["", "\u200b", "x"])
@example(["x" * 32_766 + "\r\n" + "y\u200b" * 20_000 + "\r" * 9, "\nend"])
def test_lines_and_their_places_are_those_of_a_walk_from_character_to_character(texts: list[str]) -> None:
    batch = encode_documents(texts, TABLE)
    line = 0
    for number, text in enumerate(texts):
        lines = plain_lines(text)
        assert batch.document_lines[number] == line
        for entries in lines:
            start, end = int(batch.line_starts[line]), int(batch.line_ends[line])
            assert [int(entry) for entry in batch.chars[start : end + 1]] == [entry for entry, _ in entries]
            places = batch.original_positions(np.arange(start, end + 1), np.full(end + 1 - start, number)).tolist()
            assert places == [place for _, place in entries]
            # A "\r\n" ends the line where its "\r" stands.
            assert batch.original_ends[line] == places[-1] - (text[places[-1] - 1 : places[-1] + 1] == "\r\n")
            line += 1
    assert line == len(batch.line_starts) == batch.document_lines[-1]


@settings(deadline=None)
@given(documents)
@example(["a.b .c. d . 漢.字", "(x)"])
@example(["ab " * 10_922 + "w" * 33_000, "漢" * 40])
def test_tokens_ngrams_pairs_and_triples_are_those_of_a_walk_from_token_to_token(texts: list[str]) -> None:
    batch = encode_documents(texts, TABLE)
    tokens = tokenize(batch)
    plain: list[Token] = [(KIND_LINE_END, mixed(NEWLINE), -1, -1)]
    for text in texts:
        for line in plain_lines(text):
            plain += plain_tokens(line, lead=False)
    hashes = [token[1] for token in plain]
    assert tokens.kinds.tolist() == [token[0] for token in plain]
    assert tokens.hashes.tolist() == hashes
    shift = 32 - SETTINGS.pair_bits
    pairs = [mixed((first * BASE + second) % WRAP) >> shift for first, second in pairwise(hashes)]
    assert pair_rows(tokens, SETTINGS).tolist() == pairs
    middles, triples = triple_rows(tokens, SETTINGS)
    assert middles.tolist() == [place for place, token in enumerate(plain) if token[0] == KIND_SOLO]
    for middle, row in zip(middles, triples, strict=True):
        before, own, behind = hashes[middle - 1 : middle + 2]
        head = mixed((before * 0x85EBCA77 + own) % WRAP)
        assert row == mixed((head * 0xC2B2AE3D + behind) % WRAP) >> shift
    places, rows = part_rows(tokens, np.arange(len(plain)), SETTINGS)
    for place, token in enumerate(plain):
        codes = (batch.chars[tokens.begins[place] : tokens.ends[place]] & np.uint32(0xFFFF)).tolist()
        assert sorted(rows[places == place].tolist()) == sorted(plain_parts(token, codes))


def random_fields(count: int, limit: int) -> list[list[int]]:
    random = np.random.default_rng(count)
    rows: list[list[int]] = random.integers(-limit, limit + 1, (count, 6)).tolist()
    return [[*row[:5], abs(row[5])] for row in rows]


PARTS, PAIRS = random_fields(1 << SETTINGS.part_bits, PAIR_LIMIT), random_fields(1 << SETTINGS.pair_bits, PAIR_LIMIT)
MODEL = LineModel(
    settings=SETTINGS,
    part_table=pack_fields(np.array([*PARTS, [0] * 6])),
    pair_table=pack_fields(np.array(PAIRS)),
    vocabulary_hashes=np.ones(1, np.uint32),
    vocabulary_words=np.zeros((1, 2), np.int64),
    scale=50.0,
    bias=np.array([-1.0, -2.0, -3.0, -4.0, -0.5]),
)


def add(fields: list[list[int]]) -> list[int]:
    return [sum(column) for column in zip(*fields, strict=True)]


@settings(deadline=None)
@given(st.lists(pieces, max_size=300).map("".join))
@example("one " * 63 + "\n" + "two " * 64 + "\n" + "three " * 200 + "a" * 40)
def test_scores_are_the_sums_that_integers_without_limit_give(text: str) -> None:
    batch = encode_documents([text], TABLE)
    tokens = tokenize(batch)
    scores = MODEL.score(tokens)
    places, rows = part_rows(tokens, np.arange(len(tokens.kinds)), SETTINGS)
    weights: list[list[int]] = []
    for place, pair in enumerate(pair_rows(tokens, SETTINGS).tolist()):
        parts = add([PARTS[row] for row in rows[places == place]])
        weights.append(add([[max(-TOKEN_LIMIT, min(TOKEN_LIMIT, value)) for value in parts], PAIRS[pair]]))
    for middle, triple in zip(*triple_rows(tokens, SETTINGS), strict=True):
        weights[middle] = add([weights[middle], PAIRS[triple]])

    def logits(fields: list[list[int]]) -> list[float]:
        total = add(fields)
        norm = float(np.sqrt(max(total[5], 1))) * MODEL.scale
        return [value / norm + float(bias) for value, bias in zip(total, MODEL.bias, strict=False)]

    for line, (first, stop) in enumerate(pairwise(tokens.line_tokens.tolist())):
        own = weights[first:stop]
        assert scores.logits[line].tolist() == logits(own)
        pieces_of_line = [own[start : start + SEGMENT_TOKENS] for start in range(0, len(own), SEGMENT_TOKENS)]
        assert scores.strongest[line] == max(logits(piece)[0] for piece in pieces_of_line)
