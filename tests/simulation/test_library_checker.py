"""What programs see: each promise is broken once on purpose, and the checker reports just that one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from openais.executive.quorum import QuorumRule, QuorumSettings
from openais.messages.base import Message, ServiceId
from openais.messages.clm import ClusterState, ClusterView
from openais.messages.evs import GroupMulticast
from openais.services.base import Callback, ComponentState, Effects, LocalNode, Service, executive
from openais.services.clm import Clm
from openais.services.evs import Evs
from openais.simulation.executives import ExecutiveCluster, default_services
from openais.simulation.libraries import EvsProgram
from openais.simulation.network import Quality
from openais.simulation.runner import settle
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings
from openais.types import Guarantee, NodeId, Priority

SETTINGS = RingSettings(cluster="simulated", token_timeout_s=0.1)
ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)
Give = Callable[[Callback], Iterator[Callback]]


def cluster_of(count: int, **how: Any) -> ExecutiveCluster:
    """A cluster whose executives are one ring, with their state exchanged."""
    cluster = ExecutiveCluster(count, SETTINGS, quality=Quality(latency_us=500), make_ring=Processor, **how)
    cluster.boot_all()
    assert cluster.run(3.0, lambda: not list(cluster.missing()))
    return cluster


def programs(cluster: ExecutiveCluster, *groups: str) -> list[EvsProgram]:
    """A program on every node, all in the groups."""
    opened = [cluster.open_evs(node_id, groups) for node_id in cluster.nodes]
    assert cluster.run(1.0, lambda: all(program.groups for program in opened))
    return opened


def send(cluster: ExecutiveCluster, program: EvsProgram, *bodies: bytes, groups: tuple[str, ...] = ("red",)) -> None:
    program.multicast(groups, list(bodies), Guarantee.AGREED, Priority.MED)
    cluster.run(0.2)


def reported(cluster: ExecutiveCluster) -> set[str]:
    """The invariants that were reported up to the end of the run."""
    settle(cluster)
    if not cluster.checker.violations:
        cluster.checker.finish()
    return {violation.invariant for violation in cluster.checker.violations}


def giving(give: Give, node: NodeId = TWO) -> Callable[[LocalNode], Sequence[Service]]:
    """The services, with an EVS that on one node gives its programs something else than it should."""

    def group_multicast(self: Evs, origin: NodeId, message: GroupMulticast) -> Effects:
        for effect in Evs.group_multicast(self, origin, message):
            if self.node.node_id == node and isinstance(effect, Callback):
                yield from give(effect)
            else:
                yield effect

    handlers = {
        name: member
        for name, member in vars(Evs).items()
        if hasattr(member, "library_handler") or hasattr(member, "executive_handler")
    }
    broken = type("Broken", (Evs,), handlers | {"group_multicast": executive(GroupMulticast)(group_multicast)})
    return lambda local: (Clm(local), broken(local))


def nothing(_: Callback) -> Iterator[Callback]:
    """Gives programs no message."""
    yield from ()


def test_nothing_is_reported_of_executives_that_work() -> None:
    cluster = cluster_of(3)
    users = programs(cluster, "red")
    cluster.open_clm(ONE)
    send(cluster, users[0], b"a", b"b")
    cluster.crash(TWO)
    cluster.run(1.0)
    cluster.boot(TWO)
    cluster.run(1.0)
    send(cluster, users[2], b"c")
    assert reported(cluster) == set()
    assert cluster.libraries.deliveries == 8


def test_a_message_given_twice_is_reported() -> None:
    def twice(callback: Callback) -> Iterator[Callback]:
        yield from (callback, callback)

    cluster = cluster_of(3, make_services=giving(twice))
    send(cluster, programs(cluster, "red")[0], b"once")
    assert reported(cluster) == {"1"}


def test_a_message_that_is_not_given_to_its_sender_is_reported() -> None:
    cluster = cluster_of(3, make_services=giving(nothing))
    send(cluster, programs(cluster, "red")[1], b"mine")
    assert reported(cluster) == {"11"}


def test_a_message_that_only_some_members_of_the_group_are_given_is_reported() -> None:
    cluster = cluster_of(3, make_services=giving(nothing))
    users = programs(cluster, "red")
    cluster.crash(THREE)
    cluster.run(1.0)
    send(cluster, users[0], b"hello")
    cluster.boot(THREE)
    assert reported(cluster) == {"5"}


def test_messages_given_in_another_order_are_reported() -> None:
    held: list[Callback] = []

    def turned_round(callback: Callback) -> Iterator[Callback]:
        if not held:
            held.append(callback)
            return
        yield from (callback, held[0])

    cluster = cluster_of(3, make_services=giving(turned_round))
    users = programs(cluster, "red")
    send(cluster, users[0], b"first")
    send(cluster, users[2], b"second")
    assert reported(cluster) == {"6"}


def test_a_message_of_a_group_that_the_program_is_not_in_is_reported() -> None:
    def all_of_them(callback: Callback) -> Iterator[Callback]:
        yield Callback((red.number, blue.number), callback.message)

    cluster = cluster_of(2, make_services=giving(all_of_them))
    red, blue = cluster.open_evs(TWO, ("red",)), cluster.open_evs(TWO, ("blue",))
    cluster.run(1.0, lambda: bool(red.groups and blue.groups))
    send(cluster, red, b"secret")
    assert reported(cluster) == {"groups"}


def test_replicas_that_differ_are_reported() -> None:
    class Forgetful(Service):
        """Keeps the number of the states that it was given, but on node 2 forgets it."""

        service_id = ServiceId.AMF
        versions = ()
        met = 0

        def merge_states(self, states: Sequence[ComponentState]) -> Effects:
            self.met = 0 if self.node.node_id == TWO else len(states)
            return ()

        def state_to_transfer(self) -> Iterator[Message]:
            yield ClusterState(self.met, ())

    cluster = ExecutiveCluster(
        2, SETTINGS, make_ring=Processor,
        make_services=lambda local: (*default_services(local), Forgetful(local)),
    )  # fmt: skip
    cluster.boot_all()
    cluster.run(1.0, lambda: bool(cluster.checker.violations))
    assert {violation.invariant for violation in cluster.checker.violations} == {"replicas"}


def test_9_two_components_with_quorum_are_reported() -> None:
    cluster = cluster_of(4, quorum=QuorumSettings(QuorumRule.MAJORITY, expected_votes=1))
    cluster.network.partition([[ONE, TWO], [THREE, NodeId(4)]])
    cluster.run(1.0)
    assert cluster.checker.violations == []  # the executives have seen four, and know better
    for node in (ONE, TWO, THREE):
        cluster.crash(node)
    cluster.run(1.0)
    cluster.network.heal()
    cluster.network.partition([[ONE], [TWO], [THREE], [NodeId(4)]])
    for node in (ONE, TWO, THREE):
        cluster.boot(node)
    cluster.run(1.0)
    assert {violation.invariant for violation in cluster.checker.violations} == {"9"}


def test_a_view_that_the_node_does_not_have_is_reported() -> None:
    cluster = cluster_of(2)
    tracker = cluster.open_clm(ONE)
    cluster.run(0.2)
    cluster.libraries.viewed(tracker, ClusterView(view_number=9, notifications=(), member_count=3))
    assert {violation.invariant for violation in cluster.checker.violations} == {"views"}


def test_a_program_that_does_not_read_is_disconnected_and_the_others_are_served() -> None:
    cluster = cluster_of(2)
    users = programs(cluster, "red")
    users[1].stalled = True
    for _ in range(12):
        send(cluster, users[0], bytes(60_000))
    assert reported(cluster) == set()
    assert (users[0].closed, users[1].closed) == (False, True)
    assert cluster.libraries.deliveries == 12
