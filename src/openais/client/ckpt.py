"""The checkpoint library (SA Forum CKPT): named state that is replicated, and outlives programs and nodes."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from openais.client import ckpt_operations as operations
from openais.client.blocking import Connection
from openais.client.ckpt_events import ChangedSections, CheckpointOpenResult, CkptEvent
from openais.client.ckpt_operations import (
    EVERYTHING,
    NO_CALLBACKS,
    WHOLE,
    CkptCallbacks,
    Data,
    Piece,
    SectionName,
    Span,
)
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.handles import Handle, HandleDatabase
from openais.client.library import Library
from openais.client.operation import Operation
from openais.messages.ckpt import CheckpointStatus, Descriptor, Updated
from openais.messages.ckpt_operations import Attributes, OpenFlags, SectionsChosen
from openais.messages.ckpt_operations import Operation as SectionOperation
from openais.types import AisError, BadHandle, NotExist, Version

_handles: Final = HandleDatabase[Connection[CkptEvent]](Connection.close, Connection.abandon)
T = TypeVar("T")


class Ckpt(Library[CkptEvent]):
    """A handle of the checkpoint service (SaCkptHandleT).

    with Ckpt() as ckpt, ckpt.open_checkpoint("counters") as counters:
        counters["visits"] = b"1"
        print(bytes(counters["visits"]))

    In every call `timeout` is the seconds that it may take, those of the handle unless given, and `retry` has it try
    again in that time when the service says TRY_AGAIN. All raise AisError.
    """

    def __init__(
        self,
        socket: str | Path | None = None,
        *,
        callbacks: CkptCallbacks = NO_CALLBACKS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """saCkptInitialize. `socket` is the executive's, found by itself unless given.

        Raises VersionError, LibraryError when there is no executive, AccessDenied.
        """
        self._callbacks = callbacks
        super().__init__(operations.SETTINGS, _handles, socket, version, timeout)

    def open_checkpoint(
        self,
        name: str,
        flags: OpenFlags = EVERYTHING,
        attributes: Attributes | None = None,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> Checkpoint:
        """Opens a checkpoint (saCkptCheckpointOpen), by default to read and write, and makes it if need be.

        `attributes` are those of `creation_attributes`, with CREATE. Without them one that is there is opened whatever
        its attributes are, and one that is made has the default ones. Raises NotExist when it is not there and is not
        to be made, Exists when it has other attributes than these, BadFlags, InvalidParam, NameTooLong, TooBig,
        NoResources.
        """
        number = self._run(operations.open_checkpoint(name, flags, attributes, retry), timeout)
        return Checkpoint(self, self._handle, name, OpenFlags(flags), number)

    def open_checkpoint_async(
        self,
        invocation: int,
        name: str,
        flags: OpenFlags = EVERYTHING,
        attributes: Attributes | None = None,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Has the `checkpoint_open` callback given the result, with `invocation` (saCkptCheckpointOpenAsync).

        Raises InitError when there is no such callback.
        """
        opening = operations.open_checkpoint_async(self._callbacks, invocation, name, flags, attributes, retry)
        self._run(opening, timeout)

    def opened(self, result: CheckpointOpenResult, flags: OpenFlags = EVERYTHING) -> Checkpoint:
        """The checkpoint that `open_checkpoint_async` opened, with the `flags` given there. Raises what it met."""
        result.check()
        return Checkpoint(self, self._handle, result.name, OpenFlags(flags), result.number)

    def unlink(self, name: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """Frees the name of a checkpoint, which lives on until the last close (saCkptCheckpointUnlink).

        Raises NotExist.
        """
        self._run(operations.unlink_checkpoint(name, retry), timeout)

    def checkpoints(self, *, timeout: float | None = None, retry: bool = False) -> tuple[CheckpointStatus, ...]:
        """All checkpoints of the cluster, by name."""
        return self._run(operations.list_checkpoints(retry), timeout)

    def _run_callback(self, event: CkptEvent) -> None:
        self._callbacks.run(event)

    def next_event(self, timeout: float) -> CkptEvent:
        """The next event, for those that are not dispatched. Raises TimeoutExpired, BadHandle."""
        return self._next_event(timeout)

    # For checkpoints, which are valid as long as the session that they were opened in.

    @property
    def callbacks(self) -> CkptCallbacks:
        """What dispatch runs."""
        return self._callbacks

    def call_in(self, handle: Handle, operation: Operation[T], timeout: float | None) -> T:
        """Runs an operation in the session of `handle`. Raises BadHandle when that is over."""
        if handle != self._handle:
            raise BadHandle("the checkpoint was opened in a session that is over; open it again")
        return self._run(operation, timeout)

    def another(self) -> Ckpt:
        """Another handle of the same executive."""
        return Ckpt(self._path, version=self._required, timeout=self._timeout)


class Checkpoint:
    """A checkpoint that is open (SaCkptCheckpointHandleT). A context manager that closes it.

    It is a mapping too, from section ids to data: `checkpoint["a"] = b"1"`, `del checkpoint["a"]`, `"a" in checkpoint`,
    `for section in checkpoint`, `len(checkpoint)`.
    """

    def __init__(self, ckpt: Ckpt, handle: Handle, name: str, flags: OpenFlags, number: int) -> None:
        """For `Ckpt.open_checkpoint`, which makes it."""
        self.name: Final = name
        self.flags: Final = flags
        self.number: Final = number
        """What its notices carry as `checkpoint`."""
        self._ckpt = ckpt
        self._handle = handle
        self._closed = False

    # Sections.

    def write(
        self, section: SectionName, data: Data, offset: int = 0, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Writes into a section, which grows if need be (saCkptCheckpointWrite, of one element).

        When it comes back, what the creation flags of the checkpoint promise is so. Raises NotExist when there is no
        such section, NoSpace when the checkpoint is full, InvalidParam when the section would be too long,
        AccessDenied when it is not open to write, TimeoutExpired when it is not known whether it was written.
        """
        self._change(operations.write_of([(section, offset, data)]), timeout, retry)

    def write_vector(self, pieces: Iterable[Piece], *, timeout: float | None = None, retry: bool = False) -> None:
        """Writes all of (section, offset, data), in order, or none of them (saCkptCheckpointWrite).

        Raises as `write`; `element` of the error is the index of the piece that is wrong (erroneousVectorIndex).
        """
        self._change(operations.write_of(pieces), timeout, retry)

    def overwrite(self, section: SectionName, data: Data, *, timeout: float | None = None, retry: bool = False) -> None:
        """Has a section hold these data and no others (saCkptSectionOverwrite). Raises as `write`."""
        self._change(operations.overwrite_of(section, data), timeout, retry)

    def put(self, section: SectionName, data: Data, *, timeout: float | None = None, retry: bool = False) -> None:
        """As `overwrite`, and creates the section when there is none."""
        self._change(operations.put_of(section, data), timeout, retry)

    def create_section(
        self,
        section: SectionName = b"",
        data: Data = b"",
        expires: float = math.inf,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> bytes:
        """Creates a section and gives its id, which is generated unless given (saCkptSectionCreate).

        `expires`: the Unix time at which it is deleted. Raises Exists, NoSpace when there are as many sections, or
        bytes, as may be, InvalidParam when the id or the data are too long.
        """
        creating = operations.create_of(section, data, expires)
        return self._change(creating, timeout, retry) or operations.section_id(section)

    def delete_section(self, section: SectionName, *, timeout: float | None = None, retry: bool = False) -> None:
        """Deletes a section (saCkptSectionDelete). Raises NotExist; InvalidParam for the default section."""
        self._change(operations.delete_of(section), timeout, retry)

    def set_expiration(
        self, section: SectionName, expires: float, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Changes the Unix time at which a section is deleted (saCkptSectionExpirationTimeSet)."""
        self._change(operations.set_expiration_of(section, expires), timeout, retry)

    def update(
        self, changes: Iterable[SectionOperation], *, timeout: float | None = None, retry: bool = False
    ) -> Updated:
        """Makes many changes in one call, in order: Write, Overwrite, Put, Create, Delete, SetExpiration.

        Each is made or refused for itself; what was refused, and why, is in `failures` of the answer.
        """
        return self._call(operations.update(self.number, tuple(changes), retry), timeout)

    def read(
        self,
        section: SectionName = b"",
        offset: int = 0,
        size: int = WHOLE,
        *,
        consistent: bool = False,
        timeout: float | None = None,
        retry: bool = False,
    ) -> memoryview:
        """Reads from the replica of this node (saCkptCheckpointRead, of one element).

        Gives what there is of the `size` bytes from `offset` on. `consistent`: it shows every write that was answered,
        on whatever node, before this was called. Raises NotExist, InvalidParam when the offset is past the end,
        AccessDenied when it is not open to read.
        """
        return self._call(operations.read(self.number, [(section, offset, size)], consistent, retry), timeout)[0]

    def read_vector(
        self, spans: Iterable[Span], *, consistent: bool = False, timeout: float | None = None, retry: bool = False
    ) -> list[memoryview]:
        """Reads all of (section, offset, size) at one moment (saCkptCheckpointRead).

        Raises as `read`; `element` of the error is the index of the span that is wrong.
        """
        return self._call(operations.read(self.number, spans, consistent, retry), timeout)

    def sections(
        self,
        chosen: SectionsChosen = SectionsChosen.ANY,
        expires: float = 0.0,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> Generator[Descriptor, None, None]:
        """The sections that there are when the iteration begins (saCkptSectionIterationInitialize, -Next, -Finalize).

        `chosen` says which, compared with the Unix time `expires` where it says so. Those that are deleted meanwhile
        are left out.
        """
        iteration = self._call(operations.begin_iteration(self.number, chosen, expires, retry), timeout)
        try:
            while found := self._call(operations.next_sections(iteration, retry), timeout):
                yield from found
        finally:
            with suppress(AisError):
                self._call(operations.end_iteration(iteration, True), timeout)

    # The checkpoint.

    def status(self, *, timeout: float | None = None, retry: bool = False) -> CheckpointStatus:
        """Its attributes, size and users (saCkptCheckpointStatusGet)."""
        return self._call(operations.status(self.number, retry), timeout)

    def set_retention(self, retention: float, *, timeout: float | None = None, retry: bool = False) -> None:
        """Changes for how many seconds it is kept when nobody has it open (saCkptCheckpointRetentionDurationSet).

        Raises BadOperation when it was unlinked.
        """
        self._call(operations.set_retention(self.number, retention, retry), timeout)

    def set_active_replica(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Makes the replica of this node the active one (saCkptActiveReplicaSet).

        Raises BadOperation unless it is COLLOCATED with an active replica, AccessDenied when it is not open to write.
        """
        self._call(operations.set_active_replica(self.number, retry), timeout)

    def synchronize(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Comes back when all replicas have all that was written before (saCkptCheckpointSynchronize).

        Raises BadOperation for WR_ALL_REPLICAS, where that is always so.
        """
        self._call(operations.synchronize(self.number, retry), timeout)

    def synchronize_async(self, invocation: int, *, timeout: float | None = None, retry: bool = False) -> None:
        """Has the `checkpoint_synchronize` callback run when that is so (saCkptCheckpointSynchronizeAsync).

        Raises InitError when there is no such callback.
        """
        callbacks = self._ckpt.callbacks
        self._call(operations.synchronize_async(callbacks, self.number, invocation, retry), timeout)

    def track(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Has the `changed` callback given the sections that change (saCkptTrack, of one checkpoint).

        While a notice is not taken further changes gather for the next one. Raises InitError when there is no such
        callback.
        """
        self._call(operations.track(self._ckpt.callbacks, self.number, retry), timeout)

    def track_stop(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """No changes are told any more (saCkptTrackStop, of one checkpoint). Raises NotExist."""
        self._call(operations.track_stop(self.number, retry), timeout)

    def watch(self, *, timeout: float | None = None) -> Watch:
        """The changes from here on, to be iterated; it has a session of its own."""
        return Watch(self._ckpt.another(), self.name, timeout)

    def close(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Closes the checkpoint (saCkptCheckpointClose)."""
        self._call(operations.close_checkpoint(self.number, retry), timeout)
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(AisError):
            self.close(retry=True)

    # As a mapping.

    def __getitem__(self, section: SectionName) -> memoryview:
        """The data of a section, as `read`. Raises KeyError."""
        try:
            return self.read(section, retry=True)
        except NotExist:
            raise KeyError(section) from None

    def __setitem__(self, section: SectionName, data: Data) -> None:
        """As `put`."""
        self.put(section, data, retry=True)

    def __delitem__(self, section: SectionName) -> None:
        """As `delete_section`. Raises KeyError."""
        try:
            self.delete_section(section, retry=True)
        except NotExist:
            raise KeyError(section) from None

    def __contains__(self, section: SectionName) -> bool:
        try:
            self.read(section, 0, 0, retry=True)
        except NotExist:
            return False
        return True

    def __iter__(self) -> Iterator[bytes]:
        """The ids of the sections."""
        return (descriptor.section for descriptor in self.sections(retry=True))

    def __len__(self) -> int:
        return self.status(retry=True).sections

    def put_many(
        self, sections: Mapping[bytes, Data] | Mapping[str, Data], *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Puts many sections in one call. Raises what the first that was refused met; the others are put."""
        updated = self.update((operations.put_of(*item) for item in sections.items()), timeout=timeout, retry=retry)
        for failure in updated.failures:
            raise operations.error_of(failure)

    def _change(self, operation: SectionOperation, timeout: float | None, retry: bool) -> bytes:
        return self._call(operations.change(self.number, operation, retry), timeout)

    def _call(self, operation: Operation[T], timeout: float | None) -> T:
        if self._closed:
            raise BadHandle(f"checkpoint {self.name!r} was closed")
        return self._ckpt.call_in(self._handle, operation, timeout)


class Watch:
    """Notices of changed sections of one checkpoint, one after the other. A context manager that ends it.

    A program that is slower than the changes gets fewer notices, which name more sections.
    """

    def __init__(self, ckpt: Ckpt, name: str, timeout: float | None) -> None:
        """For `Checkpoint.watch`, which makes it."""
        self._ckpt = ckpt
        with ExitStack() as undo:
            undo.callback(ckpt.finalize)
            self._checkpoint = ckpt.open_checkpoint(name, OpenFlags.READ, timeout=timeout, retry=True)
            ckpt.call_in(ckpt.handle, operations.start_tracking(self._checkpoint.number, True), timeout)
            undo.pop_all()

    def receive(self, timeout: float = math.inf) -> ChangedSections:
        """The next notice, waited for `timeout` seconds. Raises TimeoutExpired, LibraryError."""
        event = self._ckpt.next_event(timeout)
        assert isinstance(event, ChangedSections)
        return event

    def __iter__(self) -> Iterator[ChangedSections]:
        while True:
            yield self.receive()

    def close(self) -> None:
        """Ends it."""
        with suppress(BadHandle):
            self._ckpt.finalize()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
