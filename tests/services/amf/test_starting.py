"""The first start of groups, by rank; spare units; what is given back to units that were out of service."""

from __future__ import annotations

import pytest

from openais.messages.amf_model import AdminOperation, RedundancyModel
from openais.types import ErrorCode, NodeId
from tests.services.amf.harness import Cluster, group

Op = AdminOperation


def expire(cluster: Cluster, timer: str) -> None:
    """The time is over, as the member with the lowest node id notices."""
    cluster.group.nodes[min(cluster.group.nodes)].expire(timer)
    cluster.settle()


@pytest.mark.parametrize("sa_aware", [False, True])
def test_the_unit_of_the_best_rank_is_active_though_its_node_comes_last(sa_aware: bool) -> None:
    cluster = Cluster((group("g", (1, 2, 3), sa_aware=sa_aware),), startup_s=5.0)
    cluster.start(3)
    cluster.start(2)
    assert cluster.assigned() == {}
    cluster.start(1)
    assert cluster.assigned() == {"g-c1 g-csi1": "active", "g-c2 g-csi1": "standby"}
    assert cluster.unsettled() == []


def test_nobody_waits_for_longer_than_the_startup_time() -> None:
    cluster = Cluster((group("g", (1, 2, 3), sa_aware=True),), startup_s=5.0)
    cluster.start(3)
    assert cluster.group.nodes[NodeId(3)].timers["startup/g"] == 5.0
    expire(cluster, "startup/g")
    assert cluster.assigned() == {"g-c3 g-csi1": "active"}
    cluster.start(1)
    assert cluster.assigned() == {"g-c3 g-csi1": "active", "g-c1 g-csi1": "standby"}


def test_a_unit_that_cannot_come_into_service_is_not_waited_for() -> None:
    cluster = Cluster((group("g", (1, 2), sa_aware=True),), startup_s=5.0, failing={"g-c1"})
    cluster.start(1, 2)
    assert cluster.assigned() == {"g-c2 g-csi1": "active"}


def test_a_group_that_has_started_does_not_wait_again() -> None:
    cluster = Cluster((group("g", (1, 2), sa_aware=True),), startup_s=5.0)
    cluster.start(1, 2)
    cluster.crash(1)
    assert cluster.assigned() == {"g-c2 g-csi1": "active"}
    cluster.crash(2)
    cluster.start(1, 2)  # all of the cluster is new
    assert cluster.assigned() == {"g-c1 g-csi1": "active", "g-c2 g-csi1": "standby"}


def test_the_time_goes_on_when_the_member_that_keeps_it_is_lost() -> None:
    cluster = Cluster((group("g", (1, 2, 3), sa_aware=True),), startup_s=5.0)
    cluster.start(1, 2)
    cluster.crash(1)
    expire(cluster, "startup/g")
    assert cluster.assigned() == {"g-c2 g-csi1": "active"}


def test_one_member_keeps_the_time_and_another_that_did_before_does_not() -> None:
    cluster = Cluster((group("g", (1, 2, 3), sa_aware=True),), startup_s=5.0)
    cluster.start(2)
    assert cluster.group.nodes[NodeId(2)].timers["startup/g"] == 5.0
    cluster.start(1)
    assert cluster.group.nodes[NodeId(1)].timers["startup/g"] == 5.0
    assert cluster.group.nodes[NodeId(2)].timers["startup/g"] is None


def test_a_unit_gets_its_work_back_by_itself_only_after_the_probation() -> None:
    given = group("g", (1, 2), sa_aware=True, auto_adjust=True, auto_adjust_probation_ns=3_000_000_000)
    cluster = Cluster((given,))
    cluster.start(1, 2)
    expire(cluster, "probation/g")
    cluster.crash(1)
    cluster.start(1)
    assert cluster.assigned() == {"g-c1 g-csi1": "standby", "g-c2 g-csi1": "active"}
    assert cluster.group.nodes[NodeId(1)].timers["probation/g"] == 3.0
    expire(cluster, "probation/g")
    assert cluster.assigned() == {"g-c1 g-csi1": "active", "g-c2 g-csi1": "standby"}
    assert cluster.unsettled() == []


def test_a_unit_that_is_out_of_service_meanwhile_begins_a_new_probation() -> None:
    given = group("g", (1, 2), sa_aware=True, auto_adjust=True, auto_adjust_probation_ns=3_000_000_000)
    cluster = Cluster((given,))
    cluster.start(1, 2)
    expire(cluster, "probation/g")
    for _ in range(2):
        assert cluster.administrate(Op.LOCK, "g-u1") is ErrorCode.OK
        assert cluster.administrate(Op.UNLOCK, "g-u1") is ErrorCode.OK
    assert cluster.assigned() == {"g-c1 g-csi1": "standby", "g-c2 g-csi1": "active"}
    expire(cluster, "probation/g")
    assert cluster.assigned() == {"g-c1 g-csi1": "active", "g-c2 g-csi1": "standby"}


def test_an_adjustment_that_is_asked_for_waits_for_nothing() -> None:
    cluster = Cluster((group("g", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.crash(1)
    cluster.start(1)
    assert cluster.administrate(Op.SG_ADJUST, "g") is ErrorCode.OK
    assert cluster.assigned() == {"g-c1 g-csi1": "active", "g-c2 g-csi1": "standby"}


def test_only_as_many_units_are_kept_instantiated_as_preferred_and_a_spare_comes_in_for_one_that_fails() -> None:
    cluster = Cluster((group("g", (1, 2, 3), sa_aware=True, in_service_units=2),))
    cluster.start(1, 2, 3)
    assert [unit["presence"] for unit in cluster.units()] == ["instantiated", "instantiated", "uninstantiated"]
    cluster.crash(1)
    assert cluster.assigned() == {"g-c2 g-csi1": "active", "g-c3 g-csi1": "standby"}


@pytest.mark.parametrize("model", [RedundancyModel.N_WAY, RedundancyModel.N_WAY_ACTIVE])
def test_only_as_many_units_are_assigned_as_preferred_and_a_spare_takes_over(model: RedundancyModel) -> None:
    cluster = Cluster((group("g", (1, 2, 3), sa_aware=True, instances=2, model=model, assigned_units=2),))
    cluster.start(1, 2, 3)
    assert {name.split()[0] for name in cluster.assigned()} == {"g-c1", "g-c2"}
    cluster.crash(1)
    assert {name.split()[0] for name in cluster.assigned()} == {"g-c2", "g-c3"}
    cluster.start(1)
    assert {name.split()[0] for name in cluster.assigned()} == {"g-c2", "g-c3"}
