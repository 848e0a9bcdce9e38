"""The state machines that are drawn are those that run: nothing else happens (conftest), and all of it does."""

from __future__ import annotations

from openais.messages import amf as messages
from openais.messages.amf_model import AdminOperation, Capability, Recovery
from openais.services.amf.states import ASSIGNED, PRESENCE
from openais.types import TimeNs
from tests.services.amf.harness import Cluster, group

Op = AdminOperation


def begun(sa_aware: bool = True, **keywords: object) -> Cluster:
    cluster = Cluster((group("g", (1, 2), sa_aware=sa_aware, **keywords),))
    cluster.start(1, 2)
    return cluster


def failing_to_clean(cluster: Cluster, name: str) -> None:
    """Its cleanup is not done in time."""
    cluster.silent = {name}
    cluster.kill(name, 1)
    cluster.group.nodes[min(cluster.group.nodes)].expire(f"order/{name}")
    cluster.silent = set()
    cluster.settle()


def restarts() -> None:
    cluster = begun(recovery=Recovery.COMPONENT_RESTART, cleanup="x")
    cluster.kill("g-c1", 1)
    cluster.failing = {"g-c1"}
    cluster.kill("g-c1", 1)
    cluster.administrate(Op.REPAIRED, "g-u1")
    failing_to_clean(begun(recovery=Recovery.COMPONENT_RESTART, cleanup="x"), "g-c1")


def restarts_that_end_otherwise() -> None:
    for what in ("lock", "crash", "failover"):
        cluster = begun(recovery=Recovery.COMPONENT_RESTART, cleanup="x")
        cluster.silent = {"g-c1"}
        cluster.kill("g-c1", 1)
        if what == "crash":
            cluster.crash(1)
            continue
        operation = Op.LOCK if what == "lock" else Op.SHUTDOWN
        cluster.administrate(operation, "g-u1")
        cluster.administrate(Op.LOCK_INSTANTIATION, "g-u1")
        cluster.silent = set()
        cluster.group.nodes[min(cluster.group.nodes)].expire("order/g-c1")
        cluster.settle()


def instantiations_that_fail() -> None:
    cluster = Cluster((group("g", (1, 2), sa_aware=True, cleanup="x"),), failing={"g-c1"})
    cluster.start(1, 2)
    cluster.administrate(Op.REPAIRED, "g-u1")
    cluster = Cluster((group("g", (1, 2), sa_aware=True, cleanup="x"),), silent={"g-c1"})
    cluster.start(1, 2)
    cluster.crash(1)


def cleanups_that_fail() -> None:
    cluster = begun(cleanup="x")
    failing_to_clean(cluster, "g-c1")
    cluster.administrate(Op.REPAIRED, "g-u1")
    once = {"instantiate_attempts": 1, "cleanup": "x"}
    cluster = Cluster((group("g", (1, 2), sa_aware=True, **once),), silent={"g-c1"})
    cluster.start(1, 2)
    for _ in ("INSTANTIATE", "CLEANUP"):
        cluster.group.nodes[min(cluster.group.nodes)].expire("order/g-c1")
        cluster.settle()


def a_node_that_fails_over_while_something_restarts() -> None:
    restart = Recovery.COMPONENT_RESTART
    cluster = Cluster((group("g", (1, 2), recovery=restart), group("h", (1, 2), sa_aware=True)))
    cluster.start(1, 2)
    cluster.silent = {"g-c1"}
    cluster.kill("g-c1", 1)
    cluster.group.open(1).send(messages.ErrorReport("h-c1", TimeNs(0), Recovery.NODE_FAILOVER))
    cluster.settle()


def moves() -> None:
    cluster = begun()
    cluster.administrate(Op.SI_SWAP, "g-si1")
    cluster.administrate(Op.LOCK, "g-si1")
    cluster.administrate(Op.UNLOCK, "g-si1")
    cluster.administrate(Op.LOCK, "g-u2")
    cluster.administrate(Op.LOCK_INSTANTIATION, "g-u2")
    cluster.crash(1)


def shutdowns() -> None:
    for unlock in (True, False):
        cluster = begun()
        cluster.finishes = False
        cluster.administrate(Op.SHUTDOWN, "g")
        if unlock:
            cluster.administrate(Op.UNLOCK, "g")
        else:
            cluster.kill("g-c1", 1)
    cluster = begun()
    cluster.administrate(Op.SHUTDOWN, "g")
    cluster = begun()
    cluster.silent = {"g-c2"}
    cluster.administrate(Op.LOCK, "g-u1")
    cluster.administrate(Op.UNLOCK, "g-u1")
    cluster.crash(2)


def registrations() -> None:
    cluster = Cluster((group("g", (1,), sa_aware=True, command="", capability=Capability.X_ACTIVE),))
    cluster.start(1)
    cluster.register("g-c1", 1)


def test_every_change_that_is_drawn_happens(changes: set[tuple[object, object]]) -> None:
    for scenario in (
        restarts,
        restarts_that_end_otherwise,
        instantiations_that_fail,
        cleanups_that_fail,
        a_node_that_fails_over_while_something_restarts,
        moves,
        shutdowns,
        registrations,
    ):
        scenario()
    assert {*PRESENCE, *ASSIGNED} - changes == set()
