"""What the executive asks of the runtime, to be performed in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from openais.messages.base import ServiceId
from openais.messages.frame import Pieces
from openais.services.base import Log
from openais.totem.effects import Fatal, Multicast, Recorded, SendTo, StoreRingSequence


@dataclass(slots=True, frozen=True)
class ToLibrary:
    """Write these frames to the connection, in order; report progress with `library_written`."""

    connection: int
    pieces: Pieces

    @property
    def data(self) -> bytes:
        """The frames in one piece."""
        return b"".join(self.pieces)


@dataclass(slots=True, frozen=True)
class CloseLibrary:
    """Write what is still queued for at most `grace_s` seconds, then close the connection.

    The last write before this is a Goodbye. When the grace is over it is kept a little longer, in the place of what was
    not read, so that a library that wakes up late is told why.
    """

    connection: int
    reason: str
    grace_s: float = 0.0


@dataclass(slots=True, frozen=True)
class Left:
    """The node has left the ring in order; the runtime may end."""


@dataclass(slots=True, frozen=True)
class AppendLog:
    """Append to the log of a service, off the way of the ring; report with `log_stored`."""

    service: ServiceId
    log: Log


ExecutiveEffect: TypeAlias = (
    SendTo | Multicast | StoreRingSequence | Recorded | Fatal | ToLibrary | CloseLibrary | Left | AppendLog
)
