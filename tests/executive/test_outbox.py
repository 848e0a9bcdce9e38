"""What waits for the ring."""

from __future__ import annotations

from openais.executive.outbox import REQUESTS_HELD_MAX, Outbox
from openais.types import Guarantee, NodeId, Priority
from tests.executive.memory_group import MemoryRing


def put(outbox: Outbox, payload: str, priority: Priority) -> None:
    outbox.put(payload.encode(), (), Guarantee.AGREED, priority)


def sent(ring: MemoryRing) -> list[str]:
    """What the ring would send, and takes out of its queues."""
    messages = []
    while (message := ring.pop()) is not None:
        messages.append(bytes(message.payload).decode())
    return messages


def test_messages_go_straight_to_a_ring_with_room() -> None:
    ring = MemoryRing(NodeId(1))
    outbox = Outbox(ring, messages_max=10)
    put(outbox, "a", Priority.MED)
    assert outbox.submitted
    assert sent(ring) == ["a"]


def test_messages_that_find_no_room_keep_the_order_of_their_priority() -> None:
    ring = MemoryRing(NodeId(1), queue_max=1)
    outbox = Outbox(ring, messages_max=10)
    for payload in ("a", "b", "c"):
        put(outbox, payload, Priority.MED)
    put(outbox, "high", Priority.HIGH)
    assert not outbox.room(Priority.MED)
    assert sent(ring) == ["high", "a"]
    assert ring.room(Priority.MED)
    assert not outbox.room(Priority.MED)
    put(outbox, "d", Priority.MED)
    order = []
    for _ in range(3):
        outbox.retry()
        order += sent(ring)
    assert order == ["b", "c", "d"]
    assert outbox.room(Priority.MED)


def test_while_an_exchange_lasts_the_high_priorities_wait_and_the_others_are_left_to_the_ring() -> None:
    ring = MemoryRing(NodeId(1))
    outbox = Outbox(ring, messages_max=1000)
    outbox.hold()
    for priority in Priority:
        put(outbox, priority.name, priority)
    outbox.retry()
    assert sent(ring) == ["MED", "LOW"]
    for number in range(REQUESTS_HELD_MAX - 1):
        assert outbox.room(Priority.HIGH)
        put(outbox, str(number), Priority.HIGH)
    assert not outbox.room(Priority.HIGH)
    outbox.release()
    assert sent(ring) == ["RECOVERY", "HIGH", *(str(number) for number in range(REQUESTS_HELD_MAX - 1))]


def test_messages_of_the_exchange_pass_those_that_wait() -> None:
    ring = MemoryRing(NodeId(1))
    outbox = Outbox(ring, messages_max=10)
    outbox.hold()
    put(outbox, "service", Priority.RECOVERY)
    assert outbox.offer(b"exchange")
    outbox.release()
    assert sent(ring) == ["exchange", "service"]


def test_it_is_full_when_more_wait_than_may() -> None:
    outbox = Outbox(MemoryRing(NodeId(1), queue_max=0), messages_max=2)
    for expected in (False, False, True):
        put(outbox, "a", Priority.LOW)
        assert outbox.full is expected
