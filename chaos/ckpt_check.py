"""What CKPT promises, held against what the programs of a run wrote down."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from chaos.ckpt_writer import NOTHING
from chaos.evidence import Evidence, Life
from chaos.workload import Verdict
from openais.simulation.linearizability import Operation, faults

TOLD_MAX = 20
"""Violations of one register that are told."""


def check(evidence: Evidence) -> Verdict:
    """Judges a run."""
    histories: dict[str, list[Operation]] = {}
    counts: Counter[str] = Counter()
    longest = 0.0
    for life in evidence.lives:
        for register, operation in _operations(evidence, life, counts):
            histories.setdefault(register, []).append(operation)
            if operation.ended < math.inf:
                longest = max(longest, operation.ended - operation.begun)
    dumps = {life.node: set(_dump(evidence, life)) for life in evidence.lives if life.name.startswith("dump-")}
    violations = [*_compared(dumps, evidence.nodes), *_last_reads(evidence, histories)]
    for register, history in sorted(histories.items()):
        known = [each for each in history if each.is_write or each.ended < math.inf]
        told = list(faults(known, NOTHING.encode()))[:TOLD_MAX]
        violations += [f"{register} is not linearizable: {fault}" for fault in told]
    figures = {
        "writes of registers answered": float(counts["write"]),
        "consistent reads answered": float(counts["read"]),
        "refused for want of quorum or room": float(counts["no"]),
        "of unknown outcome": float(counts["unknown"]),
        "longest call, seconds": round(longest, 2),
        "sections of each replica in the end": float(min((len(dump) for dump in dumps.values()), default=0)),
        "replicas compared": float(len(dumps)),
    }
    return Verdict(violations, figures)


def _operations(evidence: Evidence, life: Life, counts: Counter[str]) -> Iterator[tuple[str, Operation]]:
    """What one program did with registers, as far as it had, or may have had, an effect."""
    pending: tuple[str, str, Operation] | None = None
    for word, at, *rest in evidence.lines(life):
        if word in ("write", "read"):
            if pending is not None:
                yield pending[1:]
            value = rest[1].encode() if word == "write" else b""
            pending = word, rest[0], Operation(life.name, value, word == "write", float(at))
        elif pending is not None and word in ("ok", "no", "unknown"):
            kind, register, operation = pending
            counts[kind if word == "ok" else word] += 1
            if word == "ok":
                operation.ended = float(at)
                if not operation.is_write:
                    operation.value = rest[0].encode()
            if word != "no":
                yield register, operation
            pending = None
    if pending is not None:
        yield pending[1:]


def _dump(evidence: Evidence, life: Life) -> Iterator[tuple[str, ...]]:
    return (tuple(rest) for word, _, *rest in evidence.lines(life) if word == "section")


def _last_reads(evidence: Evidence, histories: dict[str, list[Operation]]) -> Iterator[str]:
    """The dumps are consistent reads, and belong to the histories."""
    for life in evidence.lives:
        if not life.name.startswith("dump-"):
            continue
        for word, at, *rest in evidence.lines(life):
            if word == "register":
                # When it was read is not known better than that it was after everything else.
                operation = Operation(life.name, rest[1].encode(), is_write=False, begun=float(at), ended=float(at))
                histories.setdefault(rest[0], []).append(operation)
    if not any(histories.values()):
        yield "nobody did anything"


def _compared(dumps: dict[int, set[tuple[str, ...]]], nodes: tuple[int, ...]) -> Iterator[str]:
    if set(dumps) != set(nodes):
        yield f"nodes {sorted(dumps)} of {list(nodes)} have dumped their replicas"
    first = min(dumps, default=0)
    for node, dump in sorted(dumps.items()):
        if dump != dumps[first]:
            yield f"the replicas of nodes {first} and {node} differ: {sorted(dump ^ dumps[first])[:6]}"
