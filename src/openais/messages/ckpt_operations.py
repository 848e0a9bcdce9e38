"""The vocabulary of checkpoints: limits, flags, attributes, and the operations that change sections.

A library sends many operations in one request, in order, each done or refused for itself. They are encoded by the
library and stay as they are on their way through the executive of the caller and the ring; every replica decodes and
applies them where they are delivered.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final, TypeAlias

import msgspec

from openais.messages.base import Malformed
from openais.types import TIME_END

CHECKPOINTS_MAX: Final = 4096
"""Checkpoints of the cluster."""
SIZE_MAX: Final = 64 * 1024 * 1024 * 1024
"""Bytes that a checkpoint may be created for."""
SECTIONS_MAX: Final = 2**32 - 1
"""Sections that a checkpoint may be created for (SaUint32T)."""
SECTION_ID_MAX: Final = 256
"""Bytes of a section id."""
CALL_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes that one call may write or read."""
REQUEST_BYTES_MAX: Final = 512 * 1024
"""Bytes of operations in one request; more go ahead in parts of this size, see UploadPart."""
ANSWER_BYTES_MAX: Final = 1024 * 1024
"""Bytes of data in one answer; the rest of a read is fetched, see ReadMore."""
OPERATIONS_MAX: Final = 16384
"""Operations in one request."""
ELEMENTS_MAX: Final = 4096
"""Elements of one vector (SaCkptIOVectorElementT)."""
DESCRIPTORS_MAX: Final = 1024
"""Sections described by one answer."""
EXPIRED_MAX: Final = 1024
"""Sections, or checkpoints, that expire by one message."""
CHANGES_MAX: Final = 1024
"""Sections named by one notice of changes."""

DEFAULT_SECTION: Final = b""
"""The id of the one section of a checkpoint that has one only (SA_CKPT_DEFAULT_SECTION_ID)."""
GENERATED_SECTION: Final = b""
"""The id to create a section with that is to be given one (SA_CKPT_GENERATED_SECTION_ID)."""

SectionId = Annotated[bytes, msgspec.Meta(max_length=SECTION_ID_MAX)]
ExpirationNs = Annotated[int, msgspec.Meta(ge=0, le=TIME_END)]
DurationNs = Annotated[int, msgspec.Meta(ge=0, le=TIME_END)]
Size = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Invocation = Annotated[int, msgspec.Meta(ge=0)]
UnknownFlags = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
"""Flags, of which the service says itself which are wrong."""


class CreationFlags(enum.IntFlag):
    """SaCkptCheckpointCreationFlagsT: when a write is answered, and whether replicas follow those who open it."""

    WR_ALL_REPLICAS = 1
    """When every member of the cluster has it."""
    WR_ACTIVE_REPLICA = 2
    """When the active replica has it."""
    WR_ACTIVE_REPLICA_WEAK = 4
    """When it has its place in the order, and the replica of the writer's node has it."""
    COLLOCATED = 8
    """The active replica is the one that a program sets."""


WRITE_MODES: Final = (
    CreationFlags.WR_ALL_REPLICAS,
    CreationFlags.WR_ACTIVE_REPLICA,
    CreationFlags.WR_ACTIVE_REPLICA_WEAK,
)
"""Exactly one of these is given."""


class OpenFlags(enum.IntFlag):
    """SaCkptCheckpointOpenFlagsT."""

    READ = 1
    WRITE = 2
    CREATE = 4
    """Make the checkpoint when there is none of that name."""


OPEN_FLAGS: Final = int(OpenFlags.READ | OpenFlags.WRITE | OpenFlags.CREATE)


class SectionState(enum.IntEnum):
    """SaCkptSectionStateT."""

    VALID = 1
    CORRUPTED = 2
    """Its data are damaged. Overwriting it makes it valid. Nothing here damages data: see docs/checkpoints.md."""


class SectionsChosen(enum.IntEnum):
    """SaCkptSectionsChosenT: which sections an iteration gives."""

    FOREVER = 1
    LEQ_EXPIRATION_TIME = 2
    GEQ_EXPIRATION_TIME = 3
    CORRUPTED = 4
    ANY = 5


class Attributes(msgspec.Struct, array_like=True, frozen=True):
    """SaCkptCheckpointCreationAttributesT: what a checkpoint is created with."""

    flags: UnknownFlags
    """Of CreationFlags."""
    size: Size
    """Bytes of all data together (checkpointSize)."""
    retention_ns: DurationNs
    """How long it is kept when nobody has it open (retentionDuration)."""
    sections_max: Annotated[int, msgspec.Meta(ge=1, le=SECTIONS_MAX)]
    section_size_max: Size
    section_id_size_max: Annotated[int, msgspec.Meta(ge=0, le=SECTION_ID_MAX)]


# Operations.


class Element(msgspec.Struct, array_like=True, frozen=True):
    """SaCkptIOVectorElementT of a write: these data from this offset on; a section that is too short grows."""

    section: SectionId
    offset: Size
    data: bytes


class Write(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """saCkptCheckpointWrite: all elements, in order, or none."""

    elements: Annotated[tuple[Element, ...], msgspec.Meta(min_length=1, max_length=ELEMENTS_MAX)]


class Overwrite(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """saCkptSectionOverwrite: the section has these data and no others."""

    section: SectionId
    data: bytes


class Create(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """saCkptSectionCreate. An id is generated for GENERATED_SECTION."""

    section: SectionId
    expiration_ns: ExpirationNs
    data: bytes


class Delete(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """saCkptSectionDelete."""

    section: SectionId


class SetExpiration(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """saCkptSectionExpirationTimeSet."""

    section: SectionId
    expiration_ns: ExpirationNs


class Put(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """Overwrites the section, or creates it, to stay for ever, when there is none. No function of the specification."""

    section: SectionId
    data: bytes


class Expire(msgspec.Struct, array_like=True, frozen=True, tag=7):
    """Deletes the sections that still have these expiration times. Said by an executive, never by a library."""

    sections: tuple[tuple[SectionId, ExpirationNs], ...]


Operation: TypeAlias = Write | Overwrite | Create | Delete | SetExpiration | Put | Expire

_encoder: Final = msgspec.msgpack.Encoder()
_operations: Final = msgspec.msgpack.Decoder(
    Annotated[tuple[Operation, ...], msgspec.Meta(min_length=1, max_length=OPERATIONS_MAX)]
)


def encode_operations(operations: tuple[Operation, ...] | list[Operation]) -> bytes:
    """`operations` as messages carry them."""
    return _encoder.encode(operations)


def decode_operations(encoded: bytes | memoryview | msgspec.Raw) -> tuple[Operation, ...]:
    """The operations in `encoded`. Raises Malformed."""
    try:
        operations: tuple[Operation, ...] = _operations.decode(encoded)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"operations: {error}") from None
    return operations


def encode_operation(operation: Operation) -> bytes:
    """One operation, for `joined_operations`."""
    return _encoder.encode(operation)


def joined_operations(encoded: list[bytes]) -> bytes:
    """Operations that were encoded one by one, as `encode_operations` gives them together."""
    count = len(encoded)
    assert count <= OPERATIONS_MAX
    head = bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
    return head + b"".join(encoded)
