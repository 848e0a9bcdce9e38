"""The sections of all checkpoints at this node: updates, fills, what a merge and the loss of nodes do to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from openais.messages.ckpt import Failure
from openais.messages.ckpt_group import FillPart, GroupUpdate, Place
from openais.messages.ckpt_operations import Operation
from openais.services.base import Effects, Note, ToGroup
from openais.services.ckpt.checkpoints import Checkpoint, Checkpoints
from openais.services.ckpt.fill import PARTS_UNDER_WAY, Fill, Receiving, Sending, operations_of
from openais.services.ckpt.merging import Merged
from openais.services.ckpt.replica import Replica
from openais.types import NodeId, Priority


class Applied(NamedTuple):
    """What came of an update."""

    operations: tuple[Operation, ...]
    failures: list[Failure]
    generated: dict[int, bytes]


class Contents:
    """What this node has of the sections."""

    def __init__(self, node: NodeId, checkpoints: Checkpoints) -> None:
        self._node: Final = node
        self._checkpoints: Final = checkpoints

    def has(self, checkpoint: Checkpoint) -> bool:
        """Whether this node has all sections."""
        return self._node in checkpoint.sources

    def created(self, checkpoint: Checkpoint, stamp: int) -> None:
        """A checkpoint is made."""
        checkpoint.replica = Replica.new(checkpoint.attributes, stamp)

    def update(self, checkpoint: Checkpoint, place: Place, update: GroupUpdate) -> Applied | None:
        """An update was delivered. Gives what came of it; None when that cannot be told here yet."""
        checkpoint.changed = place
        fill = checkpoint.fill
        if fill is not None:
            fill.position += 1
            if fill.receiving is not None:
                fill.receiving.update(fill.position, place.stamp, update)
                return None
        if not self.has(checkpoint):
            return None
        applied = self._apply(checkpoint, place.stamp, update)
        if fill is not None and fill.sending is not None:
            for failure in applied.failures:
                fill.sending.refused(fill.position, failure.operation)
        return applied

    # Fills.

    def start_fills(self, members: Sequence[NodeId], number: int) -> Effects:
        """Begins, goes on with, or ends the fill of each checkpoint, as the members have it."""
        for checkpoint in self._checkpoints.all():
            receivers = tuple(node for node in members if node not in checkpoint.sources)
            if not receivers or not checkpoint.sources:
                checkpoint.fill = None
                continue
            sender, fill = min(checkpoint.sources), checkpoint.fill
            if fill is not None and fill.sender == sender and set(receivers) <= set(fill.receivers):
                fill.receivers = receivers
                continue
            checkpoint.fill = fill = Fill(number, sender, receivers)
            if self._node == sender:
                fill.sending = Sending(checkpoint.replica)
                yield from self._send(checkpoint, fill, fill.sending)
            elif self._node in receivers:
                checkpoint.replica = Replica(checkpoint.attributes)
                fill.receiving = Receiving(checkpoint.replica)

    def part(self, checkpoint: Checkpoint, part: FillPart) -> Effects:
        """A part of a fill was delivered."""
        fill = checkpoint.fill
        if fill is None or fill.number != part.fill:
            return
        if fill.receiving is not None:
            fill.receiving.part(part)
        if fill.sending is not None:
            fill.sending.under_way -= 1
            yield from self._send(checkpoint, fill, fill.sending)
        if part.last:
            self._filled(checkpoint, fill)

    def _send(self, checkpoint: Checkpoint, fill: Fill, sending: Sending) -> Effects:
        while not sending.done and sending.under_way < PARTS_UNDER_WAY:
            part = sending.next_part(checkpoint.identity, fill.number, fill.position)
            yield ToGroup(part, Priority.MED)

    def _filled(self, checkpoint: Checkpoint, fill: Fill) -> None:
        """All members have all sections now."""
        checkpoint.fill = None
        checkpoint.sources = tuple(sorted({*checkpoint.sources, *fill.receivers}))
        nodes = {node for each in checkpoint.fallbacks for node in each.nodes}
        checkpoint.keep_fallbacks(sorted(nodes.difference(fill.receivers)))
        if fill.receiving is not None:
            checkpoint.fallback = None
            for stamp, update in fill.receiving.rest():
                self._apply(checkpoint, stamp, update)

    # Merges and losses.

    def merged(self, merged: Merged) -> None:
        """A checkpoint comes out of a merge; what this node has of it is taken over."""
        checkpoint = merged.checkpoint
        own = next((part.state for part in merged.parts if self._node in part.component.members), None)
        before = self._checkpoints.by_identity.get(own.identities[0]) if own is not None else None
        if before is None:
            return
        if self.has(checkpoint):
            checkpoint.replica = before.replica
            checkpoint.replica.attributes = checkpoint.attributes
        elif any(self._node in each.nodes for each in checkpoint.fallbacks):
            checkpoint.fallback = before.replica if self.has(before) else before.fallback

    def members_left(self) -> Effects:
        """Nodes are gone: where they were the last to have a replica, what lost to it in a merge comes back."""
        for checkpoint in self._checkpoints.all():
            if checkpoint.sources:
                continue
            if checkpoint.fall_back(self._checkpoints.history.clock):
                checkpoint.fill = None
                if self.has(checkpoint):
                    assert checkpoint.fallback is not None
                    # What is kept under another name may be the same replica.
                    checkpoint.replica, checkpoint.fallback = checkpoint.fallback.copy(), None
                    checkpoint.replica.attributes = checkpoint.attributes
                yield Note(
                    f"checkpoint {checkpoint.name!r}: all nodes with its replica are gone; nodes "
                    f"{list(checkpoint.sources)} go on with the one that had lost to it in a merge"
                )
            elif checkpoint.replica.sections or self._checkpoints.by_name.get(checkpoint.name) is checkpoint:
                checkpoint.replica, checkpoint.fill = Replica(checkpoint.attributes), None
                if self._checkpoints.by_name.get(checkpoint.name) is checkpoint:
                    del self._checkpoints.by_name[checkpoint.name]
                yield Note(f"checkpoint {checkpoint.name!r}: all nodes with a replica of it are gone")

    def _apply(self, checkpoint: Checkpoint, stamp: int, update: GroupUpdate) -> Applied:
        operations = operations_of(update)
        return Applied(operations, *checkpoint.replica.apply(operations, stamp, not update.caller.connection))
