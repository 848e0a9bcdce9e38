"""Virtual time."""

from __future__ import annotations

import pytest

from openais.simulation import schedule
from openais.simulation.schedule import Runaway, Scheduler


def test_things_happen_in_the_order_of_their_time_and_then_as_asked() -> None:
    scheduler, happened = Scheduler(), list[str]()
    for time_us, name in ((20, "c"), (10, "a"), (10, "b")):
        scheduler.at(time_us, happened.append, name)
    assert not scheduler.run_until(15)
    assert (happened, scheduler.now_us) == (["a", "b"], 15)
    scheduler.run_until(100)
    assert (happened, scheduler.now_us) == (["a", "b", "c"], 100)


def test_what_is_asked_for_in_the_past_happens_now() -> None:
    scheduler, times = Scheduler(), list[int]()
    scheduler.run_until(50)
    scheduler.at(10, lambda: times.append(scheduler.now_us))
    scheduler.run_until(60)
    assert times == [50]


def test_a_run_stops_when_it_is_told_to() -> None:
    scheduler, happened = Scheduler(), list[int]()
    for number in range(5):
        scheduler.at(number, happened.append, number)
    assert scheduler.run_until(10, lambda: len(happened) == 3)
    assert (happened, scheduler.now_us) == ([0, 1, 2], 2)


def test_a_run_that_goes_round_in_circles_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "STEPS_MAX", 100)
    scheduler = Scheduler()

    def again() -> None:
        scheduler.after(0, again)

    again()
    with pytest.raises(Runaway, match="100 steps"):
        scheduler.run_until(1)
