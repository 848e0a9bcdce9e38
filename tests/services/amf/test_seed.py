"""Components of the seed (A.01.01): started by somebody else, asked for their health, in and out of service."""

from __future__ import annotations

from openais.messages import amf as messages
from openais.messages.amf_model import AdminOperation, Recovery
from openais.types import ErrorCode, Version
from tests.services.amf.harness import Cluster, group
from tests.services.ordered_group import Library

SEED = Version("A", 1, 1)


def cluster_with(*numbers: int) -> tuple[Cluster, dict[int, Library]]:
    """A pair, of which the programs on these nodes are started."""
    cluster = Cluster((group("seed", (1, 2), sa_aware=True, command=""),))
    cluster.start(1, 2)
    programs = {number: start(cluster, number) for number in numbers}
    return cluster, programs


def start(cluster: Cluster, number: int) -> Library:
    name = f"seed-c{number}"
    cluster.programs[name] = program = cluster.group.open(number, SEED)
    program.call(messages.Register(name))
    cluster.settle()
    return program


ACTIVE_1 = {"seed-c1 seed-csi1": "active", "seed-c2 seed-csi1": "standby"}
ACTIVE_2 = {"seed-c2 seed-csi1": "active"}


def test_it_is_asked_for_its_health_from_its_registration_on() -> None:
    cluster, programs = cluster_with(1, 2)
    assert cluster.assigned() == ACTIVE_1
    timers = cluster.node(1).timers
    assert timers["check/seed-c1/heartbeat"] == 1.0
    cluster.silent = {"seed-c1"}
    cluster.node(1).expire("check/seed-c1/heartbeat")
    (asked,) = programs[1].take()
    assert isinstance(asked, messages.HealthcheckAsk)
    cluster.node(1).expire("check/seed-c1/heartbeat")
    cluster.silent = set()
    cluster.settle()
    assert cluster.assigned() == ACTIVE_2


def test_one_that_reports_an_error_is_out_of_service_until_it_cancels_it_and_goes_on_running() -> None:
    cluster, programs = cluster_with(1, 2)
    cluster.take()
    programs[1].call(messages.ErrorReport("seed-c1", 0, Recovery.NO_RECOMMENDATION))  # type: ignore[arg-type]
    cluster.settle()
    assert cluster.take() == ["quiesced seed-c1 seed-csi1", "active seed-c2 seed-csi1", "csiremove seed-c1"]
    assert cluster.assigned() == ACTIVE_2
    programs[1].call(messages.ErrorClear("seed-c1"))
    cluster.settle()
    assert cluster.take() == ["standby seed-c1 seed-csi1"]


def test_one_that_is_gone_fails_over_and_is_in_service_again_when_it_is_started_again() -> None:
    cluster, programs = cluster_with(1, 2)
    cluster.take()
    cluster.programs.pop("seed-c1")
    programs[1].close()
    cluster.settle()
    assert cluster.assigned() == ACTIVE_2
    start(cluster, 1)
    assert cluster.assigned() == {**ACTIVE_2, "seed-c1 seed-csi1": "standby"}


def test_one_whose_unit_is_locked_goes_on_running_until_that_is_locked_for_instantiation() -> None:
    cluster, _ = cluster_with(1, 2)
    cluster.take()
    assert cluster.administrate(AdminOperation.LOCK, "seed-u1") is ErrorCode.OK
    assert "terminate seed-c1" not in cluster.take()
    assert cluster.administrate(AdminOperation.LOCK_INSTANTIATION, "seed-u1") is ErrorCode.OK
    assert cluster.take()[0] == "terminate seed-c1"
