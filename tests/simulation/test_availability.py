"""AMF in simulated clusters with crashes and partitions: at most one active, all assigned again at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from openais.executive.quorum import QuorumRule, QuorumSettings
from openais.messages.amf_model import ModelConfig
from openais.services.amf.service import Amf
from openais.services.base import LocalNode, Service
from openais.simulation.availability import AvailabilityChecker, SupervisorProgram, pair_groups
from openais.simulation.executives import ExecutiveCluster, default_services
from openais.simulation.faults import FaultSchedule, make_whole
from openais.simulation.schedule import US
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings
from openais.types import NodeId

NODES = 5
GROUPS = 3
FENCE_S = 1.0
LOST_AND_FORGOTTEN = 17
"""A node is lost, then two sides that both miss it merge: what it may not have given up must not be forgotten."""
SEEDS = sorted({*range(int(os.environ.get("OPENAIS_AMF_SEEDS", "6"))), LOST_AND_FORGOTTEN})


class AmfCluster(ExecutiveCluster):
    """Nodes with AMF and a supervisor each."""

    def __init__(self, seed: int, fence_s: float = FENCE_S) -> None:
        model = ModelConfig(1, pair_groups(NODES, GROUPS))

        def services(local: LocalNode) -> Sequence[Service]:
            return (*default_services(local), Amf(local, model, fence_s))

        super().__init__(
            NODES,
            RingSettings(token_timeout_s=0.1),
            seed=seed,
            make_ring=Processor,
            quorum=QuorumSettings(QuorumRule.MAJORITY, NODES),
            make_services=services,
        )
        self.availability = AvailabilityChecker(self.checker)
        self.when_booted = self.open_supervisor

    def open_supervisor(self, node_id: NodeId) -> None:
        number = self._opened(node_id)
        program = SupervisorProgram(number, self.nodes[node_id], self.libraries, self.scheduler, self.availability)
        self.programs[number] = program

    def crash_some_component(self) -> None:
        supervisors = [each for each in self.open_programs() if isinstance(each, SupervisorProgram)]
        if supervisors:
            self.chance.choice(supervisors).crash_component(self.chance.choice)

    def whole(self) -> bool:
        return not [*self.missing(), *self.availability.missing(GROUPS)]


def run(cluster: AmfCluster, faults: Sequence[str]) -> None:
    cluster.boot_all()
    cluster.run(3.0)
    now = cluster.scheduler.now_us
    FaultSchedule(cluster, faults, now, now + 8 * US, 8)
    for number in range(20):
        cluster.scheduler.after(number * US // 3, cluster.crash_some_component)
    cluster.run(12.0)
    make_whole(cluster)
    cluster.run(30.0, cluster.whole)


@pytest.mark.parametrize("seed", SEEDS)
def test_at_most_one_is_active_through_crashes_and_partitions_and_all_is_assigned_again(seed: int) -> None:
    cluster = AmfCluster(seed)
    run(cluster, ("partition", "crash", "amnesia"))
    assert not cluster.checker.violations, "\n".join(map(str, cluster.checker.violations))
    assert list(cluster.availability.missing(GROUPS)) == []
    assert list(cluster.missing()) == []
    assert cluster.availability.starts > GROUPS


def test_the_checker_notices_when_work_is_given_away_without_waiting() -> None:
    violations = []
    for seed in range(12):
        cluster = AmfCluster(seed, fence_s=0.0)
        run(cluster, ("partition",))
        violations += [str(each) for each in cluster.checker.violations]
    assert any("one active" in each for each in violations)
