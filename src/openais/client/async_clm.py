"""The cluster membership library (SA Forum CLM) on an event loop; every method is that of the blocking one in `clm`."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from socket import socket as Socket
from typing import Final

from openais.client import clm_operations as operations
from openais.client.aio import AsyncConnection
from openais.client.async_library import AsyncLibrary, Opening
from openais.client.clm_operations import NO_CALLBACKS, ClmCallbacks, ClmEvent, NotificationBuffer, Tracker
from openais.client.connecting import DEFAULT_TIMEOUT_S
from openais.client.handles import HandleDatabase
from openais.messages.clm import ClusterNode, ClusterView
from openais.types import LOCAL_NODE_ID, AisError, TrackFlags, Version

_async_handles: Final = HandleDatabase[AsyncConnection[ClmEvent]](AsyncConnection.close, AsyncConnection.abandon)


class AsyncClm(AsyncLibrary[ClmEvent]):
    """A handle of the cluster membership service on an event loop; every method is that of `Clm`.

    async with AsyncClm.open() as cluster:
        print([node.name for node in await cluster.members()])
        async for view in cluster.track():
            ...
    """

    def __init__(self, socket: str | Path | None, callbacks: ClmCallbacks, version: Version, timeout: float) -> None:
        """For `open`, which makes the handle."""
        self._tracker = Tracker(callbacks)
        super().__init__(operations.SETTINGS, _async_handles, socket, version, timeout)

    @classmethod
    def open(
        cls,
        socket: str | Path | None = None,
        *,
        callbacks: ClmCallbacks = NO_CALLBACKS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
        sock: Socket | None = None,
    ) -> Opening[AsyncClm]:
        """saClmInitialize; see `Clm`. To be awaited, or entered. `sock`: a socket that is connected already."""
        return Opening(lambda: cls(socket, callbacks, version, timeout)._start(sock))

    async def members(self, *, timeout: float | None = None, retry: bool = True) -> tuple[ClusterNode, ...]:
        """The members now, by node id."""
        return tuple(each.node for each in (await self.view(timeout=timeout, retry=retry)).notifications)

    async def view(self, *, timeout: float | None = None, retry: bool = True) -> ClusterView:
        """The view now, of which all members are the notifications."""
        return await self._run(operations.current_view(retry), timeout)

    async def local_node(self, *, timeout: float | None = None, retry: bool = True) -> ClusterNode:
        """The node of this program."""
        return await self.node_get(LOCAL_NODE_ID, timeout, retry=retry)

    async def node_get(
        self, node_id: int = LOCAL_NODE_ID, timeout: float | None = None, *, retry: bool = False
    ) -> ClusterNode:
        """A member (saClmClusterNodeGet). Raises NotExist when it is none."""
        return await self._run(operations.node_get(node_id, retry), timeout)

    async def node_get_async(
        self, invocation: int, node_id: int = LOCAL_NODE_ID, *, timeout: float | None = None, retry: bool = False
    ) -> None:
        """Has the `node_get` callback given the node, with `invocation` (saClmClusterNodeGetAsync)."""
        await self._run(self._tracker.node_get_async(invocation, node_id, retry), timeout)

    async def cluster_track(
        self,
        flags: TrackFlags,
        buffer: NotificationBuffer | None = None,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Tracks the cluster (saClmClusterTrack); see `Clm.cluster_track`."""
        await self._run(self._tracker.cluster_track(self.version, flags, buffer, retry), timeout)

    async def track_stop(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Ends the tracking (saClmClusterTrackStop). Raises NotExist when there is none."""
        await self._run(operations.track_stop(retry), timeout)

    async def track(
        self, flags: TrackFlags = TrackFlags.CURRENT | TrackFlags.CHANGES
    ) -> AsyncGenerator[ClusterView, None]:
        """Views as they come, the current one first; see `Clm.track`.

        A loop that is left by `break` has the tracking stopped at a later turn of the event loop; contextlib.aclosing
        has it stopped at once.
        """
        async with AsyncExitStack() as at_end:
            at_end.callback(self._discard_views)
            await self._run(operations.start_iteration(flags), None)
            at_end.push_async_callback(self._stop_quietly)
            async for event in self._events():
                if isinstance(event, ClusterView):
                    yield event
                else:
                    self._run_callback(event)

    def _run_callback(self, event: ClmEvent) -> None:
        self._tracker.run_callback(event)

    async def _stop_quietly(self) -> None:
        with suppress(AisError):
            await self.track_stop()

    def _discard_views(self) -> None:
        """Drops views that came before the tracking was stopped, so that the next one begins anew."""
        with suppress(AisError):
            self._handles.lookup(self._handle).discard(lambda event: isinstance(event, ClusterView))
