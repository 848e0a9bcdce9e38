"""A small service for tests of the executive: every node keeps the same list of entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from openais.messages.base import Message, Request, ServiceId, Source, callback, group_message, request
from openais.services.base import (
    Callback,
    ComponentState,
    ConfigurationChange,
    Effects,
    JoinGroup,
    LibraryConnection,
    LocalNode,
    Reply,
    Service,
    SetTimer,
    ToGroup,
    executive,
    library,
)
from openais.types import Exists, NodeId, Priority, Version

SERVICE_ID = ServiceId.EXAMPLE
"""With numbers that the examples of the documentation do not reach."""


class Entries(Message, frozen=True):
    entries: tuple[str, ...]


@request(SERVICE_ID, 240, response=Entries)
class Read(Request, frozen=True):
    pass


class Written(Message, frozen=True):
    place: int


@request(SERVICE_ID, 241, response=Written)
class Write(Request, frozen=True):
    entry: str
    priority: int = Priority.MED
    copies: int = 1
    wait: bool = False


class Bulk(Message, frozen=True):
    data: bytes


@request(SERVICE_ID, 242, response=Bulk)
class GetBulk(Request, frozen=True):
    size: int


class Armed(Message, frozen=True):
    pass


@request(SERVICE_ID, 243, response=Armed)
class Arm(Request, frozen=True):
    after_s: float | None


class Unanswered(Message, frozen=True):
    pass


@request(SERVICE_ID, 244, response=Unanswered)
class SendBig(Request, frozen=True):
    size: int


@callback(SERVICE_ID, 240)
class Appended(Message, frozen=True):
    entry: str
    origin: NodeId


@group_message(SERVICE_ID, 240)
class Append(Message, frozen=True):
    source: Source | None
    entry: str
    echoes: int = 0


@group_message(SERVICE_ID, 241)
class LedgerState(Message, frozen=True):
    entry: str


class Ledger(Service):
    """Appends entries in the total order. `history` holds what happened to the service, for tests to compare."""

    service_id = SERVICE_ID
    versions = (Version("B", 3, 2), Version("B", 1, 1), Version("D", 1, 0))

    def __init__(self, node: LocalNode) -> None:
        super().__init__(node)
        self.entries: list[str] = []
        self.history: list[str] = []
        self.quorate: list[bool] = []
        self.connections: dict[int, LibraryConnection] = {}

    def configuration_changed(self, change: ConfigurationChange) -> Effects:
        kind = "transitional" if change.configuration.transitional else "regular"
        self.history.append(f"{kind} {list(change.configuration.members)}")
        return ()

    def state_to_transfer(self) -> Iterator[Message]:
        return (LedgerState(entry) for entry in self.entries)

    def merge_states(self, states: Sequence[ComponentState]) -> Effects:
        components = [(list(state.members), [message.entry for message in _entries(state)]) for state in states]
        self.history.append(f"merge {components}")
        merged = sorted({entry for _, entries in components for entry in entries})
        self.entries[:] = merged
        return ()

    def synchronized(self, change: ConfigurationChange) -> Effects:
        self.history.append(f"synchronized {list(change.configuration.members)}")
        self.quorate.append(change.quorate)
        return ()

    def library_opened(self, connection: LibraryConnection) -> Effects:
        self.connections[connection.connection] = connection
        yield JoinGroup(b"ledgers")

    def library_closed(self, connection: int) -> Effects:
        del self.connections[connection]
        yield ToGroup(Append(None, f"closed {self.node.node_id}/{connection}"))

    def timer(self, name: str) -> Effects:
        yield ToGroup(Append(None, f"timer {name} of {self.node.node_id}"))

    def describe(self) -> dict[str, Any]:
        return {"entries": list(self.entries)}

    @library(Read)
    def read(self, caller: Source, request: Read) -> Effects:
        yield Reply(caller, Entries(tuple(self.entries)))

    @library(Write, sends=lambda request: Priority(request.priority), waits=lambda request: bool(request.wait))
    def write(self, caller: Source, request: Write) -> Effects:
        if request.entry in self.entries:
            raise Exists(f"write: {request.entry} is there")
        for copy in range(request.copies):
            source = caller if copy == request.copies - 1 else None
            yield ToGroup(Append(source, request.entry, 0), Priority(request.priority))

    @library(GetBulk)
    def get_bulk(self, caller: Source, request: GetBulk) -> Effects:
        yield Reply(caller, Bulk(bytes(request.size)))

    @library(Arm)
    def arm(self, caller: Source, request: Arm) -> Effects:
        yield SetTimer("alarm", request.after_s)
        yield Reply(caller, Armed())

    @library(SendBig, sends=Priority.MED)
    def send_big(self, caller: Source, request: SendBig) -> Effects:
        yield ToGroup(Append(None, "x" * request.size))

    @executive(Append)
    def append(self, origin: NodeId, message: Append) -> Effects:
        self.history.append(message.entry)
        self.entries.append(message.entry)
        if message.source is not None:
            yield Reply(message.source, Written(len(self.entries)))
        yield Callback(tuple(self.connections), Appended(message.entry, origin))
        for echo in range(message.echoes):
            yield ToGroup(Append(None, f"{message.entry} echo {echo} of {self.node.node_id}"))


def _entries(state: ComponentState) -> list[LedgerState]:
    assert all(isinstance(message, LedgerState) for message in state.messages)
    return [message for message in state.messages if isinstance(message, LedgerState)]
