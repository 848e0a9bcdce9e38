"""Memory that the executive shares with a library: a file without a name, of a size that nobody can change."""

from __future__ import annotations

import fcntl
import logging
import os
from typing import Final

from openais.client.mapping import MappedMemory

DIRECTION_BYTES: Final = 4 * 1024 * 1024
"""For each direction. Pages are taken when they are first used."""

log = logging.getLogger(__name__)


def share() -> tuple[MappedMemory, int] | None:
    """The executive's end, and the descriptor that the library maps; None when this machine gives none."""
    size = 2 * DIRECTION_BYTES
    try:
        descriptor = os.memfd_create("openais", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except (OSError, AttributeError) as error:
        log.info("no memory is shared with a library: %s", error)
        return None
    try:
        os.ftruncate(descriptor, size)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return MappedMemory(descriptor, executive=True), descriptor
    except OSError as error:
        os.close(descriptor)
        log.info("no memory is shared with a library: %s", error)
        return None
