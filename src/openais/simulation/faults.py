"""The faults, by name, and the schedule of them that a seed gives.

A fault begins and ends. After the last one has ended everything is whole again: links as at the start, all machines
running, all clocks and processors as they should be. Faults lie over one another as they come.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from openais.simulation.cluster import Cluster
from openais.simulation.executives import ExecutiveCluster
from openais.simulation.libraries import Program
from openais.simulation.schedule import US, microseconds
from openais.totem.effects import Recorded
from openais.types import NodeId

SOON_US: Final = 300_000
"""A fault that follows on another comes within this."""
AMBUSHES_MAX: Final = 12
AMBUSH_CHANCE: Final = 0.08
AMBUSH_US: Final = 10_000
"""A fault that lies in wait comes within this."""
FIRST_AMBUSH_US: Final = 100_000

End: TypeAlias = Callable[[], None]
Begin: TypeAlias = Callable[[Cluster[Any], random.Random], End]
"""Begins a fault; answers what ends it."""


@dataclass(slots=True, frozen=True)
class Fault:
    """One kind of fault. `duration_s` is the range of how long it lasts."""

    name: str
    help: str
    duration_s: tuple[float, float]
    begin: Begin
    programs: bool = False
    """It befalls programs; there are none in a ring-only cluster."""


def _nothing() -> None:
    """For faults that end by themselves."""


def _some_node(cluster: Cluster[Any], chance: random.Random) -> NodeId:
    return chance.choice(list(cluster.nodes))


def _some_links(cluster: Cluster[Any], chance: random.Random) -> list[tuple[NodeId, NodeId]]:
    """All links, those of one node, or one."""
    nodes = list(cluster.nodes)
    links = [(source, target) for source in nodes for target in nodes if source != target]
    way = chance.randrange(3)
    if way == 0:
        return links
    if way == 1:
        node = chance.choice(nodes)
        return [link for link in links if node in link]
    return [chance.choice(links)]


def _impair(**ranges: tuple[float, float]) -> Begin:
    """A fault that gives some links other probabilities, drawn from the ranges."""

    def begin(cluster: Cluster[Any], chance: random.Random) -> End:
        links = _some_links(cluster, chance)
        worse: dict[str, Any] = {name: chance.uniform(*limits) for name, limits in ranges.items()}
        words = ", ".join(f"{name} {share:.0%}" for name, share in worse.items())
        cluster.note(links[0][0], "fault", f"{words} on {len(links)} links")
        for link in links:
            cluster.network.impair(*link, **worse)

        healed: dict[str, Any] = dict.fromkeys(worse, 0.0)

        def end() -> None:
            for link in links:
                cluster.network.impair(*link, **healed)

        return end

    return begin


def _latency(cluster: Cluster[Any], chance: random.Random) -> End:
    links = _some_links(cluster, chance)
    factor = chance.choice((2, 5, 20, 100))
    usual = cluster.network.usual
    cluster.note(links[0][0], "fault", f"latency times {factor} on {len(links)} links")
    for link in links:
        cluster.network.impair(*link, latency_us=usual.latency_us * factor, jitter_us=usual.jitter_us * factor)

    def end() -> None:
        for link in links:
            cluster.network.impair(*link, latency_us=usual.latency_us, jitter_us=usual.jitter_us)

    return end


def _one_way(cluster: Cluster[Any], chance: random.Random) -> End:
    """Some links in one direction are silent: out of a node, into a node, or a single one."""
    nodes = list(cluster.nodes)
    node, other = chance.sample(nodes, 2)
    others = [peer for peer in nodes if peer != node]
    way = chance.randrange(3)
    links = [[(node, peer) for peer in others], [(peer, node) for peer in others], [(node, other)]][way]
    cluster.note(node, "fault", f"cut one way: {' '.join(f'{source}>{target}' for source, target in links)}")
    for link in links:
        cluster.network.impair(*link, cut=True)

    def end() -> None:
        for link in links:
            cluster.network.impair(*link, cut=False)

    return end


def _partition(cluster: Cluster[Any], chance: random.Random) -> End:
    nodes = list(cluster.nodes)
    chance.shuffle(nodes)
    parts = min(len(nodes), chance.choice((2, 2, 2, 3, len(nodes))))
    borders = sorted(chance.sample(range(1, len(nodes)), parts - 1))
    components = [sorted(nodes[a:b]) for a, b in zip([0, *borders], [*borders, len(nodes)], strict=True)]
    cluster.note(nodes[0], "fault", f"partition {' | '.join(' '.join(map(str, part)) for part in components)}")
    cluster.network.partition(components)
    return cluster.network.join_partitions


def _crash(cluster: Cluster[Any], chance: random.Random) -> End:
    return _down(cluster, chance, wipe=False)


def _amnesia(cluster: Cluster[Any], chance: random.Random) -> End:
    return _down(cluster, chance, wipe=True)


def _down(cluster: Cluster[Any], chance: random.Random, wipe: bool) -> End:
    """A node stops, at once or between two effects of a turn; it starts again when the fault ends."""
    node_id = _some_node(cluster, chance)
    node = cluster.nodes[node_id]
    if node.running:
        if chance.random() < 0.5:
            cluster.crash(node_id)
        else:
            node.crash_within_turn(chance.randrange(4))

    def end() -> None:
        if node.running and node.dying:
            cluster.crash(node_id)
        if not node.running and node_id not in cluster.fatal:
            if wipe:
                node.replace_disk()
            cluster.boot(node_id)

    return end


def _leave(cluster: Cluster[Any], chance: random.Random) -> End:
    """A node leaves in order and comes back."""
    node_id = _some_node(cluster, chance)
    node = cluster.nodes[node_id]
    boots = node.boots
    if node.running:
        cluster.leave(node_id)

    def end() -> None:
        if node.running and node.boots == boots:
            cluster.crash(node_id)
        if not node.running and node_id not in cluster.fatal:
            cluster.boot(node_id)

    return end


def _pause(cluster: Cluster[Any], chance: random.Random) -> End:
    node_id = _some_node(cluster, chance)
    cluster.pause(node_id)
    return lambda: cluster.resume(node_id)


def _clock(cluster: Cluster[Any], chance: random.Random) -> End:
    """The wall clock of a node jumps, forth or back."""
    node_id = _some_node(cluster, chance)
    jump_us = chance.choice((-1, 1)) * chance.randint(1, 86_400) * US
    cluster.note(node_id, "fault", f"wall clock jumps {jump_us / US:+.0f} s")
    cluster.nodes[node_id].clock.wall_us += jump_us
    return _nothing


def _slow(cluster: Cluster[Any], chance: random.Random) -> End:
    node = cluster.nodes[_some_node(cluster, chance)]
    node.slowness = chance.choice((20.0, 100.0, 1000.0))
    cluster.note(node.node_id, "fault", f"{node.slowness:.0f} times slower")

    def end() -> None:
        node.slowness = 1.0

    return end


def _slow_disk(cluster: Cluster[Any], chance: random.Random) -> End:
    disk = cluster.nodes[_some_node(cluster, chance)].disk
    before = disk.delay_us
    disk.delay_us = (50_000, 1_000_000)

    def end() -> None:
        disk.delay_us = before

    return end


def _slow_user(cluster: Cluster[Any], chance: random.Random) -> End:
    """A program does not read."""
    program = _some_program(cluster, chance)
    if program is None:
        return _nothing
    cluster.note(program.node_id, "fault", f"{program} does not read")
    program.stalled = True
    return program.resume


def _disconnect(cluster: Cluster[Any], chance: random.Random) -> End:
    """A program closes its connection without a word; another takes its place."""
    program = _some_program(cluster, chance)
    if program is None:
        return _nothing
    cluster.note(program.node_id, "fault", f"{program} disconnects")
    program.disconnect()

    def end() -> None:
        assert isinstance(cluster, ExecutiveCluster)
        if cluster.nodes[program.node_id].running:
            cluster.open_evs(program.node_id, ("red",))

    return end


def _some_program(cluster: Cluster[Any], chance: random.Random) -> Program | None:
    programs = cluster.open_programs() if isinstance(cluster, ExecutiveCluster) else []
    return chance.choice(programs) if programs else None


_ALL: Final = (
    Fault("loss", "datagrams are lost at random", (0.2, 2.0), _impair(loss=(0.01, 0.4))),
    Fault("one-way", "links are silent in one direction", (0.1, 2.0), _one_way),
    Fault("partition", "the network falls apart", (0.1, 2.5), _partition),
    Fault("duplication", "datagrams arrive twice", (0.2, 2.0), _impair(duplication=(0.02, 0.3))),
    Fault("reordering", "datagrams overtake each other", (0.2, 2.0), _impair(reordering=(0.02, 0.3))),
    Fault("corruption", "bits flip, and forged datagrams come in", (0.2, 2.0),
          _impair(corruption=(0.01, 0.2), forgery=(0.01, 0.2))),
    Fault("latency", "datagrams take long", (0.1, 1.0), _latency),
    Fault("crash", "a node stops, and starts again with its disk", (0.05, 2.0), _crash),
    Fault("amnesia", "a node stops, and starts again with an empty disk", (0.05, 2.0), _amnesia),
    Fault("leave", "a node leaves in order, and comes back", (0.2, 2.0), _leave),
    Fault("pause", "a node stands still for a while", (0.02, 2.0), _pause),
    Fault("clock", "the wall clock of a node jumps", (0.0, 0.0), _clock),
    Fault("slow", "a node's processor is slow", (0.1, 1.5), _slow),
    Fault("slow-disk", "a node's disk is slow", (0.2, 2.0), _slow_disk),
    Fault("slow-user", "a program does not read", (0.1, 2.0), _slow_user, programs=True),
    Fault("disconnect", "a program disconnects", (0.05, 0.5), _disconnect, programs=True),
)  # fmt: skip
FAULTS: Final = {fault.name: fault for fault in _ALL}
"""All kinds of faults, by the names that `--faults` takes."""


class FaultSchedule:
    """Lets faults happen to a cluster between `first_us` and `last_us`, by chance. `begun` counts them by name.

    Half of them follow shortly on the one before. In some runs faults also lie in wait for a node to change its state,
    since that is when it can be hurt most.
    """

    def __init__(self, cluster: Cluster[Any], names: Sequence[str], first_us: int, last_us: int, count: int) -> None:
        self.begun: Counter[str] = Counter()
        self._cluster = cluster
        self._last_us = last_us
        programs = isinstance(cluster, ExecutiveCluster)
        self._possible = [FAULTS[name] for name in names if programs or not FAULTS[name].programs]
        if not self._possible:
            return
        chance = cluster.chance
        begins_us = first_us
        for _ in range(count):
            if chance.random() < 0.5:
                begins_us = min(begins_us + chance.randint(0, SOON_US), last_us)
            else:
                begins_us = chance.randint(first_us, last_us)
            self._plan(begins_us, 1.0)
        self._ambushes = chance.choice((0, 0, AMBUSHES_MAX))
        if self._ambushes:
            cluster.when_recorded = self._ambush

    def _plan(self, begins_us: int, share: float) -> None:
        """Lets any fault happen then, for a share of its usual time."""
        chance = self._cluster.chance
        fault = chance.choice(self._possible)
        lasts_us = min(microseconds(share * chance.uniform(*fault.duration_s)), self._last_us - begins_us)
        self._cluster.scheduler.at(begins_us, self._begin, fault, lasts_us)

    def _begin(self, fault: Fault, lasts_us: int) -> None:
        self.begun[fault.name] += 1
        end = fault.begin(self._cluster, self._cluster.chance)
        self._cluster.scheduler.after(lasts_us, end)

    def _ambush(self, node: NodeId, record: Recorded) -> None:
        """A node may have changed its state."""
        soon_us = self._cluster.scheduler.now_us + self._cluster.chance.randint(0, AMBUSH_US)
        if record.kind != "state" or not self._ambushes or not FIRST_AMBUSH_US < soon_us < self._last_us:
            return
        if self._cluster.chance.random() < AMBUSH_CHANCE:
            self._ambushes -= 1
            self._plan(soon_us, 0.3)


def make_whole(cluster: Cluster[Any]) -> None:
    """Nothing is wrong any more: the quiet phase begins."""
    cluster.network.heal()
    for node_id, node in cluster.nodes.items():
        node.slowness = 1.0
        if node.running and node.dying:
            cluster.crash(node_id)
        if node.paused:
            cluster.resume(node_id)
        if not node.running and node_id not in cluster.fatal:
            cluster.boot(node_id)
    if isinstance(cluster, ExecutiveCluster):
        for program in cluster.open_programs():
            program.resume()
