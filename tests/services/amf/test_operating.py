"""Administrative operations: answered when they are finished, have failed, or their time is over."""

from __future__ import annotations

import pytest

from openais.messages import amf as messages
from openais.messages.amf_model import AdminOperation, RedundancyModel
from openais.types import AisError, ErrorCode, FailedOperation, RepairPending, TimeoutExpired
from tests.services.amf.harness import Cluster, group
from tests.services.ordered_group import Library

Op = AdminOperation
WAIT_NS = 5_000_000_000
NAMES = {"ctr-u1": "unit", "ctr": "group", "node1": "node", "default": "application", "ctr-si1": "instance"}


class Asked:
    """An operation whose caller waits for its end."""

    def __init__(self, cluster: Cluster, operation: AdminOperation, name: str) -> None:
        self.cluster = cluster
        self.library: Library = cluster.group.open(2)
        self.call = self.library.send(messages.Administrate(operation, name, WAIT_NS))
        cluster.settle()

    @property
    def answered(self) -> bool:
        return self.call in self.library.answers

    def answer(self) -> None:
        self.library.answer(self.call)

    def expire(self) -> None:
        node = self.library.node
        node.expire(next(name for name in node.timers if name.startswith("operation/")))


def started(**keywords: object) -> Cluster:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True, **keywords),))
    cluster.start(1, 2)
    return cluster


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("operation", [Op.LOCK, Op.SHUTDOWN])
def test_a_lock_or_shutdown_is_answered_when_nothing_is_assigned_any_more(operation: Op, name: str) -> None:
    cluster = started()
    cluster.silent = {"ctr-c1"}
    asked = Asked(cluster, operation, name)
    assert not asked.answered
    cluster.silent = set()
    program = cluster.programs["ctr-c1"]
    invocation = cluster.told_invocations["ctr-c1"]
    program.send(messages.Respond(invocation, ErrorCode.OK))
    if operation is Op.SHUTDOWN:
        cluster.settle()
        assert not asked.answered  # it has not finished its work
        program.send(messages.Respond(invocation, ErrorCode.OK, quiesced=True))
    cluster.settle()
    asked.answer()
    states = {
        "unit": cluster.units()[0]["admin"],
        "group": cluster.described()["groups"][0]["admin"],
        "node": cluster.described()["nodes"][0]["admin"],
        "instance": cluster.described()["groups"][0]["instances"][0]["admin"],
        "application": cluster.described()["applications"].get("default"),
    }
    assert states[NAMES[name]] == "locked"
    assert "active" not in {state for key, state in cluster.assigned().items() if key.startswith("ctr-c1")}


def test_when_the_time_is_over_the_caller_is_told_what_the_operation_waits_for() -> None:
    cluster = started()
    cluster.silent = {"ctr-c1"}
    asked = Asked(cluster, Op.LOCK, "ctr-u1")
    asked.expire()
    with pytest.raises(TimeoutExpired, match="lock of ctr-u1 goes on, and waits for this: ctr-c1 is ACTIVE"):
        asked.answer()
    assert cluster.units()[0]["admin"] == "locked"


def test_a_restart_is_answered_when_the_unit_is_back_in_service() -> None:
    cluster = started()
    cluster.silent = {"ctr-c1"}
    asked = Asked(cluster, Op.RESTART, "ctr-u1")
    assert not asked.answered
    cluster = started()
    Asked(cluster, Op.RESTART, "ctr-u1").answer()
    assert cluster.unsettled() == []


def test_a_restart_after_which_a_component_does_not_come_up_needs_a_repair() -> None:
    cluster = started()
    cluster.failing = {"ctr-c1"}
    asked = Asked(cluster, Op.RESTART, "ctr-u1")
    with pytest.raises(RepairPending, match="restart of ctr-u1: ctr-c1: instantiation failed"):
        asked.answer()


def test_a_swap_to_a_unit_that_fails_meanwhile_has_failed() -> None:
    cluster = started()
    cluster.silent = {"ctr-c2"}
    asked = Asked(cluster, Op.SI_SWAP, "ctr-si1")
    assert not asked.answered
    cluster.silent = set()
    cluster.kill("ctr-c2", 2)
    with pytest.raises(FailedOperation, match="ctr-u2 did not become active for ctr-si1"):
        asked.answer()


def test_an_operation_that_cannot_be_begun_is_refused_at_once() -> None:
    asked = Asked(started(), Op.UNLOCK, "ctr-u1")
    with pytest.raises(AisError) as refused:
        asked.answer()
    assert refused.value.code is ErrorCode.NO_OP


def test_who_waits_and_goes_away_is_not_answered() -> None:
    cluster = started()
    cluster.silent = {"ctr-c1"}
    asked = Asked(cluster, Op.LOCK, "ctr-u1")
    asked.library.close()
    cluster.crash(1)
    assert not asked.answered


def test_in_n_plus_m_a_swap_exchanges_all_that_both_units_have() -> None:
    cluster = Cluster(
        (
            group(
                "g", (1, 2, 3), sa_aware=True, instances=4, model=RedundancyModel.N_PLUS_M, active_units=2, active_max=2
            ),
        )
    )
    cluster.start(1, 2, 3)
    mine = {
        name.split()[1] for name, state in cluster.assigned().items() if name.startswith("g-c1") and state == "active"
    }
    assert len(mine) == 2
    Asked(cluster, Op.SI_SWAP, min(mine).replace("csi", "si")).answer()
    after = cluster.assigned()
    assert {after[f"g-c3 {csi}"] for csi in mine} == {"active"}
    assert {state for name, state in after.items() if name.startswith("g-c1")} == {"standby"}
    assert cluster.unsettled() == []


def test_in_n_way_a_swap_exchanges_the_instance_alone() -> None:
    cluster = Cluster((group("g", (1, 2, 3), sa_aware=True, instances=3, model=RedundancyModel.N_WAY),))
    cluster.start(1, 2, 3)
    before = cluster.assigned()
    Asked(cluster, Op.SI_SWAP, "g-si1").answer()
    after = cluster.assigned()
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert {name.split()[1] for name in changed} == {"g-csi1"}
    assert {before[name]: after[name] for name in changed} == {"active": "standby", "standby": "active"}
    assert cluster.unsettled() == []
