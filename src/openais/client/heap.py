"""What the C library does with memory that is freed."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from functools import cache
from typing import Final

LONGEST_BLOCK: Final = 2 * 1024 * 1024
"""Bytes of the largest block that is cut from the heap, not mapped on its own: holds the longest messages."""
KEPT_BYTES: Final = 16 * 1024 * 1024
"""Bytes at the end of the heap that are not in use and not given back, at most."""
SETTINGS: Final = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
"""Environment variables with which a user decides this; then nothing is changed."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


@cache
def keep_freed_memory(longest_block: int = LONGEST_BLOCK, kept_bytes: int = KEPT_BYTES) -> None:
    """Has this process keep the memory that messages leave for the next ones.

    Otherwise glibc gives it back and takes it anew all the time, and the kernel clears every page of it. Nothing
    happens with another C library, or when the user has set it.
    """
    if any(name in os.environ for name in SETTINGS):
        return
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, longest_block)
        mallopt(_M_TRIM_THRESHOLD, kept_bytes)
