"""The extended virtual synchrony library: totally ordered messages and configuration changes for groups of programs."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Final

from openais.client import evs_operations as operations
from openais.client.blocking import Connection
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.evs_operations import (
    NO_CALLBACKS,
    NO_OPTIONS,
    EvsCallbacks,
    EvsEvent,
    EvsOptions,
    GroupNames,
    Payload,
    to_groups,
    to_joined,
)
from openais.client.handles import HandleDatabase
from openais.client.library import Library
from openais.messages.evs import GroupMember, Membership
from openais.types import Guarantee, Priority, Version

_handles: Final = HandleDatabase[Connection[EvsEvent]](Connection.close, Connection.abandon)


class Evs(Library[EvsEvent]):
    """A handle of the extended virtual synchrony service (evs_handle_t).

    with Evs() as evs:
        evs.join("chat", retry=True)
        evs.multicast_joined(b"hello")
        for event in evs:
            match event:
                case MessageDelivered(payload=payload):
                    print(payload)

    In every call `timeout` is the seconds that it may take, those of the handle unless given, and `retry` has it try
    again in that time when the service says TRY_AGAIN. All raise AisError.
    """

    def __init__(
        self,
        socket: str | Path | None = None,
        *,
        callbacks: EvsCallbacks = NO_CALLBACKS,
        options: EvsOptions = NO_OPTIONS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """evs_initialize. `socket` is the executive's, found by itself unless given.

        Raises VersionError, LibraryError when there is no executive, AccessDenied.
        """
        self._callbacks = callbacks
        self._options = options
        super().__init__(operations.SETTINGS, _handles, socket, version, timeout)

    def join(self, groups: GroupNames, *, timeout: float | None = None, retry: bool = False) -> None:
        """Joins a group or several (evs_join): from its place in the total order on, the handle is given messages.

        Raises InvalidParam, NameTooLong, NoResources beyond 32 groups.
        """
        self._run(operations.join(groups, retry), timeout)

    def leave(self, groups: GroupNames, *, timeout: float | None = None, retry: bool = False) -> None:
        """Leaves a group or several (evs_leave). Raises NotExist when it is not in one of them; it then leaves none."""
        self._run(operations.leave(groups, retry), timeout)

    def multicast_joined(
        self,
        payloads: Payload | Iterable[Payload],
        *,
        guarantee: Guarantee = Guarantee.AGREED,
        priority: Priority = Priority.MED,
        timeout: float | None = None,
        retry: bool = False,
    ) -> int:
        """Sends to all groups that the handle is in (evs_mcast_joined); see `multicast`. NotExist if in none."""
        outgoing = to_joined(guarantee, priority)
        return self._run(operations.multicast(outgoing, payloads, retry, self._session().body_max), timeout)

    def multicast(
        self,
        groups: GroupNames,
        payloads: Payload | Iterable[Payload],
        *,
        guarantee: Guarantee = Guarantee.AGREED,
        priority: Priority = Priority.MED,
        timeout: float | None = None,
        retry: bool = False,
    ) -> int:
        """Sends one payload, or many in order, to groups that the handle need not be in (evs_mcast_groups).

        Gives how many payloads were accepted; many cost little more than one. Without `retry` these may be fewer than
        were given, when the queue of `priority` filled up, and TryAgain is raised when there was no room for any.
        With it all are accepted, or PartlySent (a TryAgain, with `count`) or TryAgain is raised when the time is up.
        After TimeoutExpired it is not known how many were. Raises TooBig, before any is sent, and InvalidParam.
        """
        outgoing = to_groups(groups, guarantee, priority)
        return self._run(operations.multicast(outgoing, payloads, retry, self._session().body_max), timeout)

    def membership(self, groups: GroupNames = (), *, timeout: float | None = None, retry: bool = False) -> Membership:
        """The regular configuration, and who is in `groups`, by default those of the handle (evs_membership_get)."""
        return self._run(operations.membership(groups, retry), timeout)

    def groups(self, *, timeout: float | None = None, retry: bool = False) -> dict[str, tuple[GroupMember, ...]]:
        """Every group that anybody in the cluster is in, with its members."""
        return self._run(operations.list_groups(retry), timeout)

    def set_options(self, options: EvsOptions, *, timeout: float | None = None, retry: bool = False) -> None:
        """What the handle is told of from now on besides messages and regular configurations."""
        self._run(operations.set_options(options, retry), timeout)
        self._options = options

    def is_own(self, sender: GroupMember) -> bool:
        """Whether `sender` is this handle."""
        session = self._session()
        return sender.node_id == session.node_id and sender.connection == session.connection

    def receive(self, timeout: float = math.inf) -> EvsEvent:
        """The next event, waited for `timeout` seconds. Raises TimeoutExpired; BadHandle when finalized meanwhile."""
        return self._next_event(timeout)

    def __iter__(self) -> Generator[EvsEvent, None, None]:
        """Events as they come, until the handle is finalized. Raises LibraryError when the executive is gone."""
        return self._events()

    def _opened(self, timeout: float) -> None:
        if self._options != NO_OPTIONS:
            self._run(operations.set_options(self._options, retry=True), timeout)

    def _run_callback(self, event: EvsEvent) -> None:
        self._callbacks.run(event)
