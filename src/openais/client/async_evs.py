"""The extended virtual synchrony library on an event loop; every method is that of the blocking one in `evs`."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from socket import socket as Socket
from typing import Final

from openais.client import evs_operations as operations
from openais.client.aio import AsyncConnection
from openais.client.async_library import AsyncLibrary, Opening
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.evs_operations import (
    NO_CALLBACKS,
    NO_OPTIONS,
    EvsCallbacks,
    EvsEvent,
    EvsOptions,
    GroupNames,
    Payload,
    batch_to_send,
    to_groups,
    to_joined,
)
from openais.client.handles import HandleDatabase
from openais.client.sender import AsyncSender
from openais.messages.evs import GroupMember, Membership, Multicast
from openais.types import Guarantee, Priority, Version

_async_handles: Final = HandleDatabase[AsyncConnection[EvsEvent]](AsyncConnection.close, AsyncConnection.abandon)


class AsyncEvs(AsyncLibrary[EvsEvent]):
    """A handle of the extended virtual synchrony service on an event loop; every method is that of `Evs`.

    async with AsyncEvs.open() as evs:
        await evs.join("chat", retry=True)
        await evs.multicast_joined(b"hello")
        async for event in evs:
            ...
    """

    def __init__(
        self,
        socket: str | Path | None,
        callbacks: EvsCallbacks,
        options: EvsOptions,
        version: Version,
        timeout: float,
    ) -> None:
        """For `open`, which makes the handle."""
        self._callbacks = callbacks
        self._options = options
        super().__init__(operations.SETTINGS, _async_handles, socket, version, timeout)

    @classmethod
    def open(
        cls,
        socket: str | Path | None = None,
        *,
        callbacks: EvsCallbacks = NO_CALLBACKS,
        options: EvsOptions = NO_OPTIONS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
        sock: Socket | None = None,
    ) -> Opening[AsyncEvs]:
        """evs_initialize; see `Evs`. To be awaited, or entered. `sock`: a socket that is connected already."""
        return Opening(lambda: cls(socket, callbacks, options, version, timeout)._start(sock))

    async def join(self, groups: GroupNames, *, timeout: float | None = None, retry: bool = False) -> None:
        """Joins a group or several (evs_join); see `Evs.join`."""
        await self._run(operations.join(groups, retry), timeout)

    async def leave(self, groups: GroupNames, *, timeout: float | None = None, retry: bool = False) -> None:
        """Leaves a group or several (evs_leave); see `Evs.leave`."""
        await self._run(operations.leave(groups, retry), timeout)

    async def multicast_joined(
        self,
        payloads: Payload | Iterable[Payload],
        *,
        guarantee: Guarantee = Guarantee.AGREED,
        priority: Priority = Priority.MED,
        timeout: float | None = None,
        retry: bool = False,
    ) -> int:
        """Sends to all groups that the handle is in (evs_mcast_joined); see `Evs.multicast`."""
        outgoing = to_joined(guarantee, priority)
        return await self._run(operations.multicast(outgoing, payloads, retry, self._session().body_max), timeout)

    async def multicast(
        self,
        groups: GroupNames,
        payloads: Payload | Iterable[Payload],
        *,
        guarantee: Guarantee = Guarantee.AGREED,
        priority: Priority = Priority.MED,
        timeout: float | None = None,
        retry: bool = False,
    ) -> int:
        """Sends one payload, or many in order, to groups (evs_mcast_groups); see `Evs.multicast`."""
        outgoing = to_groups(groups, guarantee, priority)
        return await self._run(operations.multicast(outgoing, payloads, retry, self._session().body_max), timeout)

    def sender(
        self, groups: GroupNames = (), *, guarantee: Guarantee = Guarantee.AGREED, priority: Priority = Priority.MED
    ) -> AsyncSender:
        """For sending without awaiting each message: many in a row, or now and then from code that cannot wait.

        To `groups`, or to all that the handle is in when none are named. What it sends and what the other methods send
        has no order between them.
        """
        outgoing = to_groups(groups, guarantee, priority) if groups else to_joined(guarantee, priority)
        return AsyncSender(
            lambda: self._handles.lookup(self._handle),
            lambda payloads: Multicast(*outgoing, True, batch_to_send(payloads)),
        )

    async def membership(
        self, groups: GroupNames = (), *, timeout: float | None = None, retry: bool = False
    ) -> Membership:
        """The regular configuration, and who is in `groups`, by default those of the handle (evs_membership_get)."""
        return await self._run(operations.membership(groups, retry), timeout)

    async def groups(self, *, timeout: float | None = None, retry: bool = False) -> dict[str, tuple[GroupMember, ...]]:
        """Every group that anybody in the cluster is in, with its members."""
        return await self._run(operations.list_groups(retry), timeout)

    async def set_options(self, options: EvsOptions, *, timeout: float | None = None, retry: bool = False) -> None:
        """What the handle is told of from now on besides messages and regular configurations."""
        await self._run(operations.set_options(options, retry), timeout)
        self._options = options

    def is_own(self, sender: GroupMember) -> bool:
        """Whether `sender` is this handle."""
        session = self._session()
        return sender.node_id == session.node_id and sender.connection == session.connection

    async def receive(self, timeout: float = math.inf) -> EvsEvent:
        """The next event, awaited `timeout` seconds. Raises TimeoutExpired; BadHandle when finalized meanwhile."""
        return await self._next_event(timeout)

    def __aiter__(self) -> AsyncIterator[EvsEvent]:
        """Events as they come, until the handle is finalized. Raises LibraryError when the executive is gone."""
        return self._events()

    async def _opened(self, timeout: float) -> None:
        if self._options != NO_OPTIONS:
            await self._run(operations.set_options(self._options, retry=True), timeout)

    def _run_callback(self, event: EvsEvent) -> None:
        self._callbacks.run(event)
