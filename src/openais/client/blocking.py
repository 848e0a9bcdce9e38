"""The connection of a blocking handle: runs operations and takes events over a unix socket, for many threads at once.

There is no background thread. Of the threads that wait for something, an answer or an event, one reads the socket (the
leader) and the others wait for it (the followers). The leader wakes a follower whose answer it has met; a leader that
has what it wanted, or whose time is up, wakes one follower, which reads on. So an answer is never further away than
one wake-up, and a thread that is alone reads without any.

A writer that finds the socket full reads while it waits: the executive may be waiting for us to do so. A frame that
was begun and could not be ended in time is ended by the next writer.

Locks: `_writing` is taken before `_lock`, never within it. User callbacks run with neither.
"""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Final, Generic, TypeVar

from openais.client.connecting import receive_first
from openais.client.events import EventQueue
from openais.client.mapping import MappedMemory
from openais.client.operation import Operation, Pause
from openais.client.selection import SelectionObject
from openais.client.session import Session
from openais.messages.base import Message, Request
from openais.messages.frame import Pieces
from openais.types import AisError, DispatchFlags, TimeoutExpired

READ_BYTES: Final = 256 * 1024

E = TypeVar("E")
T = TypeVar("T")


class Connection(Generic[E]):
    """A session over a connected unix socket, which it owns. Deadlines are of time.monotonic()."""

    def __init__(self, sock: socket.socket, session: Session[E]) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._session = session
        self._lock = threading.Lock()
        self._followers: list[_Follower] = []
        self._leading = False
        self._finished = threading.Event()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._buffer = bytearray(READ_BYTES)
        self._selection: SelectionObject | None = None
        self._writing = threading.Lock()
        self._unsent = memoryview(b"")
        self._mapped: MappedMemory | None = None
        self._released = b""
        """Is written before the next frame, or when events were taken."""

    @property
    def session(self) -> Session[E]:
        return self._session

    def open(self, process_id: int, process_name: str, deadline: float) -> None:
        """The handshake. Raises what the executive answers."""
        with self._lock:
            call, frame = self._session.initialize(process_id, process_name)
        self._session.opened(self._answer(call, frame, deadline))

    def run(self, operation: Operation[T], timeout: float) -> T:
        """Runs `operation` within `timeout` seconds and gives its result. Raises its errors, or TimeoutExpired."""
        deadline = time.monotonic() + timeout
        try:
            wish = next(operation)
            while True:
                try:
                    answer = self._perform(wish, deadline)
                except AisError as error:
                    wish = operation.throw(error)
                else:
                    wish = operation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def dispatch(self, flags: DispatchFlags, handler: Callable[[E], None]) -> None:
        """Gives events to `handler`: ONE that waits, ALL that wait, or BLOCKING until the handle is finalized.

        Raises what broke the session once there is no event left from before.
        """
        if flags is DispatchFlags.BLOCKING:
            for event in self.events():
                handler(event)
            return
        with self._lock:
            self._read_what_is_there()
            waiting = len(self._session.events)
            if not waiting and not self._session.finalized:
                self._session.check()
        count = min(waiting, 1) if flags is DispatchFlags.ONE else waiting
        for _ in range(count):
            try:
                event = self._take_event(self._session.events)
            except IndexError:  # another thread was quicker
                return
            handler(event)

    def next_event(self, deadline: float, queue: EventQueue[E] | None = None) -> E | None:
        """The next event, waited for; None when the handle is finalized. Raises TimeoutExpired, or what broke it.

        `queue`: of those in this queue, which is a part of the session's; None as well when that is closed.
        """
        events = self._session.events if queue is None else queue
        while True:
            try:
                return self._take_event(events)
            except IndexError:
                with self._lock:
                    self._wait(lambda: bool(events) or events.closed or self._session.ended is not None, deadline)
                    if self._session.finalized or events.closed:
                        return None
                    if not events:
                        self._session.check()

    def events(self) -> Generator[E, None, None]:
        """Events until the handle is finalized, as by `next_event`."""
        while (event := self.next_event(math.inf)) is not None:
            yield event

    def discard(self, unwanted: Callable[[E], bool]) -> None:
        """Drops the events for which `unwanted` says so."""
        self.change(lambda session: session.events.discard(unwanted))

    def change(self, change: Callable[[Session[E]], T]) -> T:
        """Has `change` do something to the session that is no call."""
        with self._lock:
            changed = change(self._session)
            self._wake_others()
            self._show()
            told = self._session.settle()
        if told is not None:
            with suppress(AisError):  # the next call says what broke the session
                self._write(told, math.inf)
        return changed

    def fileno(self) -> int:
        """The selection object: readable while there is an event, or an end, to be dispatched."""
        with self._lock:
            if self._selection is None:
                self._selection = SelectionObject(self._socket.fileno())
                self._show()
            return self._selection.fileno()

    def finish(self) -> None:
        """Finalizes the session from any thread: who waits in it comes back at once."""
        with self._lock:
            self._session.finalize()
            self._finished.set()
            self._wake_others()
            self._show()

    def close(self) -> None:
        """Gives the descriptors back, when no thread uses them any more."""
        self._socket.close()
        if self._mapped is not None:
            self._mapped.close()
        if self._selection is not None:
            self._selection.close()

    def abandon(self) -> None:
        """In a child that was forked: closes its copies of the descriptors. The session goes on in the parent.

        A thread that forked in a callback comes back from its dispatch.
        """
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._followers.clear()
        self._leading = False
        self._session.finalize()
        self.close()

    def _perform(self, wish: Request | Pause, deadline: float) -> Message | None:
        if isinstance(wish, Pause):
            self._finished.wait(min(wish.seconds, max(0.0, deadline - time.monotonic())))
            if time.monotonic() >= deadline:
                raise TimeoutExpired("the time for the call went by while the executive could not take it")
            return None
        with self._lock:
            call, frame = self._session.request(wish)
            self._show()
        return self._answer(call, frame, deadline)

    def _answer(self, call: int, frame: Pieces, deadline: float) -> Message:
        try:
            self._write(frame, deadline)
            with self._lock:
                self._wait(lambda: self._session.answered(call), deadline)
                return self._session.answer(call)
        finally:
            with self._lock:
                self._session.forget(call)
                self._show()

    # Reading. All of it is called with the lock held.

    def _wait(self, ready: Callable[[], bool], deadline: float) -> None:
        """Reads, or waits for who reads, until `ready`. Raises TimeoutExpired."""
        try:
            while not ready():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise TimeoutExpired
                if self._leading:
                    self._follow(ready, remaining)
                else:
                    self._lead(remaining)
        finally:
            if not self._leading and self._followers:
                self._followers[0].wake()

    def _follow(self, ready: Callable[[], bool], remaining: float) -> None:
        follower = _Follower(ready, self._lock)
        self._followers.append(follower)
        try:
            follower.condition.wait(min(remaining, threading.TIMEOUT_MAX))
        finally:
            self._followers.remove(follower)

    def _lead(self, remaining: float) -> None:
        self._leading = True
        self._show()
        self._lock.release()
        try:
            self._poll.poll(_milliseconds(remaining))
        finally:
            self._lock.acquire()
            self._leading = False
            self._show()
        self._read()

    def _read(self) -> bool:
        """Reads once; whether there was something. Wakes the followers who have what they wait for."""
        if self._session.ended is not None:
            return False
        try:
            data = self._receive()
        except BlockingIOError:
            return False
        except OSError as error:
            self._session.end_of_stream(f"the connection to the executive broke: {error}")
        else:
            if data:
                self._session.receive(data)
                self._released += self._session.release()
            else:
                self._session.end_of_stream()
        self._wake_others()
        self._show()
        return True

    def _receive(self) -> bytes | memoryview:
        """What is there, nothing at the end. Raises OSError."""
        if not self._session.opening:
            return memoryview(self._buffer)[: self._socket.recv_into(self._buffer)]
        data, shared = receive_first(self._socket, READ_BYTES)
        if shared is not None:
            self._mapped = shared
            self._session.share(shared)
        return data

    def _read_what_is_there(self) -> None:
        while not self._leading and not self._session.full and self._read():
            pass

    def _wake_others(self) -> None:
        """Wakes the followers who have what they wait for, and when the session has ended those who write."""
        if self._session.ended is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        for follower in self._followers:
            if follower.ready():
                follower.wake()

    def _take_event(self, events: EventQueue[E]) -> E:
        """The next event that waits; without the lock, unless it matters that it was taken. Raises IndexError."""
        event = events.take()
        waiting = len(events)
        if waiting <= events.low or (not waiting and self._selection is not None):
            self.change(lambda _: None)
        if self._released:
            with suppress(AisError):  # the next call says what broke the session
                self._write((), math.inf)
        return event

    def _show(self) -> None:
        """Makes the selection object show the state."""
        if self._selection is not None:
            over = self._session.ended is not None
            self._selection.update(
                pending=bool(self._session.events) or over,
                watching=not (over or self._leading or self._session.calling),
            )

    # Writing.

    def _write(self, frame: Pieces, deadline: float) -> None:
        """Writes the frame, after the rest of one before it. Raises TimeoutExpired, or what ended the session."""
        remaining = max(0.0, deadline - time.monotonic())
        if not self._writing.acquire(timeout=min(remaining, threading.TIMEOUT_MAX)):
            raise TimeoutExpired
        try:
            while self._unsent:
                self._unsent = self._write_some(self._unsent, deadline)
            with self._lock:
                told, self._released = self._released, b""
            frame = self._session.carry(frame)
            data = frame[0] if len(frame) == 1 and not told else b"".join((told, *frame))
            rest = memoryview(data)
            while rest:
                rest = self._write_some(rest, deadline)
                self._unsent = rest if len(rest) < len(data) else memoryview(b"")
        finally:
            self._writing.release()

    def _write_some(self, data: memoryview, deadline: float) -> memoryview:
        """What is left of `data` after writing once; waits for room, reading meanwhile. Raises TimeoutExpired."""
        try:
            return data[self._socket.send(data, socket.MSG_NOSIGNAL) :]
        except BlockingIOError:
            self._wait_for_room(deadline)
            return data
        except OSError:
            return self._read_last_words()

    def _wait_for_room(self, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutExpired
        with self._lock:
            self._session.check()
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLOUT)
        poll.poll(_milliseconds(remaining))
        with self._lock:
            self._read()
            self._session.check()

    def _read_last_words(self) -> memoryview:
        """The executive is gone: reads what it said before, and that it is gone, for all who wait."""
        with self._lock:
            while self._read():
                pass
            self._session.end_of_stream()
            self._wake_others()
            self._show()
        return memoryview(b"")


class _Follower:
    """A thread that waits while another one reads."""

    def __init__(self, ready: Callable[[], bool], lock: threading.Lock) -> None:
        self.ready = ready
        self.condition = threading.Condition(lock)

    def wake(self) -> None:
        self.condition.notify()


def _milliseconds(seconds: float) -> float | None:
    """For poll(), which waits for ever when it is given None."""
    return None if seconds == math.inf else min(seconds * 1000, 2_000_000_000)
