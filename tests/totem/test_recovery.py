"""The members of an old ring bring each other to the same messages before the new one (Totem paper, section 5.3).

Node 2 was in ring 7 of nodes 1, 2, 3 (and in some tests 4) and goes to ring 8. What the others tell on the commit
token, and what they send again, is made by hand; what node 2 delivers, and in which configuration, is compared:
T is the transitional configuration, R the regular one.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from openais.totem.effects import Configuration, RingId
from openais.totem.wire import RECOVERED, CommitMember, Packet, PacketType, read_data
from openais.types import Guarantee, NodeId, Priority
from tests.totem.bench import Bench, commit_token, entry, operational, packet, recovered, ring_of, rotate, token

ALL = (1, 2, 3)
INSTALLING_VISITS = 4


def left_ring(*packets: Packet, safe_line: int = 0, members: tuple[int, ...] = ALL) -> tuple[Bench, RingId]:
    """Node 2 has these packets of ring 7, and gathers. The safe line is up to where all are known to have all."""
    bench, old = operational(members=members)
    bench.hear(*(p.raw for p in packets if p.sequence <= safe_line))
    if safe_line:
        rotate(bench, old, members, 2, first=4, sequence=safe_line)
    bench.hear(*(p.raw for p in packets if p.sequence > safe_line))
    for other in members:
        if other != 2:
            bench.join(other, members, sequence=7, reason="token lost")
    assert bench.state == "gather"
    return bench, old


def left(bench: Bench, node: int, members: Iterable[int]) -> None:
    """A member of ring 7 leaves in order."""
    bench.join(node, members, failed=(node,), sequence=7, leave=True)


def old_packets(*sequences: int, sender: int = 1, safe: Iterable[int] = ()) -> list[Packet]:
    """Packets of ring 7 with the messages m1, m2, …"""
    ring = RingId(7, NodeId(1))
    return [packet(sender, ring, s, f"m{s}".encode(), safe=s in set(safe)) for s in sequences]


def recover(
    bench: Bench,
    entries: list[CommitMember],
    resent: Iterable[Packet] = (),
    *,
    members: Iterable[int] = ALL,
    sequence: int = 8,
) -> RingId:
    """Ring 8 is formed by what the others tell; node 1 sends old packets again; the token goes round until it is
    installed."""
    members = tuple(members)
    ring = ring_of(bench, members, sequence, entries)
    again = [recovered(members[0], ring, number, old) for number, old in enumerate(resent, 1)]
    bench.hear(*again)
    own = bench.processor.describe()["to_send_again"]
    assert isinstance(own, int)
    rotate(bench, ring, members, 1, sequence=len(again))
    rotate(bench, ring, members, INSTALLING_VISITS - 1, first=1, sequence=len(again) + own)
    assert bench.state == "operational"
    return ring


# The cut line between the old regular configuration and the transitional one


def test_agreed_messages_up_to_the_first_gap_belong_to_the_old_configuration() -> None:
    """All are here: they are delivered before the transitional configuration."""
    bench, old = left_ring(*old_packets(1, 2))
    recover(bench, [entry(1, old_ring_id=old, aru=2), entry(3, old_ring_id=old, aru=2)])
    assert bench.history() == [b"m1", b"m2", "T1,2,3", "R1,2,3"]


def test_a_safe_message_that_not_all_are_known_to_have_is_delivered_in_the_transitional_configuration() -> None:
    """m2 asks for safe delivery; nobody who comes along knows that node 3, which is gone, has it."""
    bench, old = left_ring(*old_packets(1, 2, 3, safe=(2,)))
    left(bench, 3, ALL)
    recover(bench, [entry(1, old_ring_id=old, aru=3)], members=(1, 2))
    assert bench.history() == [b"m1", "T1,2", b"m2", b"m3", "R1,2"]


def test_what_one_member_knows_to_be_safe_is_safe_for_all_that_come_along() -> None:
    """Node 1 knows that all of the old ring have m2, and may have delivered it already."""
    bench, old = left_ring(*old_packets(1, 2, 3, safe=(2, 3)))
    recover(bench, [entry(1, old_ring_id=old, aru=3, safe_line=2), entry(3, old_ring_id=old, aru=3)])
    assert bench.history() == [b"m1", b"m2", "T1,2,3", b"m3", "R1,2,3"]


def test_what_was_delivered_before_is_not_delivered_again() -> None:
    """m1 and m2 were delivered in ring 7."""
    bench, old = left_ring(*old_packets(1, 2, 3, 4, safe=(4,)), safe_line=2)
    bench.forget()
    recover(bench, [entry(1, old_ring_id=old, aru=4), entry(3, old_ring_id=old, aru=4)])
    assert bench.history() == ["T1,2,3", b"m4", "R1,2,3"]


# Exchange of packets


def test_packets_that_another_has_come_with_recovery() -> None:
    """m1 did not reach node 2; node 1 sends it again in a packet of the new ring."""
    first, second = old_packets(1, 2)
    bench, old = left_ring(second)
    recover(bench, [entry(1, old_ring_id=old, aru=2), entry(3, old_ring_id=old, aru=2)], [first])
    assert bench.history() == [b"m1", b"m2", "T1,2,3", "R1,2,3"]


def test_packets_that_another_may_lack_are_sent_again() -> None:
    """Node 3 has only the first of three."""
    packets = old_packets(1, 2, 3)
    bench, old = left_ring(*packets)
    bench.forget()
    recover(bench, [entry(1, old_ring_id=old, aru=3), entry(3, old_ring_id=old, aru=1)])
    sent = [
        read_data(p.raw[len(p.raw) - len(old_one.raw) :])
        for p, old_one in zip(bench.packets(), packets[1:], strict=True)
    ]
    assert [inner.sequence for inner in sent] == [2, 3]
    assert all(p.flags & RECOVERED for p in bench.packets())


def test_a_packet_that_another_sends_first_is_not_sent_again() -> None:
    """Node 1 sends both that node 3 lacks, before the token comes to node 2."""
    packets = old_packets(1, 2)
    bench, old = left_ring(*packets)
    bench.forget()
    recover(bench, [entry(1, old_ring_id=old, aru=2), entry(3, old_ring_id=old, aru=0)], packets)
    assert bench.packets() == []


def test_members_of_other_old_rings_have_no_part_in_it() -> None:
    """Node 3 comes from another ring, with packets of the same numbers: nothing of ours is sent for it."""
    bench, old = left_ring(*old_packets(1, 2))
    bench.forget()
    elsewhere = RingId(7, NodeId(3))
    recover(bench, [entry(1, old_ring_id=old, aru=2), entry(3, old_ring_id=elsewhere, aru=0, high=9)])
    assert bench.packets() == []
    assert bench.history() == ["T1,2", "R1,2,3"]


@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(packet(1, RingId(6, NodeId(1)), 1, b"no"), id="a packet of yet another ring"),
        pytest.param(packet(9, RingId(7, NodeId(1)), 1, b"no"), id="a packet of no member"),
        pytest.param(packet(1, RingId(7, NodeId(1)), 3, b"no"), id="a packet that nobody told of"),
    ],
)
def test_what_is_no_packet_of_the_old_ring_is_left_out(inner: Packet) -> None:
    """A member sends as an old packet what is none."""
    bench, old = left_ring(*old_packets(1, 2))
    recover(bench, [entry(1, old_ring_id=old, aru=2), entry(3, old_ring_id=old, aru=2)], [inner])
    assert bench.history() == [b"m1", b"m2", "T1,2,3", "R1,2,3"]


# Beyond a gap


def test_beyond_a_gap_only_messages_of_members_that_come_along_are_delivered() -> None:
    """m2 is lost with node 4, who alone had it: m3 of node 4 may depend on it, m4 of node 1 cannot."""
    members = (1, 2, 3, 4)
    first = old_packets(1, sender=4)
    third = old_packets(3, sender=4)
    fourth = old_packets(4, sender=1)
    bench, old = left_ring(*first, *third, *fourth, members=members)
    left(bench, 4, members)
    recover(bench, [entry(1, old_ring_id=old, aru=1, high=4), entry(3, old_ring_id=old, aru=1, high=4)])
    assert bench.history() == [b"m1", "T1,2,3", b"m4", "R1,2,3"]


def test_a_message_whose_middle_is_lost_is_not_delivered_in_part() -> None:
    """Node 4 began a large message before the gap; what follows it is of others."""
    members = (1, 2, 3, 4)
    bench, old = left_ring(*old_packets(3, sender=1), members=members)
    left(bench, 4, members)
    recover(bench, [entry(1, old_ring_id=old, aru=0, high=3), entry(3, old_ring_id=old, aru=0, high=3)])
    assert bench.history() == ["T1,2,3", b"m3", "R1,2,3"]


# Obligations: a recovery that may have ended at another member


def test_what_a_member_may_have_delivered_in_an_unfinished_recovery_is_delivered() -> None:
    """Ring 8 of nodes 1, 2, 3 was recovered; node 1 may have installed it, and delivered m3 of its own, when it broke.

    Nodes 2 and 3 go on to ring 9 without node 1. m2 is lost. m3 is of node 1, which is not with them; but node 1 may
    have delivered it in a transitional configuration in which they were: they must deliver it as well, and say so.
    """
    members = (1, 2, 3, 4)
    bench, old = left_ring(*old_packets(1, 3), members=members)
    left(bench, 4, members)
    rest = [entry(1, old_ring_id=old, aru=1, high=3), entry(3, old_ring_id=old, aru=1, high=3)]
    ring = ring_of(bench, ALL, 8, rest)
    rotate(bench, ring, ALL, 1)
    rotate(bench, ring, ALL, 2, first=1, sequence=1)
    assert bench.state == "recovery"
    bench.join(3, ALL, failed=(1,), sequence=8, reason="token lost")
    bench.join(3, (1, 2, 3, 4), failed=(1, 4), heard=(2, 3), sequence=8)
    assert bench.own_join().failed == {1, 4}
    bench.hear()
    bench.wait(bench.settings.join_s)
    bench.join(3, members, failed=(1, 4), heard=(2, 3), sequence=8)
    own = bench.commits()[-1].members[0]
    assert (own.received_all, own.obligation) == (True, (1, 2, 3))


def test_an_obligation_of_another_counts_as_our_own() -> None:
    """Node 3 has received all in a recovery with node 1, node 2 has not: what binds node 3 binds both."""
    members = (1, 2, 3, 4)
    bench, old = left_ring(*old_packets(1, sender=4), *old_packets(3, sender=1), members=members)
    left(bench, 4, members)
    left(bench, 1, members)
    bench.join(3, members, failed=(1, 4), heard=(2, 3), sequence=7)
    own = bench.commits()[-1]
    assert own.ring_id.representative == 2
    third = entry(3, old_ring_id=old, aru=1, high=3, obligation=(1, 2, 3))
    for rotation in (1, 2):
        bench.hear(commit_token(own.ring_id, 3, 2 * rotation, own.members[0], third))
    rotate(bench, own.ring_id, (2, 3), INSTALLING_VISITS - 1, first=1, sequence=1)
    assert bench.history() == [b"m1", "T2,3", b"m3", "R2,3"]


def test_without_an_obligation_the_same_message_is_left_out() -> None:
    """The same, but node 3 is not bound: m3 of node 1, which is not with them, may depend on the lost m2."""
    members = (1, 2, 3, 4)
    bench, old = left_ring(*old_packets(1, sender=4), *old_packets(3, sender=1), members=members)
    left(bench, 4, members)
    left(bench, 1, members)
    bench.join(3, members, failed=(1, 4), heard=(2, 3), sequence=7)
    own = bench.commits()[-1]
    third = entry(3, old_ring_id=old, aru=1, high=3)
    for rotation in (1, 2):
        bench.hear(commit_token(own.ring_id, 3, 2 * rotation, own.members[0], third))
    rotate(bench, own.ring_id, (2, 3), INSTALLING_VISITS - 1, first=1, sequence=1)
    assert bench.history() == [b"m1", "T2,3", "R2,3"]


# When it ends


def test_the_ring_is_installed_when_two_rotations_show_that_all_have_all() -> None:
    """Two visits with nothing left to send, and two in which everybody had received all of it."""
    bench, old = left_ring(*old_packets(1))
    ring = ring_of(bench, ALL, 8, [entry(1, old_ring_id=old, aru=1), entry(3, old_ring_id=old, aru=1)])
    rotate(bench, ring, ALL, INSTALLING_VISITS - 1)
    assert bench.state == "recovery"
    rotate(bench, ring, ALL, 1, first=INSTALLING_VISITS - 1)
    assert bench.state == "operational"


def test_recovery_goes_on_while_somebody_has_packets_to_send() -> None:
    """The token tells of a backlog of others."""
    bench, _ = left_ring()
    ring = ring_of(bench, ALL, 8)
    rotate(bench, ring, ALL, 10, backlog=1)
    assert bench.state == "recovery"


def test_recovery_goes_on_while_somebody_lacks_a_packet() -> None:
    """Node 3 holds the aru down."""
    bench, _ = left_ring()
    ring = ring_of(bench, ALL, 8)
    bench.hear(recovered(1, ring, 1, old_packets(1)[0]))
    rotate(bench, ring, ALL, 10, sequence=1, aru=0, setter=3)
    assert bench.state == "recovery"


def test_a_token_lost_in_recovery_ends_in_a_new_gathering_from_the_old_ring() -> None:
    """Nothing was delivered of ring 8: what follows is again the change from ring 7."""
    bench, old = left_ring(*old_packets(1))
    ring_of(bench, ALL, 8, [entry(1, old_ring_id=old, aru=1), entry(3, old_ring_id=old, aru=1)])
    bench.wait(bench.settings.token_loss_s(3) + 0.001)
    assert bench.state == "gather"
    assert "in recovery" in str(bench.processor.describe()["reason"])
    for other in (1, 3):
        bench.join(other, ALL, sequence=8)
    recover(bench, [entry(1, old_ring_id=old, aru=1), entry(3, old_ring_id=old, aru=1)], sequence=9)
    assert bench.history() == [b"m1", "T1,2,3", "R1,2,3"]


def test_the_commit_token_is_repeated_until_the_token_of_the_new_ring_comes() -> None:
    """It was lost on its second rotation."""
    bench, _ = left_ring()
    ring = ring_of(bench, ALL, 8)
    bench.forget()
    bench.wait(bench.settings.token_retransmit_s * 2.5)
    assert len(bench.sent(PacketType.COMMIT)) == 2
    bench.hear(token(ring, 1, 1))
    bench.forget()
    bench.wait(bench.settings.token_retransmit_s * 2.5)
    assert bench.sent(PacketType.COMMIT) == []


# Configurations


def test_a_configuration_tells_who_left_and_who_joined_and_why() -> None:
    """From ring 7 of nodes 1, 2, 3 to ring 8 of nodes 1, 2, 9."""
    bench, old = left_ring()
    bench.join(9, (1, 2, 3, 9), sequence=7)
    left(bench, 3, ALL)
    recover(bench, [entry(1, old_ring_id=old)], members=(1, 2, 9))
    transitional, regular = bench.took(Configuration)[-2:]
    assert (transitional.members, transitional.left, transitional.joined) == ((1, 2), (3,), ())
    assert (regular.members, regular.left, regular.joined) == ((1, 2, 9), (), (9,))
    assert transitional.ring_id == regular.ring_id
    assert transitional.old_ring_id == regular.old_ring_id == old
    assert "node 3: left in order" in regular.reason


def test_the_first_configuration_has_no_transitional_one() -> None:
    """There is nothing to come from."""
    bench = Bench(2)
    for other in (1, 3):
        bench.join(other, ALL)
    recover(bench, [], sequence=7)
    [first] = bench.took(Configuration)
    assert (first.transitional, first.old_ring_id, first.joined) == (False, None, ALL)


def test_our_own_message_that_was_numbered_is_delivered_and_not_sent_again() -> None:
    """It was sent in ring 7; nobody is known to have it but ourselves."""
    bench, old = operational()
    assert bench.processor.submit(b"mine", (), Guarantee.SAFE, Priority.MED)
    bench.hear(token(old, 1, 13))
    for other in (1, 3):
        bench.join(other, ALL, sequence=7, reason="token lost")
    bench.forget()
    ring = recover(bench, [entry(1, old_ring_id=old), entry(3, old_ring_id=old)])
    assert bench.history() == ["T1,2,3", b"mine", "R1,2,3"]
    bench.forget()
    rotate(bench, ring, ALL, 2, first=INSTALLING_VISITS, sequence=1)
    assert bench.packets() == []


def test_our_own_message_that_was_sent_in_part_is_sent_again_whole() -> None:
    """A large message: the window let only some of it out in ring 7."""
    large = bytes(range(256)) * 1000
    bench, old = operational()
    assert bench.processor.submit(large, (), Guarantee.AGREED, Priority.MED)
    bench.hear(token(old, 1, 13))
    sent = len(bench.packets())
    assert sent == bench.settings.visit_max
    for other in (1, 3):
        bench.join(other, ALL, sequence=7, reason="token lost")
    recover(bench, [entry(n, old_ring_id=old, aru=sent) for n in (1, 3)])
    ring = RingId(8, NodeId(1))
    bench.forget()
    sequence = 0
    for visit in range(INSTALLING_VISITS, 12):
        rotate(bench, ring, ALL, 1, first=visit, sequence=sequence)
        sequence = bench.tokens()[-1].sequence
    assert bench.history() == [large]
