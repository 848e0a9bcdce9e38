"""Simulated clusters with AMF: what runs on their machines, what goes wrong, and what must be true in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from openais.executive.quorum import QuorumRule, QuorumSettings
from openais.messages.amf_model import AdminOperation, GroupConfig, ModelConfig
from openais.services.amf.service import Amf
from openais.services.base import LocalNode, Service
from openais.simulation.availability import (
    AmfProgram,
    ComponentProgram,
    OperatorProgram,
    SupervisorProgram,
    Troubles,
)
from openais.simulation.availability_checker import AvailabilityChecker
from openais.simulation.availability_groups import all_groups
from openais.simulation.executives import ExecutiveCluster, default_services
from openais.simulation.faults import FaultSchedule, make_whole
from openais.simulation.schedule import US
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings
from openais.types import NodeId

NODES: Final = 5
FENCE_S: Final = 1.0
START_S: Final = 4.0
NOISE_S: Final = 8.0
ASSIGNED_WITHIN_S: Final = 10.0
"""After the last fault everything is assigned within this, and again once all is unlocked and repaired."""
LOOK_S: Final = 0.25
STARTUP_NS: Final = 500_000_000
REBOOT_US: Final = 700_000
FAULTS: Final = ("partition", "crash", "amnesia", "leave", "loss")
Op = AdminOperation
ASKED: Final = (
    Op.LOCK,
    Op.UNLOCK,
    Op.SHUTDOWN,
    Op.LOCK_INSTANTIATION,
    Op.RESTART,
    Op.SI_SWAP,
    Op.SG_ADJUST,
    Op.REPAIRED,
)


class AvailabilityCluster(ExecutiveCluster):
    """Nodes with AMF, a supervisor each, and groups of all kinds."""

    def __init__(
        self, seed: int, groups: tuple[GroupConfig, ...] | None = None, fence_s: float = FENCE_S, nodes: int = NODES
    ) -> None:
        self.groups = groups if groups is not None else all_groups(nodes)
        self.services_of: dict[NodeId, Amf] = {}
        model = ModelConfig(1, self.groups, startup_ns=STARTUP_NS)

        def services(local: LocalNode) -> Sequence[Service]:
            self.services_of[local.node_id] = Amf(local, model, fence_s)
            return (*default_services(local), self.services_of[local.node_id])

        super().__init__(
            nodes,
            RingSettings(token_timeout_s=0.1),
            seed=seed,
            make_ring=Processor,
            quorum=QuorumSettings(QuorumRule.MAJORITY, nodes),
            make_services=services,
        )
        self.availability = AvailabilityChecker(self.groups, lambda what, why: self._broken(what, why))
        self.troubles = Troubles(self.chance)
        self.when_booted = self._booted

    # What runs on a machine

    def _booted(self, node_id: NodeId) -> None:
        self._open(SupervisorProgram, node_id, self._launched, self._end_node)

    def _launched(self, node_id: NodeId, name: str) -> ComponentProgram:
        program = self._open(ComponentProgram, node_id, name)
        assert isinstance(program, ComponentProgram)
        return program

    def _open(self, kind: Callable[..., AmfProgram], node_id: NodeId, *first: Any) -> AmfProgram:
        number = self._opened(node_id)
        node = self.nodes[node_id]
        program = kind(*first, number, node, self.libraries, self.scheduler, self.availability, self.troubles)
        self.programs[number] = program
        return program

    def operator(self) -> OperatorProgram:
        """Somebody at one of the nodes that run."""
        program = self._open(OperatorProgram, self.chance.choice(self.running))
        assert isinstance(program, OperatorProgram)
        return program

    def _end_node(self, node_id: NodeId) -> None:
        """A node restarts its machine."""
        self.crash(node_id)
        self.scheduler.after(REBOOT_US, self._boot_again, node_id)

    def _boot_again(self, node_id: NodeId) -> None:
        if not self.nodes[node_id].running and node_id not in self.fatal:
            self.boot(node_id)

    # What happens

    def disturb(self) -> None:
        """A program misbehaves."""
        supervisors = [each for each in self.open_programs() if isinstance(each, SupervisorProgram)]
        if supervisors:
            self.chance.choice(supervisors).disturb_component()

    def administrate(self) -> None:
        """An operator does something."""
        if self.running:
            self.operator().operate(self.chance.choice(ASKED), self.chance.choice(self._entities()))

    def change(self) -> None:
        """An operator applies a configuration without some of the groups, or units, or with all of them."""
        if not self.running:
            return
        kept = [group for group in self.groups if self.chance.random() < 0.8]
        names = {instance.name for group in kept for instance in group.instances}
        self.operator().apply(
            tuple(
                group
                for group in kept
                if all(each.instance in names for one in group.instances for each in one.sponsors)
            )
        )

    def _entities(self) -> list[str]:
        units = [unit.name for group in self.groups for unit in group.units]
        instances = [instance.name for group in self.groups for instance in group.instances]
        groups = [group.name for group in self.groups]
        return [*units, *instances, *groups, *groups, *(f"node-{n}" for n in self.nodes)]

    def undo(self) -> None:
        """An operator applies the first configuration, unlocks everything and says that it works again."""
        operator = self.operator()
        operator.apply(self.groups)
        for name in self._entities():
            for operation in (Op.UNLOCK_INSTANTIATION, Op.UNLOCK, Op.REPAIRED):
                operator.operate(operation, name)

    # What must be true

    def _broken(self, promise: str, evidence: str) -> None:
        self.checker.report(promise, [evidence])

    def unassigned(self) -> Iterator[str]:
        """What is wrong with assignments, programs and views, as they are now."""
        if not self.running:
            yield "no node runs"
            return
        state = self.services_of[self.running[0]].describe()
        yield from self.availability.unsettled(state, self.running)

    def missing(self) -> Iterator[str]:
        yield from super().missing()
        yield from self.unassigned()


def run(
    cluster: AvailabilityCluster, faults: Sequence[str] = FAULTS, disturbances: int = 30, operations: int = 16
) -> None:
    """Starts a cluster, lets faults fall, and waits until all is assigned again; else it is a violation.

    It must be so twice: as operators left it, and once they have undone what they did.
    """
    cluster.boot_all()
    cluster.run(START_S)
    now = cluster.scheduler.now_us
    cluster.troubles.noisy = True
    FaultSchedule(cluster, faults, now, now + int(NOISE_S * US), 8 if faults else 0)
    actions = {cluster.disturb: disturbances, cluster.administrate: operations, cluster.change: operations // 8}
    for action, count in actions.items():
        for _ in range(count):
            cluster.scheduler.after(cluster.chance.randint(0, int(NOISE_S * US)), action)
    cluster.run(NOISE_S + 0.5)
    cluster.troubles.noisy = False
    make_whole(cluster)
    cluster.run(2.0, cluster.is_whole)
    cluster.run(0.5)
    cluster.operator().ask_what_is_in_force()
    _settle(cluster)
    cluster.undo()
    _settle(cluster)


def _settle(cluster: AvailabilityCluster) -> None:
    cluster.run(0.5)
    for _ in range(int(ASSIGNED_WITHIN_S / LOOK_S)):
        if cluster.checker.violations or not list(cluster.missing()):
            return
        cluster.run(LOOK_S)
    cluster.checker.report("assigned", cluster.missing())
