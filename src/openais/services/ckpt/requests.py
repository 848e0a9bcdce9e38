"""The requests of libraries to the checkpoint service, as they are handled on the node of the library."""

from __future__ import annotations

from openais.messages.base import Source
from openais.messages.ckpt import (
    BeginIteration,
    ChangesTaken,
    CheckpointList,
    CloseCheckpoint,
    Descriptors,
    EndIteration,
    GetStatus,
    IterationBegun,
    IterationEnded,
    ListCheckpoints,
    MoreData,
    NextSections,
    OpenAccepted,
    OpenCheckpoint,
    OpenCheckpointAsync,
    Read,
    ReadConsistent,
    ReadMore,
    SetActiveReplica,
    SetRetention,
    Status,
    Synchronize,
    SynchronizeAccepted,
    SynchronizeAsync,
    SynchronizeCallback,
    Synchronized,
    TakeChanges,
    Track,
    TrackStarted,
    TrackStop,
    TrackStopped,
    UnlinkCheckpoint,
    Update,
    UpdateUploaded,
    UploadPart,
)
from openais.messages.ckpt_group import (
    GroupClose,
    GroupPart,
    GroupSetActive,
    GroupSetRetention,
    GroupUnlink,
    GroupUpdate,
    GroupUpdateUploaded,
)
from openais.messages.ckpt_operations import OpenFlags
from openais.services.base import (
    Callback,
    Effects,
    Reply,
    ToGroup,
    library,
)
from openais.services.ckpt.state import CkptState
from openais.types import (
    BadOperation,
    ErrorCode,
    Priority,
)


class CkptRequests(CkptState):
    """Handles the requests."""

    # Requests of libraries: checkpoints.

    @library(OpenCheckpoint, sends=Priority.MED)
    def open_checkpoint(self, caller: Source, request: OpenCheckpoint) -> Effects:
        yield ToGroup(self._group_open(caller, request.name, request.flags, request.attributes, None), Priority.MED)

    @library(OpenCheckpointAsync, sends=Priority.MED)
    def open_checkpoint_async(self, caller: Source, request: OpenCheckpointAsync) -> Effects:
        opening = self._group_open(caller, request.name, request.flags, request.attributes, request.invocation)
        yield ToGroup(opening, Priority.MED)
        yield Reply(caller, OpenAccepted())

    @library(CloseCheckpoint, sends=Priority.MED)
    def close_checkpoint(self, caller: Source, request: CloseCheckpoint) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        self._handles.close(opened)
        yield ToGroup(GroupClose(caller, self.node.wall_time_ns, ((opened.checkpoint, 1),)), Priority.MED)

    @library(UnlinkCheckpoint, sends=Priority.MED)
    def unlink_checkpoint(self, caller: Source, request: UnlinkCheckpoint) -> Effects:
        yield ToGroup(GroupUnlink(caller, self.node.wall_time_ns, request.name), Priority.MED)

    @library(SetRetention, sends=Priority.MED)
    def set_retention(self, caller: Source, request: SetRetention) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        message = GroupSetRetention(caller, self.node.wall_time_ns, opened.checkpoint, request.retention_ns)
        yield ToGroup(message, Priority.MED)

    @library(SetActiveReplica, sends=Priority.MED)
    def set_active_replica(self, caller: Source, request: SetActiveReplica) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        opened.check(OpenFlags.WRITE, "active replica set")
        checkpoint = self._checkpoint(opened)
        if not checkpoint.collocated or not checkpoint.has_active_replica:
            raise BadOperation("active replica set: the checkpoint is not COLLOCATED with an active replica")
        yield ToGroup(GroupSetActive(caller, self.node.wall_time_ns, opened.checkpoint), Priority.MED)

    @library(GetStatus)
    def get_status(self, caller: Source, request: GetStatus) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        if self._park(opened, caller, request, self.get_status):
            return
        yield Reply(caller, Status(self._checkpoint(opened).status(self.node.node_id)))

    @library(ListCheckpoints)
    def list_checkpoints(self, caller: Source, request: ListCheckpoints) -> Effects:
        every = sorted(self._checkpoints.all(), key=lambda each: (each.name, each.identity))
        yield Reply(caller, CheckpointList(tuple(each.status(self.node.node_id) for each in every)))

    # Requests of libraries: sections.

    @library(Update, sends=Priority.MED, waits=lambda request: bool(request.wait))
    def update(self, caller: Source, request: Update) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        if self._park(opened, caller, request, self.update):
            return
        guarantee = self._write_guarantee(opened)
        update = GroupUpdate(caller, self.node.wall_time_ns, opened.checkpoint, request.operations)
        yield ToGroup(update, Priority.MED, guarantee)

    @library(UploadPart, sends=Priority.MED)
    def upload_part(self, caller: Source, request: UploadPart) -> Effects:
        self._handles.uploads(caller.connection)
        yield ToGroup(GroupPart(caller, request.upload, request.index, request.data), Priority.MED)

    @library(UpdateUploaded, sends=Priority.MED)
    def update_uploaded(self, caller: Source, request: UpdateUploaded) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        if self._park(opened, caller, request, self.update_uploaded):
            return
        guarantee = self._write_guarantee(opened)
        update = GroupUpdateUploaded(caller, self.node.wall_time_ns, opened.checkpoint, request.upload, request.size)
        yield ToGroup(update, Priority.MED, guarantee)

    @library(Read)
    def read(self, caller: Source, request: Read) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        opened.check(OpenFlags.READ, "read")
        if self._park(opened, caller, request, self.read):
            return
        yield self._read(caller, opened, request)

    @library(ReadConsistent, sends=Priority.MED)
    def read_consistent(self, caller: Source, request: ReadConsistent) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        opened.check(OpenFlags.READ, "read")
        if self._park(opened, caller, request, self.read_consistent):
            return
        self._check_quorum("read")

        def at_mark() -> Effects:
            if not self._park(opened, caller, request, self._read_parked):
                yield from self._read_durable(caller, opened, request)

        yield self._mark(caller, opened, at_mark)

    @library(ReadMore)
    def read_more(self, caller: Source, request: ReadMore) -> Effects:
        yield Reply(caller, MoreData(self._handles.read_more(caller.connection, request.read)))

    @library(Synchronize, sends=Priority.MED)
    def synchronize(self, caller: Source, request: Synchronize) -> Effects:
        opened = self._synchronizable(caller, request.checkpoint)
        yield self._mark(caller, opened, lambda: (Reply(caller, Synchronized()),))

    @library(SynchronizeAsync, sends=Priority.MED)
    def synchronize_async(self, caller: Source, request: SynchronizeAsync) -> Effects:
        opened = self._synchronizable(caller, request.checkpoint)
        done = SynchronizeCallback(request.invocation, ErrorCode.OK)
        yield self._mark(caller, opened, lambda: (Callback((caller.connection,), done),))
        yield Reply(caller, SynchronizeAccepted())

    @library(BeginIteration)
    def begin_iteration(self, caller: Source, request: BeginIteration) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        opened.check(OpenFlags.READ, "section iteration")
        if self._park(opened, caller, request, self.begin_iteration):
            return
        sections = self._checkpoint(opened).replica.chosen(request.chosen, request.expiration_ns)
        yield Reply(caller, IterationBegun(self._handles.begin_iteration(caller, opened, sections)))

    @library(NextSections)
    def next_sections(self, caller: Source, request: NextSections) -> Effects:
        iteration = self._handles.iteration(caller.connection, request.iteration)
        checkpoint = self._checkpoints.by_identity.get(iteration.checkpoint)
        found = iteration.next(checkpoint.replica, request.count) if checkpoint is not None else ()
        yield Reply(caller, Descriptors(found))

    @library(EndIteration)
    def end_iteration(self, caller: Source, request: EndIteration) -> Effects:
        self._handles.end_iteration(caller.connection, request.iteration)
        yield Reply(caller, IterationEnded())

    @library(Track)
    def track(self, caller: Source, request: Track) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        opened.check(OpenFlags.READ, "track")
        self._handles.track(opened)
        yield Reply(caller, TrackStarted())

    @library(TrackStop)
    def track_stop(self, caller: Source, request: TrackStop) -> Effects:
        self._handles.track_stop(self._handles.opened(caller.connection, request.checkpoint))
        yield Reply(caller, TrackStopped())

    @library(TakeChanges)
    def take_changes(self, caller: Source, request: TakeChanges) -> Effects:
        opened = self._handles.opened(caller.connection, request.checkpoint)
        yield Reply(caller, ChangesTaken())
        yield from self._handles.taken(opened)
