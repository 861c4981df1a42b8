"""Named errors. Every message names the thing that is wrong and how to mend it."""


class SpamfilterError(Exception):
    """Base of all errors that this package raises on its own account."""


class ModelError(SpamfilterError):
    """A model folder is missing, truncated, altered, oversized, foreign, of another schema version or not writable."""


class InputError(SpamfilterError):
    """An input file or record cannot be read as what it is said to be."""
