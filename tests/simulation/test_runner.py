"""Seeds: the same run for the same seed, and no violation."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from openais.simulation import runner
from openais.simulation.faults import FAULTS
from openais.simulation.runner import Statistics, Task, run_seed, run_seeds
from openais.totem.processor import Processor

SCRIPT = """
import sys
from openais.simulation.runner import Task, run_seed
result = run_seed(Task(11, duration_s=2.0, ring_only=sys.argv[1] == "ring", traced=True))
sys.stdout.write(result.trace.text())
"""


@pytest.mark.parametrize("ring_only", [True, False], ids=["ring", "executives"])
@pytest.mark.parametrize("seed", range(1, 9))
def test_a_seed_keeps_every_promise(seed: int, ring_only: bool) -> None:
    result = run_seed(Task(seed, ring_only=ring_only))
    assert not result.violations, result.report()
    assert result.statistics.messages_delivered > 0
    assert result.statistics.faults.total() > 0


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_by_itself_is_endured(fault: str) -> None:
    result = run_seed(Task(21, faults=(fault,), duration_s=4.0))
    assert not result.violations, result.report()
    assert set(result.statistics.faults) == {fault}


@pytest.mark.parametrize("level", ["ring", "executives"])
def test_a_seed_gives_the_same_trace_to_the_byte_in_another_process(level: str) -> None:
    def trace(hash_seed: str) -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(
            [sys.executable, "-c", SCRIPT, level], env=environment, check=True, capture_output=True
        ).stdout

    first = trace("1")
    assert len(first) > 10_000
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(trace("2")).hexdigest()


def test_watching_does_not_change_a_run() -> None:
    watched = run_seed(Task(5, duration_s=2.0, traced=True))
    assert watched.statistics == run_seed(Task(5, duration_s=2.0)).statistics


def test_many_seeds_are_run_by_several_processes() -> None:
    tasks = [Task(seed, nodes=3, duration_s=1.0, ring_only=True) for seed in range(4)]
    total = Statistics()
    for result in run_seeds(tasks, jobs=2):
        assert not result.violations, result.report()
        total.add(result.statistics)
    alone = Statistics()
    for result in run_seeds(tasks, jobs=1):
        alone.add(result.statistics)
    assert total == alone
    assert total.seeds == 4


def test_what_the_product_raises_is_reported_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Processor):
        """Falls over when its time comes."""

        def timeout(self, now: float) -> None:
            raise RuntimeError("fell over")

    monkeypatch.setattr(runner, "Processor", Broken)
    result = run_seed(Task(1, ring_only=True))
    assert [violation.invariant for violation in result.violations] == ["product"]
    assert "RuntimeError: fell over" in result.report()
    assert "seed 1" in result.report()
