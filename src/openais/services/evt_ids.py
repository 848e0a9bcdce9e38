"""Ids of events and channels: 64 bits that no other node, and no earlier run of this one, has used.

    microseconds since EPOCH_NS, 52 bits | slot, 12 bits

An id is never given twice by one node: the time goes up with every id, be the clock what it may, and a node that
starts again goes on behind the last of its ids that the cluster knows. The slot tells the nodes of a configuration
apart: it is the node id where node ids are below 4096, and otherwise found from it so that no two members have the same
one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from openais.messages.evt import EVENT_ID_STEP
from openais.types import NodeId, TimeNs

EPOCH_NS: Final = 1_577_836_800_000_000_000
"""The beginning of 2020."""
SLOTS: Final = EVENT_ID_STEP


def slots_of(members: Iterable[NodeId]) -> dict[NodeId, int]:
    """The slot of each member, the same wherever it is computed. Nodes beyond SLOTS share one with another."""
    slots: dict[NodeId, int] = {}
    used: set[int] = set()
    for member in sorted(members):
        slot = member % SLOTS
        while slot in used and len(used) < SLOTS:
            slot = (slot + 1) % SLOTS
        slots[member] = slot
        used.add(slot)
    return slots


class IdSource:
    """Gives the ids of one node."""

    def __init__(self, node: NodeId) -> None:
        self._tick = 0
        """The time in the last id."""
        self.slot = node % SLOTS

    def take(self, count: int, wall_time_ns: TimeNs) -> int:
        """The first of `count` ids, which follow each other in steps of EVENT_ID_STEP."""
        first = max(self._tick + 1, (wall_time_ns - EPOCH_NS) // 1000)
        self._tick = first + count - 1
        return first * SLOTS + self.slot

    @staticmethod
    def after(first_id: int, count: int) -> int:
        """The id that follows `count` ids from `first_id` on."""
        return first_id + count * SLOTS

    def go_on_behind(self, last_id: int) -> None:
        """The cluster knows this id as one of this node."""
        self._tick = max(self._tick, last_id // SLOTS)
