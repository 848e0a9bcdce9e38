"""Who hears whom, and the set of processors that can form a ring together.

When links fail in one direction, or between some pairs only, no processor sees the whole. Joins tell whom their sender
hears; from these, all that can hear each other come to the same choice, the largest set in which everybody hears
everybody (found greedily: whoever misses most goes first), and do not gather for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from openais.types import NodeId


def hearing_set(processors: Set[NodeId], heard: Mapping[NodeId, Set[NodeId]], local: NodeId) -> set[NodeId]:
    """The processors that `local` should form a ring with, itself among them.

    `heard` says for each processor that was heard, and for `local`, whom it hears. Of a processor that was not heard
    nothing is known but that `local` does not hear it: it is taken to hear all that hear it.
    """
    remaining = set(processors)
    while True:
        together = _without_the_worst(remaining, heard, local)
        if local in together:
            return together
        remaining -= together


def _without_the_worst(processors: Set[NodeId], heard: Mapping[NodeId, Set[NodeId]], local: NodeId) -> set[NodeId]:
    """Takes away the processor with the most broken links, the highest id of several, until no link is broken."""
    together = set(processors)
    broken = {
        node: {other for other in processors if other != node and not _linked(node, other, heard, local)}
        for node in processors
    }
    while len(together) > 1:
        worst = max(together, key=lambda node: (len(broken[node] & together), node))
        if not broken[worst] & together:
            break
        together.discard(worst)
    return together


def _linked(one: NodeId, other: NodeId, heard: Mapping[NodeId, Set[NodeId]], local: NodeId) -> bool:
    return _hears(one, other, heard, local) and _hears(other, one, heard, local)


def _hears(listener: NodeId, speaker: NodeId, heard: Mapping[NodeId, Set[NodeId]], local: NodeId) -> bool:
    if listener in heard:
        return speaker in heard[listener]
    return speaker != local or listener in heard[local]
