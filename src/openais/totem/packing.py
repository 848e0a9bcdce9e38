"""Messages waiting to be sent, and how they become the bodies of packets.

A body is a row of entries, each a message or a part of one:

    flags   u8   FIRST 1, LAST 2, SAFE 4, priority in bits 4 and 5
    length  u16  bytes of this part
    total   u32  bytes of the whole message; only when FIRST without LAST

A message begins with its groups: their count u8, then for each its length u8 and its name. Parts of messages of
different priorities may alternate; parts of one sender and priority are in order. A message whose last part was not
numbered when the configuration changed is sent again from its beginning in the next one.

The work for a packet hardly depends on its length, so packets are as long as is good for them (PacketSize): one that is
longer than the packets of the network travels in pieces, and is lost when one of them is.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Final

from openais.totem.settings import RingSettings
from openais.totem.wire import DATA_HEADER_SIZE, SAFE
from openais.types import Guarantee, Priority

FIRST: Final = 1
LAST: Final = 2
SAFE_ENTRY: Final = 4
PRIORITY_SHIFT: Final = 4
ENTRY: Final = struct.Struct("<BH")
FRAGMENT: Final = struct.Struct("<BHI")
GROUP_NAME_BYTES_MAX: Final = 255
_FRAGMENT_MIN: Final = 64
_CLEAN_VISITS: Final = 8
"""Token visits without a loss before packets are made longer."""
_PLUGGED: Final = (Priority.MED, Priority.LOW)


class _Waiting:
    """A message that waits: its groups, its payload, the bytes of both, and how many of them are sent."""

    __slots__ = ("flags", "groups", "payload", "sent", "size")

    def __init__(self, groups: bytes, payload: bytes, flags: int) -> None:
        self.groups = groups
        self.payload = payload
        self.size = len(groups) + len(payload)
        self.flags = flags
        self.sent = 0

    def part(self, length: int) -> tuple[memoryview, ...]:
        """The next `length` bytes."""
        start, end, before = self.sent, self.sent + length, len(self.groups)
        payload = memoryview(self.payload)[max(0, start - before) : max(0, end - before)]
        return (payload,) if start >= before else (memoryview(self.groups)[start:end], payload)


class PacketSize:
    """How long packets are made: twice as long after some token visits without a loss, half as long after a loss."""

    def __init__(self, settings: RingSettings) -> None:
        self._least: Final = settings.packet_size
        self._most: Final = max(settings.packet_size, settings.packet_size_max)
        self._clean_visits = 0
        self.room = 0
        """Bytes of a body: a packet must still fit into another packet when it is recovered."""
        self._set(self._least)

    def clean(self) -> None:
        """Packets were sent in this token visit, and nobody missed one."""
        self._clean_visits += 1
        if self._clean_visits >= _CLEAN_VISITS and self._size < self._most:
            self._set(min(self._size * 2, self._most))

    def lossy(self) -> None:
        """Packets are missing somewhere."""
        self._set(max(self._size // 2, self._least))

    def _set(self, size: int) -> None:
        self._size = size
        self._clean_visits = 0
        self.room = size - 2 * DATA_HEADER_SIZE


class SendQueues:
    """One bounded queue for each priority, packed highest first."""

    def __init__(self, settings: RingSettings) -> None:
        self._settings = settings
        self.packet_size: Final = PacketSize(settings)
        self._queues: Final = {priority: deque[_Waiting]() for priority in Priority}
        self._bytes: Final = dict.fromkeys(Priority, 0)
        self._count = 0
        """Messages in all queues."""
        self.plugged = False

    def room(self, priority: Priority) -> bool:
        """Whether a message of this priority would be taken now."""
        settings = self._settings
        waiting = len(self._queues[priority])
        return self._bytes[priority] < settings.queue_bytes_max and waiting < settings.queue_messages_max

    def put(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
        """Queues a message; False when the queue is full. Raises ValueError on one that is too long."""
        if len(payload) > self._settings.message_max:
            raise ValueError(f"message of {len(payload)} bytes, expected at most {self._settings.message_max}")
        if not self.room(priority):
            return False
        head = bytes((len(groups),)) + b"".join(bytes((len(name),)) + name for name in groups)
        flags = priority << PRIORITY_SHIFT | (SAFE_ENTRY if guarantee is Guarantee.SAFE else 0)
        self._queues[priority].append(_Waiting(head, payload, flags))
        self._count += 1
        self._bytes[priority] += len(head) + len(payload)
        return True

    def backlog(self) -> int:
        """Packets that the waiting messages would fill, rounded up."""
        if not self._count:
            return 0
        waiting = sum(self._bytes[priority] for priority in self._flowing())
        room = self.packet_size.room
        return (waiting + room - 1) // room

    def empty(self) -> bool:
        """Whether nothing waits, held back or not."""
        return not self._count

    def restart(self) -> None:
        """The configuration changed: messages sent in part begin anew."""
        for priority, queue in self._queues.items():
            if queue and queue[0].sent:
                self._bytes[priority] += queue[0].sent
                queue[0].sent = 0

    def pack(self) -> tuple[list[bytes | memoryview], int] | None:
        """The parts of the next body and its data flags (SAFE or 0); None when nothing waits."""
        parts: list[bytes | memoryview] = []
        room = self.packet_size.room
        flags = 0
        for priority in self._flowing():
            queue = self._queues[priority]
            while queue:
                message = queue[0]
                sent_before = message.sent
                used = self._pack_head(message, room, parts)
                if not used:
                    break
                room -= used
                flags |= message.flags & SAFE_ENTRY
                self._bytes[priority] -= message.sent - sent_before
                if message.sent == message.size:
                    queue.popleft()
                    self._count -= 1
        return (parts, SAFE if flags else 0) if parts else None

    def take(self) -> tuple[bytes, bytes, int] | None:
        """The next message whole: its head with the groups, its payload, its flags; None when nothing waits."""
        for priority in self._flowing():
            message = self._queues[priority].popleft()
            self._count -= 1
            self._bytes[priority] -= message.size - message.sent
            return message.groups, message.payload, message.flags
        return None

    def counts(self) -> dict[str, int]:
        """Messages waiting, by the name of their priority."""
        return {priority.name.lower(): len(queue) for priority, queue in self._queues.items()}

    def _flowing(self) -> list[Priority]:
        return [p for p in Priority if self._queues[p] and not (self.plugged and p in _PLUGGED)]

    def _pack_head(self, message: _Waiting, room: int, parts: list[bytes | memoryview]) -> int:
        """Appends as much of the message as fits; returns the room used, 0 when that is not worth it."""
        size = message.size
        left = size - message.sent
        if not message.sent and left + ENTRY.size <= room:
            parts += (ENTRY.pack(message.flags | FIRST | LAST, left), message.groups, message.payload)
            message.sent = size
            return ENTRY.size + left
        head = ENTRY.size if message.sent else FRAGMENT.size
        length = min(left, room - head)
        if length < min(left, _FRAGMENT_MIN):
            return 0
        if message.sent:
            parts.append(ENTRY.pack(message.flags | (LAST if length == left else 0), length))
        else:
            parts.append(FRAGMENT.pack(message.flags | FIRST, length, size))
        parts += message.part(length)
        message.sent += length
        return head + length
