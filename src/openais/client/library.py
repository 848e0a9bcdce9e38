"""What all blocking libraries have in common: their life, the selection object, dispatch, iteration."""

from __future__ import annotations

import time
import warnings
from collections.abc import Generator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from openais.client.blocking import Connection
from openais.client.connecting import RECONNECT_PAUSE_S, connect, dispatch_flags, seconds, socket_path, this_process
from openais.client.handles import Handle, HandleDatabase
from openais.client.operation import Operation
from openais.client.session import Session, SessionSettings
from openais.types import BadHandle, DispatchFlags, LibraryError, NodeId, TryAgain, Version

E = TypeVar("E")
T = TypeVar("T")


class Library(Generic[E]):
    """A handle of a service. For many threads at once; of those that dispatch or iterate each event goes to one.

    A handle is a context manager that finalizes it. When the executive dies every call raises LibraryError at once,
    and `reconnect` opens a new session.
    """

    _handle = Handle(0)

    def __init__(
        self,
        settings: SessionSettings[E],
        handles: HandleDatabase[Connection[E]],
        socket: str | Path | None,
        version: Version,
        timeout: float,
    ) -> None:
        self._settings = settings
        self._handles = handles
        self._path = socket_path(socket)
        self._required = version
        self._timeout = seconds(timeout, timeout)
        self._handle = self._open(self._timeout)
        with ExitStack() as undo:
            undo.callback(self.finalize)
            self._opened(self._timeout)
            undo.pop_all()

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

    def fileno(self) -> int:
        """The selection object (saXxxSelectionObjectGet): readable while there is something to dispatch.

        That is an event, or that the executive is gone. It is valid until the handle is finalized or reconnected. It
        may be readable for nothing, when only a part of a callback came, or the late answer to a call that timed out.
        """
        connection = self._handles.get(self._handle)
        try:
            return connection.fileno()
        finally:
            self._handles.put(self._handle)

    def dispatch(self, flags: DispatchFlags = DispatchFlags.ALL) -> None:
        """Runs callbacks in this thread (saXxxDispatch).

        ONE runs the next one if it waits, ALL those that wait now, BLOCKING waits and runs until the handle is
        finalized, in a callback or by another thread. What a callback raises comes out; the others stay. An event
        without a callback is dropped. Raises LibraryError when the executive is gone and all callbacks from before
        were run.
        """
        handle = self._handle
        connection = self._handles.get(handle)
        try:
            connection.dispatch(dispatch_flags(flags), self._run_callback)
        finally:
            self._handles.put(handle)

    def finalize(self) -> None:
        """Ends the session (saXxxFinalize). Calls of other threads raise BadHandle; what waits in dispatch returns."""
        handle = self._handle
        connection = self._handles.get(handle)
        try:
            self._handles.destroy(handle)
            connection.finish()
        finally:
            self._handles.put(handle)

    def reconnect(self, timeout: float | None = None) -> None:
        """Opens a new session in the place of this one, once the executive is there; for after a LibraryError.

        Waits for the executive for `timeout` seconds at most. What the old session had asked for at the executive,
        tracking or groups, has to be asked for again; events of it that were not taken are lost. Raises BadHandle when
        the handle was finalized, or what the last attempt met.
        """
        old = self._handle
        connection = self._handles.get(old)
        try:
            deadline = time.monotonic() + seconds(timeout, self._timeout)
            self._handle = self._open_when_there(deadline)
            self._handles.destroy(old)
            connection.finish()
        finally:
            self._handles.put(old)
        self._opened(max(0.0, deadline - time.monotonic()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(BadHandle):
            self.finalize()

    def __del__(self) -> None:
        if self._handle and self._handles.is_valid(self._handle):
            warnings.warn(f"{self!r} was not finalized", ResourceWarning, source=self, stacklevel=1)
            self.finalize()

    # For the libraries.

    def _opened(self, timeout: float) -> None:
        """What a library does first in a new session."""

    def _run_callback(self, event: E) -> None:
        """Runs the application's callback for `event`, if it gave one."""
        raise NotImplementedError

    def _run(self, operation: Operation[T], timeout: float | None) -> T:
        """Runs `operation` within `timeout` seconds, or those of the handle."""
        handle = self._handle
        connection = self._handles.get(handle)
        try:
            return connection.run(operation, seconds(timeout, self._timeout))
        finally:
            self._handles.put(handle)

    def _next_event(self, timeout: float) -> E:
        """The next event. Raises TimeoutExpired; BadHandle when the handle is finalized meanwhile."""
        handle = self._handle
        connection = self._handles.get(handle)
        try:
            event = connection.next_event(time.monotonic() + seconds(timeout, timeout))
        finally:
            self._handles.put(handle)
        if event is None:
            raise BadHandle
        return event

    def _events(self) -> Generator[E, None, None]:
        """Events until the handle is finalized."""
        handle = self._handle
        connection = self._handles.get(handle)
        try:
            yield from connection.events()
        finally:
            self._handles.put(handle)

    def _session(self) -> Session[E]:
        return self._handles.lookup(self._handle).session

    def _open(self, timeout: float) -> Handle:
        """A handle of a new session."""
        deadline = time.monotonic() + timeout
        session = Session(self._settings, self._required)
        with ExitStack() as undo:
            connection = Connection(connect(self._path, timeout), session)
            undo.callback(connection.close)
            connection.open(*this_process(), deadline)
            undo.pop_all()
        return self._handles.create(connection)

    def _open_when_there(self, deadline: float) -> Handle:
        while True:
            try:
                return self._open(max(0.0, deadline - time.monotonic()))
            except (LibraryError, TryAgain):
                if time.monotonic() + RECONNECT_PAUSE_S >= deadline:
                    raise
            time.sleep(RECONNECT_PAUSE_S)
