"""The exchange of state: joining, parting, merging, and being interrupted in it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openais.messages.base import ServiceId, encode_group
from openais.messages.evs import RingIdentity
from openais.messages.status import Status, StatusGet
from openais.messages.transfer import StateChunk
from openais.totem.effects import Delivered
from openais.types import AisError, ErrorCode, Guarantee, NodeId, Priority, TryAgain
from tests.executive.cluster import Cluster
from tests.executive.ledger import Appended, Entries, Read, Write, Written


def write(cluster: Cluster, node_id: int, *entries: str) -> None:
    """Writes entries through a library of the node, and delivers them."""
    library = cluster[node_id].library()
    for entry in entries:
        library.send(Write(entry))
    cluster.group.deliver()


def parted(left: Sequence[int], right: Sequence[int], queue_max: int = 1000) -> Cluster:
    """Two components, of which each has written an entry that the other does not have."""
    cluster = Cluster(*left, *right, queue_max=queue_max)
    cluster.form([*left, *right])
    cluster.form(left, right)
    write(cluster, left[0], "left")
    write(cluster, right[0], "right")
    return cluster


def synchronized(cluster: Cluster, node_id: int) -> bool:
    return cluster[node_id].executive.status().synchronized


def since_regular(cluster: Cluster, node_id: int) -> list[str]:
    """What happened to the service of a node from its last regular configuration on."""
    history = cluster[node_id].ledger.history
    last = max(place for place, what in enumerate(history) if what.startswith("regular"))
    return history[last:]


# Joining, parting, merging


def test_a_node_alone_is_complete_at_once() -> None:
    cluster = Cluster(1)
    assert not synchronized(cluster, 1)
    cluster.group.configure([1])
    assert cluster[1].ledger.history == ["regular [1]", "synchronized [1]"]
    assert cluster.group.deliver() == 0


def test_nodes_that_start_together_exchange_their_states() -> None:
    cluster = Cluster(1, 2, 3)
    cluster.group.configure([1, 2, 3])
    assert not any(synchronized(cluster, node_id) for node_id in (1, 2, 3))
    cluster.group.deliver()
    merge = "merge [([1], []), ([2], []), ([3], [])]"
    for node_id in (1, 2, 3):
        assert cluster[node_id].ledger.history == ["regular [1, 2, 3]", merge, "synchronized [1, 2, 3]"]


def test_a_joining_node_gets_the_state_from_the_lowest_node_of_each_component() -> None:
    cluster = Cluster(1, 2)
    cluster.form([1, 2])
    write(cluster, 2, "a", "b")
    cluster.start(3)
    cluster.form([1, 2, 3])
    merge = "merge [([1, 2], ['a', 'b']), ([3], [])]"
    for node_id in (1, 2, 3):
        assert since_regular(cluster, node_id) == ["regular [1, 2, 3]", merge, "synchronized [1, 2, 3]"]
    assert cluster.entries() == [["a", "b"]] * 3


def test_a_pure_departure_needs_no_exchange() -> None:
    cluster = Cluster(1, 2, 3)
    cluster.form([1, 2, 3])
    cluster.group.configure([1, 3])
    assert synchronized(cluster, 1)
    assert since_regular(cluster, 1) == ["regular [1, 3]", "synchronized [1, 3]"]
    assert cluster.group.deliver() == 0


def test_the_transitional_configuration_comes_before_the_regular_one() -> None:
    cluster = Cluster(1, 2, 3)
    cluster.form([1, 2, 3])
    cluster.form([1, 2], [3])
    assert cluster[1].ledger.history[-3:] == ["transitional [1, 2]", "regular [1, 2]", "synchronized [1, 2]"]


def test_partitions_that_merge_are_given_the_states_of_both() -> None:
    cluster = parted([2, 3], [1, 4])
    cluster.form([1, 2, 3, 4])
    merge = "merge [([1, 4], ['right']), ([2, 3], ['left'])]"
    for node_id in (1, 2, 3, 4):
        assert merge in since_regular(cluster, node_id)
    assert cluster.entries() == [["left", "right"]] * 4


def test_a_restarted_node_is_a_component_of_its_own_although_it_has_the_same_id() -> None:
    cluster = Cluster(1, 2)
    cluster.form([1, 2])
    write(cluster, 1, "a")
    cluster.start(2)
    cluster.form([1, 2])
    assert "merge [([1], ['a']), ([2], [])]" in since_regular(cluster, 1)
    assert cluster.entries() == [["a"]] * 2


def test_a_long_state_is_sent_in_chunks_as_the_queue_has_room() -> None:
    cluster = Cluster(1, queue_max=2)
    cluster.form([1])
    library = cluster[1].library()
    entries = [f"{number:05}" + "x" * 5000 for number in range(200)]
    for entry in entries:
        library.send(Write(entry))
        cluster.group.deliver()
    cluster.start(2)
    cluster.group.configure([1, 2])
    assert cluster.group.deliver() > 2 + 200 * 5000 // 70_000
    assert cluster.entries() == [entries] * 2


# What libraries see


def test_a_library_of_a_joining_node_sees_nothing_before_the_state_is_complete() -> None:
    cluster = Cluster(1)
    cluster.form([1])
    write(cluster, 1, "a")
    joining = cluster.start(2)
    library = joining.library()
    call = library.send(Read())
    assert not joining.executive.reading(library.number)
    cluster.group.configure([1, 2])
    cluster.group.deliver(limit=3)
    assert library.order[1:] == []
    cluster.group.deliver()
    assert library.answers[call] == Entries(("a",))
    assert joining.executive.reading(library.number)


def test_the_status_service_answers_before_the_first_configuration() -> None:
    cluster = Cluster(1, 2)
    library = cluster[2].library(ServiceId.STATUS)
    status = library.call(StatusGet())
    assert isinstance(status, Status)
    assert (status.ring, status.synchronized, status.members) == (None, False, ())
    cluster.group.configure([1, 2])
    status = library.call(StatusGet())
    assert isinstance(status, Status)
    assert status.transfer == "where nodes [1, 2] come from"


def test_reads_during_a_later_exchange_are_answered_from_the_state_as_it_is() -> None:
    cluster = parted([1, 2], [3])
    library = cluster[1].library()
    cluster.group.configure([1, 2, 3])
    assert library.call(Read()) == Entries(("left",))


@pytest.mark.parametrize("priority", list(Priority))
def test_requests_that_multicast_during_an_exchange_take_effect_after_it(priority: Priority) -> None:
    cluster = parted([1, 2], [3])
    library = cluster[1].library()
    cluster.group.configure([1, 2, 3])
    call = library.send(Write("during", priority))
    cluster.group.deliver()
    assert isinstance(library.answers[call], Written)
    for node_id in (1, 2, 3):
        assert since_regular(cluster, node_id)[1:][-2:] == ["synchronized [1, 2, 3]", "during"]


@pytest.mark.parametrize(("priority", "taken"), [(Priority.MED, 100), (Priority.LOW, 100), (Priority.HIGH, 64)])
def test_requests_beyond_the_room_during_an_exchange_are_try_again(priority: Priority, taken: int) -> None:
    cluster = parted([1], [2], queue_max=100)
    library = cluster[1].library()
    cluster.group.configure([1, 2])
    for number in range(taken):
        library.send(Write(f"{number:03}", priority))
    refused = library.call(Write("one more", priority))
    assert isinstance(refused, TryAgain)
    cluster.group.deliver()
    assert cluster.entries() == [["left", "right", *(f"{number:03}" for number in range(taken))]] * 2


def test_messages_that_slip_into_an_exchange_are_given_after_it_and_in_order() -> None:
    cluster = parted([1, 2], [3])
    library = cluster[3].library()
    library.send(Write("high", Priority.HIGH))
    library.send(Write("first", Priority.RECOVERY))
    cluster.group.configure([1, 2, 3])
    cluster.group.deliver(limit=4)
    assert cluster[1].executive.describe()["executive"]["held_messages"] == 1
    cluster.group.deliver()
    for node_id in (1, 2, 3):
        assert since_regular(cluster, node_id)[-3:] == ["synchronized [1, 2, 3]", "first", "high"]
    assert cluster.entries() == [["left", "right", "first", "high"]] * 3


# Interruption


@pytest.mark.parametrize("delivered", range(12))
def test_an_exchange_that_a_departure_interrupts_is_done_anew_without_the_departed(delivered: int) -> None:
    cluster = parted([2, 3], [1, 4])
    cluster.group.configure([1, 2, 3, 4])
    cluster.group.deliver(limit=delivered)
    cluster.form([2, 3, 4], [1])
    assert [cluster[node_id].ledger.entries for node_id in (2, 3, 4)] == [["left", "right"]] * 3
    assert cluster[1].ledger.entries in (["right"], ["left", "right"])
    cluster.form([1, 2, 3, 4])
    assert cluster.entries() == [["left", "right"]] * 4


@pytest.mark.parametrize("delivered", range(10))
def test_an_exchange_that_a_joining_node_interrupts_is_done_anew_with_it(delivered: int) -> None:
    cluster = parted([1, 2], [3])
    cluster.start(4)
    cluster.group.configure([1, 2, 3], [4])
    cluster.group.deliver(limit=delivered)
    cluster.form([1, 2, 3, 4])
    assert cluster.entries() == [["left", "right"]] * 4
    assert all(synchronized(cluster, node_id) for node_id in cluster.nodes)


def test_components_of_an_interrupted_exchange_stay_apart_although_they_come_from_one_ring() -> None:
    cluster = parted([1, 2], [3])
    for _ in range(3):
        cluster.group.configure([1, 2, 3])
        cluster.group.deliver(limit=2)
    cluster.form([1, 2, 3])
    assert since_regular(cluster, 3)[1] == "merge [([1, 2], ['left']), ([3], ['right'])]"


def test_members_of_one_component_that_went_different_ways_stay_apart_however_often_they_are_interrupted() -> None:
    cluster = Cluster(1, 2, 3, 4, 5)
    cluster.form([1, 2, 3], [4], [5])
    cluster[3].library().send(Write("by 3", Priority.RECOVERY))
    cluster.group.configure([1, 2, 4], [3, 5])
    cluster.group.deliver(limit=6)
    cluster.group.configure([1, 2, 3, 4, 5])
    assert [cluster[node_id].ledger.entries for node_id in (1, 2, 3, 5)] == [[], [], ["by 3"], ["by 3"]]
    cluster.group.deliver(limit=3)
    cluster.form([1, 2, 3, 4, 5])
    merge = "merge [([1, 2], []), ([3], ['by 3']), ([4], []), ([5], ['by 3'])]"
    for node_id in cluster.nodes:
        assert since_regular(cluster, node_id)[1] == merge
    assert cluster.entries() == [["by 3"]] * 5


def test_one_component_alone_after_an_interruption_has_nothing_to_send() -> None:
    cluster = parted([1, 2], [3])
    cluster.group.configure([1, 2, 3])
    cluster.group.deliver(limit=1)
    cluster.form([1, 2], [3])
    assert since_regular(cluster, 1) == ["regular [1, 2]", "synchronized [1, 2]"]
    assert cluster[1].ledger.entries == ["left"]


def test_messages_held_in_an_interrupted_exchange_are_given_in_the_configuration_they_came_in() -> None:
    cluster = parted([1, 2], [3])
    library = cluster[1].library()
    call = library.send(Write("held", Priority.RECOVERY))
    cluster.group.configure([1, 2, 3])
    cluster.group.deliver(limit=4)
    assert call not in library.answers
    cluster.group.configure([1, 2], [3])
    assert isinstance(library.answers[call], Written)
    assert library.callbacks == [Appended("held", cluster[1].node_id)]
    assert cluster[3].ledger.entries == ["right", "held"]
    place = cluster[2].ledger.history.index("held")
    assert cluster[2].ledger.history[place - 1 : place + 2] == ["regular [1, 2, 3]", "held", "transitional [1, 2]"]
    cluster.form([1, 2, 3])
    assert cluster.entries() == [["held", "left", "right"]] * 3


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(1, 5), st.sampled_from(list(Priority))),
            st.tuples(st.just("deliver"), st.integers(0, 15), st.none()),
            st.tuples(st.just("restart"), st.integers(1, 5), st.none()),
            st.tuples(st.just("split"), st.integers(0, 31), st.none()),
        ),
        max_size=40,
    )
)
def test_whatever_parts_and_merges_all_nodes_end_with_one_state_and_nothing_is_lost(steps: list[tuple]) -> None:
    cluster = Cluster(1, 2, 3, 4, 5)
    cluster.form([1, 2, 3, 4, 5])
    restarted = False
    for count, (what, number, priority) in enumerate(steps):
        if what == "write":
            cluster[number].library().send(Write(f"{count:02} by {number}", priority))
        elif what == "deliver":
            cluster.group.deliver(limit=number)
        elif what == "restart":
            restarted = True
            others = [[each for each in component if each != number] for component in cluster.group.components]
            cluster.start(number)
            cluster.group.configure(*[each for each in others if each], [number])
        else:
            left = [node_id for node_id in cluster.nodes if number >> node_id - 1 & 1]
            right = [node_id for node_id in cluster.nodes if node_id not in left]
            cluster.group.configure(*[side for side in (left, right) if side])
    cluster.form([1, 2, 3, 4, 5])
    assert all(synchronized(cluster, node_id) for node_id in cluster.nodes)
    assert len({tuple(entries) for entries in cluster.entries()}) == 1
    if not restarted:
        written = {f"{count:02} by {step[1]}" for count, step in enumerate(steps) if step[0] == "write"}
        assert written == set(cluster[1].ledger.entries)


# Messages that do not belong here


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"", "malformed"),
        (bytes((ServiceId.EXAMPLE,)), "malformed"),
        (bytes((ServiceId.EXAMPLE, 240)) + b"\xc1", "malformed"),
        (bytes((ServiceId.EXAMPLE, 1)), "unknown"),
        (bytes((200, 1)), "unknown"),
        (bytes((ServiceId.EXECUTIVE, 1)), "out_of_date"),
    ],
)
def test_a_group_message_that_cannot_be_read_is_left_out_and_counted(payload: bytes, cause: str) -> None:
    cluster = Cluster(1)
    cluster.form([1])
    cluster[1].ring.accept(Delivered(NodeId(2), (), payload, Guarantee.AGREED, Priority.MED))
    cluster[1].input(lambda e, now, wall: e.datagrams((), now, wall))
    assert cluster[1].executive.counters[f"group.{cause}"] == 1


@pytest.mark.parametrize("number", [1, 2, 3, 99])
def test_a_broken_message_of_an_exchange_is_left_out_and_counted(number: int) -> None:
    cluster = Cluster(1, 2)
    cluster.group.configure([1, 2])
    broken = Delivered(
        NodeId(2), (), bytes((ServiceId.EXECUTIVE, number)) + b"\x91\xc0", Guarantee.AGREED, Priority.MED
    )
    for node in cluster.nodes.values():
        node.ring.accept(broken)
    cluster.group.deliver()
    assert all(synchronized(cluster, node_id) for node_id in (1, 2))
    assert cluster[1].executive.counters["group.malformed"] == 1


def test_a_state_message_that_cannot_be_read_is_left_out_by_all() -> None:
    cluster = parted([1], [2])
    cluster.group.configure([1, 2])
    ring_id = cluster[1].ring.ring_id
    assert ring_id is not None
    assert cluster.group.deliver(limit=2) == 2
    unreadable = (memoryview(b""), memoryview(bytes((ServiceId.EXAMPLE, 239, 1))), memoryview(b"\xff\xf1\xc1"))
    chunk = StateChunk(RingIdentity(*ring_id), unreadable)
    for node in cluster.nodes.values():
        node.ring.accept(Delivered(NodeId(2), (), encode_group(chunk), Guarantee.AGREED, Priority.RECOVERY))
    cluster.group.deliver()
    assert cluster.entries() == [["left", "right"]] * 2
    assert cluster[1].executive.describe()["executive"]["transfer"]["malformed"] == 3


def test_an_error_for_a_library_names_the_queue() -> None:
    cluster = parted([1], [2], queue_max=1)
    library = cluster[1].library()
    cluster.group.configure([1, 2])
    library.send(Write("one"))
    refused = library.call(Write("two"))
    assert isinstance(refused, AisError)
    assert refused.code is ErrorCode.TRY_AGAIN
    assert str(refused) == "the MED queue is full"
