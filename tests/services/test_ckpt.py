"""The checkpoint service on a cluster: what libraries ask for, and what it tells them."""

from __future__ import annotations

import msgspec
import pytest

from openais.messages import ckpt
from openais.messages.ckpt_operations import (
    CALL_BYTES_MAX,
    Attributes,
    CreationFlags,
    Delete,
    Element,
    OpenFlags,
    Overwrite,
    Put,
    SectionsChosen,
    SetExpiration,
    Write,
    encode_operations,
)
from openais.services.ckpt.state import CkptSettings
from openais.types import (
    TIME_END,
    AccessDenied,
    AisError,
    BadFlags,
    BadHandle,
    BadOperation,
    ErrorCode,
    Exists,
    InvalidParam,
    NodeId,
    NoResources,
    NotExist,
    TimeNs,
    TimeoutExpired,
    TooBig,
    TryAgain,
)
from tests.services.ckpt_cluster import (
    CREATE,
    EVERYTHING,
    READ,
    WRITE,
    Program,
    attributes,
    cluster,
    contents,
    sources,
    statuses,
)
from tests.services.ordered_group import OrderedGroup

ALL, ACTIVE, WEAK = CreationFlags.WR_ALL_REPLICAS, CreationFlags.WR_ACTIVE_REPLICA, CreationFlags.WR_ACTIVE_REPLICA_WEAK
COLLOCATED = CreationFlags.COLLOCATED


def opening(name: str = "c", flags: int = EVERYTHING, made: Attributes | None = None) -> ckpt.OpenCheckpoint:
    return ckpt.OpenCheckpoint(name, int(flags), (made or attributes()) if flags & CREATE else made)


# Opening, closing, unlinking.


def test_what_one_writes_the_others_read() -> None:
    group = cluster(1, 2, 3)
    one, other = Program(group, 1), Program(group, 3)
    one.put(b"a", b"hello")
    assert other.read(b"a") == b"hello"
    assert contents(group, 1) == contents(group, 2) == contents(group, 3)
    assert sources(group, 2) == (1, 2, 3)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (opening(flags=0), BadFlags),
        (opening(flags=CREATE), BadFlags),
        (opening(flags=READ | 8), BadFlags),
        (opening(flags=READ, made=attributes()), InvalidParam),
        (ckpt.OpenCheckpoint("c", int(EVERYTHING), None), InvalidParam),
        (opening(flags=READ), NotExist),
        (opening(made=attributes(flags=0)), BadFlags),
        (opening(made=attributes(flags=ALL | ACTIVE)), BadFlags),
        (opening(made=attributes(flags=COLLOCATED)), BadFlags),
        (opening(made=attributes(flags=ALL | 16)), BadFlags),
        (opening(made=attributes(size=2**62, section_size_max=2**62)), TooBig),
        (opening(made=attributes(size=11, sections_max=2, section_size_max=5)), InvalidParam),
        (opening(made=attributes(section_id_size_max=0)), InvalidParam),
    ],
)
def test_what_cannot_be_opened(request_: ckpt.OpenCheckpoint, error: type[AisError]) -> None:
    group = cluster(1, 2)
    with pytest.raises(error):
        group.open(1).call(request_)
    assert statuses(group, 2) == {}


def test_opening_again_wants_the_same_attributes_but_for_the_retention() -> None:
    group = cluster(1, 2)
    Program(group, 1)
    Program(group, 2, made=attributes(retention_ns=5))
    with pytest.raises(Exists, match="with other attributes"):
        Program(group, 2, made=attributes(size=4096))
    assert statuses(group, 2)["c"].opens == {1: 1, 2: 1}


def test_there_are_no_more_checkpoints_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openais.services.ckpt.service.CHECKPOINTS_MAX", 2)
    group = cluster(1)
    Program(group, 1, "a")
    Program(group, 1, "b")
    with pytest.raises(NoResources):
        Program(group, 1, "c")


def test_an_open_may_be_answered_by_a_callback() -> None:
    group = cluster(1, 2)
    library = group.open(1)
    library.call(ckpt.OpenCheckpointAsync("c", int(READ), None, 7))
    library.call(ckpt.OpenCheckpointAsync("c", int(EVERYTHING), attributes(), 8))
    refused, opened = library.take()
    assert isinstance(refused, ckpt.OpenCallback)
    assert isinstance(opened, ckpt.OpenCallback)
    assert (refused.invocation, refused.error) == (7, ErrorCode.NOT_EXIST)
    assert (opened.invocation, opened.error) == (8, ErrorCode.OK)
    library.call(ckpt.GetStatus(opened.checkpoint))


def test_a_handle_that_was_closed_is_bad() -> None:
    group = cluster(1)
    program = Program(group, 1)
    program.close()
    for request in (
        ckpt.CloseCheckpoint(program.number),
        ckpt.GetStatus(program.number),
        ckpt.Read(program.number, (ckpt.Wanted(b"a", 0, 1),)),
        ckpt.Update(program.number, False, msgspec.Raw(encode_operations([Put(b"a", b"")]))),
        ckpt.Track(program.number),
    ):
        with pytest.raises(BadHandle):
            program.library.call(request)


def test_a_name_that_was_unlinked_is_free_and_the_data_live_until_the_last_close() -> None:
    group = cluster(1, 2)
    old = Program(group, 1)
    old.put(b"a", b"old")
    old.library.call(ckpt.UnlinkCheckpoint("c"))
    with pytest.raises(NotExist):
        old.library.call(ckpt.UnlinkCheckpoint("c"))
    new = Program(group, 2, made=attributes(size=4096))
    with pytest.raises(NotExist):
        new.read(b"a")
    old.put(b"b", b"still")
    assert (old.read(b"a"), old.read(b"b")) == (b"old", b"still")
    with pytest.raises(BadOperation):
        old.library.call(ckpt.SetRetention(old.number, 5))
    old.close()
    listed = group.open(2).call(ckpt.ListCheckpoints())
    assert isinstance(listed, ckpt.CheckpointList)
    assert [(status.name, status.unlinked) for status in listed.checkpoints] == [("c", False)]


def test_retention_begins_with_the_last_close_and_ends_by_a_message() -> None:
    group = cluster(1, 2)
    one, other = Program(group, 1, made=attributes(retention_ns=10**9)), Program(group, 2)
    one.close()
    assert group.nodes[NodeId(1)].timers == {}
    other.library.call(ckpt.SetRetention(other.number, 2 * 10**9))
    group.nodes[NodeId(2)].libraries[other.library.connection].close()
    group.deliver()
    assert 1 < (group.nodes[NodeId(1)].timers["expiry"] or 0) <= 4  # their clocks are a second apart
    wait(group, 3)
    assert statuses(group, 1) == statuses(group, 2) == {}


def test_an_open_in_time_ends_the_retention() -> None:
    group = cluster(1)
    Program(group, 1, made=attributes(retention_ns=10**9)).close()
    again = Program(group, 1)
    wait(group, 3)
    assert list(statuses(group, 1)) == ["c"]
    again.close()
    wait(group, 3)
    assert statuses(group, 1) == {}


def wait(group: OrderedGroup, seconds: float) -> None:
    """Time passes on all nodes, and their timers expire."""
    for node in group.nodes.values():
        node.service.node.wall_time_ns = TimeNs(node.service.node.wall_time_ns + int(seconds * 1e9))
        node.expire("expiry")
    group.deliver()


# Access.


def test_who_may_not_write_or_read_is_told() -> None:
    group = cluster(1)
    writer = Program(group, 1, flags=WRITE | CREATE)
    reader = Program(group, 1, flags=READ)
    writer.put(b"a", b"1")
    with pytest.raises(AccessDenied):
        writer.read(b"a")
    with pytest.raises(AccessDenied):
        writer.library.call(ckpt.BeginIteration(writer.number, SectionsChosen.ANY, 0))
    with pytest.raises(AccessDenied):
        writer.library.call(ckpt.Track(writer.number))
    with pytest.raises(AccessDenied):
        reader.put(b"a", b"2")
    with pytest.raises(AccessDenied):
        reader.library.call(ckpt.Synchronize(reader.number))
    with pytest.raises(AccessDenied):
        reader.library.call(ckpt.SetActiveReplica(reader.number))


# The active replica and synchronization.


def test_writes_go_by_the_active_replica() -> None:
    group = cluster(1, 2)
    program = Program(group, 1, made=attributes(flags=ACTIVE))
    program.put(b"a", b"1")
    assert statuses(group, 2)["c"].active == 1
    with pytest.raises(BadOperation):
        program.library.call(ckpt.SetActiveReplica(program.number))
    group.configure([2])
    assert statuses(group, 2)["c"].active == 2


def test_a_collocated_checkpoint_has_the_active_replica_that_a_program_sets() -> None:
    group = cluster(1, 2)
    program = Program(group, 1, made=attributes(flags=WEAK | COLLOCATED))
    other = Program(group, 2, flags=READ | WRITE)
    with pytest.raises(NotExist):
        program.put(b"a", b"1")
    other.library.call(ckpt.SetActiveReplica(other.number))
    program.put(b"a", b"1")
    group.configure([1])
    with pytest.raises(NotExist):
        program.put(b"a", b"2")
    program.library.call(ckpt.SetActiveReplica(program.number))
    program.put(b"a", b"3")


def test_replicas_that_follow_are_synchronized_on_demand() -> None:
    group = cluster(1, 2)
    program, always = Program(group, 1, made=attributes(flags=ACTIVE)), Program(group, 1, "always")
    program.library.call(ckpt.Synchronize(program.number))
    program.library.call(ckpt.SynchronizeAsync(program.number, 9))
    (done,) = program.library.take()
    assert done == ckpt.SynchronizeCallback(9, ErrorCode.OK)
    with pytest.raises(BadOperation):
        always.library.call(ckpt.Synchronize(always.number))


# Operations.


def test_operations_are_done_in_order_and_those_refused_are_told_apart() -> None:
    group = cluster(1, 2)
    program = Program(group, 1)
    updated = program.update(
        Put(b"a", b"1"), Delete(b"none"), Write((Element(b"a", 1, b"2"), Element(b"b", 0, b""))), Overwrite(b"a", b"3")
    )
    assert [(each.operation, each.code, each.element) for each in updated.failures] == [
        (1, ErrorCode.NOT_EXIST, 0),
        (2, ErrorCode.NOT_EXIST, 1),
    ]
    assert program.read(b"a") == b"3"
    assert program.create(b"").generated.keys() == {0}


def test_operations_that_cannot_be_read_are_refused_and_change_nothing() -> None:
    group = cluster(1, 2)
    program = Program(group, 1)
    for raw in (b"\xc0", b"\x90", b"\x91\x92\x63\xc4\x01a"):
        with pytest.raises(InvalidParam):
            program.library.call(ckpt.Update(program.number, False, msgspec.Raw(raw)))
    program.put(b"a", b"1")
    assert contents(group, 1) == contents(group, 2)


def test_long_operations_come_in_parts() -> None:
    group = cluster(1, 2)
    program = Program(group, 1)
    long = encode_operations([Put(b"a", bytes(range(256)) * 1000)])
    half = len(long) // 2
    program.library.call(ckpt.UploadPart(5, 0, long[:half]))
    with pytest.raises(TryAgain):
        program.library.call(ckpt.UploadPart(5, 2, long[half:]))
    with pytest.raises(TryAgain):
        program.library.call(ckpt.UpdateUploaded(program.number, 5, len(long)))
    program.library.call(ckpt.UploadPart(5, 1, long[half:]))
    assert program.library.call(ckpt.UpdateUploaded(program.number, 5, len(long))) == ckpt.Updated()
    assert program.read(b"a") == bytes(range(256)) * 1000
    assert contents(group, 1) == contents(group, 2)


def test_parts_are_dropped_with_their_library_and_by_a_change_of_the_cluster() -> None:
    group = cluster(1, 2)
    program, other = Program(group, 1), Program(group, 2)
    program.library.call(ckpt.UploadPart(1, 0, b"x" * 100))
    other.library.call(ckpt.UploadPart(1, 0, b"y" * 100))
    program.library.close()
    group.deliver()
    group.configure([2])
    with pytest.raises(TryAgain):
        other.library.call(ckpt.UpdateUploaded(other.number, 1, 100))


def test_too_much_in_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openais.services.ckpt.uploads.UPLOADED_BYTES_MAX", 150)
    group = cluster(1, 2)
    library = group.open(1)
    library.call(ckpt.UploadPart(1, 0, b"x" * 100))
    with pytest.raises(NoResources):
        library.call(ckpt.UploadPart(1, 1, b"x" * 100))


# Reading.


def test_long_reads_come_in_parts() -> None:
    group = cluster(1)
    program = Program(group, 1, made=attributes(size=1 << 24, section_size_max=1 << 24))
    whole = bytes(range(256)) * (3 << 12)
    program.put(b"a", whole)
    wanted = (ckpt.Wanted(b"a", 0, 5), ckpt.Wanted(b"a", 0, 1 << 30))
    answer = program.library.call(ckpt.Read(program.number, wanted))
    assert isinstance(answer, ckpt.ReadData)
    assert answer.sizes == (5, len(whole))
    data = answer.data
    program.put(b"a", b"changed")
    while len(data) < sum(answer.sizes):
        more = program.library.call(ckpt.ReadMore(answer.read))
        assert isinstance(more, ckpt.MoreData)
        data += more.data
    assert data == whole[:5] + whole
    with pytest.raises(BadHandle):
        program.library.call(ckpt.ReadMore(answer.read))


def test_a_read_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openais.services.ckpt.replica.CALL_BYTES_MAX", 100)
    program = Program(cluster(1), 1)
    program.put(b"a", bytes(80))
    wanted = ckpt.Wanted(b"a", 0, CALL_BYTES_MAX)
    with pytest.raises(TooBig, match="1: 160 bytes"):
        program.library.call(ckpt.Read(program.number, (wanted, wanted)))


def test_a_consistent_read_has_its_place_in_the_order() -> None:
    group = cluster(1, 2)
    writer, reader = Program(group, 1), Program(group, 2)
    writer.put(b"a", b"1")
    write = writer.send(Put(b"a", b"2"))
    wanted = (ckpt.Wanted(b"a", 0, 10),)
    plain = reader.library.send(ckpt.Read(reader.number, wanted))
    consistent = reader.library.send(ckpt.ReadConsistent(reader.number, wanted))
    group.deliver()
    writer.library.answer(write)
    assert reader.library.answer(plain) == ckpt.ReadData((1,), 0, b"1")
    assert reader.library.answer(consistent) == ckpt.ReadData((1,), 0, b"2")


# Iterating.


def test_an_iteration_is_stable_against_changes() -> None:
    group = cluster(1)
    program = Program(group, 1)
    for section in (b"a", b"b", b"c", b"d"):
        program.put(section, section)
    begun = program.library.call(ckpt.BeginIteration(program.number, SectionsChosen.ANY, 0))
    assert isinstance(begun, ckpt.IterationBegun)

    def next_ids(count: int) -> list[bytes]:
        found = program.library.call(ckpt.NextSections(begun.iteration, count))
        assert isinstance(found, ckpt.Descriptors)
        return [each.section for each in found.sections]

    assert next_ids(1) == [b"a"]
    program.update(Delete(b"b"), Put(b"e", b""), Delete(b"c"), Put(b"c", b"new"))
    assert next_ids(9) == [b"d"]
    assert next_ids(9) == []
    program.library.call(ckpt.EndIteration(begun.iteration))
    for request in (ckpt.NextSections(begun.iteration, 1), ckpt.EndIteration(begun.iteration)):
        with pytest.raises(BadHandle):
            program.library.call(request)


def test_iterations_of_a_library_are_bounded_and_end_with_the_checkpoint() -> None:
    group = cluster(1)
    program = Program(group, 1)
    begin = ckpt.BeginIteration(program.number, SectionsChosen.ANY, 0)
    begun = [program.library.call(begin) for _ in range(64)]
    with pytest.raises(NoResources):
        program.library.call(begin)
    program.close()
    assert isinstance(begun[0], ckpt.IterationBegun)
    with pytest.raises(BadHandle):
        program.library.call(ckpt.NextSections(begun[0].iteration, 1))


# Expiring sections.


def test_sections_expire_at_their_time_unless_it_was_changed() -> None:
    group = cluster(1, 2)
    program = Program(group, 1)
    now = group.nodes[NodeId(1)].service.node.wall_time_ns
    program.create(b"a", expiration_ns=now + 10**9)
    program.create(b"b", expiration_ns=now + 10**9)
    program.update(SetExpiration(b"b", now + 5 * 10**9))
    wait(group, 2)
    assert list(contents(group, 1)) == list(contents(group, 2)) == [b"b"]
    wait(group, 4)
    assert contents(group, 2) == {}


# Tracking.


def test_changes_are_told_and_gather_until_they_are_taken() -> None:
    group = cluster(1, 2)
    writer, tracker = Program(group, 1), Program(group, 2)
    tracker.library.call(ckpt.Track(tracker.number))
    writer.put(b"a", b"1")
    writer.put(b"b", b"2")
    writer.put(b"b", b"3")
    (first,) = tracker.library.take()
    assert first == ckpt.Changed(tracker.number, (b"a",), False)
    tracker.library.call(ckpt.TakeChanges(tracker.number))
    (second,) = tracker.library.take()
    assert second == ckpt.Changed(tracker.number, (b"b",), False)
    tracker.library.call(ckpt.TrackStop(tracker.number))
    writer.put(b"c", b"4")
    assert tracker.library.take() == []
    with pytest.raises(NotExist):
        tracker.library.call(ckpt.TrackStop(tracker.number))


def test_too_many_changes_are_told_as_one() -> None:
    group = cluster(1)
    program = Program(group, 1)
    program.library.call(ckpt.Track(program.number))
    program.put(b"first", b"")
    program.update(*(Put(b"%d" % number, b"") for number in range(5000)))
    program.library.take()
    program.library.call(ckpt.TakeChanges(program.number))
    assert program.library.take() == [ckpt.Changed(program.number, (), True)]


# Quorum.


def test_without_quorum_nothing_is_written_if_so_configured() -> None:
    group = cluster(1, 2, 3, settings=CkptSettings(has_quorum=True, refuse_without_quorum=True))
    program = Program(group, 1)
    program.put(b"a", b"1")
    group.configure([1], quorate=False)
    with pytest.raises(TryAgain, match="no quorum"):
        program.put(b"a", b"2")
    with pytest.raises(TryAgain, match="no quorum"):
        program.library.call(ckpt.ReadConsistent(program.number, (ckpt.Wanted(b"a", 0, 1),)))
    assert program.read(b"a") == b"1"


def test_a_write_that_is_under_way_when_quorum_goes_is_refused_or_not_known() -> None:
    group = cluster(1, 2, settings=CkptSettings(has_quorum=True, refuse_without_quorum=True))
    program = Program(group, 1)
    late = program.send(Put(b"a", b"late"))
    group.configure([1], quorate=False)
    group.deliver()
    with pytest.raises((TryAgain, TimeoutExpired)):
        program.library.answer(late)


def test_flags_are_those_of_the_specification() -> None:
    assert (ALL, ACTIVE, WEAK, COLLOCATED) == (1, 2, 4, 8)
    assert (OpenFlags.READ, OpenFlags.WRITE, OpenFlags.CREATE) == (1, 2, 4)
    assert [chosen.value for chosen in SectionsChosen] == [1, 2, 3, 4, 5]
    assert TIME_END == 2**63 - 1
