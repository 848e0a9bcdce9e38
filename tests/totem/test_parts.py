"""Long packets in parts: cut, joined again whatever comes and in whatever order, and nothing else believed."""

from __future__ import annotations

import random

import pytest

from openais.totem.effects import Delivered, RingId
from openais.totem.parts import PACKET_MAX, UNFINISHED_MAX, Joiner, cut, read_part
from openais.totem.wire import Packet, PacketType, WireError
from openais.types import NodeId
from tests.totem.bench import CLUSTER, operational, packet

RING = RingId(8, NodeId(1))
SIZE = 1408


def long_packet(sequence: int = 1, size: int = 50_000, ring: RingId = RING) -> Packet:
    return packet(3, ring, sequence, random.Random(sequence).randbytes(size))


def joined(joiner: Joiner, *datagrams: bytes) -> list[Packet]:
    """What the parts make whole."""
    found = (joiner.add(read_part(datagram)) for datagram in datagrams)
    return [each for each in found if each is not None]


def test_parts_fit_into_a_packet_and_join_to_what_they_were_cut_from() -> None:
    whole = long_packet()
    parts = cut(whole, CLUSTER, SIZE)
    assert {len(part) for part in parts[:-1]} == {SIZE}
    assert len(parts[-1]) <= SIZE
    assert {part[1] for part in parts} == {PacketType.PART}
    assert joined(Joiner(CLUSTER), *parts) == [whole]


def test_parts_join_in_any_order_however_often_they_come() -> None:
    whole = long_packet()
    parts = cut(whole, CLUSTER, SIZE)
    first, second = parts[::2], parts[1::2]
    random.Random(1).shuffle(second)
    assert joined(Joiner(CLUSTER), *first, *first, *second) == [whole]


def test_parts_of_two_packets_come_mixed() -> None:
    one, other = long_packet(1), long_packet(2)
    mixed = [part for both in zip(cut(one, CLUSTER, SIZE), cut(other, CLUSTER, SIZE), strict=True) for part in both]
    assert joined(Joiner(CLUSTER), *mixed) == [one, other]


def test_parts_that_were_cut_at_another_length_are_not_mixed() -> None:
    """Networks may carry packets of different lengths."""
    whole = long_packet()
    short, long = cut(whole, CLUSTER, SIZE - 8), cut(whole, CLUSTER, SIZE)
    assert joined(Joiner(CLUSTER), *long[:20], *short[20:]) == []
    assert joined(Joiner(CLUSTER), *long[:20], *short, *long[20:]) == [whole, whole]


def test_of_too_many_packets_that_are_not_whole_the_oldest_is_forgotten() -> None:
    joiner = Joiner(CLUSTER)
    packets = [long_packet(sequence, 3000) for sequence in range(1, UNFINISHED_MAX + 2)]
    starts = [cut(each, CLUSTER, SIZE)[:-1] for each in packets]
    assert joined(joiner, *(part for each in starts for part in each)) == []
    ends = [cut(each, CLUSTER, SIZE)[-1] for each in packets]
    assert joined(joiner, *ends[1:]) == packets[1:]
    assert joined(joiner, ends[0]) == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda parts: [parts[0][:20]], id="too short"),
        pytest.param(lambda parts: [parts[0][:-1]], id="shorter than the others"),
        pytest.param(lambda parts: [parts[-1] + bytes(SIZE)], id="a last one that is longer"),
        pytest.param(lambda parts: [parts[0][:36] + parts[0][38:40] * 2 + parts[0][40:]], id="a place behind the last"),
        pytest.param(lambda parts: [parts[0][:38] + b"\xff\xff" + parts[0][40:]], id="too many of them"),
        pytest.param(lambda parts: [*parts[1:], parts[0][:40] + bytes(len(parts[0]) - 40)], id="no packet"),
        pytest.param(lambda parts: [_of(5, part) for part in parts], id="another packet than it says"),
    ],
)
def test_what_cannot_be_is_refused(wrong) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WireError):
        joined(Joiner(CLUSTER), *wrong(cut(long_packet(), CLUSTER, SIZE)))


def _of(sequence: int, part: bytes) -> bytes:
    """The part as one of another sequence."""
    return part[:24] + sequence.to_bytes(8, "little") + part[32:]


def test_the_longest_packet_can_be_cut() -> None:
    longest = long_packet(size=PACKET_MAX - 100)
    assert joined(Joiner(CLUSTER), *cut(longest, CLUSTER, 576)) == [longest]


def test_a_processor_delivers_what_came_in_parts_once() -> None:
    bench, ring = operational()
    whole = long_packet(ring=ring)
    bench.hear(*cut(whole, CLUSTER, SIZE), whole.raw, *cut(whole, CLUSTER, SIZE))
    assert [delivered.sender for delivered in bench.took(Delivered)] == [3]
    assert bench.count("packet_repeated") > 1


def test_a_processor_counts_parts_that_are_wrong() -> None:
    bench, ring = operational()
    bench.hear(cut(long_packet(ring=ring), CLUSTER, SIZE)[0][:-1])
    assert bench.count("malformed_part") == 1
