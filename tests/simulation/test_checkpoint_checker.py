"""What is written to checkpoints: each promise is broken once on purpose, and the checker reports it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from openais.executive.quorum import QuorumRule, QuorumSettings
from openais.messages.ckpt import ReadConsistent
from openais.messages.ckpt_operations import Operation, Put
from openais.services.ckpt import Ckpt
from openais.services.ckpt.fill import Receiving
from openais.services.ckpt.replica import Replica
from openais.simulation.checkpoints import REGISTER_NAMES, REGISTERS, SCRATCH, CkptProgram
from openais.simulation.executives import ExecutiveCluster
from openais.simulation.runner import settle
from openais.types import NodeId
from tests.simulation.test_library_checker import cluster_of

TWO, THREE = NodeId(2), NodeId(3)
MAJORITY = QuorumSettings(QuorumRule.MAJORITY, 3)


def use(cluster: ExecutiveCluster, programs: list[CkptProgram], count: int = 200, seed: int = 1) -> None:
    """The programs do something so often, one after the other, some at a time."""
    chance = random.Random(seed)
    for _ in range(count):
        ready = [program for program in programs if program.ready and not program.closed]
        if ready:
            chance.choice(ready).act(chance)
        cluster.run(0.004)
    cluster.run(0.5)


def opened(cluster: ExecutiveCluster, name: str) -> list[CkptProgram]:
    """A program on every node."""
    programs = [cluster.open_ckpt(node_id, name) for node_id in cluster.nodes]
    assert cluster.run(2.0, lambda: all(program.ready for program in programs))
    return programs


def reported(cluster: ExecutiveCluster) -> set[str]:
    """The invariants that are violated in the end."""
    settle(cluster)
    if not cluster.checker.violations:
        cluster.checkpoints.finish()
    return {violation.invariant for violation in cluster.checker.violations}


@pytest.mark.parametrize("name", [REGISTERS, SCRATCH])
def test_nothing_is_reported_of_a_service_that_keeps_its_promises(name: str) -> None:
    cluster = cluster_of(3, quorum=MAJORITY)
    programs = opened(cluster, name)
    use(cluster, programs)
    cluster.crash(THREE)
    use(cluster, programs)
    cluster.boot(THREE)
    use(cluster, programs)
    assert reported(cluster) == set()
    assert name == SCRATCH or cluster.checkpoints.operations > 300


def test_a_replica_that_misses_a_write_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    apply, seen = Replica.apply, list[Replica]()

    def forgetful(self: Replica, operations: Sequence[Operation], now_ns: int, from_executive: bool) -> Any:
        if not any(self is each for each in seen):
            seen.append(self)
        skipped = self is seen[min(1, len(seen) - 1)] and now_ns % 7 == 0
        return apply(self, () if skipped else operations, now_ns, from_executive)

    monkeypatch.setattr(Replica, "apply", forgetful)
    cluster = cluster_of(3, quorum=MAJORITY)
    use(cluster, opened(cluster, REGISTERS))
    assert reported(cluster) & {"11", "checkpoints"}


def test_a_fill_that_forgets_what_was_written_meanwhile_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Receiving, "rest", lambda _: iter(()))
    monkeypatch.setattr(Replica, "replay", lambda *_: None)
    cluster = cluster_of(3, quorum=MAJORITY)
    programs = opened(cluster, REGISTERS)
    use(cluster, programs)
    cluster.crash(THREE)
    cluster.run(1.0)
    cluster.boot(THREE)
    numbers = iter(range(10_000))
    while not cluster.witnesses[THREE].contents():
        programs[0].write_register(b"%d" % (next(numbers) % 90))
        cluster.run(0.001)
    assert reported(cluster) & {"11", "checkpoints"}


def test_a_read_that_does_not_wait_for_its_place_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(self: Ckpt, caller: Any, request: ReadConsistent) -> Any:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        yield self._read(caller, opened, request)

    hasty.library_handler = Ckpt.read_consistent.library_handler  # type: ignore[attr-defined]
    monkeypatch.setattr("openais.services.ckpt.requests.CkptRequests.read_consistent", hasty)
    cluster = cluster_of(3, quorum=MAJORITY)
    use(cluster, opened(cluster, REGISTERS), 2000)
    assert reported(cluster) == {"checkpoints"}


def test_a_write_that_is_answered_and_not_done_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = Replica.apply

    def lazy(self: Replica, operations: Sequence[Operation], now_ns: int, from_executive: bool) -> Any:
        done = [each for each in operations if not (isinstance(each, Put) and each.data.endswith(b"7"))]
        return apply(self, done, now_ns, from_executive)

    monkeypatch.setattr(Replica, "apply", lazy)
    cluster = cluster_of(3, quorum=MAJORITY)
    use(cluster, opened(cluster, REGISTERS))
    assert reported(cluster) == {"checkpoints"}


def test_a_merge_that_takes_the_older_replica_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "openais.services.ckpt.merging._better",
        lambda one, other: (max((one, other), key=lambda part: part.component.members), "because"),
    )
    cluster = cluster_of(3, quorum=MAJORITY)
    programs = opened(cluster, REGISTERS)
    use(cluster, programs)
    cluster.network.partition([[NodeId(1), TWO], [THREE]])
    cluster.run(2.0)
    use(cluster, programs)
    cluster.network.join_partitions()
    cluster.run(2.0)
    for register in REGISTER_NAMES:
        programs[0].read_register(register)
    assert reported(cluster) == {"checkpoints"}
