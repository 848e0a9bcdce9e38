"""Attempts to instantiate, and failures of which a whole node is the scope."""

from __future__ import annotations

from openais.messages import amf as messages
from openais.messages.amf_model import AdminOperation, GroupConfig, NodeConfig, Recovery
from openais.types import ErrorCode, TimeNs
from tests.services.amf.harness import Cluster, group

Op = AdminOperation


def apply(cluster: Cluster, groups: tuple[GroupConfig, ...], *nodes: NodeConfig) -> None:
    library = cluster.group.open(min(cluster.group.nodes))
    library.call(messages.Apply(groups, nodes))
    cluster.settle()
    cluster.take()


def report(cluster: Cluster, name: str, recovery: Recovery) -> None:
    cluster.group.open(2).send(messages.ErrorReport(name, TimeNs(0), recovery))
    cluster.settle()


def test_attempts_to_instantiate_are_made_at_once_and_then_with_a_delay_between() -> None:
    limits = {"instantiate_attempts": 2, "instantiate_delayed_attempts": 2}
    cluster = Cluster((group("web", (1, 2), **limits),), failing={"web-c1"})
    cluster.start(1, 2)
    attempt = ["instantiate web-c1", "cleanup web-c1"]
    assert cluster.take() == attempt * 2
    assert cluster.assigned() == {}
    node = cluster.group.nodes[min(cluster.group.nodes)]
    assert node.timers["delay/web-c1"] == 1.0
    for _ in range(2):
        node.expire("delay/web-c1")
        cluster.settle()
    assert cluster.take() == [*attempt * 2, "instantiate web-c2"]
    assert cluster.component("web-c1")["presence"] == "instantiation-failed"


def test_a_component_that_is_instantiated_after_a_delay_has_all_its_attempts_again() -> None:
    limits = {"instantiate_attempts": 1, "instantiate_delayed_attempts": 1}
    cluster = Cluster((group("web", (1, 2), **limits),), failing={"web-c1"})
    cluster.start(1, 2)
    cluster.failing = set()
    node = cluster.group.nodes[min(cluster.group.nodes)]
    node.expire("delay/web-c1")
    cluster.settle()
    assert cluster.assigned() == {"web-c1 web-csi1": "active", "web-c2 web-csi1": "standby"}
    assert cluster.unsettled() == []


def test_a_delay_ends_with_its_node() -> None:
    limits = {"instantiate_attempts": 1, "instantiate_delayed_attempts": 1}
    cluster = Cluster((group("web", (1, 2), **limits),), failing={"web-c1"})
    cluster.start(1, 2)
    cluster.failing = set()
    cluster.crash(1)
    cluster.start(1)
    assert cluster.assigned() == {"web-c1 web-csi1": "standby", "web-c2 web-csi1": "active"}


def test_a_node_failfast_ends_the_node_and_others_take_over() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.take()
    report(cluster, "ctr-c1", Recovery.NODE_FAILFAST)
    told = cluster.take()
    assert "failfast node1" in told
    assert told[-1] == "active ctr-c2 ctr-csi1"
    cluster.start(1)
    assert cluster.unsettled() == []
    assert cluster.assigned() == {"ctr-c1 ctr-csi1": "standby", "ctr-c2 ctr-csi1": "active"}


def test_a_node_may_be_configured_to_end_when_a_component_cannot_be_instantiated() -> None:
    web = group("web", (1, 2))
    cluster = Cluster((web,))
    cluster.start(1, 2)
    apply(cluster, (web,), NodeConfig("node1", failfast_on_instantiation_failure=True))
    cluster.failing = {"web-c1"}
    cluster.kill("web-c1", 1)
    assert cluster.take() == ["instantiate web-c2"]
    cluster.kill("web-c2", 2)
    assert "failfast node1" in cluster.take()


def test_a_node_may_be_configured_to_end_when_a_component_cannot_be_cleaned_up() -> None:
    web = group("web", (1, 2), cleanup="remove it")
    cluster = Cluster((web,), fence_s=1.0)
    cluster.start(1, 2)
    apply(cluster, (web,), NodeConfig("node1", failfast_on_termination_failure=True))
    cluster.silent = {"web-c1"}
    cluster.kill("web-c1", 1)
    cluster.group.nodes[min(cluster.group.nodes)].expire("order/web-c1")
    cluster.silent = set()
    cluster.settle()
    assert cluster.take() == ["cleanup web-c1", "failfast node1"]
    cluster.times_pass = True  # nobody takes over before the fence is over
    cluster.settle()
    assert cluster.take() == ["instantiate web-c2"]


def test_units_that_fail_over_too_often_become_a_failover_of_their_node() -> None:
    groups = (group("web", (1, 2)), group("ctr", (1, 2), sa_aware=True))
    cluster = Cluster(groups)
    cluster.start(1, 2)
    apply(cluster, groups, NodeConfig("node1", failover_max=1))
    cluster.kill("web-c1", 1)
    assert cluster.assigned()["ctr-c1 ctr-csi1"] == "active"
    cluster.kill("ctr-c1", 1)
    nodes = {node["name"]: node["operational"] for node in cluster.described()["nodes"]}
    assert nodes == {"node1": "disabled", "node2": "enabled"}
    assert cluster.assigned() == {"web-c2 web-csi1": "active", "ctr-c2 ctr-csi1": "active"}
    assert cluster.administrate(Op.REPAIRED, "node1") is ErrorCode.OK
    assert cluster.unsettled() == []


def test_a_node_that_is_repaired_by_itself_is_back_once_nothing_is_left_there() -> None:
    ctr = group("ctr", (1, 2), sa_aware=True)
    cluster = Cluster((ctr,))
    cluster.start(1, 2)
    apply(cluster, (ctr,), NodeConfig("node1", auto_repair=True))
    report(cluster, "ctr-c1", Recovery.NODE_SWITCHOVER)
    assert "instantiate ctr-c1" in cluster.take()
    assert cluster.assigned() == {"ctr-c1 ctr-csi1": "standby", "ctr-c2 ctr-csi1": "active"}


def test_a_component_whose_restart_is_disabled_fails_over() -> None:
    cluster = Cluster((group("web", (1, 2), recovery=Recovery.COMPONENT_RESTART, restart=False),))
    cluster.start(1, 2)
    cluster.take()
    cluster.kill("web-c1", 1)
    assert cluster.take() == ["instantiate web-c2"]


def test_without_auto_repair_a_unit_that_failed_over_stays_out_of_service_until_it_is_repaired() -> None:
    cluster = Cluster((group("web", (1, 2), auto_repair=False),))
    cluster.start(1, 2)
    cluster.kill("web-c1", 1)
    assert cluster.units()[0]["operational"] == "disabled"
    assert cluster.administrate(Op.REPAIRED, "web-u1") is ErrorCode.OK
    assert cluster.assigned() == {"web-c1 web-csi1": "standby", "web-c2 web-csi1": "active"}
