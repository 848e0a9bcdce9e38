"""When two nodes surely were together, by what programs at both were told of their rings.

Extended virtual synchrony promises: processors that go together from one configuration to the next have delivered the
same messages. So from the first ring that two nodes share, through all that they go to together, as the transitional
configurations say, whatever one of them sends is delivered by the other. What ends such a time began before anybody was
told of it. A ring that is broken, or loses packets, brings nobody what is on its way, and if it is broken once more
before it has caught up, that may be lost with who sent it: then the time had ended when the first of these troubles
began, whomever they were about. What was sent within MARGIN_S before that, or within NOTICED_S before the end was told,
is nobody's due.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import msgspec

MARGIN_S: Final = 2.0
NOTICED_S: Final = 4.0
CAUGHT_UP_S: Final = 3.0
"""So long after a trouble a ring that is left alone has formed anew and delivered what waited."""


class Configured(msgspec.Struct, frozen=True, tag="configured"):
    """A program at a node was told of a configuration."""

    at: float
    node: int
    ring: tuple[int, int]
    transitional: bool
    members: tuple[int, ...]


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """A program at a node lost its executive."""

    at: float
    node: int


RingEvent: TypeAlias = Configured | Gone


class Window(NamedTuple):
    """A time, from and until which something holds."""

    began: float
    ended: float

    def __and__(self, other: Window) -> Window | None:
        """What is in both, if anything."""
        both = Window(max(self.began, other.began), min(self.ended, other.ended))
        return both if both.began < both.ended else None


@dataclass(slots=True)
class _Stay:
    """A node in one ring."""

    ring: tuple[int, int]
    members: tuple[int, ...]
    began: float
    ended: float = float("inf")
    kept: tuple[int, ...] = ()
    """Who went on together with it."""
    next_ring: tuple[int, int] | None = None


def merged(windows: Iterable[Window]) -> list[Window]:
    """The same times as windows that do not touch, in order."""
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.began <= found[-1].ended:
            found[-1] = Window(found[-1].began, max(found[-1].ended, window.ended))
        else:
            found.append(window)
    return found


def together(one: Sequence[RingEvent], other: Sequence[RingEvent], troubles: Sequence[Window]) -> list[Window]:
    """The times in which two nodes were together. `troubles`, merged: when a ring had not caught up."""
    there = {stay.ring: stay for stay in _stays(other)}
    node, peer = _node(one), _node(other)
    windows: list[Window] = []
    began: float | None = None
    for stay in _stays(one):
        same = there.get(stay.ring)
        if same is None or peer not in stay.members or node not in same.members:
            began = None
            continue
        began = max(stay.began, same.began) if began is None else began
        goes_on = stay.next_ring is not None and stay.next_ring == same.next_ring
        if goes_on and peer in stay.kept and node in same.kept:
            continue
        windows.append(Window(began, _surely_until(min(stay.ended, same.ended), troubles)))
        began = None
    return [window for window in windows if window.began < window.ended]


def _surely_until(told: float, troubles: Sequence[Window]) -> float:
    """Until when all that was sent arrived, of two nodes of which one was told at `told` that they are parted."""
    if told == float("inf"):
        return told
    noticed = told - NOTICED_S
    reasons = Window(noticed, told)
    return min([noticed, *(trouble.began - MARGIN_S for trouble in troubles if trouble & reasons)])


def _node(events: Sequence[RingEvent]) -> int:
    return events[0].node if events else 0


def _stays(events: Sequence[RingEvent]) -> Iterator[_Stay]:
    """What a node was told, ring by ring."""
    stay: _Stay | None = None
    for event in events:
        if isinstance(event, Configured) and event.transitional:
            if stay is not None:
                stay.kept, stay.ended = event.members, event.at
            continue
        if stay is not None:
            stay.ended = min(stay.ended, event.at)
            stay.next_ring = event.ring if isinstance(event, Configured) else None
            yield stay
        stay = _Stay(event.ring, event.members, event.at) if isinstance(event, Configured) else None
    if stay is not None:
        yield stay
