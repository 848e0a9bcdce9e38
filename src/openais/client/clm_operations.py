"""The operations of the cluster membership library (SA Forum CLM), for both faces, and their vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeAlias

import msgspec

from openais.client.operation import Operation, ask
from openais.client.session import SessionSettings
from openais.client.versions import VersionDatabase
from openais.messages.base import Message, ServiceId
from openais.messages.clm import (
    ClusterNode,
    ClusterView,
    NodeFound,
    NodeGet,
    NodeGetAccepted,
    NodeGetAsync,
    NodeGetCallback,
    Notification,
    TrackCallback,
    TrackStart,
    TrackStop,
    TrackStopped,
)
from openais.types import (
    LOCAL_NODE_ID,
    AisError,
    BadFlags,
    ErrorCode,
    InitError,
    InvalidParam,
    NodeId,
    NoSpace,
    TrackFlags,
    Version,
)

VERSION_B: Final = Version("B", 1, 1)
VERSION_A: Final = Version("A", 1, 1)
INVOCATION_MAX: Final = 2**64 - 1


class NodeGetResult(msgspec.Struct, frozen=True):
    """What the callback of `node_get_async` is given (SaClmClusterNodeGetCallbackT)."""

    invocation: int
    """The number given to `node_get_async`."""
    error: ErrorCode
    node: ClusterNode | None
    """The node, when `error` is OK."""

    def get(self) -> ClusterNode:
        """The node. Raises the AisError that `error` stands for."""
        if self.node is None:
            raise AisError.of(self.error)
        return self.node


ClmEvent: TypeAlias = ClusterView | NodeGetResult


class ClmCallbacks(NamedTuple):
    """The callbacks of an application, run by dispatch (SaClmCallbacksT)."""

    track: Callable[[ClusterView], None] | None = None
    """Given each view while the cluster is tracked (SaClmClusterTrackCallbackT)."""
    node_get: Callable[[NodeGetResult], None] | None = None
    """Given the answer to each `node_get_async` (SaClmClusterNodeGetCallbackT)."""


NO_CALLBACKS: Final = ClmCallbacks()


class NotificationBuffer:
    """Room for one view (SaClmClusterNotificationBufferT), for `cluster_track` with CURRENT."""

    def __init__(self, capacity: int | None = None) -> None:
        """`capacity`: how many notifications fit; None for as many as there are."""
        self.capacity = capacity
        self.view_number = 0
        self.notifications: tuple[Notification, ...] = ()

    def fill(self, view: ClusterView) -> None:
        """Takes the notifications of `view`. Raises NoSpace when they do not fit; `notifications` is then empty."""
        self.view_number = view.view_number
        self.notifications = ()
        count = len(view.notifications)
        if self.capacity is not None and count > self.capacity:
            raise NoSpace(f"cluster track: {count} notifications, the buffer holds {self.capacity}")
        self.notifications = view.notifications


class Tracker:
    """What a handle remembers between its calls: its callbacks, and in A.01.01 the buffer of its tracking."""

    def __init__(self, callbacks: ClmCallbacks) -> None:
        self._callbacks = callbacks
        self._buffer: NotificationBuffer | None = None

    def cluster_track(
        self, version: Version, flags: TrackFlags, buffer: NotificationBuffer | None, retry: bool
    ) -> Operation[None]:
        """saClmClusterTrack, and saClmClusterTrackStart of A.01.01."""
        check_flags(flags)
        synchronous = buffer is not None and TrackFlags.CURRENT in flags and version.release != VERSION_A.release
        by_callback = flags & (TrackFlags.CHANGES | TrackFlags.CHANGES_ONLY) or not synchronous
        if by_callback and self._callbacks.track is None:
            raise InitError("cluster track: it needs the track callback, which was not given")
        self._buffer = None if synchronous else buffer
        view = yield from ask(TrackStart(flags, not synchronous), ClusterView, retry)
        if synchronous:
            assert buffer is not None
            buffer.fill(view)

    def node_get_async(self, invocation: int, node_id: int, retry: bool) -> Operation[None]:
        """saClmClusterNodeGetAsync."""
        if self._callbacks.node_get is None:
            raise InitError("node get async: it needs the node_get callback, which was not given")
        if not 0 <= invocation <= INVOCATION_MAX:
            raise InvalidParam(f"node get async: invocation {invocation}, expected 0 to {INVOCATION_MAX}")
        yield from ask(NodeGetAsync(_node_id(node_id), invocation), NodeGetAccepted, retry)

    def run_callback(self, event: ClmEvent) -> None:
        """Runs the application's callback for `event`."""
        if isinstance(event, NodeGetResult):
            if self._callbacks.node_get is not None:
                self._callbacks.node_get(event)
            return
        if self._buffer is not None:
            self._buffer.fill(event)
        if self._callbacks.track is not None:
            self._callbacks.track(event)


def current_view(retry: bool) -> Operation[ClusterView]:
    """The view now, by saClmClusterTrack with SA_TRACK_CURRENT and a buffer."""
    return (yield from ask(TrackStart(TrackFlags.CURRENT, notify_current=False), ClusterView, retry))


def start_iteration(flags: TrackFlags) -> Operation[None]:
    """Starts tracking for an iterator, which takes every view as an event."""
    check_flags(flags)
    yield from ask(TrackStart(flags, notify_current=True), ClusterView, retry=True)


def track_stop(retry: bool) -> Operation[None]:
    """saClmClusterTrackStop."""
    yield from ask(TrackStop(), TrackStopped, retry)


def node_get(node_id: int, retry: bool) -> Operation[ClusterNode]:
    """saClmClusterNodeGet."""
    found = yield from ask(NodeGet(_node_id(node_id)), NodeFound, retry)
    return found.node


def check_flags(flags: TrackFlags) -> None:
    """Raises BadFlags."""
    if not flags or flags & ~(TrackFlags.CURRENT | TrackFlags.CHANGES | TrackFlags.CHANGES_ONLY):
        raise BadFlags(f"cluster track: flags {int(flags)}, expected CURRENT, CHANGES or CHANGES_ONLY")
    if TrackFlags.CHANGES in flags and TrackFlags.CHANGES_ONLY in flags:
        raise BadFlags("cluster track: CHANGES and CHANGES_ONLY exclude each other")


def _node_id(value: int) -> NodeId:
    if not 0 <= value <= LOCAL_NODE_ID:
        raise InvalidParam(f"node id {value}, expected 0 to {LOCAL_NODE_ID:#x}")
    return NodeId(value)


def _to_events(message: Message) -> Iterable[ClmEvent]:
    if isinstance(message, TrackCallback):
        return (message.view,)
    assert isinstance(message, NodeGetCallback)
    return (NodeGetResult(message.invocation, ErrorCode(message.error), message.node),)


SETTINGS: Final = SessionSettings[ClmEvent](ServiceId.CLM, VersionDatabase((VERSION_B, VERSION_A)), _to_events)
"""The sessions of this library."""
