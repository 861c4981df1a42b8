"""Asks the allocator to keep the memory of a batch for the next one."""

import numpy as np

_LARGE = (32 << 20) - (64 << 10)


def keep_freed_memory() -> None:
    """Raise the sizes from which the C library hands freed memory back to the system.

    Arrays of a batch are freed all at once; handing them back and getting them anew, page by page, takes a third of
    the time of the next batch. The GNU C library raises its limits (M_MMAP_THRESHOLD to the size, M_TRIM_THRESHOLD to
    twice the size) when a large block is freed that was mapped by itself, up to 32 MiB. The block is never written to,
    so it takes no memory but for the pages of its ends; other C libraries and explicit settings (MALLOC_...) are not
    touched.
    """
    np.empty(_LARGE, np.uint8)
