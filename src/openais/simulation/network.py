"""The simulated network: every datagram from one node to another passes here, and most of the harm is done here.

A link is one direction between two nodes. Its quality says what happens to a datagram on it. Datagrams on a link keep
their order unless the link reorders. The seal of the runtime is not simulated: a datagram whose bits were flipped on
the way fails to open at the receiver and is dropped there, which is a loss; only a forged one, sealed with the right
key, reaches the ring.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from openais.simulation.datagrams import kind_of
from openais.simulation.schedule import Scheduler
from openais.totem.effects import Multicast, Scope, SendTo
from openais.types import NodeId

Receive: TypeAlias = Callable[[NodeId, Sequence[bytes]], None]
"""Given the sender and the datagrams that arrived together."""


@dataclass(slots=True, frozen=True)
class Quality:
    """What a link does to datagrams. Times in microseconds, the rest are probabilities of a datagram."""

    latency_us: int = 1_000
    jitter_us: int = 0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    corruption: float = 0.0
    """Bits are flipped: the receiver cannot open it."""
    forgery: float = 0.0
    """A mangled copy, sealed with the right key, follows the datagram."""
    cut: bool = False

    @property
    def clean(self) -> bool:
        """Whether datagrams that leave together arrive together, unharmed."""
        return not (self.loss or self.duplication or self.reordering or self.corruption or self.forgery or self.cut)


@dataclass(slots=True, frozen=True)
class Flight:
    """What became of one datagram. `arrives_us` is None when it was lost, and `fate` says why or what else happened."""

    source: NodeId
    target: NodeId
    datagram: bytes
    sent_us: int
    arrives_us: int | None
    fate: str = ""


Watch: TypeAlias = Callable[[Flight], None]
Interceptor: TypeAlias = Callable[[NodeId, NodeId, bytes], str | None]
"""Given source, target and datagram; answers why the datagram is to be dropped, or None."""

DEFAULT_QUALITY: Final = Quality()


class Network:
    """Carries datagrams between nodes, as unicast to a node list or as multicast.

    `multicast`: whether a Multicast reaches every node that is attached, whatever its addresses say.
    """

    def __init__(
        self, scheduler: Scheduler, chance: random.Random, quality: Quality = DEFAULT_QUALITY, multicast: bool = False
    ) -> None:
        self._scheduler = scheduler
        self._chance = chance
        self._multicast = multicast
        self._receivers: dict[NodeId, Receive] = {}
        self.usual = quality
        self._impaired: dict[tuple[NodeId, NodeId], Quality] = {}
        self._component: dict[NodeId, int] = {}
        self._last_arrival_us: dict[tuple[NodeId, NodeId], int] = {}
        self.watch: Watch | None = None
        """Told of every datagram, when set."""
        self.interceptor: Interceptor | None = None
        """Asked before a datagram is carried, when set (scenarios drop single datagrams with it)."""
        self.carried = 0
        self.lost = 0

    def attach(self, node: NodeId, receive: Receive) -> None:
        """`node` is on the network: it is in the node list and in the multicast group."""
        self._receivers[node] = receive

    # Conditions

    def quality(self, source: NodeId, target: NodeId) -> Quality:
        """The quality of the link from `source` to `target`, partitions left aside."""
        return self._impaired.get((source, target), self.usual)

    def impair(self, source: NodeId, target: NodeId, **changes: Any) -> None:
        """Changes the quality of one link; the names are those of Quality."""
        self._impaired[source, target] = replace(self.quality(source, target), **changes)

    def partition(self, components: Iterable[Iterable[NodeId]]) -> None:
        """Only nodes of one component hear each other; nodes in none are one component together."""
        self._component = {node: index for index, nodes in enumerate(components, 1) for node in nodes}

    def join_partitions(self) -> None:
        """Ends the partition."""
        self._component = {}

    def heal(self) -> None:
        """All links are as at the start; what is still under way may be overtaken."""
        self._impaired.clear()
        self._last_arrival_us.clear()
        self._component = {}

    def connected(self, source: NodeId, target: NodeId) -> bool:
        """Whether a datagram can get from `source` to `target` at all."""
        same = self._component.get(source, 0) == self._component.get(target, 0)
        return same and not self.quality(source, target).cut

    # Carrying

    def send(self, source: NodeId, effect: SendTo | Multicast, departs_us: int) -> None:
        """Carries the datagrams of a ring effect of `source`."""
        if isinstance(effect, SendTo):
            targets: Iterable[NodeId] = [effect.address] if effect.address in self._receivers else []  # type: ignore[list-item]
        else:
            targets = self._targets(source, effect)
        for target in targets:
            self._carry(source, target, effect.datagrams, departs_us)

    def inject(self, source: NodeId, target: NodeId, datagram: bytes) -> None:
        """A datagram that `source` never sent comes to `target` in its name."""
        now_us = self._scheduler.now_us
        self._arrive(source, target, (datagram,), now_us, now_us + self.usual.latency_us, "injected")

    def _targets(self, source: NodeId, effect: Multicast) -> Iterable[NodeId]:
        """Whom a multicast is sent to, never the source itself."""
        if self._multicast or effect.scope is Scope.EVERYONE:
            return [node for node in self._receivers if node != source]
        if effect.scope is Scope.RING:
            return [node for node in effect.addresses if node in self._receivers and node != source]  # type: ignore[misc]
        return [node for node in self._receivers if node not in effect.addresses and node != source]

    def _carry(self, source: NodeId, target: NodeId, datagrams: Sequence[bytes], departs_us: int) -> None:
        quality = self._impaired.get((source, target), self.usual)
        whole = self._component.get(source, 0) == self._component.get(target, 0)
        if whole and quality.clean and self.interceptor is None:
            arrives_us = self._arrival(source, target, quality, departs_us)
            self._arrive(source, target, datagrams, departs_us, arrives_us)
            return
        for datagram in datagrams:
            fate = self._loss(source, target, datagram, quality, whole)
            if fate is None:
                self._carry_one(source, target, datagram, quality, departs_us)
            else:
                self.lost += 1
                self._tell(source, target, datagram, departs_us, None, fate)

    def _loss(self, source: NodeId, target: NodeId, datagram: bytes, quality: Quality, whole: bool) -> str | None:
        """Why the datagram does not arrive, or None when it does."""
        if not whole:
            return "partition"
        if quality.cut:
            return "cut"
        if quality.loss and self._chance.random() < quality.loss:
            return "loss"
        if quality.corruption and self._chance.random() < quality.corruption:
            return "corrupted"
        return self.interceptor(source, target, datagram) if self.interceptor is not None else None

    def _carry_one(self, source: NodeId, target: NodeId, datagram: bytes, quality: Quality, departs_us: int) -> None:
        """Carries a datagram that is not lost on a link that is not clean."""
        chance = self._chance
        if quality.reordering and chance.random() < quality.reordering:
            late_us = departs_us + quality.latency_us + chance.randint(1, 20 * quality.latency_us)
            self._arrive(source, target, (datagram,), departs_us, late_us, "reordered")
        else:
            arrives_us = self._arrival(source, target, quality, departs_us)
            self._arrive(source, target, (datagram,), departs_us, arrives_us)
        if quality.duplication and chance.random() < quality.duplication:
            again_us = departs_us + quality.latency_us + chance.randint(1, 40 * quality.latency_us)
            self._arrive(source, target, (datagram,), departs_us, again_us, "duplicate")
        if quality.forgery and chance.random() < quality.forgery:
            forged_us = self._arrival(source, target, quality, departs_us)
            self._arrive(source, target, (mangled(datagram, chance),), departs_us, forged_us, "forged")

    def _arrival(self, source: NodeId, target: NodeId, quality: Quality, departs_us: int) -> int:
        """When a datagram that leaves now arrives: not before those that left earlier on the link."""
        delay_us = quality.latency_us
        if quality.jitter_us:
            delay_us += int(quality.jitter_us * self._chance.random())
        link = (source, target)
        arrives_us = max(departs_us + delay_us, self._last_arrival_us.get(link, 0))
        self._last_arrival_us[link] = arrives_us
        return arrives_us

    def _arrive(
        self,
        source: NodeId,
        target: NodeId,
        datagrams: Sequence[bytes],
        departs_us: int,
        arrives_us: int,
        fate: str = "",
    ) -> None:
        self.carried += len(datagrams)
        self._scheduler.at(arrives_us, self._receivers[target], source, datagrams)
        if self.watch is not None:
            for datagram in datagrams:
                self._tell(source, target, datagram, departs_us, arrives_us, fate)

    def _tell(
        self, source: NodeId, target: NodeId, datagram: bytes, sent_us: int, arrives_us: int | None, fate: str
    ) -> None:
        if self.watch is not None:
            self.watch(Flight(source, target, datagram, sent_us, arrives_us, fate))


def mangled(datagram: bytes, chance: random.Random) -> bytes:
    """A datagram that no correct node sends: cut short, grown, of random bytes, or with a header made of noise.

    What is well formed and false, by one who has the key, no ring can tell from the truth; a data packet with another
    body would be that, so it is given noise only.
    """
    way = chance.randrange(2 if kind_of(datagram) == "data" else 4)
    if way == 0:
        return chance.randbytes(chance.randint(0, 200))
    if way == 1:
        return chance.randbytes(min(8, len(datagram))) + datagram[8:]
    if way == 2:
        return datagram[: chance.randrange(len(datagram))]
    return datagram + chance.randbytes(chance.randint(1, 64))
