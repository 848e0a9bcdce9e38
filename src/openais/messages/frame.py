"""Frames on the unix socket between a library and the executive.

    length  u32   bytes of the whole frame, header included
    number  u16   the message's number (its kind follows from the direction and the call)
    kind    u8    Kind
    error   u8    ErrorCode of a response; 1 (OK) otherwise
    call    u64   number of the call that a request makes and a response answers; 0 for a callback

all little endian, then the body. A response whose error is not OK has no message body but a UTF-8 explanation.
The first frame on a connection is a request of number 0 of `Initialize`, which chooses the service.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from openais.messages.base import Kind, Malformed
from openais.types import ErrorCode

HEADER: Final = struct.Struct("<IHBBQ")
FRAME_MAX: Final = 17 * 1024 * 1024
"""Bytes of the largest frame either side accepts, unless configured smaller."""


class Frame(NamedTuple):
    """One frame, cut out of the stream; its body is not decoded."""

    number: int
    kind: Kind
    error: ErrorCode
    call: int
    body: memoryview


def pack(number: int, kind: Kind, call: int, body: bytes, error: ErrorCode = ErrorCode.OK) -> bytes:
    """One frame."""
    return HEADER.pack(HEADER.size + len(body), number, kind, error, call) + body


class FrameReader:
    """Cuts a stream of bytes into frames. `feed` what arrived, then iterate `frames()`."""

    def __init__(self, frame_max: int = FRAME_MAX) -> None:
        self._frame_max = frame_max
        self._buffer = bytearray()

    def feed(self, data: bytes | memoryview) -> None:
        self._buffer += data

    @property
    def buffered(self) -> int:
        """Bytes held of a frame that is not whole yet."""
        return len(self._buffer)

    def frames(self) -> Iterator[Frame]:
        """The whole frames so far; their bodies are views of memory of their own. Raises Malformed."""
        start = 0
        whole = self._whole_frames()
        data = memoryview(bytes(memoryview(self._buffer)[:whole])) if whole else memoryview(b"")
        if whole:
            del self._buffer[:whole]
        while start < whole:
            length, number, kind, error, call = HEADER.unpack_from(data, start)
            if kind > Kind.CALLBACK:
                raise Malformed(f"frame: kind {kind}, expected 0 to 2")
            try:
                code = ErrorCode(error)
            except ValueError:
                raise Malformed(f"frame: error code {error} is none of SaAisErrorT") from None
            yield Frame(number, Kind(kind), code, call, data[start + HEADER.size : start + length])
            start += length

    def _whole_frames(self) -> int:
        """Bytes at the head of the buffer that are whole frames. Raises Malformed on an absurd length."""
        end = 0
        have = len(self._buffer)
        while have - end >= HEADER.size:
            (length,) = struct.unpack_from("<I", self._buffer, end)
            if not HEADER.size <= length <= self._frame_max:
                raise Malformed(f"frame: length {length}, expected {HEADER.size} to {self._frame_max}")
            if have - end < length:
                break
            end += length
        return end
