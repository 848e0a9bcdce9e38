"""Who is there, and agreement on it (Totem paper, section 5.1)."""

from __future__ import annotations

import dataclasses

import pytest

from openais.totem.effects import RingId, StoreRingSequence
from openais.types import NodeId
from tests.totem.bench import SETTINGS, Bench, entry, incarnation_of, operational, packet, ring_of

# Joins and their sets


def test_a_start_sends_a_join() -> None:
    """A processor starts: it knows itself, has failed nobody, hears itself."""
    bench = Bench(2)
    join = bench.own_join()
    assert (join.sender, join.processors, join.failed, join.heard) == (2, {2}, frozenset(), {2})
    assert join.incarnation == incarnation_of(2)
    assert join.reason == "this node was started"


def test_joins_are_repeated_while_gathering() -> None:
    """Nobody answers."""
    bench = Bench(2)
    bench.forget()
    bench.wait(bench.settings.join_s * 2.5)
    assert len(bench.joins()) == 2


def test_what_others_know_is_taken_over() -> None:
    """Node 3 knows of node 4, which was not heard here yet."""
    bench = Bench(2)
    bench.join(3, (3, 4), heard=(3, 4))
    assert (bench.own_join().processors, bench.own_join().heard) == ({2, 3, 4}, {2, 3})


def test_the_sets_only_grow_and_news_is_told_at_once() -> None:
    """A join with less than we know changes nothing; one with more is answered in the same burst."""
    bench = Bench(2)
    bench.join(3, (2, 3, 4))
    bench.forget()
    bench.join(3, (3,))
    assert bench.joins() == []
    bench.join(4, (2, 3, 4, 5))
    assert bench.own_join().processors == {2, 3, 4, 5}


def test_who_considers_us_failed_is_considered_failed() -> None:
    """Node 3 has given us up: there is no ring with both."""
    bench = Bench(2)
    bench.join(3, (2, 3), failed=(2,))
    assert bench.own_join().failed == {3}


def test_a_member_of_our_last_ring_is_believed_about_another() -> None:
    """Node 1 gives node 3 up after the ring of three was broken."""
    bench, _ = operational()
    bench.join(1, (1, 2, 3), failed=(3,), sequence=7)
    assert bench.own_join().failed == {3}


def test_a_stranger_is_not_believed_about_a_member_that_we_hear() -> None:
    """A newcomer with a bad link to node 3 does not break the ring of three: the newcomer stays out."""
    bench, _ = operational()
    bench.join(3, (1, 2, 3), sequence=7, reason="token lost")
    bench.join(9, (1, 2, 3, 9), failed=(3,))
    assert bench.own_join().failed == {9}


def test_a_join_from_before_the_ring_is_stale() -> None:
    """A join of a member that it sent before the ring was installed comes late."""
    bench, _ = operational()
    bench.join(3, (1, 2, 3), sequence=6)
    assert (bench.state, bench.count("join_stale")) == ("operational", 1)


@pytest.mark.parametrize(
    ("sender", "processors"),
    [
        pytest.param(9, (2, 3), id="a sender that does not know itself"),
        pytest.param(0, (0, 2), id="no node id"),
        pytest.param(3, (0, 2, 3), id="no node id among the processors"),
        pytest.param(0xFFFF_FFFF, (2, 0xFFFF_FFFF), id="the id that stands for the local node"),
    ],
)
def test_a_join_that_names_no_proper_processors_is_malformed(sender: int, processors: tuple[int, ...]) -> None:
    """Node ids are 1 to 0xFFFFFFFE, and a sender knows of itself."""
    bench = Bench(2)
    bench.join(sender, processors)
    assert bench.count("malformed_join") == 1


# Consensus


def test_the_lowest_makes_the_ring_when_all_have_the_same_sets_and_hear_each_other() -> None:
    """Nodes 2 and 3 have said what node 1 says."""
    bench = Bench(1)
    bench.join(2, (1, 2, 3))
    bench.join(3, (1, 2, 3))
    assert bench.state == "gather"
    bench.join(2, (1, 2, 3))
    [token] = bench.commits()
    assert (token.ring_id, [member.node_id for member in token.members]) == (RingId(1, NodeId(1)), [1, 2, 3])


def test_there_is_no_ring_before_everybody_hears_everybody() -> None:
    """Node 3 has not heard node 2 yet."""
    bench = Bench(1)
    bench.join(2, (1, 2, 3))
    bench.join(3, (1, 2, 3), heard=(1, 3))
    bench.join(2, (1, 2, 3))
    assert bench.state == "gather"
    bench.join(3, (1, 2, 3))
    assert bench.state == "commit"


def test_the_ring_id_is_above_all_that_the_members_know() -> None:
    """Node 3 was in ring 41 once."""
    bench = Bench(1)
    bench.join(3, (1, 3), sequence=41)
    bench.join(3, (1, 3), sequence=41)
    assert bench.commits()[0].ring_id == RingId(42, NodeId(1))


def test_who_is_not_the_lowest_waits_for_the_commit_token() -> None:
    """Node 2 has consensus, and node 1 is to make the token."""
    bench = Bench(2)
    bench.join(1, (1, 2))
    bench.join(1, (1, 2))
    assert (bench.state, bench.commits()) == ("gather", [])


def test_a_processor_that_hears_nobody_goes_on_alone() -> None:
    """After three join intervals."""
    bench = Bench(2)
    bench.wait(bench.settings.join_s * 3.1)
    assert bench.history() == ["R2"]


# The disk


def test_no_ring_id_is_used_before_it_is_reserved() -> None:
    """The disk is slow: alone or not, the ring waits for it."""
    bench = Bench(2, sequence=10, disk=False)
    bench.wait(bench.settings.join_s * 10)
    assert bench.state == "gather"
    [asked] = {effect.sequence for effect in bench.took(StoreRingSequence)}
    bench.stored(asked)
    bench.wait(bench.settings.join_s * 4)
    assert bench.processor.configuration is not None
    assert 10 < bench.processor.configuration.ring_id.sequence <= asked


def test_ring_sequences_are_reserved_in_blocks_ahead_of_their_use() -> None:
    """Another ring is far ahead: the next block is asked for before it is needed."""
    bench = Bench(2, sequence=10)
    bench.join(3, (2, 3), sequence=1_000_000)
    assert max(effect.sequence for effect in bench.took(StoreRingSequence)) > 1_000_000


def test_a_processor_whose_disk_does_not_answer_is_silent() -> None:
    """It could take part in no ring, and would only hold up the others."""
    bench = Bench(2, disk=False)
    bench.wait(bench.settings.join_s * 5)
    bench.join(3, (3,))
    assert bench.joins() == []
    bench.stored(4096)
    assert bench.own_join().processors == {2, 3}


# Those that do not answer, and those that are heard only in part


def test_who_does_not_answer_in_time_is_considered_failed() -> None:
    """Node 4 is only known from node 3."""
    bench = Bench(2)
    bench.join(3, (2, 3, 4), heard=(2, 3))
    bench.wait(bench.settings.consensus_s(3) + bench.settings.join_s)
    assert bench.own_join().failed == {4}
    assert "node 4: no answer to joins for" in bench.recorded("failed")[0]


def test_who_hears_only_a_part_of_us_is_left_out() -> None:
    """Nodes 3 and 4 do not hear each other: the higher one goes."""
    bench = Bench(2)
    bench.join(3, (2, 3, 4), heard=(2, 3))
    bench.join(4, (2, 3, 4), heard=(2, 4))
    bench.wait(bench.settings.consensus_s(3) + bench.settings.join_s)
    assert bench.own_join().failed == {4}
    assert bench.recorded("failed") == ["node 4: hears only a part of us"]


def test_a_representative_that_sends_no_commit_token_is_given_up() -> None:
    """All agree, everybody hears everybody, and node 1 is silent otherwise."""
    bench = Bench(2)
    bench.join(1, (1, 2, 3))
    bench.join(3, (1, 2, 3))
    for _ in range(30):
        bench.join(1, (1, 2, 3))
        bench.join(3, (1, 2, 3))
        bench.wait(bench.settings.join_s)
        if bench.own_join().failed:
            break
    assert bench.own_join().failed == {1}
    assert bench.recorded("failed") == ["node 1: sent no commit token"]


def test_gathering_ends_whatever_the_others_say() -> None:
    """Others that never agree are given up one by one, and there is a ring without them."""
    bench = Bench(2)
    for _ in range(60):
        bench.join(3, (2, 3, 7), failed=(7,))
        bench.join(5, (2, 3, 5), heard=(5,))
        bench.wait(bench.settings.join_s)
    assert "R2" in bench.history()


# Limits


def test_a_ring_never_has_more_members_than_it_may() -> None:
    """Four are allowed: the fifth is refused by name, and the four stay together."""
    bench, _ = operational(members=(1, 2, 3, 4), settings=dataclasses.replace(SETTINGS, members_max=4))
    bench.join(9, (9,))
    bench.join(9, (1, 2, 3, 4, 9))
    assert (bench.state, bench.count("join_ignored")) == ("operational", 2)
    assert bench.recorded("too_many_members") == ["node 9 is refused: the ring would have more than 4 members"]


def test_rings_that_are_too_large_together_do_not_meet() -> None:
    """Two rings of three where four may be members: both stay as they are."""
    bench, _ = operational(settings=dataclasses.replace(SETTINGS, members_max=4))
    other = RingId(9, NodeId(5))
    for sender in (6, 7, 5):
        bench.announce(sender, other, (5, 6, 7), heard=(1, 2, 3), mutual=(1, 2, 3))
    assert bench.state == "operational"
    assert bench.recorded("too_many_members") == [
        "ring 9.5 of node 5 is refused: the ring would have more than 4 members"
    ]


# Leaving, restarting, and two of one name


def test_who_leaves_in_order_is_left_out_at_once() -> None:
    """Node 3 says goodbye while we gather."""
    bench = Bench(1)
    bench.join(2, (1, 2, 3))
    bench.join(3, (1, 2, 3))
    bench.join(3, (1, 2, 3), failed=(3,), leave=True)
    assert bench.own_join().failed == {3}
    assert bench.recorded("failed") == ["node 3: left in order"]


def test_a_processor_that_was_restarted_is_the_heir_of_its_node_id() -> None:
    """Node 3 crashed, which broke the ring; it comes back while we gather."""
    bench, _ = operational()
    bench.wait(bench.settings.token_loss_s(3) + 0.001)
    assert bench.state == "gather"
    bench.join(3, (3,), sequence=7, incarnation=5000)
    bench.wait(bench.settings.join_s * 3.5)
    bench.join(3, (1, 2, 3), sequence=7, incarnation=5000)
    bench.wait(bench.settings.join_s)
    assert 3 in bench.own_join().heard


def test_the_later_of_two_with_one_node_id_is_refused() -> None:
    """Two processors call themselves node 3."""
    bench = Bench(2)
    bench.join(3, (2, 3))
    bench.join(3, (2, 3, 4), incarnation=5000)
    assert bench.own_join().processors == {2, 3}
    assert bench.recorded("duplicate_node_id") == ["two nodes use node id 3; the one that came later is refused"]


def test_other_settings_are_refused_by_name() -> None:
    """Node 3 has another token timeout and window."""
    bench = Bench(2)
    bench.join(3, (3,), settings=dataclasses.replace(SETTINGS, token_timeout_s=0.2, window=50))
    [text] = bench.recorded("settings_differ")
    assert text == (
        "node 3 is refused: it runs other ring settings: "
        "token_timeout_s is 0.2 there and 0.1 here; window is 50 there and 96 here"
    )
    assert bench.own_join().processors == {2}


# Packets of the old ring


def test_packets_of_the_old_ring_are_still_taken_while_gathering() -> None:
    """A packet of the old ring is late, and in time for what the commit token is told."""
    bench, old = operational()
    bench.join(3, (1, 2, 3), sequence=7, reason="token lost")
    bench.join(1, (1, 2, 3), sequence=7)
    bench.hear(packet(1, old, 1, b"late").raw)
    ring_of(bench, (1, 2, 3), 8, [entry(1, old_ring_id=old), entry(3, old_ring_id=old)])
    assert bench.commits()[-1].members[1].aru == 1
