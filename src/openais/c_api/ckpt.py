"""libSaCkpt.so: the functions of saCkpt.h, over the operations of the checkpoint library."""

from __future__ import annotations

from typing import Final

from _openais_c import ffi

from openais.c_api.boundary import (
    NULL,
    Pointer,
    allocate,
    bytes_of,
    exported,
    given,
    negotiate,
    release,
    seconds_of,
    text_of,
)
from openais.c_api.ckpt_handles import Handle, Iteration, checkpoints, free_section, handles, iterations, set_section
from openais.client import ckpt_operations as operations
from openais.client.connecting import dispatch_flags
from openais.client.versions import VersionDatabase
from openais.messages.ckpt_operations import (
    CALL_BYTES_MAX,
    ELEMENTS_MAX,
    SECTION_ID_MAX,
    Attributes,
    Create,
    CreationFlags,
    OpenFlags,
    SectionsChosen,
    SetExpiration,
)
from openais.types import AisError, BadFlags, InvalidParam, NoSections, Version, VersionError

VERSIONS: Final = VersionDatabase((Version("B", 2, 2),))
VERSIONS_2: Final = VersionDatabase((Version("B", 2, 3),))
"""What saCkptInitialize_2 was proposed for."""
WRITE_FLAGS: Final = (
    CreationFlags.WR_ALL_REPLICAS,
    CreationFlags.WR_ACTIVE_REPLICA,
    CreationFlags.WR_ACTIVE_REPLICA_WEAK,
)
"""Of which a checkpoint has one."""
SIZE_MAX: Final = 2**63 - 1


@exported
def saCkptInitialize(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    given(handle, version)
    keeps_ids = version.majorVersion < 2
    negotiate(VERSIONS, version)
    handle[0] = handles.add(Handle(callbacks, False, keeps_ids))


@exported
def saCkptInitialize_2(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    given(handle, version)
    asked = version.majorVersion, version.minorVersion
    negotiate(VERSIONS_2, version)
    if asked < (2, 3):
        raise VersionError("tracking began with B.02.03")
    handle[0] = handles.add(Handle(callbacks, True, False))


@exported
def saCkptSelectionObjectGet(handle: int, selection_object: Pointer) -> None:
    ckpt = handles.get(handle)
    given(selection_object)
    selection_object[0] = ckpt.library.fileno()


@exported
def saCkptDispatch(handle: int, flags: int) -> None:
    handles.get(handle).library.dispatch(dispatch_flags(flags))


@exported
def saCkptFinalize(handle: int) -> None:
    ckpt = handles.remove(handle)
    ckpt.finalized()
    ckpt.library.finalize()


@exported
def saCkptCheckpointOpen(
    handle: int, name: Pointer, attributes: Pointer, flags: int, timeout: int, checkpoint: Pointer
) -> None:
    ckpt = handles.get(handle)
    given(name, checkpoint)
    opening = operations.open_checkpoint(text_of(name), flags, _attributes_of(attributes, flags), False)
    checkpoint[0] = ckpt.opened(ckpt.call(opening, seconds_of(timeout)))


@exported
def saCkptCheckpointOpenAsync(handle: int, invocation: int, name: Pointer, attributes: Pointer, flags: int) -> None:
    ckpt = handles.get(handle)
    given(name)
    made_with = _attributes_of(attributes, flags)
    ckpt.call(operations.open_checkpoint_async(ckpt.callbacks, invocation, text_of(name), flags, made_with, False))


@exported
def saCkptCheckpointClose(handle: int) -> None:
    checkpoint = checkpoints.get(handle)
    checkpoint.call(operations.close_checkpoint(checkpoint.number, False))
    checkpoints.remove(handle)
    checkpoint.ckpt.closed(checkpoint)


@exported
def saCkptCheckpointUnlink(handle: int, name: Pointer) -> None:
    handles.get(handle).call(operations.unlink_checkpoint(text_of(name), False))


@exported
def saCkptCheckpointRetentionDurationSet(handle: int, retention: int) -> None:
    checkpoint = checkpoints.get(handle)
    checkpoint.call(operations.set_retention(checkpoint.number, seconds_of(retention), False))


@exported
def saCkptActiveReplicaSet(handle: int) -> None:
    checkpoint = checkpoints.get(handle)
    checkpoint.call(operations.set_active_replica(checkpoint.number, False))


@exported
def saCkptCheckpointStatusGet(handle: int, status: Pointer) -> None:
    checkpoint = checkpoints.get(handle)
    given(status)
    found = checkpoint.call(operations.status(checkpoint.number, False))
    attributes = status.checkpointCreationAttributes
    attributes.creationFlags = found.attributes.flags
    attributes.checkpointSize = found.attributes.size
    attributes.retentionDuration = found.attributes.retention_ns
    attributes.maxSections = found.attributes.sections_max
    attributes.maxSectionSize = found.attributes.section_size_max
    attributes.maxSectionIdSize = found.attributes.section_id_size_max
    status.numberOfSections = found.sections
    status.memoryUsed = found.used


@exported
def saCkptSectionCreate(handle: int, attributes: Pointer, data: Pointer, size: int) -> None:
    """An id that was generated is in memory for saCkptSectionIdFree."""
    checkpoint = checkpoints.get(handle)
    given(attributes)
    given(attributes.sectionId)
    creating = Create(
        _section_of(attributes.sectionId), _time_of(attributes.expirationTime), bytes_of(data, size, CALL_BYTES_MAX)
    )
    generated = checkpoint.call(operations.change(checkpoint.number, creating, False))
    if generated:
        set_section(attributes.sectionId, generated)


@exported
def saCkptSectionDelete(handle: int, section: Pointer) -> None:
    checkpoint = checkpoints.get(handle)
    deleting = operations.delete_of(_section_of(section))
    checkpoint.call(operations.change(checkpoint.number, deleting, False))


@exported
def saCkptSectionIdFree(handle: int, section: Pointer) -> None:
    checkpoints.get(handle)
    given(section)
    free_section(section)


@exported
def saCkptSectionExpirationTimeSet(handle: int, section: Pointer, time: int) -> None:
    checkpoint = checkpoints.get(handle)
    setting = SetExpiration(_section_of(section), _time_of(time))
    checkpoint.call(operations.change(checkpoint.number, setting, False))


@exported
def saCkptSectionIterationInitialize(handle: int, chosen: int, time: int, iteration: Pointer) -> None:
    checkpoint = checkpoints.get(handle)
    given(iteration)
    compared = chosen in (SectionsChosen.LEQ_EXPIRATION_TIME, SectionsChosen.GEQ_EXPIRATION_TIME)
    expires = seconds_of(time) if compared else 0.0
    number = checkpoint.call(operations.begin_iteration(checkpoint.number, chosen, expires, False))
    iteration[0] = iterations.add(Iteration(checkpoint, number))


@exported
def saCkptSectionIterationNext(handle: int, descriptor: Pointer) -> None:
    iteration = iterations.get(handle)
    given(descriptor)
    if not iteration.found:
        iteration.found += iteration.checkpoint.call(operations.next_sections(iteration.number, False))
    try:
        section = iteration.found.popleft()
    except IndexError:
        raise NoSections("there are no more sections") from None
    iteration.set_section(descriptor.sectionId, section.section)
    descriptor.expirationTime = section.expiration_ns
    descriptor.sectionSize = section.size
    descriptor.sectionState = int(section.state)
    descriptor.lastUpdate = section.last_update_ns


@exported
def saCkptSectionIterationFinalize(handle: int) -> None:
    iteration = iterations.remove(handle)
    iteration.forget()
    iteration.checkpoint.call(operations.end_iteration(iteration.number, True))


@exported
def saCkptCheckpointWrite(handle: int, vector: Pointer, count: int, erroneous: Pointer) -> None:
    checkpoint = checkpoints.get(handle)
    elements = _elements(vector, count)
    pieces = []
    for index, element in enumerate(elements):
        try:
            data = bytes_of(element.dataBuffer, element.dataSize, CALL_BYTES_MAX)
            pieces.append((_section_of(element.sectionId), element.dataOffset, data))
        except AisError as error:
            raise _at(index, error, erroneous) from None
    try:
        checkpoint.call(operations.change(checkpoint.number, operations.write_of(pieces), False))
    except AisError as error:
        raise _at(error.element, error, erroneous) from None


@exported
def saCkptSectionOverwrite(handle: int, section: Pointer, data: Pointer, size: int) -> None:
    checkpoint = checkpoints.get(handle)
    overwriting = operations.overwrite_of(_section_of(section), bytes_of(data, size, CALL_BYTES_MAX))
    checkpoint.call(operations.change(checkpoint.number, overwriting, False))


@exported
def saCkptCheckpointRead(handle: int, vector: Pointer, count: int, erroneous: Pointer) -> None:
    checkpoint = checkpoints.get(handle)
    elements = _elements(vector, count)
    spans = []
    for index, element in enumerate(elements):
        size = SIZE_MAX if element.dataBuffer == NULL else min(element.dataSize, SIZE_MAX)
        try:
            spans.append((_section_of(element.sectionId), element.dataOffset, size))
        except AisError as error:
            raise _at(index, error, erroneous) from None
    try:
        found = checkpoint.call(operations.read(checkpoint.number, spans, False, False))
    except AisError as error:
        raise _at(error.element, error, erroneous) from None
    for element, data in zip(elements, found, strict=True):
        if element.dataBuffer == NULL:
            element.dataBuffer = allocate("char", 1, len(data))
        ffi.memmove(element.dataBuffer, data, len(data))
        element.readSize = len(data)


@exported
def saCkptIOVectorElementDataFree(handle: int, data: Pointer) -> None:
    checkpoints.get(handle)
    given(data)
    release(data)


@exported
def saCkptCheckpointSynchronize(handle: int, timeout: int) -> None:
    checkpoint = checkpoints.get(handle)
    checkpoint.call(operations.synchronize(checkpoint.number, False), seconds_of(timeout))


@exported
def saCkptCheckpointSynchronizeAsync(handle: int, invocation: int) -> None:
    checkpoint = checkpoints.get(handle)
    callbacks = checkpoint.ckpt.callbacks
    checkpoint.call(operations.synchronize_async(callbacks, checkpoint.number, invocation, False))


@exported
def saCkptTrack(handle: int) -> None:
    handles.get(handle).track()


@exported
def saCkptTrackStop(handle: int) -> None:
    handles.get(handle).track_stop()


@exported
def saCkptCheckpointTrack(handle: int) -> None:
    checkpoint = checkpoints.get(handle)
    checkpoint.ckpt.check_tracks()
    checkpoint.track()


@exported
def saCkptCheckpointTrackStop(handle: int) -> None:
    checkpoint = checkpoints.get(handle)
    checkpoint.ckpt.check_tracks()
    checkpoint.track_stop()


def _attributes_of(attributes: Pointer, flags: int) -> Attributes | None:
    """What a checkpoint is created with. Raises BadFlags; InvalidParam: they come with CREATE, and only with it."""
    if not flags & operations.READ_WRITE or flags & ~int(operations.EVERYTHING):
        raise BadFlags(f"checkpoint open flags {flags:#x}")
    if (attributes != NULL) != bool(flags & OpenFlags.CREATE):
        raise InvalidParam("creation attributes come with SA_CKPT_CHECKPOINT_CREATE, and only with it")
    if attributes == NULL:
        return None
    if not attributes.maxSections:
        raise InvalidParam("a checkpoint for no sections")
    if attributes.creationFlags & ~int(CreationFlags.COLLOCATED) not in WRITE_FLAGS:
        raise InvalidParam(f"checkpoint creation flags {attributes.creationFlags:#x}")
    return Attributes(
        attributes.creationFlags,
        min(attributes.checkpointSize, SIZE_MAX),
        _time_of(attributes.retentionDuration),
        attributes.maxSections,
        min(attributes.maxSectionSize, SIZE_MAX),
        min(attributes.maxSectionIdSize, SECTION_ID_MAX),
    )


def _time_of(time: int) -> int:
    """Nanoseconds. Raises InvalidParam."""
    if time < 0:
        raise InvalidParam(f"a time of {time} ns")
    return time


def _section_of(section: Pointer) -> bytes:
    """The id of a section. Raises InvalidParam."""
    given(ffi.addressof(section) if ffi.typeof(section).kind == "struct" else section)
    return operations.section_id(bytes_of(section.id, section.idLen))


def _elements(vector: Pointer, count: int) -> list[Pointer]:
    """The elements of a vector. Raises InvalidParam."""
    given(vector)
    if not 1 <= count <= ELEMENTS_MAX:
        raise InvalidParam(f"{count} elements, expected 1 to {ELEMENTS_MAX}")
    return [vector[index] for index in range(count)]


def _at(index: int | None, error: AisError, erroneous: Pointer) -> AisError:
    """The error, of the element of this index, which the program is told."""
    if index is not None and erroneous != NULL:
        erroneous[0] = index
    return error
