"""The libraries and real executives: the same promises, with a ring behind the socket."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from openais.clm import Clm, ClusterChange, NotificationBuffer, TrackFlags, Version
from openais.evs import AsyncEvs, ConfigurationChanged, Evs, EvsOptions, GroupChanged, Guarantee, MessageDelivered
from openais.runtime.driver import NodeDriver
from openais.types import LOCAL_NODE_ID, LibraryError, NotExist
from tests.client.conftest import InThread
from tests.client.fake_executive import PATIENCE_S
from tests.support.executives import introduce, ring_of, settings_of


class Cluster:
    """Executives on an event loop in a thread of its own."""

    def __init__(self, directory: Path, **keys: str) -> None:
        """`keys`: settings of all nodes; see `settings_of`."""
        self._directory = directory
        self._keys = keys
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._drivers: dict[int, NodeDriver] = {}

    def start(self, *numbers: int) -> None:
        """Starts nodes, and waits for a ring of all."""
        self._run(self._start, numbers).result(PATIENCE_S)

    def socket(self, number: int) -> Path:
        return self._directory / f"socket-{number}"

    def crash(self, number: int) -> None:
        """Ends a node without a word to anybody."""
        self._run(self._abandon, number).result(PATIENCE_S)

    def leave(self, number: int) -> None:
        """Has a node leave in order."""
        asyncio.run_coroutine_threadsafe(self._drivers.pop(number).leave(), self._loop).result(PATIENCE_S)

    def close(self) -> None:
        for number in list(self._drivers):
            self.crash(number)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    def _run(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work(*arguments), self._loop)

    async def _start(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            driver = NodeDriver(settings_of(self._directory, number, **self._keys), listen=True)
            await driver.start()
            self._drivers[number] = driver
        introduce(*self._drivers.values())
        await ring_of(list(self._drivers.values()))

    async def _abandon(self, number: int) -> None:
        self._drivers.pop(number).abandon()
        await asyncio.sleep(0)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    try:
        yield made
    finally:
        made.close()


def delivered(evs: Evs, count: int) -> list[bytes]:
    """The next `count` messages."""
    payloads: list[bytes] = []
    while len(payloads) < count:
        event = evs.receive(PATIENCE_S)
        if isinstance(event, MessageDelivered):
            payloads.append(event.payload)
    return payloads


def test_members_nodes_and_versions(cluster: Cluster) -> None:
    cluster.start(1, 2)
    with Clm(cluster.socket(1)) as clm, Clm(cluster.socket(2), version=Version("A", 1, 1)) as seed:
        assert [node.name for node in clm.members()] == [node.name for node in seed.members()] == ["node-1", "node-2"]
        assert (clm.local_node().node_id, seed.node_get(LOCAL_NODE_ID).node_id) == (1, 2)
        assert (clm.version, seed.version) == (Version("B", 1, 1), Version("A", 1, 1))
        buffer = NotificationBuffer()
        clm.cluster_track(TrackFlags.CURRENT, buffer)
        assert [each.node.node_id for each in buffer.notifications] == [1, 2]
        with pytest.raises(NotExist):
            clm.node_get(99)
        with pytest.raises(NotExist):
            clm.track_stop()


def test_track_tells_of_a_crash(cluster: Cluster) -> None:
    cluster.start(1, 2)
    with Clm(cluster.socket(1)) as clm:
        views = clm.track(TrackFlags.CURRENT | TrackFlags.CHANGES_ONLY)
        assert next(views).member_count == 2
        cluster.crash(2)
        left = next(views)
    assert [(each.node.node_id, each.change) for each in left.notifications] == [(2, ClusterChange.LEFT)]


def test_senders_on_all_nodes_are_heard_in_one_order(cluster: Cluster, in_thread: InThread) -> None:
    cluster.start(1, 2)
    with Evs(cluster.socket(1)) as one, Evs(cluster.socket(2)) as two:
        for evs in (one, two):
            evs.join("orders", retry=True)

        def send(evs: Evs, name: str, guarantee: Guarantee) -> None:
            for first in range(0, 400, 40):
                payloads = [f"{name}{number}".encode() for number in range(first, first + 40)]
                evs.multicast_joined(payloads, guarantee=guarantee, retry=True, timeout=PATIENCE_S)

        senders = [in_thread(send, one, "a", Guarantee.AGREED), in_thread(send, two, "b", Guarantee.SAFE)]
        orders = [in_thread(delivered, evs, 800) for evs in (one, two)]
        for sender in senders:
            sender.result(PATIENCE_S)
        first, second = (order.result(PATIENCE_S) for order in orders)
    assert first == second
    for name in (b"a", b"b"):
        assert [each for each in first if each.startswith(name)] == [name + str(n).encode() for n in range(400)]


def test_a_configuration_change_is_told_in_its_place(cluster: Cluster) -> None:
    cluster.start(1, 2)
    options = EvsOptions(transitional=True, group_changes=True)
    with Evs(cluster.socket(1), options=options) as evs, Evs(cluster.socket(2)) as other:
        evs.join("orders", retry=True)
        other.join("orders", retry=True)
        other.multicast_joined(b"last words", retry=True)
        assert delivered(evs, 1) == [b"last words"]
        cluster.crash(2)
        events = [evs.receive(PATIENCE_S) for _ in range(3)]
    transitional, regular, group = events
    assert isinstance(transitional, ConfigurationChanged)
    assert (transitional.transitional, transitional.members, transitional.left) == (True, (1,), (2,))
    assert isinstance(regular, ConfigurationChanged)
    assert (regular.transitional, regular.members) == (False, (1,))
    assert isinstance(group, GroupChanged)
    assert [member.node_id for member in group.left] == [2]


def test_an_executive_that_leaves_says_so_and_can_be_reconnected_to(cluster: Cluster, in_thread: InThread) -> None:
    cluster.start(1)
    with Evs(cluster.socket(1)) as evs, Clm(cluster.socket(1)) as clm:
        evs.join("orders", retry=True)
        receiving = in_thread(lambda: [evs.receive(math.inf) for _ in range(100)])
        cluster.leave(1)
        with pytest.raises(LibraryError):
            receiving.result(PATIENCE_S)
        with pytest.raises(LibraryError):
            clm.members()
        reconnecting = [in_thread(each.reconnect, PATIENCE_S) for each in (evs, clm)]
        cluster.start(1)
        for each in reconnecting:
            each.result(PATIENCE_S)
        assert evs.groups(retry=True) == {}
        assert [node.node_id for node in clm.members()] == [1]


def test_groups_are_left_by_a_handle_that_is_finalized(cluster: Cluster) -> None:
    cluster.start(1)
    with Evs(cluster.socket(1), options=EvsOptions(group_changes=True)) as stays:
        stays.join("orders", retry=True)
        with Evs(cluster.socket(1)) as leaves:
            leaves.join("orders", retry=True)
        changes: list[int] = []
        while len(changes) < 3:
            event = stays.receive(PATIENCE_S)
            if isinstance(event, GroupChanged):
                changes.append(len(event.members))
    assert changes == [1, 2, 1]


def test_the_asyncio_face_speaks_with_the_same_executive(cluster: Cluster) -> None:
    cluster.start(1)

    async def chat() -> list[bytes]:
        async with AsyncEvs.open(cluster.socket(1)) as evs:
            await evs.join("chat", retry=True)
            await evs.multicast_joined([b"one", b"two"], retry=True)
            heard: list[bytes] = []
            async for event in evs:
                if isinstance(event, MessageDelivered):
                    heard.append(event.payload)
                if len(heard) == 2:
                    break
            return heard

    assert asyncio.run(asyncio.wait_for(chat(), PATIENCE_S)) == [b"one", b"two"]
