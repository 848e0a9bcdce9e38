"""What the states of the protocol share, and the ring that was installed last."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from openais.totem.delivery import Delivery
from openais.totem.effects import (
    Address,
    Configuration,
    Multicast,
    Recorded,
    RingEffect,
    RingId,
    Scope,
    SendTo,
    StoreRingSequence,
)
from openais.totem.packing import SendQueues
from openais.totem.settings import RingSettings
from openais.totem.store import PacketStore
from openais.totem.wire import RECOVERED, SAFE, Join, cluster_checksum
from openais.types import NodeId

if TYPE_CHECKING:
    from openais.totem.state import State

RESERVED_BLOCK: Final = 4096
"""Ring sequences that are reserved on disk at a time."""


def sequence_from_clock(wall_ms: int) -> int:
    """Where ring ids start on a processor that has nothing on disk, at `wall_ms` milliseconds since the epoch.

    It is beyond whatever was used before: a start skips one block at the most, and no processor starts, and no ring is
    formed, a thousand times a second.
    """
    return wall_ms * RESERVED_BLOCK


@dataclass(slots=True)
class Ring:
    """A ring and what was received, delivered and promised in it."""

    ring_id: RingId
    members: tuple[NodeId, ...]
    store: PacketStore
    installed: bool = True
    """False for the ring of a processor that has not been in one yet."""
    delivered: int = 0
    """Sequence up to which packets were delivered."""
    safe_line: int = 0
    """Every member has all packets up to here."""
    received_all: bool = False
    """A recovery from this ring got so far here that another member may have finished it."""
    obligation: frozenset[NodeId] = field(default_factory=frozenset)
    """The transitional members of that recovery: what they sent must be delivered (Totem paper, my_deliver_memb)."""


class Core:
    """The processor's identity, queues, knowledge of others, and the effects so far."""

    def __init__(self, node_id: NodeId, incarnation: int, settings: RingSettings, ring_sequence: int) -> None:
        self.node_id: Final = node_id
        self.incarnation: Final = incarnation
        self.settings: Final = settings
        self.cluster: Final = cluster_checksum(settings.cluster)
        self.settings_blob: Final = msgspec.msgpack.encode(settings.agreed())
        self.effects: list[RingEffect] = []
        self.counters: Final[dict[str, int]] = {}
        self.queues: Final = SendQueues(settings)
        self.delivery: Final = Delivery(settings.message_max, self.effects_append, self.count)
        self.addresses: Final[dict[NodeId, Address]] = {}
        self.incarnations: Final[dict[NodeId, int]] = {node_id: incarnation}
        self.excluded: dict[NodeId, tuple[int, float]] = {}
        """Processors that were heard but could not agree, by incarnation, and until when their joins are ignored."""
        self._deaf: dict[NodeId, tuple[int, float]] = {}
        """Processors that received no packets, by incarnation, and until when they are not listened to."""
        self.highest_sequence = ring_sequence
        """The highest ring sequence that this processor knows of."""
        self.reserved_sequence = ring_sequence
        """No ring id up to this one will be used again after a restart: it is on disk."""
        self._requested_sequence = ring_sequence
        self.ring = Ring(RingId(ring_sequence, node_id), (node_id,), PacketStore(settings.ahead_max), installed=False)
        self.tried = self.ring.ring_id
        """The ring that this processor went to form last; it takes part in the forming of a ring once."""
        self.configuration: Configuration | None = None
        self.leaving = False
        self.has_left = False
        self._complained: Final[set[tuple[object, ...]]] = set()
        self.state: State

    def effects_append(self, effect: RingEffect) -> None:
        self.effects.append(effect)

    def count(self, cause: str) -> None:
        """Counts an event that nobody needs to hear of each time."""
        self.counters[cause] = self.counters.get(cause, 0) + 1

    def record(self, kind: str, text: str, **details: object) -> None:
        """Tells the flight recorder."""
        self.effects.append(Recorded(kind, text, details))

    def complain(self, kind: str, text: str, *about: object) -> None:
        """Records something once for each thing it is about, however often it happens."""
        if (kind, *about) not in self._complained and len(self._complained) < 1024:
            self._complained.add((kind, *about))
            self.record(kind, text)

    def become(self, state: State, now: float, why: str) -> None:
        """Goes to another state; every transition says from, to and why."""
        before = self.state.name
        self.state = state
        self.record("state", f"{before} to {state.name}: {why}", previous=before, state=state.name, why=why)
        state.enter(now)

    def send(self, node: NodeId, *datagrams: bytes) -> None:
        """To one processor, at the address it was last heard from."""
        address = self.addresses.get(node)
        if address is None:
            self.count("no_address")
        else:
            self.effects.append(SendTo(address, datagrams))

    def multicast(
        self, scope: Scope, nodes: Iterable[NodeId], datagrams: tuple[bytes, ...], *, patient: bool = False
    ) -> None:
        """To many; `nodes` are those whose addresses are known to be wanted. `patient`: see `Multicast`."""
        known = self.addresses
        addresses = [known[node] for node in nodes if node != self.node_id and node in known]
        self.effects.append(Multicast(scope, tuple(addresses), datagrams, patient))

    def learn_sequence(self, sequence: int) -> None:
        """Takes note of a ring sequence, and keeps a block above it reserved on disk."""
        self.highest_sequence = max(self.highest_sequence, sequence)
        if self.highest_sequence + RESERVED_BLOCK // 2 > self._requested_sequence:
            self._requested_sequence = self.highest_sequence + RESERVED_BLOCK
            self.effects.append(StoreRingSequence(self._requested_sequence))

    def settings_agree(self, sender: NodeId, settings: bytes) -> bool:
        """Whether another processor runs the same settings; if not, says once which differ."""
        if settings == self.settings_blob:
            return True
        self.count("settings_differ")
        try:
            theirs = msgspec.msgpack.decode(settings, type=dict[str, int | float | str])
        except ValueError:  # msgspec's errors, and that of bytes which are no UTF-8
            theirs = {}
        ours = self.settings.agreed()
        differing = [f"{name} is {theirs.get(name)!r} there and {ours.get(name)!r} here"
                     for name in sorted({*ours, *theirs}) if theirs.get(name) != ours.get(name)]  # fmt: skip
        text = f"node {sender} is refused: it runs other ring settings: {'; '.join(differing)}"
        self.complain("settings_differ", text, sender, zlib.crc32(settings))
        return False

    def has_room(self, processors: Set[NodeId], who: str, *about: object) -> bool:
        """Whether a ring may have these members; if not, says once that `who` is refused."""
        members_max = self.settings.members_max
        if len(processors) <= members_max:
            return True
        text = f"{who} is refused: the ring would have more than {members_max} members"
        self.complain("too_many_members", text, *about)
        return False

    def remember_only(self, members: Iterable[NodeId], now: float) -> None:
        """A ring is installed: what is known of others is forgotten, but whose joins are ignored for now."""
        kept = {self.node_id, *members}
        for known in (self.addresses, self.incarnations):
            for node in known.keys() - kept:
                del known[node]
        self.excluded = {node: entry for node, entry in self.excluded.items() if entry[1] > now}
        self._deaf = {node: entry for node, entry in self._deaf.items() if entry[1] > now and node not in members}

    def give_up_deaf(self, node: NodeId, now: float) -> None:
        """A member receives no packets: for a while it is not listened to, or it would be met again at once."""
        self._deaf[node] = (self.incarnations[node], now + self.settings.deaf_s)

    def is_deaf(self, node: NodeId, incarnation: int, now: float) -> bool:
        """Whether a processor was given up as deaf lately."""
        deaf = self._deaf.get(node)
        return deaf is not None and deaf[0] == incarnation and now < deaf[1]

    def is_excluded(self, join: Join, now: float) -> bool:
        """Whether joins of this processor are ignored for now, unless they show that it hears us."""
        excluded = self.excluded.get(join.sender)
        if excluded is None:
            return False
        if excluded[0] != join.incarnation or now >= excluded[1]:
            del self.excluded[join.sender]
            return False
        return self.node_id not in join.heard

    def deliver(self, ring: Ring, up_to: int, safe_line: int) -> None:
        """Delivers packets of `ring` in order, up to `up_to`, a gap, or a safe message above the safe line."""
        packets = ring.store.packets
        up_to = min(up_to, ring.store.aru)
        while ring.delivered < up_to:
            packet = packets[ring.delivered + 1]
            if packet.flags & SAFE and packet.sequence > safe_line:
                return
            ring.delivered += 1
            if not packet.flags & RECOVERED:
                self.delivery.packet(packet)

    def token_loss_s(self) -> float:
        return self.settings.token_loss_s(len(self.ring.members))


def earliest(*deadlines: float | None) -> float:
    """The earliest of the deadlines that are set; infinity when none is."""
    soonest = math.inf
    for deadline in deadlines:
        if deadline is not None and deadline < soonest:
            soonest = deadline
    return soonest
