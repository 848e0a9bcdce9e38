"""The log of a service on disk: records behind a checksum, appended in a thread of its own.

A log is a file NAME.NUMBER: a head, then records, each behind its length and its CRC-32. A record of no bytes says that
the log is complete: it has taken the place of the one before, which is deleted then. At a start the complete log of the
highest number counts, up to its first record that is torn or damaged.

What is handed over while a write is under way is written together next. With `durable` it is on disk (fsync) before
anybody is told so; else it is with the kernel, which keeps it if the executive dies, but not if the machine does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from openais.runtime.errors import StartError
from openais.services.base import Log

HEAD: Final = b"openais service log 1\n"
_FRAME: Final = struct.Struct("<II")
_COMPLETE: Final = _FRAME.pack(0, 0)
_RECORD_MAX: Final = 64 * 1024 * 1024 + 65536

log = logging.getLogger(__name__)


class ServiceLog:
    """The log of one service of one node in `directory`. Raises StartError when it cannot be used."""

    def __init__(self, directory: Path, name: str, durable: bool) -> None:
        self._directory = directory
        self._name = re.sub(r"[^A-Za-z0-9-]", "_", name)
        self._durable = durable
        self._file: int | None = None
        """The log that is written: the new one, while there is one."""
        self._old: int | None = None
        """The log before it, which is written as well until the new one is complete."""
        self._waiting: list[Log] = []
        self._writing = False
        self._worker = ThreadPoolExecutor(1, "service log")
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._numbers = sorted(self._found())
        except OSError as error:
            raise StartError(f"{directory}: {error.strerror}; ckpt.persist must be a place to write to") from None
        self._next_number = max(self._numbers, default=0) + 1

    def path(self, number: int) -> Path:
        """The file of that number."""
        return self._directory / f"{self._name}.{number}"

    def records(self) -> list[bytes]:
        """What the last complete log holds. Raises StartError when it cannot be read."""
        for number in reversed(self._numbers):
            path = self.path(number)
            try:
                records, complete, rest = _read(path.read_bytes())
            except OSError as error:
                raise StartError(f"{path}: {error.strerror}") from None
            if complete:
                if rest:
                    log.warning("%s: the last %d bytes are torn or damaged, and left out", path, rest)
                return records
        return []

    def append(self, log: Log, stored: Callable[[int], None], failed: Callable[[str], None]) -> None:
        """Writes in a thread; one of the functions is called in the running loop afterwards."""
        self._waiting.append(log)
        if not self._writing:
            self._write_next(stored, failed)

    def close(self) -> None:
        """Writes what waits, and ends."""
        self._worker.shutdown()
        if self._waiting:
            self._write(self._waiting)
        self._close_old()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _found(self) -> Iterator[int]:
        for path in self._directory.glob(f"{self._name}.*"):
            if path.suffix[1:].isdigit():
                yield int(path.suffix[1:])

    def _write_next(self, stored: Callable[[int], None], failed: Callable[[str], None]) -> None:
        logs, self._waiting = self._waiting, []
        self._writing = True

        def written(writing: asyncio.Future[None]) -> None:
            self._writing = False
            error = writing.exception()
            if error is not None:
                failed(f"{self.path(self._next_number - 1)}: {error}")
                return
            if self._waiting:
                self._write_next(stored, failed)
            stored(logs[-1].token)

        asyncio.get_running_loop().run_in_executor(self._worker, self._write, logs).add_done_callback(written)

    def _write(self, logs: list[Log]) -> None:
        """In the thread."""
        both: list[bytes] = []
        new: list[bytes] = []
        completes = False
        for each in logs:
            if each.begins:
                self._flush(both, new)
                self._begin(each.replaces)
                completes = False
            records = [] if each.begins and each.replaces else _framed(each.records)
            if not each.begins:
                new += records
            both += records
            new += _framed(each.snapshot)
            if each.completes:
                new.append(_COMPLETE)
                completes = True
        self._flush(both, new)
        for file in (self._old, self._file):
            if file is not None and (self._durable or completes):
                os.fsync(file)
        if completes:
            self._close_old()
            self._delete_others()

    def _flush(self, both: list[bytes], new: list[bytes]) -> None:
        """Writes to the old log what goes to both, and to the new one all that goes to it."""
        for file, pieces in ((self._old, both), (self._file, new)):
            if pieces and file is not None:
                data = memoryview(b"".join(pieces))
                while data:
                    data = data[os.write(file, data) :]
            pieces.clear()

    def _close_old(self) -> None:
        if self._old is not None:
            os.close(self._old)
            self._old = None

    def _begin(self, replaces: bool) -> None:
        self._close_old()
        if replaces and self._file is not None:
            os.close(self._file)
        elif not replaces:
            self._old = self._file
        path = self.path(self._next_number)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._numbers.append(self._next_number)
        self._next_number += 1
        os.write(self._file, HEAD)
        directory = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _delete_others(self) -> None:
        """The log that is complete is the only one."""
        for number in self._numbers[:-1]:
            self.path(number).unlink(missing_ok=True)
        del self._numbers[:-1]


def _framed(records: Iterable[bytes]) -> list[bytes]:
    """Each behind its length and its checksum."""
    return [piece for record in records for piece in (_FRAME.pack(len(record), zlib.crc32(record)), record)]


def _read(data: bytes) -> tuple[list[bytes], bool, int]:
    """The records, whether the log is complete, and how many bytes at the end are of no use."""
    records: list[bytes] = []
    complete = False
    if not data.startswith(HEAD):
        return records, complete, len(data)
    at, view = len(HEAD), memoryview(data)
    while at + _FRAME.size <= len(data):
        size, checksum = _FRAME.unpack_from(data, at)
        record = bytes(view[at + _FRAME.size : at + _FRAME.size + size])
        if size > _RECORD_MAX or len(record) < size or zlib.crc32(record) != checksum:
            break
        at += _FRAME.size + size
        if size:
            records.append(record)
        else:
            complete = True
    return records, complete, len(data) - at
