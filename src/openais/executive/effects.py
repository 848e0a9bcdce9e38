"""What the executive asks of the runtime, to be performed in order."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from openais.messages.base import ServiceId
from openais.messages.frame import Pieces
from openais.services.base import Log
from openais.totem.effects import Fatal, Multicast, Recorded, SendTo, StoreRingSequence


class ToLibrary(msgspec.Struct, frozen=True):
    """Write these frames to the connection, in order; report progress with `library_written`."""

    connection: int
    pieces: Pieces

    @property
    def data(self) -> bytes:
        """The frames in one piece."""
        return b"".join(self.pieces)


class CloseLibrary(msgspec.Struct, frozen=True):
    """Write what is still queued for at most `grace_s` seconds, then close the connection.

    The last write before this is a Goodbye. When the grace is over it is kept a little longer, in the place of what was
    not read, so that a library that wakes up late is told why.
    """

    connection: int
    reason: str
    grace_s: float = 0.0


class Left(msgspec.Struct, frozen=True):
    """The node has left the ring in order; the runtime may end."""


class AppendLog(msgspec.Struct, frozen=True):
    """Append to the log of a service, off the way of the ring; report with `log_stored`."""

    service: ServiceId
    log: Log


ExecutiveEffect: TypeAlias = (
    SendTo | Multicast | StoreRingSequence | Recorded | Fatal | ToLibrary | CloseLibrary | Left | AppendLog
)
