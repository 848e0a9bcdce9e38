"""A small network of rings for the tests: virtual time, a seed, links that can be cut, machines that can stop.

It is not the simulator: nothing here is checked but what a test asks, and one file shows all that a test relies on.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from openais.totem.effects import (
    Configuration,
    Delivered,
    Fatal,
    Multicast,
    Recorded,
    RingId,
    Scope,
    SendTo,
    StoreRingSequence,
)
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings
from openais.types import Guarantee, NodeId, Priority

SETTINGS = RingSettings(token_timeout_s=0.1)
DISK_S = 0.001


@dataclass
class Machine:
    """One processor and what came out of it. `key` is its address; usually the node id."""

    key: int
    processor: Processor
    disk: int
    """The ring sequence that is on disk."""
    running: bool = True
    paused: bool = False
    disk_works: bool = True
    inbox: list[tuple[int, bytes]] = field(default_factory=list)
    events: list[Delivered | Configuration] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    fatal: list[str] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    stored: list[StoreRingSequence] = field(default_factory=list)

    @property
    def configurations(self) -> list[Configuration]:
        """The regular configurations, in order."""
        return [e for e in self.events if isinstance(e, Configuration) and not e.transitional]

    @property
    def members(self) -> tuple[int, ...]:
        """The members of the regular configuration installed last; none before the first."""
        return self.configurations[-1].members if self.configurations else ()

    @property
    def ring_id(self) -> RingId | None:
        return self.configurations[-1].ring_id if self.configurations else None

    @property
    def payloads(self) -> list[bytes]:
        return [bytes(e.payload) for e in self.events if isinstance(e, Delivered)]

    def texts(self, kind: str) -> list[str]:
        """What was told to the flight recorder under this kind."""
        return [record.text for record in self.recorded if record.kind == kind]


class Network:
    """Machines joined by links of 50 to 300 microseconds."""

    def __init__(self, nodes: Iterable[int] = (), *, seed: int = 1, settings: RingSettings = SETTINGS) -> None:
        self.random = random.Random(seed)
        self.settings = settings
        self.now = 100.0
        self.machines: dict[int, Machine] = {}
        self.cut: set[tuple[int, int]] = set()
        """Links that fail, each in one direction: (from, to)."""
        self.loss = 0.0
        self.duplication = 0.0
        self.drop: Callable[[int, int, bytes], bool] = lambda sender, receiver, datagram: False
        """Datagrams that are lost on purpose."""
        self._queue: list[tuple[float, int, int, tuple[int, bytes] | StoreRingSequence]] = []
        self._count = 0
        self._incarnation = 1000
        for node in nodes:
            self.start(node)

    # What a test does

    def start(
        self,
        node: int,
        *,
        key: int | None = None,
        settings: RingSettings | None = None,
        sequence: int = 0,
        disk_works: bool = True,
    ) -> Machine:
        """Starts a new machine, or a stopped one again with what is on its disk."""
        key = node if key is None else key
        self._incarnation += 1
        before = self.machines.get(key)
        disk = before.disk if before else sequence
        machine = Machine(key, Processor(NodeId(node), self._incarnation, settings or self.settings, disk), disk)
        machine.disk_works = disk_works
        self.machines[key] = machine
        machine.processor.start(self.now)
        self.perform(machine)
        return machine

    def crash(self, *keys: int) -> None:
        for key in keys:
            self.machines[key].running = False

    def pause(self, key: int) -> None:
        self.machines[key].paused = True

    def resume(self, key: int) -> None:
        """Goes on, with all that came in meanwhile in one burst."""
        machine = self.machines[key]
        machine.paused = False
        burst, machine.inbox = machine.inbox, []
        machine.processor.receive(burst, self.now)
        self.perform(machine)

    def leave(self, key: int) -> None:
        self.machines[key].processor.leave(self.now)
        self.perform(self.machines[key])

    def partition(self, *components: Iterable[int]) -> None:
        """Only machines of one component can reach each other."""
        at = {key: number for number, keys in enumerate(components) for key in keys}
        self.cut = {(a, b) for a in at for b in at if at[a] != at[b]}

    def heal(self) -> None:
        self.cut = set()

    def submit(
        self,
        key: int,
        payload: bytes,
        guarantee: Guarantee = Guarantee.AGREED,
        priority: Priority = Priority.MED,
        groups: tuple[bytes, ...] = (),
        *,
        wake: bool = True,
    ) -> bool:
        machine = self.machines[key]
        taken = machine.processor.submit(payload, groups, guarantee, priority)
        if wake:
            machine.processor.wake(self.now)
        self.perform(machine)
        return taken

    def inject(self, key: int, *datagrams: bytes, source: int = 0) -> None:
        """Gives a machine datagrams that came from nowhere."""
        machine = self.machines[key]
        machine.processor.receive([(source, datagram) for datagram in datagrams], self.now)
        self.perform(machine)

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while self._step(until):
            pass
        self.now = until

    def run_until(self, condition: Callable[[], bool], seconds: float = 20.0) -> float:
        """Runs until the condition holds; the virtual seconds that it took. Fails when it does not in time."""
        start = self.now
        while not condition():
            if not self._step(start + seconds):
                raise AssertionError("\n".join(str(m.processor.describe()) for m in self.machines.values()))
        return self.now - start

    def formed(self, *keys: int) -> bool:
        """Whether these machines are together in one installed ring, and nobody else."""
        machines = [self.machines[key] for key in keys]
        nodes = tuple(sorted({machine.processor.describe()["node_id"] for machine in machines}))
        rings = {machine.ring_id for machine in machines}
        operational = all(m.processor.describe()["state"] == "operational" for m in machines)
        return operational and len(rings) == 1 and all(machine.members == nodes for machine in machines)

    def form(self, *keys: int, seconds: float = 20.0) -> float:
        """Runs until these machines (all, when none are named) are one ring."""
        wanted = keys or tuple(self.machines)
        return self.run_until(lambda: self.formed(*wanted), seconds)

    def perform(self, machine: Machine) -> None:
        """Does what the processor asks for."""
        for effect in machine.processor.take_effects():
            if isinstance(effect, SendTo):
                self._send(machine, [effect.address], effect.datagrams)
            elif isinstance(effect, Multicast):
                self._send(machine, self._receivers(machine, effect), effect.datagrams)
            elif isinstance(effect, Delivered | Configuration):
                machine.events.append(effect)
            elif isinstance(effect, StoreRingSequence):
                machine.stored.append(effect)
                self._post(self.now + DISK_S, machine.key, effect)
            elif isinstance(effect, Fatal):
                machine.fatal.append(effect.reason)
                machine.running = False
            else:
                machine.recorded.append(effect)

    # How it is done

    def _receivers(self, machine: Machine, effect: Multicast) -> list[int]:
        others = [key for key in self.machines if key != machine.key]
        if effect.scope is Scope.EVERYONE:
            return others
        if effect.scope is Scope.RING:
            return [key for key in others if key in effect.addresses]
        return [key for key in others if key not in effect.addresses]

    def _send(self, machine: Machine, receivers: list[int], datagrams: tuple[bytes, ...]) -> None:
        for datagram in datagrams:
            machine.sent.append(datagram)
            for receiver in receivers:
                lost = (machine.key, receiver) in self.cut or self.random.random() < self.loss
                if receiver not in self.machines or lost or self.drop(machine.key, receiver, datagram):
                    continue
                for _ in range(1 + (self.random.random() < self.duplication)):
                    delay = self.random.uniform(0.00005, 0.0003)
                    self._post(self.now + delay, receiver, (machine.key, datagram))

    def _post(self, at: float, key: int, what: tuple[int, bytes] | StoreRingSequence) -> None:
        self._count += 1
        heapq.heappush(self._queue, (at, self._count, key, what))

    def _step(self, until: float) -> bool:
        """The next thing that happens by `until`; False when there is none."""
        awake = [m for m in self.machines.values() if m.running and not m.paused]
        deadline, key = min(((m.processor.deadline, m.key) for m in awake), default=(float("inf"), 0))
        arrival = self._queue[0][0] if self._queue else float("inf")
        if min(deadline, arrival) > until:
            return False
        self.now = max(self.now, min(deadline, arrival))
        if arrival <= deadline:
            _, _, key, what = heapq.heappop(self._queue)
            self._arrive(self.machines[key], what)
        else:
            self.machines[key].processor.timeout(self.now)
        self.perform(self.machines[key])
        return True

    def _arrive(self, machine: Machine, what: tuple[int, bytes] | StoreRingSequence) -> None:
        if not machine.running:
            return
        if isinstance(what, StoreRingSequence):
            if machine.disk_works:
                machine.disk = max(machine.disk, what.sequence)
                machine.processor.ring_sequence_stored(what.sequence, self.now)
        elif machine.paused:
            machine.inbox.append(what)
        else:
            machine.processor.receive([what], self.now)
