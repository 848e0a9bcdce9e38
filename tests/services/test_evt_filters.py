"""Which subscriptions an event passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.messages.evt import Filter, FilterType, Match
from openais.services.evt_filters import REMEMBERED_MAX, FilterIndex, Receivers, Subscriber, passes

PREFIX, SUFFIX, EXACT, PASS_ALL = FilterType

pieces = st.text("ab", max_size=3).map(str.encode)
filters = st.lists(st.builds(Filter, st.sampled_from(FilterType), pieces), max_size=3).map(tuple)
patterns = st.lists(pieces, max_size=4).map(tuple)


def index_of(*subscriptions: tuple[Filter, ...]) -> FilterIndex:
    index = FilterIndex()
    for number, each in enumerate(subscriptions):
        index.add(Subscriber(1, Match(1, number)), each)
    return index


def numbers(index: FilterIndex, *event: bytes) -> list[int]:
    """The subscriptions that an event of these patterns passes."""
    return sorted(match.subscription for matches, _ in index.passed_by(event) for match in matches)


@pytest.mark.parametrize(
    ("kind", "text", "pattern", "expected"),
    [
        (PREFIX, b"ab", b"abc", True),
        (PREFIX, b"ab", b"a", False),
        (PREFIX, b"", b"", True),
        (SUFFIX, b"bc", b"abc", True),
        (SUFFIX, b"bc", b"c", False),
        (SUFFIX, b"", b"abc", True),
        (EXACT, b"abc", b"abc", True),
        (EXACT, b"abc", b"abcd", False),
        (EXACT, b"", b"", True),
        (EXACT, b"", b"a", False),
        (PASS_ALL, b"ignored", b"abc", True),
    ],
)
def test_a_filter_looks_at_the_pattern_at_its_place(
    kind: FilterType, text: bytes, pattern: bytes, expected: bool
) -> None:
    assert passes((Filter(kind, text),), (pattern,)) is expected


def test_patterns_beyond_the_filters_pass() -> None:
    assert passes((Filter(EXACT, b"a"),), (b"a", b"anything"))
    assert passes((), (b"anything",))
    assert passes((), ())


def test_filters_beyond_the_patterns_are_given_an_empty_pattern() -> None:
    assert passes((Filter(PASS_ALL, b""), Filter(PREFIX, b""), Filter(EXACT, b"")), ())
    assert not passes((Filter(PASS_ALL, b""), Filter(PREFIX, b"a")), (b"a",))


@given(subscriptions=st.lists(filters, max_size=12), event=patterns, gone=st.sets(st.integers(0, 11)))
def test_the_index_finds_what_asking_each_subscription_finds(
    subscriptions: list[tuple[Filter, ...]], event: tuple[bytes, ...], gone: set[int]
) -> None:
    index = index_of(*subscriptions)
    left = [number for number in range(len(subscriptions)) if number not in gone]
    assert numbers(index, *event) == [n for n, each in enumerate(subscriptions) if passes(each, event)]
    for number in range(len(subscriptions)):
        if number in gone:
            index.remove(Subscriber(1, Match(1, number)))
    assert numbers(index, *event) == [number for number in left if passes(subscriptions[number], event)]
    assert len(index) == len(left)


def test_connections_of_equal_subscriptions_are_found_together() -> None:
    index = FilterIndex()
    for connection in (1, 2, 3):
        index.add(Subscriber(connection, Match(9, 1)), (Filter(PREFIX, b"a"),))
    index.add(Subscriber(3, Match(9, 2)), ())
    found = index.passed_by((b"abc",))
    assert {frozenset(each.matches): each.connections for each in found} == {
        frozenset((Match(9, 1),)): (1, 2),
        frozenset((Match(9, 1), Match(9, 2))): (3,),
    }
    assert index.passed_by((b"b",)) == (Receivers((Match(9, 2),), (3,)),)


def test_what_is_remembered_is_right_however_many_patterns_there_are() -> None:
    index = index_of((Filter(SUFFIX, b"7"),))
    for _ in range(2):
        found = [number for number in range(2 * REMEMBERED_MAX) if numbers(index, b"%d" % number)]
        assert found == [number for number in range(2 * REMEMBERED_MAX) if number % 10 == 7]
