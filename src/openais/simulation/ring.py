"""The ring of one node as the simulator drives it: what it must offer, and a shell that shows the checker what it does.

`Ring` is the contract of `openais.totem.processor.Processor`. `ObservedRing` puts one around a ring: every message gets
an identity when it is submitted, carried behind its payload and taken off at delivery, so that the checker can tell any
two messages apart whatever the layers above send. A test breaks the product here, by `tamper`, and nowhere else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeAlias

from openais.simulation.checker import Checker
from openais.simulation.history import Life
from openais.simulation.trace import Trace
from openais.totem.effects import Address, Configuration, Delivered, Recorded, RingEffect
from openais.totem.settings import RingSettings
from openais.types import Guarantee, NodeId, Priority

IDENTITY: Final = struct.Struct("<IQ")
"""Behind every payload: the number of the sender's life, and the number of the message in it."""


class Ring(Protocol):
    """What `totem.processor.Processor` offers."""

    @property
    def deadline(self) -> float: ...
    @property
    def has_left(self) -> bool: ...
    @property
    def counters(self) -> dict[str, int]: ...
    def start(self, now: float) -> None: ...
    def receive(self, burst: Sequence[tuple[Address, bytes]], now: float) -> None: ...
    def timeout(self, now: float) -> None: ...
    def wake(self, now: float) -> None: ...
    def ring_sequence_stored(self, sequence: int, now: float) -> None: ...
    def leave(self, now: float) -> None: ...
    def submit(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool: ...
    def room(self, priority: Priority) -> bool: ...
    def join_group(self, name: bytes) -> None: ...
    def leave_group(self, name: bytes) -> None: ...
    def plug(self) -> None: ...
    def unplug(self, now: float) -> None: ...
    def take_effects(self) -> list[RingEffect]: ...
    def describe(self) -> dict[str, object]: ...


RingFactory: TypeAlias = Callable[[NodeId, int, RingSettings, int], Ring]
"""Makes a ring from node id, incarnation, settings and the ring sequence read from disk."""
Tamper: TypeAlias = Callable[[list[RingEffect]], list[RingEffect]]


class ObservedRing:
    """A ring whose sends, deliveries and configurations the checker sees. Offers what a ring offers."""

    def __init__(self, ring: Ring, checker: Checker, life: Life, trace: Trace | None = None) -> None:
        self._ring = ring
        self._checker = checker
        self._life = life
        self._trace = trace
        self._count = 0
        self.tamper: Tamper | None = None
        """When set, every list of effects passes through it first: how a test breaks the product."""

        self.start = ring.start
        self.receive = ring.receive
        self.timeout = ring.timeout
        self.wake = ring.wake
        self.ring_sequence_stored = ring.ring_sequence_stored
        self.leave = ring.leave
        self.room = ring.room
        self.plug = ring.plug
        self.unplug = ring.unplug
        self.describe = ring.describe

    @property
    def deadline(self) -> float:
        return self._ring.deadline

    @property
    def has_left(self) -> bool:
        return self._ring.has_left

    @property
    def counters(self) -> dict[str, int]:
        return self._ring.counters

    def submit(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
        identity = (self._life.number, self._count)
        if not self._ring.submit(payload + IDENTITY.pack(*identity), groups, guarantee, priority):
            return False
        self._count += 1
        self._checker.submitted(self._life, identity, payload, groups, guarantee, priority)
        return True

    def join_group(self, name: bytes) -> None:
        self._ring.join_group(name)
        self._checker.group_joined(self._life, name)

    def leave_group(self, name: bytes) -> None:
        self._ring.leave_group(name)
        self._checker.group_left(self._life, name)

    def take_effects(self) -> list[RingEffect]:
        effects = self._ring.take_effects()
        if self.tamper is not None:
            effects = self.tamper(effects)
        return [self._observe(effect) for effect in effects]

    def _observe(self, effect: RingEffect) -> RingEffect:
        kind = type(effect)
        if kind is Delivered:
            assert isinstance(effect, Delivered)
            return self._delivered(effect)
        if kind is Configuration:
            assert isinstance(effect, Configuration)
            if self._trace is not None:
                self._trace.configured(self._life.node, effect)
            self._checker.configured(self._life, effect)
        elif kind is Recorded:
            assert isinstance(effect, Recorded)
            if effect.kind == "left":
                self._checker.ended(self._life)
        return effect

    def _delivered(self, effect: Delivered) -> Delivered:
        """The delivery without the identity behind its payload."""
        payload = effect.payload[: -IDENTITY.size]
        trailer = effect.payload[-IDENTITY.size :]
        identity = IDENTITY.unpack(trailer) if len(trailer) == IDENTITY.size else (0, 0)
        stripped = Delivered(effect.sender, effect.groups, payload, effect.guarantee, effect.priority)
        if self._trace is not None:
            self._trace.delivered(self._life.node, stripped)
        self._checker.delivered(self._life, identity, stripped)
        return stripped
