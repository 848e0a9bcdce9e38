"""Deadlines of one node, which replicate nothing.

Every node keeps them, and one acts on them: it multicasts what is over, and the delivery ends it everywhere at one
place of the order.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

RETRY_NS: Final = 5_000_000_000
"""What is still there so long after it was multicast to be over is multicast again."""
SPARE: Final = 1024
"""Deadlines of what is gone which may be kept."""

K = TypeVar("K", bound=Any)


class Deadlines(Generic[K]):
    """By key, which can be ordered: when it is over, by the wall clock in nanoseconds. `lives` tells if it still is."""

    def __init__(self, lives: Callable[[K], bool]) -> None:
        self._lives = lives
        self._heap: list[tuple[int, K]] = []
        self._wanted = SPARE

    def add(self, key: K, due_ns: int) -> None:
        """It is over then."""
        heapq.heappush(self._heap, (due_ns, key))
        if len(self._heap) > self._wanted:
            self._heap = [entry for entry in self._heap if self._lives(entry[1])]
            heapq.heapify(self._heap)
            self._wanted = 2 * len(self._heap) + SPARE

    def next_ns(self) -> int | None:
        """The earliest of them."""
        while self._heap and not self._lives(self._heap[0][1]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def take_due(self, now_ns: int, count_max: int) -> tuple[K, ...]:
        """What is over, earliest first; it comes again after a while should it still be there."""
        due: list[K] = []
        while len(due) < count_max:
            at = self.next_ns()
            if at is None or at > now_ns:
                break
            _, key = heapq.heapreplace(self._heap, (now_ns + RETRY_NS, self._heap[0][1]))
            due.append(key)
        return tuple(due)
