"""What becomes of checkpoints when partitions merge."""

from __future__ import annotations

import random

import pytest

from openais.messages import ckpt
from openais.messages.ckpt_operations import Delete, OpenFlags, Overwrite, Put
from openais.services.ckpt.state import CkptSettings
from openais.types import AisError, NodeId, NotExist
from tests.services.ckpt_cluster import Program, attributes, cluster, contents, sources, statuses
from tests.services.ordered_group import OrderedGroup

READ = OpenFlags.READ


def notes(group: OrderedGroup) -> set[str]:
    return {note for node in group.nodes.values() for note in node.notes}


def merge(group: OrderedGroup, *nodes: int) -> None:
    group.configure(nodes)
    group.deliver()


def test_a_side_that_wrote_nothing_gets_what_the_other_wrote_and_nobody_is_told() -> None:
    group = cluster(1, 2, 3)
    one, other = Program(group, 1), Program(group, 3)
    one.put(b"a", b"1")
    group.configure([1, 2], [3])
    other.put(b"a", b"2")
    merge(group, 1, 2, 3)
    assert one.read(b"a") == other.read(b"a") == b"2"
    assert contents(group, 1) == contents(group, 2) == contents(group, 3)
    assert notes(group) == set()
    assert sources(group, 1) == (1, 2, 3)


def test_nothing_is_sent_when_nobody_wrote() -> None:
    group = cluster(1, 2, 3)
    Program(group, 1).put(b"a", b"1")
    group.configure([1, 2], [3])
    group.configure([1, 2, 3])
    assert sources(group, 1) == (1, 2, 3)
    assert not any(node.outgoing for node in group.nodes.values())


def test_of_two_sides_that_wrote_the_one_that_wrote_last_wins_and_it_is_told() -> None:
    group = cluster(1, 2, 3)
    one, other = Program(group, 1), Program(group, 3)
    one.put(b"a", b"0")
    group.configure([1, 2], [3])
    one.put(b"a", b"1")
    other.put(b"a", b"2")
    other.put(b"b", b"2")
    merge(group, 1, 2, 3)
    assert (one.read(b"a"), one.read(b"b")) == (b"2", b"2")
    (note,) = notes(group)
    assert note.startswith("checkpoint 'c' was changed on both sides: the replica of nodes [3] wins over that of nodes")


def test_the_side_that_was_quorate_wins_whoever_wrote_last() -> None:
    group = cluster(1, 2, 3, settings=CkptSettings(has_quorum=True))
    one, other = Program(group, 1), Program(group, 3)
    group.configure([1, 2])
    group.configure([3], quorate=False)
    one.put(b"a", b"1")
    other.put(b"a", b"2")
    merge(group, 1, 2, 3)
    assert one.read(b"a") == other.read(b"a") == b"1"
    assert "quorate last" in notes(group).pop()


def test_what_lost_can_be_kept_under_another_name() -> None:
    group = cluster(1, 2, settings=CkptSettings(keep_losers=True))
    one, other = Program(group, 1), Program(group, 2)
    group.configure([1], [2])
    one.put(b"a", b"1")
    other.put(b"a", b"0")
    other.put(b"a", b"2")
    merge(group, 1, 2)
    (kept,) = (name for name in statuses(group, 1) if name != "c")
    assert kept.startswith("c~1~")
    assert kept in notes(group).pop()
    for node in (1, 2):
        assert Program(group, node, kept, flags=READ).read(b"a") == b"1"
        assert Program(group, node, flags=READ).read(b"a") == b"2"
    group.configure([1], [2])
    merge(group, 1, 2)
    assert len(statuses(group, 1)) == 2


def test_who_had_it_open_goes_on_and_counts() -> None:
    group = cluster(1, 2)
    programs = [Program(group, 1), Program(group, 2)]
    group.configure([1], [2])
    programs.append(Program(group, 2))
    merge(group, 1, 2)
    assert statuses(group, 1)["c"].opens == {1: 1, 2: 2}
    for program in programs:
        program.put(b"a", b"1")
        program.close()
    assert statuses(group, 2)["c"].opens == {}


def test_checkpoints_that_were_made_on_both_sides_become_one() -> None:
    group = cluster(1, 2)
    group.configure([1], [2])
    one, other = Program(group, 1), Program(group, 2)
    one.put(b"a", b"1")
    other.put(b"b", b"2")
    merge(group, 1, 2)
    with pytest.raises(NotExist):
        one.read(b"a")
    assert one.read(b"b") == b"2"
    one.put(b"c", b"3")
    assert other.read(b"c") == b"3"
    assert statuses(group, 1)["c"].opens == {1: 1, 2: 1}


def test_of_checkpoints_with_different_attributes_one_keeps_the_name() -> None:
    group = cluster(1, 2)
    group.configure([1], [2])
    one, other = Program(group, 1), Program(group, 2, made=attributes(size=4096))
    one.put(b"a", b"1")
    other.put(b"a", b"2")
    merge(group, 1, 2)
    assert (one.read(b"a"), other.read(b"a")) == (b"1", b"2")
    assert Program(group, 1, flags=READ).read(b"a") == b"2"
    one.put(b"a", b"3")
    one.close()
    listed = group.open(2).call(ckpt.ListCheckpoints())
    assert isinstance(listed, ckpt.CheckpointList)
    assert len(listed.checkpoints) == 1


def test_what_ended_on_one_side_ends() -> None:
    group = cluster(1, 2)
    program = Program(group, 1)
    program.put(b"a", b"1")
    program.close()
    group.configure([1], [2])
    group.open(1).call(ckpt.UnlinkCheckpoint("c"))
    merge(group, 1, 2)
    assert statuses(group, 1) == statuses(group, 2) == {}


def test_what_ended_on_one_side_stays_if_the_other_wrote_or_has_it_open() -> None:
    group = cluster(1, 2)
    for name in ("written", "open"):
        Program(group, 1, name).close()
    opened = Program(group, 2, "open")
    group.configure([1], [2])
    writer = Program(group, 2, "written")
    writer.put(b"a", b"1")
    writer.close()
    for name in ("written", "open"):
        group.open(1).call(ckpt.UnlinkCheckpoint(name))
    merge(group, 1, 2)
    assert Program(group, 1, "written").read(b"a") == b"1"
    opened.put(b"b", b"2")
    assert Program(group, 1, "open").read(b"b") == b"2"


def test_a_name_that_one_side_unlinked_is_free_while_the_other_has_it_open() -> None:
    group = cluster(1, 2)
    one, other = Program(group, 1), Program(group, 2)
    group.configure([1], [2])
    one.library.call(ckpt.UnlinkCheckpoint("c"))
    merge(group, 1, 2)
    assert statuses(group, 2) == {}
    one.put(b"a", b"1")
    assert other.read(b"a") == b"1"


def test_the_loser_goes_on_with_its_own_when_the_winner_is_lost_before_it_was_sent() -> None:
    group = cluster(1, 2, 3)
    one, other = Program(group, 1), Program(group, 3)
    one.put(b"a", b"1")
    group.configure([1, 2], [3])
    other.put(b"a", b"2")
    group.configure([1, 2, 3])
    group.crash(3)
    group.configure([1, 2])
    group.deliver()
    assert one.read(b"a") == b"1"
    assert contents(group, 1) == contents(group, 2)
    assert "had lost" in notes(group).pop()
    one.put(b"a", b"3")
    assert Program(group, 2).read(b"a") == b"3"


def test_what_was_made_anew_where_the_old_was_lost_does_not_win_over_it() -> None:
    """Node 3 joins, is alone before it was sent anything, and makes a checkpoint of the name of the lost one."""
    group = cluster(1, 2, settings=CkptSettings(has_quorum=True))
    one = Program(group, 1)
    one.put(b"a", b"1")
    group.start(3)
    group.configure([1, 2, 3])
    group.configure([3], quorate=False)
    other = Program(group, 3)
    with pytest.raises(NotExist):
        other.read(b"a")
    group.configure([1, 2], quorate=False)
    merge(group, 1, 2, 3)
    assert one.read(b"a") == other.read(b"a") == b"1"


def test_requests_that_are_held_in_an_exchange_that_is_interrupted_meet_the_state_that_each_side_has() -> None:
    group = cluster(1, 2)
    one, other = Program(group, 1), Program(group, 2)
    group.configure([1], [2])
    one.put(b"a", b"1")
    other.put(b"b", b"2")
    late = one.send(Put(b"c", b"3"))
    group.configure([1, 2], interrupted=True)
    group.configure([1], [2])
    group.deliver()
    one.library.answer(late)
    merge(group, 1, 2)
    assert contents(group, 1) == contents(group, 2)


@pytest.mark.parametrize("seed", range(120))
def test_replicas_are_equal_after_any_history_of_partitions_merges_and_crashes(seed: int) -> None:
    chance = random.Random(seed)
    settings = CkptSettings(keep_losers=seed % 3 == 0)
    group = cluster(1, 2, 3, 4, settings=settings)
    names = ("c", "d")
    programs = [Program(group, node, name) for node in (1, 2, 3, 4) for name in names]
    for _ in range(25):
        match chance.randrange(8):
            case 0:
                crashed = chance.randrange(1, 5)
                group.crash(crashed)
                group.start(crashed)
                _partition(group, chance)
            case 1 | 2:
                _partition(group, chance)
            case 3:
                _open_or_close(group, programs, chance, names)
            case _:
                for program in chance.sample(programs, k=min(3, len(programs))):
                    _write(program, chance)
        if chance.random() < 0.7:
            group.deliver()
    merge(group, 1, 2, 3, 4)
    found = [_everything(group, node) for node in (1, 2, 3, 4)]
    assert found[0] == found[1] == found[2] == found[3]
    for status in statuses(group, 1).values():
        assert status.replicas in ((1, 2, 3, 4), ())  # () when all were lost


def _partition(group: OrderedGroup, chance: random.Random) -> None:
    nodes = [1, 2, 3, 4]
    chance.shuffle(nodes)
    cut = chance.randrange(1, 5)
    parts = [part for part in (nodes[:cut], nodes[cut:]) if part]
    group.configure(*parts, interrupted=chance.random() < 0.3)


def _open_or_close(group: OrderedGroup, programs: list[Program], chance: random.Random, names: tuple[str, ...]) -> None:
    program = chance.choice(programs)
    if program.library.open and chance.random() < 0.5:
        program.library.send(ckpt.CloseCheckpoint(program.number))
        programs.remove(program)
    elif program.library.open:
        program.library.send(ckpt.UnlinkCheckpoint(chance.choice(names)))
    node = chance.randrange(1, 5)
    if group.nodes[NodeId(node)].synchronized:
        try:
            programs.append(Program(group, node, chance.choice(names)))
        except (AisError, KeyError):
            return


def _write(program: Program, chance: random.Random) -> None:
    if not program.library.open:
        return
    section = b"%d" % chance.randrange(5)
    operation = chance.choice((Put(section, b"%d" % chance.randrange(120)), Delete(section), Overwrite(section, b"x")))
    program.send(operation)


def _everything(group: OrderedGroup, node: int) -> object:
    service = group.service(node)
    return list(service.state_to_transfer()), service.contents()  # type: ignore[attr-defined]
