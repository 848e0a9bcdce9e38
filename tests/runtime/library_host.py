"""A host of library connections that writes down what it is told, and sends back what it is asked to."""

from __future__ import annotations

from collections import defaultdict

from openais.executive.connections import Credentials, Share
from openais.runtime.library_connections import LibraryConnections


class RecordingHost:
    """Records; with `echo`, what a library sends is written back to it."""

    def __init__(self, echo: bool = False) -> None:
        self.connections = LibraryConnections(self)
        self.echo = echo
        self.opened: dict[int, Credentials] = {}
        self.received: dict[int, bytearray] = defaultdict(bytearray)
        self.reads: list[tuple[int, int]] = []
        self.written: dict[int, int] = defaultdict(int)
        self.closed: list[int] = []
        self.held_back: set[int] = set()

    def library_opened(self, connection: int, credentials: Credentials, share: Share) -> None:
        self.opened[connection] = credentials

    def library_data(self, connection: int, data: bytes) -> None:
        self.received[connection] += data
        self.reads.append((connection, len(data)))
        if self.echo:
            self.connections.write(connection, data)
            self.connections.flush()

    def library_written(self, connection: int, byte_count: int) -> None:
        self.written[connection] += byte_count

    def library_closed(self, connection: int) -> None:
        self.closed.append(connection)

    def reading(self, connection: int) -> bool:
        return connection not in self.held_back
