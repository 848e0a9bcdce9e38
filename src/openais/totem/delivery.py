"""From packets in order to messages in order: unpacks, puts fragments together, and gives members of a group theirs.

All members see the same packets in the same order, so they all come to the same messages; a malformed entry is
dropped by all of them alike.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

from openais.totem.effects import Delivered
from openais.totem.packing import ENTRY, FIRST, FRAGMENT, LAST, NO_GROUPS, PRIORITY_SHIFT, SAFE_ENTRY
from openais.totem.wire import DATA_HEADER_SIZE, Packet
from openais.types import Guarantee, NodeId, Priority

_HEAD_MAX: Final = 1 + 255 * 256
_PRIORITIES: Final = tuple(Priority)
_AGREED: Final = Guarantee.AGREED
_SAFE: Final = Guarantee.SAFE
_NO_GROUPS: Final[tuple[bytes, ...]] = ()


class _Partial:
    """The parts of a message so far; views of the packets until the one join."""

    __slots__ = ("missing", "parts")

    def __init__(self, total: int) -> None:
        self.parts: list[memoryview] = []
        self.missing = total


class Delivery:
    """Hands on the messages in packets that are given in order of their sequence."""

    def __init__(self, message_max: int, deliver: Callable[[Delivered], None], count: Callable[[str], None]) -> None:
        self._total_max: Final = message_max + _HEAD_MAX
        self._deliver = deliver
        self._count = count
        self._partial: dict[tuple[NodeId, int], _Partial] = {}
        self.groups: Final[set[bytes]] = set()
        """The groups of which this processor is a member."""

    def packet(self, packet: Packet) -> None:
        """Delivers what the packet completes."""
        body = memoryview(packet.raw)[DATA_HEADER_SIZE:]
        at, end = 0, len(body)
        sender = packet.sender
        try:
            while at < end:
                flags, length = ENTRY.unpack_from(body, at)
                kind = flags & (FIRST | LAST)
                if kind == FIRST:
                    total = FRAGMENT.unpack_from(body, at)[2]
                    at += FRAGMENT.size
                else:
                    total = 0
                    at += ENTRY.size
                part = body[at : at + length]
                at += length
                if at > end or not length:
                    raise ValueError
                if kind == FIRST | LAST:
                    self._message(sender, flags, part)
                else:
                    self._fragment(sender, flags, total, part)
        except (struct.error, ValueError, IndexError):
            self._count("malformed_entry")

    def message(self, sender: NodeId, head: bytes, payload: bytes, flags: int) -> None:
        """Delivers a message that needed no packet: its head with the groups, its payload, its flags."""
        groups = _NO_GROUPS if head == NO_GROUPS else self._groups(memoryview(head))[0]
        self._hand_on(sender, flags, groups, memoryview(payload))

    def forget(self, kept: frozenset[NodeId] = frozenset()) -> None:
        """Drops the messages begun by all senders but `kept`: their missing parts will not come."""
        self._partial = {key: partial for key, partial in self._partial.items() if key[0] in kept}

    def _fragment(self, sender: NodeId, flags: int, total: int, part: memoryview) -> None:
        key = (sender, flags >> PRIORITY_SHIFT)
        if flags & FIRST:
            if total > self._total_max:
                raise ValueError
            self._partial[key] = _Partial(total)
        partial = self._partial.get(key)
        if partial is None:
            return  # the end of a message that began before this processor came, or in a packet that nobody has
        partial.parts.append(part)
        partial.missing -= len(part)
        if partial.missing < 0 or (partial.missing == 0) != bool(flags & LAST):
            del self._partial[key]
            raise ValueError
        if flags & LAST:
            del self._partial[key]
            self._message(sender, flags, memoryview(b"".join(partial.parts)))

    def _message(self, sender: NodeId, flags: int, message: memoryview) -> None:
        if message[0]:
            groups, at = self._groups(message)
        else:
            groups, at = _NO_GROUPS, 1
        self._hand_on(sender, flags, groups, message[at:])

    def _groups(self, message: memoryview) -> tuple[tuple[bytes, ...], int]:
        """The groups at the head of a message, and where its payload begins. Raises IndexError and ValueError."""
        at = 1
        names = []
        for _ in range(message[0]):
            length = message[at]
            names.append(bytes(message[at + 1 : at + 1 + length]))
            at += 1 + length
        if at > len(message):
            raise ValueError
        return tuple(names), at

    def _hand_on(self, sender: NodeId, flags: int, groups: tuple[bytes, ...], payload: memoryview) -> None:
        if groups and self.groups.isdisjoint(groups):
            return
        guarantee = _SAFE if flags & SAFE_ENTRY else _AGREED
        self._deliver(Delivered(sender, groups, payload, guarantee, _PRIORITIES[flags >> PRIORITY_SHIFT & 3]))
