"""Ids that no other node, and no earlier run of this one, has used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openais.messages.evt import EVENT_ID_STEP
from openais.services.evt_ids import EPOCH_NS, SLOTS, IdSource, slots_of
from openais.types import NODE_ID_MAX, NodeId, TimeNs

NOW = TimeNs(EPOCH_NS + 200_000_000_000_000_000)


def test_ids_follow_each_other_in_steps() -> None:
    ids = IdSource(NodeId(7))
    first = ids.take(3, NOW)
    assert first % SLOTS == 7
    assert ids.after(first, 3) == first + 3 * EVENT_ID_STEP == ids.take(1, NOW)


def test_ids_go_up_when_the_clock_goes_back() -> None:
    ids = IdSource(NodeId(7))
    first = ids.take(1, NOW)
    assert ids.take(1, TimeNs(0)) > first


def test_a_node_goes_on_behind_the_last_of_its_ids_that_is_known() -> None:
    ids, again = IdSource(NodeId(7)), IdSource(NodeId(7))
    last = ids.take(1, NOW)
    again.go_on_behind(last)
    assert again.take(1, TimeNs(0)) > last


def test_ids_fit_in_64_bits_for_a_century() -> None:
    century_ns = 100 * 366 * 86_400 * 1_000_000_000
    assert IdSource(NodeId(1)).take(1, TimeNs(EPOCH_NS + century_ns)) < 2**64


@given(st.sets(st.integers(1, NODE_ID_MAX), min_size=1, max_size=64))
def test_no_two_members_have_one_slot(members: set[int]) -> None:
    slots = slots_of(NodeId(member) for member in members)
    assert len(set(slots.values())) == len(members)
    assert all(0 <= slot < SLOTS for slot in slots.values())


def test_small_node_ids_are_their_own_slots() -> None:
    assert slots_of([NodeId(3), NodeId(1), NodeId(4095)]) == {1: 1, 3: 3, 4095: 4095}
