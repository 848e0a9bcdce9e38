"""What executives tell each other of checkpoints: changes, and the transfer of their state.

What concerns a whole checkpoint, and its operations, is said to everybody. The state that is exchanged when components
meet leaves the sections out: those that do not have them are sent them afterwards (services/ckpt/fill.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from openais.messages.base import Message, Name, ServiceId, Source, group_message
from openais.messages.ckpt_operations import Attributes, DurationNs, Invocation
from openais.types import NodeId, TimeNs


class Identity(msgspec.Struct, array_like=True, frozen=True, order=True):
    """What a checkpoint was made with, different for every one: the node, its start, a number of its own."""

    node_id: NodeId
    incarnation: int
    number: int


@group_message(ServiceId.CKPT, 1)
class GroupOpen(Message, frozen=True):
    """`caller` opens a checkpoint, which gets `identity` should it be made now."""

    caller: Source
    time_ns: TimeNs
    name: Name
    flags: int
    attributes: Attributes | None
    identity: Identity
    invocation: Invocation | None
    """Answered by a callback when there is one."""


@group_message(ServiceId.CKPT, 2)
class GroupClose(Message, frozen=True):
    """Checkpoints that a node has open are closed, so often each. Call 0 of `caller`: its connection is gone."""

    caller: Source
    time_ns: TimeNs
    counts: tuple[tuple[Identity, int], ...]


@group_message(ServiceId.CKPT, 3)
class GroupUnlink(Message, frozen=True):
    """`caller` unlinks the checkpoint of this name."""

    caller: Source
    time_ns: TimeNs
    name: Name


@group_message(ServiceId.CKPT, 4)
class GroupUpdate(Message, frozen=True):
    """Operations on a checkpoint. Call 0 of `caller`: an executive asks for them, and waits for no answer."""

    raw_tail = True
    caller: Source
    time_ns: TimeNs
    checkpoint: Identity
    operations: msgspec.Raw


@group_message(ServiceId.CKPT, 5)
class GroupPart(Message, frozen=True):
    """A part of operations to come."""

    caller: Source
    upload: int
    index: int
    data: bytes


@group_message(ServiceId.CKPT, 6)
class GroupUpdateUploaded(Message, frozen=True):
    """Operations whose parts were sent before."""

    caller: Source
    time_ns: TimeNs
    checkpoint: Identity
    upload: int
    size: int


@group_message(ServiceId.CKPT, 7)
class GroupSetRetention(Message, frozen=True):
    """The retention duration of a checkpoint is changed."""

    caller: Source
    time_ns: TimeNs
    checkpoint: Identity
    retention_ns: DurationNs


@group_message(ServiceId.CKPT, 8)
class GroupSetActive(Message, frozen=True):
    """The replica of the sender is the active one from now on."""

    caller: Source
    time_ns: TimeNs
    checkpoint: Identity


@group_message(ServiceId.CKPT, 9)
class GroupMark(Message, frozen=True):
    """A place in the order: at it `caller` reads, or is told that all replicas have what came before."""

    caller: Source
    checkpoint: Identity


@group_message(ServiceId.CKPT, 10)
class GroupExpire(Message, frozen=True):
    """The retention of these checkpoints is over, if nobody has opened them since they were closed."""

    time_ns: TimeNs
    checkpoints: tuple[tuple[Identity, int], ...]
    """With the stamp of the close."""


# State transfer and contents.


class Where(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A stretch of the order in which all who were in it were given the same: a regular configuration, or the part of
    a component in a transitional one, or the time of a node from its start to its first configuration."""

    sequence: int
    """Of the ring; 0 for the start of a node."""
    representative: NodeId
    """Of the ring; the node that started."""
    part: int
    """The lowest member of the component in a transitional configuration; 0 in a regular one; the incarnation of a
    node that started."""


class Place(msgspec.Struct, array_like=True, frozen=True, order=True):
    """Where in its history something happened to a checkpoint, and when: stamps rise along every history."""

    stamp: int
    """Nanoseconds, as the writer's wall clock says, or more."""
    where: Where


@group_message(ServiceId.CKPT, 11)
class HistoryState(Message, frozen=True):
    """State transfer: which way this component has come, and the checkpoints in the messages that follow."""

    clock: int
    """The highest stamp so far."""
    quorate_ring: int
    """The sequence of the last ring that was quorate."""
    history: tuple[Place, ...]
    """The stretches that are over, each with the highest stamp in it, oldest first."""


class Fallback(msgspec.Struct, array_like=True, frozen=True):
    """A replica that lost in a merge, and is still had by members that have not got the winner's yet."""

    changed: Place
    """Its last change."""
    nodes: tuple[NodeId, ...]
    """Who has all of its sections."""

    def among(self, members: Sequence[NodeId]) -> Fallback:
        """What these have of it."""
        return Fallback(self.changed, tuple(node for node in self.nodes if node in members))


@group_message(ServiceId.CKPT, 12)
class CheckpointState(Message, frozen=True):
    """State transfer: all of a checkpoint but its sections."""

    name: str
    identities: tuple[Identity, ...]
    attributes: Attributes
    unlinked: bool
    opens: dict[NodeId, int]
    active: NodeId | None
    created: Place
    changed: Place
    closed: int
    """The stamp of the last close; 0 while somebody has it open."""
    sources: tuple[NodeId, ...]
    """Members that have all sections."""
    fallbacks: tuple[Fallback, ...]
    """Best first, should the sources be lost."""
    gap: tuple[int, int] | None
    """The sources were lost and a fallback came back: changes with stamps above the first and up to the second are in
    the history of this component, but not in this replica."""


class SectionContent(msgspec.Struct, array_like=True, frozen=True):
    """A section, as its contents are transferred."""

    section: bytes
    number: int
    expiration_ns: int
    updated_ns: int
    state: int
    data: bytes


@group_message(ServiceId.CKPT, 13)
class FillPart(Message, frozen=True):
    """Sections of a checkpoint for the members that do not have them; see services/ckpt/fill.py."""

    checkpoint: Identity
    fill: int
    """The stamp with which this transfer began."""
    position: int
    """How many updates the sender had applied since it began: the sections are those after these."""
    failed: tuple[tuple[int, int], ...]
    """Operations that were refused since the last part: (position of the update, index of the operation)."""
    sections: tuple[SectionContent, ...]
    """Whole sections, in the order of their numbers."""
    partial: SectionContent | None
    """A long section: the next part of its data; its other parts follow, or came, at the same position."""
    rest: int
    """Bytes of the long section that are still to come."""
    last: bool
    next_number: int
    """With the last part: what the next new section is numbered."""


@group_message(ServiceId.CKPT, 14)
class GroupDurable(Message, frozen=True):
    """The sender has all changes up to this stamp on its disk."""

    stamp: int


# Records of the log on disk, besides HistoryState, CheckpointState and FillPart. They are never sent.


@group_message(ServiceId.CKPT, 15)
class LoggedSnapshot(Message, frozen=True):
    """The sections of these checkpoints follow in parts; updates that come before their last parts are counted."""

    checkpoints: tuple[Identity, ...]


@group_message(ServiceId.CKPT, 16)
class LoggedUpdate(Message, frozen=True):
    """An update was delivered, at this place."""

    place: Place
    checkpoint: Identity
    by_executive: bool
    operations: msgspec.Raw


@group_message(ServiceId.CKPT, 17)
class LoggedRemoval(Message, frozen=True):
    """A checkpoint is gone."""

    checkpoint: Identity
