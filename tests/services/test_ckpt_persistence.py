"""Checkpoints on disk: what is logged, and what comes of a log, wherever it ends."""

from __future__ import annotations

import random

import pytest

from openais.messages import ckpt
from openais.messages.base import decode_group
from openais.messages.ckpt_group import FillPart
from openais.messages.ckpt_operations import Delete, Overwrite, Put
from openais.services.base import LocalNode
from openais.services.ckpt import Ckpt
from openais.services.ckpt.state import CkptSettings
from openais.types import NodeId
from tests.services.ckpt_cluster import Program, attributes, contents, statuses
from tests.services.ordered_group import OrderedGroup

PERSIST = CkptSettings(persist=True)
DURABLE = CkptSettings(persist=True, durable=True)
ONE, TWO = NodeId(1), NodeId(2)


class Disks:
    """What outlives the nodes."""

    def __init__(self, settings: CkptSettings) -> None:
        self.records: dict[NodeId, list[bytes]] = {}
        self._settings = settings

    def make(self, node: LocalNode) -> Ckpt:
        return Ckpt(node, self._settings, self.records.get(node.node_id, []))


def cluster(disks: Disks, *nodes: int) -> OrderedGroup:
    group = OrderedGroup(disks.make)
    start(group, *nodes)
    return group


def start(group: OrderedGroup, *nodes: int) -> None:
    group.start(*nodes)
    group.configure(sorted(int(each) for each in group.nodes))
    settle(group)


def store(group: OrderedGroup) -> None:
    """All that waits for the disks is written."""
    for node in group.nodes.values():
        while node.store():
            pass


def settle(group: OrderedGroup) -> None:
    for _ in range(50):
        group.deliver()
        store(group)


def power_off(group: OrderedGroup, disks: Disks, *nodes: int) -> None:
    """They die; what was written stays."""
    for number in nodes:
        disks.records[NodeId(number)] = list(group.nodes[NodeId(number)].log.records)
        group.crash(number)


def test_a_cluster_that_was_down_has_its_checkpoints_again() -> None:
    disks = Disks(PERSIST)
    group = cluster(disks, 1, 2)
    program = Program(group, 1)
    program.put(b"a", b"1")
    program.put(b"b", bytes(200_000))
    program.update(Delete(b"a"), Put(b"c", b"3"))
    gone = Program(group, 1, "gone")
    gone.library.call(ckpt.UnlinkCheckpoint("gone"))
    settle(group)
    before = contents(group, 2)
    power_off(group, disks, 1, 2)
    start(group, 1, 2)
    assert contents(group, 1) == contents(group, 2) == before
    assert set(statuses(group, 1)) == {"c"}
    assert not group.nodes[ONE].notes
    again = Program(group, 2)
    again.put(b"d", b"4")
    settle(group)
    power_off(group, disks, 1, 2)
    start(group, 2)
    assert Program(group, 2).read(b"d") == b"4"


def test_of_two_disks_the_one_that_knows_more_wins() -> None:
    disks = Disks(PERSIST)
    group = cluster(disks, 1, 2)
    program = Program(group, 2)
    program.put(b"a", b"old")
    settle(group)
    power_off(group, disks, 1)
    group.configure([2])
    program.put(b"a", b"new")
    settle(group)
    power_off(group, disks, 2)
    start(group, 1)
    start(group, 2)
    assert Program(group, 1).read(b"a") == b"new"
    assert contents(group, 1) == contents(group, 2)
    assert not any(node.notes for node in group.nodes.values())


def test_what_was_ended_while_a_node_was_down_stays_ended() -> None:
    disks = Disks(PERSIST)
    group = cluster(disks, 1, 2)
    program = Program(group, 2)
    program.put(b"a", b"1")
    program.close()
    settle(group)
    power_off(group, disks, 1)
    group.configure([2])
    group.open(2).call(ckpt.UnlinkCheckpoint("c"))
    start(group, 1)
    assert statuses(group, 1) == statuses(group, 2) == {}


def test_a_node_that_lacks_sections_does_not_end_a_checkpoint_by_its_log() -> None:
    disks = Disks(PERSIST)
    group = cluster(disks, 1)
    program = Program(group, 1)
    program.put(b"a", b"1")
    program.close()
    settle(group)
    group.start(2)
    group.configure([1, 2])
    group.nodes[ONE].outgoing.clear()
    store(group)
    power_off(group, disks, 2)
    group.configure([1])
    settle(group)
    start(group, 2)
    assert Program(group, 2).read(b"a") == b"1"


def test_a_durable_write_is_answered_when_it_is_on_the_disk_of_every_member() -> None:
    disks = Disks(DURABLE)
    group = cluster(disks, 1, 2)
    library = group.open(1)
    opening = library.send(ckpt.OpenCheckpoint("c", 7, attributes()))
    settle(group)
    opened = library.answer(opening)
    assert isinstance(opened, ckpt.CheckpointOpened)
    program = Program.of(library, opened.checkpoint)
    call = program.send(Put(b"a", b"1"))
    group.deliver()
    while group.nodes[ONE].store():
        group.deliver()
    assert call not in library.answers
    settle(group)
    assert library.answer(call) == ckpt.Updated()
    call = program.send(Put(b"a", b"2"))
    group.deliver()
    assert call not in library.answers
    group.crash(2)
    group.configure([1])
    settle(group)
    assert library.answer(call) == ckpt.Updated()


@pytest.mark.parametrize("seed", range(60))
def test_what_is_durable_is_in_the_log_whenever_the_node_dies(seed: int) -> None:
    chance = random.Random(seed)
    disks = Disks(DURABLE)
    group = cluster(disks, 1)
    library = group.open(1)
    opening = library.send(ckpt.OpenCheckpoint("c", 7, attributes()))
    settle(group)
    opened = library.answer(opening)
    assert isinstance(opened, ckpt.CheckpointOpened)
    program = Program.of(library, opened.checkpoint)
    node, service = group.nodes[ONE], group.service(1)
    assert isinstance(service, Ckpt)
    calls: dict[int, int] = {}
    for number in range(80):
        calls[program.send(Put(b"%d" % (number % 5), b"%d" % number), Put(b"long", bytes(70_000)))] = number
        group.deliver()
        if chance.random() < 0.15:
            service.begin_log_anew(replaces=chance.random() < 0.5)
        for _ in range(chance.randrange(4)):
            node.store()
            group.deliver()
    answered = max((number for call, number in calls.items() if call in library.answers), default=-1)
    power_off(group, disks, 1)
    start(group, 1)
    if answered >= 0:
        found = contents(group, 1)
        assert max(int(bytes(data)) for section, (_, data, _) in found.items() if section != b"long") >= answered  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(60))
def test_wherever_a_log_ends_it_gives_a_state_that_was(seed: int) -> None:
    chance = random.Random(seed)
    disks = Disks(PERSIST)
    group = cluster(disks, 1)
    program = Program(group, 1, made=attributes(size=1 << 20, sections_max=8))
    states = [contents(group, 1)]
    node = group.nodes[ONE]
    for _ in range(60):
        section = b"%d" % chance.randrange(10)
        data = chance.randbytes(1) * chance.choice((0, 10, 300, 130_000))
        operation = chance.choice((Put(section, data), Overwrite(section, data), Delete(section)))
        program.update(operation, Put(b"x", chance.randbytes(4)))
        states.append(contents(group, 1))
        if chance.random() < 0.1:
            service = group.service(1)
            assert isinstance(service, Ckpt)
            service.begin_log_anew(replaces=chance.random() < 0.5)
        for _ in range(chance.randrange(4)):
            node.store()
    lasts = [place for place, record in enumerate(node.log.records) if _is_last(record)]
    first = lasts[0] if lasts else 0  # what is before it is never the end of a complete log
    torn = node.log.records[: chance.randrange(first + 1, len(node.log.records) + 1)]
    found = Ckpt(group.nodes[ONE].service.node, PERSIST, torn).contents()
    assert not found or any(next(iter(found.values())) == state for state in states)


def _is_last(record: bytes) -> bool:
    message = decode_group(record)
    return isinstance(message, FillPart) and message.last
