"""The checkpoint library (SA Forum CKPT) on an event loop; every method is that of the blocking one in `ckpt`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import socket as Socket
from types import TracebackType
from typing import Final, Self, TypeVar

from openais.client import ckpt_operations as operations
from openais.client.aio import AsyncConnection
from openais.client.async_library import AsyncLibrary, Opening
from openais.client.ckpt_events import ChangedSections, CheckpointOpenResult, CkptEvent
from openais.client.ckpt_gatherer import Gatherer
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
from openais.client.operation import Operation
from openais.messages.ckpt import CheckpointStatus, Descriptor, Updated
from openais.messages.ckpt_operations import Attributes, OpenFlags, SectionsChosen
from openais.messages.ckpt_operations import Operation as SectionOperation
from openais.types import AisError, BadHandle, NotExist, Version

_async_handles: Final = HandleDatabase[AsyncConnection[CkptEvent]](AsyncConnection.close, AsyncConnection.abandon)
T = TypeVar("T")


class AsyncCkpt(AsyncLibrary[CkptEvent]):
    """A handle of the checkpoint service (SaCkptHandleT).

    async with AsyncCkpt.open() as ckpt, await ckpt.open_checkpoint("counters") as counters:
        await counters.put("visits", b"1")
        print(bytes(await counters.read("visits")))

    In every call `timeout` is the seconds that it may take, those of the handle unless given, and `retry` has it try
    again in that time when the service says TRY_AGAIN. All raise AisError.
    """

    def __init__(self, socket: str | Path | None, callbacks: CkptCallbacks, version: Version, timeout: float) -> None:
        """For `open`, which makes the handle."""
        self._callbacks = callbacks
        super().__init__(operations.SETTINGS, _async_handles, socket, version, timeout)

    @classmethod
    def open(
        cls,
        socket: str | Path | None = None,
        *,
        callbacks: CkptCallbacks = NO_CALLBACKS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
        sock: Socket | None = None,
    ) -> Opening[AsyncCkpt]:
        """saCkptInitialize; see `Ckpt`. To be awaited, or entered. `sock`: a socket that is connected already."""
        return Opening(lambda: cls(socket, callbacks, version, timeout)._start(sock))

    async def open_checkpoint(
        self,
        name: str,
        flags: OpenFlags = EVERYTHING,
        attributes: Attributes | None = None,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> AsyncCheckpoint:
        """Opens a checkpoint (saCkptCheckpointOpen), by default to read and write, and makes it if need be.

        `attributes` are those of `creation_attributes`, with CREATE. Without them one that is there is opened whatever
        its attributes are, and one that is made has the default ones. Raises NotExist when it is not there and is not
        to be made, Exists when it has other attributes than these, BadFlags, InvalidParam, NameTooLong, TooBig,
        NoResources.
        """
        number = await self._run(operations.open_checkpoint(name, flags, attributes, retry), timeout)
        return AsyncCheckpoint(self, self._handle, name, OpenFlags(flags), number)

    async def open_checkpoint_async(
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
        await self._run(opening, timeout)

    def opened(self, result: CheckpointOpenResult, flags: OpenFlags = EVERYTHING) -> AsyncCheckpoint:
        """The checkpoint that `open_checkpoint_async` opened, with the `flags` given there. Raises what it met."""
        result.check()
        return AsyncCheckpoint(self, self._handle, result.name, OpenFlags(flags), result.number)

    async def unlink(self, name: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """Frees the name of a checkpoint, which lives on until the last close (saCkptCheckpointUnlink).

        Raises NotExist.
        """
        await self._run(operations.unlink_checkpoint(name, retry), timeout)

    async def checkpoints(self, *, timeout: float | None = None, retry: bool = False) -> tuple[CheckpointStatus, ...]:
        """All checkpoints of the cluster, by name."""
        return await self._run(operations.list_checkpoints(retry), timeout)

    def _run_callback(self, event: CkptEvent) -> None:
        self._callbacks.run(event)

    # For checkpoints, which are valid as long as the session that they were opened in.

    @property
    def callbacks(self) -> CkptCallbacks:
        """What dispatch runs."""
        return self._callbacks

    async def call_in(self, handle: Handle, operation: Operation[T], timeout: float | None) -> T:
        """Runs an operation in the session of `handle`. Raises BadHandle when that is over."""
        if handle != self._handle:
            raise BadHandle("the checkpoint was opened in a session that is over; open it again")
        return await self._run(operation, timeout)

    def another(self) -> AsyncCkpt:
        """Another handle of the same executive."""
        return AsyncCkpt(self._path, NO_CALLBACKS, self._required, self._timeout)

    async def begin(self) -> Self:
        """Opens the session, for `another`."""
        return await self._start(None)

    async def next_event(self, timeout: float) -> CkptEvent:
        """The next event, for those that are not dispatched. Raises TimeoutExpired, BadHandle."""
        return await self._next_event(timeout)

    def connection_of(self, handle: Handle) -> AsyncConnection[CkptEvent]:
        """The connection of a session. Raises BadHandle."""
        return self._handles.lookup(handle)

    @property
    def timeout(self) -> float:
        """Seconds that a call may take."""
        return self._timeout


class AsyncCheckpoint:
    """A checkpoint that is open (SaCkptCheckpointHandleT). A context manager that closes it.

    Changes that several tasks make at a time leave together.
    """

    def __init__(self, ckpt: AsyncCkpt, handle: Handle, name: str, flags: OpenFlags, number: int) -> None:
        """For `Ckpt.open_checkpoint`, which makes it."""
        self.name: Final = name
        self.flags: Final = flags
        self.number: Final = number
        """What its notices carry as `checkpoint`."""
        self._ckpt = ckpt
        self._handle = handle
        self._closed = False
        self._gatherer = Gatherer(lambda: ckpt.connection_of(handle), number, ckpt.timeout)

    # Sections.

    async def write(
        self, section: SectionName, data: Data, offset: int = 0, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Writes into a section, which grows if need be (saCkptCheckpointWrite, of one element).

        When it comes back, what the creation flags of the checkpoint promise is so. Raises NotExist when there is no
        such section, NoSpace when the checkpoint is full, InvalidParam when the section would be too long,
        AccessDenied when it is not open to write, TimeoutExpired when it is not known whether it was written.
        """
        await self._change(operations.write_of([(section, offset, data)]), timeout, retry)

    async def write_vector(self, pieces: Iterable[Piece], *, timeout: float | None = None, retry: bool = False) -> None:
        """Writes all of (section, offset, data), in order, or none of them (saCkptCheckpointWrite).

        Raises as `write`; `element` of the error is the index of the piece that is wrong (erroneousVectorIndex).
        """
        await self._change(operations.write_of(pieces), timeout, retry)

    async def overwrite(
        self, section: SectionName, data: Data, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Has a section hold these data and no others (saCkptSectionOverwrite). Raises as `write`."""
        await self._change(operations.overwrite_of(section, data), timeout, retry)

    async def put(self, section: SectionName, data: Data, *, timeout: float | None = None, retry: bool = False) -> None:
        """As `overwrite`, and creates the section when there is none."""
        await self._change(operations.put_of(section, data), timeout, retry)

    async def create_section(
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
        return await self._change(creating, timeout, retry) or operations.section_id(section)

    async def delete_section(self, section: SectionName, *, timeout: float | None = None, retry: bool = False) -> None:
        """Deletes a section (saCkptSectionDelete). Raises NotExist; InvalidParam for the default section."""
        await self._change(operations.delete_of(section), timeout, retry)

    async def set_expiration(
        self, section: SectionName, expires: float, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Changes the Unix time at which a section is deleted (saCkptSectionExpirationTimeSet)."""
        await self._change(operations.set_expiration_of(section, expires), timeout, retry)

    async def update(
        self, changes: Iterable[SectionOperation], *, timeout: float | None = None, retry: bool = False
    ) -> Updated:
        """Makes many changes in one call, in order: Write, Overwrite, Put, Create, Delete, SetExpiration.

        Each is made or refused for itself; what was refused, and why, is in `failures` of the answer.
        """
        return await self._call(operations.update(self.number, tuple(changes), retry), timeout)

    async def read(
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
        return (await self._call(operations.read(self.number, [(section, offset, size)], consistent, retry), timeout))[
            0
        ]

    async def read_vector(
        self, spans: Iterable[Span], *, consistent: bool = False, timeout: float | None = None, retry: bool = False
    ) -> list[memoryview]:
        """Reads all of (section, offset, size) at one moment (saCkptCheckpointRead).

        Raises as `read`; `element` of the error is the index of the span that is wrong.
        """
        return await self._call(operations.read(self.number, spans, consistent, retry), timeout)

    async def sections(
        self,
        chosen: SectionsChosen = SectionsChosen.ANY,
        expires: float = 0.0,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> AsyncGenerator[Descriptor, None]:
        """The sections that there are when the iteration begins (saCkptSectionIterationInitialize, -Next, -Finalize).

        `chosen` says which, compared with the Unix time `expires` where it says so. Those that are deleted meanwhile
        are left out.
        """
        iteration = await self._call(operations.begin_iteration(self.number, chosen, expires, retry), timeout)
        try:
            while found := await self._call(operations.next_sections(iteration, retry), timeout):
                for descriptor in found:
                    yield descriptor
        finally:
            with suppress(AisError):
                await self._call(operations.end_iteration(iteration, True), timeout)

    # The checkpoint.

    async def status(self, *, timeout: float | None = None, retry: bool = False) -> CheckpointStatus:
        """Its attributes, size and users (saCkptCheckpointStatusGet)."""
        return await self._call(operations.status(self.number, retry), timeout)

    async def set_retention(self, retention: float, *, timeout: float | None = None, retry: bool = False) -> None:
        """Changes for how many seconds it is kept when nobody has it open (saCkptCheckpointRetentionDurationSet).

        Raises BadOperation when it was unlinked.
        """
        await self._call(operations.set_retention(self.number, retention, retry), timeout)

    async def set_active_replica(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Makes the replica of this node the active one (saCkptActiveReplicaSet).

        Raises BadOperation unless it is COLLOCATED with an active replica, AccessDenied when it is not open to write.
        """
        await self._call(operations.set_active_replica(self.number, retry), timeout)

    async def synchronize(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Comes back when all replicas have all that was written before (saCkptCheckpointSynchronize).

        Raises BadOperation for WR_ALL_REPLICAS, where that is always so.
        """
        await self._call(operations.synchronize(self.number, retry), timeout)

    async def synchronize_async(self, invocation: int, *, timeout: float | None = None, retry: bool = False) -> None:
        """Has the `checkpoint_synchronize` callback run when that is so (saCkptCheckpointSynchronizeAsync).

        Raises InitError when there is no such callback.
        """
        callbacks = self._ckpt.callbacks
        await self._call(operations.synchronize_async(callbacks, self.number, invocation, retry), timeout)

    async def track(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Has the `changed` callback given the sections that change (saCkptTrack, of one checkpoint).

        While a notice is not taken further changes gather for the next one. Raises InitError when there is no such
        callback.
        """
        await self._call(operations.track(self._ckpt.callbacks, self.number, retry), timeout)

    async def track_stop(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """No changes are told any more (saCkptTrackStop, of one checkpoint). Raises NotExist."""
        await self._call(operations.track_stop(self.number, retry), timeout)

    async def watch(self, *, timeout: float | None = None) -> AsyncWatch:
        """The changes from here on, to be iterated; it has a session of its own."""
        ckpt = await self._ckpt.another().begin()
        with ExitStack() as undo:
            undo.callback(ckpt.finalize)
            checkpoint = await ckpt.open_checkpoint(self.name, OpenFlags.READ, timeout=timeout, retry=True)
            await ckpt.call_in(ckpt.handle, operations.start_tracking(checkpoint.number, True), timeout)
            undo.pop_all()
        return AsyncWatch(ckpt)

    async def close(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Closes the checkpoint (saCkptCheckpointClose)."""
        await self._call(operations.close_checkpoint(self.number, retry), timeout)
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(AisError):
            await self.close(retry=True)

    async def get(self, section: SectionName, *, timeout: float | None = None) -> memoryview | None:
        """The data of a section, as `read`; None when there is no such section."""
        try:
            return await self.read(section, timeout=timeout, retry=True)
        except NotExist:
            return None

    async def put_many(
        self, sections: Mapping[bytes, Data] | Mapping[str, Data], *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Puts many sections in one call. Raises what the first that was refused met; the others are put."""
        changes = (operations.put_of(*item) for item in sections.items())
        updated = await self.update(changes, timeout=timeout, retry=retry)
        for failure in updated.failures:
            raise operations.error_of(failure)

    def start(self, change: SectionOperation) -> asyncio.Future[bytes]:
        """Makes a change without awaiting it; the future has the section id that was generated, if one was, or raises.

        Changes are made in the order in which they are started. Those that are started while earlier ones are on their
        way leave together, so that many cost little more than one.
        """
        self._check()
        return self._gatherer.start(change)

    async def _change(self, operation: SectionOperation, timeout: float | None, retry: bool) -> bytes:
        self._check()
        if timeout is not None or retry or not self._gatherer.takes(operation):
            return await self._call(operations.change(self.number, operation, retry), timeout)
        return await self._gatherer.start(operation)

    def _check(self) -> None:
        """Raises BadHandle when it is closed."""
        if self._closed:
            raise BadHandle(f"checkpoint {self.name!r} was closed")

    async def _call(self, operation: Operation[T], timeout: float | None) -> T:
        self._check()
        return await self._ckpt.call_in(self._handle, operation, timeout)


class AsyncWatch:
    """Notices of changed sections of one checkpoint, one after the other. A context manager that ends it.

    A program that is slower than the changes gets fewer notices, which name more sections.
    """

    def __init__(self, ckpt: AsyncCkpt) -> None:
        """For `AsyncCheckpoint.watch`, which makes it."""
        self._ckpt = ckpt

    async def receive(self, timeout: float = math.inf) -> ChangedSections:
        """The next notice, waited for `timeout` seconds. Raises TimeoutExpired, LibraryError."""
        event = await self._ckpt.next_event(timeout)
        assert isinstance(event, ChangedSections)
        return event

    async def __aiter__(self) -> AsyncIterator[ChangedSections]:
        while True:
            yield await self.receive()

    def close(self) -> None:
        """Ends it."""
        with suppress(BadHandle):
            self._ckpt.finalize()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
