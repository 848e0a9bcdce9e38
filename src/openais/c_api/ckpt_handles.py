"""What stands behind the handles of saCkpt.h, and the callbacks that they have run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from _openais_c import ffi

from openais.c_api.boundary import NULL, Handles, Pointer, allocate, release
from openais.client import ckpt_operations as operations
from openais.client.ckpt import Ckpt
from openais.client.ckpt_events import ChangedSections, CheckpointOpenResult, SynchronizeResult
from openais.client.ckpt_operations import CkptCallbacks
from openais.client.operation import Operation
from openais.messages.ckpt import Descriptor
from openais.messages.ckpt_operations import SectionsChosen
from openais.types import AccessDenied, AisError, InitError, NotExist, VersionError

T = TypeVar("T")


class Handle:
    """What stands behind an SaCkptHandleT. `tracks`: it is of saCkptInitialize_2, so that it can track."""

    def __init__(self, callbacks: Pointer, tracks: bool, keeps_ids: bool) -> None:
        self.tracks = tracks
        self.keeps_ids = keeps_ids
        """The program is of B.01.01: it frees no ids of an iteration, which are valid as long as that."""
        self._open = callbacks.saCkptCheckpointOpenCallback if callbacks != NULL else NULL
        self._synchronize = callbacks.saCkptCheckpointSynchronizeCallback if callbacks != NULL else NULL
        self._track = callbacks.saCkptCheckpointTrackCallback if tracks and callbacks != NULL else NULL
        self._tracking = False
        """Whether it tracks all that it opens."""
        self._opened: dict[int, int] = {}
        """The handles of the checkpoints that it has open, by their numbers."""
        self.callbacks = CkptCallbacks(
            checkpoint_open=self._run_open if self._open != NULL else None,
            checkpoint_synchronize=self._run_synchronize if self._synchronize != NULL else None,
            changed=self._run_track if self._track != NULL else None,
        )
        self.library = Ckpt(callbacks=self.callbacks)

    def call(self, operation: Operation[T], timeout: float | None = None) -> T:
        """Runs an operation. Raises its errors, TimeoutExpired."""
        return self.library.call_in(self.library.handle, operation, timeout)

    def opened(self, number: int) -> int:
        """The handle of a checkpoint that was opened."""
        checkpoint = OpenCheckpoint(self, number)
        handle = self._opened[number] = checkpoints.add(checkpoint)
        if self._tracking:
            with suppress(AisError):
                checkpoint.track()
        return handle

    def closed(self, checkpoint: OpenCheckpoint) -> None:
        """A checkpoint was closed: what belongs to it is no more."""
        self._opened.pop(checkpoint.number, None)
        forget_iterations(checkpoint)

    def finalized(self) -> None:
        """All of its checkpoints are no more."""
        for handle in self._opened.values():
            forget_iterations(checkpoints.remove(handle))
        self._opened.clear()

    def check_tracks(self) -> None:
        """Raises VersionError, InitError unless it can track."""
        if not self.tracks:
            raise VersionError("tracking is for handles of saCkptInitialize_2")
        if self._track == NULL:
            raise InitError("tracking needs the saCkptCheckpointTrackCallback, which was not given")

    def track(self) -> None:
        """Tracks all checkpoints that it has open to read, and opens."""
        self.check_tracks()
        self._tracking = True
        for checkpoint in self._checkpoints():
            with suppress(AccessDenied):
                checkpoint.track()

    def track_stop(self) -> None:
        """Tracks none any more. Raises NotExist when it did not."""
        self.check_tracks()
        if not self._tracking:
            raise NotExist("the handle does not track")
        self._tracking = False
        for checkpoint in self._checkpoints():
            with suppress(NotExist):
                checkpoint.track_stop()

    def _checkpoints(self) -> list[OpenCheckpoint]:
        return [checkpoints.get(handle) for handle in list(self._opened.values())]

    def _run_open(self, result: CheckpointOpenResult) -> None:
        handle = self.opened(result.number) if result.error == 1 else 0
        self._open(result.invocation, handle, int(result.error))

    def _run_synchronize(self, result: SynchronizeResult) -> None:
        self._synchronize(result.invocation, int(result.error))

    def _run_track(self, notice: ChangedSections) -> None:
        """Any section may have changed when a notice says so, so all are told then, in as many calls as they need."""
        handle = self._opened.get(notice.checkpoint)
        if handle is None:
            return
        checkpoint = checkpoints.get(handle)
        for sections in checkpoint.batches() if notice.all else (notice.sections,):
            if self._opened.get(notice.checkpoint) != handle:  # the callback closed it
                return
            vector, kept = _vector(sections, checkpoint.section_size_max)
            self._track(handle, vector, len(sections))
            del kept


class OpenCheckpoint:
    """What stands behind an SaCkptCheckpointHandleT."""

    def __init__(self, ckpt: Handle, number: int) -> None:
        self.ckpt = ckpt
        self.number = number
        self.call = ckpt.call
        self.section_size_max = 0
        """Known once it is tracked."""

    def track(self) -> None:
        """Has changes told. Raises AccessDenied when it is not open to read."""
        if not self.section_size_max:
            self.section_size_max = self.call(operations.status(self.number, True)).attributes.section_size_max
        self.call(operations.start_tracking(self.number, True))

    def track_stop(self) -> None:
        """Has none told any more. Raises NotExist when it had not."""
        self.call(operations.track_stop(self.number, True))

    def batches(self) -> Iterator[Sequence[bytes]]:
        """The ids of all sections; an empty batch in place of those that cannot be told."""
        try:
            iteration = self.call(operations.begin_iteration(self.number, SectionsChosen.ANY, 0.0, True))
            while found := self.call(operations.next_sections(iteration, True)):
                yield [descriptor.section for descriptor in found]
            self.call(operations.end_iteration(iteration, True))
        except AisError:
            yield ()


class Iteration:
    """What stands behind an SaCkptSectionIterationHandleT."""

    def __init__(self, checkpoint: OpenCheckpoint, number: int) -> None:
        self.checkpoint = checkpoint
        self.number = number
        self.found: deque[Descriptor] = deque()
        """Sections that were fetched and not given yet."""
        self._kept: set[int] = set()
        """The addresses of ids that are freed with it."""

    def set_section(self, section: Pointer, name: bytes) -> None:
        """Writes an id, in memory that the program frees, or that is freed with the iteration."""
        set_section(section, name)
        if self.checkpoint.ckpt.keeps_ids and section.id != NULL:
            address = _address(section.id)
            self._kept.add(address)
            _keepers[address] = self

    def kept_no_more(self, address: int) -> None:
        """The program has freed an id itself, after all."""
        self._kept.remove(address)

    def forget(self) -> None:
        """Frees the ids that are kept."""
        for address in self._kept:
            del _keepers[address]
            release(ffi.cast("void *", address))
        self._kept.clear()


handles: Final = Handles[Handle]()
checkpoints: Final = Handles[OpenCheckpoint]()
iterations: Final = Handles[Iteration]()
_keepers: Final[dict[int, Iteration]] = {}
"""The iterations that free ids when they end, by the addresses of those."""


def forget_iterations(checkpoint: OpenCheckpoint) -> None:
    """The iterations of a checkpoint are no more."""
    for iteration in iterations.remove_where(lambda each: each.checkpoint is checkpoint):
        iteration.forget()


def set_section(section: Pointer, name: bytes) -> None:
    """Writes an id, in memory that the program frees."""
    section.id = allocate("SaUint8T", 1, len(name)) if name else NULL
    section.idLen = len(name)
    if name:
        ffi.memmove(section.id, name, len(name))


def free_section(memory: Pointer) -> None:
    """Frees what `set_section` has allocated."""
    keeper = _keepers.pop(_address(memory), None)
    if keeper is not None:
        keeper.kept_no_more(_address(memory))
    release(memory)


def _address(memory: Pointer) -> int:
    return int(ffi.cast("uintptr_t", memory))


def _vector(sections: Sequence[bytes], size: int) -> tuple[Pointer, list[Pointer]]:
    """Elements that saCkptCheckpointRead can be given, each a whole section, and the memory that they point to."""
    vector = ffi.new("SaCkptIOVectorElementT[]", max(1, len(sections)))
    kept = [ffi.from_buffer("SaUint8T[]", section) for section in sections]
    for element, section, memory in zip(vector, sections, kept, strict=False):
        element.sectionId.idLen, element.sectionId.id = len(section), memory if section else NULL
        element.dataSize = size
    return vector, kept
