"""Virtual time: what happens when, in a run of the simulator.

Time is counted in whole microseconds. Two things due at the same microsecond happen in the order in which they were
asked for, so a run depends on nothing but its seed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Final

US: Final = 1_000_000
"""Microseconds in a second."""


def microseconds(seconds: float) -> int:
    """`seconds` as whole microseconds."""
    return round(seconds * US)


STEPS_MAX: Final = 5_000_000
"""Things that may happen in one run; a run with more goes round in circles."""


class Runaway(AssertionError):
    """More happened than can in a run that makes progress."""


class Scheduler:
    """The queue of things to happen. `now_us` is the virtual time, and moves only in `run_until`."""

    def __init__(self) -> None:
        self.now_us = 0
        self._queue: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._asked = 0
        self._steps = 0

    def at(self, time_us: int, action: Callable[..., None], *arguments: Any) -> None:
        """Calls `action(*arguments)` at `time_us`, or at once after all that is due now when that is past."""
        self._asked += 1
        heapq.heappush(self._queue, (max(time_us, self.now_us), self._asked, action, arguments))

    def after(self, delay_us: int, action: Callable[..., None], *arguments: Any) -> None:
        """Calls `action(*arguments)` in `delay_us`."""
        self.at(self.now_us + delay_us, action, *arguments)

    def run_until(self, time_us: int, stop: Callable[[], bool] = lambda: False) -> bool:
        """Lets happen all that is due up to `time_us`. Ends early, and answers true, once `stop()` is true. Raises
        Runaway."""
        queue = self._queue
        while queue and queue[0][0] <= time_us:
            self.now_us, _, action, arguments = heapq.heappop(queue)
            action(*arguments)
            self._steps += 1
            if self._steps > STEPS_MAX:
                raise Runaway(f"{STEPS_MAX} steps, and virtual time is only {self.now_us / US:.6f} s")
            if stop():
                return True
        self.now_us = max(self.now_us, time_us)
        return False
