"""The checkpoint library and real executives, call by call (saCkptInitialize to saCkptFinalize)."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from openais.ckpt import (
    EVERYTHING,
    READ_WRITE,
    AsyncCkpt,
    Attributes,
    Checkpoint,
    CheckpointOpenResult,
    Ckpt,
    CkptCallbacks,
    Create,
    CreationFlags,
    Delete,
    DispatchFlags,
    OpenFlags,
    Put,
    ReplicatedDict,
    SectionsChosen,
    SynchronizeResult,
    Version,
    creation_attributes,
)
from openais.types import (
    TIME_END,
    AccessDenied,
    AisError,
    BadFlags,
    BadHandle,
    BadOperation,
    ErrorCode,
    Exists,
    InitError,
    InvalidParam,
    NameTooLong,
    NoSpace,
    NotExist,
    TimeoutExpired,
    TooBig,
    VersionError,
)
from tests.client.fake_executive import PATIENCE_S
from tests.client.test_with_executives import Cluster

READ, WRITE, CREATE = OpenFlags.READ, OpenFlags.WRITE, OpenFlags.CREATE
SMALL = creation_attributes(size=100, sections_max=3, section_size_max=50, section_id_size_max=4)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two executives in one ring, for all tests; no busy machine parts them."""
    made = Cluster(tmp_path_factory.mktemp("ckpt"), totem_token="5000")
    try:
        made.start(1, 2)
        yield made
    finally:
        made.close()


@pytest.fixture
def ckpt(cluster: Cluster) -> Iterator[Ckpt]:
    """A handle on node 1."""
    with Ckpt(cluster.socket(1), timeout=PATIENCE_S) as handle:
        yield handle


@pytest.fixture
def other(cluster: Cluster) -> Iterator[Ckpt]:
    """A handle on node 2."""
    with Ckpt(cluster.socket(2), timeout=PATIENCE_S) as handle:
        yield handle


@pytest.fixture
def checkpoint(ckpt: Ckpt, request: pytest.FixtureRequest) -> Iterator[Checkpoint]:
    """A checkpoint of its own for each test."""
    with ckpt.open_checkpoint(request.node.name[:200], EVERYTHING, creation_attributes(retention=0)) as opened:
        yield opened


# Initialize, selection object, dispatch, finalize.


def test_versions_are_negotiated(cluster: Cluster) -> None:
    with Ckpt(cluster.socket(1), version=Version("A", 1, 1)) as old, Ckpt(cluster.socket(1)) as new:
        assert (old.version, new.version) == (Version("A", 1, 1), Version("B", 2, 2))
    with pytest.raises(VersionError):
        Ckpt(cluster.socket(1), version=Version("C", 1, 1))


def test_a_finalized_handle_is_bad(cluster: Cluster) -> None:
    ckpt = Ckpt(cluster.socket(1))
    checkpoint = ckpt.open_checkpoint("finalized")
    ckpt.finalize()
    for call in (ckpt.finalize, ckpt.dispatch, ckpt.fileno, ckpt.checkpoints, lambda: checkpoint.read("a")):
        with pytest.raises(BadHandle):
            call()


def test_callbacks_need_to_be_given(ckpt: Ckpt, checkpoint: Checkpoint) -> None:
    for call in (
        lambda: ckpt.open_checkpoint_async(1, "x"),
        lambda: checkpoint.synchronize_async(1),
        checkpoint.track,
    ):
        with pytest.raises(InitError):
            call()


# Open, close, unlink, retention.


def test_names_are_checked(ckpt: Ckpt) -> None:
    with pytest.raises(InvalidParam):
        ckpt.open_checkpoint("")
    with pytest.raises(InvalidParam):
        ckpt.open_checkpoint("\udc80")
    for length in (255, 256):
        with ckpt.open_checkpoint("n" * length, attributes=creation_attributes(retention=0)):
            pass
    with pytest.raises(NameTooLong):
        ckpt.open_checkpoint("n" * 257)
    with pytest.raises(NameTooLong):
        ckpt.unlink("é" * 129)


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"size": 2**63}, InvalidParam),
        ({"size": -1}, InvalidParam),
        ({"sections_max": 0}, InvalidParam),
        ({"sections_max": 2**32}, InvalidParam),
        ({"section_size_max": 2**63}, InvalidParam),
        ({"section_id_size_max": 257}, InvalidParam),
        ({"section_id_size_max": 0}, InvalidParam),
        ({"retention": -1.0}, InvalidParam),
        ({"retention": math.nan}, InvalidParam),
        ({"flags": 0}, BadFlags),
        ({"flags": CreationFlags.WR_ALL_REPLICAS | CreationFlags.WR_ACTIVE_REPLICA}, BadFlags),
        ({"flags": 16 | CreationFlags.WR_ALL_REPLICAS}, BadFlags),
        ({"size": 2**40, "sections_max": 2**20, "section_size_max": 2**30}, TooBig),
    ],
)
def test_creation_attributes_are_checked(ckpt: Ckpt, attributes: dict[str, int], error: type[AisError]) -> None:
    with pytest.raises(error):
        ckpt.open_checkpoint("attributes", attributes=creation_attributes(**attributes))  # type: ignore[arg-type]
    with pytest.raises(NotExist):
        ckpt.open_checkpoint("attributes", READ)


def test_flags_are_checked(ckpt: Ckpt) -> None:
    for flags in (0, CREATE, 8 | READ):
        with pytest.raises(BadFlags):
            ckpt.open_checkpoint("flags", OpenFlags(flags))
    with pytest.raises(InvalidParam):
        ckpt.open_checkpoint("flags", READ, SMALL)


def test_an_open_checkpoint_has_the_attributes_it_was_made_with(ckpt: Ckpt, other: Ckpt) -> None:
    with ckpt.open_checkpoint("attributes", EVERYTHING, SMALL) as made:
        assert made.status().attributes == SMALL
        with pytest.raises(Exists):
            other.open_checkpoint("attributes", EVERYTHING, creation_attributes(size=99))
        with other.open_checkpoint("attributes") as opened:
            assert opened.status().opens == {1: 1, 2: 1}


def test_an_asynchronous_open_is_answered_by_a_callback(cluster: Cluster) -> None:
    results: list[CheckpointOpenResult] = []
    with Ckpt(cluster.socket(1), callbacks=CkptCallbacks(checkpoint_open=results.append)) as ckpt:
        ckpt.open_checkpoint_async(7, "async")
        ckpt.open_checkpoint_async(8, "async-none", READ)
        while len(results) < 2:
            ckpt.dispatch(DispatchFlags.ONE)
        assert [(each.invocation, each.error) for each in results] == [(7, ErrorCode.OK), (8, ErrorCode.NOT_EXIST)]
        with ckpt.opened(results[0]) as opened:
            opened["a"] = b"1"
        with pytest.raises(NotExist):
            ckpt.opened(results[1])
        with pytest.raises(InvalidParam):
            ckpt.open_checkpoint_async(2**64, "async")


def test_a_closed_checkpoint_is_bad(ckpt: Ckpt) -> None:
    checkpoint = ckpt.open_checkpoint("closed")
    checkpoint.close()
    for call in (checkpoint.close, checkpoint.status, lambda: checkpoint.read("a"), lambda: checkpoint.put("a", b"")):
        with pytest.raises(BadHandle):
            call()


def test_what_was_unlinked_lives_until_the_last_close(ckpt: Ckpt, other: Ckpt) -> None:
    old = ckpt.open_checkpoint("unlinked")
    old["a"] = b"old"
    other.unlink("unlinked")
    with pytest.raises(NotExist):
        other.unlink("unlinked")
    with other.open_checkpoint("unlinked") as new:
        assert (len(new), bytes(old["a"])) == (0, b"old")
        with pytest.raises(BadOperation):
            old.set_retention(1)
        old.close()
        assert len([each for each in other.checkpoints() if each.name == "unlinked"]) == 1


def test_a_checkpoint_ends_when_its_retention_is_over(ckpt: Ckpt, other: Ckpt) -> None:
    made = ckpt.open_checkpoint("retained", EVERYTHING, creation_attributes(retention=math.inf))
    made.set_retention(0.05)
    made.close()
    deadline = time.monotonic() + PATIENCE_S
    while any(each.name == "retained" for each in other.checkpoints()):
        assert time.monotonic() < deadline


# Sections.


def test_sections_are_written_and_read(checkpoint: Checkpoint, other: Ckpt) -> None:
    assert checkpoint.create_section("a", b"hello") == b"a"
    checkpoint.write("a", b"J", 0)
    checkpoint.write("a", b"!", 7)
    with other.open_checkpoint(checkpoint.name, READ) as opened:
        assert bytes(opened.read("a")) == b"Jello\0\0!"
        assert bytes(opened.read("a", 1, 3)) == b"ell"
        assert bytes(opened.read("a", 8)) == b""
        with pytest.raises(InvalidParam):
            opened.read("a", 9)
        with pytest.raises(AccessDenied):
            opened.write("a", b"x")
        with pytest.raises(AccessDenied):
            opened.synchronize()
    checkpoint.overwrite("a", memoryview(b"new"))
    assert bytes(checkpoint.read("a", consistent=True)) == b"new"
    checkpoint.delete_section("a")
    for call in (
        lambda: checkpoint.read("a"),
        lambda: checkpoint.write("a", b""),
        lambda: checkpoint.overwrite("a", b""),
        lambda: checkpoint.delete_section("a"),
        lambda: checkpoint.set_expiration("a", 1),
    ):
        with pytest.raises(NotExist):
            call()


def test_vectors_say_which_element_is_wrong(checkpoint: Checkpoint) -> None:
    checkpoint.put_many({"a": b"1", "b": b"2"})
    with pytest.raises(NotExist) as caught:
        checkpoint.write_vector([("a", 0, b"x"), ("none", 0, b"y")])
    assert caught.value.element == 1
    with pytest.raises(NotExist) as caught:
        checkpoint.read_vector([("a", 0, 1), ("b", 0, 1), ("none", 0, 1)])
    assert caught.value.element == 2
    checkpoint.write_vector([("a", 1, b"x"), ("b", 0, b"y")])
    assert [bytes(each) for each in checkpoint.read_vector([("a", 0, 9), ("b", 0, 9)])] == [b"1x", b"y"]
    for call in (lambda: checkpoint.write_vector([]), lambda: checkpoint.read_vector([])):
        with pytest.raises(InvalidParam):
            call()


def test_limits_of_a_checkpoint(ckpt: Ckpt) -> None:
    with ckpt.open_checkpoint("limits", EVERYTHING, SMALL) as checkpoint:
        checkpoint.create_section("a", bytes(50))
        with pytest.raises(Exists):
            checkpoint.create_section("a")
        with pytest.raises(InvalidParam):
            checkpoint.create_section("long!")
        with pytest.raises(InvalidParam):
            checkpoint.create_section(b"x" * 257)
        with pytest.raises(InvalidParam):
            checkpoint.write("a", b"x", 50)
        checkpoint.create_section("b", bytes(40))
        with pytest.raises(NoSpace):
            checkpoint.create_section("c", bytes(11))
        generated = checkpoint.create_section()
        assert 1 <= len(generated) <= 4
        with pytest.raises(NoSpace):
            checkpoint.create_section("d")
        with pytest.raises(NoSpace):
            checkpoint.overwrite(generated, bytes(11))


def test_negative_and_huge_numbers_are_refused(checkpoint: Checkpoint) -> None:
    checkpoint["a"] = b"1"
    for call in (
        lambda: checkpoint.write("a", b"x", -1),
        lambda: checkpoint.write("a", b"x", 2**63),
        lambda: checkpoint.read("a", -1),
        lambda: checkpoint.read("a", 0, 2**63),
        lambda: checkpoint.set_expiration("a", -1),
        lambda: checkpoint.create_section("b", b"", -5),
        lambda: checkpoint.set_retention(-1),
        lambda: checkpoint.write("a", b"x", 2**62),
    ):
        with pytest.raises(InvalidParam):
            call()
    assert bytes(checkpoint["a"]) == b"1"
    checkpoint.set_expiration("a", 1e30)
    assert next(checkpoint.sections()).expiration_ns == TIME_END


def test_a_default_section_is_there_when_there_can_be_one_only(ckpt: Ckpt) -> None:
    made = creation_attributes(sections_max=1, section_id_size_max=0, retention=0)
    with ckpt.open_checkpoint("default", EVERYTHING, made) as checkpoint:
        checkpoint.write(b"", b"data")
        assert bytes(checkpoint.read()) == b"data"
        with pytest.raises(Exists):
            checkpoint.create_section("a")
        for call in (lambda: checkpoint.delete_section(b""), lambda: checkpoint.set_expiration(b"", 5)):
            with pytest.raises(InvalidParam):
                call()


def test_sections_expire_at_their_time(checkpoint: Checkpoint, other: Ckpt) -> None:
    checkpoint.create_section("soon", b"", time.time() + 0.1)
    checkpoint.create_section("late", b"", time.time() + 1000)
    with other.open_checkpoint(checkpoint.name, READ) as opened:
        deadline = time.monotonic() + PATIENCE_S
        while "soon" in opened:
            assert time.monotonic() < deadline
        assert "late" in opened


def test_iterations_choose_and_are_stable(checkpoint: Checkpoint) -> None:
    now = time.time()
    checkpoint.create_section("a", b"", now + 100)
    checkpoint.create_section("b", b"", now + 200)
    checkpoint.create_section("c", b"12")

    def ids(chosen: SectionsChosen, expires: float = 0.0) -> list[bytes]:
        return [each.section for each in checkpoint.sections(chosen, expires)]

    assert ids(SectionsChosen.ANY) == [b"a", b"b", b"c"]
    assert ids(SectionsChosen.FOREVER) == [b"c"]
    assert ids(SectionsChosen.LEQ_EXPIRATION_TIME, now + 150) == [b"a"]
    assert ids(SectionsChosen.GEQ_EXPIRATION_TIME, now + 150) == [b"b", b"c"]
    assert ids(SectionsChosen.CORRUPTED) == []
    with pytest.raises(InvalidParam):
        next(checkpoint.sections(9))  # type: ignore[arg-type]
    checkpoint.put_many({b"%05d" % number: b"" for number in range(3000)})
    sections = checkpoint.sections()
    first = next(sections)
    assert first.section == b"a"
    checkpoint.update([Delete(b"%05d" % number) for number in range(0, 3000, 2)])
    checkpoint["new"] = b""
    rest = [each.section for each in sections]
    assert b"new" not in rest
    assert len(rest) >= 1502
    descriptor = next(each for each in checkpoint.sections() if each.section == b"c")
    assert (descriptor.size, descriptor.expiration_ns) == (2, TIME_END)
    assert abs(descriptor.last_update_ns / 1e9 - time.time()) < 60


def test_sections_are_a_mapping(checkpoint: Checkpoint) -> None:
    checkpoint["a"] = b"1"
    checkpoint[b"b"] = bytearray(b"2")
    assert (bytes(checkpoint["a"]), "a" in checkpoint, "c" in checkpoint, len(checkpoint)) == (b"1", True, False, 2)
    assert list(checkpoint) == [b"a", b"b"]
    del checkpoint["a"]
    with pytest.raises(KeyError):
        checkpoint["a"]
    with pytest.raises(KeyError):
        del checkpoint["a"]
    with pytest.raises(InvalidParam):
        checkpoint[""] = b"x"


def test_ten_mebibytes_go_in_one_call(checkpoint: Checkpoint, other: Ckpt) -> None:
    whole = bytes(range(256)) * (10 * MIB // 256)
    checkpoint["long"] = whole
    with other.open_checkpoint(checkpoint.name, READ_WRITE) as opened:
        assert opened.read("long", consistent=True) == whole
        opened.write("long", b"x" * MIB, 9 * MIB + 1)
    assert checkpoint.read("long", 9 * MIB, consistent=True) == whole[:1] + b"x" * MIB
    with pytest.raises(TooBig):
        checkpoint.overwrite("long", bytes(64 * MIB))


def test_a_long_write_whose_writer_is_killed_is_done_whole_or_not_at_all(
    cluster: Cluster, checkpoint: Checkpoint
) -> None:
    writer = (
        "import itertools, sys; from openais.ckpt import Ckpt, READ_WRITE\n"
        "with Ckpt(sys.argv[1]) as ckpt, ckpt.open_checkpoint(sys.argv[2], READ_WRITE) as checkpoint:\n"
        "    for number in itertools.count(int(sys.argv[3])):\n"
        "        checkpoint['long'] = bytes([number % 256]) * 10_000_000\n"
        "        print(number, flush=True)\n"
    )
    for first in range(0, 150, 50):
        command = sys.executable, "-c", writer, str(cluster.socket(2)), checkpoint.name, str(first)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process.stdout as said:
            for _ in range(1 + first // 50):
                assert said.readline()
            process.kill()
            process.wait()
        data = bytes(checkpoint.read("long", consistent=True, retry=True))
        assert data == data[:1] * 10_000_000
    assert checkpoint.status().used == 10_000_000


def test_many_changes_are_answered_each(checkpoint: Checkpoint) -> None:
    updated = checkpoint.update([Put(b"a", b"1"), Delete(b"none"), Create(b"", TIME_END, b"2")])
    assert [(each.operation, each.code) for each in updated.failures] == [(1, ErrorCode.NOT_EXIST)]
    assert bytes(checkpoint[updated.generated[2]]) == b"2"
    with pytest.raises(InvalidParam):
        checkpoint.update([])


# Active replica and synchronization.


def made_with(flags: int) -> Attributes:
    return creation_attributes(flags=flags, retention=0)


def test_the_active_replica_is_set_by_a_program_if_collocated(ckpt: Ckpt, other: Ckpt) -> None:
    flags = CreationFlags.WR_ACTIVE_REPLICA | CreationFlags.COLLOCATED
    with ckpt.open_checkpoint("collocated", EVERYTHING, made_with(flags)) as one:
        with pytest.raises(NotExist):
            one.put("a", b"1")
        with other.open_checkpoint("collocated", READ_WRITE) as two:
            two.set_active_replica()
            one.put("a", b"1")
            assert one.status().active == 2
        with other.open_checkpoint("collocated", READ) as reader, pytest.raises(AccessDenied):
            reader.set_active_replica()


@pytest.mark.parametrize("flags", [CreationFlags.WR_ACTIVE_REPLICA, CreationFlags.WR_ACTIVE_REPLICA_WEAK])
def test_replicas_are_synchronized_on_demand(cluster: Cluster, flags: CreationFlags) -> None:
    results: list[SynchronizeResult] = []
    callbacks = CkptCallbacks(checkpoint_synchronize=results.append)
    with (
        Ckpt(cluster.socket(1), callbacks=callbacks) as ckpt,
        ckpt.open_checkpoint(f"sync{int(flags)}", EVERYTHING, made_with(flags)) as checkpoint,
    ):
        checkpoint["a"] = b"1"
        checkpoint.synchronize()
        checkpoint.synchronize_async(5)
        while not results:
            ckpt.dispatch(DispatchFlags.ONE)
        assert results == [SynchronizeResult(5, ErrorCode.OK, "")]
        with pytest.raises(BadOperation):
            checkpoint.set_active_replica()


def test_what_is_always_synchronized_cannot_be(checkpoint: Checkpoint) -> None:
    with pytest.raises(BadOperation):
        checkpoint.synchronize()
    with pytest.raises(BadOperation):
        checkpoint.set_active_replica()


# Tracking.


def test_changes_are_tracked_by_a_callback(cluster: Cluster, checkpoint: Checkpoint) -> None:
    seen: list[bytes] = []
    callbacks = CkptCallbacks(changed=lambda change: seen.extend(change.sections))
    with Ckpt(cluster.socket(2), callbacks=callbacks) as ckpt, ckpt.open_checkpoint(checkpoint.name, READ) as tracked:
        with pytest.raises(NotExist):
            tracked.track_stop()
        tracked.track()
        for section in ("a", "b", "c"):
            checkpoint[section] = b"1"
        while not {b"a", b"b", b"c"} <= set(seen):
            ckpt.dispatch(DispatchFlags.ONE)
        tracked.track_stop()


def test_changes_are_watched(checkpoint: Checkpoint) -> None:
    with checkpoint.watch() as changes:
        checkpoint["a"] = b"1"
        assert next(iter(changes)).sections == (b"a",)
        checkpoint["b"] = b"1"
        assert changes.receive(PATIENCE_S).sections == (b"b",)
        with pytest.raises(TimeoutExpired):
            changes.receive(0.01)


# On an event loop.


def test_the_asyncio_library_does_the_same(cluster: Cluster) -> None:
    async def work() -> None:
        async with (
            AsyncCkpt.open(cluster.socket(1)) as ckpt,
            await ckpt.open_checkpoint("asyncio", EVERYTHING, creation_attributes(retention=0)) as checkpoint,
        ):
            await asyncio.gather(*(checkpoint.put(b"%d" % number, bytes(number)) for number in range(500)))
            assert len((await checkpoint.read("499")).tobytes()) == 499
            assert [each.size async for each in checkpoint.sections()] == list(range(500))
            results = await asyncio.gather(
                checkpoint.delete_section("1"), checkpoint.delete_section("none"), checkpoint.create_section(),
                return_exceptions=True,
            )  # fmt: skip
            assert results[0] is None
            assert isinstance(results[1], NotExist)
            assert isinstance(results[2], bytes)
            started = [checkpoint.start(Put(b"last", b"%d" % number)) for number in range(100)]
            await asyncio.gather(*started)
            assert bytes(await checkpoint.read("last", consistent=True)) == b"99"
            await checkpoint.put("long", bytes(3 * MIB))
            assert await checkpoint.get("none") is None
            watch = await checkpoint.watch()
            await checkpoint.put("seen", b"1")
            async with watch:
                assert (await watch.receive(PATIENCE_S)).sections == (b"seen",)
            await checkpoint.put_many({"x": b"1"})
            assert (await checkpoint.status()).sections == 504
            await checkpoint.close()
            with pytest.raises(BadHandle):
                await checkpoint.put("a", b"")
            with pytest.raises(BadHandle):
                checkpoint.start(Put(b"a", b""))

    asyncio.run(work())


# The dictionary.


def test_a_replicated_dictionary_is_shared(cluster: Cluster) -> None:
    with (
        ReplicatedDict("shared", cluster.socket(1)) as one,
        ReplicatedDict("shared", cluster.socket(2), consistent=True) as two,
    ):
        one["a"] = {"b": [1, 2]}
        one.update(c=3, d=None)
        assert dict(two) == {"a": {"b": [1, 2]}, "c": 3, "d": None}
        assert two.pop("c") == 3
        assert ("c" in two, 5 in two, len(two)) == (False, False, 2)
        with pytest.raises(KeyError):
            two["c"]
        two.clear()
        assert len(two) == 0
        with pytest.raises(InvalidParam):
            one[""] = 1


def test_a_dictionary_keeps_values_by_its_codec(cluster: Cluster, tmp_path: Path) -> None:
    class Text:
        def encode(self, value: str, /) -> bytes:
            return value.upper().encode()

        def decode(self, data: bytes | bytearray | memoryview, /) -> str:
            return bytes(data).decode().lower()

    with ReplicatedDict("texts", cluster.socket(1), codec=Text()) as texts:
        texts["a"] = "Hello"
        assert texts["a"] == "hello"


# Persistence.


@pytest.mark.parametrize("fsync", ["always", "never"])
def test_checkpoints_outlive_the_whole_cluster(tmp_path: Path, fsync: str) -> None:
    made = Cluster(tmp_path, totem_token="5000", ckpt_persist=str(tmp_path / "kept"), ckpt_fsync=fsync)
    try:
        made.start(1, 2)
        attributes = creation_attributes(retention=math.inf)
        with (
            Ckpt(made.socket(1), timeout=PATIENCE_S) as ckpt,
            ckpt.open_checkpoint("kept", EVERYTHING, attributes) as checkpoint,
        ):
            for number in range(50):
                checkpoint[f"{number}"] = b"%d" % number
            checkpoint["long"] = bytes(range(256)) * 4096
            del checkpoint["7"]
        for node in (1, 2):
            made.crash(node)
        made.start(1, 2)
        with Ckpt(made.socket(2), timeout=PATIENCE_S) as ckpt, ckpt.open_checkpoint("kept", READ) as checkpoint:
            assert len(checkpoint) == 50
            assert bytes(checkpoint["49"]) == b"49"
            assert checkpoint["long"] == bytes(range(256)) * 4096
            assert checkpoint.status().replicas == (1, 2)
    finally:
        made.close()
