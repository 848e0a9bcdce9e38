"""The events of a handle that wait to be dispatched."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

E = TypeVar("E")

EVENT_BYTES: Final = 128
"""What an event is taken to cost besides the bytes it came in."""


class EventQueue(Generic[E]):
    """Events in the order in which they came, with the bytes that they hold.

    They come in batches, the events of one callback message; a batch is accounted for until its last event is taken.
    """

    def __init__(self) -> None:
        self._batches: deque[tuple[list[E], int]] = deque()
        self.byte_count = 0
        """What the waiting events hold, about."""

    def put(self, events: Iterable[E], byte_count: int) -> None:
        """Adds the events of a callback message of `byte_count` bytes."""
        batch = list(events)
        if not batch:
            return
        batch.reverse()
        cost = byte_count + EVENT_BYTES * len(batch)
        self._batches.append((batch, cost))
        self.byte_count += cost

    def take(self) -> E:
        """The next event. Raises IndexError when none waits."""
        batch, cost = self._batches[0]
        event = batch.pop()
        if not batch:
            self._batches.popleft()
            self.byte_count -= cost
        return event

    def discard(self, unwanted: Callable[[E], bool]) -> None:
        """Drops the events for which `unwanted` says so."""
        batches = list(self._batches)
        self._batches.clear()
        self.byte_count = 0
        for batch, cost in batches:
            kept = [event for event in reversed(batch) if not unwanted(event)]
            self.put(kept, cost - EVENT_BYTES * len(batch))

    def __len__(self) -> int:
        return sum(len(batch) for batch, _ in self._batches)

    def __bool__(self) -> bool:
        return bool(self._batches)
