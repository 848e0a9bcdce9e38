"""`openais simulate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from openais.cli.main import cli
from openais.cli.simulate import replay_command
from openais.simulation import runner
from openais.simulation.runner import Task
from openais.totem.processor import Processor
from openais.types import Guarantee, Priority

SHORT = ("--duration", "1", "--nodes", "3", "--ring")
SCENARIO = "nodes 2\nboot all\nrun 0.1\n----\n"


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["simulate", *arguments])


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring that loses what it accepts."""

    class Forgetful(Processor):
        def submit(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
            return True

    monkeypatch.setattr(runner, "Processor", Forgetful)


def test_a_seed_that_keeps_every_promise_exits_with_0() -> None:
    result = simulate("--seed", "4", *SHORT)
    assert result.exit_code == 0, result.output
    assert "Every promise was kept." in result.output


def test_many_seeds_are_summed_up_as_json() -> None:
    result = simulate("--seeds", "3", "--jobs", "1", "--json", "--faults", "loss,crash", *SHORT)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.output)
    assert (summary["seeds"], summary["violated"]) == (3, [])
    assert set(summary["faults"]) <= {"loss", "crash"}


@pytest.mark.usefixtures("forgetful")
def test_a_violation_exits_with_1_and_says_how_to_see_it() -> None:
    result = simulate("--seed", "4", *SHORT)
    assert result.exit_code == 1
    assert "invariant 11 (liveness after the last fault)" in result.output
    assert "openais simulate --seed 4 --nodes 3 --duration 1 --ring --trace" in result.output
    assert "VIOLATED in 1 of 1 seeds: 4" in result.output


@pytest.mark.usefixtures("forgetful")
def test_a_violation_is_told_in_json_with_its_evidence() -> None:
    result = simulate("--seed", "4", "--json", *SHORT)
    assert result.exit_code == 1
    (violated,) = json.loads(result.output)["violated"]
    assert violated["seed"] == 4
    assert violated["violations"][0]["invariant"] == "11"


def test_the_command_to_see_a_run_again_names_what_is_not_usual() -> None:
    assert replay_command(Task(7)) == "openais simulate --seed 7 --trace"
    assert replay_command(Task(7, faults=("loss",))) == "openais simulate --seed 7 --faults loss --trace"
    assert replay_command(Task(7, faults=())) == "openais simulate --seed 7 --faults none --trace"


def test_the_trace_is_printed_between_two_moments() -> None:
    result = simulate("--trace", "--between", "0.2", "0.3", *SHORT)
    moments = [float(line.split()[0]) for line in result.output.splitlines()]
    assert moments
    assert 0.2 <= min(moments) <= max(moments) <= 0.3


def test_the_diagram_is_written(tmp_path: Path) -> None:
    simulate("--svg", str(tmp_path / "run.svg"), *SHORT)
    assert (tmp_path / "run.svg").read_text().startswith("<svg")


def test_a_trace_of_many_seeds_is_refused() -> None:
    assert simulate("--seeds", "2", "--trace").exit_code == 2


def test_an_unknown_fault_is_refused_with_the_names_of_all() -> None:
    result = simulate("--faults", "earthquake")
    assert result.exit_code == 2
    assert "earthquake" in result.output
    assert "partition" in result.output


def test_a_scenario_is_recorded_compared_and_refused_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "two.scenario"
    path.write_text(SCENARIO)
    assert simulate("--scenario", str(path)).exit_code == 1
    assert simulate("--scenario", str(path), "--update").exit_code == 0
    assert "boot" in path.read_text()
    assert simulate("--scenario", str(path)).exit_code == 0


def test_a_scenario_with_a_mistake_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.scenario"
    path.write_text("fly\n----\n")
    result = simulate("--scenario", str(path))
    assert result.exit_code == 2
    assert "fly" in result.output
