"""A totally ordered group in memory, for tests of the executive: no protocol, no time, only what the test asks for.

`MemoryGroup` is the order. Messages wait in the queues of a `MemoryRing` until `deliver` puts them in order
and gives them to all members of the component; configurations are installed by `configure`, each processor that goes
along being given its transitional configuration first, as extended virtual synchrony demands.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from openais.totem.effects import Address, Configuration, Delivered, Recorded, RingEffect, RingId
from openais.types import Guarantee, NodeId, Priority

PLUGGED = (Priority.MED, Priority.LOW)


class MemoryRing:
    """One processor of the group; offers what `GroupMessaging` asks for."""

    def __init__(self, node_id: NodeId, queue_max: int = 1000) -> None:
        self.node_id = node_id
        self.queue_max = queue_max
        self.queues: dict[Priority, deque[Delivered]] = {priority: deque() for priority in Priority}
        self.groups: set[bytes] = set()
        self.plugged = False
        self.alone_delivers = False
        self.effects: list[RingEffect] = []
        self.ring_id: RingId | None = None
        self.members: tuple[NodeId, ...] = ()
        self.counters = {"datagrams": 0}
        self.deadline = math.inf

    def start(self, now: float) -> None:
        self.effects.append(Recorded("state", "idle to gather: start", {"state": "gather", "why": "start"}))

    def receive(self, burst: Sequence[tuple[Address, bytes]], now: float) -> None:
        self.counters["datagrams"] += len(burst)

    def timeout(self, now: float) -> None:
        self.deadline = math.inf

    def wake(self, now: float) -> None:
        """Alone, with `alone_delivers`, a message is delivered as soon as it is sent."""
        if self.alone_delivers:
            while (message := self.pop()) is not None:
                self.accept(message)

    def ring_sequence_stored(self, sequence: int, now: float) -> None:
        pass

    def leave(self, now: float) -> None:
        self.effects.append(Recorded("left", "this node left the ring in order"))

    def submit(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
        if not self.room(priority):
            return False
        self.queues[priority].append(Delivered(self.node_id, groups, payload, guarantee, priority))
        return True

    def room(self, priority: Priority) -> bool:
        return len(self.queues[priority]) < self.queue_max

    def join_group(self, name: bytes) -> None:
        self.groups.add(name)

    def leave_group(self, name: bytes) -> None:
        self.groups.discard(name)

    def plug(self) -> None:
        self.plugged = True

    def unplug(self, now: float) -> None:
        self.plugged = False

    def take_effects(self) -> list[RingEffect]:
        effects, self.effects = self.effects, []
        return effects

    def describe(self) -> dict[str, Any]:
        return {"node_id": self.node_id, "plugged": self.plugged}

    def pop(self) -> Delivered | None:
        """The next message of this node that may be sent."""
        for priority, queue in self.queues.items():
            if queue and not (self.plugged and priority in PLUGGED):
                return queue.popleft()
        return None

    def accept(self, message: Delivered) -> None:
        """Takes a message in its place of the order."""
        if not message.groups or self.groups & set(message.groups):
            self.effects.append(message)

    def install(self, ring_id: RingId, members: tuple[NodeId, ...], going_on: tuple[NodeId, ...], reason: str) -> None:
        """Takes the transitional and the regular configuration."""
        old = self.ring_id
        left = tuple(each for each in self.members if each not in going_on)
        joined = tuple(each for each in members if each not in going_on)
        if old is not None:
            self.effects.append(Configuration(ring_id, True, going_on, left, (), old, reason))
        self.effects.append(Configuration(ring_id, False, members, (), joined, old, reason))
        self.ring_id, self.members = ring_id, members


class MemoryGroup:
    """The order of all messages and configurations. `settle` lets the executive of a node handle its effects."""

    def __init__(self, settle: Callable[[NodeId], None]) -> None:
        self._settle = settle
        self.rings: dict[NodeId, MemoryRing] = {}
        self.components: list[tuple[NodeId, ...]] = []
        self._sequence = 0

    def configure(self, *components: Iterable[int], reason: str = "the test says so") -> None:
        """Installs a configuration for each of the components, in one consistent order."""
        self.components = [tuple(NodeId(each) for each in sorted(component)) for component in components]
        for members in self.components:
            self._sequence += 4
            ring_id = RingId(self._sequence, members[0])
            old = {node_id: self.rings[node_id].ring_id for node_id in members}
            for node_id in members:
                going_on = tuple(each for each in members if old[each] == old[node_id] is not None)
                self.rings[node_id].install(ring_id, members, going_on or (node_id,), reason)
            for node_id in members:
                self._settle(node_id)

    def deliver(self, limit: int | None = None) -> int:
        """Orders and delivers what waits, member by member in turn; at most `limit` messages. Gives how many."""
        count = 0
        progress = True
        while progress:
            progress = False
            for members in self.components:
                for sender in members:
                    if count == limit:
                        return count
                    message = self.rings[sender].pop()
                    if message is None:
                        continue
                    progress = True
                    count += 1
                    for member in members:
                        self.rings[member].accept(message)
                    for member in members:
                        self._settle(member)
        return count
