"""The exchange of state after a regular configuration in which executives with different states met.

Theory of operation (the reasons are in docs/decisions/state-transfer.md).

A *component* is a set of members whose services have equal states. They are told by their key, (lineage, old ring):
nodes with equal lineages that went together from one ring to the next were given the same messages in between, so their
states stay equal (virtual synchrony). The lineage of a node that starts is its own. A completed exchange gives all
members one new lineage, made from the ring. So does a *pure departure*: all members came along from one transitional
configuration with a complete state, and need no exchange.

In all other cases there is an exchange, which every member begins at the regular configuration:

1. Each multicasts Synchronize with its key. When those of all members are delivered, everybody knows the components.
   If there is only one, nothing is to be sent.
2. The member of the lowest node id of each component multicasts its state in chunks, then StateEnd.
3. At the delivery of the last StateEnd all members have the states of all components and merge them.

A configuration in between drops the exchange. The states are then what they were before it; those that were told apart
by lineage and old ring must stay apart although they have the same old ring now, so at the beginning of an exchange
each lineage is replaced by the hash of its key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from openais.messages.base import Malformed, Message, ServiceId, decode_group, encode_group
from openais.messages.evs import RingIdentity
from openais.messages.transfer import (
    CHUNK_BYTES,
    CHUNK_MESSAGES_MAX,
    LINEAGE_BYTES,
    StateChunk,
    StateEnd,
    Synchronize,
)
from openais.totem.effects import Configuration, RingId
from openais.types import NodeId, TimeNs

StateSource = Callable[[], Iterator[Message]]
"""The states of all services of this node, as group messages."""


@dataclass(slots=True)
class Component:
    """Members with equal states, and what was received of that state."""

    members: tuple[NodeId, ...]
    messages: dict[ServiceId, list[Message]] = field(default_factory=dict)
    complete: bool = False

    @property
    def sender(self) -> NodeId:
        """The lowest node id sends for all."""
        return self.members[0]


class Exchange:
    """One exchange, in one regular configuration. It ends with it."""

    def __init__(self, ring: RingIdentity, members: tuple[NodeId, ...]) -> None:
        self.ring: Final = ring
        self.members: Final = members
        self.synchronizes: Final[dict[NodeId, Synchronize]] = {}
        self.components: tuple[Component, ...] = ()
        """Lowest node id first; empty until all members have told where they come from."""

    def waiting_for(self) -> str:
        """What is missing, in words."""
        silent = [node_id for node_id in self.members if node_id not in self.synchronizes]
        if silent:
            return f"where nodes {silent} come from"
        senders = [component.sender for component in self.components if not component.complete]
        return f"the state that nodes {senders} send"

    def divide(self) -> None:
        """All members have told where they come from: finds the components."""
        by_key: dict[tuple[bytes, RingIdentity | None], list[NodeId]] = {}
        for node_id in sorted(self.members):
            synchronize = self.synchronizes[node_id]
            by_key.setdefault((synchronize.lineage, synchronize.old_ring), []).append(node_id)
        self.components = tuple(Component(tuple(members)) for members in by_key.values())


class StateTransfer:
    """Where the state of this node comes from, and the exchange that is under way, if there is one."""

    def __init__(self, node_id: NodeId, boot_timestamp_ns: TimeNs, state: StateSource) -> None:
        self._node_id = node_id
        self._state = state
        self._lineage = _hash("start", str(node_id), str(boot_timestamp_ns))
        self._ring: RingIdentity | None = None
        self._going_on: frozenset[NodeId] = frozenset((node_id,))
        """The members of the last transitional configuration."""
        self._outgoing: Iterator[bytes] = iter(())
        self._next: bytes | None = None
        self.complete = True
        """Whether the state is that of the whole configuration. A node that starts has the state of itself."""
        self.exchange: Exchange | None = None
        self.malformed = 0
        """State messages of others that could not be read and were left out."""

    def transitional(self, configuration: Configuration) -> None:
        """A transitional configuration was installed; drops the exchange."""
        self._going_on = frozenset(configuration.members)
        self._drop()

    def regular(self, configuration: Configuration, votes_expected: int, seen_all: bool) -> bool:
        """A regular configuration was installed. Returns whether an exchange begins; if not, the state is complete."""
        self._drop()
        old_ring, self._ring = self._ring, _identity(configuration.ring_id)
        if self.complete and self._going_on.issuperset(configuration.members):
            self._completed()
            return False
        synchronize = Synchronize(self._ring, self._lineage, old_ring, votes_expected, seen_all)
        self.exchange = Exchange(self._ring, configuration.members)
        self.complete = False
        self._lineage = _hash("interrupted", self._lineage.hex(), str(old_ring))
        self._going_on = frozenset((self._node_id,))
        self._outgoing = iter((encode_group(synchronize),))
        return True

    def send(self, submit: Callable[[bytes], bool]) -> None:
        """Multicasts what is next until `submit` refuses; to be called again at the next input."""
        while True:
            if self._next is None:
                self._next = next(self._outgoing, None)
            if self._next is None or not submit(self._next):
                return
            self._next = None

    def deliver(self, origin: NodeId, message: Message) -> Exchange | None:
        """A message of the exchange was delivered. Returns the exchange when it ends with this message."""
        exchange = self.exchange
        if exchange is None or origin not in exchange.members:
            return None
        match message:
            case Synchronize(ring=exchange.ring):
                self._synchronize(exchange, origin, message)
            case StateChunk(ring=exchange.ring):
                self._chunk(exchange, origin, message)
            case StateEnd(ring=exchange.ring):
                for component in exchange.components:
                    component.complete = component.complete or component.sender == origin
        if not exchange.components or not all(component.complete for component in exchange.components):
            return None
        self._completed()
        return exchange

    def describe(self) -> dict[str, Any]:
        """For people and tools."""
        return {
            "complete": self.complete,
            "lineage": self._lineage.hex(),
            "waiting_for": self.exchange.waiting_for() if self.exchange else "",
            "malformed": self.malformed,
        }

    def _synchronize(self, exchange: Exchange, origin: NodeId, message: Synchronize) -> None:
        exchange.synchronizes[origin] = message
        if exchange.components or len(exchange.synchronizes) < len(exchange.members):
            return
        exchange.divide()
        if len(exchange.components) == 1:
            exchange.components[0].complete = True
        elif any(component.sender == self._node_id for component in exchange.components):
            self._outgoing = self._encoded_state(exchange.ring)

    def _chunk(self, exchange: Exchange, origin: NodeId, chunk: StateChunk) -> None:
        for component in exchange.components:
            if component.sender == origin:
                for encoded in chunk.messages:
                    try:
                        message = decode_group(encoded)
                    except Malformed:
                        self.malformed += 1
                    else:
                        component.messages.setdefault(message.service, []).append(message)

    def _encoded_state(self, ring: RingIdentity) -> Iterator[bytes]:
        """The chunks and the end. Made as they are sent: the state does not change during the exchange."""
        chunk: list[memoryview] = []
        size = 0
        for message in self._state():
            encoded = encode_group(message)
            chunk.append(memoryview(encoded))
            size += len(encoded)
            if size >= CHUNK_BYTES or len(chunk) == CHUNK_MESSAGES_MAX:
                yield encode_group(StateChunk(ring, tuple(chunk)))
                chunk, size = [], 0
        if chunk:
            yield encode_group(StateChunk(ring, tuple(chunk)))
        yield encode_group(StateEnd(ring))

    def _completed(self) -> None:
        self._drop()
        self.complete = True
        self._lineage = _hash("complete", str(self._ring))
        self._going_on = frozenset((self._node_id,))

    def _drop(self) -> None:
        self.exchange = None
        self._outgoing, self._next = iter(()), None


def _identity(ring_id: RingId) -> RingIdentity:
    return RingIdentity(ring_id.sequence, ring_id.representative)


def _hash(*parts: str) -> bytes:
    return hashlib.blake2b("/".join(parts).encode(), digest_size=LINEAGE_BYTES).digest()
