"""A simulated cluster: its machines, what can be done to them, and the checker that watches.

`RingCluster` runs the ring alone on every machine, which is the fastest way to find its faults. Whole executives with
library users are in `executives`.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic

from openais.simulation import invariants
from openais.simulation.checker import Checker
from openais.simulation.history import Life
from openais.simulation.network import DEFAULT_QUALITY, Network, Quality
from openais.simulation.node import E, Node, Surroundings
from openais.simulation.ring import ObservedRing, RingFactory
from openais.simulation.schedule import Scheduler, microseconds
from openais.simulation.trace import Trace
from openais.totem.effects import Address, Configuration, Recorded, RingEffect
from openais.totem.settings import RingSettings
from openais.types import Guarantee, NodeId, Priority


class Cluster(Generic[E]):
    """Machines on one network. Subclasses say what runs on them (`make_engine`)."""

    def __init__(
        self,
        count: int,
        settings: RingSettings,
        *,
        seed: int = 0,
        quality: Quality = DEFAULT_QUALITY,
        multicast: bool = False,
        make_ring: RingFactory,
        traced: bool = False,
    ) -> None:
        self.chance = random.Random(seed)
        self.settings = settings
        self.settings_of: dict[NodeId, RingSettings] = {}
        """Nodes that run other settings than the rest."""
        self.scheduler = Scheduler()
        self.network = Network(self.scheduler, self.chance, quality, multicast)
        self.checker = Checker(self.scheduler, self.describe)
        self.trace = Trace(self.scheduler) if traced else None
        if self.trace is not None:
            self.network.watch = self.trace.flight
        self.fatal: dict[NodeId, str] = {}
        """Nodes that the product stopped, and why it said it did."""
        self.when_recorded: Callable[[NodeId, Recorded], None] = lambda node, record: None
        """Told of what the machines tell their flight recorders."""
        self.lives: dict[NodeId, Life] = {}
        self.rings: dict[NodeId, ObservedRing] = {}
        self._make_ring = make_ring
        around = Surroundings(self.scheduler, self.chance, self.network, self)
        self.nodes: dict[NodeId, Node[E]] = {}
        for number in range(1, count + 1):
            node_id = NodeId(number)
            self.nodes[node_id] = self.make_node(node_id, around)

    # What a cluster is made of

    def make_node(self, node_id: NodeId, around: Surroundings) -> Node[E]:
        """The machine of that id."""
        raise NotImplementedError

    def make_engine(self, node_id: NodeId, ring: ObservedRing) -> E:
        """What runs on it."""
        raise NotImplementedError

    # What can be done to it

    def boot(self, node_id: NodeId, tamper: Callable[[list[RingEffect]], list[RingEffect]] | None = None) -> None:
        """Starts a machine that is down. `tamper` breaks what its ring does."""
        node = self.nodes[node_id]
        life = self.checker.started(node_id, forgetful=node.disk.ring_sequence is None)
        sequence, incarnation = node.disk.start(node.wall_ns() // 1_000_000, self.chance.randrange(1 << 16))
        ring = ObservedRing(
            self._make_ring(node_id, incarnation, self.settings_of.get(node_id, self.settings), sequence),
            self.checker,
            life,
            self.trace,
        )
        ring.tamper = tamper
        self.lives[node_id], self.rings[node_id] = life, ring
        self.note(node_id, "boot", f"from ring sequence {sequence}")
        node.boot(self.make_engine(node_id, ring))

    def boot_all(self) -> None:
        """Starts all machines."""
        for node_id in self.nodes:
            self.boot(node_id)

    def crash(self, node_id: NodeId) -> None:
        """A machine stops at once."""
        self.note(node_id, "crash", "")
        self.nodes[node_id].crash()
        self.checker.ended(self.lives[node_id])

    def pause(self, node_id: NodeId) -> None:
        """A machine stands still."""
        self.note(node_id, "pause", "")
        self.nodes[node_id].pause()

    def resume(self, node_id: NodeId) -> None:
        """And goes on."""
        self.note(node_id, "resume", "")
        self.nodes[node_id].resume()

    def leave(self, node_id: NodeId) -> None:
        """A machine leaves the ring in order."""
        self.note(node_id, "leave", "")
        self.nodes[node_id].call(lambda engine, now, wall_ns: engine.leave(now, wall_ns))

    def run(self, seconds: float, stop: Callable[[], bool] = lambda: False) -> bool:
        """Lets virtual time pass; ends early, and answers true, once `stop()` is."""
        return self.scheduler.run_until(self.scheduler.now_us + microseconds(seconds), stop)

    # What is to be seen

    @property
    def running(self) -> list[NodeId]:
        """The machines that run, be they paused."""
        return [node_id for node_id, node in self.nodes.items() if node.running]

    def configuration(self, node_id: NodeId) -> Configuration | None:
        """The regular configuration that a running node installed last."""
        stay = self.lives[node_id].stay
        return stay.configuration if stay is not None else None

    def is_whole(self) -> bool:
        """Whether all running machines are in one regular configuration of just them."""
        running = tuple(self.running)
        found = [self.lives[node_id].stay for node_id in running]
        return all(
            stay is not None
            and stay.transitional is None
            and stay.configuration.members == running
            and stay.ring_id == found[0].ring_id  # type: ignore[union-attr]
            for stay in found
        )

    def missing(self) -> Iterator[str]:
        """11: what is not as it must be when the cluster has settled."""
        yield from invariants.settled([self.lives[node_id] for node_id in self.running])

    def describe(self) -> dict[NodeId, Any]:
        """What every machine says of itself."""
        described: dict[NodeId, Any] = {}
        for node_id, node in self.nodes.items():
            if node.engine is None:
                described[node_id] = "down"
            else:
                described[node_id] = (
                    {"paused": True} | node.engine.describe() if node.paused else node.engine.describe()
                )
        return described

    def note(self, node_id: NodeId, kind: str, text: str) -> None:
        """A line in the trace, when there is one."""
        if self.trace is not None:
            self.trace.note(node_id, kind, text)

    # What the machines tell (node.Watcher)

    def recorded(self, node: NodeId, record: Recorded) -> None:
        """Something for the flight recorder."""
        self.when_recorded(node, record)
        if self.trace is not None:
            self.trace.recorded(node, record)

    def stopped(self, node: NodeId, reason: str) -> None:
        """The product said that it must not go on."""
        self.fatal[node] = reason
        self.note(node, "fatal", reason)
        self.nodes[node].crash()
        self.checker.ended(self.lives[node])

    def power_failed(self, node: NodeId) -> None:
        """A machine stopped in the middle of a turn."""
        self.note(node, "crash", "in the middle of its work")
        self.checker.ended(self.lives[node])

    def departed(self, node: NodeId) -> None:
        """A machine left in order, and is down."""
        self.checker.ended(self.lives[node])


class RingEngine:
    """A ring with nothing above it, in the form of an executive."""

    def __init__(self, ring: ObservedRing) -> None:
        self.ring = ring
        self._effects: deque[RingEffect] = deque()

    @property
    def deadline(self) -> float:
        return math.inf if self.ring.has_left else self.ring.deadline

    def start(self, now: float, wall_ns: int) -> None:
        self.ring.start(now)
        self._collect()

    def datagrams(self, burst: Sequence[tuple[Address, bytes]], now: float, wall_ns: int) -> None:
        self.ring.receive(burst, now)
        self._collect()

    def timeout(self, now: float, wall_ns: int) -> None:
        self.ring.timeout(now)
        self._collect()

    def ring_sequence_stored(self, sequence: int, now: float, wall_ns: int) -> None:
        self.ring.ring_sequence_stored(sequence, now)
        self._collect()

    def leave(self, now: float, wall_ns: int) -> None:
        self.ring.leave(now)
        self._collect()

    def submit(
        self, payloads: Iterable[bytes], groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority, now: float
    ) -> None:
        """Sends as many of the payloads as there is room for."""
        for payload in payloads:
            if not self.ring.submit(payload, groups, guarantee, priority):
                break
        self.ring.wake(now)
        self._collect()

    def take_effects(self) -> list[RingEffect]:
        effects = list(self._effects)
        self._effects.clear()
        return effects

    def describe(self) -> dict[str, object]:
        return self.ring.describe()

    def _collect(self) -> None:
        """Takes the effects of each input at once, so that the checker sees them before the next one."""
        self._effects.extend(self.ring.take_effects())


class RingNode(Node[RingEngine]):
    """A machine with a ring alone."""

    def __init__(self, node_id: NodeId, around: Surroundings, cluster: RingCluster) -> None:
        super().__init__(node_id, around)
        self._cluster = cluster

    def perform(self, effect: object) -> None:
        super().perform(effect)
        if isinstance(effect, Recorded) and effect.kind == "left":
            self.crash()
            self._cluster.departed(self.node_id)

    def power_failed(self) -> None:
        super().power_failed()
        self._cluster.power_failed(self.node_id)


class RingCluster(Cluster[RingEngine]):
    """Machines with a ring alone."""

    def make_node(self, node_id: NodeId, around: Surroundings) -> Node[RingEngine]:
        return RingNode(node_id, around, self)

    def make_engine(self, node_id: NodeId, ring: ObservedRing) -> RingEngine:
        return RingEngine(ring)

    def submit(
        self,
        node_id: NodeId,
        payloads: Iterable[bytes],
        groups: tuple[bytes, ...] = (),
        guarantee: Guarantee = Guarantee.AGREED,
        priority: Priority = Priority.MED,
    ) -> None:
        """A node sends messages."""
        batch = list(payloads)
        self.nodes[node_id].call(lambda engine, now, wall_ns: engine.submit(batch, groups, guarantee, priority, now))

    def join_group(self, node_id: NodeId, group: bytes) -> None:
        """A node joins a group."""
        self.nodes[node_id].call(lambda engine, now, wall_ns: engine.ring.join_group(group))

    def leave_group(self, node_id: NodeId, group: bytes) -> None:
        """A node leaves a group."""
        self.nodes[node_id].call(lambda engine, now, wall_ns: engine.ring.leave_group(group))
