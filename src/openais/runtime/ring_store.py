"""What must outlive a restart, on disk: the reserved ring sequence and the last incarnation.

    openais ring store 1
    sequence 1763950000512
    incarnation 115602227200033719
    checksum 5a0c3d21

The file is replaced whole, by rename, and is on the disk (fsync) before anybody hears that it is. A file that is torn
or not ours is set aside: sequence and incarnation then start from the wall clock, far enough beyond whatever was used
before. A lock keeps a second executive from the same file.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import re
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openais.runtime.errors import StartError
from openais.totem.core import sequence_from_clock
from openais.types import NodeId

HEAD: Final = "openais ring store 1"
_SHAPE: Final = re.compile(rf"{HEAD}\nsequence (\d{{1,19}})\nincarnation (\d{{1,20}})\nchecksum ([0-9a-f]{{8}})\n")
_SIZE_MAX: Final = 4096
_CHANCE_BITS: Final = 16

log = logging.getLogger(__name__)


class RingStoreError(StartError):
    """The store cannot be used; the text names the file, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The content of the file."""

    sequence: int
    """No ring id up to this one may be used again."""
    incarnation: int
    """Of the executive that wrote it; the next one's is higher."""


class RingStore:
    """The file of one node in `directory`. Raises RingStoreError when it cannot be used.

    `wall_ms` is the wall clock in milliseconds, `chance` 16 random bits: with the last incarnation they make the new
    one, (milliseconds << 16) | chance, which is higher than every one before, even if the clock was set back.
    """

    def __init__(self, directory: Path, cluster: str, node_id: NodeId, wall_ms: int, chance: int) -> None:
        name = re.sub(r"[^A-Za-z0-9.-]", "_", cluster)
        self.path = directory / f"ring-{name}-{node_id}"
        self._lock = self._take_lock()
        try:
            stored = self._read()
            elapsed = max(wall_ms, (stored.incarnation >> _CHANCE_BITS) + 1 if stored else 0)
            self.incarnation: Final = elapsed << _CHANCE_BITS | chance
            self.sequence: Final = stored.sequence if stored else sequence_from_clock(wall_ms)
            """Where ring ids start: all up to it are reserved on disk."""
            write(self.path, Stored(self.sequence, self.incarnation))
        except OSError as error:
            os.close(self._lock)
            raise RingStoreError(f"{self.path}: {error.strerror}; statedir must be a place to write to") from None
        self._worker = ThreadPoolExecutor(1, "ring store")

    def reserve(self, sequence: int, stored: Callable[[int], None], failed: Callable[[str], None]) -> None:
        """Writes `sequence` in a thread; one of the functions is called in the running loop afterwards."""
        writing = asyncio.get_running_loop().run_in_executor(
            self._worker, write, self.path, Stored(sequence, self.incarnation)
        )

        def written(future: asyncio.Future[None]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                stored(sequence)
            else:
                failed(f"the ring sequence cannot be written to {self.path}: {error}")

        writing.add_done_callback(written)

    def close(self) -> None:
        """Waits for what is being written and lets the next executive in."""
        self._worker.shutdown()
        os.close(self._lock)

    def _take_lock(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise RingStoreError(f"{self.path}.lock: {error.strerror}; statedir must be a place to write to") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise RingStoreError(
                f"{self.path} is in use: another executive runs here with the same node id; "
                "give each its own nodeid (or mcastport, or bindnetaddr)"
            ) from None
        return descriptor

    def _read(self) -> Stored | None:
        try:
            with open(self.path, "rb") as file:
                text = file.read(_SIZE_MAX).decode(errors="replace")
        except FileNotFoundError:
            return None
        stored = parse(text)
        if stored is None:
            aside = self.path.with_name(f"{self.path.name}.damaged")
            os.replace(self.path, aside)
            log.error("%s is damaged: it is kept as %s, and ring ids start from the wall clock", self.path, aside.name)
        return stored


def parse(text: str) -> Stored | None:
    """What a file holds; None when it is torn or none of ours."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    stored = Stored(int(match[1]), int(match[2]))
    return stored if render(stored) == text else None


def render(stored: Stored) -> str:
    """The text of the file."""
    text = f"{HEAD}\nsequence {stored.sequence}\nincarnation {stored.incarnation}\n"
    return f"{text}checksum {zlib.crc32(text.encode()):08x}\n"


def write(path: Path, stored: Stored) -> None:
    """Replaces the file, and returns when it is on the disk. Raises OSError."""
    draft = path.with_name(f"{path.name}.new")
    with open(draft, "wb") as file:
        file.write(render(stored).encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
