"""What the checker remembers of a run: lives of processors, their stays in rings, messages.

A *life* of a processor lasts from its start to its crash or departure. Its *stay* in a ring begins when it installs the
regular configuration of the ring and ends when it installs the next regular one: it spans the regular configuration and
the transitional one behind it, "com_p(c)" in the words of the specification of extended virtual synchrony (Moser, Amir,
Melliar-Smith and Agarwal, 1994). Two configurations belong to a ring in that sense, and one order of messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from openais.simulation.order import TotalOrder
from openais.totem.effects import Configuration, RingId
from openais.types import Guarantee, NodeId, Priority

Identity: TypeAlias = tuple[int, ...]
"""Number of the sender's life, number of the message in it."""


@dataclass(slots=True, eq=False)
class Life:
    """One run of the software of one node."""

    node: NodeId
    number: int
    started_us: int
    ended_us: int | None = None
    stay: Stay | None = None
    stays: list[Stay] = field(default_factory=list)
    groups: dict[bytes, int] = field(default_factory=dict)
    """The groups it is in, and since when."""
    sent: list[Message] = field(default_factory=list)
    sent_by_priority: dict[Priority, int] = field(default_factory=dict)
    delivered: set[Identity] = field(default_factory=set)
    last_of: dict[tuple[int, Priority], Message] = field(default_factory=dict)
    """The last message delivered of each sender and priority."""

    def __str__(self) -> str:
        return f"node {self.node}"


@dataclass(slots=True, eq=False)
class Message:
    """A message that was accepted from the layer above."""

    identity: Identity
    sender: Life
    payload: bytes
    groups: tuple[bytes, ...]
    guarantee: Guarantee
    priority: Priority
    index: int
    """Among the messages of the sender and priority."""
    submitted_us: int
    stay: Stay | None
    """The sender's stay when it submitted it, and how many messages it had delivered there."""
    behind: int
    origin: RingId | None = None
    """The ring that ordered it; known from its first delivery."""

    def __str__(self) -> str:
        guarantee = " safe" if self.guarantee is Guarantee.SAFE else ""
        return f"{self.sender.node}:{'.'.join(map(str, self.identity))}({self.priority.name.lower()}{guarantee})"


@dataclass(slots=True, eq=False)
class Stay:
    """A life in a ring: what it delivered there, in order."""

    life: Life
    configuration: Configuration
    installed_us: int
    groups_always: set[bytes]
    """Groups it was in all the time, and those it was in at any time."""
    groups_ever: set[bytes]
    delivered: list[Message] = field(default_factory=list)
    place: dict[Identity, int] = field(default_factory=dict)
    transitional: Configuration | None = None
    regular_count: int | None = None
    """How many of `delivered` came before the transitional configuration, once there is one."""
    next_ring: RingId | None = None
    """The ring that it went to; None while it stays, and for ever when it failed here."""
    caused_by: dict[int, int] = field(default_factory=dict)
    """For each sender's life: so many of its own deliveries are known to have come before its messages here."""

    @property
    def ring_id(self) -> RingId:
        return self.configuration.ring_id

    @property
    def node(self) -> NodeId:
        return self.life.node

    @property
    def over(self) -> bool:
        """Whether it went on to another ring."""
        return self.next_ring is not None

    def members_at(self, place: int) -> tuple[NodeId, ...]:
        """The members of the configuration in which `delivered[place]` was delivered."""
        if self.regular_count is None or place < self.regular_count or self.transitional is None:
            return self.configuration.members
        return self.transitional.members

    def must_want(self, message: Message) -> bool:
        """Whether the message was for this node all the time, its groups considered."""
        return not message.groups or not self.groups_always.isdisjoint(message.groups)

    def may_want(self, message: Message) -> bool:
        """Whether the message was for this node at some time."""
        return not message.groups or not self.groups_ever.isdisjoint(message.groups)

    def __str__(self) -> str:
        return f"node {self.node} in ring {self.ring_id}"


@dataclass(slots=True, frozen=True)
class Move:
    """A node goes to a ring."""

    node: NodeId
    old_ring_id: RingId | None
    companions: tuple[NodeId, ...]
    """The transitional configuration; empty when it comes from no ring."""


@dataclass(slots=True, eq=False)
class RingRecord:
    """All that is known of one ring."""

    ring_id: RingId
    members: tuple[NodeId, ...]
    first_installed_us: int
    first_installed_by: NodeId
    stays: dict[NodeId, Stay] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    """How each node that installed it came to it."""
    order: TotalOrder[Message] = field(default_factory=TotalOrder)
    safe_in_regular: Message | None = None
    """A safe message that somebody delivered in the regular configuration."""
