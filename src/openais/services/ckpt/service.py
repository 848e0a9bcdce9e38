"""The checkpoint service (SA Forum CKPT B.02.02, and A.01.01 which the seed implements).

Every node has a replica of every checkpoint. What changes one is multicast and applied by all members at the same place
of the order, so replicas are equal wherever they are complete. When a write is answered is what the creation flags say:

* WR_ALL_REPLICAS: at its *safe* delivery, when every member of the configuration has it.
* WR_ACTIVE_REPLICA: when the node of the active replica has it: at its delivery, if that is the node of the writer, and
  at its safe delivery, if it is another.
* WR_ACTIVE_REPLICA_WEAK: at its delivery on the node of the writer.

Reads are answered from the replica of the reader's node. They show what was written before through the same node, and
what others wrote as far as it has been delivered. A consistent read takes its place in the order, by a safe
message, and shows all writes that were answered before it was asked for.

Without quorum, if so configured, nothing is written; and what was delivered while the membership was changing is
answered once it is known whether this side has quorum.

The replicated state without the sections (`checkpoints`) is exchanged and merged (`merging`) as that of every service;
the sections are sent to those who do not have them afterwards, while others go on (`fill`). Until a node has those of a
checkpoint, requests of its libraries that need them wait here.
"""

from __future__ import annotations

import msgspec

from openais.messages.base import Malformed
from openais.messages.ckpt import (
    ActiveReplicaSet,
    CheckpointClosed,
    CheckpointUnlinked,
    PartTaken,
    RetentionSet,
    Updated,
)
from openais.messages.ckpt_group import (
    FillPart,
    GroupClose,
    GroupDurable,
    GroupExpire,
    GroupMark,
    GroupOpen,
    GroupPart,
    GroupSetActive,
    GroupSetRetention,
    GroupUnlink,
    GroupUpdate,
    GroupUpdateUploaded,
)
from openais.messages.ckpt_operations import CHECKPOINTS_MAX, decode_operations
from openais.services.base import (
    Effects,
    Refuse,
    Reply,
    executive,
)
from openais.services.ckpt.checkpoints import Checkpoint
from openais.services.ckpt.merging import made_alike
from openais.services.ckpt.replica import changed_sections
from openais.services.ckpt.requests import CkptRequests
from openais.services.ckpt.state import NOT_KNOWN
from openais.types import (
    AisError,
    ErrorCode,
    NodeId,
)


class Ckpt(CkptRequests):
    """Checkpoints: named, replicated, with sections that programs write and read."""

    # Group messages.

    @executive(GroupOpen)
    def group_open(self, origin: NodeId, message: GroupOpen) -> Effects:
        place = self._history.tick(message.time_ns)
        checkpoint = self._checkpoints.by_name.get(message.name)
        attributes = message.attributes
        if checkpoint is None and attributes is None:
            yield from self._refuse_open(message, ErrorCode.NOT_EXIST, f"open: there is no checkpoint {message.name!r}")
            return
        if checkpoint is not None and attributes is not None and not made_alike(checkpoint.attributes, attributes):
            explanation = f"open: there is a checkpoint {message.name!r} with other attributes: {checkpoint.attributes}"
            yield from self._refuse_open(message, ErrorCode.EXIST, explanation)
            return
        if checkpoint is None:
            assert attributes is not None
            if self._checkpoints.count() >= CHECKPOINTS_MAX:
                explanation = f"open: there are {CHECKPOINTS_MAX} checkpoints already"
                yield from self._refuse_open(message, ErrorCode.NO_RESOURCES, explanation)
                return
            checkpoint = Checkpoint(message.name, (message.identity,), attributes, place, place)
            checkpoint.sources = tuple(sorted(self._together))
            checkpoint.active = None if checkpoint.collocated else origin
            self._contents.created(checkpoint, place.stamp)
            self._checkpoints.add(checkpoint)
        created, was_closed = checkpoint.created == place, checkpoint.closed
        self._checkpoints.open(checkpoint, origin)
        if created or was_closed:
            self._persistence.changed(checkpoint)
            yield from self._persistence.flush()
        if origin == self.node.node_id:
            yield from self._opened_here(message, checkpoint)

    @executive(GroupClose)
    def group_close(self, origin: NodeId, message: GroupClose) -> Effects:
        stamp = self._history.tick(message.time_ns).stamp
        for identity, count in message.counts:
            checkpoint = self._checkpoints.by_identity.get(identity)
            if checkpoint is not None:
                self._checkpoints.close(checkpoint, origin, count, stamp)
                if checkpoint.closed == stamp:
                    self._persistence.changed(checkpoint)
                self._expiry.look_at(checkpoint)
        if message.caller.call:
            yield Reply(message.caller, CheckpointClosed())
        else:
            self._uploads.drop(origin, message.caller.connection)
        yield from self._persistence.flush()
        yield from self._expiry.arm()

    @executive(GroupUnlink)
    def group_unlink(self, origin: NodeId, message: GroupUnlink) -> Effects:
        self._history.tick(message.time_ns)
        checkpoint = self._checkpoints.by_name.get(message.name)
        if checkpoint is None:
            yield Refuse(message.caller, ErrorCode.NOT_EXIST, f"unlink: there is no checkpoint {message.name!r}")
            return
        self._checkpoints.unlink(checkpoint)
        if checkpoint.opens:
            self._persistence.changed(checkpoint)
        yield from self._persistence.flush()
        yield Reply(message.caller, CheckpointUnlinked())

    @executive(GroupSetRetention)
    def group_set_retention(self, origin: NodeId, message: GroupSetRetention) -> Effects:
        place = self._history.tick(message.time_ns)
        checkpoint = self._checkpoints.by_identity.get(message.checkpoint)
        if checkpoint is None or checkpoint.unlinked:
            yield Refuse(message.caller, ErrorCode.BAD_OPERATION, "retention duration set: the checkpoint was unlinked")
            return
        # A change like a write, so that a merge takes it from the replica that it takes the sections from.
        checkpoint.changed = place
        checkpoint.attributes = msgspec.structs.replace(checkpoint.attributes, retention_ns=message.retention_ns)
        self._persistence.changed(checkpoint)
        yield from self._persistence.flush()
        yield Reply(message.caller, RetentionSet())

    @executive(GroupSetActive)
    def group_set_active(self, origin: NodeId, message: GroupSetActive) -> Effects:
        self._history.tick(message.time_ns)
        checkpoint = self._checkpoints.by_identity.get(message.checkpoint)
        if checkpoint is None:
            yield Refuse(message.caller, ErrorCode.NOT_EXIST, "active replica set: the checkpoint is gone")
            return
        checkpoint.active = origin
        yield Reply(message.caller, ActiveReplicaSet())

    @executive(GroupUpdate)
    def group_update(self, origin: NodeId, message: GroupUpdate) -> Effects:
        place = self._history.tick(message.time_ns)
        checkpoint = self._checkpoints.by_identity.get(message.checkpoint)
        if checkpoint is None or not checkpoint.sources:
            yield from self._answer_refused(message, ErrorCode.NOT_EXIST, "update: the checkpoint is gone")
            return
        if checkpoint.has_active_replica and checkpoint.active is None and message.caller.connection:
            yield from self._answer_refused(message, ErrorCode.NOT_EXIST, "update: no replica is the active one")
            return
        if self._settings.refuse_without_quorum and not self._quorate:
            yield from self._answer_refused(message, ErrorCode.TRY_AGAIN, "update: this side has no quorum")
            return
        applied = self._contents.update(checkpoint, place, message)
        if applied is None:
            explanation = f"update: {NOT_KNOWN}the sections of the checkpoint are on their way to this node"
            yield from self._answer_refused(message, ErrorCode.TIMEOUT, explanation)
            return
        refused = [failure.operation for failure in applied.failures]
        self._persistence.updated(checkpoint, place, message, refused)
        yield from self._persistence.flush()
        if not applied.operations:
            yield from self._answer_refused(message, ErrorCode.INVALID_PARAM, _what_is_wrong(message))
            return
        if message.caller.connection and origin == self.node.node_id:
            answer = Reply(message.caller, Updated(tuple(applied.failures), applied.generated))
            yield from self._when_durable(checkpoint, place.stamp, answer)
        if checkpoint.replica.expiring:
            self._expiry.look_at(checkpoint)
            yield from self._expiry.arm()
        if self._handles.tracked(checkpoint.identities):
            sections = changed_sections(applied.operations, applied.generated)
            yield from self._handles.changed(checkpoint.identities, sections)

    @executive(GroupPart)
    def group_part(self, origin: NodeId, message: GroupPart) -> Effects:
        if self._uploads.full(len(message.data)):
            explanation = "upload: too much is on its way in parts already"
            yield Refuse(message.caller, ErrorCode.NO_RESOURCES, explanation)
        elif self._uploads.add((origin, message.caller.connection, message.upload), message.index, message.data):
            yield Reply(message.caller, PartTaken())
        else:
            yield Refuse(message.caller, ErrorCode.TRY_AGAIN, "upload: the cluster has changed; begin anew")

    @executive(GroupUpdateUploaded)
    def group_update_uploaded(self, origin: NodeId, message: GroupUpdateUploaded) -> Effects:
        operations = self._uploads.take((origin, message.caller.connection, message.upload), message.size)
        if operations is None:
            yield Refuse(message.caller, ErrorCode.TRY_AGAIN, "upload: the cluster has changed; begin anew")
            return
        update = GroupUpdate(message.caller, message.time_ns, message.checkpoint, msgspec.Raw(operations))
        yield from self.group_update(origin, update)

    @executive(GroupMark)
    def group_mark(self, origin: NodeId, message: GroupMark) -> Effects:
        if origin != self.node.node_id:
            return
        at_mark = self._marks.pop((message.caller.connection, message.caller.call), None)
        if at_mark is None or message.caller.connection not in self._handles:
            return
        if self._settings.refuse_without_quorum and (self._changing or not self._quorate):
            yield Refuse(message.caller, ErrorCode.TRY_AGAIN, "the membership is changing, or this side has no quorum")
            return
        try:
            yield from at_mark()
        except AisError as error:
            yield Refuse(message.caller, error.code, str(error))

    @executive(GroupExpire)
    def group_expire(self, origin: NodeId, message: GroupExpire) -> Effects:
        self._history.tick(message.time_ns)
        for identity, stamp in message.checkpoints:
            checkpoint = self._checkpoints.by_identity.get(identity)
            if checkpoint is not None and checkpoint.closed == stamp:
                self._checkpoints.remove(checkpoint)
        yield from self._persistence.flush()
        yield from self._expiry.arm()

    @executive(FillPart)
    def fill_part(self, origin: NodeId, message: FillPart) -> Effects:
        checkpoint = self._checkpoints.by_identity.get(message.checkpoint)
        if checkpoint is None:
            return
        lacking = not self._contents.has(checkpoint)
        yield from self._contents.part(checkpoint, message)
        if lacking and self._contents.has(checkpoint):
            self._persistence.begin_anew()
            yield from self._persistence.flush()
            self._expiry.look_at(checkpoint)
            yield from self._handles.changed(checkpoint.identities, None)
            yield from self._parking.serve(self._waits)
            yield from self._expiry.arm()

    @executive(GroupDurable)
    def group_durable(self, origin: NodeId, message: GroupDurable) -> Effects:
        self._durability.stored(origin, message.stamp)
        yield from self._release_durable()


def _what_is_wrong(update: GroupUpdate) -> str:
    """Why the operations of an update cannot be read."""
    try:
        decode_operations(update.operations)
    except Malformed as error:
        return f"update: {error}"
    return "update: no operations"
