"""What the journals of EVT say: events with their fate, and subscriptions with what they were given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from chaos.evidence import Evidence, Life
from chaos.evt_events import FOR_EVER_S, PASSES, Identity
from openais.messages.evt import EVENT_ID_STEP

NEVER: Final = float("inf")
LATE: Final = "late-"


@dataclass(slots=True, eq=False)
class Published:
    """An event that somebody tried to publish."""

    identity: Identity
    session: int
    """Which session of its publisher with an executive; each executive is a publisher of its own."""
    node: int
    channel: str
    pattern: str
    priority: int
    retention_s: float
    asked_at: float
    accepted_at: float = NEVER
    refused: bool = False
    event_id: int = 0
    clear_asked_at: float = NEVER
    cleared_at: float = NEVER
    first_given_at: float = NEVER

    @property
    def stream(self) -> tuple[int, int, int, int]:
        """Events with the same are delivered in the order of their identities."""
        return self.identity.publisher, self.identity.run, self.session, self.priority

    @property
    def accepted(self) -> bool:
        return self.accepted_at < NEVER

    @property
    def for_ever(self) -> bool:
        return self.retention_s >= FOR_EVER_S

    def __str__(self) -> str:
        return (
            f"{self.identity} on {self.channel} (priority {self.priority}, id {self.event_id}, {self.asked_at:.2f} s)"
        )


@dataclass(slots=True, eq=False)
class Subscribed:
    """One subscription of a program, from when it was told of it to its end."""

    name: str
    node: int
    key: str
    channel: str
    filters: int
    began: float
    ended: float = NEVER
    final: bool = False
    """It lasted until all was over."""
    given: list[tuple[float, Identity, int]] = field(default_factory=list)
    """When, what and under which id, in order."""
    lost: list[float] = field(default_factory=list)
    """When it was told that events were lost."""

    @property
    def late(self) -> bool:
        return self.name.startswith(LATE)

    def lets_through(self, event: Published) -> bool:
        """Whether an event of its channel passes its filters."""
        return event.pattern in PASSES[self.filters]

    def __str__(self) -> str:
        return f"subscription {self.key} of {self.name} at node {self.node}, since {self.began:.2f} s"


@dataclass
class Journals:
    """All of them together."""

    events: dict[Identity, Published] = field(default_factory=dict)
    subscriptions: list[Subscribed] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    """What subscribers were given that nobody published so."""
    unknown: int = 0
    """Events of which nobody was told whether they were accepted."""
    refused: int = 0

    @classmethod
    def read(cls, evidence: Evidence) -> Journals:
        """From the journals of a run."""
        found = cls()
        lives = sorted(evidence.lives, key=lambda life: (life.name, life.run))
        for life in lives:
            if life.name.startswith("publisher-"):
                found._read_publisher(life, evidence.lines(life))
        for life in lives:
            if not life.name.startswith("publisher-"):
                found._read_subscriber(life, evidence.lines(life))
        return found

    def _read_publisher(self, life: Life, lines: Iterator[list[str]]) -> None:
        publisher = int(life.name.rpartition("-")[2])
        asked: list[Published] = []
        session = 0
        by_id: dict[int, Published] = {}
        for word, time, *rest in lines:
            at = float(time)
            if word == "open":
                session += 1
            elif word == "ask":
                self._settle(asked)
                asked = list(_asked(life, publisher, session, at, rest))
                self.events.update((event.identity, event) for event in asked)
            elif word == "ok":
                for place, event in enumerate(asked):
                    event.accepted_at, event.event_id = at, int(rest[1]) + place * EVENT_ID_STEP
                    by_id[event.event_id] = event
            elif word == "no":
                self.refused += len(asked)
                for event in asked:
                    event.refused = True
            elif word == "clear":
                by_id[int(rest[0])].clear_asked_at = at
            elif word == "cleared":
                by_id[int(rest[0])].cleared_at = at
        self._settle(asked)

    def _settle(self, asked: list[Published]) -> None:
        self.unknown += sum(not event.accepted and not event.refused for event in asked)

    def _read_subscriber(self, life: Life, lines: Iterator[list[str]]) -> None:
        open_now: dict[str, Subscribed] = {}
        for word, time, *rest in lines:
            at = float(time)
            if word == "sub":
                key, channel, filters = rest
                open_now[key] = Subscribed(life.name, life.node, f"{life.run}.{key}", channel, int(filters), at)
                self.subscriptions.append(open_now[key])
            elif word == "got":
                identity = Identity(*map(int, rest[1:4]))
                open_now[rest[0]].given.append((at, identity, int(rest[4])))
                event = self.events.get(identity)
                if event is not None:
                    event.first_given_at = min(event.first_given_at, at)
            elif word == "lost":
                open_now[rest[0]].lost.append(at)
            elif word == "bad":
                self.bad.append(f"{life.name} at node {life.node} was given {' '.join(rest[1:])}, which is damaged")
            elif word == "unsub":
                open_now.pop(rest[0]).ended = at
            elif word == "gone":
                for each in open_now.values():
                    each.ended = at
                open_now.clear()
        for each in open_now.values():
            each.ended, each.final = life.ended, life.code == 0


def _asked(life: Life, publisher: int, session: int, at: float, rest: list[str]) -> Iterator[Published]:
    first, count, channel, pattern, priority, retention = rest
    for number in range(int(first), int(first) + int(count)):
        identity = Identity(publisher, life.run, number)
        yield Published(identity, session, life.node, channel, pattern, int(priority), float(retention), at)
