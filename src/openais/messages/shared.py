"""Memory that a library and the executive share, for what is long.

The body of a long frame is put into memory that both have mapped, and the frame in the stream only says where: one copy
in and one out instead of those through a socket. Each direction has a part of the memory of its own, used as a ring.
Positions count all bytes that ever went through it; a body does not wrap round its end. Who has taken bodies says so
from time to time with a frame of its own (RELEASED), and when there is no room the body goes through the stream. So the
stream alone gives order, wake-ups and backpressure, and shared memory can only save copies.

Nobody trusts the other: places are checked against the memory, and what the executive takes it copies before it looks
at it.
"""

from __future__ import annotations

from typing import Final

from openais.messages.base import Malformed
from openais.messages.frame import HEADER, PLACE, RELEASED, SHARED, Pieces

BODY_MIN: Final = 8 * 1024
"""Bytes of a body from which on it goes through shared memory."""
_LINE: Final = 64
_TOLD_SHARE: Final = 4
"""The other side is told when this part of the memory was taken."""


class SharedMemory:
    """One end of it: bodies are written to `outgoing` and taken from `incoming`, which may not change their size.

    `copies`: what is taken is copied, as the other side may change it at any time. If not, it is a view, which holds
    until `release`.
    """

    def __init__(self, outgoing: memoryview, incoming: memoryview, *, copies: bool) -> None:
        self._outgoing: Final = outgoing
        self._incoming: Final = incoming
        self._copies: Final = copies
        self._put = 0
        self._free_from = 0
        """What was put up to this position has been taken."""
        self._taken = 0
        self._told = 0

    def carry(self, frame: Pieces) -> Pieces:
        """The frame as it is to be written: its body is put into the memory when it is long and there is room.

        The first piece holds the header at least.
        """
        length = sum(map(len, frame)) - HEADER.size
        at = self._room(length) if length >= BODY_MIN else -1
        if at < 0:
            return frame
        memory, place = self._outgoing, self._put
        first, *rest = frame
        for piece in (memoryview(first)[HEADER.size :], *rest):
            end = at + len(piece)
            memory[at:end] = piece
            at = end
        self._put += _rounded(length)
        _, number, kind, error, call = HEADER.unpack_from(first)
        head = HEADER.pack(HEADER.size + PLACE.size, number, kind | SHARED, error, call)
        return (head + PLACE.pack(place, length),)

    def released(self, position: int) -> None:
        """The other side has taken everything up to this position. Raises Malformed on one that cannot be."""
        if not self._free_from <= position <= self._put:
            raise Malformed(f"shared memory: released up to {position}, expected {self._free_from} to {self._put}")
        self._free_from = position

    def take(self, position: int, length: int) -> memoryview:
        """The body at a place. Raises Malformed when it cannot be there."""
        size = len(self._incoming)
        at = position % size
        if not self._taken <= position <= self._taken + size or at + length > size or not length:
            raise Malformed(f"shared memory: {length} bytes at {position}, {self._taken} are taken, it holds {size}")
        self._taken = position + _rounded(length)
        body = self._incoming[at : at + length]
        return memoryview(bytes(body)) if self._copies else body

    def release(self) -> bytes:
        """The frame that tells the other side of what was taken, and is not in use any more; empty when too little."""
        if self._taken - self._told < len(self._incoming) // _TOLD_SHARE:
            return b""
        self._told = self._taken
        return HEADER.pack(HEADER.size, 0, RELEASED, 1, self._told)

    def _room(self, length: int) -> int:
        """Where in the memory there is room for a body, at position `_put`; -1 when there is none."""
        size = len(self._outgoing)
        if self._free_from == self._put:  # the beginning is warm
            self._free_from = self._put = self._put + -self._put % size
        at = self._put % size
        if at + length > size:
            skipped = size - at
            if self._put + skipped + length - self._free_from > size:
                return -1
            self._put += skipped
            return 0
        return at if self._put + length - self._free_from <= size else -1


def _rounded(length: int) -> int:
    return length + -length % _LINE
