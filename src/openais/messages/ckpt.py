"""The messages of the checkpoint service to and from libraries (SA Forum CKPT B.02.02, and A.01.01 of the seed)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from openais.messages.base import Message, Name, Request, ServiceId, callback, request
from openais.messages.ckpt_operations import (
    DESCRIPTORS_MAX,
    ELEMENTS_MAX,
    REQUEST_BYTES_MAX,
    Attributes,
    DurationNs,
    ExpirationNs,
    Invocation,
    SectionId,
    SectionsChosen,
    SectionState,
    Size,
    UnknownFlags,
)
from openais.types import NodeId, TimeNs


class Failure(msgspec.Struct, array_like=True, frozen=True):
    """An operation that was refused; those before and behind it were done all the same."""

    operation: int
    """Its index in the request."""
    code: int
    """An ErrorCode."""
    element: int
    """The index of the element that is wrong (erroneousVectorIndex)."""
    explanation: str


# Requests.


class CheckpointOpened(Message, frozen=True):
    """It is open; `checkpoint` stands for it in the calls of this connection (SaCkptCheckpointHandleT)."""

    checkpoint: int


@request(ServiceId.CKPT, 1, response=CheckpointOpened)
class OpenCheckpoint(Request, frozen=True):
    """saCkptCheckpointOpen. `attributes` come with CREATE, and only with it.

    BAD_FLAGS; INVALID_PARAM; NOT_EXIST when there is none and none is to be made; EXIST when there is one with other
    attributes; TOO_BIG beyond SIZE_MAX; NO_RESOURCES beyond CHECKPOINTS_MAX.
    """

    name: Name
    flags: UnknownFlags
    attributes: Attributes | None


class OpenAccepted(Message, frozen=True):
    """The answer will come as an OpenCallback."""


@request(ServiceId.CKPT, 2, response=OpenAccepted)
class OpenCheckpointAsync(Request, frozen=True):
    """saCkptCheckpointOpenAsync. `invocation` comes back in the callback, with what OpenCheckpoint would answer."""

    name: Name
    flags: UnknownFlags
    attributes: Attributes | None
    invocation: Invocation


class CheckpointClosed(Message, frozen=True):
    """It is closed."""


@request(ServiceId.CKPT, 3, response=CheckpointClosed)
class CloseCheckpoint(Request, frozen=True):
    """saCkptCheckpointClose. BAD_HANDLE."""

    checkpoint: int


class CheckpointUnlinked(Message, frozen=True):
    """The name is free; the checkpoint goes with the last who has it open, or is gone."""


@request(ServiceId.CKPT, 4, response=CheckpointUnlinked)
class UnlinkCheckpoint(Request, frozen=True):
    """saCkptCheckpointUnlink. NOT_EXIST."""

    name: Name


class RetentionSet(Message, frozen=True):
    """The retention duration is changed."""


@request(ServiceId.CKPT, 5, response=RetentionSet)
class SetRetention(Request, frozen=True):
    """saCkptCheckpointRetentionDurationSet. BAD_HANDLE; BAD_OPERATION when the checkpoint was unlinked."""

    checkpoint: int
    retention_ns: DurationNs


class ActiveReplicaSet(Message, frozen=True):
    """The replica of this node is the active one."""


@request(ServiceId.CKPT, 6, response=ActiveReplicaSet)
class SetActiveReplica(Request, frozen=True):
    """saCkptActiveReplicaSet. BAD_HANDLE; ACCESS when it is not open to write; BAD_OPERATION unless it is COLLOCATED
    with an active replica."""

    checkpoint: int


class Updated(Message, frozen=True):
    """All operations were done, but for `failures`."""

    failures: tuple[Failure, ...] = ()
    generated: dict[int, bytes] = msgspec.field(default_factory=dict)
    """Section ids that were generated, by the index of the operation."""


@request(ServiceId.CKPT, 7, response=Updated)
class Update(Request, frozen=True):
    """Operations, in order. BAD_HANDLE; ACCESS when it is not open to write; NOT_EXIST when there is no active replica;
    TRY_AGAIN when there is no room, unless they are to `wait` for it, with all requests of the connection behind them;
    TIMEOUT when it is not known whether they were done."""

    checkpoint: int
    wait: bool
    operations: msgspec.Raw


class PartTaken(Message, frozen=True):
    """All members have this part."""


@request(ServiceId.CKPT, 8, response=PartTaken)
class UploadPart(Request, frozen=True):
    """A part of operations that are too long for one request; the first has index 0.

    TRY_AGAIN when the cluster changed meanwhile: then begin with another number of `upload`. NO_RESOURCES when too
    much is on its way in this manner already.
    """

    upload: Annotated[int, msgspec.Meta(ge=0)]
    index: Annotated[int, msgspec.Meta(ge=0)]
    data: Annotated[bytes, msgspec.Meta(max_length=REQUEST_BYTES_MAX)]


@request(ServiceId.CKPT, 9, response=Updated)
class UpdateUploaded(Request, frozen=True):
    """As Update, of the operations that were uploaded, of `size` bytes. TRY_AGAIN: upload them anew."""

    checkpoint: int
    upload: Annotated[int, msgspec.Meta(ge=0)]
    size: Size


class Wanted(msgspec.Struct, array_like=True, frozen=True):
    """SaCkptIOVectorElementT of a read: so many bytes from this offset on, or fewer when the section ends before."""

    section: SectionId
    offset: Size
    size: Size


WantedElements = Annotated[tuple[Wanted, ...], msgspec.Meta(min_length=1, max_length=ELEMENTS_MAX)]


class ReadData(Message, frozen=True):
    """The data of all elements, one behind the other, or their beginning."""

    sizes: tuple[int, ...]
    """Bytes of each element (readSize)."""
    read: int
    """Stands for the rest, which is to be fetched; 0 when there is none."""
    data: bytes


@request(ServiceId.CKPT, 10, response=ReadData)
class Read(Request, frozen=True):
    """saCkptCheckpointRead, from the replica of this node.

    BAD_HANDLE; ACCESS when it is not open to read; TOO_BIG beyond CALL_BYTES_MAX; NOT_EXIST; INVALID_PARAM when an
    offset is past the end. The explanation begins with the index of the element and a colon.
    """

    checkpoint: int
    elements: WantedElements


class MoreData(Message, frozen=True):
    """What follows."""

    data: bytes


@request(ServiceId.CKPT, 11, response=MoreData)
class ReadMore(Request, frozen=True):
    """The next ANSWER_BYTES_MAX bytes of a read. BAD_HANDLE when there is nothing more of it."""

    read: int


class Synchronized(Message, frozen=True):
    """All replicas have all that was written before."""


@request(ServiceId.CKPT, 12, response=Synchronized)
class Synchronize(Request, frozen=True):
    """saCkptCheckpointSynchronize. BAD_HANDLE; ACCESS when it is not open to write; BAD_OPERATION for
    WR_ALL_REPLICAS."""

    checkpoint: int


class SynchronizeAccepted(Message, frozen=True):
    """The answer will come as a SynchronizeCallback."""


@request(ServiceId.CKPT, 13, response=SynchronizeAccepted)
class SynchronizeAsync(Request, frozen=True):
    """saCkptCheckpointSynchronizeAsync; as Synchronize."""

    checkpoint: int
    invocation: Invocation


class Descriptor(msgspec.Struct, array_like=True, frozen=True):
    """SaCkptSectionDescriptorT."""

    section: bytes
    expiration_ns: TimeNs
    size: int
    state: SectionState
    last_update_ns: TimeNs
    """When it was written last, by the clock of the writer's node."""


class IterationBegun(Message, frozen=True):
    """`iteration` stands for it (SaCkptSectionIterationHandleT)."""

    iteration: int


@request(ServiceId.CKPT, 14, response=IterationBegun)
class BeginIteration(Request, frozen=True):
    """saCkptSectionIterationInitialize: over the sections that there are now.

    BAD_HANDLE; ACCESS when it is not open to read; NO_RESOURCES when too many iterations are under way.
    """

    checkpoint: int
    chosen: SectionsChosen
    expiration_ns: ExpirationNs


class Descriptors(Message, frozen=True):
    """The next sections; none when there are no more (NO_SECTIONS)."""

    sections: tuple[Descriptor, ...]


@request(ServiceId.CKPT, 15, response=Descriptors)
class NextSections(Request, frozen=True):
    """saCkptSectionIterationNext, for up to `count` sections; those deleted meanwhile are left out. BAD_HANDLE."""

    iteration: int
    count: Annotated[int, msgspec.Meta(ge=1, le=DESCRIPTORS_MAX)]


class IterationEnded(Message, frozen=True):
    """It is over."""


@request(ServiceId.CKPT, 16, response=IterationEnded)
class EndIteration(Request, frozen=True):
    """saCkptSectionIterationFinalize. BAD_HANDLE."""

    iteration: int


class CheckpointStatus(msgspec.Struct, array_like=True, frozen=True):
    """SaCkptCheckpointDescriptorT of one checkpoint, and what people want to know besides."""

    name: str
    attributes: Attributes
    """As created, but for a retention duration that was changed."""
    sections: int
    used: int
    """Bytes of data (memoryUsed)."""
    unlinked: bool
    opens: dict[NodeId, int]
    """How often it is open, by node."""
    active: NodeId | None
    """The node of the active replica."""
    replicas: tuple[NodeId, ...]
    """Nodes that have all of it."""
    changed_ns: TimeNs
    """When it was changed last, by the clock of the writer's node."""
    complete: bool
    """Whether this node has all of it; if not, `sections` and `used` count what it has so far."""


class Status(Message, frozen=True):
    """The status of a checkpoint."""

    status: CheckpointStatus


@request(ServiceId.CKPT, 17, response=Status)
class GetStatus(Request, frozen=True):
    """saCkptCheckpointStatusGet. BAD_HANDLE."""

    checkpoint: int


class CheckpointList(Message, frozen=True):
    """Checkpoints, by name."""

    checkpoints: tuple[CheckpointStatus, ...]


@request(ServiceId.CKPT, 18, response=CheckpointList)
class ListCheckpoints(Request, frozen=True):
    """All checkpoints of the cluster."""


class TrackStarted(Message, frozen=True):
    """Changes from here on are told."""


@request(ServiceId.CKPT, 19, response=TrackStarted)
class Track(Request, frozen=True):
    """saCkptTrack, of one checkpoint: notices of changed sections come as Changed. BAD_HANDLE; ACCESS when it is not
    open to read."""

    checkpoint: int


class TrackStopped(Message, frozen=True):
    """No changes are told any more."""


@request(ServiceId.CKPT, 20, response=TrackStopped)
class TrackStop(Request, frozen=True):
    """saCkptTrackStop, of one checkpoint. BAD_HANDLE; NOT_EXIST when it is not tracked."""

    checkpoint: int


class ChangesTaken(Message, frozen=True):
    """The next notice may come."""


@request(ServiceId.CKPT, 21, response=ChangesTaken)
class TakeChanges(Request, frozen=True):
    """The application has taken the last notice of this checkpoint; until it does, further changes gather."""

    checkpoint: int


@request(ServiceId.CKPT, 22, response=ReadData)
class ReadConsistent(Request, frozen=True):
    """As Read, and shows every write that was answered, on whatever node, before it was asked for. TRY_AGAIN."""

    checkpoint: int
    elements: WantedElements


# Callbacks.


@callback(ServiceId.CKPT, 1)
class OpenCallback(Message, frozen=True):
    """SaCkptCheckpointOpenCallbackT. `error` is an ErrorCode; `checkpoint` stands for it when that is OK."""

    invocation: Invocation
    name: str
    checkpoint: int
    error: int
    explanation: str = ""


@callback(ServiceId.CKPT, 2)
class SynchronizeCallback(Message, frozen=True):
    """SaCkptCheckpointSynchronizeCallbackT."""

    invocation: Invocation
    error: int
    explanation: str = ""


@callback(ServiceId.CKPT, 3)
class Changed(Message, frozen=True):
    """Sections that were written, created or deleted since the last notice (saCkptTrack)."""

    checkpoint: int
    sections: tuple[bytes, ...]
    all: bool
    """There were too many to name, or the whole checkpoint was replaced in a merge: any may have changed."""
