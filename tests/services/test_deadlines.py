"""Deadlines of what expires."""

from __future__ import annotations

from openais.services.deadlines import RETRY_NS, SPARE, Deadlines


def deadlines(retained: set[int]) -> Deadlines[int]:
    return Deadlines(retained.__contains__)


def test_events_are_due_in_the_order_of_their_deadlines() -> None:
    kept = deadlines({1, 2, 3})
    for event_id, retention in ((1, 300), (2, 100), (3, 200)):
        kept.add(event_id, 1000 + retention)
    assert kept.next_ns() == 1100
    assert kept.take_due(1200, 10) == (2, 3)
    assert kept.next_ns() == 1300


def test_no_more_are_taken_at_once_than_asked_for() -> None:
    kept = deadlines({1, 2, 3})
    for event_id in (1, 2, 3):
        kept.add(event_id, 100)
    assert len(kept.take_due(500, 2)) == 2
    assert len(kept.take_due(500, 2)) == 1


def test_an_event_that_is_still_retained_comes_again_later() -> None:
    retained = {1}
    kept = deadlines(retained)
    kept.add(1, 100)
    assert kept.take_due(100, 10) == (1,)
    assert kept.take_due(100, 10) == ()
    assert kept.take_due(100 + RETRY_NS, 10) == (1,)
    retained.clear()
    assert kept.next_ns() is None


def test_deadlines_of_events_that_are_gone_are_not_kept() -> None:
    kept = deadlines(set())
    for event_id in range(4 * SPARE):
        kept.add(event_id, 100)
    assert kept.next_ns() is None
