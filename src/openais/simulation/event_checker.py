"""What the event service promises to programs: each accepted event that passes reaches each subscriber that is present,
once and in order, or a lost-event notice says so; what is retained reaches those that come later too.
A channel that was unlinked is no other one's of its name; what is retained stays for its time and no longer.

Who is present can be told for certain of the last ring, which nobody leaves any more: an event that was accepted in it
is owed to everybody who was subscribed in it before. A publisher that stays is always owed its own events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from openais.messages.base import Message
from openais.messages.evs import RingIdentity
from openais.messages.evt import (
    EVENT_ID_LOST,
    EVENT_ID_STEP,
    RETENTION_MAX_NS,
    Filter,
    Published,
    PublishedRun,
)
from openais.services.evt_filters import passes
from openais.simulation.checker import Checker
from openais.simulation.event_state import EventState
from openais.simulation.order import TotalOrder
from openais.types import NodeId


class Subscriber(Protocol):
    """A program, as the checker sees it."""

    number: int
    node_id: NodeId
    closed: bool
    channel: str
    handle: int
    """What its channel is called on its connection."""
    filters: tuple[Filter, ...]


@dataclass(slots=True, eq=False)
class UserEvent:
    """An event that a program published."""

    identity: tuple[int, int]
    publisher: Subscriber
    channel: str
    pattern: bytes
    priority: int
    retention_ns: int
    data: bytes
    ring: RingIdentity | None = None
    """The ring of its node from the time when it was asked for until its program was told that it is accepted."""
    number: int = 0
    """How many events had been asked for before."""
    channel_id: int = 0
    """An id of the channel that its publisher had open when it was accepted."""
    event_id: int = 0
    asked_us: int = 0
    """In virtual time."""
    accepted_us: int = 0

    @property
    def retained(self) -> bool:
        return self.retention_ns > 0

    def __str__(self) -> str:
        return f"event {self.identity[1]} of program {self.identity[0]} on {self.channel}"


EXPIRY_US: Final = 1_000_000
"""An event that was retained may be so for so long after its time, when all is quiet."""


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


@dataclass(slots=True, frozen=True)
class Unlinking:
    """A program unlinks a channel: in which ring, and which ids channels of the name had until then."""

    name: str
    ring: RingIdentity | None
    channel_ids: frozenset[int]


class Surroundings(Protocol):
    """The cluster, as the checker sees it."""

    def ring_of(self, node_id: NodeId) -> RingIdentity | None:
        """The ring that a node is in."""

    def channel_of(self, program: Subscriber) -> int:
        """An id of the channel that a program has open; 0 when it has none."""

    def now_us(self) -> int:
        """Virtual time."""

    def clocks_are_true(self) -> bool:
        """Whether no wall clock ever jumped."""


class EventChecker:
    """Checks what subscribers are given. Reports to `checker`."""

    def __init__(self, checker: Checker, cluster: Surroundings) -> None:
        self.deliveries = 0
        self.notices = 0
        self._checker = checker
        self._cluster = cluster
        self._events: dict[tuple[int, int], UserEvent] = {}
        self._accepted: list[UserEvent] = []
        self._ids: dict[int, UserEvent] = {}
        self._retained: dict[str, list[int]] = {}
        self._cleared: set[int] = set()
        self._channel_ids: dict[str, set[int]] = {}
        """Ids that programs knew, by channel name."""
        self._unlinked: list[Unlinking] = []
        self._seen: dict[int, _Seen] = {}
        self._order: TotalOrder[UserEvent] = TotalOrder()

    # What programs do and are given

    def asked(self, events: Sequence[UserEvent]) -> None:
        """A program is about to publish these."""
        for event in events:
            event.ring, event.number = self._cluster.ring_of(event.publisher.node_id), len(self._events)
            event.asked_us = self._cluster.now_us()
            self._events[event.identity] = event

    def accepted(self, events: Sequence[UserEvent], answer: Published) -> None:
        """They were taken, and given ids."""
        for number, event in enumerate(events):
            if event.ring != self._cluster.ring_of(event.publisher.node_id):
                event.ring = None
            self._accepted.append(event)
            event.channel_id = self._cluster.channel_of(event.publisher)
            event.event_id = event_id = answer.first_id + number * EVENT_ID_STEP
            event.accepted_us = self._cluster.now_us()
            other = self._ids.setdefault(event_id, event)
            if other is not event:
                self._report("events", f"{event} and {other} were given one id: {event_id}")
            if event.retained:
                self._retained.setdefault(event.channel, []).append(event_id)

    def clearing(self, event_id: int) -> None:
        """A program is about to clear the retention time of an event."""
        self._cleared.add(event_id)

    def unlinking(self, program: Subscriber) -> Unlinking:
        """A program is about to unlink the channel of its name."""
        known = frozenset(self._channel_ids.get(program.channel, ()))
        return Unlinking(program.channel, self._cluster.ring_of(program.node_id), known)

    def unlinked(self, program: Subscriber, asked: Unlinking) -> None:
        """It was told that the channel is unlinked."""
        if asked.ring == self._cluster.ring_of(program.node_id):
            self._unlinked.append(asked)

    def subscribing(self, program: Subscriber) -> None:
        """The program is about to subscribe."""
        self._seen[program.number] = _Seen(program)
        self._channel_ids.setdefault(program.channel, set()).add(self._cluster.channel_of(program))

    def subscribed(self, program: Subscriber) -> None:
        """It was told that it is subscribed."""
        seen = self._seen[program.number]
        seen.ring, seen.since = self._cluster.ring_of(program.node_id), len(self._events)

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

    # What must be so in the end

    def missing(self, messages: Iterable[Message], node_id: NodeId) -> Iterator[str]:
        """What is not as it was promised, once all is quiet. `messages`: the replicated state, as a node has it."""
        state, ring = EventState.of(messages), self._cluster.ring_of(node_id)
        for seen in self._seen.values():
            if seen.program.closed or seen.ring is None:
                continue
            channel_id = state.first_ids.get(self._cluster.channel_of(seen.program), 0)
            yield from self._strange(seen, channel_id, state)
            if not seen.lost:
                yield from self._not_given(seen, channel_id, state)
        yield from self._wrongly_unlinked(state, ring)
        yield from self._wrongly_retained(state, ring)

    # Helpers: in the quiet phase

    def _strange(self, seen: _Seen, channel_id: int, state: EventState) -> Iterator[str]:
        """It was given nothing of another channel of the name."""
        for identity in seen.given:
            other_id = state.first_ids.get(self._events[identity].channel_id, channel_id)
            if other_id != channel_id:
                yield f"{seen.program} was given {self._events[identity]}, and has another channel of that name open"

    def _not_given(self, seen: _Seen, channel_id: int, state: EventState) -> Iterator[str]:
        """It was given what it is owed, and what is retained."""
        for event in self._accepted:
            if event.identity not in seen.given and self._owed(seen, event, channel_id, state):
                yield f"{seen.program} was not given {event}"
        for event_id, (retained_on, header) in state.retained.items():
            passing = retained_on == channel_id and passes(seen.program.filters, header.patterns)
            if passing and event_id not in seen.event_ids:
                yield f"{seen.program} was not given the event {event_id} that is retained on {seen.program.channel}"

    def _wrongly_unlinked(self, state: EventState, ring: RingIdentity | None) -> Iterator[str]:
        """A channel that is unlinked has no name, and goes with the last who has it open."""
        for channel_id, channel in state.channels.items():
            ids = {identity.channel_id for identity in channel.identities}
            if channel.unlinked and not any(channel.opens.values()):
                yield f"channel {channel_id} of {channel.name} is unlinked, and nobody has it open"
            for each in self._unlinked:
                if each.ring == ring and each.name == channel.name and not channel.unlinked and ids & each.channel_ids:
                    yield f"channel {channel_id} of {channel.name} was unlinked, and still has its name"

    def _wrongly_retained(self, state: EventState, ring: RingIdentity | None) -> Iterator[str]:
        """What is retained stays until its time is over or it is cleared, and no longer."""
        if not self._cluster.clocks_are_true():
            return
        now_us = self._cluster.now_us()
        for event in self._accepted:
            if not event.retained:
                continue
            for_ever = event.retention_ns == RETENTION_MAX_NS
            is_retained = event.event_id in state.retained
            if is_retained and not for_ever and now_us > event.accepted_us + event.retention_ns // 1000 + EXPIRY_US:
                yield f"{event} is still retained, {event.retention_ns / 1e9} s after it was accepted at the latest"
            lasts = for_ever or now_us < event.asked_us + event.retention_ns // 1000
            kept = event.ring == ring and event.channel_id in state.first_ids and event.event_id not in self._cleared
            if kept and lasts and not is_retained:
                yield f"{event} is not retained, {event.retention_ns / 1e9} s"

    # Helpers

    def _owed(self, seen: _Seen, event: UserEvent, channel_id: int, state: EventState) -> bool:
        program = seen.program
        same_channel = event.channel == program.channel and state.first_ids.get(event.channel_id) == channel_id
        if not same_channel or not passes(program.filters, (event.pattern,)):
            return False
        if event.publisher is program:
            return True
        ring = self._cluster.ring_of(program.node_id)
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
