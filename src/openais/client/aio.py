"""The connection of an asyncio handle: runs operations and takes events over a unix socket, on one event loop.

The socket is read by `loop.add_reader`, a burst at a time. It is not read while too many events wait and nobody awaits
an answer: then the executive sees a slow reader, and the backpressure goes where it belongs. Requests are written at
once; what the socket does not take waits, and who calls while much waits is held up until it is written.

Cancellation: a call that is cancelled before its frame was queued has no effect; after that its answer is dropped when
it comes. A cancelled wait for an event takes none.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable
from itertools import islice
from typing import Final, Generic, TypeVar

from openais.client.connecting import receive_first
from openais.client.events import EventQueue
from openais.client.mapping import MappedMemory
from openais.client.operation import Operation, Pause
from openais.client.session import Session
from openais.messages.base import Message, Request
from openais.messages.frame import Pieces
from openais.types import AisError, DispatchFlags, TimeoutExpired

READ_BYTES: Final = 256 * 1024
READS_PER_TURN: Final = 8
"""How often the socket is read before the loop's other work has its turn."""
VECTORS_MAX: Final = 64
"""Pieces written by one system call."""
UNWRITTEN_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bytes that wait for the socket before further calls are held up."""

E = TypeVar("E")
T = TypeVar("T")


class AsyncConnection(Generic[E]):
    """A session over a connected unix socket, which it owns. Deadlines are of loop.time(). For one event loop only."""

    def __init__(self, sock: socket.socket, session: Session[E]) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._calls: dict[int, asyncio.Future[None]] = {}
        """Calls whose answers are awaited."""
        self._started: dict[int, Callable[[Message | AisError], None]] = {}
        """Calls whose answers are handed on."""
        self._event_waiters: deque[asyncio.Future[None]] = deque()
        self._room_waiters: deque[asyncio.Future[None]] = deque()
        self._unwritten: deque[memoryview] = deque()
        self._unwritten_bytes = 0
        self._buffer = bytearray(READ_BYTES)
        self._mapped: MappedMemory | None = None
        self._reading = False
        self._writing = False
        self._watch()

    @property
    def session(self) -> Session[E]:
        return self._session

    async def open(self, process_id: int, process_name: str, deadline: float) -> None:
        """The handshake. Raises what the executive answers."""
        call, frame = self._session.initialize(process_id, process_name)
        self._session.opened(await self._answer(call, frame, deadline))

    async def run(self, operation: Operation[T], timeout: float) -> T:
        """Runs `operation` within `timeout` seconds and gives its result. Raises its errors, or TimeoutExpired."""
        deadline = self._loop.time() + timeout
        try:
            wish = next(operation)
            while True:
                try:
                    answer = await self._perform(wish, deadline)
                except AisError as error:
                    wish = operation.throw(error)
                else:
                    wish = operation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def start(self, request: Request, done: Callable[[Message | AisError], None]) -> None:
        """Makes a call without waiting: `done` is called with its answer, or with the error that came instead.

        Calls leave in the order in which they are started. Raises as `Session.request`.
        """
        call, frame = self._session.request(request)
        self._started[call] = done
        self._write(frame)
        self._watch()

    async def dispatch(self, flags: DispatchFlags, handler: Callable[[E], None]) -> None:
        """Gives events to `handler`: ONE that waits, ALL that wait, or BLOCKING until the handle is finalized.

        Raises what broke the session once there is no event left from before.
        """
        if flags is DispatchFlags.BLOCKING:
            while (event := await self.next_event(math.inf)) is not None:
                handler(event)
            return
        self._readable()
        waiting = len(self._session.events)
        if not waiting and not self._session.finalized:
            self._session.check()
        for _ in range(min(waiting, 1) if flags is DispatchFlags.ONE else waiting):
            if not self._session.events:
                return
            handler(self._take_event(self._session.events))

    async def next_event(self, deadline: float, queue: EventQueue[E] | None = None) -> E | None:
        """The next event, awaited; None when the handle is finalized. Raises TimeoutExpired, or what broke it.

        `queue`: of those in this queue, which is a part of the session's; None as well when that is closed.
        """
        events = self._session.events if queue is None else queue
        while not (events or events.closed or self._session.ended is not None):
            await self._wait(self._event_waiters, deadline)
        if self._session.finalized or events.closed:
            return None
        if not events:
            self._session.check()
        return self._take_event(events)

    def __aiter__(self) -> AsyncIterator[E]:
        """Events until the handle is finalized."""
        return self

    async def __anext__(self) -> E:
        try:
            return self._take_event(self._session.events)
        except IndexError:
            event = await self.next_event(math.inf)
        if event is None:
            raise StopAsyncIteration
        return event

    def discard(self, unwanted: Callable[[E], bool]) -> None:
        """Drops the events for which `unwanted` says so."""
        self.change(lambda session: session.events.discard(unwanted))

    def change(self, change: Callable[[Session[E]], T]) -> T:
        """Has `change` do something to the session that is no call."""
        changed = change(self._session)
        told = self._session.settle()
        if told is not None:
            self._write(told)
        self._wake()
        self._watch()
        return changed

    def finish(self) -> None:
        """Finalizes the session: who waits in it comes back at the loop's next turn."""
        self._session.finalize()
        self._wake()
        self._watch()

    def close(self) -> None:
        """Gives the descriptors back, when no call uses them any more."""
        self.finish()
        self._close()

    def abandon(self) -> None:
        """In a child that was forked: closes its copies of the descriptors. The loop that watches is the parent's."""
        self._close()

    def _close(self) -> None:
        self._socket.close()
        if self._mapped is not None:
            self._mapped.close()

    async def _perform(self, wish: Request | Pause, deadline: float) -> Message | None:
        if isinstance(wish, Request):
            await self._room(deadline)
            call, frame = self._session.request(wish)
            return await self._answer(call, frame, deadline)
        await asyncio.sleep(min(wish.seconds, max(0.0, deadline - self._loop.time())))
        if self._loop.time() >= deadline:
            raise TimeoutExpired("the time for the call went by while the executive could not take it")
        return None

    async def _answer(self, call: int, frame: Pieces, deadline: float) -> Message:
        answered = self._calls[call] = self._loop.create_future()
        try:
            self._write(frame)
            self._watch()
            await self._until(answered, deadline)
            return self._session.answer(call)
        finally:
            del self._calls[call]
            self._session.forget(call)
            self._watch()

    async def _room(self, deadline: float) -> None:
        while self._unwritten_bytes > UNWRITTEN_BYTES_MAX and self._session.ended is None:
            await self._wait(self._room_waiters, deadline)

    async def _wait(self, waiters: deque[asyncio.Future[None]], deadline: float) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        waiters.append(waiter)
        try:
            await self._until(waiter, deadline)
        finally:
            waiters.remove(waiter)

    async def _until(self, waiter: asyncio.Future[None], deadline: float) -> None:
        if deadline == math.inf:
            await waiter
            return
        alarm = self._loop.call_at(deadline, _expire, waiter)
        try:
            await waiter
        finally:
            alarm.cancel()

    # What the event loop calls, and what it is asked for.

    def _readable(self) -> None:
        reads = 0
        while self._wanted() and reads < READS_PER_TURN and self._read():
            reads += 1
        self._wake()
        self._watch()

    def _wanted(self) -> bool:
        """Whether the socket should be read."""
        return self._session.ended is None and (self._session.calling or not self._session.full)

    def _read(self) -> bool:
        """Reads once; whether there may be more."""
        session = self._session
        try:
            if session.opening:
                data, shared = receive_first(self._socket, READ_BYTES)
                self._buffer[: len(data)] = data
                count = len(data)
                if shared is not None:
                    self._mapped = shared
                    session.share(shared)
            else:
                count = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return False
        except OSError as error:
            session.end_of_stream(f"the connection to the executive broke: {error}")
            return False
        if not count:
            session.end_of_stream()
            return False
        session.receive(memoryview(self._buffer)[:count])
        if told := session.release():
            self._write((told,))
        return count == READ_BYTES

    def _writable(self) -> None:
        self._write_out()
        self._wake()
        self._watch()

    def _write(self, frame: Pieces) -> None:
        frame = self._session.carry(frame)
        self._unwritten += map(memoryview, frame)
        self._unwritten_bytes += sum(map(len, frame))
        if not self._writing:
            self._write_out()

    def _write_out(self) -> None:
        unwritten = self._unwritten
        while unwritten:
            try:
                count = self._socket.sendmsg(list(islice(unwritten, VECTORS_MAX)))
            except BlockingIOError:
                return
            except OSError as error:
                self._drop(f"the connection to the executive broke: {error}")
                return
            self._unwritten_bytes -= count
            while unwritten and count >= len(unwritten[0]):
                count -= len(unwritten.popleft())
            if count:
                unwritten[0] = unwritten[0][count:]

    def _drop(self, explanation: str) -> None:
        """The executive is gone: takes what it said before, then ends."""
        while self._session.ended is None and self._read():
            pass
        self._session.end_of_stream(explanation)
        self._unwritten.clear()
        self._wake()

    def _wake(self) -> None:
        """Wakes who waits for what is there now."""
        over = self._session.ended is not None
        for call, waiter in self._calls.items():
            if self._session.answered(call) and not waiter.done():
                waiter.set_result(None)
        if self._started:
            self._hand_on_answers()
        _wake_all(self._event_waiters)
        if self._unwritten_bytes <= UNWRITTEN_BYTES_MAX or over:
            _wake_all(self._room_waiters)

    def _hand_on_answers(self) -> None:
        for call in [call for call in self._started if self._session.answered(call)]:
            done = self._started.pop(call, None)
            if done is None:
                continue  # what was called before handed it on
            try:
                answer: Message | AisError = self._session.answer(call)
            except AisError as error:
                answer = error
            done(answer)

    def _watch(self) -> None:
        """Asks the loop for what is of interest now."""
        reading = self._wanted()
        if reading != self._reading:
            self._reading = reading
            if reading:
                self._loop.add_reader(self._socket, self._readable)
            else:
                self._loop.remove_reader(self._socket)
        writing = self._session.ended is None and bool(self._unwritten)
        if writing != self._writing:
            self._writing = writing
            if writing:
                self._loop.add_writer(self._socket, self._writable)
            else:
                self._loop.remove_writer(self._socket)

    def _take_event(self, events: EventQueue[E]) -> E:
        event = events.take()
        if len(events) <= events.low:
            self.change(lambda _: None)
        elif not self._reading:
            self._watch()
        return event


def _wake_all(waiters: deque[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _expire(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutExpired())
