"""Finds spam and link-farm residue in web text, line by line."""

from spamfilter.errors import InputError, ModelError, SpamfilterError
from spamfilter.labels import FLAGGED_LABELS, LABELS, Label
from spamfilter.predictor import Predictor
from spamfilter.results import DocumentKind, DocumentPrediction, LinePrediction, Span

__version__ = "0.1.0"
__all__ = [
    "FLAGGED_LABELS",
    "LABELS",
    "DocumentKind",
    "DocumentPrediction",
    "InputError",
    "Label",
    "LinePrediction",
    "ModelError",
    "Predictor",
    "SpamfilterError",
    "Span",
    "__version__",
]
