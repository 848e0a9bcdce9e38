"""What the nodes of a ring-only cluster send: bursts of messages of all sizes, priorities and guarantees, by chance."""

from __future__ import annotations

import random
from typing import Final

from openais.simulation.cluster import RingCluster
from openais.simulation.schedule import US
from openais.types import Guarantee, NodeId, Priority

GROUPS: Final = (b"red", b"green", b"blue")
_PRIORITIES: Final = (Priority.HIGH, Priority.MED, Priority.MED, Priority.MED, Priority.LOW)


def payload_size(chance: random.Random) -> int:
    """Mostly small, sometimes in several packets, once in a while very large."""
    draw = chance.random()
    if draw < 0.9:
        return chance.randint(0, 200)
    if draw < 0.998:
        return chance.randint(200, 6_000)
    return chance.randint(20_000, 120_000)


class RingLoad:
    """Sends from every node until `last_us`, `per_second` bursts in all."""

    def __init__(self, cluster: RingCluster, per_second: float, last_us: int) -> None:
        self._cluster = cluster
        self._chance = cluster.chance
        self._mean_us = US / per_second
        self._last_us = last_us
        self._next()

    def _next(self) -> None:
        delay_us = int(self._chance.expovariate(1 / self._mean_us))
        if self._cluster.scheduler.now_us + delay_us < self._last_us:
            self._cluster.scheduler.after(delay_us, self._burst)

    def _burst(self) -> None:
        chance = self._chance
        node_id = chance.choice(list(self._cluster.nodes))
        if chance.random() < 0.05:
            self._change_groups(node_id)
        else:
            self._send(node_id)
        self._next()

    def _send(self, node_id: NodeId) -> None:
        chance = self._chance
        count = 1 if chance.random() < 0.7 else chance.randint(2, 12)
        payloads = [chance.randbytes(payload_size(chance)) for _ in range(count)]
        groups = tuple(sorted(chance.sample(GROUPS, chance.randint(1, 2)))) if chance.random() < 0.3 else ()
        guarantee = Guarantee.SAFE if chance.random() < 0.3 else Guarantee.AGREED
        self._cluster.submit(node_id, payloads, groups, guarantee, chance.choice(_PRIORITIES))

    def _change_groups(self, node_id: NodeId) -> None:
        group = self._chance.choice(GROUPS)
        life = self._cluster.lives.get(node_id)
        if life is not None and group in life.groups:
            self._cluster.leave_group(node_id, group)
        else:
            self._cluster.join_group(node_id, group)
