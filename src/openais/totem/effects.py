"""What the ring asks for: the effects of `Processor`, to be performed in order.

Addresses are opaque here: whatever the driver gave with a datagram ((host, port) for UDP, a number in the simulator).
"""

from __future__ import annotations

import enum
from collections.abc import Hashable
from typing import NamedTuple, TypeAlias

import msgspec

from openais.types import Guarantee, NodeId, Priority

Address: TypeAlias = Hashable


class RingId(NamedTuple):
    """Identifies a configuration of the ring. Orders by sequence, then representative."""

    sequence: int
    representative: NodeId

    def __str__(self) -> str:
        return f"{self.sequence}.{self.representative}"


class Scope(enum.Enum):
    """To whom a multicast goes, when the transport is unicast."""

    RING = "ring"
    """The members of the ring (`addresses`)."""
    EVERYONE = "everyone"
    """All that are known or configured: the node list and `addresses`, each once."""
    STRANGERS = "strangers"
    """The node list without `addresses`."""


class SendTo(msgspec.Struct, frozen=True):
    """Send datagrams to one address."""

    address: Address
    datagrams: tuple[bytes, ...]


class Multicast(msgspec.Struct, frozen=True):
    """Send datagrams to the multicast group, or by unicast to those that `scope` says. Not to ourselves."""

    scope: Scope
    addresses: tuple[Address, ...]
    """Known addresses of ring members (RING, STRANGERS), or of everybody heard of (EVERYONE); without our own."""
    datagrams: tuple[bytes, ...]
    patient: bool = False
    """Nobody waits for the token behind these: what is delivered with them may be handed on first."""


class Delivered(msgspec.Struct, frozen=True):
    """A message, in its place of the total order. Given only to members of one of its groups."""

    sender: NodeId
    groups: tuple[bytes, ...]
    payload: bytes | memoryview
    guarantee: Guarantee
    priority: Priority


class Configuration(msgspec.Struct, frozen=True):
    """A configuration was installed, in its place among the messages.

    A transitional configuration has the ring id of the regular one that follows it, and those members of the old
    regular configuration that go on together to it.
    """

    ring_id: RingId
    transitional: bool
    members: tuple[NodeId, ...]
    left: tuple[NodeId, ...]
    """Members of the configuration before that are not in this one."""
    joined: tuple[NodeId, ...]
    """Members of this one that were not in the configuration before."""
    old_ring_id: RingId | None
    """The regular configuration that this one follows at this processor; None at the first."""
    reason: str
    """Why, in words that an operator understands."""


class StoreRingSequence(msgspec.Struct, frozen=True):
    """Write to disk that no ring id up to `sequence` may be used again; answer with `ring_sequence_stored`."""

    sequence: int


class Recorded(msgspec.Struct, frozen=True):
    """A protocol event for the flight recorder, in words. `kind` is a stable lower-case word for tools."""

    kind: str
    text: str
    details: dict[str, object] = msgspec.field(default_factory=dict)


class Fatal(msgspec.Struct, frozen=True):
    """This processor must not go on; the text tells the operator why and what to do."""

    reason: str


RingEffect: TypeAlias = SendTo | Multicast | Delivered | Configuration | StoreRingSequence | Recorded | Fatal
