"""Library connections: bytes go both ways in order, and no connection can hold up another."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

from openais.executive.connections import Credentials
from openais.runtime.library_connections import READ_MAX, VECTORS_MAX
from tests.runtime.library_host import RecordingHost
from tests.support.waiting import eventually

OURS = Credentials(os.getpid(), os.getuid(), os.getgid())


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


def connect(host: RecordingHost) -> tuple[int, socket.socket]:
    """A connection's number, and the library's end of it."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    return host.connections.attach(ours, OURS), theirs


async def read(library: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        data = await asyncio.get_running_loop().sock_recv(library, 1 << 20)
        assert data, f"closed after {len(received)} bytes"
        received += data
    return bytes(received)


def test_bytes_arrive_in_both_directions() -> None:
    async def scenario() -> None:
        host = RecordingHost(echo=True)
        number, library = connect(host)
        assert host.opened == {number: OURS}
        library.send(b"hello")
        assert await read(library, 5) == b"hello"
        assert host.received[number] == b"hello"
        assert host.written[number] == 5
        library.close()
        await eventually(lambda: host.closed == [number])

    run(scenario)


def test_what_was_queued_together_arrives_in_order() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        pieces = [b"%06d" % count for count in range(5000)]
        for piece in pieces:
            host.connections.write(number, piece)
        host.connections.flush()
        assert await read(library, 30_000) == b"".join(pieces)
        assert host.written[number] == 30_000
        library.close()
        await eventually(lambda: host.closed)

    run(scenario)


def test_who_was_written_to_first_is_served_first() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        connected = [connect(host) for _ in range(3)]
        (first, _), (second, _), (third, _) = connected
        for number in (second, first, third, second):
            host.connections.write(number, b"x")
        host.connections.flush()
        assert list(host.written) == [second, first, third]
        for _, library in connected:
            library.close()
        await eventually(lambda: len(host.closed) == len(connected))

    run(scenario)


def test_what_the_kernel_does_not_take_waits_and_follows() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        data = os.urandom(16 * 1024 * 1024)
        host.connections.write(number, data)
        host.connections.flush()
        assert 0 < host.written[number] < len(data)
        assert await read(library, len(data)) == data
        await eventually(lambda: host.written[number] == len(data))
        library.close()
        await eventually(lambda: host.closed)

    run(scenario)


def test_a_wake_up_reads_a_bounded_part_of_one_connection_and_then_serves_the_others() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        greedy, greedy_library = connect(host)
        modest, modest_library = connect(host)
        flood = asyncio.create_task(asyncio.get_running_loop().sock_sendall(greedy_library, bytes(64 * READ_MAX)))
        await eventually(lambda: host.received[greedy])
        modest_library.send(b"x")
        await eventually(lambda: host.received[modest])
        assert len(host.received[greedy]) < 64 * READ_MAX
        assert max(count for _, count in host.reads) <= READ_MAX
        await flood
        host.connections.close_all()
        greedy_library.close()
        modest_library.close()

    run(scenario)


def test_a_connection_held_back_is_not_read_until_it_may_go_on() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        held, held_library = connect(host)
        other, other_library = connect(host)
        host.held_back.add(held)
        held_library.send(b"waits")
        other_library.send(b"x")
        await eventually(lambda: host.received[other] == b"x")
        assert not host.received[held]
        host.held_back.clear()
        host.connections.flush()
        await eventually(lambda: host.received[held] == b"waits")
        host.connections.close_all()
        held_library.close()
        other_library.close()

    run(scenario)


def test_closing_writes_what_is_queued_first() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        data = os.urandom(8 * 1024 * 1024)
        host.connections.write(number, data)
        host.connections.close(number, grace_s=20.0)
        host.connections.write(number, b"too late")
        host.connections.flush()
        assert await read(library, len(data)) == data
        assert await asyncio.get_running_loop().sock_recv(library, 1) == b""
        assert host.closed == [number]
        library.close()

    run(scenario)


def test_what_is_written_in_pieces_arrives_as_one_and_is_told_as_written() -> None:
    """More pieces than one system call takes, of any length."""

    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        pieces = [os.urandom(size % 97) for size in range(VECTORS_MAX + 100)]
        host.connections.write(number, *pieces)
        host.connections.write(number, memoryview(b"and the next"))
        host.connections.flush()
        expected = b"".join(pieces) + b"and the next"
        assert await read(library, len(expected)) == expected
        await eventually(lambda: host.written[number] == len(expected))
        host.connections.close_all()
        library.close()

    run(scenario)


def test_a_write_of_which_a_piece_was_begun_is_kept_whole_after_the_grace() -> None:
    """Its second piece has not left at all."""

    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        first, second = os.urandom(8 * 1024 * 1024), os.urandom(1000)
        host.connections.write(number, first, second)
        host.connections.write(number, bytes(1024))
        host.connections.write(number, b"last words")
        host.connections.close(number, grace_s=0.0)
        host.connections.flush()
        await asyncio.sleep(0)
        expected = first + second + b"last words"
        assert await read(library, len(expected)) == expected
        library.close()

    run(scenario)


def test_closing_ends_when_the_grace_is_over() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        host.connections.write(number, bytes(8 * 1024 * 1024))
        host.connections.close(number, grace_s=0.05)
        host.connections.flush()
        await eventually(lambda: host.closed == [number])
        assert len(host.connections) == 0
        library.close()

    run(scenario)


def test_who_reads_after_the_grace_is_given_the_write_that_was_begun_and_the_last_one() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        begun = os.urandom(8 * 1024 * 1024)
        for data in (begun, bytes(1024), b"last words"):
            host.connections.write(number, data)
        host.connections.close(number, grace_s=0.0)
        host.connections.flush()
        await asyncio.sleep(0)
        assert await read(library, len(begun) + 10) == begun + b"last words"
        assert await asyncio.get_running_loop().sock_recv(library, 1) == b""
        assert host.closed == [number]
        library.close()

    run(scenario)


def test_a_library_that_goes_away_while_it_is_written_to_is_noticed() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        host.held_back.add(number)
        library.send(b"never read")
        host.connections.write(number, bytes(8 * 1024 * 1024))
        host.connections.flush()
        library.close()
        await eventually(lambda: host.closed == [number])

    run(scenario)


def test_writing_to_and_closing_what_is_gone_does_nothing() -> None:
    async def scenario() -> None:
        host = RecordingHost()
        number, library = connect(host)
        library.close()
        await eventually(lambda: host.closed == [number])
        host.connections.write(number, b"x")
        host.connections.close(number, grace_s=1.0)
        host.connections.flush()
        assert host.closed == [number]

    run(scenario)
