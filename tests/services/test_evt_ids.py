"""Ids that no other node, and no earlier run of this one, has used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openais.messages.evt import EVENT_ID_STEP
from openais.services.evt_ids import EPOCH_MS, IDS_PER_MS, SLOTS, IdSource, slots_of
from openais.types import NODE_ID_MAX, NodeId

STARTED = (EPOCH_MS + 200_000_000_000) << 16
"""An incarnation."""


def test_ids_follow_each_other_in_steps() -> None:
    ids = IdSource(NodeId(7), STARTED)
    first = ids.take(3)
    assert first % SLOTS == 7
    assert ids.after(first, 3) == first + 3 * EVENT_ID_STEP == ids.take(1)


def test_a_start_of_the_next_millisecond_is_beyond_many_ids_of_the_one_before() -> None:
    """The incarnation rises with every start, also when the clock was set back."""
    last = IdSource(NodeId(7), STARTED).take(IDS_PER_MS - 1) + (IDS_PER_MS - 2) * EVENT_ID_STEP
    assert IdSource(NodeId(7), STARTED + (1 << 16)).take(1) > last


def test_a_node_goes_on_behind_the_last_of_its_ids_that_is_known() -> None:
    ids, again = IdSource(NodeId(7), STARTED), IdSource(NodeId(7), 0)
    last = ids.take(1)
    again.go_on_behind(last)
    assert again.take(1) > last


def test_ids_fit_in_64_bits_for_a_century() -> None:
    century_ms = 100 * 366 * 86_400 * 1000
    assert IdSource(NodeId(1), (EPOCH_MS + century_ms) << 16).take(1) < 2**64


@given(st.sets(st.integers(1, NODE_ID_MAX), min_size=1, max_size=64))
def test_no_two_members_have_one_slot(members: set[int]) -> None:
    slots = slots_of(NodeId(member) for member in members)
    assert len(set(slots.values())) == len(members)
    assert all(0 <= slot < SLOTS for slot in slots.values())


def test_small_node_ids_are_their_own_slots() -> None:
    assert slots_of([NodeId(3), NodeId(1), NodeId(4095)]) == {1: 1, 3: 3, 4095: 4095}
