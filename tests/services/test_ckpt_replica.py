"""The sections of a checkpoint, and what operations do to them."""

from __future__ import annotations

import pytest

from openais.messages.ckpt import Wanted
from openais.messages.ckpt_operations import (
    Create,
    Delete,
    Element,
    Expire,
    Operation,
    Overwrite,
    Put,
    SectionsChosen,
    SetExpiration,
    Write,
)
from openais.services.ckpt.replica import COPIED_MAX, Refusal, Replica
from openais.types import TIME_END, ErrorCode
from tests.services.ckpt_cluster import attributes


def replica(*operations: Operation, **limits: int) -> Replica:
    made = Replica.new(attributes(**limits), 1)
    failures, _ = made.apply(operations, 2, False)
    assert not failures
    return made


def refused(made: Replica, operation: Operation) -> tuple[ErrorCode, int]:
    before = {each.section_id: (bytes(each.data), each.expiration_ns) for each in made.sections.values()}
    used = made.used
    (failure,), _ = made.apply([operation], 3, False)
    assert before == {each.section_id: (bytes(each.data), each.expiration_ns) for each in made.sections.values()}
    assert used == made.used
    assert failure.explanation
    return ErrorCode(failure.code), failure.element


def data(made: Replica, section: bytes = b"a") -> bytes:
    return made.read([Wanted(section, 0, 1 << 40)])[0]


def write(offset: int, new: bytes, section: bytes = b"a") -> Write:
    return Write((Element(section, offset, new),))


@pytest.mark.parametrize(
    ("offset", "new", "expected"),
    [(0, b"x", b"xbc"), (1, b"xyz", b"axyz"), (3, b"d", b"abcd"), (5, b"f", b"abc\0\0f"), (0, b"wxyz", b"wxyz")],
)
def test_a_write_changes_what_it_covers_and_lets_the_section_grow(offset: int, new: bytes, expected: bytes) -> None:
    made = replica(Create(b"a", TIME_END, b"abc"))
    made.apply([write(offset, new)], 3, False)
    assert data(made) == expected
    assert made.used == len(expected)


@pytest.mark.parametrize("offset", [0, 5, COPIED_MAX, 3 * COPIED_MAX, 4 * COPIED_MAX + 7])
def test_a_write_into_a_long_section_is_the_same(offset: int) -> None:
    old = bytes(range(256)) * (3 * COPIED_MAX // 256)
    made = replica(Create(b"a", TIME_END, old))
    for new in (b"hello", b"!"):
        made.apply([write(offset, new)], 3, False)
    assert data(made) == (old[:offset].ljust(offset, b"\0") + b"!ello" + old[offset + 5 :])
    assert made.used == len(data(made))


def test_a_vector_is_written_whole_or_not_at_all() -> None:
    made = replica(Create(b"a", TIME_END, b"1"), Create(b"b", TIME_END, b"2"))
    both = Write((Element(b"a", 0, b"x"), Element(b"none", 0, b"y"), Element(b"b", 0, b"z")))
    assert refused(made, both) == (ErrorCode.NOT_EXIST, 1)
    made.apply([Write((Element(b"a", 0, b"x"), Element(b"a", 1, b"y"), Element(b"b", 0, b"z")))], 3, False)
    assert (data(made), data(made, b"b")) == (b"xy", b"z")


def test_limits_of_sections() -> None:
    made = replica(Create(b"a", TIME_END, b"12345"), size=12, sections_max=3, section_size_max=8, section_id_size_max=4)
    assert refused(made, Create(b"a", TIME_END, b"")) == (ErrorCode.EXIST, 0)
    assert refused(made, Create(b"12345", TIME_END, b"")) == (ErrorCode.INVALID_PARAM, 0)
    assert refused(made, Create(b"b", TIME_END, bytes(9))) == (ErrorCode.INVALID_PARAM, 0)
    assert refused(made, Create(b"b", TIME_END, bytes(8))) == (ErrorCode.NO_SPACE, 0)
    assert refused(made, Overwrite(b"a", bytes(9))) == (ErrorCode.INVALID_PARAM, 0)
    assert refused(made, write(7, b"xy")) == (ErrorCode.INVALID_PARAM, 0)
    assert refused(made, write(2**63 - 1, b"xy")) == (ErrorCode.INVALID_PARAM, 0)
    made.apply([Create(b"b", TIME_END, bytes(6))], 3, False)
    assert refused(made, write(5, b"xy")) == (ErrorCode.NO_SPACE, 0)
    assert refused(made, Overwrite(b"a", bytes(7))) == (ErrorCode.NO_SPACE, 0)
    vector = Write((Element(b"a", 5, b"x"), Element(b"a", 6, b"y")))
    assert refused(made, vector) == (ErrorCode.NO_SPACE, 1)
    made.apply([Create(b"c", TIME_END, b"")], 3, False)
    assert refused(made, Create(b"d", TIME_END, b"")) == (ErrorCode.NO_SPACE, 0)


def test_sections_that_are_not_there() -> None:
    made = replica()
    for operation in (Overwrite(b"a", b""), Delete(b"a"), SetExpiration(b"a", 5), write(0, b"")):
        assert refused(made, operation) == (ErrorCode.NOT_EXIST, 0)
    with pytest.raises(Refusal, match="0: there is no section"):
        made.read([Wanted(b"a", 0, 1)])


def test_the_default_section_is_there_and_stays() -> None:
    made = replica(sections_max=1, section_id_size_max=0)
    assert data(made, b"") == b""
    made.apply([write(0, b"abc", b"")], 3, False)
    assert data(made, b"") == b"abc"
    assert refused(made, Create(b"", TIME_END, b"")) == (ErrorCode.EXIST, 0)
    assert refused(made, Delete(b"")) == (ErrorCode.INVALID_PARAM, 0)
    assert refused(made, SetExpiration(b"", 5)) == (ErrorCode.INVALID_PARAM, 0)


def test_generated_ids_are_of_the_size_that_ids_may_have_and_run_out() -> None:
    made = replica(sections_max=1000, section_id_size_max=1)
    _, generated = made.apply([Create(b"", TIME_END, b"")] * 255, 3, False)
    assert len(set(generated.values())) == 255
    assert {len(section) for section in generated.values()} == {1}
    assert refused(made, Create(b"", TIME_END, b"")) == (ErrorCode.NO_SPACE, 0)
    made.apply([Delete(generated[7])], 4, False)
    _, again = made.apply([Create(b"", TIME_END, b"")], 4, False)
    assert again == {0: generated[7]}


def test_put_creates_or_overwrites() -> None:
    made = replica(Put(b"a", b"1"), Put(b"a", b"22"))
    assert data(made) == b"22"
    assert refused(made, Put(b"", b"")) == (ErrorCode.INVALID_PARAM, 0)


def test_reads_give_what_there_is() -> None:
    made = replica(Create(b"a", TIME_END, b"abcdef"))
    assert made.read([Wanted(b"a", 2, 2), Wanted(b"a", 4, 100), Wanted(b"a", 6, 1)]) == [b"cd", b"ef", b""]
    with pytest.raises(Refusal, match="1: offset 7 in a section of 6 bytes") as caught:
        made.read([Wanted(b"a", 0, 1), Wanted(b"a", 7, 1)])
    assert (caught.value.code, caught.value.element) == (ErrorCode.INVALID_PARAM, 1)


def test_what_an_iteration_chooses() -> None:
    made = replica(Create(b"a", 10, b""), Create(b"b", 20, b""), Create(b"c", 30, b""), Create(b"d", TIME_END, b""))

    def ids(chosen: SectionsChosen, expiration_ns: int = 20) -> bytes:
        return b"".join(each.section_id for each in made.chosen(chosen, expiration_ns))

    assert ids(SectionsChosen.FOREVER) == b"d"
    assert ids(SectionsChosen.LEQ_EXPIRATION_TIME) == b"ab"
    assert ids(SectionsChosen.GEQ_EXPIRATION_TIME) == b"bcd"
    assert ids(SectionsChosen.CORRUPTED) == b""
    assert ids(SectionsChosen.ANY) == b"abcd"


def test_sections_expire_when_an_executive_says_so_and_their_time_is_what_it_says() -> None:
    made = replica(Create(b"a", 10, b"1"), Create(b"b", 10, b"2"), SetExpiration(b"b", 11))
    expire = Expire(((b"a", 10), (b"b", 10), (b"c", 10)))
    assert refused(made, expire) == (ErrorCode.INVALID_PARAM, 0)
    made.apply([expire], 5, True)
    assert list(made.sections) == [b"b"]
    assert made.used == 1
