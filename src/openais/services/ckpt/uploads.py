"""Operations that are too long for one message, gathered from their parts at every replica.

All members are given the same parts, so all find alike whether one is complete. A configuration change drops what is
incomplete, since who joins has not got its beginning; the library begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from openais.types import NodeId

UPLOADED_BYTES_MAX: Final = 256 * 1024 * 1024
"""Bytes of parts that may wait in the cluster."""


@dataclass(slots=True)
class _Upload:
    parts: list[bytes] = field(default_factory=list)
    size: int = 0


class Uploads:
    """By node, connection and a number of the library."""

    def __init__(self) -> None:
        self._uploads: dict[tuple[NodeId, int, int], _Upload] = {}
        self._bytes = 0

    def full(self, size: int) -> bool:
        """Whether so much more would be too much."""
        return self._bytes + size > UPLOADED_BYTES_MAX

    def add(self, key: tuple[NodeId, int, int], index: int, data: bytes) -> bool:
        """A part came. False when those before it are not here."""
        upload = self._uploads.get(key)
        if index == 0:
            self._drop(key)
            upload = self._uploads[key] = _Upload()
        elif upload is None or index != len(upload.parts):
            return False
        upload.parts.append(data)
        upload.size += len(data)
        self._bytes += len(data)
        return True

    def take(self, key: tuple[NodeId, int, int], size: int) -> bytes | None:
        """The whole, which is gone from here then; None when it is not complete."""
        upload = self._uploads.get(key)
        if upload is None or upload.size != size:
            return None
        self._drop(key)
        return b"".join(upload.parts)

    def drop(self, node: NodeId, connection: int) -> None:
        """A connection is gone."""
        for key in [each for each in self._uploads if each[:2] == (node, connection)]:
            self._drop(key)

    def clear(self) -> None:
        """Drops all."""
        self._uploads.clear()
        self._bytes = 0

    def _drop(self, key: tuple[NodeId, int, int]) -> None:
        upload = self._uploads.pop(key, None)
        if upload is not None:
            self._bytes -= upload.size
