"""What waits for one library: runs by priority, and notices of those that were lost."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from openais.messages.evt import Match, cost_of
from openais.services.evt_queue import SubscriberQueue

LOST = msgspec.Raw(b"lost")
ONE, TWO = Match(1, 1), Match(1, 2)
RUN_BYTES = 1000
COST = cost_of(RUN_BYTES, 1)


def queue_of(window: int = COST, held_max: int = 4 * COST) -> SubscriberQueue:
    return SubscriberQueue(lambda: LOST, window, held_max)


def run(number: int) -> msgspec.Raw:
    return msgspec.Raw(bytes((number,)) * RUN_BYTES)


def full(queue: SubscriberQueue) -> SubscriberQueue:
    """Its window is used up."""
    queue.sent = COST
    return queue


def sent(queue: SubscriberQueue) -> list[int]:
    """All that comes when the application takes everything: the numbers of the runs, -1 for a notice."""
    numbers: list[int] = []
    while queue.held or not queue.open:
        queue.taken(queue.sent)
        numbers += [-1 if deliver.run == LOST else bytes(deliver.run)[0] for deliver in queue.ready()]
    return numbers


def test_runs_leave_by_priority_and_in_their_order() -> None:
    queue = full(queue_of())
    for number, priority in enumerate((3, 0, 3, 1)):
        queue.put((ONE,), priority, run(number), 1)
    assert not queue.open
    assert sent(queue) == [1, 3, 0, 2]
    assert queue.held == 0


def test_no_more_leaves_than_the_window_holds() -> None:
    queue = full(queue_of(window=2 * COST))
    queue.sent = 2 * COST
    for number in range(4):
        queue.put((ONE,), 3, run(number), 1)
    assert queue.ready() == []
    queue.taken(COST)
    assert len(queue.ready()) == 1


def test_the_newest_of_the_lowest_priority_is_dropped_for_a_higher_one() -> None:
    queue = full(queue_of())
    for number, priority in enumerate((3, 2, 3, 2, 1)):
        queue.put((ONE,), priority, run(number), 1)
    assert sent(queue) == [-1, 4, 1, 3, 0]
    assert queue.dropped == 1


def test_what_comes_when_only_its_like_and_higher_ones_wait_is_dropped_itself() -> None:
    queue = full(queue_of())
    for number in range(6):
        queue.put((ONE,), 2, run(number), 1)
    queue.put((TWO,), 3, run(6), 5)
    assert sent(queue) == [-1, 0, 1, 2, 3]
    assert queue.dropped == 2 + 5


def test_the_next_loss_after_a_notice_makes_the_next_notice() -> None:
    queue = full(queue_of(held_max=COST))
    for _ in range(2):
        queue.sent = COST
        for number in range(3):
            queue.put((ONE,), 3, run(number), 1)
        assert sent(queue) == [-1, 0]


def test_a_notice_is_for_all_subscriptions_that_lost_something() -> None:
    queue = full(queue_of(held_max=COST))
    for matches in ((ONE,), (TWO,), (ONE,)):
        queue.put(matches, 3, run(0), 1)
    queue.taken(COST)
    assert queue.ready()[0].matches == (TWO, ONE)


def test_what_waits_for_a_subscription_that_ended_does_not_leave() -> None:
    queue = full(queue_of(held_max=2 * COST))
    queue.put((ONE, TWO), 3, run(0), 1)
    queue.put((ONE,), 3, run(1), 1)
    queue.forget(lambda match: match == ONE)
    assert queue.held == COST
    queue.taken(COST)
    assert [deliver.matches for deliver in queue.ready()] == [(TWO,)]
    assert queue.held == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), max_size=40), st.integers(0, 40))
def test_what_is_held_is_bounded_and_all_that_is_missing_is_told(puts: list[tuple[int, int]], taken: int) -> None:
    queue = full(queue_of(window=2 * COST))
    given_up = 0
    for number, (priority, copies) in enumerate(puts):
        for _ in range(copies):
            queue.put((ONE,), priority, run(number), 1)
            given_up += 1
        if number == taken:
            queue.taken(COST)
            given_up -= sum(deliver.run != LOST for deliver in queue.ready())
        assert queue.held <= 4 * COST
    left = sent(queue) if queue.held else []
    assert len([number for number in left if number >= 0]) + queue.dropped == given_up
