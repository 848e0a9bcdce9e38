"""The commit token goes round the members to be (Totem paper, section 5.2)."""

from __future__ import annotations

from openais.totem.effects import RingId
from openais.totem.wire import PacketType
from openais.types import NodeId
from tests.totem.bench import Bench, commit_token, entry, incarnation_of, operational, packet, ring_of, token

RING = RingId(7, NodeId(1))


def gathering(node: int = 2, **kwargs: object) -> Bench:
    """A processor that has heard joins of the others of a ring of three."""
    bench = Bench(node, **kwargs)  # type: ignore[arg-type]
    for other in {1, 2, 3} - {node}:
        bench.join(other, (1, 2, 3))
    bench.forget()
    return bench


def test_a_member_writes_its_entry_and_passes_the_token_on() -> None:
    """The commit token comes from the representative on its first rotation."""
    bench = gathering()
    bench.hear(commit_token(RING, 1, 1, entry(1), entry(2, filled=False), entry(3, filled=False)))
    assert bench.state == "commit"
    [passed] = bench.commits()
    assert (passed.sender, passed.hop) == (2, 2)
    assert [member.filled for member in passed.members] == [True, True, False]
    assert passed.members[1].incarnation == incarnation_of(2)


def test_the_commit_token_is_sent_again_until_the_ring_comes() -> None:
    """The successor says nothing: the token may not have reached it."""
    bench = gathering()
    bench.hear(commit_token(RING, 1, 1, entry(1), entry(2, filled=False), entry(3, filled=False)))
    bench.wait(bench.settings.token_retransmit_s * 2.5)
    assert len(bench.sent(PacketType.COMMIT)) == 3


def test_the_representative_goes_to_recovery_when_all_entries_are_filled() -> None:
    """Node 1 makes the token; it comes back with everybody's entry, and goes round again."""
    bench = gathering(1)
    bench.join(2, (1, 2, 3))
    [first] = bench.commits()[-1:]
    assert (first.hop, first.ring_id.representative) == (1, 1)
    bench.hear(commit_token(first.ring_id, 3, 3, first.members[0], entry(2), entry(3)))
    assert bench.state == "recovery"
    assert bench.commits()[-1].hop == 4


def test_a_commit_token_of_another_membership_is_not_for_us() -> None:
    """A commit token names members that this processor has not agreed to."""
    bench = gathering()
    bench.hear(commit_token(RING, 1, 1, entry(1), entry(2, filled=False)))
    assert (bench.state, bench.count("commit_of_others")) == ("gather", 1)


def test_a_processor_that_gathers_takes_no_part_in_a_second_rotation() -> None:
    """It was restarted, or gave the ring up, after it had filled in its entry: that entry is not true of it."""
    bench = gathering()
    bench.hear(commit_token(RING, 1, 4, entry(1), entry(2, old_ring_id=RingId(3, NodeId(1)), aru=5), entry(3)))
    assert bench.state == "gather"


def test_an_entry_that_is_not_what_we_told_is_refused() -> None:
    """On the second rotation our own entry claims another old ring."""
    bench = gathering()
    bench.hear(commit_token(RING, 1, 1, entry(1), entry(2, filled=False), entry(3, filled=False)))
    bench.hear(commit_token(RING, 1, 4, entry(1), entry(2, old_ring_id=RingId(3, NodeId(1))), entry(3)))
    assert bench.state == "commit"
    assert bench.count("commit_contradicts_us") == 1


def test_a_ring_that_was_given_up_is_not_joined_again() -> None:
    """Node 2 filled in its entry, gave the ring up, received more of its old ring, and meets the old token again."""
    bench, old = operational()
    bench.hear(token(old, 1, 13, sequence=3, aru=0, setter=3))
    bench.wait(bench.settings.token_loss_s(3) + 0.001)
    assert bench.state == "gather"
    for other in (1, 3):
        bench.join(other, (1, 2, 3), sequence=7)
    ring = RingId(8, NodeId(1))
    first = commit_token(ring, 1, 1, entry(1, old_ring_id=old), entry(2, filled=False), entry(3, filled=False))
    bench.hear(first)
    assert bench.state == "commit"
    bench.join(3, (1, 2, 3), sequence=8, reason="it gave up")
    assert bench.state == "gather"
    bench.hear(packet(1, old, 1, b"late").raw)
    bench.join(1, (1, 2, 3), sequence=8)
    bench.hear(first)
    assert bench.state == "gather"


def test_nothing_of_the_old_ring_is_received_once_the_entry_is_filled() -> None:
    """A packet of the old ring is late: what the entry says stays true."""
    bench, old = operational()
    bench.join(3, (1, 2, 3), sequence=7, reason="token lost")
    bench.join(1, (1, 2, 3), sequence=7)
    ring = RingId(8, NodeId(1))
    bench.hear(commit_token(ring, 1, 1, entry(1, old_ring_id=old), entry(2, filled=False), entry(3, filled=False)))
    told = bench.commits()[-1].members[1]
    bench.hear(packet(1, old, 1, b"late").raw)
    bench.hear(commit_token(ring, 1, 4, entry(1, old_ring_id=old), told, entry(3, old_ring_id=old)))
    assert bench.state == "recovery"
    assert bench.processor.describe()["to_send_again"] == 0


def test_a_commit_token_before_the_disk_has_answered_waits() -> None:
    """No ring id is used before it is reserved: the token is not answered until the disk is done."""
    bench = Bench(2, disk=False)
    for other in (1, 3):
        bench.join(other, (1, 2, 3))
    first = commit_token(RING, 1, 1, entry(1), entry(2, filled=False), entry(3, filled=False))
    bench.hear(first)
    assert (bench.state, bench.count("commit_before_disk")) == ("gather", 1)
    bench.stored(4096)
    bench.hear(first)
    assert bench.state == "commit"


def test_a_lost_commit_token_ends_in_a_new_gathering() -> None:
    """The token does not come back within the token timeout."""
    bench = gathering()
    bench.hear(commit_token(RING, 1, 1, entry(1), entry(2, filled=False), entry(3, filled=False)))
    bench.wait(bench.settings.token_loss_s(3) + 0.001)
    assert bench.state == "gather"
    assert "commit token of ring 7.1 was lost" in str(bench.processor.describe()["reason"])


def test_a_member_that_leaves_while_the_ring_is_formed_is_left_out() -> None:
    """Node 3 says goodbye between its join and the ring."""
    bench = gathering()
    bench.hear(commit_token(RING, 1, 1, entry(1), entry(2, filled=False), entry(3, filled=False)))
    bench.join(3, (1, 2, 3), failed=(3,), leave=True)
    assert bench.state == "gather"
    assert bench.own_join().failed == {3}


def test_a_join_from_before_the_ring_does_not_disturb_its_forming() -> None:
    """A join that node 3 sent before it saw the commit token is late."""
    bench = gathering()
    bench.hear(commit_token(RING, 1, 1, entry(1), entry(2, filled=False), entry(3, filled=False)))
    bench.join(3, (1, 2, 3), sequence=6)
    assert (bench.state, bench.count("join_stale")) == ("commit", 1)


def test_an_absurd_high_sequence_costs_no_time() -> None:
    """A member claims to have 2^60 packets of our old ring."""
    bench, old = operational()
    bench.join(3, (1, 2, 3), sequence=7, reason="token lost")
    bench.join(1, (1, 2, 3), sequence=7)
    ring_of(bench, (1, 2, 3), 8, [entry(1, old_ring_id=old, high=1 << 60)])
    assert bench.state == "recovery"


def test_the_incarnations_are_those_that_the_members_tell_themselves() -> None:
    """Node 3 was restarted between its join and the commit token: it is known by what it wrote on the token."""
    bench = gathering()
    restarted = entry(3, incarnation=5000)
    ring = ring_of(bench, (1, 2, 3), entries=[restarted])
    for visit in range(4):
        bench.hear(token(ring, 1, 3 * visit + 1))
    assert bench.state == "operational"
    bench.join(3, (1, 2, 3), sequence=7, incarnation=5000, reason="token lost")
    assert bench.state == "gather"
