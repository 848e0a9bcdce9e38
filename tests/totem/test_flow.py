"""Flow control: how many new packets a token visit may send."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.totem.flow import new_packets_max
from tests.totem.bench import SETTINGS

RULES = dataclasses.replace(SETTINGS, window=100, visit_max=40, gap_max=500)


@pytest.mark.parametrize(
    ("sent_by_others", "backlog", "backlog_others", "gap", "allowed"),
    [
        pytest.param(0, 0, 0, 0, 0, id="nothing waits"),
        pytest.param(0, 7, 0, 0, 7, id="all that waits"),
        pytest.param(0, 90, 0, 0, 40, id="the most of one visit"),
        pytest.param(75, 90, 0, 0, 25, id="what is left of the window"),
        pytest.param(100, 90, 0, 0, 0, id="the window is full"),
        pytest.param(180, 90, 0, 0, 0, id="more than full"),
        pytest.param(0, 50, 50, 0, 40, id="half of what waits: half of the window, at most a visit"),
        pytest.param(0, 50, 200, 0, 20, id="a fifth of what waits: a fifth of the window"),
        pytest.param(0, 1, 9999, 0, 1, id="a little against much: one packet at least"),
        pytest.param(99, 50, 9999, 0, 1, id="one packet of room"),
        pytest.param(0, 50, 0, 500, 40, id="the widest gap allowed"),
        pytest.param(0, 50, 0, 501, 0, id="the gap is too wide"),
    ],
)
def test_what_a_visit_may_send_is_the_least_of_all_limits(
    sent_by_others: int, backlog: int, backlog_others: int, gap: int, allowed: int
) -> None:
    """Window 100, visit 40, gap 500."""
    sending = new_packets_max(
        RULES, sent_by_others=sent_by_others, backlog=backlog, backlog_others=backlog_others, gap=gap
    )
    assert sending == allowed


@given(st.lists(st.integers(0, 300), min_size=2, max_size=8))
def test_the_ring_never_has_more_in_flight_than_the_window(backlogs: list[int]) -> None:
    """Rotation after rotation, everybody takes what it may; in the end all was sent and nobody starved."""
    waiting, last = list(backlogs), [0] * len(backlogs)
    for _ in range(400):
        for member, backlog in enumerate(waiting):
            others = sum(last) - last[member]
            sending = new_packets_max(
                RULES, sent_by_others=others, backlog=backlog, backlog_others=sum(waiting) - backlog, gap=0
            )
            waiting[member] -= sending
            last[member] = sending
            assert sum(last) <= RULES.window
    assert sum(waiting) == 0
