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
from functools import partial
from itertools import islice
from typing import Any, Final, Generic, TypeVar

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
        self.session: Final = session
        self.loop: Final = asyncio.get_running_loop()
        self._calls: dict[int, Callable[[Message | AisError], None]] = {}
        """Calls whose answers are awaited, and what these are handed to."""
        self._event_waiters: dict[asyncio.Future[None], EventQueue[E]] = {}
        self._room_waiters: deque[asyncio.Future[None]] = deque()
        self._unwritten: deque[bytes | memoryview] = deque()
        self._unwritten_bytes = 0
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._mapped: MappedMemory | None = None
        self._reading = False
        self._writing = False
        self._watch()

    async def open(self, process_id: int, process_name: str, deadline: float) -> None:
        """The handshake. Raises what the executive answers."""
        call, frame = self.session.initialize(process_id, process_name)
        self.session.opened(await self._answer(call, frame, deadline))

    async def run(self, operation: Operation[T], timeout: float) -> T:
        """Runs `operation` within `timeout` seconds and gives its result. Raises its errors, or TimeoutExpired."""
        deadline = self.loop.time() + timeout
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
        call, frame = self.session.request(request)
        self._calls[call] = done
        self._write(frame)
        if not self._reading:
            self._watch()

    async def dispatch(self, flags: DispatchFlags, handler: Callable[[E], None]) -> None:
        """Gives events to `handler`: ONE that waits, ALL that wait, or BLOCKING until the handle is finalized.

        Raises what broke the session once there is no event left from before.
        """
        if flags is DispatchFlags.BLOCKING:
            while (event := await self.next_event(math.inf)) is not None:
                handler(event)
            return
        if self.session.listens:
            self._read_on()
            self._wake()
        waiting = len(self.session.events)
        if not waiting and not self.session.finalized:
            self.session.check()
        for _ in range(min(waiting, 1) if flags is DispatchFlags.ONE else waiting):
            if not self.session.events:
                return
            handler(self._take_event(self.session.events))

    async def next_event(self, deadline: float, queue: EventQueue[E] | None = None) -> E | None:
        """The next event, awaited; None when the handle is finalized. Raises TimeoutExpired, or what broke it.

        `queue`: of those in this queue, which is a part of the session's; None as well when that is closed.
        """
        session = self.session
        events = session.events if queue is None else queue
        while not (session.finalized or events.closed):
            try:
                return self._take_event(events)
            except IndexError:
                if session.ended is not None:
                    session.check()
            await self._until_event(events, deadline)
        return None

    def __aiter__(self) -> AsyncIterator[E]:
        """Events until the handle is finalized."""
        return self

    async def __anext__(self) -> E:
        try:
            return self._take_event(self.session.events)
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
        changed = change(self.session)
        self._settle()
        self._wake()
        self._watch()
        return changed

    def finish(self) -> None:
        """Finalizes the session: who waits in it comes back at the loop's next turn."""
        self.session.finalize()
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
            call, frame = self.session.request(wish)
            return await self._answer(call, frame, deadline)
        await asyncio.sleep(min(wish.seconds, max(0.0, deadline - self.loop.time())))
        if self.loop.time() >= deadline:
            raise TimeoutExpired("the time for the call went by while the executive could not take it")
        return None

    async def _answer(self, call: int, frame: Pieces, deadline: float) -> Message:
        answered: asyncio.Future[Message | AisError] = self.loop.create_future()
        self._calls[call] = partial(_hand_over, answered)
        try:
            self._write(frame)
            if not self._reading:
                self._watch()
            answer = await self._until(answered, deadline)
        finally:
            if self._calls.pop(call, None) is not None:
                self.session.forget(call)
                self._watch()
        if isinstance(answer, AisError):
            raise answer
        return answer

    async def _room(self, deadline: float) -> None:
        while self._unwritten_bytes > UNWRITTEN_BYTES_MAX and self.session.ended is None:
            waiter: asyncio.Future[None] = self.loop.create_future()
            self._room_waiters.append(waiter)
            try:
                await self._until(waiter, deadline)
            finally:
                self._room_waiters.remove(waiter)

    async def _until_event(self, events: EventQueue[E], deadline: float) -> None:
        waiter: asyncio.Future[None] = self.loop.create_future()
        self._event_waiters[waiter] = events
        try:
            await (waiter if deadline == math.inf else self._until(waiter, deadline))
        finally:
            del self._event_waiters[waiter]

    async def _until(self, waiter: asyncio.Future[T], deadline: float) -> T:
        if deadline == math.inf:
            return await waiter
        alarm = self.loop.call_at(deadline, _expire, waiter)
        try:
            return await waiter
        finally:
            alarm.cancel()

    # What the event loop calls, and what it is asked for.

    def _readable(self) -> None:
        self._read_on()
        self._wake()

    def _read_on(self) -> None:
        """Reads what is there, for a turn of the loop at most."""
        for _ in range(READS_PER_TURN):
            more = self._read()
            if not self.session.listens:
                self._watch()
                break
            if not more:
                break

    def _read(self) -> bool:
        """Reads once; whether there may be more."""
        session = self.session
        try:
            if session.opening:
                data, shared = receive_first(self._socket, READ_BYTES)
                count = len(data)
                self._buffer[:count] = data
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
        session.receive(self._buffer[:count])
        if told := session.release():
            self._write((told,))
        return count == READ_BYTES

    def _write(self, frame: Pieces) -> None:
        frame = self.session.carry(frame)
        self._unwritten += frame
        if self._writing:
            self._unwritten_bytes += sum(map(len, frame))
        else:
            self._write_out()

    def _write_out(self) -> None:
        """Writes what the socket takes, and sees to it that the rest follows."""
        unwritten = self._unwritten
        while unwritten:
            try:
                count = self._socket.sendmsg(islice(unwritten, VECTORS_MAX))
            except BlockingIOError:
                break
            except OSError as error:
                self._drop(f"the connection to the executive broke: {error}")
                break
            while unwritten and count >= len(unwritten[0]):
                count -= len(unwritten.popleft())
            if count:
                unwritten[0] = memoryview(unwritten[0])[count:]
        if unwritten or self._writing:
            self._await_room()

    def _drop(self, explanation: str) -> None:
        """The executive is gone: takes what it said before, then ends."""
        while self.session.ended is None and self._read():
            pass
        self.session.end_of_stream(explanation)
        self._wake()
        self._watch()

    def _wake(self) -> None:
        """Hands on answers, and wakes who waits for what is there now."""
        for call, answer in self.session.answers().items():
            self._hand_on(call, answer)
        over = self.session.ended is not None
        if over:
            self._end()
        for waiter, events in self._event_waiters.items():
            if (over or len(events) or events.closed) and not waiter.done():
                waiter.set_result(None)

    def _end(self) -> None:
        """The session has ended: nothing is written any more, and its reason is the answer to all calls."""
        self._unwritten.clear()
        self._await_room()
        for call in list(self._calls):
            self._hand_on(call, self.session.reason())

    def _hand_on(self, call: int, answer: Message | AisError) -> None:
        done = self._calls.pop(call, None)
        if done is not None:
            done(answer)

    def _watch(self) -> None:
        """Has the loop read the socket, or not."""
        reading = self.session.listens
        if reading != self._reading:
            self._reading = reading
            if reading:
                self.loop.add_reader(self._socket, self._readable)
            else:
                self.loop.remove_reader(self._socket)

    def _await_room(self) -> None:
        """Has the loop write the rest when the socket has room, and wakes who waited for what was written."""
        self._unwritten_bytes = sum(map(len, self._unwritten))
        writing = bool(self._unwritten)
        if writing != self._writing:
            self._writing = writing
            if writing:
                self.loop.add_writer(self._socket, self._write_out)
            else:
                self.loop.remove_writer(self._socket)
        if self._unwritten_bytes <= UNWRITTEN_BYTES_MAX:
            for waiter in self._room_waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def _take_event(self, events: EventQueue[E]) -> E:
        """The next event that waits. Raises IndexError."""
        event = events.take()
        if events.low >= 0 and len(events) <= events.low:
            self._settle()
        if not self._reading:
            self._watch()
        return event

    def _settle(self) -> None:
        """Tells the executive of events that were taken, if it wants to know."""
        told = self.session.settle()
        if told is not None:
            self._write(told)


def _hand_over(answered: asyncio.Future[Message | AisError], answer: Message | AisError) -> None:
    if not answered.done():
        answered.set_result(answer)


def _expire(waiter: asyncio.Future[Any]) -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutExpired())


Connected = Callable[[], AsyncConnection[Any]]
"""Gives the connection of a handle. Raises BadHandle."""
