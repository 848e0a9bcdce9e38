"""How members that lack the sections of a checkpoint get them, while others go on writing."""

from __future__ import annotations

import random
from collections import deque

import msgspec
import pytest

from openais.messages.base import Message, Source
from openais.messages.ckpt import CheckpointOpened, GetStatus, OpenCheckpoint, Read, ReadData, Wanted
from openais.messages.ckpt_group import FillPart, GroupUpdate, Identity, Place, Where
from openais.messages.ckpt_operations import (
    Create,
    Delete,
    Element,
    OpenFlags,
    Operation,
    Overwrite,
    Put,
    SetExpiration,
    Write,
    encode_operations,
)
from openais.services.base import ToGroup
from openais.services.ckpt.checkpoints import Checkpoint, Checkpoints
from openais.services.ckpt.contents import Contents
from openais.services.ckpt.fill import PART_BYTES
from openais.services.ckpt.history import History
from openais.types import TIME_END, NodeId, NotExist, TimeNs
from tests.services.ckpt_cluster import Program, attributes, cluster, contents, sources, statuses
from tests.services.ordered_group import OrderedGroup

IDENTITY = Identity(NodeId(1), 1, 1)
MADE = Place(1, Where(1, NodeId(1), 0))


class Member:
    """One node, of which only the contents matter."""

    def __init__(self, node: int, sources: tuple[int, ...], sections_max: int) -> None:
        self.checkpoints = Checkpoints(History(NodeId(node), 1))
        self.contents = Contents(NodeId(node), self.checkpoints)
        made = attributes(size=8 * PART_BYTES, section_size_max=4 * PART_BYTES, sections_max=sections_max)
        self.checkpoint = Checkpoint("c", (IDENTITY,), made, MADE, MADE)
        self.checkpoint.sources = tuple(NodeId(source) for source in sources)
        self.contents.created(self.checkpoint, 1)
        self.checkpoints.add(self.checkpoint)

    def start(self, members: tuple[int, ...]) -> list[Message]:
        effects = self.contents.start_fills(tuple(NodeId(member) for member in members), 7)
        return [effect.message for effect in effects if isinstance(effect, ToGroup)]

    def deliver(self, message: Message, stamp: int) -> list[Message]:
        if isinstance(message, GroupUpdate):
            self.contents.update(self.checkpoint, Place(stamp, MADE.where), message)
            return []
        assert isinstance(message, FillPart)
        effects = self.contents.part(self.checkpoint, message)
        return [effect.message for effect in effects if isinstance(effect, ToGroup)]

    def sections(self) -> list[tuple[object, ...]]:
        replica = self.checkpoint.replica
        found: list[tuple[object, ...]] = [
            (each.number, bytes(each.data), each.descriptor()) for each in replica.sections.values()
        ]
        return [*found, (replica.used, replica.next_number)]


def some_operation(chance: random.Random) -> Operation:
    section = b"%d" % chance.randrange(12)
    size = chance.choice((0, 1, 10, 1000, PART_BYTES, 3 * PART_BYTES))
    data = chance.randbytes(1) * chance.randrange(size + 1)
    match chance.randrange(7):
        case 0:
            return Create(section, chance.choice((5, TIME_END)), data)
        case 1 | 2:
            return Delete(section)
        case 3:
            return Overwrite(section, data)
        case 4:
            return SetExpiration(section, chance.randrange(100))
        case 5:
            return Put(section, data)
        case _:
            offset = chance.randrange(2 * PART_BYTES)
            other = b"%d" % chance.randrange(12)
            return Write((Element(section, offset, data[:2000]), Element(other, 0, data[:100])))


def some_update(chance: random.Random) -> GroupUpdate:
    operations = [some_operation(chance) for _ in range(chance.randrange(1, 4))]
    return GroupUpdate(Source(NodeId(1), 5, 1), TimeNs(1), IDENTITY, msgspec.Raw(encode_operations(operations)))


@pytest.mark.parametrize("seed", range(150))
def test_whatever_is_written_meanwhile_the_replicas_are_equal_in_the_end(seed: int) -> None:
    chance = random.Random(seed)
    sections_max = chance.choice((5, 1000))
    source, other, receiver = (Member(node, (1, 2), sections_max) for node in (1, 2, 3))
    for number in range(chance.randrange(60)):
        update = some_update(chance)
        for member in (source, other):
            member.deliver(update, number + 2)
    order: deque[Message] = deque()
    for member in (source, other, receiver):
        order.extend(member.start((1, 2, 3)))
    stamp, updates = 1000, chance.randrange(200)
    while order or updates:
        if updates and (not order or chance.random() < 0.6):
            updates -= 1
            order.append(some_update(chance))
            continue
        stamp += 1
        message = order.popleft()
        for member in (source, other, receiver):
            order.extend(member.deliver(message, stamp))
    assert source.sections() == other.sections() == receiver.sections()
    assert source.checkpoint.sources == receiver.checkpoint.sources == (1, 2, 3)


def test_a_node_that_is_filled_keeps_no_more_updates_than_come_between_two_parts() -> None:
    chance = random.Random(1)
    source, receiver = (Member(node, (1,), 1000) for node in (1, 3))
    for number in range(200):
        data = msgspec.Raw(encode_operations([Put(b"%d" % number, bytes(2000))]))
        source.deliver(GroupUpdate(Source(NodeId(1), 5, 1), TimeNs(1), IDENTITY, data), number + 2)
    order: deque[Message] = deque([*source.start((1, 3)), *receiver.start((1, 3))])
    fill = receiver.checkpoint.fill
    assert fill is not None
    assert fill.receiving is not None
    most = 0
    while order:
        message = order.popleft()
        for member in (source, receiver):
            order.extend(member.deliver(message, 5000))
        if isinstance(message, FillPart) and not message.last:
            order.append(some_update(chance))
        most = max(most, fill.receiving.waiting)
    assert source.sections() == receiver.sections()
    assert 0 < most <= 6


# On a cluster.


def filled(group: OrderedGroup, *sections: tuple[bytes, bytes]) -> Program:
    program = Program(group, 1)
    for section, data in sections:
        program.put(section, data)
    return program


def test_a_node_that_joins_has_all_before_its_libraries_read() -> None:
    group = cluster(1, 2)
    long = bytes(range(256)) * 1000
    filled(group, (b"a", b"1"), (b"long", long), (b"b", b"2"))
    group.start(3)
    group.configure([1, 2, 3])
    library = group.open(3)
    opened = library.send(OpenCheckpoint("c", int(OpenFlags.READ), None))
    group.nodes[NodeId(1)].outgoing, held = [], group.nodes[NodeId(1)].outgoing
    group.deliver()
    assert isinstance(library.answer(opened), CheckpointOpened)
    read = library.send(Read(opened, (Wanted(b"long", 0, 1 << 20),)))
    status = library.send(GetStatus(opened))
    assert not library.answers
    assert not statuses(group, 3)["c"].complete
    group.nodes[NodeId(1)].outgoing = held
    group.deliver()
    assert library.answer(read) == ReadData((len(long),), 0, long)
    assert library.answer(status).status.complete  # type: ignore[attr-defined]
    assert contents(group, 1) == contents(group, 2) == contents(group, 3)
    assert sources(group, 1) == sources(group, 3) == (1, 2, 3)


def test_another_source_goes_on_when_the_sender_dies() -> None:
    group = cluster(1, 2)
    filled(group, (b"a", b"1"), (b"b", b"2"))
    group.start(3)
    group.configure([1, 2, 3])
    group.crash(1)
    group.configure([2, 3])
    program = Program(group, 3)
    assert program.read(b"b") == b"2"
    assert sources(group, 2) == (2, 3)


def test_when_all_sources_die_before_a_fill_is_over_the_checkpoint_is_gone_and_told_to_be() -> None:
    group = cluster(1)
    filled(group, (b"a", b"1"))
    group.start(2)
    group.configure([1, 2])
    library = group.open(2)
    opened = library.send(OpenCheckpoint("c", int(OpenFlags.READ), None))
    held, group.nodes[NodeId(1)].outgoing = group.nodes[NodeId(1)].outgoing, []
    assert held
    group.deliver()
    library.answer(opened)
    read = library.send(Read(opened, (Wanted(b"a", 0, 1),)))
    group.crash(1)
    group.configure([2])
    with pytest.raises(NotExist, match="lost"):
        library.answer(read)
    assert "gone" in group.nodes[NodeId(2)].notes[-1]
    with pytest.raises(NotExist):
        Program(group, 2, flags=OpenFlags.READ)
    assert Program(group, 2).create(b"new").failures == ()


def test_a_replica_that_comes_back_after_it_was_lost_is_there_again() -> None:
    group = cluster(1)
    old = filled(group, (b"a", b"1"))
    group.start(2)
    group.configure([1, 2])
    group.nodes[NodeId(1)].outgoing.clear()
    group.configure([1], [2])
    old.put(b"b", b"2")
    group.configure([1, 2])
    group.deliver()
    assert Program(group, 2).read(b"a") == b"1"
    assert contents(group, 1) == contents(group, 2)
