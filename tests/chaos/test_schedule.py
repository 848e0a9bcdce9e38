"""The faults that are planned from a seed."""

from __future__ import annotations

from collections import Counter

import pytest
from chaos.schedule import EXECUTIVE_KINDS, EXECUTIVES_DOWN_MAX, Kind, Planned, schedule

NODES = (1, 2, 3, 4, 5)
PROGRAMS = tuple(f"program-{number}" for number in range(10))


ALL = tuple(kind for kind in Kind if kind is not Kind.OWN)


def plan(seed: int = 1, seconds: float = 300.0) -> list[Planned]:
    return schedule(seed, seconds, NODES, PROGRAMS, ALL)


def test_the_same_seed_plans_the_same_faults_and_another_one_others() -> None:
    assert plan(1) == plan(1) != plan(2)


@pytest.mark.parametrize("seed", range(20))
def test_all_kinds_come_and_all_have_ended_in_time(seed: int) -> None:
    faults = plan(seed)
    assert set(Counter(fault.kind for fault in faults)) == set(ALL)
    assert all(0 < fault.at_s <= fault.until_s <= 300.0 for fault in faults)
    assert faults == sorted(faults, key=lambda fault: fault.at_s)


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_hurt_twice_at_a_time_and_three_executives_are_always_left(seed: int) -> None:
    faults = plan(seed)
    for fault in faults:
        lasting = [other for other in faults if other is not fault and other.at_s <= fault.at_s < other.until_s]
        for other in lasting:
            assert not set(fault.programs) & set(other.programs)
            if fault.kind in EXECUTIVE_KINDS and other.kind in EXECUTIVE_KINDS:
                assert not set(fault.nodes) & set(other.nodes)
            if fault.kind in (Kind.PARTITION, Kind.LOSS):
                assert other.kind is not fault.kind
        down = [other for other in (*lasting, fault) if other.kind in EXECUTIVE_KINDS]
        assert len(down) <= EXECUTIVES_DOWN_MAX


def test_only_the_kinds_that_are_asked_for_are_planned() -> None:
    faults = schedule(1, 100.0, NODES, (), (Kind.LOSS, Kind.KILL_PROGRAM))
    assert {fault.kind for fault in faults} == {Kind.LOSS}
