"""The blocking face over real sockets: calls, timeouts, threads, the selection object, and every way to end."""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from openais.client.clm import Clm
from openais.client.clm_operations import ClmCallbacks, NodeGetResult
from openais.messages.base import Kind, encode
from openais.messages.clm import ClusterView, NodeFound, NodeGet, NodeGetCallback, TrackCallback
from openais.messages.frame import pack
from openais.types import (
    AccessDenied,
    BadHandle,
    DispatchFlags,
    ErrorCode,
    InvalidParam,
    LibraryError,
    NotExist,
    TimeoutExpired,
    TryAgain,
    Version,
    VersionError,
)
from tests.client.conftest import InThread
from tests.client.fake_executive import NODE_ID, PATIENCE_S, FakeExecutive
from tests.client.views import node, view


class Views:
    """A track callback that keeps what it is given."""

    def __init__(self) -> None:
        self.seen: list[ClusterView] = []
        self.arrived = threading.Semaphore(0)

    def __call__(self, given: ClusterView) -> None:
        self.seen.append(given)
        self.arrived.release()

    def wait(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.arrived.acquire(timeout=PATIENCE_S)


def readable(cluster: Clm, timeout: float = 0) -> bool:
    return bool(select.select([cluster], [], [], timeout)[0])


def tracked(*numbers: int) -> list[TrackCallback]:
    return [TrackCallback(view(number, 1)) for number in numbers]


def answer_node_get(executive: FakeExecutive) -> None:
    def found(request: Any) -> NodeFound:
        return NodeFound(node(request.node_id))

    executive.answers[NodeGet] = found


# The handshake.


def test_a_session_knows_its_version_and_its_node(executive: FakeExecutive) -> None:
    with Clm(executive.path, version=Version("a", 1, 1)) as cluster:
        assert (cluster.version, cluster.node_id) == (Version("A", 1, 1), NODE_ID)


def test_no_executive_at_all_is_a_library_error(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no executive listens there"):
        Clm(tmp_path / "nobody.sock")


def test_a_socket_that_nobody_listens_at_is_a_library_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(tmp_path / "left.sock"))
    with pytest.raises(LibraryError, match="no executive listens there"):
        Clm(tmp_path / "left.sock")


def test_who_is_not_let_in_is_told_why(executive: FakeExecutive) -> None:
    executive.refusal = (ErrorCode.ACCESS, "user 1000 is not in the group ais")
    with pytest.raises(AccessDenied, match="user 1000 is not in the group ais"):
        Clm(executive.path)


def test_a_version_in_force_that_the_library_does_not_know_is_an_error(executive: FakeExecutive) -> None:
    executive.version = Version("Z", 1, 1)
    with pytest.raises(VersionError):
        Clm(executive.path)


def test_an_executive_that_does_not_answer_the_handshake_is_a_timeout(executive: FakeExecutive) -> None:
    executive.silent = True
    with pytest.raises(TimeoutExpired):
        Clm(executive.path, timeout=0.05)


def test_an_executive_that_dies_in_the_handshake_is_a_library_error(
    executive: FakeExecutive, in_thread: InThread
) -> None:
    executive.silent = True
    opening = in_thread(lambda: Clm(executive.path, timeout=PATIENCE_S))
    executive.handshakes.get(timeout=PATIENCE_S)
    executive.stop()
    with pytest.raises(LibraryError):
        opening.result(PATIENCE_S)


def test_the_handshake_tells_who_calls(executive: FakeExecutive) -> None:
    with Clm(executive.path):
        asked = executive.handshakes.get(timeout=PATIENCE_S)
    assert asked.process_id > 0
    assert asked.process_name


# Calls.


def test_a_call_gives_its_answer(executive: FakeExecutive) -> None:
    answer_node_get(executive)
    with Clm(executive.path) as cluster:
        assert cluster.node_get(5) == node(5)


def test_a_refused_call_raises_the_error_with_its_explanation(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        call = in_thread(lambda: cluster.node_get(5))
        executive.next_call().refuse(ErrorCode.NOT_EXIST, "node 5 is not a member")
        with pytest.raises(NotExist, match="node 5 is not a member"):
            call.result(PATIENCE_S)


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_a_call_ends_when_its_time_is_up(executive: FakeExecutive, timeout: float) -> None:
    with Clm(executive.path) as cluster:
        begun = time.monotonic()
        with pytest.raises(TimeoutExpired):
            cluster.node_get(5, timeout=timeout)
        assert time.monotonic() - begun >= timeout


@pytest.mark.parametrize("timeout", [-1, math.nan])
def test_a_timeout_that_is_no_duration_is_an_invalid_param(executive: FakeExecutive, timeout: float) -> None:
    with Clm(executive.path) as cluster, pytest.raises(InvalidParam, match="timeout"):
        cluster.node_get(5, timeout=timeout)


def test_a_late_answer_does_not_disturb_the_next_call(executive: FakeExecutive) -> None:
    with Clm(executive.path) as cluster:
        with pytest.raises(TimeoutExpired):
            cluster.node_get(5, timeout=0.01)
        executive.next_call().answer(NodeFound(node(5)))
        answer_node_get(executive)
        assert cluster.node_get(6) == node(6)


def test_try_again_is_given_to_the_caller(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        call = in_thread(lambda: cluster.node_get(5))
        executive.next_call().refuse(ErrorCode.TRY_AGAIN, "the queue is full")
        with pytest.raises(TryAgain, match="the queue is full"):
            call.result(PATIENCE_S)


def test_try_again_is_retried_when_asked_for(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        call = in_thread(lambda: cluster.node_get(5, PATIENCE_S, retry=True))
        for _ in range(3):
            executive.next_call().refuse(ErrorCode.TRY_AGAIN)
        executive.next_call().answer(NodeFound(node(5)))
        assert call.result(PATIENCE_S) == node(5)


def test_retries_end_with_try_again_when_the_time_is_up(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        call = in_thread(lambda: cluster.node_get(5, 0.1, retry=True))
        executive.next_call().refuse(ErrorCode.TRY_AGAIN, "the queue is full")
        while not call.done():
            if not executive.calls.empty():
                executive.next_call().refuse(ErrorCode.TRY_AGAIN, "the queue is full")
        with pytest.raises((TryAgain, TimeoutExpired)):
            call.result()


def test_answers_in_any_order_reach_the_threads_that_asked(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        results = {number: in_thread(cluster.node_get, number, PATIENCE_S) for number in range(1, 13)}
        calls = [executive.next_call() for _ in results]
        for call in reversed(calls):
            assert isinstance(call.request, NodeGet)
            call.answer(NodeFound(node(call.request.node_id)))
        assert {number: result.result(PATIENCE_S) for number, result in results.items()} == {
            number: node(number) for number in results
        }


def test_many_threads_call_at_the_same_time(executive: FakeExecutive, in_thread: InThread) -> None:
    answer_node_get(executive)
    with Clm(executive.path) as cluster:

        def many(number: int) -> set[int]:
            return {cluster.node_get(number, PATIENCE_S).node_id for _ in range(200)}

        results = [in_thread(many, number) for number in range(1, 9)]
        assert [result.result(PATIENCE_S) for result in results] == [{number} for number in range(1, 9)]


def test_a_thread_that_gives_up_hands_the_reading_on(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        impatient = in_thread(cluster.node_get, 1, 0.2)
        executive.next_call()
        patient = in_thread(cluster.node_get, 2, PATIENCE_S)
        call = executive.next_call()
        with pytest.raises(TimeoutExpired):
            impatient.result(PATIENCE_S)
        call.answer(NodeFound(node(2)))
        assert patient.result(PATIENCE_S) == node(2)


# Callbacks and the selection object.


def test_callbacks_that_come_during_a_call_are_dispatched_after_it(
    executive: FakeExecutive, in_thread: InThread
) -> None:
    views = Views()
    with Clm(executive.path, callbacks=ClmCallbacks(track=views)) as cluster:
        call = in_thread(cluster.node_get, 5, PATIENCE_S)
        asked = executive.next_call()
        callbacks = b"".join(pack(1, Kind.CALLBACK, 0, encode(each)) for each in tracked(1, 2))
        asked.peer.raw(callbacks + asked.answer_frame(NodeFound(node(5))))
        call.result(PATIENCE_S)
        assert views.seen == []
        assert readable(cluster)
        cluster.dispatch(DispatchFlags.ALL)
        assert views.seen == [view(1, 1), view(2, 1)]
        assert not readable(cluster)


def test_the_selection_object_is_readable_when_a_callback_arrives(executive: FakeExecutive) -> None:
    views = Views()
    with Clm(executive.path, callbacks=ClmCallbacks(track=views)) as cluster:
        assert not readable(cluster)
        executive.next_peer().callback(*tracked(1))
        assert readable(cluster, PATIENCE_S)
        cluster.dispatch(DispatchFlags.ONE)
        assert views.seen == [view(1, 1)]
        assert not readable(cluster)


def test_an_answer_does_not_make_the_selection_object_readable(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        cluster.fileno()
        call = in_thread(cluster.node_get, 5, PATIENCE_S)
        asked = executive.next_call()
        assert not readable(cluster)
        asked.answer(NodeFound(node(5)))
        call.result(PATIENCE_S)
        assert not readable(cluster)


def test_dispatch_one_runs_one_callback_and_leaves_the_others(executive: FakeExecutive) -> None:
    views = Views()
    with Clm(executive.path, callbacks=ClmCallbacks(track=views)) as cluster:
        executive.next_peer().callback(*tracked(1, 2, 3))
        assert readable(cluster, PATIENCE_S)
        cluster.dispatch(DispatchFlags.ONE)
        assert views.seen == [view(1, 1)]
        assert readable(cluster)
        cluster.dispatch(DispatchFlags.ALL)
        assert views.seen == [view(1, 1), view(2, 1), view(3, 1)]


def test_dispatch_with_nothing_to_do_returns(executive: FakeExecutive) -> None:
    with Clm(executive.path) as cluster:
        cluster.dispatch(DispatchFlags.ONE)
        cluster.dispatch(DispatchFlags.ALL)


def test_flags_that_there_are_not_are_an_invalid_param(executive: FakeExecutive) -> None:
    with Clm(executive.path) as cluster, pytest.raises(InvalidParam, match="dispatch"):
        cluster.dispatch(9)  # type: ignore[arg-type]


def test_what_a_callback_raises_comes_out_and_the_others_stay(executive: FakeExecutive) -> None:
    def failing(given: ClusterView) -> None:
        raise RuntimeError(given.view_number)

    with Clm(executive.path, callbacks=ClmCallbacks(track=failing)) as cluster:
        executive.next_peer().callback(*tracked(1, 2))
        for number in (1, 2):
            assert readable(cluster, PATIENCE_S)
            with pytest.raises(RuntimeError, match=str(number)):
                cluster.dispatch(DispatchFlags.ALL)


def test_a_callback_may_call(executive: FakeExecutive) -> None:
    answer_node_get(executive)
    found = []
    with Clm(
        executive.path, callbacks=ClmCallbacks(track=lambda given: found.append(cluster.node_get(given.view_number)))
    ) as cluster:
        executive.next_peer().callback(*tracked(3))
        assert readable(cluster, PATIENCE_S)
        cluster.dispatch()
    assert found == [node(3)]


def test_a_callback_may_finalize_and_so_end_dispatch(executive: FakeExecutive) -> None:
    seen: list[int] = []

    def finalize(given: ClusterView) -> None:
        seen.append(given.view_number)
        cluster.finalize()

    cluster = Clm(executive.path, callbacks=ClmCallbacks(track=finalize))
    executive.next_peer().callback(*tracked(1, 2))
    cluster.dispatch(DispatchFlags.BLOCKING)
    assert seen == [1]


def test_several_threads_dispatch_each_callback_once(executive: FakeExecutive, in_thread: InThread) -> None:
    views = Views()
    cluster = Clm(executive.path, callbacks=ClmCallbacks(track=views))
    dispatchers = [in_thread(cluster.dispatch, DispatchFlags.BLOCKING) for _ in range(4)]
    peer = executive.next_peer()
    for number in range(100):
        peer.callback(*tracked(number))
    views.wait(100)
    cluster.finalize()
    for dispatcher in dispatchers:
        dispatcher.result(PATIENCE_S)
    assert sorted(each.view_number for each in views.seen) == list(range(100))


def test_calls_are_answered_while_another_thread_dispatches(executive: FakeExecutive, in_thread: InThread) -> None:
    answer_node_get(executive)
    views = Views()
    with Clm(executive.path, callbacks=ClmCallbacks(track=views)) as cluster:
        dispatcher = in_thread(cluster.dispatch, DispatchFlags.BLOCKING)
        peer = executive.next_peer()
        for number in range(1, 50):
            peer.callback(*tracked(number))
            assert cluster.node_get(number, PATIENCE_S) == node(number)
        views.wait(49)
    dispatcher.result(PATIENCE_S)


def test_answers_to_node_get_async_reach_their_callback(executive: FakeExecutive) -> None:
    results: list[NodeGetResult] = []
    with Clm(executive.path, callbacks=ClmCallbacks(node_get=results.append)) as cluster:
        executive.next_peer().callback(
            NodeGetCallback(1, ErrorCode.OK, node(5)), NodeGetCallback(2, ErrorCode.NOT_EXIST, None)
        )
        while len(results) < 2:
            assert readable(cluster, PATIENCE_S)
            cluster.dispatch()
    assert results[0].get() == node(5)
    with pytest.raises(NotExist):
        results[1].get()


def test_the_library_reads_while_it_waits_for_room_to_write(executive: FakeExecutive, in_thread: InThread) -> None:
    """The executive does not take a request before the library has taken many callbacks, and the other way round."""
    views = Views()
    answer_node_get(executive)
    with Clm(executive.path, callbacks=ClmCallbacks(track=views)) as cluster:
        peer = executive.next_peer()

        def send_all() -> None:
            for _ in range(200):
                peer.callback(*tracked(*range(100)))

        flood = in_thread(send_all)
        for number in range(1, 200):
            assert cluster.node_get(number, PATIENCE_S) == node(number)
        flood.result(PATIENCE_S)
        while len(views.seen) < 20_000:
            assert readable(cluster, PATIENCE_S)
            cluster.dispatch()


# The end.


def test_a_finalized_handle_gives_bad_handle(executive: FakeExecutive) -> None:
    cluster = Clm(executive.path)
    cluster.finalize()
    for use in (
        cluster.finalize,
        cluster.fileno,
        cluster.dispatch,
        cluster.members,
        cluster.reconnect,
        lambda: cluster.version,
    ):
        with pytest.raises(BadHandle):
            use()


def test_finalize_closes_the_connection(executive: FakeExecutive) -> None:
    cluster = Clm(executive.path)
    peer = executive.next_peer()
    cluster.finalize()
    assert peer.gone.wait(PATIENCE_S)


def test_a_handle_that_is_not_finalized_is_warned_of_and_closed(executive: FakeExecutive) -> None:
    cluster = Clm(executive.path)
    peer = executive.next_peer()
    with pytest.warns(ResourceWarning, match="was not finalized"):
        del cluster
    assert peer.gone.wait(PATIENCE_S)


def test_finalize_ends_a_blocking_dispatch_of_another_thread(executive: FakeExecutive, in_thread: InThread) -> None:
    views = Views()
    cluster = Clm(executive.path, callbacks=ClmCallbacks(track=views))
    dispatchers = [in_thread(cluster.dispatch, DispatchFlags.BLOCKING) for _ in range(3)]
    executive.next_peer().callback(*tracked(1))
    views.wait()
    cluster.finalize()
    for dispatcher in dispatchers:
        dispatcher.result(PATIENCE_S)


def test_finalize_ends_the_calls_of_other_threads_with_bad_handle(
    executive: FakeExecutive, in_thread: InThread
) -> None:
    cluster = Clm(executive.path)
    calls = [in_thread(cluster.node_get, number, PATIENCE_S) for number in range(1, 5)]
    for _ in calls:
        executive.next_call()
    cluster.finalize()
    for call in calls:
        with pytest.raises(BadHandle):
            call.result(PATIENCE_S)


def test_finalize_ends_a_call_that_pauses_before_a_retry(executive: FakeExecutive, in_thread: InThread) -> None:
    cluster = Clm(executive.path)
    call = in_thread(lambda: cluster.node_get(5, math.inf, retry=True))
    executive.next_call().refuse(ErrorCode.TRY_AGAIN)
    cluster.finalize()
    with pytest.raises(BadHandle):
        call.result(PATIENCE_S)


def test_a_dead_executive_ends_calls_under_way(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        calls = [in_thread(cluster.node_get, number, math.inf) for number in range(1, 5)]
        for _ in calls:
            executive.next_call()
        executive.stop()
        for call in calls:
            with pytest.raises(LibraryError):
                call.result(PATIENCE_S)


def test_a_dead_executive_ends_blocking_dispatch(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        dispatcher = in_thread(cluster.dispatch, DispatchFlags.BLOCKING)
        executive.next_peer().die()
        with pytest.raises(LibraryError):
            dispatcher.result(PATIENCE_S)


def test_a_dead_executive_makes_the_selection_object_readable_and_dispatch_says_so(executive: FakeExecutive) -> None:
    with Clm(executive.path) as cluster:
        cluster.fileno()
        executive.next_peer().die()
        assert readable(cluster, PATIENCE_S)
        for flags in (DispatchFlags.ONE, DispatchFlags.ALL, DispatchFlags.BLOCKING):
            with pytest.raises(LibraryError):
                cluster.dispatch(flags)
        assert readable(cluster)


def test_callbacks_from_before_the_death_are_run_first(executive: FakeExecutive) -> None:
    views = Views()
    with Clm(executive.path, callbacks=ClmCallbacks(track=views)) as cluster:
        peer = executive.next_peer()
        peer.callback(*tracked(1, 2))
        peer.die()
        with pytest.raises(LibraryError):
            cluster.dispatch(DispatchFlags.BLOCKING)
        assert [each.view_number for each in views.seen] == [1, 2]


def test_every_call_after_the_death_says_so_at_once(executive: FakeExecutive) -> None:
    with Clm(executive.path, timeout=math.inf) as cluster:
        executive.next_peer()
        executive.stop()
        for _ in range(3):
            with pytest.raises(LibraryError):
                cluster.members()
        with pytest.raises(LibraryError):
            next(cluster.track())


def test_a_death_while_the_library_writes_is_a_library_error(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        peer = executive.next_peer()

        def call_for_ever() -> None:
            while True:
                cluster.node_get(5, math.inf)

        answer_node_get(executive)
        calls = [in_thread(call_for_ever) for _ in range(4)]
        peer.die()
        for call in calls:
            with pytest.raises(LibraryError):
                call.result(PATIENCE_S)


def test_a_goodbye_tells_the_reason_to_every_call(executive: FakeExecutive, in_thread: InThread) -> None:
    with Clm(executive.path) as cluster:
        call = in_thread(cluster.node_get, 5, math.inf)
        peer = executive.next_call().peer
        peer.goodbye(ErrorCode.LIBRARY, "the executive shuts down")
        peer.die()
        with pytest.raises(LibraryError, match="the executive shuts down"):
            call.result(PATIENCE_S)
        with pytest.raises(LibraryError, match="the executive shuts down"):
            cluster.dispatch()


def test_a_goodbye_is_heard_by_a_call_that_comes_too_late_to_write(executive: FakeExecutive) -> None:
    with Clm(executive.path) as cluster:
        peer = executive.next_peer()
        peer.goodbye(ErrorCode.LIBRARY, "the executive shuts down")
        peer.die()
        with pytest.raises(LibraryError, match="the executive shuts down"):
            cluster.node_get(5)


@pytest.mark.parametrize("garbage", [b"\xff" * 64, bytes(64), pack(77, Kind.CALLBACK, 0, b"?")])
def test_garbage_from_the_executive_is_a_library_error(
    executive: FakeExecutive, in_thread: InThread, garbage: bytes
) -> None:
    with Clm(executive.path) as cluster:
        call = in_thread(cluster.node_get, 5, math.inf)
        executive.next_call().peer.raw(garbage)
        with pytest.raises(LibraryError, match="not a message"):
            call.result(PATIENCE_S)
        with pytest.raises(LibraryError, match="not a message"):
            cluster.dispatch(DispatchFlags.BLOCKING)


# Reconnection.


def test_reconnect_opens_a_new_session_when_the_executive_is_back(
    executive: FakeExecutive, in_thread: InThread
) -> None:
    with Clm(executive.path) as cluster:
        executive.stop()
        with pytest.raises(LibraryError):
            cluster.members()
        reconnecting = in_thread(cluster.reconnect, PATIENCE_S)
        with FakeExecutive(executive.path) as back:
            reconnecting.result(PATIENCE_S)
            answer_node_get(back)
            assert cluster.node_get(5) == node(5)


def test_reconnect_gives_up_when_its_time_is_up(executive: FakeExecutive) -> None:
    with Clm(executive.path) as cluster:
        executive.stop()
        with pytest.raises(LibraryError, match="no executive listens"):
            cluster.reconnect(0.01)
        with pytest.raises(LibraryError):
            cluster.members()


def test_the_old_connection_is_closed_by_reconnect(executive: FakeExecutive) -> None:
    with Clm(executive.path) as cluster:
        old, handle = executive.next_peer(), cluster.handle
        cluster.reconnect()
        assert old.gone.wait(PATIENCE_S)
        assert cluster.handle != handle
