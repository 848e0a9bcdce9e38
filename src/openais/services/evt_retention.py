"""When the events that are retained expire: the deadlines of one node, which replicate nothing.

Every node keeps the deadlines, and the member of the lowest node id acts on them: it multicasts which events are over,
and the delivery ends them everywhere at one place of the order. An event that was delivered here is over its retention
time after that, by the clock of this node; of one that came with a transfer of state the publish time counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

from openais.messages.evt import RETENTION_MAX_NS
from openais.types import TimeNs

RETRY_NS: Final = 5_000_000_000
"""An event that is still retained so long after it was multicast to be over is multicast again."""
SPARE: Final = 1024
"""Deadlines of events that are gone which may be kept."""


class Deadlines:
    """By event id: when it is over, by the wall clock in nanoseconds. `retains` tells whether it still is retained."""

    def __init__(self, retains: Callable[[int], bool]) -> None:
        self._retains = retains
        self._heap: list[tuple[int, int]] = []
        self._wanted = SPARE

    def add(self, event_id: int, retention_ns: int, publish_time_ns: TimeNs, now_ns: TimeNs) -> None:
        """An event is retained so long after it was published."""
        if retention_ns >= RETENTION_MAX_NS:
            return
        due = min(max(publish_time_ns + retention_ns, now_ns), now_ns + retention_ns)
        heapq.heappush(self._heap, (due, event_id))
        if len(self._heap) > self._wanted:
            self._heap = [entry for entry in self._heap if self._retains(entry[1])]
            heapq.heapify(self._heap)
            self._wanted = 2 * len(self._heap) + SPARE

    def next_ns(self) -> int | None:
        """The earliest of them."""
        while self._heap and not self._retains(self._heap[0][1]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now_ns: int, count_max: int) -> tuple[int, ...]:
        """The events that are over, earliest first; they come again after a while should they still be retained."""
        due: list[int] = []
        while len(due) < count_max:
            at = self.next_ns()
            if at is None or at > now_ns:
                break
            _, event_id = heapq.heapreplace(self._heap, (now_ns + RETRY_NS, self._heap[0][1]))
            due.append(event_id)
        return tuple(due)
