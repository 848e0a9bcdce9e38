"""Service instances that depend on others, with tolerance times, in chains."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from openais.messages.amf_model import AdminOperation, GroupConfig, RedundancyModel, SponsorConfig
from openais.types import ErrorCode, NodeId
from tests.services.amf.harness import Cluster, group

Op = AdminOperation
SECOND_NS = 1_000_000_000


def depending(name: str, *sponsors: tuple[str, int], sa_aware: bool = True) -> GroupConfig:
    """A group whose instance depends on those of other groups, each with a tolerance in seconds."""
    made = group(name, (1, 2), sa_aware=sa_aware)
    (instance,) = made.instances
    wanted = tuple(SponsorConfig(f"{sponsor}-si1", seconds * SECOND_NS) for sponsor, seconds in sponsors)
    return replace(made, instances=(replace(instance, sponsors=wanted),))


def actives(cluster: Cluster) -> set[str]:
    return {name.partition("-")[0] for name, state in cluster.assigned().items() if state == "active"}


def test_what_depends_on_another_becomes_active_after_it_and_ends_with_it() -> None:
    cluster = Cluster((depending("web", ("db", 0)), group("db", (1, 2), sa_aware=True)))
    cluster.start(1, 2)
    told = cluster.take()
    assert told.index("active db-c1 db-csi1") < told.index("active web-c1 web-csi1")
    assert cluster.administrate(Op.LOCK, "db-si1") is ErrorCode.OK
    assert actives(cluster) == set()
    assert cluster.administrate(Op.UNLOCK, "db-si1") is ErrorCode.OK
    assert actives(cluster) == {"db", "web"}
    assert cluster.unsettled() == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
@pytest.mark.parametrize("sa_aware", [True, False])
def test_a_chain_of_dependencies_comes_and_goes_from_end_to_end(order: tuple[int, ...], sa_aware: bool) -> None:
    chain = (
        group("a", (1, 2), sa_aware=sa_aware),
        depending("b", ("a", 0), sa_aware=sa_aware),
        depending("c", ("b", 0), sa_aware=sa_aware),
        depending("d", ("c", 0), ("a", 0), sa_aware=sa_aware),
    )
    cluster = Cluster(tuple(chain[n] for n in order))
    cluster.start(1, 2)
    assert actives(cluster) == {"a", "b", "c", "d"}
    assert cluster.administrate(Op.LOCK, "a-si1") is ErrorCode.OK
    assert actives(cluster) == set()
    assert cluster.administrate(Op.UNLOCK, "a-si1") is ErrorCode.OK
    assert actives(cluster) == {"a", "b", "c", "d"}
    assert cluster.unsettled() == []


def test_the_tolerance_begins_once_and_is_that_of_what_is_missing() -> None:
    groups = (depending("web", ("db", 9), ("mq", 4)), *(group(name, (1, 2), sa_aware=True) for name in ("db", "mq")))
    cluster = Cluster(groups)
    cluster.start(1, 2)
    node = cluster.group.nodes[NodeId(1)]
    assert cluster.administrate(Op.LOCK, "db-si1") is ErrorCode.OK
    assert node.timers["tolerance/web-si1"] == 9.0
    node.timers["tolerance/web-si1"] = 1.5  # most of it is over
    cluster.kill("web-c2", 2)
    assert node.timers["tolerance/web-si1"] == 1.5
    assert actives(cluster) == {"web", "mq"}
    node.expire("tolerance/web-si1")
    cluster.settle()
    assert actives(cluster) == {"mq"}


def test_a_sponsor_that_is_back_in_time_changes_nothing() -> None:
    cluster = Cluster((depending("web", ("db", 5)), group("db", (1, 2), sa_aware=True)))
    cluster.start(1, 2)
    assert cluster.administrate(Op.LOCK, "db-si1") is ErrorCode.OK
    assert cluster.administrate(Op.UNLOCK, "db-si1") is ErrorCode.OK
    assert cluster.group.nodes[NodeId(1)].timers["tolerance/web-si1"] is None
    assert "csiremove web-c1" not in cluster.take()
    assert cluster.administrate(Op.LOCK, "db-si1") is ErrorCode.OK
    assert cluster.group.nodes[NodeId(1)].timers["tolerance/web-si1"] == 5.0
    assert actives(cluster) == {"web"}


def test_a_tolerance_goes_on_when_the_member_that_keeps_the_time_is_lost() -> None:
    cluster = Cluster((depending("web", ("db", 5)), group("db", (1, 2), sa_aware=True)))
    cluster.start(1, 2)
    assert cluster.administrate(Op.LOCK, "db-si1") is ErrorCode.OK
    cluster.crash(1)
    assert actives(cluster) == set() or cluster.group.nodes[NodeId(2)].timers["tolerance/web-si1"] == 5.0
    cluster.start(1)
    assert cluster.administrate(Op.UNLOCK, "db-si1") is ErrorCode.OK
    assert actives(cluster) == {"web", "db"}
    assert cluster.unsettled() == []


def test_more_important_instances_are_assigned_when_units_do_not_suffice() -> None:
    made = group("g", (1, 2), sa_aware=True, instances=3, active_max=1)
    ranked = tuple(replace(instance, rank=rank) for instance, rank in zip(made.instances, (3, 1, 2), strict=True))
    cluster = Cluster((replace(made, instances=ranked, model=RedundancyModel.NO_REDUNDANCY),))
    cluster.start(1, 2)
    assert {name.split()[1] for name in cluster.assigned()} == {"g-csi2", "g-csi3"}
    cluster.crash(1)
    assert cluster.assigned() == {"g-c2 g-csi2": "active"}
