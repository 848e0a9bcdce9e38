"""How members that do not have the sections of a checkpoint are sent them, while others go on writing.

One of the sources, the *sender*, multicasts the sections in parts, in the order of their numbers. Every member counts
the updates of the checkpoint from the beginning of the fill: the *position*. A part says at which position of the
sender it was made, and which operations were refused since the part before. A member that is being filled keeps the
updates that are delivered, and when a part comes

1. applies those up to its position to the sections that it has, leaving out what was refused: it cannot tell by itself,
   since limits depend on all sections;
2. forgets them, as all sections that are still to come are sent as they were after these;
3. takes the sections of the part.

So it never holds more updates than are delivered between two parts. After the last part it has all sections, as they
were at the position of the sender then, and applies the rest of the updates as everybody does. As the last part is
delivered to all at the same place of the order, all know at once that those who were filled are sources now.

A long section is copied when its turn comes, and sent in several parts that all have the position of the copy.
Sections that are created meanwhile have higher numbers and come at the end; those that are deleted are left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import takewhile
from typing import Final, TypeAlias

from openais.messages.base import Malformed
from openais.messages.ckpt_group import FillPart, GroupUpdate, Identity, SectionContent
from openais.messages.ckpt_operations import Operation, SectionState, decode_operations
from openais.services.ckpt.replica import Replica, Section
from openais.types import NodeId

PART_BYTES: Final = 60 * 1024
"""Bytes of data in one part."""
PART_SECTIONS: Final = 512
SECTION_COST: Final = 48
"""What a section takes in a part besides its data."""
PARTS_UNDER_WAY: Final = 4
"""Parts that were multicast and are not delivered yet."""


_Batch: TypeAlias = tuple[tuple[SectionContent, ...], SectionContent | None, int]
"""Whole sections; or a part of a long one, and the bytes of it that are still to come."""


class Sending:
    """The sender's side of a fill."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._batches = self._all_batches()
        self._failed: list[tuple[int, int]] = []
        self._long_position: int | None = None
        """The position at which the long section was copied that is being sent."""
        self.under_way = 0
        """Parts that were multicast and are not delivered yet."""
        self.done = False
        """The last part was made."""

    def refused(self, position: int, operation: int) -> None:
        """An operation of the update at `position` was refused."""
        self._failed.append((position, operation))

    def next_part(self, checkpoint: Identity, fill: int, position: int) -> FillPart:
        """What is to be sent next; not to be called when `done`."""
        sections, partial, rest = next(self._batches, ((), None, 0))
        self.done = not sections and partial is None
        self.under_way += 1
        if self._long_position is not None:
            position = self._long_position
            failed: tuple[tuple[int, int], ...] = ()
        else:
            failed = tuple(self._failed)
            self._failed.clear()
        self._long_position = position if rest else None
        return FillPart(
            checkpoint, fill, position, failed, sections, partial, rest, self.done, self._replica.next_number
        )

    def _all_batches(self) -> Iterator[_Batch]:
        """All sections. Each batch has them as they are when it is taken, but for a long one that was begun."""
        last = -1
        while newer := self._newer(last):
            last = newer[-1].number
            yield from self._batches_of(newer)

    def _newer(self, number: int) -> list[Section]:
        """The sections behind this number, in order."""
        sections = self._replica.sections.values()
        newer = list(takewhile(lambda section: section.number > number, reversed(sections)))
        newer.reverse()
        return newer

    def _batches_of(self, sections: list[Section]) -> Iterator[_Batch]:
        held: list[SectionContent] = []
        size = 0
        for section in sections:
            if held and (size + len(section.data) > PART_BYTES or len(held) == PART_SECTIONS):
                yield tuple(held), None, 0
                held, size = [], 0
            if not self._replica.has(section):
                continue
            data = bytes(section.data)
            if len(data) <= PART_BYTES:
                held.append(_content(section, data))
                size += len(data) + len(section.section_id) + SECTION_COST
                continue
            for first in range(0, len(data), PART_BYTES):
                part = data[first : first + PART_BYTES]
                yield (), _content(section, part), len(data) - first - len(part)
        if held:
            yield tuple(held), None, 0


class Receiving:
    """The side of a member that is being filled."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._updates: deque[tuple[int, int, GroupUpdate]] = deque()
        """(position, stamp, update) of those that are not applied."""
        self._long: list[bytes] = []
        """The parts of a long section that came."""

    @property
    def waiting(self) -> int:
        """Updates that are kept."""
        return len(self._updates)

    def update(self, position: int, stamp: int, update: GroupUpdate) -> None:
        """An update was delivered."""
        self._updates.append((position, stamp, update))

    def part(self, part: FillPart) -> None:
        """A part was delivered."""
        failed: dict[int, set[int]] = {}
        for at, index in part.failed:
            failed.setdefault(at, set()).add(index)
        while self._updates and self._updates[0][0] <= part.position:
            at, stamp, update = self._updates.popleft()
            self._replica.replay(operations_of(update), stamp, frozenset(failed.get(at, ())))
        for content in part.sections:
            self._replica.put(_section(content, content.data))
        if part.partial is not None:
            self._long.append(part.partial.data)
            if not part.rest:
                self._replica.put(_section(part.partial, b"".join(self._long)))
                self._long = []
        if part.last:
            self._replica.next_number = part.next_number

    def rest(self) -> Iterator[tuple[int, GroupUpdate]]:
        """After the last part: the updates, with their stamps, that are to be applied as everybody applied them."""
        while self._updates:
            _, stamp, update = self._updates.popleft()
            yield stamp, update


class Fill:
    """One fill, as every member knows it. It has one of `sending` and `receiving`, or none, by what the member is."""

    def __init__(self, number: int, sender: NodeId, receivers: tuple[NodeId, ...]) -> None:
        self.number = number
        """Tells it from others of the same checkpoint."""
        self.sender = sender
        self.receivers = receivers
        self.position = 0
        self.sending: Sending | None = None
        self.receiving: Receiving | None = None


def operations_of(update: GroupUpdate) -> tuple[Operation, ...]:
    """The operations of an update; none when they cannot be read, which all members find alike."""
    try:
        return decode_operations(update.operations)
    except Malformed:
        return ()


def _content(section: Section, data: bytes) -> SectionContent:
    return SectionContent(
        section.section_id, section.number, section.expiration_ns, section.updated_ns, section.state, data
    )


def _section(content: SectionContent, data: bytes) -> Section:
    state = SectionState(content.state)
    return Section(content.section, content.number, data, content.expiration_ns, content.updated_ns, state)
