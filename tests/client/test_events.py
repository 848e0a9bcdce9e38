"""The queue of events that wait to be dispatched."""

from __future__ import annotations

import pytest

from openais.client.events import EventQueue


def drained(queue: EventQueue[int]) -> list[int]:
    taken = []
    while queue:
        taken.append(queue.take())
    return taken


def test_events_come_out_in_order_across_batches() -> None:
    queue = EventQueue[int]()
    queue.put([1, 2], 10)
    queue.put([3], 10)
    assert len(queue) == 3
    assert drained(queue) == [1, 2, 3]


def test_an_empty_queue_raises_index_error() -> None:
    with pytest.raises(IndexError):
        EventQueue[int]().take()


def test_a_batch_without_events_does_not_count() -> None:
    queue = EventQueue[int]()
    queue.put([], 10)
    assert not queue
    assert queue.byte_count == 0


def test_a_drained_queue_holds_no_bytes() -> None:
    queue = EventQueue[int]()
    queue.put([1, 2], 1000)
    assert queue.byte_count >= 1000
    drained(queue)
    assert queue.byte_count == 0


def test_discarded_events_are_gone_and_the_others_stay_in_order() -> None:
    queue = EventQueue[int]()
    queue.put([1, 2, 3], 100)
    queue.put([4, 6], 100)
    queue.put([5], 100)
    queue.discard(lambda event: event % 2 == 0)
    assert drained(queue) == [1, 3, 5]
    assert queue.byte_count == 0
