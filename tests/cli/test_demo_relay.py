"""The relay of the demo, between plain sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from openais.cli.demo_relay import LOOPBACK, Relay
from tests.support.waiting import eventually


class End:
    """A node, as far as the relay knows: a socket and the doors that it was told of."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((LOOPBACK, 0))
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]

    def send(self, door: str, datagram: bytes) -> None:
        """Sends through a door."""
        host, _, port = door.rpartition(":")
        self.socket.sendto(datagram, (host, int(port)))

    async def receive(self) -> tuple[bytes, str]:
        """The next datagram, and the address it came from."""
        async with asyncio.timeout(20):
            datagram, (host, port) = await asyncio.get_running_loop().sock_recvfrom(self.socket, 2048)
        return datagram, f"{host}:{port}"


@contextlib.asynccontextmanager
async def two_ends() -> AsyncIterator[tuple[Relay, End, End]]:
    """A relay between two ends, 1 and 2."""
    one, two = End(), End()
    relay = Relay({1: one.port, 2: two.port})
    relay.open()
    try:
        yield relay, one, two
    finally:
        relay.close()
        one.socket.close()
        two.socket.close()


def test_a_datagram_comes_from_the_door_that_leads_back() -> None:
    async def scenario() -> None:
        async with two_ends() as (relay, one, two):
            (to_two,), (to_one,) = relay.doors_of(1), relay.doors_of(2)
            one.send(to_two, b"hello")
            assert await two.receive() == (b"hello", to_one)
            two.send(to_one, b"good day")
            assert await one.receive() == (b"good day", to_two)

    asyncio.run(scenario())


def test_a_cut_link_carries_nothing_until_it_is_mended() -> None:
    async def scenario() -> None:
        async with two_ends() as (relay, one, two):
            (to_two,) = relay.doors_of(1)
            relay.cut([1], [2])
            one.send(to_two, b"lost")
            await eventually(lambda: relay.dropped == 1)
            relay.mend()
            one.send(to_two, b"there")
            assert (await two.receive())[0] == b"there"

    asyncio.run(scenario())


def test_every_node_has_one_door_to_each_other_node() -> None:
    async def scenario() -> None:
        relay = Relay({1: 1001, 2: 1002, 3: 1003})
        relay.open()
        doors = [door for node in (1, 2, 3) for door in relay.doors_of(node)]
        relay.close()
        assert len(doors) == len(set(doors)) == 6

    asyncio.run(scenario())
