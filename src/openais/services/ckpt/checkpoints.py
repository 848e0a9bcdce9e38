"""The checkpoints of the cluster: all of the replicated state but the sections.

Every member has all of this, and changes it in the same way at the same place of the order. The sections of a
checkpoint are had by its *sources*; the other members are sent them (`fill`), and until then have what this says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from openais.messages.base import Message
from openais.messages.ckpt import CheckpointStatus
from openais.messages.ckpt_group import CheckpointState, Fallback, HistoryState, Identity, Place
from openais.messages.ckpt_operations import Attributes, CreationFlags
from openais.services.ckpt.fill import Fill
from openais.services.ckpt.history import History
from openais.services.ckpt.replica import Replica
from openais.types import NodeId, TimeNs


@dataclass(slots=True, eq=False)
class Checkpoint:
    """One checkpoint."""

    name: str
    identities: tuple[Identity, ...]
    """Sorted. Several, when it was made in several partitions that merged."""
    attributes: Attributes
    created: Place
    changed: Place
    unlinked: bool = False
    opens: dict[NodeId, int] = field(default_factory=dict)
    active: NodeId | None = None
    closed: int = 0
    """The stamp of the last close; 0 while somebody has it open."""
    sources: tuple[NodeId, ...] = ()
    """Members that have all sections, sorted."""
    fallbacks: tuple[Fallback, ...] = ()
    """Best first, should the sources be lost."""
    gap: tuple[int, int] | None = None
    """Changes with stamps above the first and up to the second were lost with the sources; a fallback came back."""
    # What this node has, which differs from node to node.
    replica: Replica = field(init=False)
    """The sections; all of them on a source."""
    fallback: Replica | None = None
    """What this node had before the merge in which another replica won, until it has that."""
    fill: Fill | None = None
    """The transfer to members that are no sources."""

    def __post_init__(self) -> None:
        self.replica = Replica(self.attributes)

    @property
    def identity(self) -> Identity:
        """The first of its identities, which stands for it in messages."""
        return self.identities[0]

    @property
    def collocated(self) -> bool:
        """Whether a program says which replica is the active one."""
        return bool(self.attributes.flags & CreationFlags.COLLOCATED)

    @property
    def has_active_replica(self) -> bool:
        """Whether writes go by an active replica."""
        return not self.attributes.flags & CreationFlags.WR_ALL_REPLICAS

    def fall_back(self, clock: int) -> bool:
        """The sources are lost: the best fallback, if there is one, is what is left."""
        if not self.fallbacks:
            return False
        best, *rest = self.fallbacks
        self.sources, self.changed, self.fallbacks = best.nodes, best.changed, tuple(rest)
        first = best.changed.stamp if self.gap is None else min(best.changed.stamp, self.gap[0])
        self.gap = (first, clock)
        return True

    def keep_fallbacks(self, members: Sequence[NodeId]) -> None:
        """Others do not have what they had."""
        fallbacks = (each.among(members) for each in self.fallbacks)
        self.fallbacks = tuple(each for each in fallbacks if each.nodes)

    def status(self, node: NodeId) -> CheckpointStatus:
        """Its status, as `node`, which is this one, knows it."""
        return CheckpointStatus(
            self.name,
            self.attributes,
            len(self.replica.sections),
            self.replica.used,
            self.unlinked,
            dict(sorted(self.opens.items())),
            self.active if self.has_active_replica else None,
            self.sources,
            TimeNs(self.changed.stamp),
            node in self.sources,
        )

    def state(self) -> CheckpointState:
        """All but the sections, to be transferred."""
        return CheckpointState(
            self.name,
            self.identities,
            self.attributes,
            self.unlinked,
            dict(sorted(self.opens.items())),
            self.active,
            self.created,
            self.changed,
            self.closed,
            self.sources,
            self.fallbacks,
            self.gap,
        )


class Checkpoints:
    """All checkpoints."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.quorate_ring = 0
        """The sequence of the last ring that was quorate."""
        self.by_name: dict[str, Checkpoint] = {}
        """Those that are not unlinked."""
        self.by_identity: dict[Identity, Checkpoint] = {}
        """All, by each of their identities."""
        self.removed: list[Identity] = []
        """Those that are gone since this was emptied."""

    def all(self) -> list[Checkpoint]:
        """Every checkpoint once, by identity."""
        return [each for identity, each in sorted(self.by_identity.items()) if each.identity == identity]

    def count(self) -> int:
        """How many there are, at most: one that was made in several partitions counts more than once."""
        return len(self.by_identity)

    def replace(self, checkpoints: Iterable[Checkpoint]) -> None:
        """These are all there are."""
        self.by_name.clear()
        self.by_identity.clear()
        for checkpoint in checkpoints:
            self.add(checkpoint)

    def add(self, checkpoint: Checkpoint) -> None:
        """There is a new one."""
        if not checkpoint.unlinked and checkpoint.sources:
            self.by_name[checkpoint.name] = checkpoint
        for identity in checkpoint.identities:
            self.by_identity[identity] = checkpoint

    def remove(self, checkpoint: Checkpoint) -> None:
        """It is gone, with its name if that is still its own."""
        if self.by_name.get(checkpoint.name) is checkpoint:
            del self.by_name[checkpoint.name]
        self.removed.append(checkpoint.identity)
        for identity in checkpoint.identities:
            del self.by_identity[identity]

    def open(self, checkpoint: Checkpoint, node: NodeId) -> None:
        """Somebody on `node` has it open."""
        checkpoint.opens[node] = checkpoint.opens.get(node, 0) + 1
        checkpoint.closed = 0

    def close(self, checkpoint: Checkpoint, node: NodeId, count: int, stamp: int) -> None:
        """So many on `node` have closed it."""
        left = checkpoint.opens.pop(node, 0) - count
        if left > 0:
            checkpoint.opens[node] = left
        self._closed(checkpoint, stamp)

    def unlink(self, checkpoint: Checkpoint) -> None:
        """Its name is free."""
        self.by_name.pop(checkpoint.name, None)
        checkpoint.unlinked = True
        self._closed(checkpoint, 0)

    def keep_nodes(self, members: Sequence[NodeId], stamp: int) -> None:
        """The other nodes are gone: what they have open is closed, and their replicas are lost."""
        for checkpoint in self.all():
            opens = {node: count for node, count in checkpoint.opens.items() if node in members}
            if opens != checkpoint.opens:
                checkpoint.opens = opens
                self._closed(checkpoint, stamp)
            checkpoint.sources = _of(checkpoint.sources, members)
            checkpoint.keep_fallbacks(members)
            if checkpoint.active is not None and checkpoint.active not in members:
                checkpoint.active = None if checkpoint.collocated else min(members)

    def state(self) -> Iterator[Message]:
        """All of it as messages, each below 64 KiB."""
        yield HistoryState(self.history.clock, self.quorate_ring, self.history.state())
        for checkpoint in self.all():
            yield checkpoint.state()

    def _closed(self, checkpoint: Checkpoint, stamp: int) -> None:
        """If nobody has it open any more: its retention begins, or it is gone if its name is."""
        if checkpoint.opens:
            return
        if checkpoint.unlinked:
            self.remove(checkpoint)
        elif not checkpoint.closed:
            checkpoint.closed = stamp


def _of(nodes: Sequence[NodeId], members: Sequence[NodeId]) -> tuple[NodeId, ...]:
    return tuple(node for node in nodes if node in members)


def described(status: CheckpointStatus) -> dict[str, Any]:
    """A status, for people and tools."""
    described = {name: getattr(status, name) for name in status.__struct_fields__ if name != "attributes"}
    flags = str(CreationFlags(status.attributes.flags)).removeprefix("CreationFlags.")
    return described | {"opens": {str(node): count for node, count in status.opens.items()}, "flags": flags}
