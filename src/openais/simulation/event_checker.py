"""What the event service promises to programs: each accepted event that passes reaches each subscriber that is present,
once and in order, or a lost-event notice says so; what is retained reaches those that come later too.

Who is present can be told for certain of the last ring, which nobody leaves any more: an event that was accepted in it
is owed to everybody who was subscribed in it before. A publisher that stays is always owed its own events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from openais.messages.base import Message
from openais.messages.evs import RingIdentity
from openais.messages.evt import (
    EVENT_ID_LOST,
    EVENT_ID_STEP,
    ChannelState,
    Filter,
    Published,
    PublishedRun,
    RetainedState,
)
from openais.services.evt_filters import passes
from openais.simulation.checker import Checker
from openais.simulation.order import TotalOrder
from openais.types import NodeId


class Subscriber(Protocol):
    """A program, as the checker sees it."""

    number: int
    node_id: NodeId
    closed: bool
    channel: str
    filters: tuple[Filter, ...]


@dataclass(slots=True, eq=False)
class UserEvent:
    """An event that a program published."""

    identity: tuple[int, int]
    publisher: Subscriber
    channel: str
    pattern: bytes
    priority: int
    retained: bool
    data: bytes
    ring: RingIdentity | None = None
    """The ring of its node from the time when it was asked for until its program was told that it is accepted."""
    number: int = 0
    """How many events had been asked for before."""

    def __str__(self) -> str:
        return f"event {self.identity[1]} of program {self.identity[0]} on {self.channel}"


@dataclass(slots=True)
class _Seen:
    """What one program was given."""

    program: Subscriber
    ring: RingIdentity | None = None
    """The ring of its node when it was told that it is subscribed; None before."""
    since: int = 0
    """How many events had been asked for by then. Those that were and are not accepted may be on their way past it."""
    given: set[tuple[int, int]] = field(default_factory=set)
    event_ids: set[int] = field(default_factory=set)
    last: dict[int, UserEvent] = field(default_factory=dict)
    """The last event that was not retained, by priority."""
    last_of: dict[tuple[int, int], UserEvent] = field(default_factory=dict)
    """The last event by publisher and priority."""
    lost: bool = False
    """It was given a lost-event notice."""


class EventChecker:
    """Checks what subscribers are given. Reports to `checker`; `ring_of` gives the ring that a node is in."""

    def __init__(self, checker: Checker, ring_of: Callable[[NodeId], RingIdentity | None]) -> None:
        self.deliveries = 0
        self.notices = 0
        self._checker = checker
        self._ring_of = ring_of
        self._events: dict[tuple[int, int], UserEvent] = {}
        self._accepted: list[UserEvent] = []
        self._ids: dict[int, UserEvent] = {}
        self._retained: dict[str, list[int]] = {}
        self._seen: dict[int, _Seen] = {}
        self._order: TotalOrder[UserEvent] = TotalOrder()

    # What programs do and are given

    def asked(self, events: Sequence[UserEvent]) -> None:
        """A program is about to publish these."""
        for event in events:
            event.ring, event.number = self._ring_of(event.publisher.node_id), len(self._events)
            self._events[event.identity] = event

    def accepted(self, events: Sequence[UserEvent], answer: Published) -> None:
        """They were taken, and given ids."""
        for number, event in enumerate(events):
            if event.ring != self._ring_of(event.publisher.node_id):
                event.ring = None
            self._accepted.append(event)
            event_id = answer.first_id + number * EVENT_ID_STEP
            other = self._ids.setdefault(event_id, event)
            if other is not event:
                self._report("events", f"{event} and {other} were given one id: {event_id}")
            if event.retained:
                self._retained.setdefault(event.channel, []).append(event_id)

    def subscribing(self, program: Subscriber) -> None:
        """The program is about to subscribe."""
        self._seen[program.number] = _Seen(program)

    def subscribed(self, program: Subscriber) -> None:
        """It was told that it is subscribed."""
        seen = self._seen[program.number]
        seen.ring, seen.since = self._ring_of(program.node_id), len(self._events)

    def delivered(self, program: Subscriber, run: PublishedRun, event_id: int, data: bytes) -> None:
        """The program was given an event of a run."""
        seen = self._seen[program.number]
        if event_id == EVENT_ID_LOST:
            self.notices += 1
            seen.lost = True
            return
        self.deliveries += 1
        event = self._events.get((int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")))
        if event is None or event.data != data or (run.patterns, run.priority) != ((event.pattern,), event.priority):
            self._report("events", f"{program} is given what nobody published: {run.patterns} {data[:32].hex()}")
            return
        if self._checker.report("events", _wrong(seen, event)):
            return
        self._check_order(seen, event)
        seen.given.add(event.identity)
        seen.event_ids.add(event_id)

    def retained_ids(self, channel: str) -> list[int]:
        """The ids of the events that were accepted to be retained on a channel, whether or not they still are."""
        return self._retained.get(channel, [])

    def missing(self, state: Iterable[Message]) -> Iterator[str]:
        """What subscribers wait for in vain, once all is quiet. `state`: the replicated state, which all share."""
        retained = list(_retained(state))
        for seen in self._seen.values():
            if seen.program.closed or seen.ring is None or seen.lost:
                continue
            for event in self._accepted:
                if event.identity not in seen.given and self._owed(seen, event):
                    yield f"{seen.program} was not given {event}"
            for channel, header in retained:
                if channel != seen.program.channel or not passes(seen.program.filters, header.patterns):
                    continue
                if header.first_id not in seen.event_ids:
                    yield f"{seen.program} was not given the event {header.first_id} that is retained on {channel}"

    # Helpers

    def _owed(self, seen: _Seen, event: UserEvent) -> bool:
        program = seen.program
        if event.channel != program.channel or not passes(program.filters, (event.pattern,)):
            return False
        if event.publisher is program:
            return True
        ring = self._ring_of(program.node_id)
        return ring is not None and event.ring == ring == seen.ring and event.number >= seen.since

    def _check_order(self, seen: _Seen, event: UserEvent) -> None:
        key = (event.publisher.number, event.priority)
        before = seen.last_of.get(key)
        if before is not None and before.identity > event.identity:
            self._report("events", f"{seen.program} is given {event} after {before}")
        seen.last_of[key] = event
        if event.retained:
            return  # who comes later, or from another partition, is given it later
        last = seen.last.get(event.priority)
        if last is not None:
            cycle = self._order.precede(last, event)
            if cycle:
                chain = " before ".join(map(str, cycle))
                self._report("events", f"{seen.program} is given {last} before {event}; others were given {chain}")
        seen.last[event.priority] = event

    def _report(self, invariant: str, evidence: str) -> None:
        self._checker.report(invariant, [evidence])


def _wrong(seen: _Seen, event: UserEvent) -> Iterator[str]:
    """An event is delivered once, on its channel, to those that it passes."""
    if event.identity in seen.given:
        yield f"{seen.program} is given {event} a second time"
    if event.channel != seen.program.channel:
        yield f"{seen.program} is given {event}, and has {seen.program.channel} open"
    if not passes(seen.program.filters, (event.pattern,)):
        yield f"{seen.program} is given {event}, which does not pass its filters: {event.pattern!r}"


def _retained(state: Iterable[Message]) -> Iterator[tuple[str, PublishedRun]]:
    """What is retained, by channel name."""
    name = ""
    for message in state:
        if isinstance(message, ChannelState):
            name = message.name
        elif isinstance(message, RetainedState):
            yield name, message.event
