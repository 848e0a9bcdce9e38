"""Rows of packets on real sockets, cut by the kernel and without it: the same packets arrive."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from openais.runtime.offload import ROW_PACKETS_MAX, RowSender, accept_rows, receive_row

SIZE = 100
SO_NO_CHECK = 11
"""Without checksums the kernel refuses to cut rows."""
ROW = bytes(range(1, 101)) * 7 + b"the end"


@pytest.fixture(params=["127.0.0.1", "::1"])
def sockets(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """One that sends and one that receives."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with ExitStack() as stack:
        sender, receiver = (stack.enter_context(socket.socket(family, socket.SOCK_DGRAM)) for _ in range(2))
        receiver.bind((request.param, 0))
        receiver.settimeout(20)
        yield sender, receiver


def packets(receiver: socket.socket, byte_count: int) -> list[bytes]:
    """The packets that hold so many bytes in all."""
    found: list[bytes] = []
    while sum(map(len, found)) < byte_count:
        row, size, _ = receive_row(receiver)
        found += [row[start : start + size] for start in range(0, len(row), size)]
    return found


@pytest.mark.parametrize("cut_by_the_kernel", [True, False])
@pytest.mark.parametrize("handed_on_in_rows", [True, False])
def test_a_row_arrives_as_its_packets(
    sockets: tuple[socket.socket, socket.socket], cut_by_the_kernel: bool, handed_on_in_rows: bool
) -> None:
    sender, receiver = sockets
    if handed_on_in_rows:
        accept_rows(receiver)
    rows = RowSender(sender, SIZE)
    rows.offloads = rows.offloads and cut_by_the_kernel
    for row in (ROW, b"short", ROW[: 2 * SIZE]):
        rows.send(row, receiver.getsockname())
        expected = [row[start : start + SIZE] for start in range(0, len(row), SIZE)]
        assert packets(receiver, len(row)) == expected


def test_a_row_longer_than_one_call_takes_leaves_in_several(sockets: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = sockets
    accept_rows(receiver)
    row = bytes(SIZE * (ROW_PACKETS_MAX * 2 + 1))
    RowSender(sender, SIZE).send(row, receiver.getsockname())
    assert len(packets(receiver, len(row))) == ROW_PACKETS_MAX * 2 + 1


def test_where_the_kernel_cannot_cut_a_row_packets_leave_one_by_one() -> None:
    """It does not for packets longer than the route takes; loopback takes 65536 bytes, headers included."""
    with ExitStack() as stack:
        sender, receiver = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(20)
        sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        rows = RowSender(sender, SIZE)
        rows.send(ROW, receiver.getsockname())
        assert len(packets(receiver, len(ROW))) == 8
        assert not rows.offloads


def test_an_empty_packet_is_a_packet(sockets: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = sockets
    RowSender(sender, SIZE).send(b"", receiver.getsockname())
    assert receive_row(receiver)[:2] == (b"", 1)
