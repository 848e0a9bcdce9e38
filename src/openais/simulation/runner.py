"""Runs seeds: a seed decides the cluster, its settings, its load and its faults, and the checker watches it all.

A run has a noisy phase, in which the faults fall, and a quiet one, in which the cluster must become one stable
configuration, with all that was accepted delivered, within a bounded time; then perhaps some short phases of both.
"""

from __future__ import annotations

import gc
import multiprocessing
import random
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from openais.executive.quorum import QuorumRule, QuorumSettings
from openais.simulation.checker import Violation
from openais.simulation.cluster import Cluster, RingCluster
from openais.simulation.executives import ExecutiveCluster
from openais.simulation.faults import FAULTS, FaultSchedule, make_whole
from openais.simulation.load import ProgramLoad, RingLoad
from openais.simulation.network import Quality
from openais.simulation.schedule import US, microseconds
from openais.simulation.trace import Trace
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings

DURATION_S: Final = 6.0
"""How long the noisy phase lasts by default."""
FIRST_FAULT_S: Final = 0.5
STABLE_WITHIN_S: Final = 6.0
"""After the last fault, one stable configuration, and everything delivered, within this."""
STEADY_S: Final = 0.4
"""So long it must then last."""
AFTERSHOCKS_MAX: Final = 3
AFTERSHOCK_S: Final = 0.6
"""After the quiet phase more faults fall for so long, and it must settle again, up to so many times."""
NARROW_BYTES: Final = 20_000
"""A ring that sends less than this in a rotation is given less to do: it must get it done in the quiet phase."""
_LOOK_S: Final = 0.05


@dataclass(slots=True, frozen=True)
class Task:
    """What to run. `nodes` None lets the seed choose 3 to 7."""

    seed: int
    nodes: int | None = None
    faults: tuple[str, ...] = tuple(FAULTS)
    duration_s: float = DURATION_S
    ring_only: bool = False
    traced: bool = False


@dataclass(slots=True)
class Statistics:
    """What was done in one run, or in many; they add up."""

    seeds: int = 0
    simulated_s: float = 0.0
    messages_sent: int = 0
    messages_delivered: int = 0
    programs_delivered: int = 0
    register_operations: int = 0
    """Writes and consistent reads of registers that were answered."""
    lost_notices: int = 0
    """Lost-event notices that programs were given."""
    datagrams: int = 0
    datagrams_lost: int = 0
    rings: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    """What the rings counted that ran at the end."""

    def add(self, other: Statistics) -> None:
        """Adds those of another run."""
        self.seeds += other.seeds
        self.simulated_s += other.simulated_s
        self.messages_sent += other.messages_sent
        self.messages_delivered += other.messages_delivered
        self.programs_delivered += other.programs_delivered
        self.register_operations += other.register_operations
        self.lost_notices += other.lost_notices
        self.datagrams += other.datagrams
        self.datagrams_lost += other.datagrams_lost
        self.rings += other.rings
        self.faults.update(other.faults)
        self.counters.update(other.counters)


@dataclass(slots=True)
class Result:
    """What came of a run."""

    task: Task
    nodes: int
    violations: list[Violation]
    statistics: Statistics
    trace: Trace | None = None

    def report(self) -> str:
        """The violations with their evidence, the virtual time, the seed and what every node said of itself."""
        lines = [f"seed {self.task.seed}, {self.nodes} nodes: {len(self.violations)} violations"]
        lines += map(str, self.violations)
        if self.violations:
            lines += [f"  node {node}: {said}" for node, said in self.violations[0].nodes.items()]
        return "\n".join(lines)


def run_seed(task: Task) -> Result:
    """Runs one seed. Any exception that the product raises is a violation too."""
    chance = random.Random(f"{task.seed} plan")
    nodes = task.nodes if task.nodes is not None else chance.randint(3, 7)
    cluster = _cluster(task, nodes, chance)
    collecting = gc.isenabled()
    gc.disable()
    try:
        begun = _run(cluster, task, chance)
    except Exception:  # noqa: BLE001 - the boundary: what fails in a run is reported with its seed
        begun = Counter()
        cluster.checker.report("product", [traceback.format_exc()])
    finally:
        if collecting:
            gc.enable()
    return Result(task, nodes, cluster.checker.violations, _statistics(cluster, begun), cluster.trace)


def run_seeds(tasks: Iterable[Task], jobs: int) -> Iterator[Result]:
    """Runs many, over `jobs` processes, and gives the results as they come."""
    if jobs <= 1:
        yield from map(_run_tidily, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_run_tidily, tasks, chunksize=4)


def _run_tidily(task: Task) -> Result:
    """Runs one of many, and gives its memory back: a cluster is full of cycles."""
    result = run_seed(task)
    gc.collect()
    return result


def _settings(chance: random.Random) -> RingSettings:
    """Ring settings that a seed runs with: small windows and packets among them, so that limits are reached."""
    packet_size, growth = chance.choice(((1408, 16), (1408, 1), (700, 4), (400, 1)))
    return RingSettings(
        cluster="simulated",
        token_timeout_s=chance.choice((0.1, 0.2, 0.3)),
        token_coefficient_s=0.02,
        packet_size=packet_size,
        packet_size_max=packet_size * growth,
        window=chance.choice((96, 32, 8)),
        visit_max=chance.choice((48, 16, 4)),
        accelerated_window=chance.choice((16, 4, 0)),
        gap_max=chance.choice((2048, 256)),
        queue_messages_max=chance.choice((4096, 64)),
    )


def _cluster(task: Task, nodes: int, chance: random.Random) -> RingCluster | ExecutiveCluster:
    latency_us = chance.choice((300, 1000, 2000))
    quality = Quality(latency_us=latency_us, jitter_us=chance.choice((0, latency_us // 2, latency_us * 2)))
    settings, multicast, traced = _settings(chance), chance.random() < 0.5, task.traced
    if task.ring_only:
        return RingCluster(
            nodes, settings, seed=task.seed, quality=quality, multicast=multicast, make_ring=Processor, traced=traced
        )
    majority = QuorumSettings(QuorumRule.MAJORITY, nodes, wait_for_all=chance.random() < 0.5)
    return ExecutiveCluster(
        nodes, settings, seed=task.seed, quality=quality, multicast=multicast, make_ring=Processor, traced=traced,
        quorum=majority if chance.random() < 0.5 else None, keep_losers=chance.random() < 0.3,
        persist=chance.random() < 0.5, durable=chance.random() < 0.7,
    )  # fmt: skip


def _run(cluster: RingCluster | ExecutiveCluster, task: Task, chance: random.Random) -> Counter[str]:
    """The noisy phase, then the quiet one; and then some short ones of both. Answers the faults that fell."""
    begun: Counter[str] = Counter()
    settings = cluster.settings
    narrow = min(settings.window, settings.visit_max) * settings.packet_size < NARROW_BYTES
    per_second = chance.choice((5, 10, 20) if narrow else (5, 20, 60))
    load = RingLoad if isinstance(cluster, RingCluster) else ProgramLoad
    load(cluster, per_second, microseconds(task.duration_s + STEADY_S))  # type: ignore[arg-type]
    cluster.boot_all()
    count = chance.randint(2, int(2 + task.duration_s))
    _phase(cluster, task.faults, FIRST_FAULT_S, task.duration_s - FIRST_FAULT_S, count, begun)
    for _ in range(chance.randint(0, AFTERSHOCKS_MAX) if task.faults else 0):
        if not cluster.checker.violations:
            load(cluster, per_second, cluster.scheduler.now_us + microseconds(AFTERSHOCK_S))  # type: ignore[arg-type]
            _phase(cluster, task.faults, 0.0, AFTERSHOCK_S, chance.randint(1, 4), begun)
    if not cluster.checker.violations:
        cluster.checker.finish()
        if isinstance(cluster, ExecutiveCluster) and cluster.has_quorum_rule:
            cluster.checkpoints.finish()
    return begun


def _phase(
    cluster: Cluster[Any], faults: tuple[str, ...], calm_s: float, noise_s: float, count: int, begun: Counter[str]
) -> None:
    """So long nothing happens, so long faults fall, which are counted in `begun`; then all is whole, and settles."""
    first_us = cluster.scheduler.now_us + microseconds(calm_s)
    last_us = first_us + microseconds(noise_s)
    schedule = FaultSchedule(cluster, faults, first_us, last_us, count)
    violations = cluster.checker.violations
    if not cluster.run(calm_s + noise_s + 0.000_001, lambda: bool(violations)):
        make_whole(cluster)
        settle(cluster)
    begun.update(schedule.begun)
    cluster.checker.report("product", (f"node {node}: {reason}" for node, reason in cluster.fatal.items()))


def settle(cluster: Cluster[Any]) -> None:
    """11: after the last fault, one stable configuration within a bounded time, and all that was accepted is
    delivered."""
    violations = cluster.checker.violations
    deadline_us = cluster.scheduler.now_us + microseconds(STABLE_WITHIN_S)
    settled_since_us: int | None = None
    cluster.run(STEADY_S, lambda: bool(violations))
    while not violations:
        missing = list(cluster.missing())
        if missing:
            settled_since_us = None
            if cluster.scheduler.now_us >= deadline_us:
                cluster.checker.report("11", missing)
                return
        elif settled_since_us is None:
            settled_since_us = cluster.scheduler.now_us
        elif cluster.scheduler.now_us - settled_since_us >= microseconds(STEADY_S):
            return
        cluster.run(_LOOK_S, lambda: bool(violations))


def _statistics(cluster: Cluster[Any], begun: Counter[str]) -> Statistics:
    counters: Counter[str] = Counter()
    for ring in cluster.rings.values():
        counters.update(ring.counters)
    return Statistics(
        seeds=1,
        simulated_s=cluster.scheduler.now_us / US,
        messages_sent=sum(len(life.sent) for life in cluster.checker.lives),
        messages_delivered=cluster.checker.deliveries,
        programs_delivered=cluster.libraries.deliveries + cluster.events.deliveries
        if isinstance(cluster, ExecutiveCluster)
        else 0,
        register_operations=cluster.checkpoints.operations if isinstance(cluster, ExecutiveCluster) else 0,
        lost_notices=cluster.events.notices if isinstance(cluster, ExecutiveCluster) else 0,
        datagrams=cluster.network.carried,
        datagrams_lost=cluster.network.lost,
        rings=len(cluster.checker.rings),
        faults=begun,
        counters=counters,
    )
