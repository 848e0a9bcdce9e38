"""For the programs of a workload: which one this is, where its executive is, and the journal that it writes."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chaos.journal import Journal

NAME: Final = "CHAOS_NAME"
RUN: Final = "CHAOS_RUN"
NODE: Final = "CHAOS_NODE"
SOCKET: Final = "CHAOS_SOCKET"
JOURNAL: Final = "CHAOS_JOURNAL"
"""The environment of a program."""


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
