"""The selection object of a blocking handle: a descriptor that is readable while there is something to dispatch."""

from __future__ import annotations

import os
import select


class SelectionObject:
    """Joins two sources in one epoll descriptor: the events that were read already, and the socket.

    The socket counts only while nobody waits for an answer: what arrives then is for dispatch, or its end. While
    somebody waits, he reads the socket, and the callbacks that he meets on the way count as events that were read.
    """

    def __init__(self, socket_fd: int) -> None:
        self._socket_fd = socket_fd
        self._event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._event_fd, select.EPOLLIN)
        self._pending = False
        self._watching = False

    def fileno(self) -> int:
        return self._epoll.fileno()

    def update(self, pending: bool, watching: bool) -> None:
        """`pending`: events wait. `watching`: what arrives at the socket counts."""
        if pending != self._pending:
            if pending:
                os.eventfd_write(self._event_fd, 1)
            else:
                os.eventfd_read(self._event_fd)
            self._pending = pending
        if watching != self._watching:
            if watching:
                self._epoll.register(self._socket_fd, select.EPOLLIN)
            else:
                self._epoll.unregister(self._socket_fd)
            self._watching = watching

    def close(self) -> None:
        self._epoll.close()
        os.close(self._event_fd)
