"""The processor's inputs: identity, its own pause, leaving, what it refuses. One processor, others by hand."""

from __future__ import annotations

import pytest

from openais.totem.effects import RingId
from openais.totem.processor import Processor
from openais.totem.wire import PacketType
from openais.types import Guarantee, NodeId, Priority
from tests.totem.bench import SETTINGS, Bench, operational, token

PATIENCE_S = 3 * (SETTINGS.token_loss_s(1) + SETTINGS.consensus_s(1))


# What may be submitted


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param((b"",), id="a group without a name"),
        pytest.param((b"x" * 256,), id="a name that is too long"),
        pytest.param((b"x",) * 256, id="too many groups"),
    ],
)
def test_a_message_to_improper_groups_is_a_mistake_of_the_caller(groups: tuple[bytes, ...]) -> None:
    """Group names have 1 to 255 bytes; a message names at most 255."""
    bench, _ = operational()
    with pytest.raises(ValueError, match="groups"):
        bench.processor.submit(b"", groups, Guarantee.AGREED, Priority.MED)


def test_a_message_longer_than_it_may_be_is_a_mistake_of_the_caller() -> None:
    """The limit is in the settings."""
    bench, _ = operational()
    with pytest.raises(ValueError, match="message of"):
        bench.processor.submit(bytes(SETTINGS.message_max + 1), (), Guarantee.AGREED, Priority.MED)


def test_nothing_is_sent_before_the_start() -> None:
    """A processor that was not started hears nothing and wants nothing."""
    processor = Processor(NodeId(1), 1, SETTINGS, 0)
    processor.receive([(0, b"anything")], 1.0)
    processor.timeout(2.0)
    processor.wake(3.0)
    assert (processor.take_effects(), processor.deadline) == ([], float("inf"))


# Its own pause


def paused(bench: Bench) -> None:
    """It was not scheduled for a while."""
    bench.now += SETTINGS.token_loss_s(3) * 5


def test_a_processor_that_was_not_scheduled_rejoins_by_itself() -> None:
    """It was stopped for five token timeouts; what it finds in its socket is history."""
    bench, _ = operational()
    paused(bench)
    bench.join(3, (1, 2, 3), failed=(2,), sequence=7)
    assert bench.state == "gather"
    assert bench.own_join().failed == frozenset()
    assert "this node was not scheduled for" in bench.recorded("paused")[0]


def test_a_pause_is_noticed_at_a_wake_as_well() -> None:
    """The first input after the pause is a message of a library."""
    bench, ring = operational(1)
    bench.hear(token(ring, 3, 12))
    assert bench.processor.describe()["holds_token"]
    bench.forget()
    paused(bench)
    bench.processor.submit(b"m", (), Guarantee.AGREED, Priority.MED)
    bench.wake()
    assert (bench.state, bench.sent(PacketType.TOKEN)) == ("gather", [])


def test_a_ring_of_one_is_not_disturbed_by_its_pause() -> None:
    """There is nobody to rejoin."""
    bench = Bench(2)
    bench.wait(1)
    bench.forget()
    paused(bench)
    bench.processor.timeout(bench.now)
    assert bench.state == "operational"


def test_a_busy_processor_is_not_taken_for_a_paused_one() -> None:
    """Inputs come one after the other, none of them late."""
    bench, ring = operational()
    for visit in range(4, 400):
        bench.now += SETTINGS.token_timeout_s / 20
        bench.hear(token(ring, 1, 3 * visit + 1))
    assert bench.recorded("paused") == []


# Leaving


def test_leaving_alone_is_done_at_once() -> None:
    """Nobody has to be told."""
    bench = Bench(2)
    bench.wait(1)
    bench.leave()
    assert bench.processor.has_left
    assert bench.recorded("left") == ["this node left the ring in order"]


def test_leaving_before_the_first_ring_is_done_at_once() -> None:
    """It was started a moment ago; who heard its join need not wait for it."""
    bench = Bench(2)
    bench.leave()
    assert bench.processor.has_left
    assert bench.own_join().leave


def test_leaving_waits_until_what_was_submitted_is_safe() -> None:
    """A message is under way; two rotations later all have it."""
    bench, ring = operational()
    assert bench.processor.submit(b"last words", (), Guarantee.AGREED, Priority.LOW)
    bench.leave()
    assert not bench.processor.submit(b"too late", (), Guarantee.AGREED, Priority.LOW)
    bench.hear(token(ring, 1, 13))
    assert not bench.processor.has_left
    bench.hear(token(ring, 1, 16, sequence=1))
    assert bench.processor.has_left
    assert bench.history() == [b"last words"]
    assert all(join.leave for join in bench.joins())


def test_leaving_does_not_wait_for_ever() -> None:
    """The queue is held back, so that it never empties."""
    bench, ring = operational()
    bench.processor.plug()
    assert bench.processor.submit(b"held back", (), Guarantee.AGREED, Priority.LOW)
    bench.leave()
    for visit in range(4, 60):
        bench.now += SETTINGS.token_timeout_s / 10
        bench.hear(token(ring, 1, 3 * visit + 1))
        bench.wait(0)
    assert bench.processor.has_left


def test_nothing_is_said_after_leaving() -> None:
    """In the burst with the token that ends it is a join of another."""
    bench, ring = operational()
    bench.leave()
    bench.hear(token(ring, 1, 13))
    bench.hear(token(ring, 1, 16))
    assert bench.processor.has_left
    bench.forget()
    bench.join(9, (9,))
    bench.wait(1)
    assert bench.effects == []


def test_nothing_is_said_after_leaving_in_the_same_burst() -> None:
    """The burst brings the token that ends it, and a newcomer's join behind."""
    other = Bench(9)
    bench, ring = operational()
    bench.leave()
    bench.hear(token(ring, 1, 13), token(ring, 1, 16), other.sent(PacketType.JOIN)[-1])
    assert bench.processor.has_left
    assert all(join.leave for join in bench.joins())
    assert bench.state == "idle"


# Two of one node id


def announce_as(bench: Bench, incarnation: int) -> None:
    """Another ring, of nodes 2 and 9, announces itself; its node 2 is not we."""
    bench.announce(9, RingId(50, NodeId(2)), (2, 9), incarnations={2: incarnation})


def test_the_newer_of_two_with_one_node_id_must_not_go_on() -> None:
    """An older processor with our node id goes on: it was there first."""
    bench, _ = operational()
    for _ in range(100):
        announce_as(bench, 500)
        bench.now += PATIENCE_S / 50
    assert "give each node an id of its own" in bench.fatal()[0]


def test_the_older_of_two_with_one_node_id_stays_and_says_so() -> None:
    """A newcomer has our node id."""
    bench, _ = operational()
    for _ in range(100):
        announce_as(bench, 5000)
        bench.now += PATIENCE_S / 50
    assert bench.fatal() == []
    assert "another node uses node id 2 as well" in bench.recorded("duplicate_node_id")[0]


def test_an_echo_of_our_own_past_is_not_another_node() -> None:
    """After a restart others still tell of the life before; much later one of them wakes up and does so once more."""
    bench = Bench(2)
    bench.wait(1)
    announce_as(bench, 500)
    bench.wait(PATIENCE_S * 10)
    announce_as(bench, 500)
    announce_as(bench, 500)
    assert (bench.fatal(), bench.count("namesake")) == ([], 3)


def test_our_own_datagrams_are_not_heard() -> None:
    """Multicast brings them back."""
    bench = Bench(2)
    bench.hear(bench.sent(PacketType.JOIN)[-1])
    assert bench.count("own_echo") == 1


# What is not for us


@pytest.mark.parametrize(
    ("datagram", "cause"),
    [
        pytest.param(b"", "too_short", id="nothing"),
        pytest.param(bytes(11), "too_short", id="less than a header"),
        pytest.param(bytes((2, 1)) + bytes(10), "wire_version", id="another version"),
        pytest.param(bytes((1, 1)) + bytes(10), "foreign_cluster", id="another cluster"),
    ],
)
def test_what_is_not_of_our_cluster_is_dropped_and_counted(datagram: bytes, cause: str) -> None:
    """By its cause."""
    bench, _ = operational()
    bench.hear(datagram)
    assert (bench.count(cause), bench.effects) == (1, [])


def test_an_unknown_type_is_counted() -> None:
    """A type that a later version may have."""
    bench, ring = operational()
    good = token(ring, 1, 13)
    bench.hear(good[:1] + b"\x63" + good[2:])
    assert bench.count("unknown_type") == 1
