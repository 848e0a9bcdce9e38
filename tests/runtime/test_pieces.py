"""Datagrams that travel in pieces: what is cut is joined, in any order, and nonsense costs nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.runtime.pieces import HEADER, PIECE_VERSION, PIECES_MAX, SOURCES_MAX, UNFINISHED_MAX, Cutter, Joiner

ALICE, BOB = ("10.0.0.1", 5405), ("10.0.0.2", 5405)
SIZE = 100
CONTENT = random.Random(1).randbytes(1000)


def cut(content: bytes, number: int = 7) -> list[bytes]:
    """The packets of a datagram."""
    row = Cutter(SIZE, number).cut(content)
    return [row[start : start + SIZE] for start in range(0, len(row), SIZE)]


def joined(joiner: Joiner, packets: list[bytes], source: object = ALICE) -> list[bytes]:
    """What comes of packets that arrive one by one."""
    return [whole for packet in packets for whole in joiner.datagrams(source, packet, SIZE)]


@given(st.binary(min_size=SIZE + 1, max_size=(SIZE - HEADER.size) * PIECES_MAX))
def test_what_is_cut_is_joined_in_one_row_and_one_by_one(content: bytes) -> None:
    row = Cutter(SIZE, 7).cut(content)
    assert list(Joiner().datagrams(ALICE, row, SIZE)) == [content]
    assert joined(Joiner(), cut(content)) == [content]


def test_pieces_may_come_in_any_order_and_more_than_once() -> None:
    packets = cut(CONTENT) * 2
    random.Random(2).shuffle(packets)
    assert joined(Joiner(), packets)[:1] == [CONTENT]


def test_a_row_out_of_order_is_joined() -> None:
    packets = cut(CONTENT[: 4 * (SIZE - HEADER.size)])
    row = b"".join([packets[0], packets[2], packets[1], packets[3]])
    assert list(Joiner().datagrams(ALICE, row, SIZE)) == [CONTENT[: 4 * (SIZE - HEADER.size)]]


def test_a_row_that_lost_its_end_to_the_next_datagram_waits() -> None:
    joiner = Joiner()
    whole = CONTENT[: 4 * (SIZE - HEADER.size)]
    first, second = cut(whole, 7), cut(whole, 8)
    assert list(joiner.datagrams(ALICE, b"".join([*first[:3], second[0]]), SIZE)) == []
    assert joined(joiner, [first[3], *second[1:]]) == [whole, whole]


def test_datagrams_of_two_sources_with_one_number_are_kept_apart() -> None:
    joiner = Joiner()
    alice, bob = cut(CONTENT), cut(CONTENT[::-1])
    arrived = [whole for pair in zip(alice, bob, strict=True) for source, packet in zip((ALICE, BOB), pair, strict=True)
               for whole in joiner.datagrams(source, packet, SIZE)]  # fmt: skip
    assert arrived == [CONTENT, CONTENT[::-1]]


def test_whole_datagrams_pass_between_pieces() -> None:
    packets = cut(CONTENT)
    assert joined(Joiner(), [packets[0], b"\x01whole", *packets[1:]]) == [b"\x01whole", CONTENT]


def test_several_whole_datagrams_in_one_row_are_told_apart() -> None:
    row = b"".join(b"\x01%099d" % number for number in range(3)) + b"\x01last"
    assert list(Joiner().datagrams(ALICE, row, SIZE)) == [row[:100], row[100:200], row[200:300], b"\x01last"]


@pytest.mark.parametrize("packet", [b"", b"\x81", HEADER.pack(PIECE_VERSION, 2, 2, 1) + b"x"])
def test_what_cannot_be_a_piece_is_handed_on_to_be_refused(packet: bytes) -> None:
    assert list(Joiner().datagrams(ALICE, packet, SIZE)) == [packet]


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=40)), max_size=60))
def test_nonsense_never_raises(packets: list[tuple[int, bytes]]) -> None:
    joiner = Joiner()
    for source, packet in packets:
        for size in (len(packet), 9, 1):
            list(joiner.datagrams(source, bytes([PIECE_VERSION]) + packet, max(1, size)))


def test_datagrams_that_never_become_whole_are_given_up_oldest_first() -> None:
    joiner = Joiner()
    started = [cut(CONTENT, number) for number in range(UNFINISHED_MAX + 1)]
    assert joined(joiner, [packets[0] for packets in started]) == []
    assert joiner.given_up == 1
    assert joined(joiner, started[1][1:]) == [CONTENT]
    assert joined(joiner, started[0][1:]) == []


def test_a_source_that_was_never_heard_again_makes_room_for_another() -> None:
    joiner = Joiner()
    for number in range(SOURCES_MAX + 1):
        assert list(joiner.datagrams(number, cut(CONTENT)[0], SIZE)) == []
    assert joiner.given_up == 1


def test_a_number_that_comes_again_with_another_count_begins_anew() -> None:
    joiner = Joiner()
    joined(joiner, cut(CONTENT)[:3])
    assert joined(joiner, cut(CONTENT[:300])) == [CONTENT[:300]]
    assert joiner.given_up == 1
