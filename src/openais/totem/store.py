"""The packets of one ring that were received and may be needed again (the seed's sort queue)."""

from __future__ import annotations

from typing import Final

from openais.totem.wire import SAFE, Packet
from openais.types import NodeId


class PacketStore:
    """Packets by sequence. All up to `aru` were received; those up to `discarded` are gone.

    Invariant: discarded <= aru <= high; every sequence in (discarded, aru] is in `packets`.
    """

    def __init__(self, ahead_max: int) -> None:
        self._ahead_max: Final = ahead_max
        self.packets: Final[dict[int, Packet]] = {}
        self.discarded = 0
        self.aru = 0
        self.high = 0
        self.high_sender = NodeId(0)
        """Who sent the packet `high`; 0 while there is none."""
        self.safe_high = 0
        """The highest sequence of a packet that asks for safe delivery."""

    def add(self, packet: Packet) -> bool:
        """Keeps a packet; False when it is here already, or absurdly far ahead."""
        sequence = packet.sequence
        if sequence <= self.aru or sequence in self.packets or sequence > self.aru + self._ahead_max:
            return False
        self.packets[sequence] = packet
        if sequence > self.high:
            self.high = sequence
            self.high_sender = packet.sender
        if packet.flags & SAFE and sequence > self.safe_high:
            self.safe_high = sequence
        aru = self.aru
        while aru + 1 in self.packets:
            aru += 1
        self.aru = aru
        return True

    def has(self, sequence: int) -> bool:
        """Whether the packet of a sequence was received."""
        return sequence <= self.aru or sequence in self.packets

    def missing(self, up_to: int, ranges_max: int) -> list[tuple[int, int]]:
        """The sequences up to `up_to` that were not received, as (first, count), lowest first."""
        ranges: list[tuple[int, int]] = []
        sequence = self.aru + 1
        while sequence <= up_to and len(ranges) < ranges_max:
            if sequence in self.packets:
                sequence += 1
                continue
            first = sequence
            while sequence <= up_to and sequence not in self.packets:
                sequence += 1
            ranges.append((first, sequence - first))
        return ranges

    def discard(self, up_to: int) -> None:
        """Forgets the packets up to `up_to`, which must not be above the aru."""
        assert up_to <= self.aru
        for sequence in range(self.discarded + 1, up_to + 1):
            del self.packets[sequence]
        self.discarded = max(self.discarded, up_to)
