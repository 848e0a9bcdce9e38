"""When two nodes surely were together, by what programs at both were told of their rings.

Extended virtual synchrony promises: processors that go together from one configuration to the next have delivered the
same messages. So from the first ring that two nodes share, through all that they go to together, as the transitional
configurations say, whatever one of them sends is delivered by the other. What ends such a time began before anybody was
told of it: with the first fault of any kind in the last ring that they shared, even one of other nodes, for a ring that
is broken brings nobody what is on its way. What was sent within MARGIN_S before that, or within NOTICED_S before it
ended, is nobody's due.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import msgspec

MARGIN_S: Final = 2.0
NOTICED_S: Final = 4.0
KNOWN_S: Final = 15.0
"""What was over so long before a ring was left was not the reason for it."""


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


def together(one: Sequence[RingEvent], other: Sequence[RingEvent], faults: Sequence[Window]) -> list[Window]:
    """The times in which two nodes were together. `faults`: from when to when anything hurt the ring of anybody."""
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
        last = Window(max(stay.began, same.began), min(stay.ended, same.ended))
        windows.append(Window(began, _surely_until(last, faults)))
        began = None
    return [window for window in windows if window.began < window.ended]


def _surely_until(last: Window, faults: Sequence[Window]) -> float:
    """Until when all that was sent arrived, of two nodes that were together in their `last` ring at that time."""
    if last.ended == float("inf"):
        return last.ended
    reasons = Window(max(last.began, last.ended - KNOWN_S), last.ended)
    hurt = [both.began for fault in faults if (both := fault & reasons)]
    return min([last.ended - NOTICED_S, *(at - MARGIN_S for at in hurt)])


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
