"""Libraries share memory with real executives: who gets some, what goes through it, and what a rogue does with it."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from openais.evs import AsyncEvs, Evs, MessageDelivered
from openais.messages.base import Kind, ServiceId, decode, encode
from openais.messages.frame import HEADER, PLACE, SHARED, FrameReader, pack
from openais.messages.session import INITIALIZE_NUMBER, Goodbye, Initialize, Initialized
from tests.client.fake_executive import PATIENCE_S
from tests.client.test_with_executives import Cluster, delivered
from tests.support.waiting import eventually

SIZES = (1, 8_000, 8_192, 100_000, 700_000, 1_048_576)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Cluster]:
    """One executive that shares memory with two libraries at a time."""
    made = Cluster(tmp_path, ipc_shared_memory="2")
    try:
        made.start(1)
        yield made
    finally:
        made.close()


def initialized(path: Path, *, shares: bool = True) -> tuple[socket.socket, Initialized, list[int]]:
    """A connection to the group messaging service as by a library: with what is answered, and the descriptors."""
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(PATIENCE_S)
    stream.connect(str(path))
    hello = Initialize(ServiceId.EVS, "B", 1, 1, os.getpid(), "rogue", shares)
    stream.sendall(pack(INITIALIZE_NUMBER, Kind.REQUEST, 1, encode(hello)))
    data, descriptors, _, _ = socket.recv_fds(stream, 65_536, 4)
    reader = FrameReader()
    reader.feed(data)
    answer = next(frame for frame in reader.frames() if frame.kind is Kind.RESPONSE)
    return stream, decode(Initialized, answer.body), list(descriptors)


def payload(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def descriptors() -> int:
    """Open descriptors of shared memory in this process."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the listing
            found += "memfd:openais" in os.readlink(f"/proc/self/fd/{number}")
    return found


def mapped() -> int:
    """Mappings of shared memory in this process."""
    return sum("memfd:openais" in line for line in Path("/proc/self/maps").read_text().splitlines())


def test_payloads_of_any_size_arrive_as_they_were_sent(one: Cluster) -> None:
    before = mapped()
    with Evs(one.socket(1)) as evs:
        assert mapped() == before + 2, "one mapping of the executive's, which is in this process, and one of ours"
        evs.join("all")
        for _ in range(3):
            for size in SIZES:
                evs.multicast("all", [payload(size)])
        assert [len(each) for each in delivered(evs, 3 * len(SIZES))] == list(SIZES) * 3


def test_what_was_sent_ahead_is_all_there_when_it_is_read_at_last(one: Cluster) -> None:
    """Far more than the memory holds: the rest goes through the stream, and nothing is overwritten."""
    with Evs(one.socket(1)) as reader, Evs(one.socket(1)) as writer:
        reader.join("all")
        sent = [payload(700_000 + number) for number in range(12)]
        for each in sent:
            writer.multicast("all", [each])
        assert delivered(reader, 12) == sent


def test_threads_of_one_handle_send_through_the_same_memory(one: Cluster) -> None:
    with Evs(one.socket(1)) as evs:
        evs.join("all")

        def send(first: int) -> None:
            for number in range(first, first + 10):
                evs.multicast("all", [payload(90_000 + number)])

        threads = [threading.Thread(target=send, args=(first,)) for first in (0, 10, 20)]
        for thread in threads:
            thread.start()
        arrived = delivered(evs, 30)
        for thread in threads:
            thread.join(PATIENCE_S)
        assert sorted(map(len, arrived)) == list(range(90_000, 90_030))
        assert all(each == payload(len(each)) for each in arrived)


def test_a_sender_and_a_loop_send_through_it(one: Cluster) -> None:
    async def scenario() -> list[bytes]:
        async with await AsyncEvs.open(one.socket(1)) as evs:
            await evs.join("all")
            async with evs.sender("all") as sender:
                for number in range(200):
                    sender.send(payload(20_000 + number))
                    await sender.drain()
                arrived: list[bytes] = []
                async for event in evs:
                    if isinstance(event, MessageDelivered):
                        arrived.append(event.payload)
                    if len(arrived) == 200:
                        return arrived
        raise AssertionError("the handle ended")

    assert asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S)) == [payload(20_000 + number) for number in range(200)]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_that_opens_a_handle_of_its_own_has_memory_of_its_own(one: Cluster) -> None:
    with Evs(one.socket(1)) as evs:
        evs.join("all")

        def work() -> None:
            with Evs(one.socket(1)) as own:
                own.multicast("all", [payload(500_000)])

        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        evs.multicast("all", [payload(500_001)])
        assert {len(each) for each in delivered(evs, 2)} == {500_000, 500_001}
        child.join(PATIENCE_S)
        assert child.exitcode == 0


def test_handles_that_ended_leave_neither_descriptors_nor_memory(one: Cluster) -> None:
    """Neither here nor in the executive, which is in this process."""
    for _ in range(3):
        with Evs(one.socket(1)) as evs:
            evs.join("all")
            evs.multicast("all", [payload(100_000)])
            delivered(evs, 1)
    asyncio.run(eventually(lambda: mapped() == descriptors() == 0))


def test_who_does_not_ask_gets_none(one: Cluster) -> None:
    stream, answer, descriptors = initialized(one.socket(1), shares=False)
    with stream:
        assert (answer.shared_bytes, descriptors) == (0, [])


def test_memory_is_shared_with_so_many_at_a_time(one: Cluster) -> None:
    """The third is served without; once one is gone there is memory for the next."""
    with Evs(one.socket(1)), Evs(one.socket(1)) as second:
        stream, answer, descriptors = initialized(one.socket(1))
        with stream:
            assert (answer.shared_bytes, descriptors) == (0, [])
        with Evs(one.socket(1)) as third:
            third.join("all")
            third.multicast("all", [payload(200_000)])
            assert delivered(third, 1) == [payload(200_000)]
        second.finalize()
        stream, answer, descriptors = initialized(one.socket(1))
        with stream:
            assert answer.shared_bytes > 0
            assert len(descriptors) == 1
            os.close(descriptors[0])


def test_a_library_cannot_take_the_memory_from_under_the_executive(one: Cluster) -> None:
    stream, answer, [descriptor] = initialized(one.socket(1))
    with stream:
        for size in (0, 4 * answer.shared_bytes):
            with pytest.raises(PermissionError):
                os.ftruncate(descriptor, size)
        os.close(descriptor)


def test_who_names_a_place_where_nothing_can_be_is_told_and_nobody_else_notices(one: Cluster) -> None:
    with Evs(one.socket(1)) as evs:
        evs.join("all")
        stream, answer, [descriptor] = initialized(one.socket(1))
        os.close(descriptor)
        with stream:
            head = HEADER.pack(HEADER.size + PLACE.size, 3, Kind.REQUEST | SHARED, 1, 2)
            stream.sendall(head + PLACE.pack(answer.shared_bytes - 10, 100))
            received = bytearray()
            while data := stream.recv(65_536):
                received += data
        reader = FrameReader()
        reader.feed(bytes(received))
        *_, last = reader.frames()
        assert "shared memory: 100 bytes" in decode(Goodbye, last.body).reason
        evs.multicast("all", [payload(100_000)])
        assert delivered(evs, 1) == [payload(100_000)]


def test_rubbish_in_the_memory_is_refused_like_rubbish_in_the_stream(one: Cluster) -> None:
    stream, _, [descriptor] = initialized(one.socket(1))
    os.close(descriptor)
    with stream:
        head = HEADER.pack(HEADER.size + PLACE.size, 3, Kind.REQUEST | SHARED, 1, 2)
        stream.sendall(head + PLACE.pack(0, 9_000))
        reader = FrameReader()
        reader.feed(stream.recv(65_536))
        assert [(frame.call, frame.error.name) for frame in reader.frames()] == [(2, "INVALID_PARAM")]
