"""Sending without awaiting each message: gathered, in order, held up when it has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from openais.client.sender import DRAINED_BYTES, GATHERED_BYTES, REQUESTS_MAX, WAITING_BYTES_MAX
from openais.evs import AsyncEvs, Guarantee, MessageDelivered, Priority
from openais.messages.evs import BATCH_MAX, Accepted, Multicast, payloads_of
from openais.types import BadHandle, ErrorCode, LibraryError, NotExist, TooBig, TryAgain
from tests.client.fake_executive import PATIENCE_S, Call, FakeExecutive
from tests.support.executives import ring_of, running, settings_of

Test = Callable[[FakeExecutive], Coroutine[Any, Any, None]]


def on_loop(test: Test) -> Callable[[FakeExecutive], None]:
    """Runs a test on an event loop of its own, for a bounded time."""

    @wraps(test)
    def run(executive: FakeExecutive) -> None:
        asyncio.run(asyncio.wait_for(test(executive), 2 * PATIENCE_S))

    return run


async def next_call(executive: FakeExecutive) -> Call:
    return await asyncio.to_thread(executive.next_call)


def sent(call: Call) -> tuple[bytes, ...]:
    """The payloads of a request that was sent."""
    assert isinstance(call.request, Multicast)
    return payloads_of(call.request.payloads)


def accept(call: Call) -> None:
    call.answer(Accepted(len(sent(call))))


def accept_all(executive: FakeExecutive) -> list[Multicast]:
    """Has the executive accept everything, and keeps the requests."""
    requests: list[Multicast] = []

    def take(request: Any) -> Accepted:
        requests.append(request)
        return Accepted(len(payloads_of(request.payloads)))

    executive.answers[Multicast] = take
    return requests


@on_loop
async def test_what_is_sent_in_one_turn_leaves_in_one_request(executive: FakeExecutive) -> None:
    requests = accept_all(executive)
    async with AsyncEvs.open(executive.path) as evs:
        async with evs.sender("chat", guarantee=Guarantee.SAFE, priority=Priority.HIGH) as sender:
            for payload in (b"a", bytearray(b"b"), memoryview(b"c")):
                sender.send(payload)
        (request,) = requests
    assert (request.groups, request.guarantee, request.priority) == (("chat",), Guarantee.SAFE, Priority.HIGH)
    assert payloads_of(request.payloads) == (b"a", b"b", b"c")
    assert request.wait


@on_loop
async def test_messages_gather_while_requests_are_on_their_way(executive: FakeExecutive) -> None:
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender("chat")
        calls = []
        for number in range(REQUESTS_MAX):
            sender.send(b"%d" % number)
            calls.append(await next_call(executive))
        for _ in range(10):
            sender.send(b"late")
            await asyncio.sleep(0)
        accept(calls[0])
        assert sent(await next_call(executive)) == (b"late",) * 10
        assert [sent(call) for call in calls] == [(b"%d" % number,) for number in range(REQUESTS_MAX)]


@on_loop
async def test_who_sends_one_message_after_the_other_has_each_leave_at_once(executive: FakeExecutive) -> None:
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender("chat")
        sender.send(b"first")
        accept(await next_call(executive))
        await sender.flush()
        sender.send(b"second")
        call = executive.next_call()
        assert sent(call) == (b"second",)
        accept(call)


@on_loop
async def test_a_burst_after_a_lone_message_leaves_together_but_for_its_first(executive: FakeExecutive) -> None:
    requests = accept_all(executive)
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender("chat")
        for burst in (b"a", b"bcd", b"efg", b"h", b"i"):
            for payload in burst:
                sender.send(bytes((payload,)))
            await sender.flush()
    batches = [b"".join(payloads_of(request.payloads)) for request in requests]
    assert batches == [b"a", b"b", b"cd", b"efg", b"h", b"i"]


@pytest.mark.parametrize(("count", "size"), [(BATCH_MAX * 2 + 1, 1), (300, 1000), (3, GATHERED_BYTES), (2, 2_000_000)])
def test_everything_arrives_in_its_order_whatever_a_request_holds(tmp_path: Path, count: int, size: int) -> None:
    @on_loop
    async def scenario(executive: FakeExecutive) -> None:
        requests = accept_all(executive)
        payloads = [b"%d" % number + bytes(size) for number in range(count)]
        async with AsyncEvs.open(executive.path, timeout=PATIENCE_S) as evs, evs.sender("chat") as sender:
            for payload in payloads:
                sender.send(payload)
                await sender.drain()
        batches = [payloads_of(request.payloads) for request in requests]
        assert [payload for batch in batches for payload in batch] == payloads
        assert all(len(batch) == 1 or sum(map(len, batch)) <= GATHERED_BYTES for batch in batches)

    with FakeExecutive(tmp_path / "openais.sock") as executive:
        scenario(executive)


@on_loop
async def test_drain_holds_up_who_sends_more_than_is_accepted(executive: FakeExecutive) -> None:
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender("chat")
        sender.send(bytes(DRAINED_BYTES))
        sender.send(bytes(DRAINED_BYTES // 2))
        draining = asyncio.ensure_future(sender.drain())
        first = await next_call(executive)
        await draining
        flushing = asyncio.ensure_future(sender.flush())
        second = await next_call(executive)
        assert not flushing.done()
        accept(first)
        accept(second)
        await flushing


@on_loop
async def test_who_never_drains_is_told_to(executive: FakeExecutive) -> None:
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender("chat")
        for _ in range(WAITING_BYTES_MAX // 1_000_000 + 1):
            sender.send(bytes(1_000_000))
        with pytest.raises(TryAgain, match="drain"):
            sender.send(b"x")


@on_loop
async def test_an_error_is_raised_from_then_on(executive: FakeExecutive) -> None:
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender()
        sender.send(b"a")
        (await next_call(executive)).refuse(ErrorCode.NOT_EXIST, "in no group")
        for _ in range(2):
            with pytest.raises(NotExist, match="in no group"):
                await sender.flush()
        with pytest.raises(NotExist):
            sender.send(b"b")
        with pytest.raises(NotExist):
            await sender.drain()
        async with evs.sender("chat") as other:
            other.send(b"c")
            accept(await next_call(executive))


@on_loop
async def test_a_payload_that_no_request_holds_is_too_big(executive: FakeExecutive) -> None:
    executive.frame_max = 100_000
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender("chat")
        sender.send(bytes(100_000))
        with pytest.raises(TooBig):
            await sender.flush()


@on_loop
async def test_a_handle_that_is_finalized_ends_its_senders(executive: FakeExecutive) -> None:
    evs = await AsyncEvs.open(executive.path)
    sender = evs.sender("chat")
    sender.send(b"a")
    flushing = asyncio.ensure_future(sender.flush())
    await next_call(executive)
    evs.finalize()
    with pytest.raises(BadHandle):
        await flushing


@on_loop
async def test_an_executive_that_dies_ends_the_senders(executive: FakeExecutive) -> None:
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender("chat")
        sender.send(b"a")
        (await next_call(executive)).peer.die()
        with pytest.raises(LibraryError):
            await sender.flush()


@on_loop
async def test_a_context_that_ends_with_an_error_does_not_wait(executive: FakeExecutive) -> None:
    async with AsyncEvs.open(executive.path) as evs:
        sender = evs.sender("chat")
        sender.send(b"a")
        await sender.__aexit__(KeyError, KeyError(), None)


def test_more_than_the_ring_holds_arrives_whole_and_in_order(tmp_path: Path) -> None:
    """The queue of the ring is full again and again; nothing is refused, nothing overtakes."""
    count, size = 400, 20_000

    async def scenario() -> None:
        settings = [settings_of(tmp_path, number, totem_queue_max="64K") for number in (1, 2)]
        async with running(*settings) as drivers:
            await ring_of(drivers)
            async with (
                AsyncEvs.open(sock=drivers[0].connect()) as alice,
                AsyncEvs.open(sock=drivers[1].connect()) as bob,
            ):
                await bob.join("g", retry=True)
                async with alice.sender("g") as sender:
                    for number in range(count):
                        sender.send(b"%d." % number + bytes(size))
                received: list[int] = []
                while len(received) < count:
                    event = await bob.receive(PATIENCE_S)
                    if isinstance(event, MessageDelivered):
                        received.append(int(event.payload.partition(b".")[0]))
        assert received == list(range(count))

    asyncio.run(asyncio.wait_for(scenario(), 2 * PATIENCE_S))
