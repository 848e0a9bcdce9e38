"""Long packets that are sent again on a bad network: in parts, each a datagram of its own that fits into a packet.

    header    of 12 bytes, as of every datagram; the sender is that of the packet
    ring      u64, u32
    sequence  u64
    step      u32  bytes of every part but the last
    place     u16  which part this is, from 0
    count     u16  parts in all, 2 at least

little endian, then the bytes of the part, as they stand in the packet, whoever sends it again.

A long datagram is lost with any of its pieces: of forty, with one in five lost, hardly one in ten thousand arrives.
Parts are kept until all have come, from whomever and however often it takes: each time brings the packet closer.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from openais.totem.effects import RingId
from openais.totem.wire import WIRE_VERSION, Packet, PacketType, WireError, read_data, read_type
from openais.types import NodeId

_PART: Final = struct.Struct("<BBHIIQIQIHH")
UNFINISHED_MAX: Final = 256
"""Packets of which parts are kept: more than a ring has in flight in one rotation."""
PARTS_MAX: Final = 255
"""Parts of one packet."""
PACKET_MAX: Final = 1 << 16
"""Bytes of a packet."""


class Part(NamedTuple):
    """A part of a packet. Those with the same ring, sequence, step and number of parts belong together."""

    ring_id: RingId
    sequence: int
    step: int
    parts: int
    place: int
    datagram: bytes

    @property
    def packet(self) -> tuple[RingId, int, int, int]:
        return self[:4]


def cut(packet: Packet, cluster: int, size: int) -> list[bytes]:
    """The parts of a packet that is longer than `size`, each a datagram of at most `size` bytes."""
    step = size - _PART.size
    raw = memoryview(packet.raw)
    count = -(-len(raw) // step)
    assert count <= PARTS_MAX, f"a packet of {len(raw)} bytes in {count} parts"
    head = (WIRE_VERSION, PacketType.PART, 0, cluster, packet.sender, *packet.ring_id, packet.sequence, step)
    return [
        b"".join((_PART.pack(*head, place, count), raw[place * step : (place + 1) * step])) for place in range(count)
    ]


def read_part(datagram: bytes) -> Part:
    """The part in a datagram. Raises WireError."""
    if len(datagram) <= _PART.size:
        raise WireError("malformed_part")
    *_, sequence_of_ring, representative, sequence, step, place, count = _PART.unpack_from(datagram)
    length = len(datagram) - _PART.size
    whole = length == step if place < count - 1 else length <= step
    if not (place < count <= PARTS_MAX and whole and step * (count - 1) < PACKET_MAX):
        raise WireError("malformed_part")
    return Part(RingId(sequence_of_ring, NodeId(representative)), sequence, step, count, place, datagram)


class Joiner:
    """Puts packets together again. Of too many that are not whole the oldest is forgotten."""

    def __init__(self, cluster: int) -> None:
        self._cluster = cluster
        self._unfinished: dict[tuple[RingId, int, int, int], dict[int, bytes]] = {}

    def add(self, part: Part) -> Packet | None:
        """The packet that a part makes whole, if it does. Raises WireError when that is not the one it should be."""
        key = part.packet
        parts = self._unfinished.setdefault(key, {})
        parts[part.place] = part.datagram
        if len(parts) < part.parts:
            if len(self._unfinished) > UNFINISHED_MAX:
                del self._unfinished[next(iter(self._unfinished))]
            return None
        del self._unfinished[key]
        packet = read_data(b"".join(memoryview(parts[place])[_PART.size :] for place in range(part.parts)))
        is_data = read_type(packet.raw, self._cluster) == PacketType.DATA
        if not is_data or (packet.sequence, packet.ring_id) != (part.sequence, part.ring_id):
            raise WireError("malformed_part")
        return packet
