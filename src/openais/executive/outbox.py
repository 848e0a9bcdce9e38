"""What this node multicasts: straight to the queues of the ring while they have room, in order behind them when not.

Two kinds of messages cannot be refused, since nobody is there to try again: those of executive handlers, and those
that a service sends when a library connection is gone. They wait here, by priority and in order, until the ring takes
them. Requests of libraries can be refused, and are (TRY_AGAIN) as soon as anything of their priority waits here.

During an exchange of state the ring holds back MED and LOW; the outbox does the same for what services send at
RECOVERY and HIGH, so that the exchange has the ring for itself (see `transfer`).
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from openais.executive.group_messaging import GroupMessaging
from openais.types import Guarantee, Priority

HELD_BACK: Final = (Priority.RECOVERY, Priority.HIGH)
REQUESTS_HELD_MAX: Final = 64
"""Messages of one priority that wait here during an exchange before requests of libraries are refused."""


class _Waiting(NamedTuple):
    payload: bytes
    groups: tuple[bytes, ...]
    guarantee: Guarantee


class Outbox:
    """Bounded: `full` once more than `messages_max` messages wait, which the executive must not go on from."""

    def __init__(self, ring: GroupMessaging, messages_max: int) -> None:
        self._ring = ring
        self._messages_max = messages_max
        self._waiting: Final[dict[Priority, deque[_Waiting]]] = {priority: deque() for priority in Priority}
        self._waiting_count = 0
        self._holding = False
        self.full = False
        self.submitted = False
        """Whether the ring was given anything since this was last set to False."""

    def room(self, priority: Priority) -> bool:
        """Whether a request of a library that multicasts at `priority` can be taken."""
        if self._holding and priority in HELD_BACK:
            return len(self._waiting[priority]) < REQUESTS_HELD_MAX
        return not self._waiting[priority] and self._ring.room(priority)

    def put(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> None:
        """Multicasts, now or as soon as there is room. Raises ValueError on a message that is too long."""
        waiting = self._waiting[priority]
        held = self._holding and priority in HELD_BACK
        if not waiting and not held and self._ring.submit(payload, groups, guarantee, priority):
            self.submitted = True
            return
        waiting.append(_Waiting(payload, groups, guarantee))
        self._waiting_count += 1
        self.full = self.full or self._waiting_count > self._messages_max

    def offer(self, payload: bytes) -> bool:
        """Gives the ring a message of the exchange of state, past all that waits here. False when there is no room."""
        taken = self._ring.submit(payload, (), Guarantee.AGREED, Priority.RECOVERY)
        self.submitted = self.submitted or taken
        return taken

    def retry(self) -> None:
        """Gives the ring what it has room for by now."""
        if not self._waiting_count:
            return
        for priority, waiting in self._waiting.items():
            if self._holding and priority in HELD_BACK:
                continue
            while waiting and self._ring.submit(*waiting[0], priority):
                waiting.popleft()
                self._waiting_count -= 1
                self.submitted = True

    def hold(self) -> None:
        """An exchange of state begins."""
        self._holding = True

    def release(self) -> None:
        """It is over."""
        self._holding = False
        self.retry()

    def counts(self) -> dict[str, int]:
        """Messages that wait, by the name of their priority."""
        return {priority.name.lower(): len(waiting) for priority, waiting in self._waiting.items()}
