"""What a checkpoint may be opened with."""

from __future__ import annotations

from openais.messages.ckpt_operations import OPEN_FLAGS, SIZE_MAX, WRITE_MODES, Attributes, CreationFlags, OpenFlags
from openais.types import BadFlags, InvalidParam, TooBig

_CREATION_FLAGS = int(CreationFlags.COLLOCATED) | sum(map(int, WRITE_MODES))


def check_open(flags: int, attributes: Attributes | None) -> None:
    """Raises BadFlags, InvalidParam, TooBig when the flags or the attributes are wrong, or do not go together."""
    if flags & ~OPEN_FLAGS or not flags & (OpenFlags.READ | OpenFlags.WRITE):
        raise BadFlags(f"open: flags {flags:#x}, expected READ, WRITE or both, and CREATE if it is to be made")
    if (attributes is not None) != bool(flags & OpenFlags.CREATE):
        raise InvalidParam("open: creation attributes are given with CREATE, and only with it")
    if attributes is not None:
        check_attributes(attributes)


def check_attributes(attributes: Attributes) -> None:
    """Raises BadFlags, InvalidParam, TooBig."""
    flags = attributes.flags
    if flags & ~_CREATION_FLAGS or sum(bool(flags & mode) for mode in WRITE_MODES) != 1:
        explanation = "one of WR_ALL_REPLICAS, WR_ACTIVE_REPLICA, WR_ACTIVE_REPLICA_WEAK, and COLLOCATED or not"
        raise BadFlags(f"open: creation flags {flags:#x}, expected {explanation}")
    if attributes.size > SIZE_MAX:
        raise TooBig(f"open: a checkpoint of {attributes.size} bytes, expected {SIZE_MAX} at most")
    sections_max, section_size_max = attributes.sections_max, attributes.section_size_max
    if attributes.size > sections_max * section_size_max:
        explanation = f"which is more than {sections_max} sections of {section_size_max} bytes"
        raise InvalidParam(f"open: a checkpoint of {attributes.size} bytes, {explanation}")
    if sections_max > 1 and not attributes.section_id_size_max:
        raise InvalidParam(f"open: {sections_max} sections, whose ids may have no byte")
