"""Library connections: bytes in and out of stream sockets, none of which may block or starve the others.

A wake-up reads at most READ_MAX bytes of one connection and writes what one system call takes. What the executive
sends is gathered and leaves in one call for each connection when the effects of an input were performed. A connection
that the executive does not want to read (`LibraryHost.reading`) waits in the kernel, and so holds its sender back.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
from collections import deque
from collections.abc import Iterable
from functools import partial
from typing import Final, Protocol

from openais.client.mapping import MappedMemory
from openais.executive.connections import Credentials, Share
from openais.messages.shared import SharedMemory
from openais.runtime.shared_file import DIRECTION_BYTES, share

READ_MAX: Final = 256 * 1024
VECTORS_MAX: Final = 512
"""Pieces written by one system call."""
BUFFER_WANTED: Final = 1024 * 1024
LAST_WORDS_S: Final = 60.0
"""How long the last write to a connection that is closed waits to be read, when all before it was dropped."""

log = logging.getLogger(__name__)


class LibraryHost(Protocol):
    """Whom connections serve: the executive, behind its driver."""

    def library_opened(self, connection: int, credentials: Credentials, share: Share) -> None:
        """A library was let in. `share` makes memory to share with it."""

    def library_data(self, connection: int, data: bytes) -> None:
        """It sent these bytes."""

    def library_written(self, connection: int, byte_count: int) -> None:
        """So many of the bytes written to it have left for the kernel."""

    def library_closed(self, connection: int) -> None:
        """It is gone."""

    def reading(self, connection: int) -> bool:
        """Whether more may be read of it now."""


class _Write:
    """What was handed over to be written in one call: the pieces of it that are left."""

    __slots__ = ("begun", "pieces")

    def __init__(self, pieces: Iterable[bytes | memoryview]) -> None:
        self.pieces = list(pieces)
        self.begun = False
        """Whether a part of it has left for the kernel."""

    def consume(self, count: int) -> int:
        """Takes off it up to `count` bytes, which have left; how many there are of these for the next one."""
        self.begun = True
        whole = 0
        for piece in self.pieces:
            if count < len(piece):
                break
            count -= len(piece)
            whole += 1
        del self.pieces[:whole]
        if self.pieces:
            self.pieces[0] = memoryview(self.pieces[0])[count:]
            return 0
        return count


class _Connection:
    """One stream socket. `closing` once no more is read of it and it ends when its queue is empty."""

    __slots__ = ("closing", "descriptor", "number", "queue", "shared", "socket", "writing")

    def __init__(self, number: int, stream: socket.socket) -> None:
        self.number = number
        self.socket = stream
        self.queue: deque[_Write] = deque()
        self.writing = False
        """Whether the loop tells when it can be written again."""
        self.closing: asyncio.TimerHandle | None = None
        self.shared: MappedMemory | None = None
        """Memory that is shared with it."""
        self.descriptor = -1
        """Goes with what is written next."""

    def take_descriptor(self) -> int:
        """The descriptor, which is the caller's to close from now on."""
        descriptor, self.descriptor = self.descriptor, -1
        return descriptor


class LibraryConnections:
    """All connections of an executive, in the loop that runs when they are attached."""

    def __init__(self, host: LibraryHost, shares_max: int = 0) -> None:
        """With up to `shares_max` of them memory is shared, if they want to."""
        self._host = host
        self._shares_left = shares_max
        self._numbers = itertools.count(1)
        self._connections: dict[int, _Connection] = {}
        self._unflushed: dict[int, _Connection] = {}
        self._paused: dict[int, _Connection] = {}
        self._buffer = memoryview(bytearray(READ_MAX))
        """What is read goes through here: to make room for it each time costs more than the copy."""

    def __len__(self) -> int:
        return len(self._connections)

    def attach(self, stream: socket.socket, credentials: Credentials) -> int:
        """Serves a connected stream socket from now on; its number."""
        stream.setblocking(False)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_WANTED)
        connection = _Connection(next(self._numbers), stream)
        self._connections[connection.number] = connection
        self._watch(connection)
        self._host.library_opened(connection.number, credentials, partial(self._share, connection))
        return connection.number

    def write(self, number: int, *pieces: bytes | memoryview) -> None:
        """Queues what leaves with the next `flush`. Nothing happens when the connection is gone."""
        connection = self._connections.get(number)
        if connection is not None and connection.closing is None:
            connection.queue.append(_Write(pieces))
            self._unflushed[number] = connection

    def flush(self) -> None:
        """Writes what was queued, first to who was written to first, and reads again what may be read again."""
        while self._unflushed:
            unflushed, self._unflushed = self._unflushed, {}
            for connection in unflushed.values():
                if not connection.writing:
                    self._write_some(connection)
        if self._paused:
            self._resume()

    def close(self, number: int, grace_s: float) -> None:
        """Writes what is queued for at most `grace_s` seconds, then ends the connection; it is read no more.

        Of what is not read by then only the last write is kept, for LAST_WORDS_S.
        """
        connection = self._connections.get(number)
        if connection is None or connection.closing is not None:
            return
        self._unwatch(connection)
        loop = asyncio.get_running_loop()
        connection.closing = loop.call_later(grace_s, self._cut_short, connection)
        self._unflushed[number] = connection

    def close_all(self) -> None:
        """Ends all at once; what is queued is tried once."""
        for connection in list(self._connections.values()):
            self._write_some(connection)
            self._end(connection)

    def _share(self, connection: _Connection) -> tuple[SharedMemory, int] | None:
        made = share() if self._shares_left > 0 and connection.shared is None else None
        if made is None:
            return None
        self._shares_left -= 1
        connection.shared, connection.descriptor = made
        return connection.shared, DIRECTION_BYTES

    def _watch(self, connection: _Connection) -> None:
        asyncio.get_running_loop().add_reader(connection.socket, self._readable, connection)

    def _unwatch(self, connection: _Connection) -> None:
        self._paused.pop(connection.number, None)
        asyncio.get_running_loop().remove_reader(connection.socket)

    def _readable(self, connection: _Connection) -> None:
        if not self._host.reading(connection.number):
            self._unwatch(connection)
            self._paused[connection.number] = connection
            return
        try:
            count = connection.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            count = 0
        if count:
            self._host.library_data(connection.number, bytes(self._buffer[:count]))
        else:
            self._end(connection)

    def _resume(self) -> None:
        for connection in list(self._paused.values()):
            if self._host.reading(connection.number):
                del self._paused[connection.number]
                self._watch(connection)

    def _write_some(self, connection: _Connection) -> None:
        """One system call; the rest waits until the loop says that the connection can be written."""
        queue = connection.queue
        if queue:
            try:
                if connection.descriptor < 0:
                    count = connection.socket.sendmsg(_vectors(queue))
                else:
                    count = socket.send_fds(connection.socket, _vectors(queue), [connection.descriptor])
                    os.close(connection.take_descriptor())
            except BlockingIOError:
                count = 0
            except OSError:
                self._end(connection)
                return
            _consume(queue, count)
            self._want_writing(connection, bool(queue))
            if count:
                self._host.library_written(connection.number, count)
        if not queue and connection.closing is not None:
            self._end(connection)

    def _want_writing(self, connection: _Connection, wanted: bool) -> None:
        if wanted == connection.writing:
            return
        connection.writing = wanted
        loop = asyncio.get_running_loop()
        if wanted:
            loop.add_writer(connection.socket, self._write_some, connection)
        else:
            loop.remove_writer(connection.socket)

    def _cut_short(self, connection: _Connection) -> None:
        """Drops what waits between the write that was begun and the last one."""
        queue = connection.queue
        first, last = queue[0], queue[-1]
        if first is last:
            self._end(connection)
            return
        queue.clear()
        queue.extend((first, last) if first.begun else (last,))
        connection.closing = asyncio.get_running_loop().call_later(LAST_WORDS_S, self._end, connection)

    def _end(self, connection: _Connection) -> None:
        if self._connections.pop(connection.number, None) is None:
            return
        self._unflushed.pop(connection.number, None)
        if connection.closing is not None:
            connection.closing.cancel()
        self._unwatch(connection)
        self._want_writing(connection, False)
        connection.socket.close()
        if connection.descriptor >= 0:
            os.close(connection.take_descriptor())
        self._host.library_closed(connection.number)
        if connection.shared is not None:
            self._shares_left += 1
            connection.shared.close()


def _vectors(queue: deque[_Write]) -> list[bytes | memoryview]:
    """What one system call takes of the queue."""
    if len(queue) == 1:
        return queue[0].pieces[:VECTORS_MAX]
    return list(itertools.islice(itertools.chain.from_iterable(write.pieces for write in queue), VECTORS_MAX))


def _consume(queue: deque[_Write], count: int) -> None:
    """Takes the first `count` bytes off the queue."""
    while count:
        count = queue[0].consume(count)
        if not queue[0].pieces:
            queue.popleft()
