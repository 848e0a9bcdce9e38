"""A simulated machine: processor, socket buffer, clock and disk, and the executive or the ring that runs on it.

Work is done in turns, as an event loop does it: a turn drains the socket in one burst, hands over what the programs on
the machine asked for, then lets time-outs expire, and takes some time on the processor. A machine that is paused takes
no turns, and finds on its return a full socket and time-outs long past.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from openais.simulation.network import Network
from openais.simulation.schedule import US, Scheduler, microseconds
from openais.simulation.service_log import ServiceLog
from openais.totem.core import sequence_from_clock
from openais.totem.effects import Address, Fatal, Multicast, Recorded, SendTo, StoreRingSequence
from openais.types import NodeId

SOCKET_DATAGRAMS_MAX: Final = 512
"""Datagrams that wait in the socket; what comes on top is lost."""
TURN_US: Final = 30
DATAGRAM_US: Final = 8
"""What a turn costs on the processor, and what each datagram adds."""
WALL_START_NS: Final = 1_700_000_000_000_000_000


class Engine(Protocol):
    """What runs on the machine, as the runtime's driver sees it (`executive.Executive`)."""

    @property
    def deadline(self) -> float: ...
    def start(self, now: float, wall_ns: int) -> None: ...
    def datagrams(self, burst: Sequence[tuple[Address, bytes]], now: float, wall_ns: int) -> None: ...
    def timeout(self, now: float, wall_ns: int) -> None: ...
    def ring_sequence_stored(self, sequence: int, now: float, wall_ns: int) -> None: ...
    def leave(self, now: float, wall_ns: int) -> None: ...
    def take_effects(self) -> Sequence[object]: ...
    def describe(self) -> dict[str, object]: ...


E = TypeVar("E", bound=Engine)


@dataclass(slots=True)
class Disk:
    """The only thing that outlives a crash (`runtime.ring_store`). `delay_us` is the range of a write's duration."""

    ring_sequence: int | None = 0
    """None: there is no file."""
    incarnation: int = 0
    delay_us: tuple[int, int] = (500, 8_000)
    log: ServiceLog = field(default_factory=ServiceLog)
    """That of the checkpoint service."""

    def start(self, wall_ms: int, chance: int) -> tuple[int, int]:
        """What a starting node reads, and writes at once: ring sequence and incarnation. With an empty disk both
        come from the wall clock, beyond whatever was used before."""
        if self.ring_sequence is None:
            self.ring_sequence = sequence_from_clock(wall_ms)
        self.incarnation = max(wall_ms, (self.incarnation >> 16) + 1) << 16 | chance
        return self.ring_sequence, self.incarnation


@dataclass(slots=True)
class Clock:
    """The machine's clocks, as offsets from virtual time. The monotonic one is never set."""

    monotonic_us: int = 0
    wall_us: int = 0


class Watcher(Protocol):
    """Told of what a machine does, in order. All methods may do nothing."""

    def recorded(self, node: NodeId, record: Recorded) -> None: ...
    def stopped(self, node: NodeId, reason: str) -> None: ...


@dataclass(slots=True)
class Surroundings:
    """What the machines of one cluster have in common."""

    scheduler: Scheduler
    chance: random.Random
    network: Network
    watcher: Watcher
    replaced_at_us: int = 0
    """The furthest wall clock, as an offset, at which a disk was replaced."""


class Node(Generic[E]):
    """One machine. `boot` puts an engine on it; `crash` takes it away between, or within, two effects."""

    def __init__(self, node_id: NodeId, around: Surroundings) -> None:
        self.node_id = node_id
        self.engine: E | None = None
        self.disk = Disk()
        self.clock = Clock(monotonic_us=around.chance.randrange(1, 1000) * US)
        self.paused = False
        self.slowness = 1.0
        """How many times longer than usual a turn takes."""
        self.boots = 0
        self.dropped = 0
        """Datagrams that found the socket full."""
        self._around = around
        self._scheduler = around.scheduler
        self._inbox: list[tuple[Address, bytes]] = []
        self._inputs: list[Callable[[E, float, int], None]] = []
        self._busy_until_us = 0
        self._turn_at_us: int | None = None
        self._alarm_us: float = math.inf
        self._effects_left: int | None = None
        around.network.attach(node_id, self._arrived)

    # What happens to a machine

    def boot(self, engine: E) -> None:
        """Starts `engine` on this machine."""
        assert self.engine is None
        self.engine = engine
        self.boots += 1
        self._inbox.clear()
        self._inputs.clear()
        self._alarm_us = math.inf
        self.call(lambda running, now, wall_ns: running.start(now, wall_ns))

    def crash(self) -> None:
        """The machine stops at once. What it had written to disk stays, what it was writing does not."""
        self.engine = None
        self.paused = False
        self._effects_left = None
        self._inbox.clear()
        self._inputs.clear()

    def crash_within_turn(self, effects: int) -> None:
        """The machine will stop in its next turn with work to do, after so many of that turn's effects."""
        self._effects_left = effects

    def replace_disk(self) -> None:
        """The machine gets an empty disk. Whoever puts it in sees to the clock as well: it is not behind any at which
        a disk was replaced before in this cluster."""
        self.disk = Disk(None, delay_us=self.disk.delay_us)
        self.clock.wall_us = self._around.replaced_at_us = max(self.clock.wall_us, self._around.replaced_at_us)

    def pause(self) -> None:
        """Takes no turns until `resume`; datagrams pile up in the socket (SIGSTOP)."""
        self.paused = True

    def resume(self) -> None:
        """Goes on, without having noticed anything (SIGCONT)."""
        self.paused = False
        self._ask_for_turn()

    def call(self, action: Callable[[E, float, int], None]) -> None:
        """Hands `action(engine, now, wall_ns)` to the machine's next turn; lost when it crashes before."""
        if self.engine is not None:
            self._inputs.append(action)
            self._ask_for_turn()

    @property
    def running(self) -> bool:
        """Whether an engine runs here, be it paused."""
        return self.engine is not None

    @property
    def dying(self) -> bool:
        """Whether it will stop in its next turn with work to do."""
        return self._effects_left is not None

    def now(self) -> float:
        """The monotonic clock in seconds."""
        return (self._scheduler.now_us + self.clock.monotonic_us) / US

    def wall_ns(self) -> int:
        """The wall clock in nanoseconds since the epoch."""
        return WALL_START_NS + (self._scheduler.now_us + self.clock.wall_us) * 1000

    # Turns

    def _arrived(self, source: NodeId, datagrams: Sequence[bytes]) -> None:
        if self.engine is None:
            return
        room = SOCKET_DATAGRAMS_MAX - len(self._inbox)
        if room < len(datagrams):
            self.dropped += len(datagrams) - max(0, room)
            datagrams = datagrams[: max(0, room)]
        self._inbox += [(source, datagram) for datagram in datagrams]
        self._ask_for_turn()

    def _ask_for_turn(self) -> None:
        if self._turn_at_us is None and not self.paused and self.engine is not None:
            self._turn_at_us = max(self._scheduler.now_us, self._busy_until_us)
            self._scheduler.at(self._turn_at_us, self._turn)

    def _turn(self) -> None:
        self._turn_at_us = None
        engine = self.engine
        if engine is None or self.paused:
            return
        now, wall_ns = self.now(), self.wall_ns()
        burst, self._inbox = self._inbox, []
        inputs, self._inputs = self._inputs, []
        late = engine.deadline <= now
        if late and self._around.chance.random() < 0.5:
            engine.timeout(now, wall_ns)
        if burst:
            engine.datagrams(burst, now, wall_ns)
        for action in inputs:
            action(engine, now, wall_ns)
        if engine.deadline <= now:
            engine.timeout(now, wall_ns)
        cost_us = int((TURN_US + DATAGRAM_US * len(burst)) * self.slowness)
        self._busy_until_us = self._scheduler.now_us + cost_us
        self._perform_all(engine)
        self._set_alarm()

    def _perform_all(self, engine: E) -> None:
        while effects := engine.take_effects():
            for effect in effects:
                if self._effects_left is not None:
                    if self._effects_left == 0:
                        self.power_failed()
                        return
                    self._effects_left -= 1
                self.perform(effect)
                if self.engine is not engine:
                    return

    def perform(self, effect: object) -> None:
        """Performs one effect of the engine; subclasses add those of their engine."""
        if isinstance(effect, SendTo | Multicast):
            self._around.network.send(self.node_id, effect, self._busy_until_us)
        elif isinstance(effect, StoreRingSequence):
            self._store(effect.sequence)
        elif isinstance(effect, Recorded):
            self._around.watcher.recorded(self.node_id, effect)
        elif isinstance(effect, Fatal):
            self._around.watcher.stopped(self.node_id, effect.reason)

    def power_failed(self) -> None:
        """Called when the machine stops in the middle of a turn."""
        self.crash()

    def _store(self, sequence: int) -> None:
        """Writes to disk, and tells the engine when it is done; a crash before that loses the write."""
        self._scheduler.after(self._around.chance.randint(*self.disk.delay_us), self._stored, self.boots, sequence)

    def _stored(self, boot: int, sequence: int) -> None:
        if boot != self.boots or self.engine is None:
            return
        self.disk.ring_sequence = max(self.disk.ring_sequence or 0, sequence)
        self.call(lambda engine, now, wall_ns: engine.ring_sequence_stored(sequence, now, wall_ns))

    # The one timer

    def _set_alarm(self) -> None:
        """Makes sure that a turn comes at the engine's deadline. An alarm that is too early sets the next."""
        if self.engine is None:
            return
        deadline = self.engine.deadline
        if deadline == math.inf:
            return
        due_us = max(microseconds(deadline) - self.clock.monotonic_us, self._scheduler.now_us + 1)
        if due_us < self._alarm_us:
            self._alarm_us = due_us
            self._scheduler.at(due_us, self._alarm, self.boots, due_us)

    def _alarm(self, boot: int, due_us: int) -> None:
        if boot != self.boots or due_us != self._alarm_us:
            return
        self._alarm_us = math.inf
        if self.paused or self.engine is None:
            return
        if self.engine.deadline <= self.now():
            self._ask_for_turn()
        else:
            self._set_alarm()
