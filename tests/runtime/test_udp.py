"""Real sockets on loopback: what is sent arrives, and no trouble of the network raises."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from openais.runtime.udp import UdpSettings, UdpTransport
from openais.runtime.udp_sockets import TransportError
from openais.totem.effects import Address, Multicast, Scope
from tests.support.waiting import eventually

GROUP = "239.192.7.7"


class Listener:
    """A transport on a port of its own and what it heard."""

    def __init__(self, bind_address: str = "127.0.0.1", port: int = 0, **settings: object) -> None:
        self.bursts: list[list[tuple[Address, bytes]]] = []
        self.udp = UdpTransport(UdpSettings(bind_address, port, **settings), self.bursts.append)  # type: ignore[arg-type]
        self.udp.start()

    @property
    def heard(self) -> list[bytes]:
        return [datagram for burst in self.bursts for _, datagram in burst]

    @property
    def sources(self) -> set[Address]:
        return {address for burst in self.bursts for address, _ in burst}


def everyone(*addresses: Address, scope: Scope = Scope.EVERYONE) -> Multicast:
    return Multicast(scope, addresses, ())


def run(scenario: Callable[[], object]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_datagram_arrives_with_the_address_of_its_sender(host: str) -> None:
    async def scenario() -> None:
        alice, bob = Listener(host), Listener(host)
        alice.udp.send(bob.udp.address, [b"1", b"2", b""])
        await eventually(lambda: bob.heard == [b"1", b"2", b""])
        assert bob.sources == {alice.udp.address}
        bob.udp.send(alice.udp.address, [b"3"])
        await eventually(lambda: alice.heard == [b"3"])
        alice.udp.close()
        bob.udp.close()

    run(scenario)


def test_what_waits_in_the_socket_is_drained_in_one_burst() -> None:
    async def scenario() -> None:
        alice, bob = Listener(), Listener()
        alice.udp.send(bob.udp.address, [b"%d" % number for number in range(50)])
        await eventually(lambda: len(bob.heard) == 50)
        assert len(bob.bursts) == 1
        assert bob.udp.counters["received"] == 50
        assert alice.udp.counters["sent"] == 50
        alice.udp.close()
        bob.udp.close()

    run(scenario)


def test_a_scope_chooses_who_is_sent_to() -> None:
    async def scenario() -> None:
        members, stranger, alice = [Listener(), Listener()], Listener(), Listener()
        configured = [members[0].udp.address, stranger.udp.address, alice.udp.address, stranger.udp.address]
        alice.udp.set_peers([(str(host), port) for host, port, *_ in configured])
        ring = [member.udp.address for member in members]
        alice.udp.multicast(everyone(*ring, scope=Scope.RING), [b"ring"])
        alice.udp.multicast(everyone(*ring, scope=Scope.EVERYONE), [b"everyone"])
        alice.udp.multicast(everyone(*ring, scope=Scope.STRANGERS), [b"strangers"])
        await eventually(lambda: all(len(each.heard) == 2 for each in (*members, stranger)))
        assert [member.heard for member in members] == [[b"ring", b"everyone"]] * 2
        assert stranger.heard == [b"everyone", b"strangers"]
        assert alice.heard == []
        assert alice.udp.counters["sent"] == 6
        for each in (*members, stranger, alice):
            each.udp.close()

    run(scenario)


def test_a_name_in_the_node_list_is_looked_up() -> None:
    async def scenario() -> None:
        alice, bob = Listener(), Listener()
        alice.udp.set_peers([("localhost", bob.udp.address[1]), ("no-such-name.invalid", 1)])
        await eventually(lambda: alice.udp.peer_addresses == (bob.udp.address,))
        alice.udp.multicast(everyone(), [b"x"])
        await eventually(lambda: bob.heard == [b"x"])
        alice.udp.close()
        bob.udp.close()

    run(scenario)


def test_ourselves_and_other_families_drop_out_of_the_node_list() -> None:
    async def scenario() -> None:
        alice = Listener()
        alice.udp.set_peers([("127.0.0.1", alice.udp.address[1]), ("::1", 7), ("127.0.0.1", 7), ("127.0.0.1", 7)])
        assert alice.udp.peer_addresses == (("127.0.0.1", 7),)
        alice.udp.close()

    run(scenario)


def test_all_executives_of_a_machine_hear_the_group() -> None:
    async def scenario() -> None:
        alice = Listener(multicast_address=GROUP)
        port = alice.udp.address[1]
        bob, carol = Listener("127.0.0.2", port, multicast_address=GROUP), Listener(port=port, multicast_address=GROUP)
        assert len({each.udp.address for each in (alice, bob, carol)}) == 3
        alice.udp.multicast(everyone(), [b"x"])
        await eventually(lambda: alice.heard == bob.heard == carol.heard == [b"x"])
        assert bob.sources == {alice.udp.address}
        carol.udp.send(bob.udp.address, [b"token"])
        await eventually(lambda: bob.heard == [b"x", b"token"])
        for each in (alice, bob, carol):
            each.udp.close()

    run(scenario)


def test_another_group_on_the_same_port_is_not_heard() -> None:
    async def scenario() -> None:
        alice = Listener(multicast_address=GROUP)
        other = Listener("127.0.0.2", alice.udp.address[1], multicast_address="239.192.7.8")
        other.udp.multicast(everyone(), [b"x"])
        alice.udp.multicast(everyone(), [b"y"])
        await eventually(lambda: alice.heard and other.heard)
        assert (alice.heard, other.heard) == ([b"y"], [b"x"])
        alice.udp.close()
        other.udp.close()

    run(scenario)


def test_sending_to_where_nobody_listens_is_no_error() -> None:
    async def scenario() -> None:
        gone, alice = Listener(), Listener()
        gone.udp.close()
        for _ in range(3):
            alice.udp.send(gone.udp.address, [b"x"])
        alice.udp.send(alice.udp.address, [b"still here"])
        await eventually(lambda: alice.heard == [b"still here"])
        alice.udp.close()

    run(scenario)


def test_an_error_of_the_network_is_counted_by_its_name() -> None:
    async def scenario() -> None:
        alice = Listener()
        alice.udp.send(("255.255.255.255", 9), [b"x"])
        assert {name: count for name, count in alice.udp.counters.items() if count} == {"send_eacces": 1}
        alice.udp.close()

    run(scenario)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_datagrams_longer_than_packets_arrive_whole_in_their_order(host: str) -> None:
    async def scenario() -> None:
        alice, bob = Listener(host, mtu=1500), Listener(host)
        datagrams = [bytes([number]) * size for number, size in enumerate((1, 1400, 1500, 23_000, 60_000, 3, 100_000))]
        alice.udp.send(bob.udp.address, datagrams)
        await eventually(lambda: bob.heard == datagrams)
        assert alice.udp.counters["sent"] == bob.udp.counters["received"] == len(datagrams)
        alice.udp.close()
        bob.udp.close()

    run(scenario)


def test_a_group_hears_datagrams_longer_than_packets() -> None:
    async def scenario() -> None:
        alice = Listener(multicast_address=GROUP, mtu=1500)
        bob = Listener("127.0.0.2", alice.udp.address[1], multicast_address=GROUP)
        alice.udp.multicast(everyone(), [bytes(23_000), b"x"])
        await eventually(lambda: bob.heard == [bytes(23_000), b"x"])
        alice.udp.close()
        bob.udp.close()

    run(scenario)


def test_datagrams_that_the_kernel_dropped_are_counted() -> None:
    async def scenario() -> None:
        alice, bob = Listener(), Listener()
        flood = [bytes(1400)] * 200
        for _ in range(100):
            alice.udp.send(bob.udp.address, flood)
            if bob.udp.kernel_drops():
                break
        assert bob.udp.kernel_drops() > 0
        alice.udp.close()
        bob.udp.close()

    run(scenario)


def test_a_port_in_use_is_refused_by_name() -> None:
    async def scenario() -> None:
        alice = Listener()
        with pytest.raises(TransportError, match=str(alice.udp.address[1])):
            Listener(port=int(alice.udp.address[1]))
        alice.udp.close()

    run(scenario)


@pytest.mark.parametrize("group", ["10.0.0.1", "ff02::1", "everybody"])
def test_a_group_that_is_none_is_refused(group: str) -> None:
    with pytest.raises(TransportError, match="mcastaddr"):
        UdpTransport(UdpSettings("127.0.0.1", 0, multicast_address=group), lambda burst: None)
