"""The operations of the checkpoint library (SA Forum CKPT), for both faces, and their vocabulary."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec

from openais.client.ckpt_events import (
    ChangedSections,
    CheckpointOpenResult,
    CkptEvent,
    CkptEventQueue,
    SynchronizeResult,
)
from openais.client.operation import Backoff, Operation, ask, pause
from openais.client.session import SessionSettings
from openais.client.versions import VersionDatabase
from openais.messages.base import Message, ServiceId
from openais.messages.ckpt import (
    ActiveReplicaSet,
    BeginIteration,
    Changed,
    CheckpointClosed,
    CheckpointList,
    CheckpointOpened,
    CheckpointStatus,
    CheckpointUnlinked,
    CloseCheckpoint,
    Descriptor,
    Descriptors,
    EndIteration,
    Failure,
    GetStatus,
    IterationBegun,
    IterationEnded,
    ListCheckpoints,
    MoreData,
    NextSections,
    OpenAccepted,
    OpenCallback,
    OpenCheckpoint,
    OpenCheckpointAsync,
    PartTaken,
    Read,
    ReadConsistent,
    ReadData,
    ReadMore,
    RetentionSet,
    SetActiveReplica,
    SetRetention,
    Status,
    Synchronize,
    SynchronizeAccepted,
    SynchronizeAsync,
    SynchronizeCallback,
    Synchronized,
    Track,
    TrackStarted,
    TrackStop,
    TrackStopped,
    UnlinkCheckpoint,
    Update,
    Updated,
    UpdateUploaded,
    UploadPart,
    Wanted,
)
from openais.messages.ckpt_operations import (
    CALL_BYTES_MAX,
    DESCRIPTORS_MAX,
    ELEMENTS_MAX,
    OPEN_FLAGS,
    OPERATIONS_MAX,
    REQUEST_BYTES_MAX,
    SECTION_ID_MAX,
    SECTIONS_MAX,
    Attributes,
    Create,
    CreationFlags,
    Delete,
    Element,
    OpenFlags,
    Overwrite,
    Put,
    SectionsChosen,
    SetExpiration,
    Write,
    encode_operations,
)
from openais.messages.ckpt_operations import Operation as SectionOperation
from openais.types import (
    NAME_LENGTH_MAX,
    TIME_END,
    AisError,
    BadFlags,
    ErrorCode,
    InitError,
    InvalidParam,
    NameTooLong,
    NotExist,
    TooBig,
    TryAgain,
    Version,
)

VERSION_B: Final = Version("B", 2, 2)
VERSION_A: Final = Version("A", 1, 1)

READ_WRITE: Final = OpenFlags.READ | OpenFlags.WRITE
"""To read and write a checkpoint that is there."""
EVERYTHING: Final = READ_WRITE | OpenFlags.CREATE
"""To read and write, a checkpoint that is made if need be."""
WHOLE: Final = 2**63 - 1
"""To read a section to its end."""
INVOCATION_MAX: Final = 2**64 - 1
INTEGER_MAX: Final = 2**63 - 1

Data: TypeAlias = bytes | bytearray | memoryview
SectionName: TypeAlias = str | bytes
"""A section id; a text stands for its UTF-8."""
Piece: TypeAlias = tuple[SectionName, int, Data]
"""What is written: section, offset and data (SaCkptIOVectorElementT)."""
Span: TypeAlias = tuple[SectionName, int, int]
"""What is read: section, offset and size."""


class CkptCallbacks(NamedTuple):
    """The callbacks of an application, run by dispatch (SaCkptCallbacksT)."""

    checkpoint_open: Callable[[CheckpointOpenResult], None] | None = None
    """Given the answer to each `open_checkpoint_async` (SaCkptCheckpointOpenCallbackT)."""
    checkpoint_synchronize: Callable[[SynchronizeResult], None] | None = None
    """Given the answer to each `synchronize_async` (SaCkptCheckpointSynchronizeCallbackT)."""
    changed: Callable[[ChangedSections], None] | None = None
    """Given the sections that were changed of each checkpoint that is tracked (saCkptTrack)."""

    def run(self, event: CkptEvent) -> None:
        """Runs the one for `event`, if it was given."""
        if isinstance(event, CheckpointOpenResult):
            if self.checkpoint_open is not None:
                self.checkpoint_open(event)
        elif isinstance(event, SynchronizeResult):
            if self.checkpoint_synchronize is not None:
                self.checkpoint_synchronize(event)
        elif self.changed is not None:
            self.changed(event)


NO_CALLBACKS: Final = CkptCallbacks()


def creation_attributes(
    *,
    flags: int = CreationFlags.WR_ALL_REPLICAS,
    size: int = 1 << 30,
    retention: float = 300.0,
    sections_max: int = 1 << 20,
    section_size_max: int = 16 << 20,
    section_id_size_max: int = SECTION_ID_MAX,
) -> Attributes:
    """What a checkpoint is created with (SaCkptCheckpointCreationAttributesT).

    `flags`: one of the WR_ ones of CreationFlags, and COLLOCATED or not. `size`: bytes of all sections together, for
    which nothing is set aside. `retention`: seconds for which it is kept when nobody has it open; math.inf for ever.
    Sizes are in bytes. Raises InvalidParam.
    """
    for name, value, most in (
        ("flags", int(flags), 0xFFFF_FFFF),
        ("size", size, INTEGER_MAX),
        ("sections_max", sections_max, SECTIONS_MAX),
        ("section_size_max", section_size_max, INTEGER_MAX),
        ("section_id_size_max", section_id_size_max, SECTION_ID_MAX),
    ):
        least = 1 if name == "sections_max" else 0
        if not least <= value <= most:
            raise InvalidParam(f"creation attributes: {name} is {value}, expected {least} to {most}")
    most = max(section_size_max * sections_max, 0)
    return Attributes(
        int(flags), min(size, most), duration_ns(retention), sections_max, section_size_max, section_id_size_max
    )


def duration_ns(duration: float) -> int:
    """So many seconds in nanoseconds; math.inf is for ever. Raises InvalidParam."""
    return _nanoseconds(duration, "a duration")


def expiration_ns(expires: float) -> int:
    """A Unix time in nanoseconds; math.inf is never. Raises InvalidParam."""
    return _nanoseconds(expires, "an expiration time")


def section_id(section: SectionName) -> bytes:
    """The id of a section. Raises InvalidParam when it is too long for any checkpoint."""
    encoded = section.encode() if isinstance(section, str) else bytes(section)
    if len(encoded) > SECTION_ID_MAX:
        raise InvalidParam(f"a section id of {len(encoded)} bytes, expected {SECTION_ID_MAX} at most")
    return encoded


# What is done to sections.


def write_of(pieces: Iterable[Piece]) -> Write:
    """saCkptCheckpointWrite. Raises InvalidParam, TooBig."""
    elements = tuple(Element(section_id(name), _offset(at), _bytes(data)) for name, at, data in pieces)
    if not 1 <= len(elements) <= ELEMENTS_MAX:
        raise InvalidParam(f"write: {len(elements)} elements, expected 1 to {ELEMENTS_MAX}")
    return Write(elements)


def overwrite_of(section: SectionName, data: Data) -> Overwrite:
    """saCkptSectionOverwrite."""
    return Overwrite(section_id(section), _bytes(data))


def put_of(section: SectionName, data: Data) -> Put:
    """Overwrites a section, or creates it. Raises InvalidParam when the id is empty."""
    return Put(section_id(section), _bytes(data))


def create_of(section: SectionName, data: Data, expires: float) -> Create:
    """saCkptSectionCreate."""
    return Create(section_id(section), expiration_ns(expires), _bytes(data))


def delete_of(section: SectionName) -> Delete:
    """saCkptSectionDelete."""
    return Delete(section_id(section))


def set_expiration_of(section: SectionName, expires: float) -> SetExpiration:
    """saCkptSectionExpirationTimeSet."""
    return SetExpiration(section_id(section), expiration_ns(expires))


def error_of(failure: Failure) -> AisError:
    """The exception that stands for an operation that was refused."""
    error = AisError.of(ErrorCode(failure.code), failure.explanation)
    error.element = failure.element
    return error


# Operations: checkpoints.


def open_checkpoint(name: str, flags: int, attributes: Attributes | None, retry: bool) -> Operation[int]:
    """saCkptCheckpointOpen: the number of the checkpoint. Without attributes one that is there is opened as it is."""
    checked, named = _flags(flags), _name(name)
    if attributes is None and checked & OpenFlags.CREATE:
        try:
            opened = yield from ask(OpenCheckpoint(named, checked & ~OpenFlags.CREATE, None), CheckpointOpened, retry)
        except NotExist:
            attributes = creation_attributes()
        else:
            return opened.checkpoint
    opened = yield from ask(OpenCheckpoint(named, checked, attributes), CheckpointOpened, retry)
    return opened.checkpoint


def open_checkpoint_async(
    callbacks: CkptCallbacks, invocation: int, name: str, flags: int, attributes: Attributes | None, retry: bool
) -> Operation[None]:
    """saCkptCheckpointOpenAsync."""
    if callbacks.checkpoint_open is None:
        raise InitError("open checkpoint async: it needs the checkpoint_open callback, which was not given")
    if attributes is None and flags & OpenFlags.CREATE:
        attributes = creation_attributes()
    request = OpenCheckpointAsync(_name(name), _flags(flags), attributes, _invocation(invocation))
    yield from ask(request, OpenAccepted, retry)


def close_checkpoint(checkpoint: int, retry: bool) -> Operation[None]:
    """saCkptCheckpointClose."""
    yield from ask(CloseCheckpoint(checkpoint), CheckpointClosed, retry)


def unlink_checkpoint(name: str, retry: bool) -> Operation[None]:
    """saCkptCheckpointUnlink."""
    yield from ask(UnlinkCheckpoint(_name(name)), CheckpointUnlinked, retry)


def set_retention(checkpoint: int, retention: float, retry: bool) -> Operation[None]:
    """saCkptCheckpointRetentionDurationSet."""
    yield from ask(SetRetention(checkpoint, duration_ns(retention)), RetentionSet, retry)


def set_active_replica(checkpoint: int, retry: bool) -> Operation[None]:
    """saCkptActiveReplicaSet."""
    yield from ask(SetActiveReplica(checkpoint), ActiveReplicaSet, retry)


def status(checkpoint: int, retry: bool) -> Operation[CheckpointStatus]:
    """saCkptCheckpointStatusGet."""
    found = yield from ask(GetStatus(checkpoint), Status, retry)
    return found.status


def list_checkpoints(retry: bool) -> Operation[tuple[CheckpointStatus, ...]]:
    """All checkpoints of the cluster, by name."""
    found = yield from ask(ListCheckpoints(), CheckpointList, retry)
    return found.checkpoints


def synchronize(checkpoint: int, retry: bool) -> Operation[None]:
    """saCkptCheckpointSynchronize."""
    yield from ask(Synchronize(checkpoint), Synchronized, retry)


def synchronize_async(callbacks: CkptCallbacks, checkpoint: int, invocation: int, retry: bool) -> Operation[None]:
    """saCkptCheckpointSynchronizeAsync."""
    if callbacks.checkpoint_synchronize is None:
        raise InitError("synchronize async: it needs the checkpoint_synchronize callback, which was not given")
    yield from ask(SynchronizeAsync(checkpoint, _invocation(invocation)), SynchronizeAccepted, retry)


def track(callbacks: CkptCallbacks, checkpoint: int, retry: bool) -> Operation[None]:
    """saCkptTrack, of one checkpoint."""
    if callbacks.changed is None:
        raise InitError("track: it needs the changed callback, which was not given")
    yield from start_tracking(checkpoint, retry)


def start_tracking(checkpoint: int, retry: bool) -> Operation[None]:
    """Has changes told as events."""
    yield from ask(Track(checkpoint), TrackStarted, retry)


def track_stop(checkpoint: int, retry: bool) -> Operation[None]:
    """saCkptTrackStop, of one checkpoint."""
    yield from ask(TrackStop(checkpoint), TrackStopped, retry)


# Operations: sections.


def update(checkpoint: int, operations: Sequence[SectionOperation], retry: bool) -> Operation[Updated]:
    """Operations, in order, each done or refused for itself."""
    if not 1 <= len(operations) <= OPERATIONS_MAX:
        raise InvalidParam(f"update: {len(operations)} operations, expected 1 to {OPERATIONS_MAX}")
    encoded = encode_operations(list(operations))
    if len(encoded) > CALL_BYTES_MAX:
        raise TooBig(f"update: {len(encoded)} bytes, expected {CALL_BYTES_MAX} at most in one call")
    if len(encoded) > REQUEST_BYTES_MAX:
        return (yield from _upload(checkpoint, encoded, retry))
    return (yield from ask(Update(checkpoint, False, msgspec.Raw(encoded)), Updated, retry))


def change(checkpoint: int, operation: SectionOperation, retry: bool) -> Operation[bytes]:
    """One operation; the section id that was generated, if one was. Raises what it was refused with."""
    updated = yield from update(checkpoint, (operation,), retry)
    for failure in updated.failures:
        raise error_of(failure)
    return updated.generated.get(0, b"")


def read(checkpoint: int, spans: Iterable[Span], consistent: bool, retry: bool) -> Operation[list[memoryview]]:
    """saCkptCheckpointRead: the data of each element."""
    wanted = tuple(Wanted(section_id(name), _offset(at), _offset(size)) for name, at, size in spans)
    if not 1 <= len(wanted) <= ELEMENTS_MAX:
        raise InvalidParam(f"read: {len(wanted)} elements, expected 1 to {ELEMENTS_MAX}")
    request = ReadConsistent(checkpoint, wanted) if consistent else Read(checkpoint, wanted)
    try:
        found = yield from ask(request, ReadData, retry)
    except AisError as error:
        raise _with_element(error) from None
    data: bytes = found.data
    if found.read:
        pieces = [data]
        missing = sum(found.sizes) - len(data)
        while missing > 0:
            more = yield from ask(ReadMore(found.read), MoreData, retry)
            pieces.append(more.data)
            missing -= len(more.data)
        data = b"".join(pieces)
    view, ends = memoryview(data), 0
    return [view[(ends := ends + size) - size : ends] for size in found.sizes]


def begin_iteration(checkpoint: int, chosen: int, expires: float, retry: bool) -> Operation[int]:
    """saCkptSectionIterationInitialize."""
    try:
        which = SectionsChosen(chosen)
    except ValueError:
        raise InvalidParam(f"sections chosen: {chosen}, expected one of SectionsChosen") from None
    begun = yield from ask(BeginIteration(checkpoint, which, expiration_ns(expires)), IterationBegun, retry)
    return begun.iteration


def next_sections(iteration: int, retry: bool) -> Operation[tuple[Descriptor, ...]]:
    """saCkptSectionIterationNext, for many sections; none when there are no more."""
    found = yield from ask(NextSections(iteration, DESCRIPTORS_MAX), Descriptors, retry)
    return found.sections


def end_iteration(iteration: int, retry: bool) -> Operation[None]:
    """saCkptSectionIterationFinalize."""
    yield from ask(EndIteration(iteration), IterationEnded, retry)


_uploads: Final = itertools.count(1)


def _upload(checkpoint: int, encoded: bytes, retry: bool) -> Operation[Updated]:
    """Sends long operations in parts; from the beginning again when the cluster changes meanwhile."""
    backoff, view = Backoff(), memoryview(encoded)
    while True:
        number = next(_uploads)
        try:
            for index, first in enumerate(range(0, len(encoded), REQUEST_BYTES_MAX)):
                part = bytes(view[first : first + REQUEST_BYTES_MAX])
                yield from ask(UploadPart(number, index, part), PartTaken)
            return (yield from ask(UpdateUploaded(checkpoint, number, len(encoded)), Updated))
        except TryAgain as refusal:
            if not retry and "begin anew" not in str(refusal):
                raise
            yield from pause(backoff, refusal)


def _with_element(error: AisError) -> AisError:
    """The index of the element that is wrong is at the head of the explanation."""
    head, colon, _ = str(error).partition(":")
    if colon and head.isdigit():
        error.element = int(head)
    return error


def _nanoseconds(seconds: float, what: str) -> int:
    if math.isnan(seconds) or seconds < 0:
        raise InvalidParam(f"{what} of {seconds} seconds, expected 0 or more")
    return min(int(seconds * 1e9), TIME_END) if seconds != math.inf else TIME_END


def _bytes(data: Data) -> bytes:
    return data if type(data) is bytes else bytes(data)


def _offset(value: int) -> int:
    if not 0 <= value <= INTEGER_MAX:
        raise InvalidParam(f"an offset or size of {value}, expected 0 to {INTEGER_MAX}")
    return value


def _invocation(invocation: int) -> int:
    if not 0 <= invocation <= INVOCATION_MAX:
        raise InvalidParam(f"invocation {invocation}, expected 0 to {INVOCATION_MAX}")
    return invocation


def _name(name: str) -> str:
    if not name:
        raise InvalidParam("the name of a checkpoint is empty")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise InvalidParam(f"the name of a checkpoint is no text: {error}") from None
    if size > NAME_LENGTH_MAX:
        raise NameTooLong(f"checkpoint name: {size} bytes, expected at most {NAME_LENGTH_MAX}")
    return name


def _flags(flags: int) -> int:
    if flags & ~OPEN_FLAGS or not flags & READ_WRITE:
        raise BadFlags(f"open checkpoint: flags {flags:#x}, expected READ, WRITE or both, and CREATE or not")
    return int(flags)


def _to_events(message: Message) -> Iterable[CkptEvent]:
    if isinstance(message, Changed):
        return (ChangedSections(message.checkpoint, message.sections, message.all),)
    if isinstance(message, SynchronizeCallback):
        return (SynchronizeResult(message.invocation, ErrorCode(message.error), message.explanation),)
    assert isinstance(message, OpenCallback)
    error = ErrorCode(message.error)
    return (CheckpointOpenResult(message.invocation, error, message.name, message.checkpoint, message.explanation),)


SETTINGS: Final = SessionSettings[CkptEvent](
    ServiceId.CKPT, VersionDatabase((VERSION_B, VERSION_A)), _to_events, make_queue=CkptEventQueue, shares=True
)
"""The sessions of this library."""
