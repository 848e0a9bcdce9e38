"""The checker of histories of a register, and that it finds what is wrong."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from openais.simulation.linearizability import Operation, faults


def wrote(value: bytes, begun: float, ended: float = math.inf) -> Operation:
    return Operation("writer", value, is_write=True, begun=begun, ended=ended)


def read(value: bytes, begun: float, ended: float) -> Operation:
    return Operation("reader", value, is_write=False, begun=begun, ended=ended)


@pytest.mark.parametrize(
    "history",
    [
        [],
        [read(b"", 0, 1)],
        [wrote(b"1", 0, 1), read(b"1", 2, 3)],
        [wrote(b"1", 0, 10), read(b"", 1, 2), read(b"1", 3, 4), read(b"1", 5, 6)],
        [wrote(b"1", 0, 10), wrote(b"2", 0, 10), read(b"2", 1, 2), read(b"1", 3, 4)],
        [wrote(b"1", 0), read(b"", 5, 6)],
        [wrote(b"1", 0), read(b"", 5, 6), read(b"1", 7, 8)],
        [wrote(b"1", 0, 1), wrote(b"2", 0.5, 3), read(b"1", 2, 4)],
    ],
)
def test_histories_that_one_register_can_have(history: list[Operation]) -> None:
    assert list(faults(history, b"")) == []


@pytest.mark.parametrize(
    "history",
    [
        [read(b"1", 0, 1)],
        [read(b"1", 0, 1), wrote(b"1", 2, 3)],
        [wrote(b"1", 0, 1), read(b"", 2, 3)],
        [wrote(b"1", 0, 1), wrote(b"2", 2, 3), read(b"1", 4, 5)],
        [wrote(b"1", 0, 10), read(b"1", 1, 2), read(b"", 3, 4)],
        [wrote(b"1", 0, 10), wrote(b"2", 0, 10), read(b"2", 1, 2), read(b"1", 3, 4), read(b"2", 5, 6)],
        [wrote(b"1", 0), read(b"1", 1, 2), read(b"", 3, 4)],
    ],
)
def test_histories_that_none_can_have(history: list[Operation]) -> None:
    assert list(faults(history, b"")) != []


def can_be(history: list[Operation]) -> bool:
    """By trying every order."""
    optional = [each for each in history if each.ended == math.inf]
    required = [each for each in history if each.ended < math.inf]
    for count in range(len(optional) + 1):
        for chosen in itertools.combinations(optional, count):
            if any(_fits(order) for order in itertools.permutations([*required, *chosen])):
                return True
    return False


def _fits(order: tuple[Operation, ...]) -> bool:
    value = b""
    for index, each in enumerate(order):
        if any(later.ended < each.begun for later in order[index + 1 :]):
            return False
        if each.is_write:
            value = each.value
        elif each.value != value:
            return False
    return True


@pytest.mark.parametrize("seed", range(300))
def test_the_quick_answer_is_that_of_trying_every_order(seed: int) -> None:
    chance = random.Random(seed)
    history = []
    for number in range(chance.randint(1, 3)):
        begun = chance.randint(0, 8)
        ended = math.inf if chance.random() < 0.2 else begun + chance.randint(1, 6)
        history.append(wrote(b"%d" % number, begun + number / 100, ended + number / 100))
    for number in range(chance.randint(0, 3)):
        begun = chance.randint(0, 10)
        value = chance.choice([b"", *(each.value for each in history if each.is_write)])
        history.append(read(value, begun + 0.5 + number / 100, begun + chance.randint(1, 5) + 0.7 + number / 100))
    assert (list(faults(history, b"")) == []) == can_be(history)
