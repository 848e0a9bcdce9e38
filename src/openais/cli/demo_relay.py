"""The network of the demo: a relay in user space that carries every datagram between the nodes, and can stop to.

Each node is told, for every other one, the address of a *door* of the relay. What it sends there comes out at the
other node, from the door that leads back; so the nodes see nothing of the relay, and a link can be cut without
privileges. The relay cannot read what it carries: the datagrams are sealed.
"""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

LOOPBACK: Final = "127.0.0.1"
BURST_MAX: Final = 64
"""Datagrams taken from one door before the others have their turn."""
BUFFER_BYTES: Final = 4 * 1024 * 1024
_UNASKED_PORTS: Final = (20_000, 32_000)
"""From and below: where Linux gives no port to a socket that asks for any."""
_PROBES_MAX: Final = 1000

Port: TypeAlias = int
Door: TypeAlias = tuple[int, int]
"""(viewer, other): where `viewer` finds `other`."""


class Relay:
    """Carries datagrams between nodes, each known by its number and the UDP port where it listens."""

    def __init__(self, homes: Mapping[int, Port]) -> None:
        self._homes = dict(homes)
        self._doors: dict[Door, socket.socket] = {}
        self._cut: frozenset[frozenset[int]] = frozenset()
        self.carried = 0
        self.dropped = 0

    def open(self) -> None:
        """Opens a door for every ordered pair of nodes. To be called in the event loop."""
        loop = asyncio.get_running_loop()
        for viewer in self._homes:
            for other in self._homes:
                if viewer != other:
                    door = self._doors[viewer, other] = _door()
                    loop.add_reader(door, self._carry, (viewer, other))

    def close(self) -> None:
        """Closes all doors."""
        for door in self._doors.values():
            asyncio.get_running_loop().remove_reader(door)
            door.close()
        self._doors.clear()

    def doors_of(self, viewer: int) -> list[str]:
        """The addresses at which `viewer` finds the other nodes, as `host:port`."""
        return [
            f"{LOOPBACK}:{door.getsockname()[1]}" for (seen_by, _), door in self._doors.items() if seen_by == viewer
        ]

    def cut(self, one_side: Iterable[int], other_side: Iterable[int]) -> None:
        """From here on nothing gets from one side to the other."""
        others = tuple(other_side)
        self._cut = frozenset(frozenset((one, other)) for one in one_side for other in others)

    def mend(self) -> None:
        """Every link carries again."""
        self._cut = frozenset()

    def is_cut(self, one: int, other: int) -> bool:
        """Whether the link between two nodes is cut."""
        return frozenset((one, other)) in self._cut

    def _carry(self, door: Door) -> None:
        viewer, other = door
        source, back = self._doors[door], self._doors[other, viewer]
        home = (LOOPBACK, self._homes[other])
        for _ in range(BURST_MAX):
            try:
                datagram = source.recv(65536)
            except BlockingIOError:
                return
            if self.is_cut(viewer, other) or not _sent(back, datagram, home):
                self.dropped += 1
            else:
                self.carried += 1


def free_ports(count: int) -> list[Port]:
    """UDP ports that are free, and stay so until they are bound: the kernel gives them to nobody who asks for any."""
    ports: list[Port] = []
    for port in random.sample(range(*_UNASKED_PORTS), count + _PROBES_MAX):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError(f"{len(ports)} of {count} UDP ports at {LOOPBACK} are free, after {count + _PROBES_MAX} probes")


def _door() -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setblocking(False)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    door.bind((LOOPBACK, 0))
    return door


def _sent(door: socket.socket, datagram: bytes, home: tuple[str, Port]) -> bool:
    """Whether the datagram left; a full buffer or a dead node loses it, as a network would."""
    try:
        door.sendto(datagram, home)
    except OSError:
        return False
    return True
