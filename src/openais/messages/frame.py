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
_LENGTH: Final = struct.Struct("<I")
_KINDS: Final = {kind.value: kind for kind in (Kind.REQUEST, Kind.RESPONSE, Kind.CALLBACK)}
_ERRORS: Final = {code.value: code for code in ErrorCode}
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
    """Cuts a stream of bytes into frames. `feed` what arrived, then iterate `frames()`.

    Nothing is copied of frames that arrive whole; of a frame that does not, its chunks are joined once.
    """

    def __init__(self, frame_max: int = FRAME_MAX) -> None:
        self._frame_max = frame_max
        self._chunks: list[bytes] = []
        self._held = 0
        self._wanted = HEADER.size
        """Bytes that must be held before there is anything to cut."""

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes of the stream."""
        self._chunks.append(data if type(data) is bytes else bytes(data))
        self._held += len(data)

    @property
    def buffered(self) -> int:
        """Bytes held of a frame that is not whole yet."""
        return self._held

    def frames(self) -> Iterator[Frame]:
        """The whole frames so far; their bodies are views of memory that does not change. Raises Malformed."""
        if self._held < self._wanted:
            return
        data = memoryview(self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks))
        whole = self._whole_frames(data)
        self._held = len(data) - whole
        self._chunks = [bytes(data[whole:])] if self._held else []
        start = 0
        while start < whole:
            length, number, kind, error, call = HEADER.unpack_from(data, start)
            if kind not in _KINDS:
                raise Malformed(f"frame: kind {kind}, expected 0 to 2")
            if error not in _ERRORS:
                raise Malformed(f"frame: error code {error} is none of SaAisErrorT")
            yield Frame(number, _KINDS[kind], _ERRORS[error], call, data[start + HEADER.size : start + length])
            start += length

    def _whole_frames(self, data: memoryview) -> int:
        """Bytes at the head of `data` that are whole frames. Raises Malformed on an absurd length."""
        end = 0
        self._wanted = HEADER.size
        while len(data) - end >= HEADER.size:
            (length,) = _LENGTH.unpack_from(data, end)
            if not HEADER.size <= length <= self._frame_max:
                raise Malformed(f"frame: length {length}, expected {HEADER.size} to {self._frame_max}")
            if len(data) - end < length:
                self._wanted = length
                break
            end += length
        return end
