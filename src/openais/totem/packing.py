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
_PLUGGED: Final = Priority.MED
"""The priorities from this one on can be held back."""
NO_GROUPS: Final = b"\0"
"""The head of a message to everybody."""
_SAFE: Final = Guarantee.SAFE


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


class _Queue:
    """The messages of one priority that wait, first come first, and their bytes."""

    __slots__ = ("byte_count", "messages")

    def __init__(self) -> None:
        self.messages: deque[_Waiting] = deque()
        self.byte_count = 0


class SendQueues:
    """One bounded queue for each priority, packed highest first."""

    def __init__(self, settings: RingSettings) -> None:
        self.packet_size: Final = PacketSize(settings)
        self._message_max: Final = settings.message_max
        self._bytes_max: Final = settings.queue_bytes_max
        self._messages_max: Final = settings.queue_messages_max
        self._queues: Final = tuple(_Queue() for _ in Priority)
        self._flowing = self._queues
        """Those that are not held back."""
        self._count = 0
        """Messages in all queues."""

    @property
    def plugged(self) -> bool:
        """Whether MED and LOW are held back."""
        return self._flowing is not self._queues

    @plugged.setter
    def plugged(self, plugged: bool) -> None:
        self._flowing = self._queues[:_PLUGGED] if plugged else self._queues

    def room(self, priority: Priority) -> bool:
        """Whether a message of this priority would be taken now."""
        queue = self._queues[priority]
        return queue.byte_count < self._bytes_max and len(queue.messages) < self._messages_max

    def put(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
        """Queues a message; False when the queue is full. Raises ValueError on one that is too long."""
        if len(payload) > self._message_max:
            raise ValueError(f"message of {len(payload)} bytes, expected at most {self._message_max}")
        if not self.room(priority):
            return False
        head = NO_GROUPS if not groups else bytes((len(groups),)) + b"".join([bytes((len(n),)) + n for n in groups])
        message = _Waiting(head, payload, priority << PRIORITY_SHIFT | (SAFE_ENTRY if guarantee is _SAFE else 0))
        queue = self._queues[priority]
        queue.messages.append(message)
        queue.byte_count += message.size
        self._count += 1
        return True

    def backlog(self) -> int:
        """Packets that the waiting messages would fill, rounded up."""
        if not self._count:
            return 0
        waiting = 0
        for queue in self._flowing:
            waiting += queue.byte_count
        room = self.packet_size.room
        return (waiting + room - 1) // room

    def empty(self) -> bool:
        """Whether nothing waits, held back or not."""
        return not self._count

    def restart(self) -> None:
        """The configuration changed: messages sent in part begin anew."""
        for queue in self._queues:
            if queue.messages and (first := queue.messages[0]).sent:
                queue.byte_count += first.sent
                first.sent = 0

    def pack(self) -> tuple[list[bytes | memoryview], int] | None:
        """The parts of the next body and its data flags (SAFE or 0); None when nothing waits."""
        if not self._count:
            return None
        parts: list[bytes | memoryview] = []
        room = self.packet_size.room
        flags = 0
        for queue in self._flowing:
            messages = queue.messages
            while messages:
                message = messages[0]
                sent_before = message.sent
                used = _pack_head(message, room, parts)
                if not used:
                    break
                room -= used
                flags |= message.flags
                queue.byte_count -= message.sent - sent_before
                if message.sent == message.size:
                    messages.popleft()
                    self._count -= 1
        return (parts, SAFE if flags & SAFE_ENTRY else 0) if parts else None

    def take(self) -> tuple[bytes, bytes, int] | None:
        """The next message whole: its head with the groups, its payload, its flags; None when nothing waits."""
        if self._count:
            for queue in self._flowing:
                if queue.messages:
                    message = queue.messages.popleft()
                    self._count -= 1
                    queue.byte_count -= message.size - message.sent
                    return message.groups, message.payload, message.flags
        return None

    def counts(self) -> dict[str, int]:
        """Messages waiting, by the name of their priority."""
        return {p.name.lower(): len(queue.messages) for p, queue in zip(Priority, self._queues, strict=True)}


def _pack_head(message: _Waiting, room: int, parts: list[bytes | memoryview]) -> int:
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
