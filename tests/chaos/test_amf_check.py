"""The check of what components wrote down: each promise is broken on purpose."""

from __future__ import annotations

import pytest
from chaos.amf_check import check
from chaos.amf_groups import Size, configuration
from chaos.evidence import Evidence, Fault
from chaos.schedule import Kind

from openais.config.amf import read_amf
from openais.messages.amf_model import RedundancyModel

FIRST = """\
started 1.0 100
active 1.1 si/a
beat 2.0
passive 3.0 si/a QUIESCED
beat 4.0
"""
SECOND = """\
started 1.0 200
passive 1.2 si/a STANDBY
active 3.5 si/a
shares 3.6 other/b
beat 50.0
"""
OUTCOME = """\
applies 0.5
began 1.5
assigned 42.0
known 43.0 first 100
known 43.0 second 200
alive 43.0 first 100
alive 43.0 second 200
looked 43.0
holds 43.0 first 100 si/a standby
holds 43.0 second 200 si/a active
holds 43.0 second 200 other/b active
ended 60.0
"""


def violations(first: str = FIRST, second: str = SECOND, outcome: str = OUTCOME) -> list[str]:
    journals = {"first.100.journal": first, "second.200.journal": second, "outcome.journal": outcome}
    return check(Evidence.of([Fault(Kind.LOSS, 20.0, 40.0, (1, 2))], journals)).violations


def test_work_that_is_handed_over_and_work_that_is_shared_is_not_reported() -> None:
    assert violations() == []
    assert violations(first=FIRST + "shares 4.5 other/b\npassive 5.0 other/b removed\n") == []


def test_one_that_was_killed_is_believed_to_have_been_active_until_its_last_word() -> None:
    killed = "started 1.0 100\nactive 1.1 si/a\nbeat {last}\n"
    without = "\n".join(line for line in OUTCOME.splitlines() if " first " not in line)
    assert violations(first=killed.format(last="3.4"), outcome=without) == []
    (told,) = violations(first=killed.format(last="3.6"), outcome=without)
    assert told.startswith("two were active for si/a: first from 1.100 to 3.600, and second from 3.500")


def test_two_that_are_active_at_one_time_are_reported() -> None:
    assert any("two were active for si/a" in each for each in violations(second=SECOND.replace("3.5", "2.5")))


def test_one_that_becomes_active_while_another_has_the_lock_is_reported() -> None:
    told = violations(second=SECOND.replace("active", "conflict"))
    assert any("second became active for si/a at 3.5 while another process still was" in each for each in told)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("assigned 42.0\n", "unassigned 42.0 si\n", "not everything was assigned again"),
        ("assigned 42.0", "assigned 80.0", "40.0 s after the last fault"),
        ("known 43.0 first 100\n", "", "process 100 of first is an orphan"),
        ("alive 43.0 first 100\n", "", "AMF believes in process 100 of first, which is gone"),
        ("si/a active", "si/a standby", "second, process 200, is active for si/a: it says so, and AMF does not"),
        ("si/a standby", "si/a active", "first, process 100, is active for si/a: AMF says so, and it does not"),
        ("ended 60.0", "left 59.0 first 100\nended 60.0", "first, process 100, still ran after all executives"),
        ("ended 60.0\n", "", "nobody looked for processes that are left"),
    ],
)
def test_what_is_wrong_in_the_end_is_reported(old: str, new: str, told: str) -> None:
    assert any(told in each for each in violations(outcome=OUTCOME.replace(old, new)))


def test_the_groups_of_the_workload_are_of_all_models_with_200_components_50_of_them_sa_aware() -> None:
    groups = read_amf(configuration(Size(4, 2), range(1, 6), "folder").encode(), "amf.conf")
    components = [each for group in groups for unit in group.units for each in unit.components]
    assert {group.model for group in groups} == set(RedundancyModel)
    assert (len(groups), len(components), sum(each.sa_aware for each in components)) == (20, 200, 50)
