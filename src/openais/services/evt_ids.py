"""Ids of events and channels: 64 bits that no other node, and no earlier run of this one, has used.

    milliseconds since EPOCH_MS at the start of the node, 42 bits | counter, 10 bits | slot, 12 bits

An id is never given twice by one node: the milliseconds are those of its incarnation, which rises with every start, be
the clock what it may, and a run that gives more ids than the counter holds goes on into the milliseconds that passed
since its start. A node that starts again also goes on behind the last of its ids that the cluster knows. The slot
tells the nodes of a configuration apart: it is the node id where node ids are below 4096, and otherwise found from it
so that no two members have the same one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from openais.messages.evt import EVENT_ID_STEP
from openais.types import NodeId

EPOCH_MS: Final = 1_577_836_800_000
"""The beginning of 2020."""
IDS_PER_MS: Final = 1024
_CHANCE_BITS: Final = 16
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

    def __init__(self, node: NodeId, incarnation: int) -> None:
        self._tick = max(0, (incarnation >> _CHANCE_BITS) - EPOCH_MS) * IDS_PER_MS
        """What is before the slot in the last id."""
        self.slot = node % SLOTS

    def take(self, count: int) -> int:
        """The first of `count` ids, which follow each other in steps of EVENT_ID_STEP."""
        first = self._tick + 1
        self._tick += count
        return first * SLOTS + self.slot

    @staticmethod
    def after(first_id: int, count: int) -> int:
        """The id that follows `count` ids from `first_id` on."""
        return first_id + count * SLOTS

    def go_on_behind(self, last_id: int) -> None:
        """The cluster knows this id as one of this node."""
        self._tick = max(self._tick, last_id // SLOTS)
