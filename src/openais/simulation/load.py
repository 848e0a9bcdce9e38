"""What is sent in a run, by chance: bursts of messages of all sizes, priorities and guarantees."""

from __future__ import annotations

import random
from typing import Final

from openais.messages.evt import RETENTION_MAX_NS
from openais.simulation.checkpoints import REGISTERS, SCRATCH, CkptProgram
from openais.simulation.cluster import RingCluster
from openais.simulation.events import CHANNELS, PATTERNS, EvtProgram
from openais.simulation.executives import ExecutiveCluster
from openais.simulation.libraries import EvsProgram
from openais.simulation.schedule import US, Scheduler
from openais.types import Guarantee, NodeId, Priority

RETENTIONS_NS: Final = (RETENTION_MAX_NS, RETENTION_MAX_NS, 50_000_000, 500_000_000, 3_000_000_000, 20_000_000_000)
GROUPS: Final = (b"red", b"green", b"blue")
_PRIORITIES: Final = (Priority.HIGH, Priority.MED, Priority.MED, Priority.MED, Priority.LOW)


def payload_size(chance: random.Random) -> int:
    """Mostly small, sometimes in several packets, once in a while very large."""
    draw = chance.random()
    if draw < 0.8:
        return chance.randint(0, 200)
    if draw < 0.998:
        return chance.randint(200, 6_000)
    return chance.randint(20_000, 120_000)


class Load:
    """Does something until `last_us`, `per_second` times a second. Subclasses say what (`act`)."""

    def __init__(self, scheduler: Scheduler, chance: random.Random, per_second: float, last_us: int) -> None:
        self._scheduler = scheduler
        self._chance = chance
        self._mean_us = US / per_second
        self._last_us = last_us
        self._next()

    def act(self) -> None:
        """One action."""
        raise NotImplementedError

    def _next(self) -> None:
        delay_us = int(self._chance.expovariate(1 / self._mean_us))
        if self._scheduler.now_us + delay_us < self._last_us:
            self._scheduler.after(delay_us, self._act)

    def _act(self) -> None:
        self.act()
        self._next()

    def _bodies(self) -> list[bytes]:
        """What is sent together."""
        count = 1 if self._chance.random() < 0.7 else self._chance.randint(2, 12)
        return [self._chance.randbytes(payload_size(self._chance)) for _ in range(count)]

    def _guarantee(self) -> Guarantee:
        return Guarantee.SAFE if self._chance.random() < 0.3 else Guarantee.AGREED


class RingLoad(Load):
    """Sends from every node of a ring-only cluster."""

    def __init__(self, cluster: RingCluster, per_second: float, last_us: int) -> None:
        self._cluster = cluster
        super().__init__(cluster.scheduler, cluster.chance, per_second, last_us)

    def act(self) -> None:
        node_id = self._chance.choice(list(self._cluster.nodes))
        if self._chance.random() < 0.05:
            self._change_groups(node_id)
        else:
            self._send(node_id)

    def _send(self, node_id: NodeId) -> None:
        chance = self._chance
        groups = tuple(sorted(chance.sample(GROUPS, chance.randint(1, 2)))) if chance.random() < 0.3 else ()
        self._cluster.submit(node_id, self._bodies(), groups, self._guarantee(), chance.choice(_PRIORITIES))

    def _change_groups(self, node_id: NodeId) -> None:
        group = self._chance.choice(GROUPS)
        life = self._cluster.lives.get(node_id)
        if life is not None and group in life.groups:
            self._cluster.leave_group(node_id, group)
        else:
            self._cluster.join_group(node_id, group)


class ProgramLoad(Load):
    """Lets the programs of a cluster of executives send, join, leave and ask."""

    def __init__(self, cluster: ExecutiveCluster, per_second: float, last_us: int) -> None:
        self._cluster = cluster
        cluster.when_booted = self.open_programs
        super().__init__(cluster.scheduler, cluster.chance, per_second, last_us)

    def open_programs(self, node_id: NodeId) -> None:
        """The programs of a machine that was started."""
        for _ in range(self._chance.randint(1, 2)):
            self._cluster.open_evs(node_id, self._some_groups())
        if self._chance.random() < 0.5:
            self._cluster.open_clm(node_id)
        if self._chance.random() < 0.7:
            self._cluster.open_evt(node_id, self._chance.choice(CHANNELS))
        for name in (REGISTERS, SCRATCH):
            if self._chance.random() < 0.7:
                self._cluster.open_ckpt(node_id, name)

    def act(self) -> None:
        draw = self._chance.random()
        if draw < 0.3:
            self._publish()
        elif draw < 0.6:
            self._use_checkpoint()
        else:
            self._multicast()

    def _use_checkpoint(self) -> None:
        """Lets a program write or read a checkpoint."""
        programs = [p for p in self._cluster.open_programs() if isinstance(p, CkptProgram) and p.ready]
        if programs:
            self._chance.choice(programs).act(self._chance)

    def _publish(self) -> None:
        """Lets a program publish events, clear the retention of one, or unlink its channel."""
        chance = self._chance
        programs = [p for p in self._cluster.open_programs() if isinstance(p, EvtProgram) and p.ready]
        if not programs:
            return
        program = chance.choice(programs)
        retained = self._cluster.events.retained_ids(program.channel)
        if chance.random() < 0.03:
            program.unlink()
        elif retained and chance.random() < 0.1:
            program.clear(chance.choice(retained))
        else:
            retention_ns = chance.choice(RETENTIONS_NS) if chance.random() < 0.2 else 0
            program.publish(self._bodies(), chance.choice(PATTERNS), chance.choice((0, 1, 3, 3)), retention_ns)

    def _multicast(self) -> None:
        """Lets a program send to its groups, change them, or ask."""
        chance = self._chance
        programs = [p for p in self._cluster.open_programs() if isinstance(p, EvsProgram) and p.groups]
        if not programs:
            return
        program = chance.choice(programs)
        draw = chance.random()
        if draw < 0.90:
            # now and then to groups it is not in, which is allowed
            groups = self._some_groups() if chance.random() < 0.2 else tuple(program.groups)
            priority = Priority.RECOVERY if chance.random() < 0.03 else chance.choice(_PRIORITIES)
            program.multicast(groups, self._bodies(), self._guarantee(), priority)
        elif draw < 0.95:
            self._change_groups(program)
        else:
            program.ask()

    def _some_groups(self) -> tuple[str, ...]:
        names = [group.decode() for group in GROUPS]
        return tuple(sorted(self._chance.sample(names, self._chance.randint(1, 2))))

    def _change_groups(self, program: EvsProgram) -> None:
        name = self._chance.choice(GROUPS).decode()
        if name not in program.groups:
            program.join((name,))
        elif len(program.groups) > 1:
            program.leave((name,))
