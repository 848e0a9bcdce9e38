"""Every scenario comes out as it was recorded, and keeps every promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from openais.simulation.scenario import Scenario, ScenarioError

SCENARIOS = sorted((Path(__file__).parent.parent / "scenarios").glob("*.scenario"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_it_comes_out_as_recorded(path: Path) -> None:
    recorded = path.read_text()
    scenario = Scenario()
    assert scenario.run(recorded) == recorded, f"if this is right: openais simulate --scenario {path} --update"
    assert scenario.violations == []


def test_remarks_stay_and_what_was_recorded_is_made_anew() -> None:
    text = "# A remark.\n\nnodes 2\nboot all\nrun 0.001\n----\nanything\n"
    assert Scenario().run(text) == (
        "# A remark.\n\nnodes 2\nboot all\nrun 0.001\n----\n"
        "0.000000  1      boot      from ring sequence 0\n0.000000  2      boot      from ring sequence 0\n"
    )


@pytest.mark.parametrize("command", ["fly 1", "crash", "boot x", "run 1"])
def test_a_mistake_is_named_with_its_line(command: str) -> None:
    with pytest.raises(ScenarioError, match=command):
        Scenario().run(f"{command}\n----\n")


def test_a_violation_is_written_at_the_end() -> None:
    scenario = Scenario()
    scenario.run("nodes 2\nboot all\nrun 0.5\n----\n")
    scenario.cluster.rings[next(iter(scenario.cluster.nodes))].tamper = lambda effects: [*effects, *effects]
    text = scenario.run("submit 1 twice\nrun 0.1\n----\n")
    assert text.splitlines()[-1].startswith("0.5")
    assert scenario.violations[0].invariant == "1"
