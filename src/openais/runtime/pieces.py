"""Datagrams longer than the packets of the network: cut into pieces where they leave, joined where they arrive.

    version   u8   PIECE_VERSION, which no whole datagram begins with
    place     u8   which piece this is, from 0
    count     u8   pieces of the datagram, 2 at least
    (zero)    u8
    datagram  u32  number of the datagram, counted by its sender

big endian, then the bytes of the piece. Of one datagram all pieces but the last are equally long, so that the kernel
can cut a row of them (UDP_SEGMENT) and hand on a row of them (UDP_GRO).

A piece is not authentic; the sealed datagram is, once it is whole. So nothing is concluded from a piece, and what is
kept of datagrams that are not whole is bounded for each source and in all: the oldest makes room. A datagram of which
a piece is lost is lost, and the ring asks for it again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final, NamedTuple

from openais.totem.effects import Address

PIECE_VERSION: Final = 0x81
HEADER: Final = struct.Struct(">BBBxI")
PIECES_MAX: Final = 255
UNFINISHED_MAX: Final = 16
"""Datagrams of one source that are not whole."""
SHAPES_MAX: Final = 256
"""Counts and sizes of pieces for which it is remembered where they are."""
SOURCES_MAX: Final = 64
"""Sources of which such datagrams are kept."""


class Cutter:
    """Cuts datagrams into packets of `size` bytes. `first` is the number of the first one: a new one at each start."""

    def __init__(self, size: int, first: int) -> None:
        self.size: Final = size
        self._next = first % 2**32

    def cut(self, datagram: bytes) -> bytes:
        """The pieces of a datagram longer than `size`, one after the other: each `size` bytes long but the last."""
        number, self._next = self._next.to_bytes(4, "big"), (self._next + 1) % 2**32
        step = self.size - HEADER.size
        shape = _shape((len(datagram) + step - 1) // step, step)
        parts: list[bytes | memoryview] = [b""] * (2 * len(shape.heads))
        parts[0::2] = [head + number for head in shape.heads]
        parts[1::2] = shape.bodies(memoryview(datagram))
        return b"".join(parts)


class Joiner:
    """Puts datagrams together."""

    def __init__(self) -> None:
        self._unfinished: dict[Address, dict[int, _Unfinished]] = {}
        self.given_up = 0
        """Datagrams that were forgotten before they were whole."""

    def datagrams(self, source: Address, row: bytes, size: int) -> Sequence[bytes]:
        """The datagrams that a row of packets, each `size` bytes long but the last, holds or makes whole."""
        if len(row) <= size:
            whole = self._packet(source, row)
            return () if whole is None else (whole,)
        if size > HEADER.size and row[0] == PIECE_VERSION and row[1] == 0:
            whole = _join_row(row, size)
            if whole is not None:
                return (whole,)
        packets = (self._packet(source, row[start : start + size]) for start in range(0, len(row), size))
        return [packet for packet in packets if packet is not None]

    def _packet(self, source: Address, packet: bytes) -> bytes | None:
        """The datagram that a packet is, or makes whole. One that cannot be a piece is handed on, to be refused."""
        if len(packet) <= HEADER.size or packet[0] != PIECE_VERSION:
            return packet
        _, place, count, number = HEADER.unpack_from(packet)
        if not place < count:
            return packet
        of_source = self._unfinished.get(source)
        if of_source is None:
            of_source = self._new_source(source)
        unfinished = of_source.get(number)
        if unfinished is None or len(unfinished.pieces) != count:
            unfinished = self._new_datagram(of_source, number, count)
        if unfinished.pieces[place] is None:
            unfinished.missing -= 1
        unfinished.pieces[place] = packet
        if unfinished.missing:
            return None
        del of_source[number]
        return b"".join([memoryview(piece)[HEADER.size :] for piece in unfinished.pieces if piece is not None])

    def _new_source(self, source: Address) -> dict[int, _Unfinished]:
        if len(self._unfinished) >= SOURCES_MAX:
            self.given_up += len(self._unfinished.pop(next(iter(self._unfinished))))
        return self._unfinished.setdefault(source, {})

    def _new_datagram(self, of_source: dict[int, _Unfinished], number: int, count: int) -> _Unfinished:
        self.given_up += of_source.pop(number, None) is not None
        if len(of_source) >= UNFINISHED_MAX:
            del of_source[next(iter(of_source))]
            self.given_up += 1
        return of_source.setdefault(number, _Unfinished(count))


class _Unfinished:
    """The pieces of one datagram so far, whole packets each."""

    __slots__ = ("missing", "pieces")

    def __init__(self, count: int) -> None:
        self.pieces: list[bytes | None] = [None] * count
        self.missing = count


class _Shape(NamedTuple):
    """Where the pieces of a datagram of some length are, in it and in its row: found out once."""

    heads: tuple[bytes, ...]
    """The header of each piece, without the number of the datagram."""
    bodies: Callable[[memoryview], Sequence[memoryview]]
    """The pieces of the datagram, without their headers."""
    row_heads: Callable[[memoryview], Sequence[memoryview]]
    """The headers of a row."""
    row_bodies: Callable[[memoryview], Sequence[memoryview]]
    """What is between them."""


@lru_cache(SHAPES_MAX)
def _shape(count: int, step: int) -> _Shape:
    """That of a datagram in `count` pieces, two or more, of `step` bytes, of which the last may have fewer."""
    assert 2 <= count <= PIECES_MAX, f"a datagram in {count} pieces of {step} bytes"
    size, head = step + HEADER.size, HEADER.size
    return _Shape(
        heads=tuple(bytes((PIECE_VERSION, place, count, 0)) for place in range(count)),
        bodies=itemgetter(*(slice(at, at + step) for at in range(0, count * step, step))),
        row_heads=itemgetter(*(slice(at, at + head) for at in range(0, count * size, size))),
        row_bodies=itemgetter(*(slice(at + head, at + size) for at in range(0, count * size, size))),
    )


def _join_row(row: bytes, size: int) -> bytes | None:
    """The datagram, when the row is all of its pieces in their order, and nothing else."""
    count = row[2]
    if count < 2 or not size * (count - 1) + HEADER.size < len(row) <= size * count:
        return None
    view = memoryview(row)
    shape = _shape(count, size - HEADER.size)
    number = row[4 : HEADER.size]
    if b"".join(shape.row_heads(view)) != b"".join([head + number for head in shape.heads]):
        return None
    return b"".join(shape.row_bodies(view))
