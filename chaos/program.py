"""For the programs of a workload: which one this is, where its executive is, and the journal that it writes."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAME: Final = "CHAOS_NAME"
RUN: Final = "CHAOS_RUN"
NODE: Final = "CHAOS_NODE"
SOCKET: Final = "CHAOS_SOCKET"
JOURNAL: Final = "CHAOS_JOURNAL"
"""The environment of a program."""


class Journal:
    """Lines of words, which outlive the program once they are flushed."""

    def __init__(self, path: Path) -> None:
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


@dataclass(slots=True)
class Here:
    """This program. Made by `here`."""

    name: str
    run: int
    node: int
    socket: Path
    journal: Journal
    ended: bool = False
    """Whether it is asked to end."""


def here() -> Here:
    """Who this process is; from now on SIGTERM sets `ended`, and interrupts nothing."""
    environment = os.environ
    found = Here(
        environment[NAME],
        int(environment[RUN]),
        int(environment[NODE]),
        Path(environment[SOCKET]),
        Journal(Path(environment[JOURNAL])),
    )

    def end(number: int, frame: object) -> None:
        found.ended = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return found
