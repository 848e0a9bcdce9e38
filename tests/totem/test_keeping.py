"""The token is kept by who sends one message after the other: when, for how long, and how others get it."""

from __future__ import annotations

import pytest

from openais.totem.effects import Delivered, RingId, SendTo
from openais.totem.wire import KEPT, PacketType, encode_wake
from openais.types import Guarantee, NodeId, Priority
from tests.totem.bench import CLUSTER, Bench, operational, packet, token


def submit(bench: Bench, count: int = 1, *, guarantee: Guarantee = Guarantee.AGREED, size: int = 8) -> None:
    for _ in range(count):
        assert bench.processor.submit(bytes(size), (), guarantee, Priority.MED)
    bench.wake()


def resting() -> tuple[Bench, RingId]:
    """Node 2 has sent packet 1, everybody has it, and the token rests here."""
    bench, ring = operational(2)
    submit(bench)
    bench.hear(token(ring, 1, 13))
    bench.hear(token(ring, 1, 16, sequence=1))
    assert bench.processor.describe()["holds_token"]
    bench.forget()
    return bench, ring


def keeping() -> tuple[Bench, RingId]:
    """Node 2 has sent packet 2 as well, and keeps the token."""
    bench, ring = resting()
    submit(bench)
    assert bench.tokens() == []
    bench.forget()
    return bench, ring


# Who keeps it


def test_who_sends_again_keeps_the_token_and_says_so() -> None:
    """The packet is on its way and delivered here, and the token waits for the next one."""
    bench, _ = resting()
    submit(bench)
    assert bench.tokens() == []
    assert [(p.sequence, p.flags) for p in bench.packets()] == [(2, KEPT)]
    assert len(bench.took(Delivered)) == 1


def test_the_next_message_of_who_keeps_the_token_leaves_at_once() -> None:
    """No rotation lies between them."""
    bench, _ = keeping()
    submit(bench)
    assert bench.tokens() == []
    assert [(p.sequence, p.flags) for p in bench.packets()] == [(3, KEPT)]
    assert len(bench.took(Delivered)) == 1


def test_a_token_that_comes_round_to_who_sent_last_is_kept_too() -> None:
    """The message was submitted while it was away."""
    bench, ring = operational(2)
    submit(bench)
    bench.hear(token(ring, 1, 13))
    bench.forget()
    submit(bench)
    bench.hear(token(ring, 1, 16, sequence=1))
    assert ([p.flags for p in bench.packets()], bench.tokens()) == ([KEPT], [])


def test_the_token_of_a_ring_in_which_another_sent_last_is_not_kept() -> None:
    """Node 3 may be about to send again, or to answer."""
    bench, ring = operational(2)
    bench.hear(packet(3, ring, 1, b"m").raw)
    submit(bench)
    bench.hear(token(ring, 1, 13, sequence=1))
    assert ([p.flags for p in bench.packets()], len(bench.tokens())) == ([0], 1)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"backlog": 1}, id="somebody else has something to send"),
        pytest.param({"aru": 0, "setter": 3, "requests": [(1, 1)]}, id="somebody lacks a packet"),
        pytest.param({"aru": 0, "setter": 3}, id="somebody lacked a packet"),
    ],
)
def test_the_token_of_a_busy_ring_is_not_kept(fields: dict[str, int]) -> None:
    """It is needed elsewhere."""
    bench, ring = operational(2)
    submit(bench)
    bench.hear(token(ring, 1, 13))
    submit(bench)
    bench.hear(token(ring, 1, 16, sequence=1, **fields))
    assert len(bench.tokens()) == 2


def test_a_safe_message_is_not_kept_waiting() -> None:
    """It is safe only when the token has been round."""
    bench, _ = keeping()
    submit(bench, guarantee=Guarantee.SAFE)
    assert (len(bench.packets()), len(bench.tokens())) == (1, 1)


def test_many_messages_send_the_token_on() -> None:
    """Others get their turn while they are on the way."""
    bench, _ = keeping()
    submit(bench, 3, size=bench.settings.packet_size - 200)
    assert (len(bench.packets()), len(bench.tokens())) == (3, 1)


# For how long


def test_a_token_is_kept_for_a_moment_after_the_last_packet() -> None:
    """It then goes on, and counts the packets."""
    bench, _ = keeping()
    bench.wait(bench.settings.keep_s / 2)
    submit(bench)
    bench.wait(bench.settings.keep_s * 0.9)
    assert bench.tokens() == []
    bench.wait(bench.settings.keep_s * 0.2)
    [sent] = bench.tokens()
    assert (sent.sequence, sent.aru, sent.fcc) == (3, 3, 2)


def test_a_token_is_kept_for_a_while_in_all() -> None:
    """However often something is sent, and the last packet does not say that it is kept longer."""
    bench, _ = resting()
    start = bench.now
    flags = []
    while not bench.tokens():
        submit(bench)
        flags.append(bench.packets()[-1].flags)
        bench.wait(bench.settings.keep_s / 2)
        assert bench.now < start + 1.1 * bench.settings.keep_max_s
    assert set(flags) == {KEPT}


def test_no_more_is_sent_while_the_token_is_kept_than_in_any_other_visit() -> None:
    """The last packet that one visit may send goes with the token."""
    bench, _ = resting()
    most = bench.settings.visit_max
    for _ in range(most):
        submit(bench)
    assert [p.flags for p in bench.packets()] == [KEPT] * (most - 1) + [0]
    assert [t.sequence for t in bench.tokens()] == [1 + most]


def test_the_token_comes_round_after_it_was_kept() -> None:
    """It is as good as any other: accepted, and at rest when there is nothing to do."""
    bench, ring = keeping()
    bench.wait(bench.settings.keep_s * 1.1)
    bench.hear(token(ring, 1, 19, sequence=2))
    assert bench.processor.describe()["holds_token"]
    assert bench.count("token_absurd") == 0


def test_who_leaves_in_order_keeps_no_token() -> None:
    """The others wait for it."""
    bench, _ = keeping()
    bench.processor.leave(bench.now)
    bench.wake()
    assert len(bench.tokens()) == 1


# How others get it


def test_a_kept_token_is_passed_on_when_somebody_asks() -> None:
    """Node 3 has something to send."""
    bench, ring = keeping()
    bench.hear(encode_wake(CLUSTER, NodeId(3), ring))
    assert [t.sequence for t in bench.tokens()] == [2]


def test_a_member_with_something_to_send_asks_who_keeps_the_token() -> None:
    """It asks once, however busy the ring was when it had the token."""
    bench, ring = operational(2)
    bench.hear(packet(3, ring, 1, b"m").raw, token(ring, 1, 13, sequence=1, backlog=1))
    bench.hear(packet(3, ring, 2, b"m", flags=KEPT).raw)
    bench.forget()
    submit(bench)
    submit(bench)
    assert [effect.address for effect in bench.took(SendTo)] == [3]
    assert len(bench.sent(PacketType.WAKE)) == 1


def test_a_member_that_waits_to_send_asks_as_soon_as_it_hears_that_the_token_is_kept() -> None:
    """It took it to be under way."""
    bench, ring = operational(2)
    bench.hear(packet(3, ring, 1, b"m").raw, token(ring, 1, 13, sequence=1, backlog=1))
    submit(bench)
    bench.forget()
    bench.hear(packet(3, ring, 2, b"m", flags=KEPT).raw)
    assert len(bench.sent(PacketType.WAKE)) == 1


def test_a_member_that_lacks_a_packet_asks_who_keeps_the_token() -> None:
    """The request for the packet goes with the token."""
    bench, ring = operational(2)
    bench.hear(packet(3, ring, 2, b"m", flags=KEPT).raw)
    assert len(bench.sent(PacketType.WAKE)) == 1


def test_a_member_that_has_all_and_nothing_to_send_asks_for_nothing() -> None:
    """Who keeps it is left alone."""
    bench, ring = operational(2)
    bench.hear(packet(3, ring, 1, b"m", flags=KEPT).raw)
    assert bench.sent(PacketType.WAKE) == []


def test_a_packet_that_says_nothing_of_a_kept_token_is_not_asked_about() -> None:
    """The token is under way."""
    bench, ring = operational(2)
    bench.hear(packet(3, ring, 1, b"m").raw, token(ring, 1, 13, sequence=1, backlog=1))
    bench.hear(packet(3, ring, 2, b"m", flags=KEPT).raw)
    bench.hear(packet(3, ring, 3, b"m").raw)
    submit(bench)
    assert bench.sent(PacketType.WAKE) == []
