"""The events of a handle that wait to be dispatched."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from openais.messages.base import Request

E = TypeVar("E")

EVENT_BYTES: Final = 128
"""What an event is taken to cost besides the bytes it came in."""


class EventQueue(Generic[E]):
    """Events in the order in which they came, with the bytes that they hold.

    They come in batches, the events of one callback message; a batch is accounted for until its last event is taken.
    Any thread may take an event at any time; all else is for one thread at a time.
    """

    def __init__(self) -> None:
        self._events: deque[E] = deque()
        self._batches: deque[tuple[int, int]] = deque()
        """Of each batch not taken whole: the number of the event after its last one, and its bytes."""
        self._put = 0
        """How many events were ever put."""
        self._byte_count = 0
        self.take: Callable[[], E] = self._events.popleft
        """Gives the next event. Raises IndexError when none waits."""
        self.closed = False
        """Whether nothing will come any more: who waits for events comes back without one."""
        self.low = -1
        """When no more wait than this, who takes an event asks `settle` whether the executive is to be told."""

    @property
    def byte_count(self) -> int:
        """What the waiting events hold, about."""
        taken = self._put - len(self._events)
        while self._batches and self._batches[0][0] <= taken:
            self._byte_count -= self._batches.popleft()[1]
        return self._byte_count

    def put(self, events: Iterable[E], byte_count: int) -> None:
        """Adds the events of a callback message of `byte_count` bytes."""
        batch = list(events)
        count = len(batch)
        if count:
            cost = byte_count + EVENT_BYTES * count
            self._put += count
            self._byte_count += cost
            self._batches.append((self._put, cost))
            self._events.extend(batch)

    def settle(self) -> Request | None:
        """What the executive is to be told now that events were taken, if anything."""
        return None

    def discard(self, unwanted: Callable[[E], bool]) -> None:
        """Drops the events for which `unwanted` says so."""
        held = self.byte_count
        kept = [event for event in self._events if not unwanted(event)]
        self.clear()
        self.put(kept, max(0, held - EVENT_BYTES * len(kept)))

    def clear(self) -> None:
        """Drops all events."""
        self._events.clear()
        self._batches.clear()
        self._byte_count = 0

    def __len__(self) -> int:
        return len(self._events)
