"""Passive monitoring: which processes the guardian watches, and which of their ends are failures of components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from signal import Signals
from typing import Final

from openais.messages.amf_model import PmErrors, PmStop
from openais.messages.amf_monitoring import MONITORED_MAX, Monitor, PmEnd
from openais.runtime.guarding import Guard
from openais.types import NoResources, NotExist


@dataclass(slots=True)
class Monitored:
    """A process that is monitored, with its descendants."""

    order: Monitor
    watch: int
    own: PmErrors
    """Which of its ends are failures."""
    descendants: PmErrors
    """Which ends of its descendants are failures."""


class Monitors:
    """What is monitored on a node; `failed` is told of each end that is a failure, in words."""

    def __init__(self, guard: Guard, failed: Callable[[Monitor, str], None]) -> None:
        self._guard: Final = guard
        self._failed: Final = failed
        self._monitored: Final[dict[tuple[str, int], Monitored]] = {}

    async def start(self, order: Monitor) -> None:
        """Monitors a process; what was monitored of it before is monitored on. Raises NotExist, NoResources."""
        wanted = order.wanted
        key = wanted.component, wanted.process_id
        before = self._monitored.get(key)
        if before is None and sum(name == wanted.component for name, _ in self._monitored) >= MONITORED_MAX:
            raise NoResources(f"{MONITORED_MAX} processes of {wanted.component} are monitored already")
        watch = await self._guard.watch(wanted.process_id, wanted.depth, lambda *death: self._died(key, *death))
        if not watch:
            raise NotExist(f"there is no process {wanted.process_id}")
        errors = PmErrors(wanted.errors)
        own, descendants = errors, errors if wanted.depth else PmErrors(0)
        if before is not None:
            self._guard.unwatch(before.watch)
            own, descendants = own | before.own, descendants | before.descendants
        self._monitored[key] = Monitored(order, watch, own, descendants)

    def stop(self, request: PmEnd) -> None:
        """Raises NotExist when none of it is monitored."""
        errors, found = PmErrors(request.errors), False
        for key, each in list(self._monitored.items()):
            everything = request.qualifier is PmStop.ALL_PROCESSES
            if key[0] != request.component or not (everything or key[1] == request.process_id):
                continue
            found = found or bool(each.own & errors)
            each.own &= ~errors
            if request.qualifier is not PmStop.PROCESS:
                each.descendants &= ~errors
            if not each.own | each.descendants:
                self._end(key)
        if not found:
            raise NotExist(f"process {request.process_id} of {request.component} is not monitored for that")

    def forget(self, component: str) -> None:
        """Nothing of a component is monitored any more."""
        for key in [key for key in self._monitored if key[0] == component]:
            self._end(key)

    def _end(self, key: tuple[str, int]) -> None:
        self._guard.unwatch(self._monitored.pop(key).watch)

    def _died(self, key: tuple[str, int], process_id: int, code: int | None, level: int, left: int) -> None:
        monitored = self._monitored.get(key)
        if monitored is None:
            return
        if not left:
            del self._monitored[key]
        errors = monitored.descendants if level else monitored.own
        if errors & _kind(code, level):
            of = f" (a descendant of {key[1]})" if level else ""
            self._failed(monitored.order, f"process {process_id}{of} {_how(code)}")


def _kind(code: int | None, level: int) -> PmErrors:
    """What kind of end this is. One that nobody knows is any for the process itself, and none for descendants."""
    if code is None:
        return PmErrors(0) if level else ~PmErrors(0)
    if code < 0:
        return PmErrors.ABNORMAL_END
    return PmErrors.NON_ZERO_EXIT if code else PmErrors.ZERO_EXIT


def _how(code: int | None) -> str:
    if code is None:
        return "ended"
    return f"was ended by {Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
