"""What all asyncio libraries have in common: their life, dispatch, iteration. Parallel to `library`."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import socket as Socket
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from openais.client.aio import AsyncConnection
from openais.client.connecting import (
    RECONNECT_PAUSE_S,
    dispatch_flags,
    new_socket,
    not_reached,
    seconds,
    socket_path,
    this_process,
)
from openais.client.handles import Handle, HandleDatabase
from openais.client.operation import Operation
from openais.client.session import Session, SessionSettings
from openais.types import BadHandle, BadOperation, DispatchFlags, LibraryError, NodeId, TryAgain, Version

E = TypeVar("E")
T = TypeVar("T")
L = TypeVar("L", bound="AsyncLibrary[Any]")


class AsyncLibrary(Generic[E]):
    """A handle of a service on an event loop, for any number of its tasks.

    `open` of the library gives one; it is an asynchronous context manager that finalizes it. When the executive dies
    every call raises LibraryError at once, and `reconnect` opens a new session.
    """

    _handle = Handle(0)

    def __init__(
        self,
        settings: SessionSettings[E],
        handles: HandleDatabase[AsyncConnection[E]],
        socket: str | Path | None,
        version: Version,
        timeout: float,
    ) -> None:
        self._settings = settings
        self._handles = handles
        self._path = socket_path(socket)
        self._required = version
        self._timeout = seconds(timeout, timeout)
        self._over_socket = False

    @property
    def handle(self) -> Handle:
        """The number that stands for this session (SaClmHandleT and its like)."""
        return self._handle

    @property
    def version(self) -> Version:
        """The version in force (the version parameter of saXxxInitialize after the call)."""
        return self._session().version

    @property
    def node_id(self) -> NodeId:
        """The node of the executive."""
        return self._session().node_id

    async def dispatch(self, flags: DispatchFlags = DispatchFlags.ALL) -> None:
        """Runs callbacks in this task (saXxxDispatch).

        ONE runs the next one if it waits, ALL those that wait now, BLOCKING awaits and runs until the handle is
        finalized, in a callback or by another task. What a callback raises comes out; the others stay. An event
        without a callback is dropped. Raises LibraryError when the executive is gone and all callbacks from before
        were run.
        """
        handle = self._handle
        connection = self._handles.get(handle)
        try:
            await connection.dispatch(dispatch_flags(flags), self._run_callback)
        finally:
            self._handles.put(handle)

    def finalize(self) -> None:
        """Ends the session (saXxxFinalize). Calls of other tasks raise BadHandle; what waits in dispatch returns."""
        handle = self._handle
        connection = self._handles.get(handle)
        try:
            self._handles.destroy(handle)
            connection.finish()
        finally:
            self._handles.put(handle)

    async def reconnect(self, timeout: float | None = None) -> None:
        """Opens a new session in the place of this one, once the executive is there; for after a LibraryError.

        Waits for the executive for `timeout` seconds at most. What the old session had asked for at the executive,
        tracking or groups, has to be asked for again; events of it that were not taken are lost. Raises BadHandle when
        the handle was finalized, BadOperation when it was opened over a socket of the caller, or what the last attempt
        met.
        """
        if self._over_socket:
            raise BadOperation("reconnect: this handle was opened over a socket of the caller; open a new one")
        loop = asyncio.get_running_loop()
        old = self._handle
        connection = self._handles.get(old)
        try:
            deadline = loop.time() + seconds(timeout, self._timeout)
            self._handle = await self._open_when_there(deadline)
            self._handles.destroy(old)
            connection.finish()
        finally:
            self._handles.put(old)
        await self._opened(max(0.0, deadline - loop.time()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BadHandle):
            self.finalize()

    def __del__(self) -> None:
        if self._handle and self._handles.is_valid(self._handle):
            warnings.warn(f"{self!r} was not finalized", ResourceWarning, source=self, stacklevel=1)
            self.finalize()

    # For the libraries.

    async def _opened(self, timeout: float) -> None:
        """What a library does first in a new session."""

    def _run_callback(self, event: E) -> None:
        """Runs the application's callback for `event`, if it gave one."""
        raise NotImplementedError

    async def _start(self, sock: Socket | None) -> Self:
        """Opens the first session, over `sock` when it is given."""
        self._over_socket = sock is not None
        self._handle = await self._open(self._timeout, sock)
        with ExitStack() as undo:
            undo.callback(self.finalize)
            await self._opened(self._timeout)
            undo.pop_all()
        return self

    async def _run(self, operation: Operation[T], timeout: float | None) -> T:
        """Runs `operation` within `timeout` seconds, or those of the handle."""
        handle = self._handle
        connection = self._handles.get(handle)
        try:
            return await connection.run(operation, seconds(timeout, self._timeout))
        finally:
            self._handles.put(handle)

    async def _next_event(self, timeout: float) -> E:
        """The next event. Raises TimeoutExpired; BadHandle when the handle is finalized meanwhile."""
        connection = self._handles.lookup(self._handle)
        deadline = timeout if timeout == math.inf else connection.loop.time() + seconds(timeout, timeout)
        event = await connection.next_event(deadline)
        if event is None:
            raise BadHandle
        return event

    def _events(self) -> AsyncIterator[E]:
        """Events until the handle is finalized."""
        return self._handles.lookup(self._handle)

    def _session(self) -> Session[E]:
        return self._handles.lookup(self._handle).session

    async def _open(self, timeout: float, sock: Socket | None = None) -> Handle:
        """A handle of a new session."""
        deadline = asyncio.get_running_loop().time() + timeout
        session = Session(self._settings, self._required)
        with ExitStack() as undo:
            connection = AsyncConnection(sock or await self._connected(timeout), session)
            undo.callback(connection.close)
            await connection.open(*this_process(), deadline)
            undo.pop_all()
        return self._handles.create(connection)

    async def _connected(self, timeout: float) -> Socket:
        with ExitStack() as undo:
            sock = undo.enter_context(new_socket())
            sock.setblocking(False)
            try:
                async with asyncio.timeout(None if timeout == math.inf else timeout):
                    await asyncio.get_running_loop().sock_connect(sock, str(self._path))
            except OSError as error:
                raise not_reached(self._path, error) from None
            undo.pop_all()
        return sock

    async def _open_when_there(self, deadline: float) -> Handle:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await self._open(max(0.0, deadline - loop.time()))
            except (LibraryError, TryAgain):
                if loop.time() + RECONNECT_PAUSE_S >= deadline:
                    raise
            await asyncio.sleep(RECONNECT_PAUSE_S)


class Opening(Generic[L]):
    """A library that is being opened: `await` gives it, `async with` gives it and finalizes it at the end."""

    def __init__(self, start: Callable[[], Awaitable[L]]) -> None:
        self._start = start
        self._library: L | None = None

    def __await__(self) -> Generator[object, None, L]:
        return self._start().__await__()

    async def __aenter__(self) -> L:
        self._library = await self._start()
        return self._library

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._library is not None
        await self._library.__aexit__(kind, error, trace)
