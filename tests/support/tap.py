"""A tap on the network: carries every datagram between executives on loopback, keeps them, and can send more.

Each executive is told, for every other one, the address of a door. What it sends there comes out at the other one from
the door that leads back, so that to the executives a forger at a door looks like the other executive.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tests.support.processes import ExecutiveProcess

LOOPBACK = "127.0.0.1"
KEPT_MAX = 20_000


class Captured(NamedTuple):
    """A datagram on its way from one executive to another, by their numbers."""

    sender: int
    receiver: int
    datagram: bytes


class Tap:
    """The doors of all pairs. Made by `tapped`."""

    def __init__(self, executives: Sequence[ExecutiveProcess]) -> None:
        self._homes = {each.number: (LOOPBACK, int(each.sections["network"]["mcastport"])) for each in executives}
        self._doors = {(one, other): _door() for one in self._homes for other in self._homes if one != other}
        self.captured: list[Captured] = []
        """The first KEPT_MAX datagrams that were carried."""

    def open(self, executives: Iterable[ExecutiveProcess]) -> None:
        """Begins to carry, and sends the executives, which are not started yet, through the doors."""
        for (sender, receiver), door in self._doors.items():
            asyncio.get_running_loop().add_reader(door, self._carry, sender, receiver)
        for each in executives:
            doors = (door for (sender, _), door in self._doors.items() if sender == each.number)
            each.sections["totem"]["nodelist"] = ", ".join(f"{LOOPBACK}:{door.getsockname()[1]}" for door in doors)

    def close(self) -> None:
        """Carries no more."""
        for door in self._doors.values():
            asyncio.get_running_loop().remove_reader(door)
            door.close()

    def send(self, sender: int, receiver: int, datagram: bytes) -> None:
        """Sends a datagram to `receiver` that looks as if it came from `sender`."""
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):  # lost, as on any network
            self._doors[receiver, sender].sendto(datagram, self._homes[receiver])

    def _carry(self, sender: int, receiver: int) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while True:
                datagram = self._doors[sender, receiver].recv(65_536)
                if len(self.captured) < KEPT_MAX:
                    self.captured.append(Captured(sender, receiver, datagram))
                self.send(sender, receiver, datagram)


@contextlib.contextmanager
def tapped(executives: Sequence[ExecutiveProcess]) -> Iterator[Tap]:
    """A tap between executives that are not started yet."""
    tap = Tap(executives)
    try:
        tap.open(executives)
        yield tap
    finally:
        tap.close()


def _door() -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setblocking(False)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    door.bind((LOOPBACK, 0))
    return door
