"""When events expire."""

from __future__ import annotations

from openais.messages.evt import RETENTION_MAX_NS
from openais.services.evt_retention import RETRY_NS, SPARE, Deadlines
from openais.types import TimeNs


def deadlines(retained: set[int]) -> Deadlines:
    return Deadlines(retained.__contains__)


def test_events_are_due_in_the_order_of_their_deadlines() -> None:
    kept = deadlines({1, 2, 3})
    for event_id, retention in ((1, 300), (2, 100), (3, 200)):
        kept.add(event_id, retention, TimeNs(1000), TimeNs(1000))
    assert kept.next_ns() == 1100
    assert kept.take_due(1200, 10) == (2, 3)
    assert kept.next_ns() == 1300


def test_no_more_are_taken_at_once_than_asked_for() -> None:
    kept = deadlines({1, 2, 3})
    for event_id in (1, 2, 3):
        kept.add(event_id, 100, TimeNs(0), TimeNs(0))
    assert len(kept.take_due(500, 2)) == 2
    assert len(kept.take_due(500, 2)) == 1


def test_an_event_that_is_still_retained_comes_again_later() -> None:
    retained = {1}
    kept = deadlines(retained)
    kept.add(1, 100, TimeNs(0), TimeNs(0))
    assert kept.take_due(100, 10) == (1,)
    assert kept.take_due(100, 10) == ()
    assert kept.take_due(100 + RETRY_NS, 10) == (1,)
    retained.clear()
    assert kept.next_ns() is None


def test_an_event_that_is_kept_for_ever_has_no_deadline() -> None:
    kept = deadlines({1})
    kept.add(1, RETENTION_MAX_NS, TimeNs(0), TimeNs(0))
    assert kept.next_ns() is None


def test_an_event_of_a_clock_that_is_ahead_is_over_its_retention_time_from_now() -> None:
    kept = deadlines({1, 2})
    kept.add(1, 100, TimeNs(1_000_000), TimeNs(1000))
    kept.add(2, 100, TimeNs(0), TimeNs(1000))
    assert kept.take_due(1000, 10) == (2,)
    assert kept.take_due(1100, 10) == (1,)


def test_deadlines_of_events_that_are_gone_are_not_kept() -> None:
    kept = deadlines(set())
    for event_id in range(4 * SPARE):
        kept.add(event_id, 100, TimeNs(0), TimeNs(0))
    assert kept.next_ns() is None
