"""What a member does with the token, rule by rule (DESIGN.md 5; Totem paper, section 4; the accelerated ring)."""

from __future__ import annotations

import dataclasses

import pytest

from openais.totem.effects import Multicast, RingEffect, RingId, SendTo
from openais.totem.packing import ENTRY
from openais.totem.parts import cut
from openais.totem.wire import AFTER_TOKEN, DATA_HEADER_SIZE, PacketType
from openais.types import Guarantee, NodeId, Priority
from tests.totem.bench import CLUSTER, SETTINGS, Bench, operational, packet, token

NEXT_HOP = 13
"""Of the token at node 2 of three, after the four visits in which the ring was installed."""


def submit(bench: Bench, count: int, *, guarantee: Guarantee = Guarantee.AGREED) -> None:
    """Messages that fill a packet each, with the entry around them and the count of their groups."""
    size = bench.settings.packet_size - 2 * DATA_HEADER_SIZE - ENTRY.size - 1
    for number in range(count):
        assert bench.processor.submit(bytes((number,)) * size, (), guarantee, Priority.MED)


def kinds(effects: list[RingEffect]) -> str:
    """The datagrams in the order in which they are sent: d for data, t for the token."""
    sending = [effect for effect in effects if isinstance(effect, SendTo | Multicast)]
    types = [datagram[1] for effect in sending for datagram in effect.datagrams]
    return "".join({PacketType.DATA: "d", PacketType.TOKEN: "t"}.get(PacketType(kind), "?") for kind in types)


# 1. Refuse a token that is not for this ring, not from the predecessor, or a duplicate


def test_rule_1_a_token_of_another_ring_is_refused() -> None:
    """A token of the ring before comes late."""
    bench, ring = operational()
    bench.hear(token(RingId(ring.sequence - 1, NodeId(1)), 1, NEXT_HOP))
    assert (bench.tokens(), bench.count("token_foreign")) == ([], 1)


def test_rule_1_a_token_not_from_the_predecessor_is_refused() -> None:
    """Node 3 sends its token to node 2."""
    bench, ring = operational()
    bench.hear(token(ring, 3, NEXT_HOP))
    assert (bench.tokens(), bench.count("token_foreign")) == ([], 1)


def test_rule_1_a_token_from_the_future_is_refused() -> None:
    """A hop count that the ring has not come to."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP + 3))
    assert (bench.tokens(), bench.count("token_hop")) == ([], 1)


def test_rule_1_a_repeated_token_is_answered_by_our_own_last_one() -> None:
    """The predecessor did not hear that we have the token: it sends it again, and so do we."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP))
    first = bench.sent(PacketType.TOKEN)
    bench.forget()
    bench.hear(token(ring, 1, NEXT_HOP))
    assert bench.sent(PacketType.TOKEN) == first
    assert (bench.count("token_repeated"), bench.count("token_sent_again")) == (1, 1)


def test_rule_1_a_repeated_token_is_not_answered_once_ours_has_arrived() -> None:
    """A packet that is newer than our token shows that the successor has it."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP))
    bench.hear(packet(3, ring, 1, b"newer").raw)
    bench.forget()
    bench.hear(token(ring, 1, NEXT_HOP))
    assert bench.tokens() == []


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"sequence": SETTINGS.visit_max * 3 + 1}, id="more packets than three members may send"),
        pytest.param({"sequence": 3, "aru": 1, "setter": 77}, id="an aru lowered by a stranger"),
    ],
)
def test_rule_1_a_token_that_makes_no_sense_is_refused(fields: dict[str, int]) -> None:
    """The right ring, sender and hop, with numbers that cannot be."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP, **fields))
    assert (bench.tokens(), bench.count("token_absurd")) == ([], 1)


def test_rule_1_an_aru_below_the_safe_line_is_refused() -> None:
    """Everybody had three packets for sure, and now somebody has not."""
    bench, ring = operational()
    bench.hear(*(packet(1, ring, sequence, b"m").raw for sequence in (1, 2, 3)))
    for visit in range(2):
        bench.hear(token(ring, 1, NEXT_HOP + 3 * visit, sequence=3))
    bench.hear(token(ring, 1, NEXT_HOP + 6, sequence=3, aru=2, setter=3))
    assert bench.count("token_absurd") == 1


# 2. Answer every retransmission request that we can, at once, before the token


def test_rule_2_requests_are_answered_before_the_token() -> None:
    """Node 3 misses packets 1 and 2, of which we have the second."""
    bench, ring = operational()
    second = packet(1, ring, 2, b"second")
    bench.hear(second.raw)
    bench.forget()
    bench.hear(token(ring, 1, NEXT_HOP, sequence=2, aru=0, setter=3, requests=[(1, 2)]))
    assert kinds(bench.effects) == "dt"
    assert bench.sent(PacketType.DATA) == [second.raw]
    assert bench.tokens()[0].requests == [(1, 1)]


def test_rule_2_packets_sent_again_count_for_flow_control() -> None:
    """What is sent for others is in flight as well."""
    bench, ring = operational()
    bench.hear(packet(1, ring, 1, b"m").raw)
    bench.hear(token(ring, 1, NEXT_HOP, sequence=1, aru=0, setter=3, fcc=5, requests=[(1, 1)]))
    assert bench.tokens()[-1].fcc == 6


def test_rule_2_a_token_never_carries_more_requests_than_it_may() -> None:
    """A token with a thousand requests goes on with as many as the settings allow."""
    bench, ring = operational()
    requests = [(sequence, 1) for sequence in range(1, 140, 2)] + [(139, 1)] * 900
    bench.hear(token(ring, 1, NEXT_HOP, sequence=140, aru=0, setter=3, requests=requests))
    assert 0 < len(bench.tokens()[-1].requests) <= bench.settings.retransmit_max


def test_rule_2_a_packet_asked_for_again_at_once_is_left_to_the_others() -> None:
    """The link from us to node 3 is broken: node 1 has the packet as well, and would never see the request."""
    bench, ring = operational()
    bench.hear(packet(1, ring, 1, b"m").raw)
    counts = []
    for visit in range(4):
        bench.hear(token(ring, 1, NEXT_HOP + 3 * visit, sequence=1, aru=0, setter=3, requests=[(1, 1)]))
        counts.append((len(bench.packets()), bench.tokens()[-1].requests))
        bench.forget()
    assert counts == [(1, []), (0, [(1, 1)]), (1, []), (0, [(1, 1)])]


def test_rule_2_in_a_ring_of_two_every_request_is_answered() -> None:
    """There are no others."""
    bench, ring = operational(members=(1, 2))
    bench.hear(packet(1, ring, 1, b"m").raw)
    for visit in range(4, 8):
        bench.hear(token(ring, 1, 2 * visit + 1, sequence=1, aru=0, setter=1, requests=[(1, 1)]))
    assert len(bench.packets()) == 4


def test_rule_2_a_long_packet_is_sent_again_in_parts_once_the_aru_stands_still() -> None:
    """Whole ones do not get through: on a bad network one of many pieces is always lost."""
    bench, ring = operational()
    long = packet(3, ring, 1, bytes(5000))
    bench.hear(long.raw)
    for visit in range(5):
        bench.hear(token(ring, 1, NEXT_HOP + 3 * visit, sequence=1, aru=0, setter=3, requests=[(1, 1)]))
    assert bench.packets() == [long, long]
    assert bench.sent(PacketType.PART) == cut(long, CLUSTER, bench.settings.packet_size)
    assert bench.tokens()[-1].fcc <= 1, "it counts as one packet"


# 3. Flow control


def test_rule_3_no_more_than_the_visit_maximum_is_sent() -> None:
    """Everything waits here and nothing elsewhere."""
    bench, ring = operational()
    submit(bench, 100)
    bench.hear(token(ring, 1, NEXT_HOP))
    assert len(bench.packets()) == bench.settings.visit_max


def test_rule_3_what_the_others_sent_is_taken_off_the_window() -> None:
    """The others sent all but five of the window in the last rotation."""
    bench, ring = operational()
    submit(bench, 100)
    bench.hear(token(ring, 1, NEXT_HOP, fcc=bench.settings.window - 5))
    assert len(bench.packets()) == 5


def test_rule_3_a_member_gets_its_share_of_the_window_by_backlog() -> None:
    """We have a quarter of what waits on the ring."""
    settings = dataclasses.replace(SETTINGS, window=40)
    bench, ring = operational(settings=settings)
    submit(bench, 30)
    bench.hear(token(ring, 1, NEXT_HOP, backlog=90))
    assert len(bench.packets()) == 10


def test_rule_3_nothing_new_is_sent_while_the_gap_is_too_wide() -> None:
    """Some member has long received nothing."""
    settings = dataclasses.replace(SETTINGS, gap_max=10)
    bench, ring = operational(settings=settings)
    submit(bench, 1)
    bench.hear(token(ring, 1, NEXT_HOP, sequence=11, aru=0, setter=3))
    assert bench.packets() == []


def test_rule_3_the_token_counts_what_waits_on_the_ring() -> None:
    """Our backlog is added once, and replaced at the next visit."""
    bench, ring = operational()
    submit(bench, 60)
    bench.hear(token(ring, 1, NEXT_HOP, backlog=7))
    left = 60 - bench.settings.visit_max
    assert bench.tokens()[-1].backlog == 7 + left
    bench.hear(token(ring, 1, NEXT_HOP + 3, sequence=48, aru=48, backlog=7 + left))
    assert bench.tokens()[-1].backlog == 7


@pytest.mark.parametrize("fields", [{"fcc": (1 << 32) - 1}, {"backlog": (1 << 32) - 1}])
def test_rule_3_absurd_counts_of_flow_control_are_refused(fields: dict[str, int]) -> None:
    """Counts to which nothing can be added without leaving the field."""
    bench, ring = operational()
    submit(bench, 1)
    bench.hear(token(ring, 1, NEXT_HOP, **fields))
    assert (bench.tokens(), bench.count("malformed_token")) == ([], 1)


# 4. Number the new packets; all but the last `accelerated_window` go out before the token


def test_rule_4_the_last_packets_go_out_after_the_token() -> None:
    """Twenty packets, of which the last sixteen follow the token."""
    bench, ring = operational()
    submit(bench, 20)
    bench.hear(token(ring, 1, NEXT_HOP))
    assert kinds(bench.effects) == "dddd" + "t" + "d" * 16
    assert [p.sequence for p in bench.packets()] == list(range(1, 21))
    assert [bool(p.flags & AFTER_TOKEN) for p in bench.packets()] == [False] * 4 + [True] * 16


def test_rule_4_a_few_packets_that_nobody_waits_behind_go_before_the_token() -> None:
    """They are there when the token comes, so that one rotation tells that all have them."""
    bench, ring = operational()
    submit(bench, 2)
    bench.hear(token(ring, 1, NEXT_HOP))
    assert kinds(bench.effects) == "ddt"


@pytest.mark.parametrize(("own", "others"), [(3, 0), (2, 1)])
def test_rule_4_few_packets_follow_the_token_when_somebody_waits(own: int, others: int) -> None:
    """More of our own than a few, or of others."""
    bench, ring = operational()
    submit(bench, own)
    bench.hear(token(ring, 1, NEXT_HOP, backlog=others))
    assert kinds(bench.effects) == "t" + "d" * own


def test_rule_4_every_packet_of_our_own_is_kept() -> None:
    """A visit may send more than the gap allows for; whatever we number we can send again."""
    settings = dataclasses.replace(SETTINGS, gap_max=4, visit_max=40, window=40)
    bench, ring = operational(settings=settings)
    submit(bench, 40)
    bench.hear(token(ring, 1, NEXT_HOP, sequence=4, aru=0, setter=3))
    assert len(bench.packets()) == 40
    bench.forget()
    bench.hear(token(ring, 1, NEXT_HOP + 3, sequence=44, aru=0, setter=3, requests=[(44, 1)]))
    assert [p.sequence for p in bench.packets()] == [44]


def test_rule_4_without_acceleration_all_packets_go_out_before_the_token() -> None:
    """The accelerated window is 0."""
    bench, ring = operational(settings=dataclasses.replace(SETTINGS, accelerated_window=0))
    submit(bench, 5)
    bench.hear(token(ring, 1, NEXT_HOP))
    assert kinds(bench.effects) == "dddddt"


# 5. Ask for retransmission only up to the sequence of the token on its previous visit


def test_rule_5_what_the_token_counts_for_the_first_time_is_not_asked_for() -> None:
    """Packets 1 to 3 are on their way after the token; at the next visit they are missed."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP, sequence=3, aru=3))
    assert bench.tokens()[-1].requests == []
    bench.hear(token(ring, 1, NEXT_HOP + 3, sequence=5, aru=0, setter=2))
    assert bench.tokens()[-1].requests == [(1, 3)]


def test_rule_5_without_acceleration_everything_counted_is_asked_for() -> None:
    """All packets were sent before the token that counts them."""
    bench, ring = operational(settings=dataclasses.replace(SETTINGS, accelerated_window=0))
    bench.hear(token(ring, 1, NEXT_HOP, sequence=3, aru=3))
    assert bench.tokens()[-1].requests == [(1, 3)]


def test_rule_5_requests_of_others_stay_on_the_token_once() -> None:
    """Node 3 asks for what we miss as well."""
    bench, ring = operational(settings=dataclasses.replace(SETTINGS, accelerated_window=0))
    bench.hear(packet(1, ring, 2, b"m").raw)
    bench.hear(token(ring, 1, NEXT_HOP, sequence=4, aru=0, setter=3, requests=[(1, 1), (3, 1)]))
    assert bench.tokens()[-1].requests == [(1, 1), (3, 2)]


# 6. aru: lower it to ours; raise it to ours if we set it last, or if it equals the token's sequence


def test_rule_6_the_aru_is_lowered_to_ours() -> None:
    """We have nothing of the three packets that the token counts."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP, sequence=3, aru=3))
    assert (bench.tokens()[-1].aru, bench.tokens()[-1].aru_setter) == (0, 2)


def test_rule_6_who_lowered_the_aru_raises_it() -> None:
    """The packets come; at the next visit the aru that we set is ours again."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP, sequence=3, aru=3))
    bench.hear(*(packet(1, ring, sequence, b"m").raw for sequence in (1, 2)))
    bench.hear(token(ring, 1, NEXT_HOP + 3, sequence=3, aru=0, setter=2))
    assert (bench.tokens()[-1].aru, bench.tokens()[-1].aru_setter) == (2, 2)
    bench.hear(packet(1, ring, 3, b"m").raw)
    bench.hear(token(ring, 1, NEXT_HOP + 6, sequence=3, aru=2, setter=2))
    assert (bench.tokens()[-1].aru, bench.tokens()[-1].aru_setter) == (3, 0)


def test_rule_6_the_aru_of_another_is_left_alone() -> None:
    """Node 3 lowered it; only node 3 raises it."""
    bench, ring = operational()
    bench.hear(*(packet(1, ring, sequence, b"m").raw for sequence in (1, 2, 3)))
    bench.hear(token(ring, 1, NEXT_HOP, sequence=3, aru=1, setter=3))
    assert (bench.tokens()[-1].aru, bench.tokens()[-1].aru_setter) == (1, 3)


def test_rule_6_a_complete_aru_follows_our_new_packets() -> None:
    """Everybody had everything; we send two packets more."""
    bench, ring = operational()
    submit(bench, 2)
    bench.hear(token(ring, 1, NEXT_HOP))
    assert (bench.tokens()[-1].sequence, bench.tokens()[-1].aru) == (2, 2)


def test_rule_6_an_incomplete_aru_does_not_follow_our_new_packets() -> None:
    """Node 3 misses packet 1; what we add is not received by all either."""
    bench, ring = operational()
    bench.hear(packet(1, ring, 1, b"m").raw)
    submit(bench, 2)
    bench.hear(token(ring, 1, NEXT_HOP, sequence=1, aru=0, setter=3))
    assert (bench.tokens()[-1].sequence, bench.tokens()[-1].aru) == (3, 0)


# 7. Send the token, already counting the packets still to go


def test_rule_7_the_token_counts_the_packets_that_follow_it() -> None:
    """Ten packets, all of them after the token."""
    bench, ring = operational()
    submit(bench, 10)
    bench.hear(token(ring, 1, NEXT_HOP))
    assert kinds(bench.effects) == "t" + "d" * 10
    sent = bench.tokens()[-1]
    assert (sent.sequence, sent.fcc, sent.sender, sent.hop) == (10, 10, 2, NEXT_HOP + 1)


def test_rule_7_the_token_is_sent_again_until_there_is_progress() -> None:
    """A busy ring: the successor is not heard."""
    bench, ring = operational()
    submit(bench, 1)
    bench.hear(token(ring, 1, NEXT_HOP))
    bench.wait(bench.settings.token_retransmit_s * 2.5)
    assert len(bench.tokens()) == 3


def test_rule_7_a_quiet_token_is_given_time_to_be_held() -> None:
    """An idle ring: the representative keeps the token for a while, and nobody repeats it meanwhile."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP))
    bench.wait(bench.settings.hold_s)
    assert len(bench.tokens()) == 1


def test_rule_7_after_a_token_got_lost_a_quiet_one_is_not_given_that_time_for_a_while() -> None:
    """Packets are lost: were each loss to cost the time to hold, a few of them in one rotation would break the ring."""
    bench, ring = operational()
    bench.hear(token(ring, 1, NEXT_HOP))
    bench.wait(bench.settings.hold_s + bench.settings.token_retransmit_s * 1.5)
    assert len(bench.tokens()) == 2
    counts = []
    for visit in range(1, 100):
        bench.forget()
        bench.hear(token(ring, 1, NEXT_HOP + 3 * visit))
        bench.wait(bench.settings.token_retransmit_s * 1.5)
        counts.append(len(bench.tokens()))
    assert counts[:60] == [2] * 60
    assert counts[70:] == [1] * 29


# 8. The safe line is the lower of the aru sent on this and on the previous visit


def test_rule_8_a_safe_message_waits_for_two_rotations() -> None:
    """All have it when the aru that we sent has come round and is still there."""
    bench, ring = operational()
    submit(bench, 1, guarantee=Guarantee.SAFE)
    bench.hear(token(ring, 1, NEXT_HOP))
    assert bench.history() == []
    bench.hear(token(ring, 1, NEXT_HOP + 3, sequence=1))
    assert len(bench.history()) == 1


def test_rule_8_a_lowered_aru_holds_the_safe_line_back() -> None:
    """Node 3 did not receive the message: its aru is below it."""
    bench, ring = operational()
    submit(bench, 1, guarantee=Guarantee.SAFE)
    bench.hear(token(ring, 1, NEXT_HOP))
    bench.hear(token(ring, 1, NEXT_HOP + 3, sequence=1, aru=0, setter=3))
    assert bench.history() == []
    bench.hear(token(ring, 1, NEXT_HOP + 6, sequence=1))
    assert bench.history() == []
    bench.hear(token(ring, 1, NEXT_HOP + 9, sequence=1))
    assert len(bench.history()) == 1


def test_rule_8_agreed_messages_are_delivered_when_contiguous() -> None:
    """Packet 2 waits for packet 1."""
    bench, ring = operational()
    bench.hear(packet(1, ring, 2, b"two").raw)
    assert bench.history() == []
    bench.hear(packet(3, ring, 1, b"one").raw)
    assert bench.history() == [b"one", b"two"]


def test_rule_8_an_agreed_message_waits_behind_a_safe_one() -> None:
    """The order is total: nothing overtakes."""
    bench, ring = operational()
    bench.hear(packet(1, ring, 1, b"safe", safe=True).raw, packet(3, ring, 2, b"agreed").raw)
    assert bench.history() == []
    for visit in range(2):
        bench.hear(token(ring, 1, NEXT_HOP + 3 * visit, sequence=2))
    assert bench.history() == [b"safe", b"agreed"]


# Failure to receive


def test_a_member_that_the_token_reaches_but_no_packet_is_given_up() -> None:
    """Node 3 passes the token on and its aru never moves: packets to it are filtered somewhere."""
    bench, ring = operational()
    bench.hear(packet(1, ring, 1, b"m").raw)
    for visit in range(400):
        bench.now += SETTINGS.token_timeout_s / 20
        bench.hear(token(ring, 1, NEXT_HOP + 3 * visit, sequence=1, aru=0, setter=3, requests=[(1, 1)]))
        if bench.state != "operational":
            break
    assert bench.processor.describe()["reason"] == "node 3 receives no packets"
    assert bench.own_join().failed == {3}
    assert visit >= 250


def test_a_member_that_was_given_up_as_deaf_is_not_listened_to_for_a_while() -> None:
    """What it sends arrives: its ring would be met again at once, and everybody would wait for it once more."""
    bench, ring = operational()
    bench.hear(packet(1, ring, 1, b"m").raw)
    for visit in range(400):
        if bench.state == "operational":
            bench.now += SETTINGS.token_timeout_s / 20
            bench.hear(token(ring, 1, NEXT_HOP + 3 * visit, sequence=1, aru=0, setter=3, requests=[(1, 1)]))
    bench.join(3, (1, 2, 3))
    bench.announce(3, RingId(ring.sequence + 1, NodeId(3)), (3,), heard=(1, 2), mutual=(1, 2))
    assert bench.count("deaf_ignored") == 2
    bench.now += SETTINGS.deaf_s
    bench.join(3, (1, 2, 3))
    assert bench.count("deaf_ignored") == 2


def test_a_member_that_is_slow_to_receive_stays() -> None:
    """Its aru moves, if only a little."""
    bench, ring = operational()
    bench.hear(*(packet(1, ring, sequence, b"m").raw for sequence in range(1, 101)))
    for visit in range(400):
        bench.now += SETTINGS.token_timeout_s / 20
        aru = visit // 4
        bench.hear(token(ring, 1, NEXT_HOP + 3 * visit, sequence=100, aru=aru, setter=3, requests=[(aru + 1, 1)]))
    assert bench.state == "operational"


# The token and the data in one burst


def test_the_token_waits_behind_the_data_that_was_sent_before_it() -> None:
    """In one burst the token overtook a packet that its sender had sent earlier: nothing is asked for again."""
    bench, ring = operational(settings=dataclasses.replace(SETTINGS, accelerated_window=0))
    bench.hear(token(ring, 1, NEXT_HOP, sequence=1), packet(1, ring, 1, b"m").raw)
    assert (bench.tokens()[-1].requests, bench.tokens()[-1].aru) == ([], 1)


def test_the_token_goes_first_once_its_sender_sends_after_it() -> None:
    """A packet that the predecessor sent after passing the token: the token is not kept waiting."""
    bench, ring = operational()
    after = packet(1, ring, 1, b"m", flags=AFTER_TOKEN)
    bench.hear(token(ring, 1, NEXT_HOP, sequence=1), after.raw)
    assert bench.tokens()[-1].aru == 0
