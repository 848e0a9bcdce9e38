"""The extended virtual synchrony library, call by call (evs_initialize to evs_finalize)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openais.client.evs_operations import multicast, to_joined
from openais.evs import (
    AsyncEvs,
    ConfigurationChanged,
    Evs,
    EvsCallbacks,
    EvsEvent,
    EvsOptions,
    GroupChanged,
    GroupMember,
    Guarantee,
    MessageDelivered,
    PartlySent,
    Priority,
    RingIdentity,
)
from openais.messages.base import Message, Request
from openais.messages.evs import (
    BATCH_MAX,
    Accepted,
    ConfigurationChange,
    ConfigurationView,
    Deliver,
    GroupChange,
    GroupList,
    Join,
    Joined,
    Leave,
    Left,
    ListGroups,
    Membership,
    MembershipGet,
    Multicast,
    OptionsSet,
    SetOptions,
    batch_of,
    payloads_of,
)
from openais.types import (
    AisError,
    BadHandle,
    ErrorCode,
    InvalidParam,
    LibraryError,
    NameTooLong,
    NodeId,
    TimeoutExpired,
    TooBig,
    TryAgain,
)
from tests.client.conftest import InThread
from tests.client.fake_executive import NODE_ID, PATIENCE_S, FakeExecutive

SENDER = GroupMember(NodeId(1), 4711, 2)
RING = RingIdentity(8, NodeId(1))
CONFIGURATION = ConfigurationView(RING, False, (NodeId(1), NODE_ID), (), (NODE_ID,))


def deliver(*payloads: bytes) -> Deliver:
    return Deliver(SENDER, ("chat",), Guarantee.SAFE, Priority.HIGH, batch_of(payloads))


def delivered(payload: bytes) -> MessageDelivered:
    return MessageDelivered(payload, SENDER, ("chat",), Guarantee.SAFE, Priority.HIGH)


def kept(requests: list[Any], answer: Message) -> Callable[[Request], Message]:
    """Answers with `answer`, and keeps the requests."""

    def take(request: Request) -> Message:
        requests.append(request)
        return answer

    return take


class Sink:
    """Makes an executive accept multicasts, at most `accept` payloads of each, and keeps them."""

    def __init__(self, executive: FakeExecutive, accept: int = 1_000_000) -> None:
        self.requests: list[Multicast] = []
        self.payloads: list[bytes] = []
        self._accept = accept
        executive.answers[Multicast] = self._take

    def _take(self, request: Any) -> Accepted:
        self.requests.append(request)
        taken = list(payloads_of(request.payloads)[: self._accept])
        self.payloads += taken
        return Accepted(len(taken))


# Groups.


@pytest.mark.parametrize("groups", ["chat", ["chat"], ("chat", "news")])
def test_join_and_leave_name_the_groups(executive: FakeExecutive, groups: str | list[str]) -> None:
    asked: list[object] = []
    executive.answers[Join] = kept(asked, Joined())
    executive.answers[Leave] = kept(asked, Left())
    with Evs(executive.path) as evs:
        evs.join(groups)
        evs.leave(groups)
    names = ("chat",) if isinstance(groups, str) else tuple(groups)
    assert asked == [Join(names), Leave(names)]


@pytest.mark.parametrize(
    ("groups", "error"),
    [
        ("", InvalidParam),
        ([""], InvalidParam),
        (["g"] * 33, InvalidParam),
        ("é" * 33, NameTooLong),
        ([], InvalidParam),
    ],
)
def test_names_that_cannot_be_are_refused_by_the_library(
    executive: FakeExecutive, groups: str | list[str], error: type[AisError]
) -> None:
    with Evs(executive.path) as evs:
        for call in (evs.join, evs.leave, lambda names: evs.multicast(names, b"x")):
            with pytest.raises(error):
                call(groups)
    assert executive.calls.empty()


def test_membership_and_groups_give_what_the_executive_knows(executive: FakeExecutive) -> None:
    groups: dict[str, tuple[GroupMember, ...]] = {"chat": (SENDER,)}
    asked: list[Any] = []

    def membership(request: Any) -> Membership:
        asked.append(request)
        return Membership(NODE_ID, CONFIGURATION, groups)

    executive.answers[MembershipGet] = membership
    executive.answers[ListGroups] = lambda request: GroupList(groups)
    with Evs(executive.path) as evs:
        assert evs.membership().groups == evs.membership("chat").groups == evs.groups() == groups
    assert asked == [MembershipGet(()), MembershipGet(("chat",))]


def test_a_handle_knows_its_own_messages(executive: FakeExecutive) -> None:
    with Evs(executive.path) as evs:
        connection = executive.next_peer().number
        assert evs.is_own(GroupMember(NODE_ID, 1, connection))
        assert not evs.is_own(GroupMember(NODE_ID, 1, connection + 1))
        assert not evs.is_own(GroupMember(NodeId(1), 1, connection))


def test_options_are_asked_for_when_the_session_opens_and_again_after_reconnection(executive: FakeExecutive) -> None:
    asked: list[Any] = []
    executive.answers[SetOptions] = kept(asked, OptionsSet())
    with Evs(executive.path, options=EvsOptions(transitional=True)) as evs:
        evs.reconnect()
        evs.set_options(EvsOptions(group_changes=True))
        evs.reconnect()
    with Evs(executive.path):
        pass
    assert asked == [SetOptions(True, False)] * 2 + [SetOptions(False, True)] * 2


def test_options_that_are_refused_leave_no_handle_behind(executive: FakeExecutive, in_thread: InThread) -> None:
    opening = in_thread(lambda: Evs(executive.path, options=EvsOptions(transitional=True)))
    call = executive.next_call()
    call.refuse(ErrorCode.NOT_SUPPORTED)
    with pytest.raises(AisError):
        opening.result(PATIENCE_S)
    assert call.peer.gone.wait(PATIENCE_S)


# Sending.


def test_one_payload_is_sent_with_its_promise_and_queue(executive: FakeExecutive) -> None:
    sink = Sink(executive)
    with Evs(executive.path) as evs:
        assert evs.multicast_joined(b"a") == 1
        assert evs.multicast("chat", b"b", guarantee=Guarantee.SAFE, priority=Priority.HIGH) == 1
    assert [(each.groups, each.guarantee, each.priority) for each in sink.requests] == [
        ((), Guarantee.AGREED, Priority.MED),
        (("chat",), Guarantee.SAFE, Priority.HIGH),
    ]
    assert sink.payloads == [b"a", b"b"]


@pytest.mark.parametrize("payload", [b"x", bytearray(b"x"), memoryview(b"x"), memoryview(b"-x-")[1:2]])
def test_all_kinds_of_bytes_can_be_sent(executive: FakeExecutive, payload: bytes) -> None:
    sink = Sink(executive)
    with Evs(executive.path) as evs:
        evs.multicast("chat", payload)
        evs.multicast("chat", [payload, b""])
    assert sink.payloads == [b"x", b"x", b""]


def test_a_batch_is_one_request(executive: FakeExecutive) -> None:
    sink = Sink(executive)
    payloads = [str(number).encode() for number in range(BATCH_MAX)]
    with Evs(executive.path) as evs:
        assert evs.multicast("chat", payloads) == BATCH_MAX
    assert len(sink.requests) == 1
    assert sink.payloads == payloads


@pytest.mark.parametrize("payloads", [[b"x"] * (BATCH_MAX * 2 + 1), [bytes(400_000)] * 7, [bytes(2_000_000), b"x"]])
def test_a_batch_beyond_a_request_is_split_and_stays_in_order(executive: FakeExecutive, payloads: list[bytes]) -> None:
    sink = Sink(executive)
    with Evs(executive.path) as evs:
        assert evs.multicast("chat", iter(payloads)) == len(payloads)
    assert len(sink.requests) > 1
    assert sink.payloads == payloads


@pytest.mark.parametrize(("guarantee", "priority"), [(2, Priority.MED), (Guarantee.SAFE, 4)])
def test_promises_and_queues_that_there_are_not_are_an_invalid_param(
    executive: FakeExecutive, guarantee: Any, priority: Any
) -> None:
    with Evs(executive.path) as evs, pytest.raises(InvalidParam):
        evs.multicast_joined(b"x", guarantee=guarantee, priority=priority)


def test_garbage_ends_a_call_that_waits_for_room_to_write(executive: FakeExecutive, in_thread: InThread) -> None:
    stalled = threading.Event()

    def stall(request: Any) -> Accepted:
        assert stalled.wait(PATIENCE_S)
        return Accepted(1)

    executive.answers[Multicast] = stall
    with Evs(executive.path, timeout=PATIENCE_S) as evs:
        peer = executive.next_peer()
        sending = [in_thread(evs.multicast, "chat", bytes(4_000_000)) for _ in range(3)]
        peer.raw(b"\xff" * 64)
        for each in sending:
            with pytest.raises(LibraryError, match="not a message"):
                each.result(PATIENCE_S)
        stalled.set()


def test_an_empty_batch_sends_nothing(executive: FakeExecutive) -> None:
    with Evs(executive.path) as evs:
        assert evs.multicast("chat", []) == 0
    assert executive.calls.empty()


def test_a_payload_beyond_what_the_executive_accepts_is_too_big_before_anything_is_sent(
    executive: FakeExecutive,
) -> None:
    executive.frame_max = 10_000
    with Evs(executive.path) as evs, pytest.raises(TooBig, match="10000 bytes"):
        evs.multicast("chat", [b"x", bytes(10_000)])
    assert executive.calls.empty()


def test_what_one_request_did_not_hold_is_sent_in_the_next(executive: FakeExecutive) -> None:
    sink = Sink(executive, accept=3)
    payloads = [str(number).encode() for number in range(10)]
    with Evs(executive.path) as evs:
        assert evs.multicast("chat", payloads) == 10
    assert sink.payloads == payloads


def test_the_first_refusal_ends_a_batch_and_tells_how_many_were_accepted(
    executive: FakeExecutive, in_thread: InThread
) -> None:
    with Evs(executive.path) as evs:
        sending = in_thread(evs.multicast, "chat", [b"a", b"b", b"c"])
        executive.next_call().answer(Accepted(2))
        executive.next_call().refuse(ErrorCode.TRY_AGAIN)
        assert sending.result(PATIENCE_S) == 2


def test_try_again_is_raised_when_nothing_was_accepted(executive: FakeExecutive, in_thread: InThread) -> None:
    with Evs(executive.path) as evs:
        sending = in_thread(evs.multicast, "chat", [b"a", b"b"])
        executive.next_call().refuse(ErrorCode.TRY_AGAIN)
        with pytest.raises(TryAgain):
            sending.result(PATIENCE_S)


def test_with_retry_all_is_sent_in_order_through_refusals(executive: FakeExecutive, in_thread: InThread) -> None:
    payloads = [b"a", b"b", b"c"]
    with Evs(executive.path) as evs:
        sending = in_thread(lambda: evs.multicast("chat", payloads, retry=True, timeout=PATIENCE_S))
        executive.next_call().refuse(ErrorCode.TRY_AGAIN)
        executive.next_call().answer(Accepted(1))
        executive.next_call().refuse(ErrorCode.TRY_AGAIN)
        last = executive.next_call()
        assert isinstance(last.request, Multicast)
        assert payloads_of(last.request.payloads) == (b"b", b"c")
        last.answer(Accepted(2))
        assert sending.result(PATIENCE_S) == 3


def test_when_the_time_is_up_amid_refusals_the_accepted_ones_are_counted() -> None:
    operation = multicast(to_joined(Guarantee.AGREED, Priority.MED), [b"a", b"b", b"c"], True, 1 << 20)
    next(operation)
    operation.send(Accepted(2))
    operation.throw(TryAgain("the queue is full"))
    with pytest.raises(PartlySent, match="2 of 3 payloads accepted: the queue is full") as error:
        operation.throw(TimeoutExpired())
    assert error.value.count == 2
    assert isinstance(error.value, TryAgain)


def test_an_executive_that_accepts_nothing_is_asked_again_later(executive: FakeExecutive, in_thread: InThread) -> None:
    with Evs(executive.path) as evs:
        sending = in_thread(lambda: evs.multicast("chat", b"a", retry=True, timeout=PATIENCE_S))
        executive.next_call().answer(Accepted(0))
        executive.next_call().answer(Accepted(1))
        assert sending.result(PATIENCE_S) == 1


# Receiving.


def test_events_come_typed_and_in_their_order(executive: FakeExecutive) -> None:
    with Evs(executive.path) as evs:
        executive.next_peer().callback(
            ConfigurationChange(CONFIGURATION),
            deliver(b"a", b"b"),
            GroupChange("chat", (SENDER,), (SENDER,), ()),
            deliver(b"c"),
        )
        events: list[EvsEvent] = [evs.receive(PATIENCE_S) for _ in range(5)]
    assert events == [
        ConfigurationChanged(RING, False, (NodeId(1), NODE_ID), (), (NODE_ID,)),
        delivered(b"a"),
        delivered(b"b"),
        GroupChanged("chat", (SENDER,), (SENDER,), ()),
        delivered(b"c"),
    ]


def test_an_iterator_that_is_left_loses_nothing(executive: FakeExecutive) -> None:
    with Evs(executive.path) as evs:
        executive.next_peer().callback(deliver(b"a", b"b", b"c"))
        for event in evs:
            assert event == delivered(b"a")
            break
        assert next(iter(evs)) == delivered(b"b")
        assert evs.receive(PATIENCE_S) == delivered(b"c")


def test_receive_ends_when_its_time_is_up(executive: FakeExecutive) -> None:
    with Evs(executive.path) as evs, pytest.raises(TimeoutExpired):
        evs.receive(0.01)


def test_receive_gives_bad_handle_when_the_handle_is_finalized(executive: FakeExecutive, in_thread: InThread) -> None:
    evs = Evs(executive.path)
    executive.next_peer().callback(deliver(b"a"))
    first = threading.Event()

    def receive_for_ever() -> None:
        while True:
            evs.receive()
            first.set()

    receiving = in_thread(receive_for_ever)
    assert first.wait(PATIENCE_S)
    evs.finalize()
    with pytest.raises(BadHandle):
        receiving.result(PATIENCE_S)


def test_dispatch_gives_each_kind_of_event_to_its_callback(executive: FakeExecutive) -> None:
    seen: list[EvsEvent] = []
    callbacks = EvsCallbacks(deliver=seen.append, configuration_changed=seen.append, group_changed=seen.append)
    with Evs(executive.path, callbacks=callbacks) as evs:
        executive.next_peer().callback(
            ConfigurationChange(CONFIGURATION), deliver(b"a", b"b"), GroupChange("chat", (), (), (SENDER,))
        )
        while len(seen) < 4:
            evs.dispatch()
    assert [type(event) for event in seen] == [ConfigurationChanged, MessageDelivered, MessageDelivered, GroupChanged]


def test_dispatch_drops_events_without_a_callback(executive: FakeExecutive) -> None:
    seen: list[MessageDelivered] = []
    with Evs(executive.path, callbacks=EvsCallbacks(deliver=seen.append)) as evs:
        executive.next_peer().callback(ConfigurationChange(CONFIGURATION), GroupChange("g", (), (), ()), deliver(b"a"))
        while not seen:
            evs.dispatch()
    assert seen == [delivered(b"a")]


def test_nonsense_in_a_delivery_is_a_library_error(executive: FakeExecutive) -> None:
    with Evs(executive.path) as evs:
        executive.next_peer().callback(Deliver(SENDER, ("g",), 77, 0, batch_of([b"x"])))
        with pytest.raises(LibraryError, match="not a message"):
            evs.receive(PATIENCE_S)


def test_an_executive_that_does_not_read_times_calls_out_and_the_stream_stays_whole(tmp_path: Path) -> None:
    """More than the socket holds is sent; one call ends amid its frame, and the next one sends the rest of it."""
    reading = threading.Event()
    with FakeExecutive(tmp_path / "openais.sock") as executive:

        def accept_slowly(request: Any) -> Accepted:
            assert reading.wait(PATIENCE_S)
            return Accepted(len(payloads_of(request.payloads)))

        executive.answers[Multicast] = accept_slowly
        with Evs(executive.path) as evs:
            for _ in range(4):
                with pytest.raises(TimeoutExpired):
                    evs.multicast("chat", bytes(4_000_000), timeout=0.05)
            reading.set()
            assert evs.multicast("chat", b"last", timeout=PATIENCE_S) == 1


def test_every_call_has_its_asyncio_face(executive: FakeExecutive) -> None:
    groups: dict[str, tuple[GroupMember, ...]] = {"chat": (SENDER,)}
    sink = Sink(executive)
    executive.answers[Join] = lambda request: Joined()
    executive.answers[Leave] = lambda request: Left()
    executive.answers[MembershipGet] = lambda request: Membership(NODE_ID, CONFIGURATION, groups)
    executive.answers[ListGroups] = lambda request: GroupList(groups)
    executive.answers[SetOptions] = lambda request: OptionsSet()
    seen: list[EvsEvent] = []

    async def use() -> None:
        callbacks = EvsCallbacks(configuration_changed=seen.append)
        options = EvsOptions(transitional=True)
        async with AsyncEvs.open(executive.path, callbacks=callbacks, options=options) as evs:
            peer = await asyncio.to_thread(executive.next_peer)
            await evs.join("chat")
            assert await evs.multicast_joined(b"a") == 1
            assert await evs.multicast(["chat", "news"], [b"b", b"c"], retry=True) == 2
            assert (await evs.membership()).groups == await evs.groups() == groups
            await evs.set_options(EvsOptions())
            assert evs.is_own(GroupMember(NODE_ID, 1, peer.number))
            peer.callback(ConfigurationChange(CONFIGURATION))
            while not seen:
                await evs.dispatch()
            peer.callback(deliver(b"d", b"e"))
            assert await evs.receive(PATIENCE_S) == delivered(b"d")
            async for event in evs:
                assert event == delivered(b"e")
                break
            with pytest.raises(TimeoutExpired):
                await evs.receive(0.01)
            await evs.leave("chat")

    asyncio.run(use())
    assert sink.payloads == [b"a", b"b", b"c"]
