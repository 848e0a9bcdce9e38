"""What the checkpoint service promises: equal replicas, and that what was answered is so.

Replicas are compared whenever the state of a configuration is complete, and when all is quiet. Where nothing is written
without quorum, the registers that programs write and read consistently must have a linearizable history, whatever
fails, as long as one replica that has the last answered write is among those that go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from openais.messages.ckpt_group import Identity
from openais.simulation.checker import Checker
from openais.simulation.linearizability import Operation, faults
from openais.totem.effects import RingId
from openais.types import NodeId

Contents: TypeAlias = Mapping[tuple[str, Identity], object]
"""The sections of the checkpoints that a node has all of."""
Holder: TypeAlias = tuple[NodeId, int]
"""A node in one of its lives."""


class CheckpointChecker:
    """Checks replicas, and histories of registers. `now` gives the virtual time in seconds."""

    def __init__(self, checker: Checker, now: Callable[[], float]) -> None:
        self.operations = 0
        """Operations on registers that were answered."""
        self.registers_followed = True
        """False when the replicas of the registers were lost for good: nothing is promised of them then."""
        self._checker = checker
        self._now = now
        self._contents: dict[tuple[RingId, str, Identity], tuple[NodeId, object]] = {}
        self._histories: dict[bytes, list[Operation]] = {}
        self._holders: frozenset[Holder] = frozenset()
        """Who has all that was answered."""

    # Replicas

    def synchronized(self, node: NodeId, ring: RingId, contents: Contents) -> None:
        """The state of a configuration is complete at a node, which has these sections."""
        for (name, identity), sections in contents.items():
            key = (ring, name, identity)
            other, expected = self._contents.setdefault(key, (node, sections))
            if sections != expected:
                self._report(f"nodes {other} and {node} begin {ring} with different sections of {name!r}")

    def quorate(self, alive: frozenset[Holder]) -> None:
        """A side with quorum, of these, goes on."""
        if self._holders and not self._holders & alive:
            self.registers_followed = False

    # Registers

    def begun(self, who: str, register: bytes, value: bytes | None) -> Operation:
        """A write of `value`, or a read when it is None, is asked for."""
        operation = Operation(who, value or b"", value is not None, self._now())
        self._histories.setdefault(register, []).append(operation)
        return operation

    def answered(self, operation: Operation, holders: frozenset[Holder], value: bytes | None = None) -> None:
        """It was answered, a read with `value`; `holders` have all that was answered by now."""
        self.operations += 1
        operation.ended = self._now()
        if value is not None:
            operation.value = value
        if self.registers_followed:
            self._holders = holders

    def refused(self, register: bytes, operation: Operation) -> None:
        """It has had no effect."""
        self._histories[register].remove(operation)

    # The end

    def finish(self) -> None:
        """The run is over: are the histories of the registers linearizable?"""
        if not self.registers_followed:
            return
        for register, history in sorted(self._histories.items()):
            known = [each for each in history if each.is_write or each.ended < math.inf]
            for fault in faults(known, b""):
                self._report(f"register {register!r}: {fault}")

    def missing(self, contents: Mapping[NodeId, Contents]) -> Iterator[str]:
        """What differs once all is quiet."""
        nodes = sorted(contents)
        for node in nodes[1:]:
            if contents[node] != contents[nodes[0]]:
                differing = [
                    name
                    for name, identity in contents[node].keys() | contents[nodes[0]].keys()
                    if contents[node].get((name, identity)) != contents[nodes[0]].get((name, identity))
                ]
                yield f"nodes {nodes[0]} and {node} have different sections of {sorted(differing)}"

    def _report(self, evidence: str) -> None:
        self._checker.report("checkpoints", [evidence])
