"""Maps the memory that a library and the executive share (see `messages.shared`)."""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import Final

from openais.client.heap import keep_freed_memory
from openais.messages.shared import SharedMemory


class MappedMemory(SharedMemory):
    """One end of it, mapped in this process; the descriptor may be closed. Raises OSError and ValueError."""

    def __init__(self, descriptor: int, *, executive: bool) -> None:
        """`executive`: the first half is what this end sends, and what it takes is copied.

        Who is given long messages in this way is also made to keep the memory that they leave.
        """
        if not executive:
            keep_freed_memory()
        self._mapping: Final = mmap.mmap(descriptor, 0)
        whole = memoryview(self._mapping)
        half = len(whole) // 2
        first, second = whole[:half], whole[half:]
        self._views: Final = (first, second, whole)
        super().__init__(*((first, second) if executive else (second, first)), copies=executive)

    def close(self) -> None:
        """Gives the memory back, with the descriptor that the mapping holds; it is not used any more."""
        with suppress(BufferError):  # a body is in use: it goes with that
            for view in self._views:
                view.release()
            self._mapping.close()
