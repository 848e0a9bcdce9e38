"""The service handler: what a service is to the executive.

A service is a replicated state machine. Each executive has one instance of it; all instances are given the same
group messages and configuration changes in the same order, and so keep the same state.

    class Lock(Service):
        service_id = ServiceId.EXAMPLE
        versions = (Version("A", 1, 1),)

        @library(Acquire, sends=Priority.MED)
        def acquire(self, caller: Source, request: Acquire) -> Effects:
            yield ToGroup(LockAcquire(caller, request.name))

        @executive(LockAcquire)
        def lock_acquire(self, origin: NodeId, message: LockAcquire) -> Effects:
            ...
            yield Reply(message.source, Acquired())

Handlers return or yield effects; they run to their end before anything is performed. A `library` handler runs only on
the node of the caller and may read `self.node`; an `executive` handler runs on every node and must be deterministic:
no local-only data, no clock, no unordered iteration. A `Reply` or a `Callback` on nodes other than that of the
connection does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

import msgspec

from openais.messages.base import Message, Request, ServiceId, Source
from openais.totem.effects import Configuration
from openais.types import ErrorCode, Guarantee, NodeId, Priority, TimeNs, Version


class Reply(msgspec.Struct, frozen=True):
    """Answers the call `to`."""

    to: Source
    response: Message


class Refuse(msgspec.Struct, frozen=True):
    """Answers the call `to` with an error; `explanation` says where and what was expected."""

    to: Source
    code: ErrorCode
    explanation: str = ""


class Callback(msgspec.Struct, frozen=True):
    """Puts a message on the dispatch queue of connections of this node; it is encoded once for all of them."""

    connections: tuple[int, ...]
    message: Message


class ToGroup(msgspec.Struct, frozen=True):
    """Multicasts a group message to all executives (`groups` empty), or to those whose node joined one of `groups`."""

    message: Message
    priority: Priority = Priority.MED
    guarantee: Guarantee = Guarantee.AGREED
    groups: tuple[bytes, ...] = ()


class JoinGroup(msgspec.Struct, frozen=True):
    """From here on this node is given the messages of `group`.

    The ring looks at groups when it delivers, which may be some messages ahead: join before the message is multicast
    that tells the others, not when it is delivered.
    """

    group: bytes


class LeaveGroup(msgspec.Struct, frozen=True):
    """From here on it is not."""

    group: bytes


class SetTimer(msgspec.Struct, frozen=True):
    """Calls `timer(name)` of this service on this node after `after_s` seconds; None ends it. One timer a name."""

    name: str
    after_s: float | None


class Note(msgspec.Struct, frozen=True):
    """Tells people: the log, and the flight recorder."""

    text: str


class Log(msgspec.Struct, frozen=True):
    """Appends records to the log of this service on the disk of this node; `stored(token)` is called afterwards."""

    token: int
    """Rises from one to the next."""
    records: tuple[bytes, ...] = ()
    """They go to the log, and to a new one that was begun as well."""
    snapshot: tuple[bytes, ...] = ()
    """These go to the new log only, behind `records`."""
    begins: bool = False
    """A new log begins, between `records` and `snapshot`."""
    replaces: bool = False
    """The new log has what the old one cannot go on from: nothing more goes to that."""
    completes: bool = False
    """The new log is complete, and takes the place of the old one."""


Effect: TypeAlias = Reply | Refuse | Callback | ToGroup | JoinGroup | LeaveGroup | SetTimer | Note | Log
Effects: TypeAlias = Iterable[Effect]


@dataclass(slots=True)
class LocalNode:
    """This node, as its services see it. Local: executive handlers must not read it to change replicated state."""

    node_id: NodeId
    name: str
    address: str
    boot_timestamp_ns: TimeNs
    wall_time_ns: TimeNs = TimeNs(0)
    """The wall clock at the input being handled; kept by the executive."""
    incarnation: int = 0
    """Higher at every start of this node, also when the clock was set back: milliseconds, and 16 bits of chance."""


class ConfigurationChange(msgspec.Struct, frozen=True):
    """What a service is told of a configuration change."""

    configuration: Configuration
    quorate: bool
    """Whether this component has quorum (always true when no quorum is configured)."""


class ComponentState(msgspec.Struct, frozen=True):
    """The state that one component of the old membership brings to a merge."""

    members: tuple[NodeId, ...]
    sender: NodeId
    messages: tuple[Message, ...]
    """What the `state_to_transfer` of `sender` gave, in order."""


class LibraryConnection(msgspec.Struct, frozen=True):
    """A library that opened a session with a service on this node."""

    connection: int
    """A number that no other connection of this executive has or had."""
    process_id: int
    process_name: str
    user_id: int
    version: Version


class Service:
    """Base of all services. Override what the service needs."""

    service_id: ClassVar[ServiceId]
    versions: ClassVar[tuple[Version, ...]]
    """The versions supported, best first."""

    def __init__(self, node: LocalNode) -> None:
        self.node = node

    def configuration_changed(self, change: ConfigurationChange) -> Effects:
        """A transitional or regular configuration was installed (confchg_fn)."""
        return ()

    def state_to_transfer(self) -> Iterator[Message]:
        """The state of this component, as group messages of this service, each at most 64 KiB when encoded."""
        return iter(())

    def merge_states(self, states: Sequence[ComponentState]) -> Effects:
        """Replaces the state by the merge of the components' states, the own one among them, lowest node id first.

        Called on every node at the same place of the order, after a regular configuration in which components met.
        """
        return ()

    def synchronized(self, change: ConfigurationChange) -> Effects:
        """The state is complete in this regular configuration.

        Messages that were delivered in it so far were held back, on every node, and are given after this.
        """
        return ()

    def library_opened(self, connection: LibraryConnection) -> Effects:
        """A library opened a session (libais_init_fn). Callbacks made here follow the answer that it is open."""
        return ()

    def library_closed(self, connection: int) -> Effects:
        """Its connection is gone (libais_exit_fn). What is multicast here is queued and retried until it is sent."""
        return ()

    def timer(self, name: str) -> Effects:
        """The timer `name` expired on this node. Changes no replicated state: it multicasts."""
        return ()

    def stored(self, token: int) -> Effects:
        """All that was to be logged with tokens up to this one is on disk, as safe as the settings want it."""
        return ()

    def describe(self) -> dict[str, Any]:
        """The state, for people and tools; JSON values only."""
        return {}


class LibraryHandler(msgspec.Struct, frozen=True):
    """A method that handles a library request, as `@library` marked it."""

    request: type[Request]
    name: str
    sends: Callable[[Any], Priority] | None
    """Which queue the handler sends on, from the request; None when it sends nothing."""
    waits: Callable[[Any], bool] | None
    """Whether the request waits for room on that queue; None when none does."""


class ExecutiveHandler(msgspec.Struct, frozen=True):
    """A method that handles a group message, as `@executive` marked it."""

    message: type[Message]
    name: str


F = TypeVar("F", bound=Callable[..., Effects])


def library(
    request: type[Request],
    sends: Priority | Callable[[Any], Priority] | None = None,
    waits: Callable[[Any], bool] | None = None,
) -> Callable[[F], F]:
    """Marks the handler of a library request: `handler(self, caller: Source, request) -> Effects`.

    `sends` is the priority of what it multicasts. When that queue is full the caller gets TRY_AGAIN and the handler is
    not called; or, when `waits` says so of the request, it is called once there is room, and later requests of that
    connection behind it. An AisError that it raises is the answer.
    """
    chooser = (lambda _: sends) if isinstance(sends, Priority) else sends

    def mark(function: F) -> F:
        function.library_handler = LibraryHandler(request, function.__name__, chooser, waits)  # type: ignore[attr-defined]
        return function

    return mark


def executive(message: type[Message]) -> Callable[[F], F]:
    """Marks the handler of a group message: `handler(self, origin: NodeId, message) -> Effects`."""

    def mark(function: F) -> F:
        function.executive_handler = ExecutiveHandler(message, function.__name__)  # type: ignore[attr-defined]
        return function

    return mark


def library_handlers(service: type[Service]) -> dict[int, LibraryHandler]:
    """The library handlers of a service by request number."""
    found = (getattr(member, "library_handler", None) for member in _members(service))
    return {handler.request.number: handler for handler in found if handler is not None}


def executive_handlers(service: type[Service]) -> dict[int, ExecutiveHandler]:
    """The executive handlers of a service by message number."""
    found = (getattr(member, "executive_handler", None) for member in _members(service))
    return {handler.message.number: handler for handler in found if handler is not None}


def _members(service: type[Service]) -> Iterator[object]:
    """What a service and its bases define, each name once."""
    found = {name: member for base in reversed(service.__mro__) for name, member in vars(base).items()}
    return iter(found.values())
