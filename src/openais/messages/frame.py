"""Frames on the unix socket between a library and the executive.

    length  u32   bytes of the whole frame, header included
    number  u16   the message's number (its kind follows from the direction and the call)
    kind    u8    Kind
    error   u8    ErrorCode of a response; 1 (OK) otherwise
    call    u64   number of the call that a request makes and a response answers; 0 for a callback

all little endian, then the body. A response whose error is not OK has no message body but a UTF-8 explanation. With
SHARED in its kind a frame holds the place of its body in shared memory instead (see `messages.shared`); one of the kind
RELEASED concerns that memory only.
The first frame on a connection is a request of number 0 of `Initialize`, which chooses the service.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain
from typing import Final, Protocol, TypeAlias

import msgspec

from openais.messages.base import Kind, Malformed
from openais.types import ErrorCode

HEADER: Final = struct.Struct("<IHBBQ")
_HEADER_BYTES: Final = HEADER.size
_LENGTH: Final = struct.Struct("<I")
_KINDS: Final = {kind.value: kind for kind in (Kind.REQUEST, Kind.RESPONSE, Kind.CALLBACK)}
_ERRORS: Final = {code.value: code for code in ErrorCode}
SHARED: Final = 0x80
"""In the kind of a frame: what follows the header is the place of the body in shared memory."""
RELEASED: Final = 0x40
"""The kind of a frame that says, by its call, up to which position shared memory is free again."""
PLACE: Final = struct.Struct("<QI")
"""Position and length of a body in shared memory."""
FRAME_MAX: Final = 17 * 1024 * 1024
"""Bytes of the largest frame either side accepts, unless configured smaller."""
_NOTHING: Final = memoryview(b"")

Pieces: TypeAlias = tuple[bytes | memoryview, ...]
"""Bytes that belong together, in memory here and there."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame, cut out of the stream; its body is not decoded."""

    number: int
    kind: Kind
    error: ErrorCode
    call: int
    body: memoryview


class Incoming(Protocol):
    """Shared memory, as far as who reads frames needs it; both raise Malformed."""

    def take(self, position: int, length: int) -> memoryview:
        """The body at a place."""

    def released(self, position: int) -> None:
        """The other side has taken everything up to this position."""


def pack(number: int, kind: Kind, call: int, body: bytes, error: ErrorCode = ErrorCode.OK) -> bytes:
    """One frame."""
    return HEADER.pack(HEADER.size + len(body), number, kind, error, call) + body


def pack_pieces(number: int, kind: Kind, call: int, body: Pieces) -> Pieces:
    """One frame around a body in pieces, the first of which gets the header."""
    first, *rest = body
    length = HEADER.size + sum(map(len, body))
    return (HEADER.pack(length, number, kind, ErrorCode.OK, call) + first, *rest)


class FrameReader:
    """Cuts a stream of bytes into frames. `feed` what arrived, then iterate `frames()` to its end.

    Frames that arrive whole are views of what was fed, which may not change as long as they are in use. Of a frame that
    arrives in parts a copy is made when it is whole; parts of what may change are copied when they come.
    """

    def __init__(self, frame_max: int = FRAME_MAX) -> None:
        self._frame_max = frame_max
        self.shared: Incoming | None = None
        """Where bodies may be that are not in the stream."""
        self._data = _NOTHING
        """What was fed and not cut yet."""
        self._parts: list[bytes | memoryview] = []
        """What came before of the first frame."""
        self._held = 0
        """Bytes of these."""
        self._wanted = HEADER.size
        """Bytes of its header, or of all of it once that is known."""

    def feed(self, data: bytes | memoryview) -> None:
        """Takes the next bytes of the stream."""
        self._data = memoryview(data)

    @property
    def buffered(self) -> int:
        """Bytes held of a frame that is not whole yet."""
        return self._held

    def frames(self) -> Iterator[Frame]:
        """The whole frames so far. It and its iteration raise Malformed."""
        data, self._data = self._data, _NOTHING
        if not self._held:
            return self._cut(data, 0)
        start, first = self._complete(data)
        following = self._cut(data, start)
        return following if first is None else chain(self._cut(first, 0), following)

    def _cut(self, data: memoryview, start: int) -> Iterator[Frame]:
        """The frames that are whole from `start` on, and holds the rest."""
        end = len(data)
        while end - start >= _HEADER_BYTES:
            length, number, kind, error, call = HEADER.unpack_from(data, start)
            if not _HEADER_BYTES <= length <= self._frame_max:
                raise self._absurd(length)
            if end - start < length:
                self._wanted = length
                break
            body = data[start + _HEADER_BYTES : start + length]
            start += length
            if kind >= RELEASED and self.shared is not None:
                if kind == RELEASED:
                    self.shared.released(call)
                    continue
                kind &= ~SHARED
                body = self._body(body)
            if kind not in _KINDS:
                raise Malformed(f"frame: kind {kind}, expected 0 to 2")
            if error not in _ERRORS:
                raise Malformed(f"frame: error code {error} is none of SaAisErrorT")
            yield Frame(number, _KINDS[kind], _ERRORS[error], call, body)
        if start < end:
            self._hold(data[start:])

    def _complete(self, data: memoryview) -> tuple[int, memoryview | None]:
        """Adds to the parts what they lack: where in `data` the next frame begins, and the one in parts once whole."""
        start = 0
        while start < len(data):
            part = data[start : start + self._wanted - self._held]
            start += len(part)
            self._hold(part)
            if self._held < self._wanted:
                break
            whole = memoryview(b"".join(self._parts))
            (self._wanted,) = _LENGTH.unpack_from(whole)
            if not _HEADER_BYTES <= self._wanted <= self._frame_max:
                raise self._absurd(self._wanted)
            if self._held == self._wanted:
                self._parts, self._held, self._wanted = [], 0, HEADER.size
                return start, whole
        return start, None

    def _hold(self, part: memoryview) -> None:
        self._parts.append(part if part.readonly else bytes(part))
        self._held += len(part)

    def _absurd(self, length: int) -> Malformed:
        return Malformed(f"frame: length {length}, expected {_HEADER_BYTES} to {self._frame_max}")

    def _body(self, place: memoryview) -> memoryview:
        """The body in shared memory."""
        if len(place) != PLACE.size:
            raise Malformed(f"frame: a place of {len(place)} bytes, expected {PLACE.size}")
        position, length = PLACE.unpack(place)
        if length > self._frame_max - HEADER.size:
            raise Malformed(f"frame: body of {length} bytes, expected at most {self._frame_max - HEADER.size}")
        assert self.shared is not None
        return self.shared.take(position, length)
