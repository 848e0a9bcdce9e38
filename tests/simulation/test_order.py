"""A total order out of many sequences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openais.simulation.order import TotalOrder


def test_a_contradiction_is_told_with_its_proof() -> None:
    order = TotalOrder[str]()
    assert order.precede("a", "b") == []
    assert order.precede("b", "c") == []
    assert order.precede("c", "a") == ["a", "b", "c"]


def test_nothing_comes_before_itself() -> None:
    assert TotalOrder[str]().precede("a", "a") == ["a"]


def test_a_contradiction_leaves_the_order_as_it_was() -> None:
    order = TotalOrder[int]()
    order.precede(1, 2)
    assert order.precede(2, 1) == [1, 2]
    assert order.precede(1, 2) == []


@given(st.permutations(range(12)), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_what_fits_one_order_is_never_contradicted(order: list[int], pairs: list[tuple[int, int]]) -> None:
    total = TotalOrder[int]()
    place = {item: index for index, item in enumerate(order)}
    for one, two in pairs:
        if one != two:
            assert total.precede(*sorted((one, two), key=place.__getitem__)) == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=40))
def test_it_finds_a_contradiction_exactly_when_there_is_one(pairs: list[tuple[int, int]]) -> None:
    total = TotalOrder[int]()
    after: dict[int, set[int]] = {item: set() for item in range(7)}

    def reaches(start: int, end: int) -> bool:
        seen, stack = {start}, [start]
        while stack:
            stack += [item for item in after[stack.pop()] if not (item in seen or seen.add(item))]
        return end in seen

    for earlier, later in pairs:
        contradicted = reaches(later, earlier)
        assert bool(total.precede(earlier, later)) == contradicted
        if not contradicted:
            after[earlier].add(later)
