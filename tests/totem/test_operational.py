"""In an installed ring: holding and waking the token, other rings, joins of members and newcomers."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from openais.totem.effects import Multicast, RingId, Scope, SendTo
from openais.totem.wire import PacketType, encode_wake, read_announce, read_wake
from openais.types import Guarantee, NodeId, Priority
from tests.totem.bench import CLUSTER, Bench, incarnation_of, operational, packet, token

OTHER = RingId(50, NodeId(5))


def holding() -> tuple[Bench, RingId]:
    """Node 1 is the representative of an idle ring, and keeps the token."""
    bench, ring = operational(1)
    bench.hear(token(ring, 3, 12))
    assert bench.processor.describe()["holds_token"]
    bench.forget()
    return bench, ring


def submit(bench: Bench) -> None:
    assert bench.processor.submit(b"m", (), Guarantee.AGREED, Priority.MED)
    bench.wake()


# Hold and wake


def test_the_representative_of_an_idle_ring_holds_the_token_for_a_while() -> None:
    """Nothing to send, everything safe: the token rests, and goes on when its time is over."""
    bench, _ = holding()
    bench.wait(bench.settings.hold_s * 0.9)
    assert bench.tokens() == []
    bench.wait(bench.settings.hold_s * 0.2)
    assert len(bench.tokens()) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"backlog": 1}, id="somebody has something to send"),
        pytest.param({"sequence": 1}, id="a packet was sent"),
        pytest.param({"sequence": 1, "aru": 0, "setter": 3}, id="somebody lacks a packet"),
    ],
)
def test_the_token_of_a_busy_ring_is_not_held(fields: dict[str, int]) -> None:
    """It is passed on at once."""
    bench, ring = operational(1)
    bench.hear(packet(3, ring, 1, b"m").raw)
    bench.hear(token(ring, 3, 12, **fields))
    assert len(bench.tokens()) == 1


def test_the_token_of_a_ring_in_which_nothing_was_sent_rests_at_the_representative() -> None:
    """Node 2 passes it on."""
    bench, ring = operational(2)
    bench.hear(token(ring, 1, 13))
    assert len(bench.tokens()) == 1


def sent_a_message(*, guarantee: Guarantee = Guarantee.AGREED) -> tuple[Bench, RingId]:
    """Node 2 has sent packet 1 at the last visit."""
    bench, ring = operational(2)
    assert bench.processor.submit(b"m", (), guarantee, Priority.MED)
    bench.hear(token(ring, 1, 13))
    assert len(bench.packets()) == 1
    bench.forget()
    return bench, ring


def test_the_token_rests_with_who_sent_last_after_one_rotation() -> None:
    """All have received what node 2 sent."""
    bench, ring = sent_a_message()
    bench.hear(token(ring, 1, 16, sequence=1))
    assert bench.processor.describe()["holds_token"]
    assert bench.tokens() == []


def test_the_token_does_not_rest_when_somebody_lacked_a_packet_in_this_rotation() -> None:
    """Who passed it on before that was mended takes it to be under way, and would wake nobody."""
    bench, ring = sent_a_message()
    bench.hear(token(ring, 1, 16, sequence=1, aru=0, setter=1))
    bench.hear(token(ring, 1, 19, sequence=1))
    assert len(bench.tokens()) == 2
    bench.hear(token(ring, 1, 22, sequence=1))
    assert bench.processor.describe()["holds_token"]


def test_the_token_does_not_rest_before_a_safe_message_is_delivered_everywhere() -> None:
    """The others know that it is safe when they have seen the aru twice."""
    bench, ring = sent_a_message(guarantee=Guarantee.SAFE)
    bench.hear(token(ring, 1, 16, sequence=1))
    assert len(bench.tokens()) == 1
    bench.hear(token(ring, 1, 19, sequence=1))
    assert bench.processor.describe()["holds_token"]


def test_the_representative_passes_on_a_token_that_rests_with_another() -> None:
    """Node 3 has sent the last packet."""
    bench, ring = operational(1)
    bench.hear(packet(3, ring, 1, b"m").raw)
    bench.hear(token(ring, 3, 12, sequence=1))
    bench.hear(token(ring, 3, 15, sequence=1))
    assert len(bench.tokens()) == 2


def test_who_sent_last_is_woken_by_a_member_with_something_to_send() -> None:
    """Node 3 has the token at rest, and is known to have it as its packet was received by all."""
    bench, ring = operational(2)
    bench.hear(packet(3, ring, 1, b"m").raw)
    bench.hear(token(ring, 1, 13, sequence=1))
    bench.forget()
    submit(bench)
    assert [effect.address for effect in bench.took(SendTo)] == [3]


def test_a_message_of_its_holder_sends_the_token_on_at_once() -> None:
    """The message goes with it."""
    bench, _ = holding()
    submit(bench)
    assert (len(bench.tokens()), len(bench.packets())) == (1, 1)


def test_a_member_with_something_to_send_wakes_the_representative_once() -> None:
    """Two messages are submitted while the token rests at node 1."""
    bench, ring = operational(2)
    submit(bench)
    submit(bench)
    [wake] = bench.sent(PacketType.WAKE)
    assert read_wake(wake) == ring
    assert [effect.address for effect in bench.took(SendTo)] == [1]


def test_a_wake_sends_the_held_token_on() -> None:
    """Node 3 has something to send."""
    bench, ring = holding()
    bench.hear(encode_wake(CLUSTER, NodeId(3), ring))
    assert len(bench.tokens()) == 1


def test_a_wake_before_the_token_keeps_it_from_being_held() -> None:
    """The wake overtook the token."""
    bench, ring = operational(1)
    bench.hear(encode_wake(CLUSTER, NodeId(3), ring))
    bench.hear(token(ring, 3, 12))
    assert len(bench.tokens()) == 1


def test_a_wake_for_another_ring_is_not_heeded() -> None:
    """It is late."""
    bench, _ = holding()
    bench.hear(encode_wake(CLUSTER, NodeId(3), OTHER))
    assert bench.tokens() == []


def test_what_is_held_back_by_the_plug_wakes_nobody() -> None:
    """It could not be sent anyway; it can when the plug is pulled."""
    bench, _ = operational(2)
    bench.processor.plug()
    submit(bench)
    assert bench.sent(PacketType.WAKE) == []
    bench.unplug()
    assert len(bench.sent(PacketType.WAKE)) == 1


# Losing the token


def test_a_lost_token_is_told_with_the_predecessor_and_the_time() -> None:
    """No token comes for the token timeout."""
    bench, _ = operational(2)
    bench.wait(bench.settings.token_loss_s(3) + 0.001)
    assert bench.state == "gather"
    assert bench.processor.describe()["reason"] == "token lost: none from node 1 for 120 ms (ring 7.1)"


def test_a_member_that_went_on_without_us_is_followed() -> None:
    """Node 3 sends in a ring that is newer than ours."""
    bench, _ = operational(2)
    bench.hear(packet(3, RingId(8, NodeId(3)), 1, b"m").raw)
    assert bench.state == "gather"
    assert bench.processor.describe()["reason"] == "node 3 went on to ring 8.3 without this node"


@pytest.mark.parametrize(
    ("sender", "ring", "cause"),
    [
        pytest.param(9, RingId(8, NodeId(9)), "foreign_ring", id="a stranger"),
        pytest.param(3, RingId(6, NodeId(3)), "old_ring", id="the past of a member"),
    ],
)
def test_packets_of_other_rings_are_left_alone(sender: int, ring: RingId, cause: str) -> None:
    """They do not disturb the ring."""
    bench, _ = operational(2)
    bench.hear(packet(sender, ring, 1, b"m").raw)
    assert (bench.state, bench.count(cause)) == ("operational", 1)


# Joins


def test_a_newcomer_is_gathered_for() -> None:
    """Node 9 was started."""
    bench, _ = operational(2)
    bench.join(9, (9,))
    assert (bench.state, bench.own_join().processors) == ("gather", {1, 2, 3, 9})


def test_a_member_that_gathers_is_followed_with_its_reason() -> None:
    """Node 3 lost the token."""
    bench, _ = operational(2)
    bench.join(3, (1, 2, 3), sequence=7, reason="token lost: none from node 2")
    assert bench.processor.describe()["reason"] == "node 3: token lost: none from node 2"


def test_a_newcomer_that_refuses_us_does_not_break_the_ring() -> None:
    """It considers us failed; we let it be."""
    bench, _ = operational(2)
    bench.join(9, (2, 9), failed=(2,))
    assert (bench.state, bench.count("join_refuses_us")) == ("operational", 1)


def test_another_with_the_node_id_of_a_member_does_not_break_the_ring() -> None:
    """Its incarnation is another: it is a namesake, or node 3 was restarted and the token will be lost."""
    bench, _ = operational(2)
    bench.join(3, (3,), incarnation=5000, sequence=7)
    assert (bench.state, bench.count("member_of_other_incarnation")) == ("operational", 1)


def test_a_goodbye_of_a_stranger_is_of_no_interest() -> None:
    """It was not with us."""
    bench, _ = operational(2)
    bench.join(9, (9,), failed=(9,), leave=True)
    assert (bench.state, bench.count("join_ignored")) == ("operational", 1)


def test_a_member_that_leaves_in_order_is_not_waited_for() -> None:
    """Node 3 says goodbye."""
    bench, _ = operational(2)
    bench.join(3, (1, 2, 3), failed=(3,), sequence=7, leave=True)
    assert bench.own_join().failed == {3}


# Other rings


def test_the_representative_announces_its_ring() -> None:
    """To those that are not in it, again and again."""
    bench, ring = operational(1)
    bench.wait(0.001)
    bench.forget()
    for visit in range(4, 30):
        bench.hear(token(ring, 3, 3 * visit))
        bench.wait(bench.settings.announce_s / 8)
    announced = [e for e in bench.took(Multicast) if e.datagrams[0][1] == PacketType.ANNOUNCE]
    assert len(announced) >= 3
    assert {effect.scope for effect in announced} == {Scope.STRANGERS}
    told = read_announce(announced[0].datagrams[0])
    assert (told.ring_id, told.members) == (ring, tuple((n, incarnation_of(n)) for n in (1, 2, 3)))


def test_the_others_are_silent_while_there_is_nobody_else() -> None:
    """Node 2 is not the representative."""
    bench, ring = operational(2)
    for visit in range(4, 30):
        bench.hear(token(ring, 1, 3 * visit + 1))
        bench.wait(bench.settings.announce_s / 8)
    assert bench.sent(PacketType.ANNOUNCE) == []


def test_a_stranger_is_told_that_it_is_heard() -> None:
    """Its announcement is answered at once, to its address."""
    bench, ring = operational(2)
    bench.announce(5, OTHER, (5, 6))
    [effect] = bench.took(SendTo)
    assert effect.address == 5
    told = read_announce(effect.datagrams[0])
    assert (told.sender, told.ring_id, told.heard, told.mutual) == (2, ring, {5}, frozenset())
    bench.forget()
    bench.announce(5, OTHER, (5, 6), heard=(2,))
    assert read_announce(bench.sent(PacketType.ANNOUNCE)[0]).mutual == {5}


def hear_of(bench: Bench, senders: Iterable[int], heard: Iterable[int] = (), mutual: Iterable[int] = ()) -> None:
    """Members of the other ring, of nodes 5 and 6, announce themselves."""
    for sender in senders:
        bench.announce(sender, OTHER, (5, 6), heard=heard, mutual=mutual)


def test_rings_meet_when_all_members_of_both_hear_each_other() -> None:
    """Each of theirs hears us, and theirs that speaks hears all of ours and is heard by them."""
    bench, _ = operational(2)
    hear_of(bench, (5, 6), heard=(1, 2, 3), mutual=(1, 2, 3))
    assert bench.state == "gather"
    assert bench.processor.describe()["reason"] == "this ring and ring 50.5 of node 6 meet"
    assert bench.own_join().processors == {1, 2, 3, 5, 6}


@pytest.mark.parametrize(
    ("senders", "heard", "mutual"),
    [
        pytest.param((5, 6), (), (), id="they do not hear us"),
        pytest.param((5,), (1, 2, 3), (1, 2, 3), id="we do not hear all of them"),
        pytest.param((5, 6), (1, 2, 3), (1, 2), id="node 3 does not hear them"),
    ],
)
def test_rings_do_not_meet_over_a_broken_link(
    senders: tuple[int, ...], heard: tuple[int, ...], mutual: tuple[int, ...]
) -> None:
    """A ring that works is not disturbed by what only some of its members hear, or are heard by."""
    bench, _ = operational(2)
    for _ in range(3):
        hear_of(bench, senders, heard, mutual)
    assert bench.state == "operational"


def test_a_stranger_that_falls_silent_is_forgotten() -> None:
    """Nothing for three announcements."""
    bench = Bench(2)
    bench.wait(1)
    bench.announce(5, OTHER, (5, 6))
    assert bench.processor.describe()["strangers"] == [{"node": 5, "ring": "50.5", "hears_us": False}]
    bench.wait(bench.settings.announce_s * 5)
    assert bench.processor.describe()["strangers"] == []


def test_an_announcement_of_somebody_not_in_the_ring_that_it_announces_is_ignored() -> None:
    """A sender that is no member of its own ring."""
    bench, _ = operational(2)
    bench.announce(9, OTHER, (5, 6))
    assert bench.count("announce_ignored") == 1


def test_strangers_are_bounded() -> None:
    """A peer announces itself under another node id each time."""
    bench = Bench(2)
    bench.wait(1)
    for node in range(100, 1300):
        bench.announce(node, RingId(50, NodeId(node)), (node,))
        bench.forget()
    assert len(bench.processor.describe()["strangers"]) == 1024  # type: ignore[arg-type]


# A ring of one


def test_a_ring_of_one_delivers_at_once() -> None:
    """Agreed and safe, small and large; there is nobody to wait for."""
    bench = Bench(2)
    bench.wait(1)
    bench.forget()
    large = bytes(1024 * 1024)
    for guarantee, payload in ((Guarantee.AGREED, b"a"), (Guarantee.SAFE, b"s"), (Guarantee.SAFE, large)):
        assert bench.processor.submit(payload, (), guarantee, Priority.MED)
    bench.wake()
    assert bench.history() == [b"a", b"s", large]
    assert bench.sent(PacketType.DATA) == []


def test_a_ring_of_one_has_no_token_to_lose() -> None:
    """It stays for as long as it is alone."""
    bench = Bench(2)
    bench.wait(60)
    assert bench.history() == ["R2"]
