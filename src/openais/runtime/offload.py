"""Rows of packets in one system call: UDP_SEGMENT and UDP_GRO of Linux, and how it goes without them.

A row is the packets of one sender to one address, one after the other: each `size` bytes long but the last. Where the
kernel, the route or the network card does not cut rows, that is found out once, and packets leave one by one.
"""

from __future__ import annotations

import errno
import logging
import socket
import struct
from contextlib import suppress
from typing import Final

from openais.runtime.node_list import SocketAddress
from openais.totem.effects import Address

ROW_PACKETS_MAX: Final = 64
"""Packets that the kernel cuts in one call, at least."""
ROW_BYTES_MAX: Final = 65_000
"""Bytes that it takes in one call: those of an IP packet, less the headers."""
DATAGRAM_MAX: Final = 65_536
SOL_UDP: Final = 17
UDP_SEGMENT: Final = 103
UDP_GRO: Final = 104
_REFUSALS: Final = frozenset((errno.EINVAL, errno.EIO, errno.EMSGSIZE, errno.ENOPROTOOPT, errno.EOPNOTSUPP))
_SEGMENT_SIZE: Final = struct.Struct("=i")
_CONTROL_SIZE: Final = socket.CMSG_SPACE(_SEGMENT_SIZE.size)

log = logging.getLogger(__name__)


class RowSender:
    """Sends rows of packets of `size` bytes from a socket."""

    def __init__(self, sender: socket.socket, size: int) -> None:
        self._socket = sender
        self._size = size
        self._control = [(SOL_UDP, UDP_SEGMENT, struct.pack("=H", size))]
        self._row_bytes = size * max(1, min(ROW_PACKETS_MAX, ROW_BYTES_MAX // size))
        self.offloads = self._row_bytes > size
        """Whether the kernel cuts rows, as far as is known."""

    def send(self, row: bytes, address: Address) -> None:
        """Sends a row. Raises OSError; when that is BlockingIOError a part of the row may have been sent."""
        if len(row) <= self._size:
            self._socket.sendto(row, address)  # type: ignore[call-overload]
        elif not self.offloads or not self._send_in_rows(row, address):
            view = memoryview(row)
            for start in range(0, len(row), self._size):
                self._socket.sendto(view[start : start + self._size], address)  # type: ignore[call-overload]

    def _send_in_rows(self, row: bytes, address: Address) -> bool:
        """Has the kernel cut the row; False when it turns out that it does not."""
        view = memoryview(row)
        for start in range(0, len(row), self._row_bytes):
            part = view[start : start + self._row_bytes]
            try:
                self._socket.sendmsg([part], self._control if len(part) > self._size else (), 0, address)  # type: ignore[arg-type]
            except OSError as error:
                if error.errno not in _REFUSALS:
                    raise
                self.offloads = False
                log.info("packets leave one by one: the kernel does not cut rows of them here: %s", error.strerror)
                return False
        return True


def accept_rows(receiver: socket.socket) -> None:
    """Asks the kernel to hand on rows of packets in one piece. Where it cannot, they come one by one."""
    with suppress(OSError):
        receiver.setsockopt(SOL_UDP, UDP_GRO, 1)


def receive_row(receiver: socket.socket) -> tuple[bytes, int, SocketAddress]:
    """What arrived, the size of all packets in it but the last, and where it came from. Raises OSError."""
    row, control, _, address = receiver.recvmsg(DATAGRAM_MAX, _CONTROL_SIZE)
    for level, kind, data in control:
        if level == SOL_UDP and kind == UDP_GRO and len(data) >= _SEGMENT_SIZE.size:
            return row, max(1, _SEGMENT_SIZE.unpack_from(data)[0]), address
    return row, max(1, len(row)), address
