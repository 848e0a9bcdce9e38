"""The events that wait at the library: by priority, by who takes them, and what the executive is told of it."""

from __future__ import annotations

import pytest

from openais.client.evt_events import TOLD_BYTES, ChannelOpenResult, Event, EvtEvent, EvtEventQueue, Lane
from openais.messages.evt import Taken, cost_of
from openais.types import ErrorCode, NodeId, TimeNs

RUN_BYTES = 1000


def event(name: str, priority: int = 3, subscription: int = 1) -> Event:
    return Event(name.encode(), (), priority, 4096, "", NodeId(1), TimeNs(0), 0, 2, subscription)


def taken(queue: EvtEventQueue) -> list[str]:
    """The data of all that can be taken, in order."""
    names = []
    while queue:
        each = queue.take()
        assert isinstance(each, Event)
        names.append(each.data.decode())
    return names


def test_the_highest_priority_is_taken_first_and_each_in_its_order() -> None:
    queue = EvtEventQueue()
    for name, priority in (("a", 3), ("b", 0), ("c", 3), ("d", 1), ("e", 0)):
        queue.put([event(name, priority)], RUN_BYTES)
    assert len(queue) == 5
    assert taken(queue) == ["b", "e", "d", "a", "c"]
    with pytest.raises(IndexError):
        queue.take()


def test_events_of_a_subscription_with_a_lane_wait_there() -> None:
    queue = EvtEventQueue()
    lane = queue.open_lane((2, 7))
    queue.put([event("one", subscription=7), event("two", subscription=7), event("three", subscription=8)], RUN_BYTES)
    assert taken(queue) == ["three"]
    assert [each.data for each in _all(lane) if isinstance(each, Event)] == [b"one", b"two"]


def test_the_executive_is_told_when_much_was_taken_and_of_all_of_it() -> None:
    queue = EvtEventQueue()
    cost = cost_of(RUN_BYTES, 1)
    count = TOLD_BYTES // cost + 1
    for _ in range(count):
        queue.put([event("x")], RUN_BYTES)
    assert queue.byte_count == count * cost
    for _ in range(count - 1):
        queue.take()
    assert queue.settle() is None
    queue.take()
    assert queue.settle() == Taken(count * cost)
    assert queue.settle() is None


def test_an_event_of_each_subscription_is_counted() -> None:
    queue = EvtEventQueue()
    events: list[EvtEvent] = [event("x", subscription=number) for number in range(300)]
    queue.put(events, RUN_BYTES)
    taken(queue)
    assert queue.settle() == Taken(300 * cost_of(RUN_BYTES, 1))


def test_who_takes_events_asks_again_when_half_of_them_are_taken() -> None:
    queue = EvtEventQueue()
    for _ in range(8):
        queue.put([event("x")], RUN_BYTES)
    assert queue.low == 4
    for _ in range(4):
        queue.take()
    queue.settle()
    assert queue.low == 2


def test_what_waits_for_a_subscription_that_ended_is_dropped_and_counts_as_taken() -> None:
    queue = EvtEventQueue()
    queue.open_lane((2, 7))
    for number in range(300):
        queue.put([event("x", subscription=number % 2 + 7)], RUN_BYTES)
    queue.drop(queue.lanes_of(2))
    queue.drop_main(lambda key: key == (2, 8))
    assert queue.byte_count == 0
    assert queue.settle() == Taken(300 * cost_of(RUN_BYTES, 1))


def test_a_lane_that_is_closed_says_so_until_it_is_opened_again() -> None:
    queue = EvtEventQueue()
    lane = queue.open_lane((2, 7))
    queue.close_lanes([(2, 7), (2, 9)])
    assert lane.closed
    queue.close_lanes([(2, 7)], closed=False)
    assert not lane.closed


def test_the_answer_to_an_open_is_taken_before_events() -> None:
    queue = EvtEventQueue()
    queue.put([event("x")], RUN_BYTES)
    opened = ChannelOpenResult(1, ErrorCode.OK, "news", 5, "")
    queue.put([opened], 20)
    assert queue.take() == opened


def _all(lane: Lane) -> list[EvtEvent]:
    return [lane.take() for _ in range(len(lane))]
