"""Every workflow, with a crash of every node and of every component at every step of it.

Each workflow is run once to count its steps. Then it is run again for each step and each crash that can happen there;
whatever was under way, all must come to rest with every promise kept, while the node is gone and once it is back.

OPENAIS_AMF_STRIDE=1 takes every step of all; by default it is every step of two of them, and some of the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from msgspec.structs import replace

from openais.messages import amf as messages
from openais.messages.amf_model import (
    AdminOperation,
    Capability,
    ComponentConfig,
    GroupConfig,
    InstanceConfig,
    Recovery,
    RedundancyModel,
    UnitConfig,
)
from tests.services.amf.harness import SA_AWARE, Cluster, component, csi

Op = AdminOperation
NODES = (1, 2, 3)
STRIDE = int(os.environ.get("OPENAIS_AMF_STRIDE", "199"))


def parts(name: str, node: int, recovery: Recovery) -> tuple[ComponentConfig, ...]:
    """Two components that each do a part of every instance."""
    return tuple(
        ComponentConfig(
            f"{name}-{kind}{node}",
            (kind,),
            sa_aware=True,
            capability=SA_AWARE,
            command="program",
            recovery=recovery,
            level=level,
        )
        for level, kind in enumerate(("front", "back"), 1)
    )


def whole(model: RedundancyModel, recovery: Recovery = Recovery.COMPONENT_FAILOVER, **keywords: object) -> GroupConfig:
    """Units of two SA-aware components; two instances of two parts, of which one depends on the other."""
    units = tuple(UnitConfig(f"g-u{n}", parts("g", n, recovery), n, f"node{n}") for n in NODES)
    instances = tuple(
        InstanceConfig(f"g-si{n}", (csi(f"g-front{n}i", "front", f"g-back{n}i"), csi(f"g-back{n}i", "back")), n)
        for n in (1, 2)
    )
    sizes = {"active_units": 2} if model is RedundancyModel.N_PLUS_M else {}
    return GroupConfig("g", units, instances, model, **sizes, **keywords)  # type: ignore[arg-type]


def plain(model: RedundancyModel, recovery: Recovery = Recovery.COMPONENT_FAILOVER, **keywords: object) -> GroupConfig:
    """Units of one program that knows nothing of the framework."""
    units = tuple(UnitConfig(f"g-u{n}", (component(f"g-front{n}", recovery=recovery),), n, f"node{n}") for n in NODES)
    return GroupConfig("g", units, (InstanceConfig("g-si1", (csi("g-front1i", "type"),)),), model, **keywords)  # type: ignore[arg-type]


def limited(
    model: RedundancyModel, recovery: Recovery = Recovery.COMPONENT_FAILOVER, **keywords: object
) -> GroupConfig:
    """The same, of components that are active for one part or stand by for several, never both."""
    group = whole(model, recovery, **keywords)
    units = []
    for unit in group.units:
        components = (replace(each, capability=Capability.ONE_ACTIVE_OR_Y_STANDBY) for each in unit.components)
        units.append(replace(unit, components=tuple(components)))
    return replace(group, units=tuple(units))


@dataclass(frozen=True)
class Work:
    """A workflow: what begins it in a cluster that has come to rest."""

    name: str
    begin: Callable[[Cluster], None]
    recovery: Recovery = Recovery.COMPONENT_FAILOVER
    escalates: bool = False

    def __str__(self) -> str:
        return self.name


def asks(*operations: tuple[Operation, str]) -> Callable[[Cluster], None]:
    def begin(cluster: Cluster) -> None:
        for operation, name in operations:
            cluster.group.open(2).send(messages.Administrate(operation, name))

    return begin


Operation = AdminOperation


def dies(cluster: Cluster) -> None:
    """The component of the active unit ends by itself."""
    cluster.end("g-front1", 1)


def reports(recovery: Recovery) -> Callable[[Cluster], None]:
    def begin(cluster: Cluster) -> None:
        cluster.group.open(1).send(messages.ErrorReport("g-front1", 0, recovery))  # type: ignore[arg-type]

    return begin


def loses(cluster: Cluster) -> None:
    cluster.lose(1)


def parts_and_meets(cluster: Cluster) -> None:
    cluster.group.configure((1,), quorate=False)
    cluster.group.configure((2, 3))
    cluster.settle()
    cluster.group.configure(cluster.group.nodes)


def applies(cluster: Cluster) -> None:
    """A group comes, an instance goes, a unit loses its node."""
    (old,) = cluster.configuration
    changed = GroupConfig(old.name, old.units[:2], (*old.instances[:1],), old.model, active_units=old.active_units)
    more = GroupConfig(
        "h",
        tuple(UnitConfig(f"h-u{n}", (component(f"h-c{n}"),), n, f"node{n}") for n in (2, 3)),
        (InstanceConfig("h-si", (csi("h-csi", "type"),)),),
    )
    cluster.checker.configured((changed, more))
    cluster.group.open(2).send(messages.Apply((changed, more)))


def starts(cluster: Cluster) -> None:
    """All nodes are gone and come again."""
    for number in NODES:
        cluster.lose(number)
    cluster.boot(*NODES)


WORKS = (
    Work("start", starts),
    Work("failover", dies),
    Work("restart", dies, Recovery.COMPONENT_RESTART),
    Work("escalation to the unit", dies, Recovery.COMPONENT_RESTART, escalates=True),
    Work("lock of a unit", asks((Op.LOCK, "g-u1"))),
    Work("lock of a node", asks((Op.LOCK, "node1"))),
    Work("lock of an instance and back", asks((Op.LOCK, "g-si1"), (Op.UNLOCK, "g-si1"))),
    Work("lock of a group for instantiation", asks((Op.LOCK, "g"), (Op.LOCK_INSTANTIATION, "g"))),
    Work("shutdown of a unit", asks((Op.SHUTDOWN, "g-u1"))),
    Work("shutdown of an instance", asks((Op.SHUTDOWN, "g-si1"))),
    Work("swap", asks((Op.SI_SWAP, "g-si1"))),
    Work("restart of a unit", asks((Op.RESTART, "g-u1"))),
    Work("node switchover", reports(Recovery.NODE_SWITCHOVER)),
    Work("node failover", reports(Recovery.NODE_FAILOVER)),
    Work("node failfast", reports(Recovery.NODE_FAILFAST)),
    Work("application restart", reports(Recovery.APPLICATION_RESTART)),
    Work("cluster reset", reports(Recovery.CLUSTER_RESET)),
    Work("loss of a node", loses),
    Work("partition and merge", parts_and_meets),
    Work("a changed configuration", applies),
)


@cache
def rested(make: Callable[..., GroupConfig], model: RedundancyModel, recovery: Recovery, escalates: bool) -> Cluster:
    limits = {"component_restart_max": 0} if escalates else {}
    cluster = Cluster((make(model, recovery, **limits),), fence_s=1.0, times_pass=True)
    cluster.start(*NODES)
    assert cluster.unsettled() == []
    return cluster


def prepared(make: Callable[..., GroupConfig], model: RedundancyModel, work: Work) -> Cluster:
    """A cluster that has come to rest, before the workflow."""
    return rested(make, model, work.recovery, work.escalates).copied()


def faults(cluster: Cluster) -> Iterator[str]:
    """The crashes that can happen: of each node, with and without its return at once, and of each component."""
    yield from (f"crash of node {n}" for n in NODES)
    yield from (f"restart of node {n}" for n in NODES)
    yield from (f"end of {each.name}" for unit in cluster.configuration[0].units for each in unit.components)


def strike(cluster: Cluster, fault: str) -> None:
    """Lets it happen, if it still can."""
    what, _, victim = fault.rpartition(" ")
    if what == "end of":
        if victim in cluster.checker.running:
            cluster.end(victim, cluster.checker.running[victim].node_id)
    elif int(victim) in cluster.group.nodes:
        cluster.lose(int(victim))
        if what == "restart of node":
            cluster.boot(int(victim))


def steps_of(start: Cluster, work: Work) -> int:
    """How many steps the workflow takes when nothing fails."""
    cluster = start.copied()
    work.begin(cluster)
    cluster.settle()
    assert cluster.unsettled() == [], "without any crash"
    return cluster.steps - start.steps


def crash(start: Cluster, work: Work, step: int, fault: str) -> list[str]:
    """What is wrong afterwards, when this fault strikes at that step."""
    cluster = start.copied()
    at = cluster.steps + step

    def strikes(now: int) -> None:
        if now == at:
            strike(cluster, fault)

    cluster.at_step = strikes
    work.begin(cluster)
    cluster.settle()
    if cluster.described()["version"] == 1:  # who was asked to apply another has crashed
        cluster.checker.configured(cluster.configuration)
    wrong = cluster.unsettled()
    gone = [number for number in NODES if number not in cluster.group.nodes]
    if gone and not wrong:
        cluster.start(*gone)
        wrong = cluster.unsettled()
    return wrong


def fits(make: Callable[..., GroupConfig], model: RedundancyModel, work: Work) -> bool:
    if make is limited and model in (RedundancyModel.TWO_N, RedundancyModel.N_WAY_ACTIVE):
        return False  # they need components that are active for both instances
    if work.name == "swap":
        return model is RedundancyModel.TWO_N
    return True


CASES = [
    (make, model, work)
    for make in (whole, plain, limited)
    for model in RedundancyModel
    for work in WORKS
    if fits(make, model, work)
]


def problems(case: int, stride: int) -> Iterator[str]:
    """What goes wrong in a case; of its crashes at all steps, every one in `stride`."""
    make, model, work = CASES[case]
    start = prepared(make, model, work)
    steps = steps_of(start, work)
    crashes = [(step, fault) for step in range(1, steps + 1) for fault in faults(start)]
    for step, fault in crashes[case % stride :: stride]:
        if wrong := crash(start, work, step, fault):
            yield f"{work} in {model.name}, {fault} at step {step} of {steps}: {'; '.join(wrong)}"


@pytest.mark.parametrize(
    "case", range(len(CASES)), ids=lambda n: "-".join((CASES[n][0].__name__, CASES[n][1].name, CASES[n][2].name))
)
def test_all_promises_are_kept_through_a_crash_at_every_step(case: int) -> None:
    make, model, work = CASES[case]
    always = make is plain and model is RedundancyModel.TWO_N and work.name in ("failover", "loss of a node")
    assert list(problems(case, 1 if always else STRIDE)) == []


@pytest.mark.parametrize(
    ("broken", "instead", "work"),
    [
        ("openais.services.amf.workflow.Workflow._repair", lambda *_: None, "failover"),
        ("openais.services.amf.workflow.Workflow._forget", lambda *_: None, "a changed configuration"),
        ("openais.services.amf.workflow.retire", lambda _: False, "a changed configuration"),
        ("openais.services.amf.escalation.Escalation.cleaned", lambda *_: None, "restart"),
    ],
)
def test_a_product_that_is_broken_is_noticed(
    monkeypatch: pytest.MonkeyPatch, broken: str, instead: object, work: str
) -> None:
    case = next(n for n, (make, model, each) in enumerate(CASES) if make is whole and each.name == work)
    make, model, one = CASES[case]
    cluster = prepared(make, model, one)
    monkeypatch.setattr(broken, instead)
    one.begin(cluster)
    cluster.settle()
    assert cluster.unsettled() != []
