"""The asyncio face over real sockets: calls, timeouts, cancellation, backpressure, and every way to end."""

from __future__ import annotations

import asyncio
import gc
import math
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from openais.client.async_clm import AsyncClm
from openais.client.async_evs import AsyncEvs
from openais.client.clm_operations import ClmCallbacks
from openais.client.evs_operations import MessageDelivered
from openais.messages.base import Kind, encode
from openais.messages.clm import ClusterView, NodeFound, NodeGet, TrackCallback
from openais.messages.evs import Accepted, Deliver, GroupMember, Multicast, batch_of, payloads_of
from openais.messages.frame import pack
from openais.types import (
    AccessDenied,
    BadHandle,
    BadOperation,
    DispatchFlags,
    ErrorCode,
    LibraryError,
    NodeId,
    NotExist,
    TimeoutExpired,
    TryAgain,
    Version,
)
from tests.client.fake_executive import NODE_ID, PATIENCE_S, Call, FakeExecutive
from tests.client.views import node, view

Test = Callable[[FakeExecutive], Coroutine[Any, Any, None]]


def on_loop(test: Test) -> Callable[[FakeExecutive], None]:
    """Runs a test on an event loop of its own, for a bounded time."""

    @wraps(test)
    def run(executive: FakeExecutive) -> None:
        asyncio.run(asyncio.wait_for(test(executive), 2 * PATIENCE_S))

    return run


async def next_call(executive: FakeExecutive) -> Call:
    return await asyncio.to_thread(executive.next_call)


def answer_node_get(executive: FakeExecutive) -> None:
    def found(request: Any) -> NodeFound:
        return NodeFound(node(request.node_id))

    executive.answers[NodeGet] = found


def tracked(*numbers: int) -> list[TrackCallback]:
    return [TrackCallback(view(number, 1)) for number in numbers]


async def until(condition: Callable[[], bool], step: Callable[[], Awaitable[None]]) -> None:
    while not condition():
        await step()


@on_loop
async def test_an_opened_library_knows_its_version_and_its_node(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path, version=Version("A", 1, 1)) as cluster:
        assert (cluster.version, cluster.node_id) == (Version("A", 1, 1), NODE_ID)


@on_loop
async def test_open_can_be_awaited(executive: FakeExecutive) -> None:
    cluster = await AsyncClm.open(executive.path)
    async with cluster:
        assert cluster.node_id == NODE_ID


@on_loop
async def test_a_library_runs_over_a_socket_that_is_connected_already(executive: FakeExecutive) -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(executive.path))
    async with AsyncClm.open(sock=sock) as cluster:
        assert cluster.node_id == NODE_ID
        with pytest.raises(BadOperation):
            await cluster.reconnect()


@on_loop
async def test_no_executive_at_all_is_a_library_error(executive: FakeExecutive) -> None:
    with pytest.raises(LibraryError, match="no executive listens there"):
        await AsyncClm.open(Path(f"{executive.path}.other"))


@on_loop
async def test_who_is_not_let_in_is_told_why(executive: FakeExecutive) -> None:
    executive.refusal = (ErrorCode.ACCESS, "user 1000 is not in the group ais")
    with pytest.raises(AccessDenied, match="user 1000 is not in the group ais"):
        await AsyncClm.open(executive.path)


@on_loop
async def test_an_executive_that_does_not_answer_the_handshake_is_a_timeout(executive: FakeExecutive) -> None:
    executive.silent = True
    with pytest.raises(TimeoutExpired):
        await AsyncClm.open(executive.path, timeout=0.05)


@on_loop
async def test_answers_in_any_order_reach_the_tasks_that_asked(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        tasks = [asyncio.create_task(cluster.node_get(number, PATIENCE_S)) for number in range(1, 20)]
        calls = [await next_call(executive) for _ in tasks]
        for call in reversed(calls):
            assert isinstance(call.request, NodeGet)
            call.answer(NodeFound(node(call.request.node_id)))
        assert await asyncio.gather(*tasks) == [node(number) for number in range(1, 20)]


@on_loop
async def test_a_refused_call_raises_the_error_with_its_explanation(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        task = asyncio.create_task(cluster.node_get(5))
        (await next_call(executive)).refuse(ErrorCode.NOT_EXIST, "node 5 is not a member")
        with pytest.raises(NotExist, match="node 5 is not a member"):
            await task


@on_loop
async def test_a_call_ends_when_its_time_is_up_and_its_late_answer_is_dropped(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        for timeout in (0, 0.01):
            with pytest.raises(TimeoutExpired):
                await cluster.node_get(5, timeout)
            (await next_call(executive)).answer(NodeFound(node(5)))
        answer_node_get(executive)
        assert await cluster.node_get(6) == node(6)


@on_loop
async def test_a_cancelled_call_does_not_disturb_the_others(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        cancelled = asyncio.create_task(cluster.node_get(1, PATIENCE_S))
        other = asyncio.create_task(cluster.node_get(2, PATIENCE_S))
        calls = [await next_call(executive) for _ in range(2)]
        cancelled.cancel()
        for call in calls:
            assert isinstance(call.request, NodeGet)
            call.answer(NodeFound(node(call.request.node_id)))
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert await other == node(2)


@on_loop
async def test_a_cancelled_wait_for_an_event_takes_none(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster, asyncio.timeout(PATIENCE_S):
        views: list[ClusterView] = []
        peer = await asyncio.to_thread(executive.next_peer)
        waiting = asyncio.create_task(cluster.dispatch(DispatchFlags.BLOCKING))
        await asyncio.sleep(0)
        peer.callback(*tracked(1))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with AsyncClm.open(executive.path, callbacks=ClmCallbacks(track=views.append)) as cluster:
        peer = await asyncio.to_thread(executive.next_peer)
        waiting = asyncio.create_task(cluster.dispatch(DispatchFlags.BLOCKING))
        await asyncio.sleep(0)
        waiting.cancel()
        peer.callback(*tracked(2))
        await until(lambda: bool(views), cluster.dispatch)
        assert views == [view(2, 1)]


@on_loop
async def test_try_again_is_retried_when_asked_for(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        task = asyncio.create_task(cluster.node_get(5, PATIENCE_S, retry=True))
        for _ in range(3):
            (await next_call(executive)).refuse(ErrorCode.TRY_AGAIN)
        (await next_call(executive)).answer(NodeFound(node(5)))
        assert await task == node(5)


@on_loop
async def test_retries_end_when_the_time_is_up(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        task = asyncio.create_task(cluster.node_get(5, 0.05, retry=True))
        (await next_call(executive)).refuse(ErrorCode.TRY_AGAIN)
        with pytest.raises((TryAgain, TimeoutExpired)):
            await task


@on_loop
async def test_dispatch_runs_one_all_or_until_finalized(executive: FakeExecutive) -> None:
    views: list[ClusterView] = []
    cluster = await AsyncClm.open(executive.path, callbacks=ClmCallbacks(track=views.append))
    peer = await asyncio.to_thread(executive.next_peer)
    await cluster.dispatch(DispatchFlags.ALL)
    peer.callback(*tracked(1, 2, 3))
    await until(lambda: bool(views), lambda: cluster.dispatch(DispatchFlags.ONE))
    assert views == [view(1, 1)]
    await cluster.dispatch(DispatchFlags.ALL)
    assert [each.view_number for each in views] == [1, 2, 3]
    blocking = asyncio.create_task(cluster.dispatch(DispatchFlags.BLOCKING))
    peer.callback(*tracked(4))
    await until(lambda: len(views) == 4, lambda: asyncio.sleep(0))
    cluster.finalize()
    await blocking


@on_loop
async def test_finalize_ends_calls_with_bad_handle_and_closes_the_connection(executive: FakeExecutive) -> None:
    cluster = await AsyncClm.open(executive.path)
    peer = await asyncio.to_thread(executive.next_peer)
    task = asyncio.create_task(cluster.node_get(5, math.inf))
    await next_call(executive)
    cluster.finalize()
    with pytest.raises(BadHandle):
        await task
    for use in (cluster.members, cluster.dispatch, cluster.reconnect):
        with pytest.raises(BadHandle):
            await use()
    with pytest.raises(BadHandle):
        cluster.finalize()
    assert await asyncio.to_thread(peer.gone.wait, PATIENCE_S)


@on_loop
async def test_finalize_ends_iteration(executive: FakeExecutive) -> None:
    evs = await AsyncEvs.open(executive.path)
    peer = await asyncio.to_thread(executive.next_peer)
    peer.callback(Deliver(GroupMember(NodeId(1), 2, 3), ("g",), 0, 2, batch_of([b"x"])))
    seen = []
    async for event in evs:
        seen.append(event)
        evs.finalize()
    assert [event.payload for event in seen if isinstance(event, MessageDelivered)] == [b"x"]


@on_loop
async def test_a_dead_executive_ends_calls_dispatch_and_iteration(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster, AsyncEvs.open(executive.path) as evs:
        call = asyncio.create_task(cluster.node_get(5, math.inf))
        dispatch = asyncio.create_task(cluster.dispatch(DispatchFlags.BLOCKING))
        receive = asyncio.create_task(evs.receive())
        await next_call(executive)
        await asyncio.to_thread(executive.stop)
        for task in (call, dispatch, receive):
            with pytest.raises(LibraryError):
                await task
        for _ in range(2):
            with pytest.raises(LibraryError):
                await cluster.node_get(5, math.inf)
            with pytest.raises(LibraryError):
                await cluster.dispatch()
        with pytest.raises(LibraryError):
            await anext(aiter(evs))


@on_loop
async def test_a_goodbye_tells_its_reason(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        task = asyncio.create_task(cluster.node_get(5, math.inf))
        peer = (await next_call(executive)).peer
        peer.goodbye(ErrorCode.LIBRARY, "the executive shuts down")
        peer.die()
        with pytest.raises(LibraryError, match="the executive shuts down"):
            await task


@on_loop
async def test_garbage_from_the_executive_is_a_library_error(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        task = asyncio.create_task(cluster.node_get(5, math.inf))
        (await next_call(executive)).peer.raw(b"\xff" * 64)
        with pytest.raises(LibraryError, match="not a message"):
            await task


@on_loop
async def test_reconnect_opens_a_new_session_when_the_executive_is_back(executive: FakeExecutive) -> None:
    async with AsyncClm.open(executive.path) as cluster:
        await asyncio.to_thread(executive.stop)
        with pytest.raises(LibraryError):
            await cluster.members()
        reconnecting = asyncio.create_task(cluster.reconnect(PATIENCE_S))
        with FakeExecutive(executive.path) as back:
            await reconnecting
            answer_node_get(back)
            assert await cluster.node_get(5) == node(5)


@on_loop
async def test_writes_are_held_up_while_the_executive_does_not_read(executive: FakeExecutive) -> None:
    """Many big messages to an executive that reads slowly: all arrive whole, none is lost."""
    taken: list[int] = []

    def accept(request: Any) -> Accepted:
        taken.append(len(payloads_of(request.payloads)[0]))
        return Accepted(1)

    executive.answers[Multicast] = accept
    async with AsyncEvs.open(executive.path, timeout=PATIENCE_S) as evs:
        sizes = [500_000 + number for number in range(60)]
        counts = await asyncio.gather(*(evs.multicast("g", bytes(size)) for size in sizes))
    assert counts == [1] * 60
    assert sorted(taken) == sizes


@on_loop
async def test_a_call_that_is_cancelled_while_held_up_sends_nothing(executive: FakeExecutive) -> None:
    reading = threading.Event()
    taken: list[int] = []

    def stall(request: Any) -> Accepted:
        taken.append(len(payloads_of(request.payloads)[0]))
        assert reading.wait(PATIENCE_S)
        return Accepted(1)

    executive.answers[Multicast] = stall
    async with AsyncEvs.open(executive.path, timeout=PATIENCE_S) as evs:
        held = [asyncio.create_task(evs.multicast("g", bytes(1_000_000))) for _ in range(30)]
        await asyncio.sleep(0)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        reading.set()
        assert await evs.multicast("g", b"last") == 1
    assert taken[-1] == 4
    assert len(taken) < 30


@on_loop
async def test_a_reader_that_does_not_keep_up_makes_the_executive_wait(executive: FakeExecutive) -> None:
    """Nobody takes the events: the library stops reading, and goes on when they are taken."""
    payload = bytes(1 << 20)
    frame = Deliver(GroupMember(NodeId(1), 2, 3), ("g",), 0, 2, batch_of([payload]))
    data = pack(frame.number, Kind.CALLBACK, 0, encode(frame))
    async with AsyncEvs.open(executive.path) as evs:
        peer = await asyncio.to_thread(executive.next_peer)

        def send_all() -> None:
            for _ in range(100):
                peer.raw(data)

        flood = asyncio.get_running_loop().run_in_executor(None, send_all)
        with pytest.raises(TryAgain, match="dispatch"):
            await until(lambda: False, lambda: ignoring_timeouts(evs.groups(timeout=0.01)))
        assert not flood.done()
        received = [await evs.receive(PATIENCE_S) for _ in range(100)]
        await flood
    assert len(received) == 100


async def ignoring_timeouts(call: Awaitable[object]) -> None:
    try:
        await call
    except TimeoutExpired:
        return


def test_a_handle_that_is_not_finalized_is_warned_of(executive: FakeExecutive) -> None:
    async def forget() -> None:
        await AsyncClm.open(executive.path)
        gc.collect()

    with pytest.warns(ResourceWarning, match="was not finalized"):
        asyncio.run(forget())
