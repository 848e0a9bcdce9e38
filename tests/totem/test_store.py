"""The packets of a ring that were received and may be needed again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openais.totem.effects import RingId
from openais.totem.store import PacketStore
from openais.totem.wire import SAFE, Packet, encode_data
from openais.types import NodeId

RING = RingId(1, NodeId(1))


def made(sequence: int) -> Packet:
    return encode_data(0, NodeId(1), RING, sequence, 0, b"")


def filled(*sequences: int, ahead_max: int = 1000) -> PacketStore:
    store = PacketStore(ahead_max)
    for sequence in sequences:
        store.add(made(sequence))
    return store


def test_the_aru_stops_at_the_first_gap() -> None:
    """Packets 1, 2 and 4 came."""
    store = filled(2, 1, 4)
    assert (store.aru, store.high) == (2, 4)


def test_a_gap_that_is_filled_moves_the_aru_past_all_behind_it() -> None:
    """Packet 1 came last."""
    assert filled(2, 3, 5, 1).aru == 3


def test_a_packet_is_kept_once() -> None:
    """It comes again, and comes again after it was discarded."""
    store = filled(1, 2)
    assert not store.add(made(2))
    store.discard(2)
    assert not store.add(made(2))
    assert store.packets == {}


def test_an_absurd_sequence_is_not_kept() -> None:
    """It would let a single datagram claim endless gaps."""
    store = filled(ahead_max=10)
    assert not store.add(made(11))
    assert store.add(made(10))
    assert not store.add(made(0))


def test_who_sent_the_highest_packet_is_known_and_which_the_highest_safe_one_is() -> None:
    """Whatever the order in which they come."""
    store = PacketStore(ahead_max=10)
    for sequence, sender, flags in ((2, 7, SAFE), (3, 8, 0), (1, 9, SAFE)):
        store.add(encode_data(0, NodeId(sender), RING, sequence, flags, b""))
    assert (store.high, store.high_sender, store.safe_high) == (3, 8, 2)


def test_missing_packets_are_told_in_ranges_lowest_first() -> None:
    """As many ranges as the token has room for."""
    store = filled(1, 4, 5, 9)
    assert store.missing(10, 9) == [(2, 2), (6, 3), (10, 1)]
    assert store.missing(10, 2) == [(2, 2), (6, 3)]
    assert store.missing(3, 9) == [(2, 2)]
    assert store.missing(1, 9) == []


@given(st.lists(st.integers(1, 40)), st.integers(0, 40), st.integers(0, 45))
def test_the_invariant_holds_and_missing_is_exact(sequences: list[int], discarded: int, up_to: int) -> None:
    """discarded <= aru <= high, all between the first two are here, and what is missing is what did not come."""
    store = filled(*sequences)
    store.discard(min(discarded, store.aru))
    assert store.discarded <= store.aru <= max(store.high, store.aru)
    assert store.packets.keys() == {s for s in sequences if s > store.discarded}
    missing = [first + step for first, count in store.missing(up_to, 100) for step in range(count)]
    assert missing == [s for s in range(1, up_to + 1) if s not in sequences]
