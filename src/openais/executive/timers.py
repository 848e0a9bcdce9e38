"""The timers of the services: one for each name, single shot."""

from __future__ import annotations

import math

from openais.messages.base import ServiceId


class Timers:
    """Deadlines by service and name. The time is the monotonic clock, in seconds."""

    def __init__(self) -> None:
        self._deadlines: dict[tuple[ServiceId, str], float] = {}
        self.deadline = math.inf
        """The earliest of them."""

    def set(self, service: ServiceId, name: str, at: float | None) -> None:
        """Sets a timer, in place of one of that name; None ends it."""
        if at is None:
            self._deadlines.pop((service, name), None)
        else:
            self._deadlines[service, name] = at
        self._refresh()

    def expire(self, now: float) -> list[tuple[ServiceId, str]]:
        """Takes out the timers that are due, earliest first."""
        if now < self.deadline:
            return []
        due = sorted((at, key) for key, at in self._deadlines.items() if at <= now)
        for _, key in due:
            del self._deadlines[key]
        self._refresh()
        return [key for _, key in due]

    def __len__(self) -> int:
        return len(self._deadlines)

    def _refresh(self) -> None:
        self.deadline = min(self._deadlines.values(), default=math.inf)
