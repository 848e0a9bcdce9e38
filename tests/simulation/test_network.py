"""The simulated network."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from openais.simulation.network import Flight, Network, Quality, mangled
from openais.simulation.schedule import Scheduler
from openais.totem.effects import Multicast, Scope, SendTo
from openais.types import NodeId

ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)


class Net:
    """A network of three, and what arrived: (time in microseconds, at whom, from whom, datagrams)."""

    def __init__(self, quality: Quality, multicast: bool = False) -> None:
        self.scheduler = Scheduler()
        self.network = Network(self.scheduler, random.Random(7), quality, multicast)
        self.arrived: list[tuple[int, NodeId, NodeId, tuple[bytes, ...]]] = []
        for node in (ONE, TWO, THREE):
            self.network.attach(node, lambda source, datagrams, node=node: self._arrive(node, source, datagrams))

    def _arrive(self, node: NodeId, source: NodeId, datagrams: Sequence[bytes]) -> None:
        self.arrived.append((self.scheduler.now_us, node, source, tuple(datagrams)))

    def send(self, *datagrams: bytes, source: NodeId = ONE, target: NodeId = TWO) -> None:
        self.network.send(source, SendTo(target, datagrams), self.scheduler.now_us)


def test_datagrams_that_leave_together_arrive_together() -> None:
    net = Net(Quality(latency_us=100))
    net.send(b"a", b"b")
    net.scheduler.run_until(1000)
    assert net.arrived == [(100, TWO, ONE, (b"a", b"b"))]


def test_datagrams_of_a_link_keep_their_order_whatever_the_jitter() -> None:
    net = Net(Quality(latency_us=100, jitter_us=1000))
    for number in range(50):
        net.send(bytes((number,)))
    net.scheduler.run_until(10_000)
    assert [datagrams[0][0] for _, _, _, datagrams in net.arrived] == list(range(50))


@pytest.mark.parametrize(
    ("scope", "multicast", "reached"),
    [
        (Scope.RING, False, [TWO]),
        (Scope.STRANGERS, False, [THREE]),
        (Scope.EVERYONE, False, [TWO, THREE]),
        (Scope.RING, True, [TWO, THREE]),
    ],
)
def test_a_multicast_reaches_those_that_its_scope_says(scope: Scope, multicast: bool, reached: list[NodeId]) -> None:
    net = Net(Quality(latency_us=100), multicast)
    net.network.send(ONE, Multicast(scope, (TWO,), (b"a",)), 0)
    net.scheduler.run_until(1000)
    assert [node for _, node, _, _ in net.arrived] == reached


def test_a_partition_separates_and_heals() -> None:
    net = Net(Quality(latency_us=100))
    net.network.partition([[ONE], [TWO, THREE]])
    net.send(b"lost")
    net.send(b"arrives", source=TWO, target=THREE)
    net.network.heal()
    net.send(b"healed")
    net.scheduler.run_until(1000)
    assert [datagrams for _, _, _, datagrams in net.arrived] == [(b"arrives",), (b"healed",)]


def test_a_link_can_be_cut_in_one_direction() -> None:
    net = Net(Quality(latency_us=100))
    net.network.impair(ONE, TWO, cut=True)
    net.send(b"there")
    net.send(b"back", source=TWO, target=ONE)
    net.scheduler.run_until(1000)
    assert [datagrams for _, _, _, datagrams in net.arrived] == [(b"back",)]
    assert not net.network.connected(ONE, TWO)
    assert net.network.connected(TWO, ONE)


@pytest.mark.parametrize(("trouble", "fate"), [("loss", "loss"), ("corruption", "corrupted")])
def test_lost_and_corrupted_datagrams_do_not_arrive(trouble: str, fate: str) -> None:
    net, flights = Net(Quality(**{trouble: 1.0})), list[Flight]()
    net.network.watch = flights.append
    net.send(b"a")
    net.scheduler.run_until(10_000)
    assert net.arrived == []
    assert [(flight.arrives_us, flight.fate) for flight in flights] == [(None, fate)]


def test_duplicated_reordered_and_forged_datagrams_arrive_besides() -> None:
    net = Net(Quality(latency_us=100, duplication=0.3, reordering=0.3, forgery=0.3))
    for number in range(200):
        net.send(b"%03d" % number)
    net.scheduler.run_until(100_000)
    arrived = [datagrams[0] for _, _, _, datagrams in net.arrived]
    genuine = [datagram for datagram in arrived if len(datagram) == 3 and datagram.isdigit()]
    assert set(genuine) == {b"%03d" % number for number in range(200)}
    assert len(arrived) > len(genuine) > 200
    assert genuine != sorted(genuine)


def test_an_interceptor_drops_what_it_chooses() -> None:
    net = Net(Quality(latency_us=100))
    net.network.interceptor = lambda source, target, datagram: "chosen" if datagram == b"b" else None
    net.send(b"a", b"b", b"c")
    net.scheduler.run_until(1000)
    assert [datagrams[0] for _, _, _, datagrams in net.arrived] == [b"a", b"c"]


def test_a_mangled_datagram_is_never_the_genuine_one() -> None:
    chance = random.Random(1)
    genuine = bytes((1, 2)) + bytes(60)
    assert all(mangled(genuine, chance) != genuine for _ in range(500))
