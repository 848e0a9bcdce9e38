"""The set of processors that can form a ring together, when not everybody hears everybody."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.totem.hearing import hearing_set
from openais.types import NodeId

Links = set[tuple[int, int]]


def together(nodes: set[int], broken: Links, local: int) -> set[int]:
    """What `local` chooses when it was told by all that it hears; `broken` has (listener, speaker)."""
    heard = {
        NodeId(n): frozenset(NodeId(m) for m in nodes if (n, m) not in broken)
        for n in nodes
        if n == local or (local, n) not in broken
    }
    return set(hearing_set({NodeId(n) for n in nodes}, heard, NodeId(local)))


def both(one: int, other: int) -> Links:
    return {(one, other), (other, one)}


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        pytest.param(set(), {1: {1, 2, 3, 4}, 4: {1, 2, 3, 4}}, id="everybody hears everybody"),
        pytest.param(both(2, 3), {1: {1, 2, 4}, 2: {1, 2, 4}, 4: {1, 2, 4}, 3: {3}}, id="a pair that is cut"),
        pytest.param({(1, 3), (2, 3), (4, 3)}, {1: {1, 2, 4}, 2: {1, 2, 4}, 3: {3}}, id="one that nobody hears"),
        pytest.param({(3, 1), (3, 2), (3, 4)}, {1: {1, 2, 4}, 2: {1, 2, 4}, 3: {3}}, id="one that hears nobody"),
        pytest.param({(2, 3)}, {1: {1, 2, 4}, 2: {1, 2, 4}, 3: {3}}, id="one direction of one link"),
        pytest.param(
            both(1, 3) | both(1, 4) | both(2, 3) | both(2, 4),
            {1: {1, 2}, 2: {1, 2}, 3: {3, 4}, 4: {3, 4}},
            id="a clean partition",
        ),
        pytest.param(both(1, 2) | both(1, 3) | both(1, 4), {1: {1}, 2: {2, 3, 4}, 3: {2, 3, 4}}, id="the lowest alone"),
    ],
)
def test_those_that_hear_each_other_choose_the_same_largest_set(broken: Links, expected: dict[int, set[int]]) -> None:
    """Four processors and the links that are broken."""
    for local, chosen in expected.items():
        assert together({1, 2, 3, 4}, broken, local) == chosen


def test_who_was_not_heard_is_taken_to_hear_those_that_hear_it() -> None:
    """Node 3 is silent here: nothing more is known of it, and it is left out."""
    heard = {NodeId(1): frozenset({NodeId(1), NodeId(2)}), NodeId(2): frozenset({NodeId(1), NodeId(2), NodeId(3)})}
    assert hearing_set({NodeId(1), NodeId(2), NodeId(3)}, heard, NodeId(1)) == {1, 2}


def test_a_processor_that_hears_nobody_is_alone() -> None:
    """Nothing came at all."""
    assert hearing_set({NodeId(1), NodeId(2)}, {NodeId(1): frozenset({NodeId(1)})}, NodeId(1)) == {1}


@given(st.sets(st.sampled_from([(a, b) for a in range(1, 6) for b in range(1, 6) if a != b])))
def test_any_broken_links_leave_a_set_that_all_hear_each_other_with_us_in_it(broken: Links) -> None:
    """Five processors, any links broken."""
    for local in range(1, 6):
        chosen = together({1, 2, 3, 4, 5}, broken, local)
        assert local in chosen
        assert not any((a, b) in broken or (b, a) in broken for a, b in combinations(chosen, 2) if local in (a, b))
