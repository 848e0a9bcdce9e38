"""Whether a history of a register is linearizable: as if each operation took effect at one moment while it lasted.

Every write has a value of its own, so it is known which write a read has seen, and the question has a quick answer
(Gibbons and Korach, "Testing Shared Memories", 1997). A write and the reads that saw it form a cluster. Its zone goes
from the first end of an operation of it to the last beginning of one. Where the first is before the second, the value
was there all that time, and the zone is a *forward* one; else it can be shrunk to any moment in it, a *backward* one.
The history is linearizable if no read ends before its write begins, no two forward zones overlap, and no backward zone
lies within a forward one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(slots=True)
class Operation:
    """A write of `value`, or a read that gave it; from its beginning to its end, which is infinity if none is known."""

    who: str
    value: bytes
    is_write: bool
    begun: float
    ended: float = math.inf

    def __str__(self) -> str:
        kind = "wrote" if self.is_write else "read"
        return f"{self.who} {kind} {self.value!r} ({self.begun:.6f} to {self.ended:.6f} s)"


@dataclass(slots=True)
class _Cluster:
    """What belongs to one value."""

    operations: list[Operation] = field(default_factory=list)
    write: Operation | None = None

    @property
    def first_end(self) -> float:
        return min(operation.ended for operation in self.operations)

    @property
    def last_begin(self) -> float:
        return max(operation.begun for operation in self.operations)

    @property
    def forward(self) -> bool:
        return self.first_end < self.last_begin


def faults(operations: Iterable[Operation], first: bytes) -> Iterator[str]:
    """Why a history is not linearizable, in words; nothing when it is. `first`: the value at the beginning."""
    clusters: dict[bytes, _Cluster] = {}
    beginning = Operation("nobody", first, is_write=True, begun=-math.inf, ended=-math.inf)
    for operation in (beginning, *operations):
        cluster = clusters.setdefault(operation.value, _Cluster())
        cluster.operations.append(operation)
        if operation.is_write:
            assert cluster.write is None, "every write has a value of its own"
            cluster.write = operation
    seen = [
        cluster
        for cluster in clusters.values()
        if cluster.write is None or len(cluster.operations) > 1 or cluster.write.ended < math.inf
    ]
    for cluster in seen:
        yield from _impossible_reads(cluster)
    forward = sorted((each for each in seen if each.forward), key=lambda each: each.first_end)
    for one, other in pairwise(forward):
        if other.first_end < one.last_begin:
            yield f"both values were there at a time: {_words(one)}; {_words(other)}"
    for cluster in seen:
        if cluster.forward:
            continue
        for around in forward:
            if around.first_end < cluster.last_begin and cluster.first_end < around.last_begin:
                yield f"a value was there while another was: {_words(cluster)}; {_words(around)}"


def _impossible_reads(cluster: _Cluster) -> Iterator[str]:
    for operation in cluster.operations:
        if cluster.write is None:
            yield f"{operation}, which nobody wrote"
        elif operation.ended < cluster.write.begun:
            yield f"{operation}, before {cluster.write}"


def _words(cluster: _Cluster) -> str:
    return ", ".join(map(str, sorted(cluster.operations, key=lambda each: each.begun)[:6]))
