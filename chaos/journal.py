"""The journal of a program. It imports next to nothing, since there may be hundreds of programs."""

from __future__ import annotations

import os
import time


class Journal:
    """Lines of words, which outlive the program once they are flushed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._lines: list[str] = []

    def write(self, word: str, *others: object) -> None:
        """Adds a line: what happened, when, and the rest. It is kept back until `flush`."""
        self._lines.append(f"{word} {time.monotonic():.4f} {' '.join(map(str, others))}\n")

    def note(self, word: str, *others: object) -> None:
        """Adds a line and flushes."""
        self.write(word, *others)
        self.flush()

    def flush(self) -> None:
        """Hands all lines to the kernel, in one write."""
        if self._lines:
            os.write(self._file, "".join(self._lines).encode())
            self._lines.clear()
