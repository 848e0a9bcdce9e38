"""What programs wrote down of events: each promise is broken once on purpose, and the check finds it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from chaos.evidence import Evidence, Fault, Life
from chaos.evt_check import check
from chaos.evt_events import FOR_EVER_S
from chaos.evt_order import cycle_in
from chaos.rings import Configured, RingEvent
from chaos.schedule import Kind

ID, OTHER_ID, THIRD_ID = 4097, 8193, 12289
"""Ids of events that were published one after the other."""
ASK, OK = "ask 20 0 1 news fan.1 3 0", "ok 20.1 0 4097"
NEXT = ("ask 21 1 1 news fan.1 3 0", "ok 21.1 1 8193")
THIRD = ("ask 22 2 1 news fan.1 3 0", "ok 22.1 2 12289")
FOR_EVER = (f"ask 20 0 1 news fan.1 3 {FOR_EVER_S}", OK)
SUB = "sub 10 0 news 0"
GOT, GOT_NEXT, GOT_THIRD = "got 20.2 0 1 1 0 4097", "got 21.2 0 1 1 1 8193", "got 22.2 0 1 1 2 12289"
LATE = "sub 95 0 news 0"
LATE_GOT = "got 95.1 0 1 1 0 4097"


def rings(at: float, number: int, members: Sequence[int], transitional: bool = False) -> list[RingEvent]:
    """All members are told of a configuration."""
    return [Configured(at, node, (number, min(members)), transitional, tuple(members)) for node in members]


TOGETHER = rings(0.0, 1, (1, 2))
APART = [
    *TOGETHER,
    *(each for node in (1, 2) for each in (*rings(30.0, 1, [node], True), *rings(30.0, 2, [node]))),
]
PARTITION = Fault(Kind.PARTITION, 29.0, 90.0, (1,))


def violations(
    publisher: Sequence[str],
    subscribers: Sequence[Sequence[str]] = (),
    late: Sequence[Sequence[str]] = (),
    code: int = 0,
    told: Sequence[RingEvent] = TOGETHER,
    faults: Sequence[Fault] = (),
) -> list[str]:
    """What the check finds. The publisher is at node 1, the subscribers and who comes late at 2, 1 and so on."""
    journals = {"publisher-1.1.journal": publisher}
    lives = [Life("publisher-1", 1, 1, 0.0, 100.0, 0)]
    for kind, each_lines, ended in (("subscriber", subscribers, code), ("late", late, 0)):
        for place, lines in enumerate(each_lines):
            life = Life(f"{kind}-{place + 1}", 2 - place % 2, 1, 0.0, 100.0, ended)
            lives.append(life)
            journals[life.journal] = lines
    texts = {name: "".join(f"{line}\n" for line in lines) for name, lines in journals.items()}
    return check(Evidence.of([*told, *faults, *lives], texts)).violations


def test_what_came_as_it_should_is_right() -> None:
    assert violations([ASK, OK, *NEXT], [[SUB, GOT, GOT_NEXT], [SUB, GOT, GOT_NEXT]]) == []


@pytest.mark.parametrize(
    ("publisher", "subscriber", "word"),
    [
        ([ASK, OK], [SUB], "was not given"),
        ([ASK, OK, *NEXT], [SUB, GOT_NEXT], "was not given"),
        ([ASK, OK], [SUB, GOT, GOT], "a second time"),
        ([ASK, OK], [SUB, GOT, "unsub 30 0", "sub 31 1 news 0", "got 32 1 1 1 0 4097"], "had been given"),
        ([ASK, OK, *NEXT], [SUB, GOT_NEXT, GOT], "after"),
        ([ASK, OK], ["sub 10 0 alarms 0", GOT], "does not pass"),
        ([ASK, OK], ["sub 10 0 news 1", GOT], "does not pass"),
        ([ASK, OK], [SUB, "got 20.2 0 1 1 0 8193"], "with the id"),
        ([], [SUB, GOT], "nobody published"),
        ([ASK, "no 20.1 0 TRY_AGAIN"], [SUB, GOT], "refused"),
        ([ASK, OK], [SUB, GOT, "bad 30 0 x 7"], "damaged"),
        ([ASK, OK, NEXT[0], "ok 21.1 1 4097"], [SUB, GOT, "got 21.2 0 1 1 1 4097"], "one id"),
        (["ask 20 0 1 news fan.1 3 5", OK], ["sub 60 0 news 0", "got 61 0 1 1 0 4097"], "5.0 s only"),
        (["ask 20 0 1 news fan.1 3 50", OK], ["sub 40 0 news 0"], "which was retained"),
        ([ASK, OK, *NEXT], [SUB, "lost 20.5 0", GOT], "was not given"),
    ],
)
def test_one_that_goes_wrong_is_found(publisher: list[str], subscriber: list[str], word: str) -> None:
    found = violations(publisher, [subscriber])
    assert [each for each in found if word in each], found


def test_what_a_notice_says_was_lost_may_miss() -> None:
    assert violations([ASK, OK, *NEXT], [[SUB, "lost 20.5 0", GOT_NEXT]]) == []


def test_one_that_was_killed_may_miss_the_last_ones_and_no_others() -> None:
    assert violations([ASK, OK, *NEXT, *THIRD], [[SUB, GOT, GOT_NEXT]], code=-9) == []
    assert violations([ASK, OK, *NEXT, *THIRD], [[SUB, GOT, GOT_THIRD]], code=-9)


def test_two_orders_are_found() -> None:
    both = [[SUB, GOT, "got 21.2 0 2 1 0 9000"], [SUB, "got 21.1 0 2 1 0 9000", "got 21.2 0 1 1 0 4097"]]
    journals = {
        "publisher-1.1.journal": [ASK, OK],
        "publisher-2.1.journal": [ASK, "ok 20.1 0 9000"],
        **{f"subscriber-{place}.1.journal": lines for place, lines in enumerate(both)},
    }
    lives = [Life(name.split(".")[0], 1, 1, 0.0, 100.0, 0) for name in journals]
    texts = {name: "".join(f"{line}\n" for line in lines) for name, lines in journals.items()}
    found = check(Evidence.of([*TOGETHER, *lives], texts)).violations
    assert len(found) == 1
    assert "no one order" in found[0]


def test_one_order_has_no_cycle_and_a_cycle_is_told_from_beginning_to_end() -> None:
    assert cycle_in({1: [2], 2: [3, 4], 3: [4]}) == []
    cycle = cycle_in({0: [1], 1: [2], 2: [3], 3: [1, 5]})
    assert cycle[0] == cycle[-1]
    assert set(cycle) == {1, 2, 3}


def test_of_another_partition_nothing_is_due_and_of_the_time_before_all() -> None:
    lost = ["ask 50 1 1 news fan.1 3 0", "ok 50.1 1 8193"]
    publisher = [ASK, OK, *NEXT, *lost]
    assert violations(publisher, [[SUB, GOT, GOT_NEXT]], told=APART, faults=[PARTITION]) == []
    assert violations(publisher, [[SUB, GOT_NEXT]], told=APART, faults=[PARTITION])


def test_what_waited_at_its_node_until_the_end_of_a_time_together_is_not_due() -> None:
    """Nothing that was asked for later has come from there: the machine may be slow."""
    assert violations([ASK, OK, *NEXT], [[SUB]], told=APART, faults=[PARTITION]) == []


def test_in_the_end_all_nodes_retain_the_same_and_all_subscribers_were_given_it() -> None:
    late = [[LATE, LATE_GOT], [LATE, LATE_GOT]]
    assert violations(FOR_EVER, [[SUB, GOT]], late) == []
    assert "not at node 1" in violations(FOR_EVER, [[SUB, GOT]], [[LATE, LATE_GOT], [LATE]])[0]
    assert "is not in the end" in violations(FOR_EVER, [[SUB, GOT]], [[LATE], [LATE]])[0]
    apart = violations(FOR_EVER, [[SUB]], late, told=APART, faults=[Fault(Kind.PARTITION, 15.0, 90.0, (1,))])
    assert "which is retained in the end" in apart[0]


def test_what_was_cleared_is_not_retained_in_the_end() -> None:
    cleared = [*FOR_EVER, "clear 30 4097", "cleared 30.1 4097"]
    assert violations(cleared, [[SUB, GOT]], [[LATE], [LATE]]) == []
    assert "was cleared" in violations(cleared, [[SUB, GOT]], [[LATE, LATE_GOT], [LATE, LATE_GOT]])[0]
