"""When two nodes surely were together, by what they were told of their rings."""

from __future__ import annotations

from math import inf

from chaos.rings import MARGIN_S, NOTICED_S, Configured, Gone, RingEvent, Window, merged, together

BOTH, ONE, TWO = (1, 2), (1,), (2,)


def told(node: int, *rings: tuple[float, int, tuple[int, ...]]) -> list[RingEvent]:
    """Regular configurations: when, which ring, and its members; before each but the first who went on together."""
    events: list[RingEvent] = []
    before: tuple[int, ...] = ()
    for at, number, members in rings:
        kept = tuple(each for each in members if each in before)
        if before:
            events.append(Configured(at, node, (number - 1, 1), True, kept))
        events.append(Configured(at, node, (number, members[0]), False, members))
        before = members
    return events


def test_from_the_first_ring_that_both_were_told_of_they_are_together() -> None:
    assert together(told(1, (5.0, 7, BOTH)), told(2, (6.0, 7, BOTH)), []) == [Window(6.0, inf)]


def test_a_ring_that_both_go_on_to_parts_nobody() -> None:
    one, other = ([(5.0, 7, (1, 2, 3)), (9.0, 8, BOTH)] for _ in range(2))
    assert together(told(1, *one), told(2, *other), []) == [Window(5.0, inf)]


def test_what_was_on_its_way_when_they_parted_is_not_counted() -> None:
    one, other = told(1, (5.0, 7, BOTH), (20.0, 8, ONE)), told(2, (5.0, 7, BOTH), (21.0, 8, TWO))
    assert together(one, other, []) == [Window(5.0, 20.0 - NOTICED_S)]
    assert together(one, other, [Window(12.0, 17.0)]) == [Window(5.0, 12.0 - MARGIN_S)]
    assert together(one, other, [Window(2.0, 3.0), Window(20.5, 22.0)]) == [Window(5.0, 20.0 - NOTICED_S)]


def test_troubles_that_they_go_through_together_do_not_end_the_time() -> None:
    one, other = ([(5.0, 7, (1, 2, 3)), (9.0, 8, BOTH)] for _ in range(2))
    assert together(told(1, *one), told(2, *other), [Window(8.0, 12.0)]) == [Window(5.0, inf)]


def test_troubles_that_follow_each_other_count_from_the_first_one_on() -> None:
    troubles = merged([Window(13.0, 17.0), Window(10.0, 13.5), Window(1.0, 2.0)])
    assert troubles == [Window(1.0, 2.0), Window(10.0, 17.0)]
    one, other = told(1, (5.0, 7, BOTH), (20.0, 8, ONE)), told(2, (5.0, 7, BOTH), (21.0, 8, TWO))
    assert together(one, other, troubles) == [Window(5.0, 10.0 - MARGIN_S)]


def test_after_a_merge_they_are_together_anew() -> None:
    one = told(1, (5.0, 7, BOTH), (20.0, 8, ONE), (30.0, 9, BOTH))
    other = told(2, (5.0, 7, BOTH), (20.0, 8, TWO), (31.0, 9, BOTH))
    assert together(one, other, [Window(15.0, 17.0)]) == [Window(5.0, 13.0), Window(31.0, inf)]


def test_two_that_come_to_one_ring_from_two_were_not_together_between_them() -> None:
    one = told(1, (5.0, 7, BOTH), (20.0, 9, (1, 2, 3)))
    other = told(2, (5.0, 7, BOTH), (20.0, 8, (2, 3)), (20.5, 9, (1, 2, 3)))
    assert together(one, other, [Window(15.0, 17.0)]) == [Window(5.0, 13.0), Window(20.5, inf)]


def test_a_node_that_lost_its_executive_is_together_with_nobody_not_even_itself() -> None:
    before = told(1, (5.0, 7, BOTH))
    one = [*before, Gone(10.0, 1), Configured(12.0, 1, (9, 1), False, BOTH)]
    other = told(2, (5.0, 7, BOTH), (11.0, 8, TWO), (12.0, 9, BOTH))
    assert together(one, other, []) == [Window(5.0, 6.0), Window(12.0, inf)]
    assert together(one, one, []) == [Window(5.0, 6.0), Window(12.0, inf)]
