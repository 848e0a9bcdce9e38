"""A rogue: a program that talks to an executive's library socket without a library, and not as it should."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from openais.messages.base import Kind, ServiceId, decode, encode
from openais.messages.frame import Frame, FrameReader, pack
from openais.messages.session import GOODBYE_NUMBER, INITIALIZE_NUMBER, Goodbye, Initialize
from openais.types import ErrorCode

WAIT_S = 60.0


class Rogue:
    """One connection. Made by `rogue`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader()
        self._waiting: list[Frame] = []

    def send(self, data: bytes) -> None:
        """Sends bytes."""
        self._writer.write(data)

    def request(self, number: int, body: bytes, call: int = 1) -> None:
        """Sends a request, whatever it is."""
        self.send(pack(number, Kind.REQUEST, call, body))

    async def initialize(self, service: ServiceId) -> None:
        """Opens a session as a library would."""
        self.request(INITIALIZE_NUMBER, encode(Initialize(service, "B", 1, 1)))
        assert (await self.answer(1)).error is ErrorCode.OK

    async def answer(self, call: int) -> Frame:
        """The answer to a call; what comes before is dropped."""
        while True:
            frame = await self.frame()
            assert frame is not None, "the connection was closed"
            if frame.kind is Kind.RESPONSE and frame.call == call:
                return frame

    async def frame(self) -> Frame | None:
        """The next frame; None at the end of the stream."""
        async with asyncio.timeout(WAIT_S):
            while not self._waiting:
                try:
                    data = await self._reader.read(65_536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    return None
                self._frames.feed(data)
                self._waiting += self._frames.frames()
        return self._waiting.pop(0)

    async def goodbye(self) -> Goodbye:
        """Why the executive closes the connection; what comes before is dropped, and nothing may come after."""
        reason: Goodbye | None = None
        while (frame := await self.frame()) is not None:
            assert reason is None, "something came after the goodbye"
            if (frame.kind, frame.number) == (Kind.CALLBACK, GOODBYE_NUMBER):
                reason = decode(Goodbye, frame.body)
        assert reason is not None, "closed without a word"
        return reason


@contextlib.asynccontextmanager
async def rogue(path: Path) -> AsyncIterator[Rogue]:
    """A connection to the executive at `path`."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        yield Rogue(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
