"""What happened in a run, in order: for reading, for comparing two runs, and for drawing.

One event is one line, of a stable form:

    0.125034  2      conf      ring 8.1 regular: 1 2 3
    0.126100  2 > 3  token     hop 12 in 8.1, sequence 4 aru 4, arrives 0.127350
    0.126100  2 > 1  data      5 of 2 in 8.1, 96 bytes, lost: partition
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from openais.simulation import datagrams
from openais.simulation.network import Flight
from openais.simulation.schedule import US, Scheduler
from openais.totem.effects import Configuration, Delivered, Recorded
from openais.types import Guarantee, NodeId

DATAGRAMS: Final = ("token", "data", "join", "commit", "announce", "wake", "noise")
"""The kinds of events that are datagrams, as `datagrams.kind_of` names them."""


@dataclass(slots=True, frozen=True)
class Event:
    """One event at a node; a datagram has a `target`, and the time of its arrival or None when it was lost."""

    time_us: int
    node: NodeId
    kind: str
    text: str
    target: NodeId | None = None
    arrives_us: int | None = None
    members: tuple[NodeId, ...] = ()
    """Of a configuration."""

    def __str__(self) -> str:
        where = f"{self.node}" if self.target is None else f"{self.node} > {self.target}"
        return f"{self.time_us / US:.6f}  {where:<6} {self.kind:<9} {self.text}"


class Trace:
    """Collects events. Without one a run is faster, since nothing is put into words."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.events: list[Event] = []
        self._scheduler = scheduler

    def note(self, node: NodeId, kind: str, text: str, members: tuple[NodeId, ...] = ()) -> None:
        """An event at `node`, now."""
        self.events.append(Event(self._scheduler.now_us, node, kind, text, members=members))

    def flight(self, flight: Flight) -> None:
        """A datagram is sent (the network's watch)."""
        kind = datagrams.kind_of(flight.datagram)
        text = datagrams.in_words(flight.datagram).removeprefix(kind).lstrip()
        if flight.arrives_us is None:
            text += f", lost: {flight.fate}"
        else:
            text += f", arrives {flight.arrives_us / US:.6f}" + (f" {flight.fate}" if flight.fate else "")
        self.events.append(Event(flight.sent_us, flight.source, kind, text, flight.target, flight.arrives_us))

    def configured(self, node: NodeId, change: Configuration) -> None:
        """A configuration was installed."""
        kind = "transitional" if change.transitional else "regular"
        text = f"ring {change.ring_id} {kind}: {' '.join(map(str, change.members))}"
        self.note(node, "conf", text, change.members)

    def delivered(self, node: NodeId, effect: Delivered) -> None:
        """A message was delivered."""
        text = f"from {effect.sender}: {preview(effect.payload)}"
        groups = " to " + " ".join(group.decode(errors="replace") for group in effect.groups) if effect.groups else ""
        safe = ", safe" if effect.guarantee is Guarantee.SAFE else ""
        self.note(node, "deliver", f"{text}{groups}, {effect.priority.name.lower()}{safe}")

    def recorded(self, node: NodeId, record: Recorded) -> None:
        """The product told its flight recorder something."""
        self.note(node, record.kind, record.text)

    def lines(self, kinds: Iterable[str] | None = None, since: int = 0) -> Iterator[str]:
        """The events as text, those of `kinds` only when given, from the one of index `since` on."""
        wanted = None if kinds is None else set(kinds)
        return (str(event) for event in in_order(self.events[since:]) if wanted is None or event.kind in wanted)

    def between(self, start_s: float, end_s: float) -> list[Event]:
        """The events from one moment to another, in order."""
        return [event for event in in_order(self.events) if start_s <= event.time_us / US <= end_s]

    def text(self) -> str:
        """All of it."""
        return "".join(f"{line}\n" for line in self.lines())


def in_order(events: Iterable[Event]) -> list[Event]:
    """By time: a datagram leaves when the turn that sends it ends, a little after what else that turn did."""
    return sorted(events, key=lambda event: event.time_us)


def preview(payload: bytes | memoryview) -> str:
    """A payload in a few words: its text when it is short and printable, else its length and first bytes."""
    text = bytes(payload[:40]).decode("ascii", errors="replace")
    if len(payload) <= 40 and text.isprintable() and "�" not in text:
        return f'"{text}"'
    return f"{len(payload)} bytes {bytes(payload[:8]).hex()}"
