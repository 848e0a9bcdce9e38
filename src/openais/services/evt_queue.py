"""What waits for one library: runs of events by priority, and notices of those that were lost.

A library is sent what its window holds, and more when it tells that the application has taken some. What does not fit
waits here, by priority, and within one priority in the order in which it came. When too much waits, that of the lowest
priority is dropped first, the newest of it: so what is delivered of one priority has a gap, but is never out of order.
A subscription that something was dropped for is given one notice, ahead of all that waits; the next that is dropped
after it was sent makes the next notice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from openais.messages.base import COPIED_MAX
from openais.messages.evt import WINDOW_BYTES, Deliver, Match, cost_of

QUEUE_BYTES_MAX: Final = 8 * 1024 * 1024
"""What may wait for one library, by `cost_of` for each match; above this events are dropped."""
PRIORITIES: Final = 4

Matches = tuple[Match, ...]


@dataclass(slots=True)
class _Waiting:
    """One run that waits."""

    matches: Matches
    run: msgspec.Raw
    event_count: int
    cost: int
    """For each match."""


class SubscriberQueue:
    """The queue of one library connection. `lost_run` makes the run of a lost-event notice."""

    def __init__(
        self, lost_run: Callable[[], msgspec.Raw], window: int = WINDOW_BYTES, held_max: int = QUEUE_BYTES_MAX
    ) -> None:
        self._lost_run = lost_run
        self._window = window
        self._held_max = held_max
        self._waiting: tuple[deque[_Waiting], ...] = tuple(deque() for _ in range(PRIORITIES))
        self._untold: dict[Match, None] = {}
        """Subscriptions that are owed a notice."""
        self.sent = 0
        """Cost of what was sent and not taken yet."""
        self.held = 0
        """Cost of what waits."""
        self.dropped = 0
        """Events that were lost, for each match of them."""

    @property
    def open(self) -> bool:
        """Whether a run can be sent at once: nothing waits, and the window has room."""
        return self.sent < self._window and not self.held and not self._untold

    def put(self, matches: Matches, priority: int, run: msgspec.Raw, event_count: int) -> None:
        """A run for this library that has to wait."""
        cost = cost_of(len(run), event_count)
        while self.held + cost * len(matches) > self._held_max:
            lowest = next((p for p in range(PRIORITIES - 1, priority, -1) if self._waiting[p]), None)
            if lowest is None:
                self._lose(matches, event_count)
                return
            newest = self._waiting[lowest].pop()
            self.held -= newest.cost * len(newest.matches)
            self._lose(newest.matches, newest.event_count)
        kept = run.copy() if len(run) <= COPIED_MAX else run
        self._waiting[priority].append(_Waiting(matches, kept, event_count, cost))
        self.held += cost * len(matches)

    def taken(self, cost: int) -> None:
        """The application took events of this cost."""
        self.sent = max(0, self.sent - cost)

    def ready(self) -> list[Deliver]:
        """What is to be sent now, in order."""
        sending: list[Deliver] = []
        if self._untold and self.sent < self._window:
            run = self._lost_run()
            self.sent += cost_of(len(run), 1) * len(self._untold)
            sending.append(Deliver(tuple(self._untold), run))
            self._untold.clear()
        for waiting in self._waiting:
            while waiting and self.sent < self._window:
                first = waiting.popleft()
                cost = first.cost * len(first.matches)
                self.sent += cost
                self.held -= cost
                sending.append(Deliver(first.matches, first.run))
        return sending

    def forget(self, unwanted: Callable[[Match], bool]) -> None:
        """Subscriptions have ended: what waits for them is dropped, and no notice is owed to them."""
        self._untold = {match: None for match in self._untold if not unwanted(match)}
        for waiting in self._waiting:
            for each in list(waiting):
                kept = tuple(match for match in each.matches if not unwanted(match))
                self.held -= each.cost * (len(each.matches) - len(kept))
                each.matches = kept
            if any(not each.matches for each in waiting):
                kept_runs = [each for each in waiting if each.matches]
                waiting.clear()
                waiting.extend(kept_runs)

    def _lose(self, matches: Matches, event_count: int) -> None:
        self.dropped += len(matches) * event_count
        self._untold.update(dict.fromkeys(matches))
