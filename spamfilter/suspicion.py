"""Which lines the span stage looks at: a logistic regression on context numbers and on the strongest few tokens.

Four tokens in five of ordinary pages stand in lines that hold no foreign stretch that would ever be reported. To find
that out costs a fraction of what the span stage costs a token.
"""

import numpy as np
from numpy.typing import NDArray

from spamfilter import elementary
from spamfilter.dense_model import GRAIN, DenseModel
from spamfilter.line_model import FIELD_BITS, LineModel, Words
from spamfilter.page_features import FEATURE_NAMES, PageFeatures
from spamfilter.tokens import TokenBatch

_STRONGEST_NAMES = ("spam in four tokens", "spam in four unrelated tokens", "tokens of the line")
SUSPICION_NAMES: tuple[str, ...] = (*FEATURE_NAMES, *_STRONGEST_NAMES)
_SPAM_LIMIT = 4096


def are_suspicious(
    model: DenseModel, partial: NDArray[np.float64], strongest: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which lines may hold a foreign stretch, bool (n,).

    Args:
        model: column 1 is the log-odds, shifted so that lines from 0 on are looked at.
        partial: float64 (n,), what the context numbers add to the log-odds: all sums are exact, in any order.
        strongest: float64 (n, 3), as ``strongest_tokens`` gives them.
    """
    suspicious: NDArray[np.bool_] = partial + strongest @ model.weights[len(FEATURE_NAMES) :, 1] >= -model.bias[1]
    return suspicious


def strongest_tokens(
    line_model: LineModel, tokens: TokenBatch, words: Words, page: PageFeatures
) -> NDArray[np.float64]:
    """What the lines of ``page`` hold at most in any four tokens in a row, float64 (r, 3), multiples of 1/256.

    The sum of their spam weights; the same times the idf-weighted share of their words that the rest of the body
    lacks. Then the logarithm of the number of tokens.
    """
    result = np.empty((len(_STRONGEST_NAMES), len(page.lines)))
    if not len(page.lines):
        return result.T
    starts = tokens.line_tokens.take(page.lines)
    result[2] = elementary.log1p(tokens.line_tokens.take(page.lines + 1) - starts)
    result[:2] = _strongest_of_four(words, tokens.line_tokens, starts + 1, page)
    result[:2] /= line_model.scale
    result *= GRAIN
    np.rint(result, out=result)
    result /= GRAIN
    return result.T


def _strongest_of_four(
    words: Words, line_tokens: NDArray[np.int64], starts: NDArray[np.int64], page: PageFeatures
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The first two of ``strongest_tokens``, neither scaled nor rounded; ``starts``: first token of each line."""
    sums = _sums_of_four(_spam_weights(words), line_tokens)
    # Two sums below 2**10 share a number.
    idf = page.words.unrelated_idf.astype(np.int32)
    idf <<= 16
    idf += page.words.idf
    unrelated = _sums_of_four(idf, line_tokens) >> 16
    idf &= 0xFFFF
    # Whole numbers below 2**24: float32 holds them, and a quotient is rounded the same wherever it stands.
    shares = unrelated.astype(np.float32)
    shares /= np.maximum(idf, 1, out=idf).astype(np.float32)
    shares *= sums
    return np.maximum.reduceat(sums, starts), np.maximum.reduceat(shares, starts)


def _spam_weights(words: Words) -> NDArray[np.int32]:
    """Spam weight of each token, the lowest field of its first packed word, limited; int32 (t,)."""
    # The field lies in the lower half of the word, so half the memory will do; shifts extend its sign.
    spam = words[0].astype(np.int32)
    spam <<= 32 - FIELD_BITS
    spam >>= 32 - FIELD_BITS
    return np.minimum(np.maximum(spam, -_SPAM_LIMIT, out=spam), _SPAM_LIMIT, out=spam)


def _sums_of_four(values: NDArray[np.int32], line_tokens: NDArray[np.int64]) -> NDArray[np.int32]:
    """Sum of each token and the three behind it, as far as the line goes; 0 at line ends; (t,), in place."""
    last = line_tokens[1:] - 1
    values[line_tokens] = 0
    values[:-1] += values[1:]
    values[line_tokens] = 0
    # What stands two behind the last token of a line belongs to the next line.
    alone = values.take(last)
    values[:-2] += values[2:]
    values[last] = alone
    values[line_tokens] = 0
    return values
