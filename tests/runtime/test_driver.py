"""Whole nodes in one process, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable, Coroutine
from operator import gt
from pathlib import Path

import pytest

from openais.cli.demo_relay import free_ports
from openais.clm import AsyncClm
from openais.evs import AsyncEvs, MessageDelivered
from openais.runtime.authkey import create_authkey
from openais.runtime.driver import NodeDriver
from openais.runtime.errors import StartError
from openais.types import AisError, LibraryError
from tests.support.executives import in_one_ring, introduce, ring_of, running, settings_of
from tests.support.waiting import eventually


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(scenario())


def received(driver: NodeDriver) -> int:
    """Datagrams that arrived there."""
    return driver.executive.counters["udp.received"]


def test_three_nodes_form_one_ring(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(*(settings_of(tmp_path, number) for number in (1, 2, 3))) as drivers:
            await ring_of(drivers)

    run(scenario)


@pytest.mark.parametrize(
    "keys", [{"network_bindnetaddr": "::1"}, {"totem_secauth": "off"}, {"totem_cipher": "chacha20poly1305"}]
)
def test_nodes_meet_by(tmp_path: Path, keys: dict[str, str]) -> None:
    async def scenario() -> None:
        async with running(*(settings_of(tmp_path, number, **keys) for number in (1, 2))) as drivers:
            await ring_of(drivers)

    run(scenario)


def test_nodes_meet_by_multicast_without_a_node_list(tmp_path: Path) -> None:
    async def scenario() -> None:
        port = str(free_ports(1)[0])
        settings = [
            settings_of(
                tmp_path, number, network_bindnetaddr=f"127.0.0.{number}", network_mcastaddr="239.192.9.9",
                network_mcastport=port,
            )
            for number in (1, 2, 3)
        ]  # fmt: skip
        async with running(*settings) as drivers:
            await ring_of(drivers)

    run(scenario)


def test_a_library_that_reads_is_never_held_back_however_little_may_wait_for_it(tmp_path: Path) -> None:
    """The executive is told of bytes that were written before they count as unread."""

    async def scenario() -> None:
        async with running(settings_of(tmp_path, 1, ipc_queue_throttle="16K")) as (driver,):
            await ring_of([driver])
            async with AsyncEvs.open(sock=driver.connect()) as evs:
                await evs.join("g", retry=True)
                for number in range(200):
                    await evs.multicast_joined(b"%d" % number + bytes(1000), retry=True)
                    while not isinstance(event := await evs.receive(), MessageDelivered):
                        pass
                    assert event.payload.startswith(b"%d\0" % number)

    run(scenario)


def test_a_node_that_is_gone_without_a_word_is_missed_and_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = [settings_of(tmp_path, number) for number in (1, 2, 3)]
        async with running(*settings) as drivers:
            await ring_of(drivers)
            drivers[2].abandon()
            await ring_of(drivers[:2])
            drivers[2] = NodeDriver(settings[2], listen=False)
            await drivers[2].start()
            introduce(*drivers)
            await ring_of(drivers)
            drivers[2].abandon()

    run(scenario)


def test_a_node_that_leaves_in_order_ends_without_a_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(*(settings_of(tmp_path, number) for number in (1, 2, 3))) as drivers:
            await ring_of(drivers)
            await drivers[1].leave()
            assert await drivers[1].ended() == ""
            await ring_of([drivers[0], drivers[2]])
            assert all("left in order" in driver.executive.recorder.why(1)[0].sentence for driver in drivers[::2])

    run(scenario)


def test_a_node_alone_leaves_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        driver = NodeDriver(settings_of(tmp_path, 1), listen=False)
        await driver.start()
        await driver.leave()
        assert await driver.ended() == ""

    run(scenario)


def test_messages_of_three_senders_arrive_everywhere_in_one_order(tmp_path: Path) -> None:
    async def receive(library: AsyncEvs, count: int) -> list[bytes]:
        received: list[bytes] = []
        async for event in library:
            if isinstance(event, MessageDelivered):
                received.append(bytes(event.payload))
            if len(received) == count:
                break
        return received

    async def scenario() -> None:
        async with running(*(settings_of(tmp_path, number) for number in (1, 2, 3))) as drivers:
            await ring_of(drivers)
            libraries = [await AsyncEvs.open(sock=driver.connect()) for driver in drivers]
            for library in libraries:
                await library.join("all", retry=True)
            for count in range(100):
                for number, library in enumerate(libraries):
                    await library.multicast_joined(b"%d from %d" % (count, number), retry=True)
            orders = await asyncio.gather(*(receive(library, 300) for library in libraries))
            assert orders[0] == orders[1] == orders[2]
            assert len(set(orders[0])) == 300
            for library in libraries:
                library.finalize()

    run(scenario)


def test_a_message_of_a_mebibyte_crosses_the_ring(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(*(settings_of(tmp_path, number) for number in (1, 2))) as drivers:
            await ring_of(drivers)
            payload = random.Random(1).randbytes(1024 * 1024)
            async with (
                AsyncEvs.open(sock=drivers[0].connect()) as alice,
                AsyncEvs.open(sock=drivers[1].connect()) as bob,
            ):
                await bob.join("big", retry=True)
                await alice.multicast("big", payload, retry=True)
                async for event in bob:
                    if isinstance(event, MessageDelivered):
                        assert bytes(event.payload) == payload
                        break

    run(scenario)


def test_junk_and_datagrams_under_a_wrong_key_are_counted_and_the_ring_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "other").mkdir()
        stranger_settings = settings_of(tmp_path / "other", 9)
        async with running(*(settings_of(tmp_path, number) for number in (1, 2))) as drivers:
            await ring_of(drivers)
            ring = drivers[0].executive.status().ring
            async with running(stranger_settings) as (stranger,):
                introduce(*drivers, stranger)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
                    chance = random.Random(1)
                    for _ in range(500):
                        attacker.sendto(chance.randbytes(chance.randrange(1500)), drivers[0].address)
                await eventually(
                    lambda: (
                        drivers[0].executive.counters["seal.unknown_key"]
                        and drivers[0].executive.counters["seal.wire_version"]
                    )
                )
                await ring_of([stranger])
            assert in_one_ring(drivers)
            assert drivers[0].executive.status().ring == ring

    run(scenario)


def test_a_capture_that_is_replayed_is_counted_and_the_ring_stays(tmp_path: Path) -> None:
    """The attacker is on the node list of one node, hears its joins and announcements, and sends them to another.

    Sent once, those that the other was not given before are as good as delayed; the second time all are replays.
    """

    async def scenario() -> None:
        async with running(*(settings_of(tmp_path, number) for number in (1, 2))) as drivers:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
                attacker.setblocking(False)
                attacker.bind(("127.0.0.1", 0))
                drivers[0].set_nodes((drivers[1].address, attacker.getsockname()))
                await ring_of(drivers)
                capture = [await asyncio.get_running_loop().sock_recv(attacker, 4096) for _ in range(3)]
                ring = drivers[0].executive.status().ring
                for datagram in capture * 2:
                    attacker.sendto(datagram, drivers[1].address)
                await eventually(lambda: drivers[1].executive.counters["seal.replayed"] >= 3)
                assert in_one_ring(drivers)
                assert drivers[0].executive.status().ring == ring

    run(scenario)


def test_a_key_is_changed_while_the_ring_stays(tmp_path: Path) -> None:
    async def scenario() -> None:
        create_authkey(tmp_path / "new")
        old, new = str(tmp_path / "authkey"), str(tmp_path / "new")
        async with running(*(settings_of(tmp_path, number) for number in (1, 2, 3))) as drivers:
            await ring_of(drivers)
            ring = drivers[0].executive.status().ring
            for keys in (f"{old}, {new}", f"{new}, {old}", new):
                for number, driver in enumerate(drivers, 1):
                    driver.reload(settings_of(tmp_path, number, totem_authkey=keys))
                introduce(*drivers)
                before = [received(driver) for driver in drivers]
                await eventually(lambda before=before: all(map(gt, map(received, drivers), (n + 20 for n in before))))
            assert in_one_ring(drivers)
            assert drivers[0].executive.status().ring == ring

    run(scenario)


def test_the_newer_of_two_nodes_with_one_id_stops_and_says_why(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = [settings_of(tmp_path, number) for number in (1, 2)]
        namesake = settings_of(tmp_path, 2, totem_statedir=str(tmp_path / "elsewhere"))
        async with running(*settings) as drivers:
            await ring_of(drivers)
            async with running(namesake) as (second,):
                library = AsyncClm.open(sock=second.connect())
                introduce(*drivers, second)
                async with library as cluster, asyncio.timeout(20):
                    assert "node id 2" in await second.ended()
                    with pytest.raises(LibraryError):
                        await cluster.members()
            await ring_of(drivers)

    run(scenario)


def test_a_second_node_with_the_same_state_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with running(settings_of(tmp_path, 1)):
            with pytest.raises(StartError, match="another executive"):
                await NodeDriver(settings_of(tmp_path, 1), listen=False).start()

    run(scenario)


def test_what_was_taken_before_a_start_failed_is_given_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = settings_of(tmp_path, 1)
        (tmp_path / "socket-1").write_text("in the way")
        with pytest.raises(StartError, match="no socket"):
            await NodeDriver(settings).start()
        (tmp_path / "socket-1").unlink()
        async with running(settings, listen=True) as (driver,):
            await ring_of([driver])

    run(scenario)


def test_libraries_are_told_when_their_node_leaves(tmp_path: Path) -> None:
    async def scenario() -> None:
        driver = NodeDriver(settings_of(tmp_path, 1))
        await driver.start()
        await ring_of([driver])
        library = await AsyncClm.open(tmp_path / "socket-1")
        assert [node.node_id for node in await library.members()] == [1]
        await driver.leave()
        with pytest.raises(AisError, match="shut down"):
            await library.members(retry=False)
        library.finalize()

    run(scenario)
