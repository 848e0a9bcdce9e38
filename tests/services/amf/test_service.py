"""The framework as a replicated service: what components are told, step by step, on nodes that agree."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec
import pytest

from openais.messages import amf as messages
from openais.messages.amf_model import (
    AdminOperation,
    Capability,
    ComponentConfig,
    CsiConfig,
    GroupConfig,
    InstanceConfig,
    Recovery,
    RedundancyModel,
    TypeLimit,
    UnitConfig,
)
from openais.types import AisError, ErrorCode, NodeId
from tests.services.amf.harness import Cluster, group

Op = AdminOperation


def test_a_plain_program_runs_on_the_best_ranked_node_and_another_stands_by() -> None:
    cluster = Cluster((group("web", (1, 2)),))
    cluster.start(1, 2)
    assert cluster.take() == ["instantiate web-c1"]
    assert cluster.assigned() == {"web-c1 web-csi1": "active", "web-c2 web-csi1": "standby"}


def test_a_program_that_is_killed_fails_over_and_is_repaired_to_stand_by() -> None:
    cluster = Cluster((group("web", (1, 2)),))
    cluster.start(1, 2)
    cluster.take()
    cluster.kill("web-c1", 1)
    assert cluster.take() == ["instantiate web-c2"]
    assert cluster.assigned() == {"web-c1 web-csi1": "standby", "web-c2 web-csi1": "active"}


def test_nobody_takes_over_before_the_cleanup_command_has_ended() -> None:
    cluster = Cluster((group("web", (1, 2), cleanup="remove the address"),))
    cluster.start(1, 2)
    cluster.take()
    cluster.silent = {"web-c1"}
    cluster.kill("web-c1", 1)
    assert cluster.take() == ["cleanup web-c1"]
    assert cluster.assigned() == {"web-c1 web-csi1": "active", "web-c2 web-csi1": "standby"}


def test_who_was_told_to_be_active_and_did_not_answer_is_cleaned_up_before_another_is_active() -> None:
    cluster = Cluster((group("web", (1, 2, 3), sa_aware=True),))
    cluster.start(1, 2, 3)
    cluster.silent = {"web-c2"}
    cluster.kill("web-c1", 1)
    cluster.take()
    cluster.group.nodes[NodeId(2)].expire("order/web-c2")
    cluster.settle()
    assert cluster.take() == ["cleanup web-c2"]
    assert "active" not in {*cluster.component("web-c1")["assignments"].values()}  # type: ignore[attr-defined]
    assert "active" not in {*cluster.component("web-c3")["assignments"].values()}  # type: ignore[attr-defined]


def test_a_program_with_the_recovery_restart_is_restarted_where_it_is() -> None:
    cluster = Cluster((group("web", (1, 2), recovery=Recovery.COMPONENT_RESTART),))
    cluster.start(1, 2)
    cluster.take()
    cluster.kill("web-c1", 1)
    assert cluster.take() == ["instantiate web-c1"]
    assert cluster.component("web-c1")["restarts"] == 1


def test_restarts_escalate_to_the_unit_and_then_to_a_failover() -> None:
    limits = {"component_restart_max": 1, "unit_restart_max": 1}
    cluster = Cluster((group("web", (1, 2), recovery=Recovery.COMPONENT_RESTART, **limits),))
    cluster.start(1, 2)
    for _ in range(3):
        cluster.kill("web-c1", 1)
    assert cluster.assigned()["web-c1 web-csi1"] == "active"
    cluster.kill("web-c1", 1)
    assert cluster.assigned() == {"web-c1 web-csi1": "standby", "web-c2 web-csi1": "active"}


def test_an_sa_aware_component_is_told_active_and_the_other_standby() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    told = cluster.take()
    assert told[:2] == ["instantiate ctr-c1", "instantiate ctr-c2"]
    assert told[2:] == ["active ctr-c1 ctr-csi1", "standby ctr-c2 ctr-csi1"]


def test_when_the_node_of_the_active_crashes_the_standby_becomes_active() -> None:
    cluster = Cluster((group("ctr", (1, 2, 3), sa_aware=True),))
    cluster.start(1, 2, 3)
    cluster.take()
    cluster.crash(1)
    assert cluster.take() == ["active ctr-c2 ctr-csi1", "standby ctr-c3 ctr-csi1"]
    cluster.start(1)
    assert cluster.take() == ["instantiate ctr-c1"]
    assert cluster.assigned() == {"ctr-c2 ctr-csi1": "active", "ctr-c3 ctr-csi1": "standby"}


def test_a_lock_quiesces_the_active_then_makes_the_standby_active_then_removes() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.take()
    assert cluster.administrate(Op.LOCK, "ctr-u1") is ErrorCode.OK
    assert cluster.take() == ["quiesced ctr-c1 ctr-csi1", "active ctr-c2 ctr-csi1", "csiremove ctr-c1"]
    assert cluster.administrate(Op.LOCK, "ctr-u1") is ErrorCode.NO_OP
    assert cluster.administrate(Op.LOCK_INSTANTIATION, "ctr-u1") is ErrorCode.OK
    assert cluster.take() == ["terminate ctr-c1", "cleanup ctr-c1"]
    assert cluster.administrate(Op.UNLOCK, "ctr-u1") is ErrorCode.BAD_OPERATION
    assert cluster.administrate(Op.UNLOCK_INSTANTIATION, "ctr-u1") is ErrorCode.OK
    assert cluster.administrate(Op.UNLOCK, "ctr-u1") is ErrorCode.OK
    assert cluster.take() == ["instantiate ctr-c1", "standby ctr-c1 ctr-csi1"]


def test_a_shutdown_quiesces_gently_and_becomes_a_lock() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.take()
    assert cluster.administrate(Op.SHUTDOWN, "ctr-u1") is ErrorCode.OK
    assert cluster.take() == ["quiescing ctr-c1 ctr-csi1", "active ctr-c2 ctr-csi1", "csiremove ctr-c1"]
    assert cluster.units()[0]["admin"] == "locked"


def test_a_component_that_cannot_quiesce_has_failed_and_the_shutdown_is_over_all_the_same() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),), quiesces=ErrorCode.FAILED_OPERATION)
    cluster.start(1, 2)
    cluster.take()
    assert cluster.administrate(Op.SHUTDOWN, "ctr-u1") is ErrorCode.OK
    assert cluster.take() == [
        "quiescing ctr-c1 ctr-csi1",
        "cleanup ctr-c1",
        "instantiate ctr-c1",
        "active ctr-c2 ctr-csi1",
    ]
    assert cluster.units()[0]["admin"] == "locked"


def test_each_part_that_a_component_quiesces_is_told_from_the_others() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True, instances=3),))
    cluster.start(1, 2)
    assert cluster.administrate(Op.SHUTDOWN, "ctr-u1") is ErrorCode.OK
    assert set(cluster.assigned().values()) == {"active"}
    assert cluster.unsettled() == []


def test_a_swap_exchanges_active_and_standby() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.take()
    assert cluster.administrate(Op.SI_SWAP, "ctr-si1") is ErrorCode.OK
    assert cluster.take() == ["quiesced ctr-c1 ctr-csi1", "active ctr-c2 ctr-csi1", "standby ctr-c1 ctr-csi1"]


def test_a_component_that_cannot_be_instantiated_is_given_up_until_it_is_repaired() -> None:
    cluster = Cluster((group("web", (1, 2)),), failing={"web-c1"})
    cluster.start(1, 2)
    assert cluster.take() == [
        "instantiate web-c1",
        "cleanup web-c1",
        "instantiate web-c1",
        "cleanup web-c1",
        "instantiate web-c2",
    ]
    assert cluster.component("web-c1")["presence"] == "instantiation-failed"
    cluster.failing = set()
    assert cluster.administrate(Op.REPAIRED, "web-u1") is ErrorCode.OK
    assert cluster.assigned() == {"web-c1 web-csi1": "standby", "web-c2 web-csi1": "active"}


def test_a_second_program_cannot_register_as_the_same_component() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    intruder = cluster.group.open(1)
    for name, code in (("ctr-c1", "EXIST"), ("ctr-c2", "BAD_OPERATION"), ("nobody", "NOT_EXIST")):
        with pytest.raises(AisError) as refused:
            intruder.call(messages.Register(name))
        assert refused.value.code.name == code


def test_nobody_answers_for_somebody_else_or_twice() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),), silent={"ctr-c1"})
    cluster.start(1, 2)
    cluster.silent = set()
    intruder = cluster.group.open(1)
    for invocation in range(1, 10):
        with pytest.raises(AisError):
            intruder.call(messages.Respond(invocation, ErrorCode.OK))


def test_a_side_without_quorum_cleans_up_and_the_other_waits_for_the_fence() -> None:
    cluster = Cluster((group("web", (1, 2, 3)),), fence_s=5.0)
    cluster.start(1, 2, 3)
    cluster.take()
    cluster.group.configure((1,), quorate=False)
    cluster.group.configure((2, 3))
    cluster.settle()
    assert cluster.take() == ["cleanup web-c1"]
    cluster.node(2).expire("fence/web-u1")
    cluster.settle()
    assert cluster.take() == ["instantiate web-c2"]


def test_the_end_of_a_fence_that_was_sent_before_the_node_was_lost_once_more_ends_nothing() -> None:
    cluster = Cluster((group("web", (1, 2, 3)),), fence_s=5.0)
    cluster.start(1, 2, 3)
    cluster.group.configure((1,), (2, 3))
    cluster.settle()
    cluster.group.configure((1, 2, 3))
    cluster.settle()
    for operation in (Op.LOCK, Op.UNLOCK):  # it works on node 1 again
        assert {cluster.administrate(operation, name) for name in ("web-u2", "web-u3")} == {ErrorCode.OK}
    assert cluster.assigned()["web-c1 web-csi1"] == "active"
    cluster.take()
    cluster.node(2).expire("fence/web-u1")  # it is not delivered before the ring breaks
    cluster.group.configure((1,), (2, 3))
    cluster.settle()
    assert cluster.take() == []
    assert cluster.node(2).timers["fence/web-u1"] == 5.0
    cluster.node(2).expire("fence/web-u1")
    cluster.settle()
    assert cluster.take() == ["instantiate web-c2"]


def test_without_quorum_what_is_not_active_goes_on_running_and_is_there_when_quorum_is_back() -> None:
    cluster = Cluster((group("ctr", (1, 2, 3), sa_aware=True),), fence_s=5.0)
    cluster.start(1, 2, 3)
    cluster.take()
    cluster.group.configure((1, 2, 3), quorate=False)
    cluster.settle()
    assert cluster.take() == ["cleanup ctr-c1", "csiremove ctr-c2"]
    assert not cluster.assigned()
    cluster.group.configure((1, 2, 3))
    cluster.settle()
    assert "instantiate ctr-c2" not in cluster.take()
    assert "active" in cluster.assigned().values()


def test_partitions_that_were_both_active_have_one_active_after_the_merge() -> None:
    cluster = Cluster((group("ctr", (1, 2, 3), sa_aware=True),))
    cluster.start(1, 2, 3)
    cluster.group.configure((1,), (2, 3))
    cluster.settle()
    cluster.take()
    cluster.group.configure((1, 2, 3))
    cluster.settle()
    assert cluster.take() == ["quiesced ctr-c1 ctr-csi1", "csiremove ctr-c1"]
    assert cluster.assigned() == {"ctr-c2 ctr-csi1": "active", "ctr-c3 ctr-csi1": "standby"}


@pytest.mark.parametrize("model", list(RedundancyModel))
def test_every_model_is_assigned_again_after_every_single_crash(model: RedundancyModel) -> None:
    cluster = Cluster((group("g", (1, 2, 3, 4), sa_aware=True, instances=3, model=model, active_units=3),))
    cluster.start(1, 2, 3, 4)
    for number in (2, 4, 1, 3):
        cluster.crash(number)
        instances = {name.split()[1] for name, state in cluster.assigned().items() if state == "active"}
        assert len(instances) == 3
        cluster.start(number)


def test_a_new_configuration_does_not_disturb_what_it_does_not_change() -> None:
    web, other = group("web", (1, 2)), group("other", (1, 2))
    cluster = Cluster((web,))
    cluster.start(1, 2)
    cluster.take()
    cluster.apply(web, other)
    assert cluster.take() == ["instantiate other-c1"]
    cluster.apply(other)
    assert cluster.take() == ["terminate web-c1"]
    assert cluster.unsettled() == []
    assert set(cluster.assigned()) == {"other-c1 other-csi1", "other-c2 other-csi1"}


def test_a_unit_that_is_not_configured_any_more_hands_its_work_over_before_it_ends() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.take()
    cluster.apply(group("ctr", (2,), sa_aware=True))
    assert cluster.take() == [
        "quiesced ctr-c1 ctr-csi1",
        "active ctr-c2 ctr-csi1",
        "csiremove ctr-c1",
        "terminate ctr-c1",
        "cleanup ctr-c1",
    ]
    assert cluster.unsettled() == []
    assert [unit["name"] for unit in cluster.units()] == ["ctr-u2"]


def test_a_program_whose_command_changes_is_ended_and_started_again_by_the_new_one() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.take()
    cluster.apply(group("ctr", (1, 2), sa_aware=True, command="another program"))
    told = cluster.take()
    for number in (1, 2):
        own = [each.split()[0] for each in told if f"ctr-c{number}" in each and "assign" not in each]
        assert own[-5:-1] == ["csiremove", "terminate", "cleanup", "instantiate"]
    assert cluster.unsettled() == []
    found = cluster.group.open(2).call(messages.ModelGet())
    assert isinstance(found, messages.ModelFound)
    commands = {each.command for unit in found.model.groups[0].units for each in unit.components}
    assert commands == {"another program"}


def test_limits_that_change_are_in_force_without_a_restart() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.take()
    cluster.apply(group("ctr", (1, 2), sa_aware=True, recovery=Recovery.COMPONENT_RESTART))
    assert cluster.take() == []
    cluster.kill("ctr-c1", 1)
    assert cluster.take()[0] == "cleanup ctr-c1"
    assert cluster.component("ctr-c1")["restarts"] == 1


def test_an_instance_whose_attributes_change_is_given_up_and_assigned_with_the_new_ones() -> None:
    cluster = Cluster((group("ctr", (1, 2), sa_aware=True),))
    cluster.start(1, 2)
    cluster.take()
    (old,) = cluster.configuration
    part = CsiConfig("ctr-csi1", "type", (("CSI", "ctr-csi1"), ("PORT", "81")))
    cluster.apply(msgspec.structs.replace(old, instances=(InstanceConfig("ctr-si1", (part,)),)))
    told = cluster.take()
    assert told[0] == "quiesced ctr-c1 ctr-csi1"
    assert {*told[1:3]} == {"csiremove ctr-c1", "csiremove ctr-c2"}
    assert told[-2:] == ["active ctr-c1 ctr-csi1", "standby ctr-c2 ctr-csi1"]
    assert cluster.unsettled() == []


def test_the_history_tells_what_happened_and_why() -> None:
    cluster = Cluster((group("web", (1, 2)),))
    cluster.start(1, 2)
    cluster.kill("web-c1", 1)
    found = cluster.group.open(2).call(messages.HistoryGet())
    assert isinstance(found, messages.HistoryFound)
    lines = [f"{line.entity}: {line.what}" for line in found.lines]
    assert "web-c1: failed: it was killed" in lines
    assert "web-u1: fails over, since web-c1 failed" in lines
    assert all(first.time_ns <= second.time_ns for first, second in pairwise(found.lines))


@pytest.mark.parametrize("capability", [each for each in Capability if each is not Capability.NON_PRE_INSTANTIABLE])
@pytest.mark.parametrize("model", list(RedundancyModel))
def test_no_component_ever_has_more_than_its_capability_model_lets_it(
    model: RedundancyModel, capability: Capability
) -> None:
    given = group("g", (1, 2, 3, 4), sa_aware=True, instances=3, model=model, active_units=2, capability=capability)
    cluster = Cluster((given,))
    cluster.start(1, 2, 3, 4)
    for number in (2, 4, 1):
        cluster.crash(number)
        assert cluster.broken == []
        cluster.start(number)
    assert cluster.broken == []
    counts = Counter(name.split()[1] for name, state in cluster.assigned().items() if state == "active")
    assert counts
    if model is not RedundancyModel.N_WAY_ACTIVE:
        assert set(counts.values()) == {1}


def test_a_component_gives_up_what_it_stands_by_for_before_it_becomes_active() -> None:
    given = group(
        "g",
        (1, 2, 3),
        sa_aware=True,
        instances=2,
        model=RedundancyModel.N_PLUS_M,
        active_units=2,
        capability=Capability.ONE_ACTIVE_OR_Y_STANDBY,
    )
    cluster = Cluster((given,))
    cluster.start(1, 2, 3)
    cluster.take()
    cluster.crash(1)
    assert cluster.take() == ["csiremove g-c3", "active g-c3 g-csi1"]
    assert cluster.assigned() == {"g-c2 g-csi2": "active", "g-c3 g-csi1": "active"}


def test_parts_of_a_type_go_to_the_components_that_have_room_for_them() -> None:
    def takes(name: str, kinds: tuple[str, ...], limit: int) -> ComponentConfig:
        limits = (TypeLimit("a", limit),)
        capability = Capability.X_ACTIVE_AND_Y_STANDBY
        return ComponentConfig(name, kinds, capability, sa_aware=True, command="program", type_limits=limits)

    unit = UnitConfig("u", (takes("both", ("a", "b"), 1), takes("one", ("a",), 2)), node="node1")
    parts = tuple(CsiConfig(name, kind) for name, kind in (("p", "a"), ("q", "a"), ("r", "a"), ("s", "b")))
    instances = tuple(InstanceConfig(f"i{part.name}", (part,), n) for n, part in enumerate(parts, 1))
    cluster = Cluster((GroupConfig("g", (unit,), (*instances, InstanceConfig("more", (CsiConfig("t", "a"),)))),))
    cluster.start(1)
    assert cluster.assigned() == {"both r": "active", "both s": "active", "one p": "active", "one q": "active"}
