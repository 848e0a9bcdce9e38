"""AMF in simulated clusters with groups of all models: crashes, partitions, programs that misbehave, operators."""

from __future__ import annotations

import os

import pytest

from openais.simulation.availability_cluster import AvailabilityCluster, run
from openais.simulation.availability_groups import all_groups

LOST_AND_FORGOTTEN = 17
"""A node is lost, then two sides that both miss it merge: what it may not have given up must not be forgotten."""
SEEDS = sorted({*range(int(os.environ.get("OPENAIS_AMF_SEEDS", "2"))), LOST_AND_FORGOTTEN})


@pytest.mark.parametrize("seed", SEEDS)
def test_all_promises_are_kept_and_all_is_assigned_again_after_the_last_fault(seed: int) -> None:
    cluster = AvailabilityCluster(seed)
    run(cluster)
    assert not cluster.checker.violations, "\n".join(map(str, cluster.checker.violations))
    assert cluster.availability.starts > len(cluster.groups)
    assert cluster.availability.assignments > 100


def violations(cluster: AvailabilityCluster, faults: tuple[str, ...] = ()) -> set[str]:
    """Which promises were broken in a run."""
    run(cluster, faults)
    return {each.invariant for each in cluster.checker.violations}


def test_the_checker_notices_when_work_is_given_away_without_waiting_for_a_lost_node() -> None:
    pairs = all_groups(5)[:1]
    seeds = (16, 21, 26, *range(60))  # the first have been seen to show it; any may
    assert any(
        "one active" in violations(AvailabilityCluster(seed, pairs, fence_s=0.0), ("partition",)) for seed in seeds
    )


@pytest.mark.parametrize(
    ("broken", "instead", "promise"),
    [
        ("openais.services.amf.workflow.holds_active", lambda *_: False, "one active"),
        ("openais.services.amf.workflow.Workflow._repair", lambda *_: None, "assigned"),
    ],
)
def test_the_checker_notices_a_product_that_is_broken(
    monkeypatch: pytest.MonkeyPatch, broken: str, instead: object, promise: str
) -> None:
    monkeypatch.setattr(broken, instead)
    found: set[str] = set()
    for seed in range(4):
        found |= violations(AvailabilityCluster(seed, all_groups(3)[:3], nodes=3), ("crash",))
        if promise in found:
            return
    assert promise in found
