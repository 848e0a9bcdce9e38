"""The connections of libraries: what arrived and waits to be served, what was produced and is not read yet.

A library that does not read is first throttled: above `queue_bytes_throttle` outstanding bytes its requests wait, and
the runtime is told not to read more from it. Above `queue_bytes_max` it is disconnected: its queue is kept in order,
a Goodbye follows that tells why, and the connection is closed after a grace. What is not read by then is dropped, but
for the Goodbye, which waits a little longer for a library that wakes up late. So the memory for one connection is
bounded, and nobody else waits for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from openais.executive.effects import CloseLibrary, ToLibrary
from openais.executive.routing import LibraryRoute
from openais.messages.base import Kind, encode
from openais.messages.frame import FRAME_MAX, Frame, FrameReader, Pieces, pack
from openais.messages.session import GOODBYE_NUMBER, Goodbye
from openais.messages.shared import SharedMemory
from openais.services.base import Service
from openais.types import ErrorCode, Priority, Version

JOINED_BYTES: Final = 32 * 1024
"""Bytes of a write up to which its pieces are joined: to copy them costs less than to hand them on one by one."""


@dataclass(slots=True, frozen=True)
class Credentials:
    """Who is at the other end of a connection, as the kernel tells."""

    process_id: int
    user_id: int
    group_id: int


@dataclass(slots=True, frozen=True)
class Limits:
    """The limits of the executive. Sizes in bytes."""

    frame_max: int = FRAME_MAX
    """The largest frame taken from a library."""
    connections_max: int = 1024
    queue_bytes_max: int = 64 * 1024 * 1024
    """Produced for a connection and not read by it: above this it is disconnected."""
    queue_bytes_throttle: int = 4 * 1024 * 1024
    """Above this its requests wait."""
    goodbye_grace_s: float = 5.0
    """How long a connection that is closed may still read what is queued."""
    message_max: int = 1024 * 1024 + 65536
    """The largest group message, without its groups; at most the `message_max` of the ring."""
    deferred_max: int = 65536
    """Group messages that cannot be refused and wait for the ring; above this the executive must stop."""


Share: TypeAlias = Callable[[], tuple[SharedMemory, int] | None]
"""Makes memory to share with the library of a connection, and has its descriptor go with what is written to it next;
answers with the bytes for each direction too. None when there is to be none."""


class Connection:
    """One connection. `outstanding` counts the bytes produced and not yet reported as written."""

    __slots__ = (
        "closing",
        "credentials",
        "goodbye",
        "number",
        "outstanding",
        "pending",
        "pending_bytes",
        "reader",
        "routes",
        "service",
        "share",
        "shared",
        "version",
        "waiting",
        "waits_for",
    )

    def __init__(self, number: int, credentials: Credentials, frame_max: int, share: Share | None) -> None:
        self.number: Final = number
        self.credentials: Final = credentials
        self.reader: Final = FrameReader(frame_max)
        self.share: Final = share
        self.shared: SharedMemory | None = None
        self.waiting: Final[deque[Frame]] = deque()
        """Requests that arrived and are not served yet."""
        self.waits_for: Priority | None = None
        """The queue on which the first of these waits for room."""
        self.pending: list[bytes | memoryview] = []
        """Frames produced during the present input, in pieces."""
        self.pending_bytes = 0
        self.goodbye = b""
        """The last frame, once there is one: it follows those pending, in a write of its own."""
        self.outstanding = 0
        self.closing = ""
        """Why Goodbye was said; nothing is taken from it, nothing more is sent to it since. Empty while it is open."""
        self.service: Service | None = None
        """Set by Initialize, with the version in force and the routes of its requests."""
        self.version: Version | None = None
        self.routes: dict[int, LibraryRoute] = {}


class Connections:
    """All connections by number; what is to be written to them; those that were ended by the executive."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_number: dict[int, Connection] = {}
        self._touched: dict[int, Connection] = {}
        """Those with something to write, or whose throttling may have changed."""
        self._closes: dict[int, CloseLibrary] = {}
        self.ended: list[Connection] = []
        """Closed by the executive, and their services are still to be told."""
        self.paused: Final[set[int]] = set()
        """Connections that the runtime is not to read from."""

    def __len__(self) -> int:
        return len(self._by_number)

    def numbers(self) -> list[int]:
        """The numbers of all connections, in the order in which they were opened."""
        return list(self._by_number)

    def add(self, number: int, credentials: Credentials, share: Share | None) -> Connection:
        """A new connection; asserts that its number is not in use."""
        assert number not in self._by_number, f"connection {number} is there already"
        connection = Connection(number, credentials, self._limits.frame_max, share)
        self._by_number[number] = connection
        return connection

    def get(self, number: int) -> Connection | None:
        """The connection, unless it is gone or closing."""
        connection = self._by_number.get(number)
        return None if connection is None or connection.closing else connection

    def remove(self, number: int) -> Connection | None:
        """Forgets a connection that the runtime has closed."""
        self._touched.pop(number, None)
        self._closes.pop(number, None)
        self.paused.discard(number)
        return self._by_number.pop(number, None)

    def send(self, number: int, *frame: bytes | memoryview) -> None:
        """Queues a frame, be it in pieces; says goodbye when that is more than may be outstanding."""
        connection = self._by_number.get(number)
        if connection is None or connection.closing:
            return
        if connection.shared is not None:
            frame = connection.shared.carry(frame)
        connection.pending += frame
        length = sum(map(len, frame))
        connection.pending_bytes += length
        connection.outstanding += length
        self._touched[number] = connection
        if connection.outstanding > self._limits.queue_bytes_max:
            reason = f"{connection.outstanding} bytes were not read, expected at most {self._limits.queue_bytes_max}"
            self.goodbye(connection, ErrorCode.NO_RESOURCES, reason)

    def goodbye(self, connection: Connection, code: ErrorCode, reason: str) -> None:
        """Ends a connection from this side: what is queued, then a Goodbye, then the end."""
        if connection.closing:
            return
        connection.goodbye = pack(GOODBYE_NUMBER, Kind.CALLBACK, 0, encode(Goodbye(code, reason[:512])))
        connection.closing = reason
        connection.waiting.clear()
        self._touched[connection.number] = connection
        self._closes[connection.number] = CloseLibrary(connection.number, reason, self._limits.goodbye_grace_s)
        self.ended.append(connection)

    def written(self, number: int, byte_count: int) -> Connection | None:
        """So many bytes left for the kernel. Returns the connection if that lets it be served again."""
        connection = self._by_number.get(number)
        if connection is None:
            return None
        before = self.throttled(connection)
        connection.outstanding -= byte_count
        self._touched[number] = connection
        return connection if before and not self.throttled(connection) and not connection.closing else None

    def throttled(self, connection: Connection) -> bool:
        """Whether its requests wait until it has read more."""
        return connection.outstanding > self._limits.queue_bytes_throttle

    def touch(self, connection: Connection) -> None:
        """Its waiting requests changed."""
        if connection.shared is not None and (told := connection.shared.release()):
            self.send(connection.number, told)
        self._touched[connection.number] = connection

    def flush(self) -> list[ToLibrary | CloseLibrary]:
        """What is to be written and closed since the last call: one ToLibrary for each connection."""
        if not self._touched:
            return []
        effects: list[ToLibrary | CloseLibrary] = []
        for number, connection in self._touched.items():
            if connection.pending:
                effects.append(ToLibrary(number, _write_of(connection)))
                connection.pending, connection.pending_bytes = [], 0
            if connection.closing or connection.waiting or self.throttled(connection):
                self.paused.add(number)
            else:
                self.paused.discard(number)
            if number in self._closes:
                effects += (ToLibrary(number, (connection.goodbye,)), self._closes.pop(number))
        self._touched.clear()
        return effects

    def describe(self) -> list[dict[str, Any]]:
        """For people and tools."""
        return [
            {
                "connection": each.number,
                "process_id": each.credentials.process_id,
                "service": each.service.service_id.name.lower() if each.service else "",
                "version": str(each.version or ""),
                "outstanding_bytes": each.outstanding,
                "requests_waiting": len(each.waiting),
                "closing": each.closing,
            }
            for each in self._by_number.values()
        ]


def _write_of(connection: Connection) -> Pieces:
    """What is pending, in few pieces when it is short."""
    pending = connection.pending
    if len(pending) > 1 and connection.pending_bytes <= JOINED_BYTES * len(pending) // 2:
        return (b"".join(pending),)
    return tuple(pending)
