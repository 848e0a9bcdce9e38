"""The cluster membership library (SA Forum CLM): who is in the cluster, and who comes and goes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

from openais.client import clm_operations as operations
from openais.client.blocking import Connection
from openais.client.clm_operations import NO_CALLBACKS, ClmCallbacks, ClmEvent, NotificationBuffer, Tracker
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.handles import HandleDatabase
from openais.client.library import Library
from openais.messages.clm import ClusterNode, ClusterView
from openais.types import LOCAL_NODE_ID, AisError, TrackFlags, Version

_handles: Final = HandleDatabase[Connection[ClmEvent]](Connection.close, Connection.abandon)


class Clm(Library[ClmEvent]):
    """A handle of the cluster membership service (SaClmHandleT).

    with Clm() as cluster:
        print([node.name for node in cluster.members()])
        for view in cluster.track():
            ...

    In every call `timeout` is the seconds that it may take, those of the handle unless given, and `retry` has it try
    again in that time when the service says TRY_AGAIN. All raise AisError.
    """

    def __init__(
        self,
        socket: str | Path | None = None,
        *,
        callbacks: ClmCallbacks = NO_CALLBACKS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """saClmInitialize. `socket` is the executive's, found by itself unless given.

        Raises VersionError, LibraryError when there is no executive, AccessDenied.
        """
        self._tracker = Tracker(callbacks)
        super().__init__(operations.SETTINGS, _handles, socket, version, timeout)

    def members(self, *, timeout: float | None = None, retry: bool = True) -> tuple[ClusterNode, ...]:
        """The members now, by node id."""
        return tuple(each.node for each in self.view(timeout=timeout, retry=retry).notifications)

    def view(self, *, timeout: float | None = None, retry: bool = True) -> ClusterView:
        """The view now, of which all members are the notifications."""
        return self._run(operations.current_view(retry), timeout)

    def local_node(self, *, timeout: float | None = None, retry: bool = True) -> ClusterNode:
        """The node of this program."""
        return self.node_get(LOCAL_NODE_ID, timeout, retry=retry)

    def node_get(
        self, node_id: int = LOCAL_NODE_ID, timeout: float | None = None, *, retry: bool = False
    ) -> ClusterNode:
        """A member (saClmClusterNodeGet). Raises NotExist when it is none."""
        return self._run(operations.node_get(node_id, retry), timeout)

    def node_get_async(
        self, invocation: int, node_id: int = LOCAL_NODE_ID, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Has the `node_get` callback given the node, with `invocation` (saClmClusterNodeGetAsync).

        Raises InitError when there is no such callback.
        """
        self._run(self._tracker.node_get_async(invocation, node_id, retry), timeout)

    def cluster_track(
        self,
        flags: TrackFlags,
        buffer: NotificationBuffer | None = None,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Tracks the cluster (saClmClusterTrack).

        CURRENT gives the members once: into `buffer` before the call returns, without one to the `track` callback.
        CHANGES has the callback given every new view, of all nodes and what happened to them; CHANGES_ONLY only of
        the nodes to which something happened. Each call with one of the two takes the place of the one before.

        In A.01.01 (saClmClusterTrackStart) every answer is a callback, and `buffer` is filled before each.

        Raises BadFlags; InitError when it needs the callback and there is none; NoSpace when `buffer` is too small.
        """
        self._run(self._tracker.cluster_track(self.version, flags, buffer, retry), timeout)

    def track_stop(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Ends the tracking (saClmClusterTrackStop). Raises NotExist when there is none."""
        self._run(operations.track_stop(retry), timeout)

    def track(self, flags: TrackFlags = TrackFlags.CURRENT | TrackFlags.CHANGES) -> Generator[ClusterView, None, None]:
        """Views as they come, the current one first, until the handle is finalized or the iterator closed.

        It takes the place of the `track` callback for as long as it is open; answers to `node_get_async` that come
        meanwhile are given to their callback. Raises LibraryError when the executive is gone.
        """
        with ExitStack() as at_end:
            at_end.callback(self._discard_views)
            self._run(operations.start_iteration(flags), None)
            at_end.callback(self._stop_quietly)
            for event in at_end.enter_context(closing(self._events())):
                if isinstance(event, ClusterView):
                    yield event
                else:
                    self._run_callback(event)

    def _run_callback(self, event: ClmEvent) -> None:
        self._tracker.run_callback(event)

    def _stop_quietly(self) -> None:
        with suppress(AisError):
            self.track_stop()

    def _discard_views(self) -> None:
        """Drops views that came before the tracking was stopped, so that the next one begins anew."""
        with suppress(AisError), self._handles.instance(self._handle) as connection:
            connection.discard(lambda event: isinstance(event, ClusterView))
