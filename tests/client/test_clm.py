"""The cluster membership library, call by call (saClmInitialize to saClmFinalize)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from openais.clm import (
    LOCAL_NODE_ID,
    AsyncClm,
    Clm,
    ClmCallbacks,
    ClusterView,
    NodeGetResult,
    NotificationBuffer,
    TrackFlags,
    Version,
)
from openais.messages.clm import (
    NodeFound,
    NodeGet,
    NodeGetAccepted,
    NodeGetAsync,
    NodeGetCallback,
    TrackCallback,
    TrackStart,
    TrackStop,
    TrackStopped,
)
from openais.types import BadFlags, ErrorCode, InitError, InvalidParam, LibraryError, NodeId, NoSpace
from tests.client.conftest import InThread
from tests.client.fake_executive import PATIENCE_S, FakeExecutive
from tests.client.views import node, view

CURRENT, CHANGES, CHANGES_ONLY = TrackFlags.CURRENT, TrackFlags.CHANGES, TrackFlags.CHANGES_ONLY
VERSION_A = Version("A", 1, 1)


def ignore(event: object) -> None:
    """A callback that does nothing."""


class Tracking:
    """Makes an executive answer TrackStart and TrackStop, and keeps what it was asked."""

    def __init__(self, executive: FakeExecutive, current: ClusterView) -> None:
        self.asked: list[TrackStart] = []
        self.stopped = 0
        self._current = current
        executive.answers[TrackStart] = self._start
        executive.answers[TrackStop] = self._stop

    def _start(self, request: Any) -> ClusterView:
        self.asked.append(request)
        return self._current

    def _stop(self, request: Any) -> TrackStopped:
        self.stopped += 1
        return TrackStopped()


def test_members_are_the_nodes_of_the_current_view(executive: FakeExecutive) -> None:
    tracking = Tracking(executive, view(4, 1, 2))
    with Clm(executive.path) as cluster:
        assert cluster.members() == (node(1), node(2))
        assert cluster.view() == view(4, 1, 2)
    assert tracking.asked == [TrackStart(CURRENT, notify_current=False)] * 2


def test_the_local_node_is_asked_for_by_its_name(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        call = in_thread(cluster.local_node)
        asked = executive.next_call()
        asked.answer(NodeFound(node(7)))
        assert asked.request == NodeGet(LOCAL_NODE_ID)
        assert call.result(PATIENCE_S) == node(7)


@pytest.mark.parametrize("node_id", [-1, 2**32])
def test_a_node_id_is_32_bits(executive: FakeExecutive, node_id: int) -> None:
    with Clm(executive.path) as cluster, pytest.raises(InvalidParam):
        cluster.node_get(node_id)


def test_current_with_a_buffer_fills_it_before_the_call_returns(executive: FakeExecutive) -> None:
    tracking = Tracking(executive, view(4, 1, 2))
    buffer = NotificationBuffer()
    with Clm(executive.path) as cluster:
        cluster.cluster_track(CURRENT, buffer)
    assert (buffer.view_number, buffer.notifications) == (4, view(4, 1, 2).notifications)
    assert tracking.asked == [TrackStart(CURRENT, notify_current=False)]


def test_a_buffer_that_is_too_small_is_no_space(executive: FakeExecutive) -> None:
    Tracking(executive, view(4, 1, 2))
    buffer = NotificationBuffer(1)
    with Clm(executive.path) as cluster, pytest.raises(NoSpace, match="2 notifications, the buffer holds 1"):
        cluster.cluster_track(CURRENT, buffer)
    assert buffer.notifications == ()


def test_current_without_a_buffer_asks_for_a_callback(executive: FakeExecutive) -> None:
    tracking = Tracking(executive, view(4, 1))
    with Clm(executive.path, callbacks=ClmCallbacks(track=ignore)) as cluster:
        cluster.cluster_track(CURRENT)
        cluster.cluster_track(CURRENT | CHANGES)
        cluster.cluster_track(CHANGES_ONLY)
    assert [request.flags for request in tracking.asked] == [CURRENT, CURRENT | CHANGES, CHANGES_ONLY]
    assert all(request.notify_current for request in tracking.asked)


@pytest.mark.parametrize("flags", [CURRENT, CHANGES, CHANGES_ONLY, CURRENT | CHANGES])
def test_tracking_by_callback_without_a_callback_is_an_init_error(executive: FakeExecutive, flags: TrackFlags) -> None:
    buffer = None if flags == CURRENT else NotificationBuffer()
    with Clm(executive.path) as cluster, pytest.raises(InitError, match="track callback"):
        cluster.cluster_track(flags, buffer)


@pytest.mark.parametrize("flags", [TrackFlags(0), CHANGES | CHANGES_ONLY, CURRENT | CHANGES | CHANGES_ONLY])
def test_flags_that_contradict_are_bad_flags(executive: FakeExecutive, flags: TrackFlags) -> None:
    with Clm(executive.path, callbacks=ClmCallbacks(track=ignore)) as cluster, pytest.raises(BadFlags):
        cluster.cluster_track(flags)


def test_in_a_01_01_every_answer_is_a_callback_that_finds_the_buffer_filled(executive: FakeExecutive) -> None:
    tracking = Tracking(executive, view(4, 1))
    buffer = NotificationBuffer()
    found: list[int] = []
    callbacks = ClmCallbacks(track=lambda given: found.append(buffer.view_number))
    with Clm(executive.path, callbacks=callbacks, version=VERSION_A) as cluster:
        cluster.cluster_track(CURRENT, buffer)
        assert (buffer.view_number, tracking.asked[0].notify_current) == (0, True)
        executive.next_peer().callback(TrackCallback(view(4, 1)))
        while not found:
            cluster.dispatch()
    assert found == [4]


def test_track_stop_stops(executive: FakeExecutive) -> None:
    tracking = Tracking(executive, view(4, 1))
    with Clm(executive.path) as cluster:
        cluster.track_stop()
    assert tracking.stopped == 1


def test_node_get_async_sends_the_invocation(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path, callbacks=ClmCallbacks(node_get=ignore)) as cluster:
        call = in_thread(cluster.node_get_async, 99, 5)
        asked = executive.next_call()
        asked.answer(NodeGetAccepted())
        call.result(PATIENCE_S)
        assert asked.request == NodeGetAsync(NodeId(5), 99)


def test_node_get_async_without_its_callback_is_an_init_error(executive: FakeExecutive) -> None:
    with Clm(executive.path) as cluster, pytest.raises(InitError, match="node_get callback"):
        cluster.node_get_async(1)


def test_an_invocation_is_64_bits(executive: FakeExecutive) -> None:
    with Clm(executive.path, callbacks=ClmCallbacks(node_get=ignore)) as cluster, pytest.raises(InvalidParam):
        cluster.node_get_async(2**64)


def test_track_gives_views_and_stops_when_the_loop_is_left(executive: FakeExecutive) -> None:
    tracking = Tracking(executive, view(4, 1))
    with Clm(executive.path) as cluster:
        executive.next_peer().callback(TrackCallback(view(4, 1)), TrackCallback(view(5, 1, 2)))
        seen = []
        for change in cluster.track():
            seen.append(change)
            if change.view_number == 5:
                break
        assert seen == [view(4, 1), view(5, 1, 2)]
        assert tracking.stopped == 1
    assert tracking.asked == [TrackStart(CURRENT | CHANGES, notify_current=True)]


def test_views_left_over_from_a_tracking_are_not_given_by_the_next(executive: FakeExecutive) -> None:
    Tracking(executive, view(4, 1))
    with Clm(executive.path) as cluster:
        peer = executive.next_peer()
        peer.callback(*(TrackCallback(view(number, 1)) for number in (1, 2, 3)))
        assert next(cluster.track()) == view(1, 1)
        peer.callback(TrackCallback(view(7, 1)))
        assert next(cluster.track()) == view(7, 1)


def test_answers_to_node_get_async_reach_their_callback_during_track(executive: FakeExecutive) -> None:
    Tracking(executive, view(4, 1))
    results: list[NodeGetResult] = []
    with Clm(executive.path, callbacks=ClmCallbacks(node_get=results.append)) as cluster:
        executive.next_peer().callback(NodeGetCallback(5, ErrorCode.OK, node(1)), TrackCallback(view(4, 1)))
        assert next(cluster.track()) == view(4, 1)
    assert results == [NodeGetResult(5, ErrorCode.OK, node(1))]


def test_track_ends_when_the_handle_is_finalized(executive: FakeExecutive, in_thread: InThread) -> None:
    Tracking(executive, view(4, 1))
    cluster = Clm(executive.path)
    executive.next_peer().callback(TrackCallback(view(4, 1)))
    seen = []
    for change in cluster.track():
        seen.append(change)
        in_thread(cluster.finalize).result(PATIENCE_S)
    assert seen == [view(4, 1)]


def test_track_raises_when_the_executive_dies(executive: FakeExecutive) -> None:
    Tracking(executive, view(4, 1))
    with Clm(executive.path) as cluster:
        peer = executive.next_peer()
        peer.callback(TrackCallback(view(4, 1)))
        views = cluster.track()
        assert next(views) == view(4, 1)
        peer.die()
        with pytest.raises(LibraryError):
            next(views)


def test_every_call_has_its_asyncio_face(executive: FakeExecutive) -> None:
    tracking = Tracking(executive, view(4, 1, 2))
    executive.answers[NodeGet] = lambda request: NodeFound(node(7))
    executive.answers[NodeGetAsync] = lambda request: NodeGetAccepted()
    results: list[NodeGetResult] = []

    async def use() -> None:
        callbacks = ClmCallbacks(track=ignore, node_get=results.append)
        async with AsyncClm.open(executive.path, callbacks=callbacks) as cluster:
            assert await cluster.members() == (node(1), node(2))
            assert await cluster.view() == view(4, 1, 2)
            assert await cluster.local_node() == await cluster.node_get(7) == node(7)
            buffer = NotificationBuffer()
            await cluster.cluster_track(CURRENT, buffer)
            assert buffer.view_number == 4
            await cluster.cluster_track(CHANGES)
            await cluster.track_stop()
            await cluster.node_get_async(5)
            peer = await asyncio.to_thread(executive.next_peer)
            peer.callback(NodeGetCallback(5, ErrorCode.OK, node(1)), TrackCallback(view(4, 1)))
            async for change in cluster.track():
                assert change == view(4, 1)
                cluster.finalize()

    asyncio.run(use())
    assert tracking.stopped == 1
    assert results == [NodeGetResult(5, ErrorCode.OK, node(1))]


def test_an_asyncio_tracking_is_stopped_when_its_loop_is_left(executive: FakeExecutive) -> None:
    tracking = Tracking(executive, view(4, 1))

    async def use() -> None:
        async with AsyncClm.open(executive.path) as cluster:
            peer = await asyncio.to_thread(executive.next_peer)
            peer.callback(TrackCallback(view(4, 1)))
            views = cluster.track()
            assert await anext(views) == view(4, 1)
            await views.aclose()

    asyncio.run(use())
    assert tracking.stopped == 1
