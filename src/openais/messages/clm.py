"""The messages of the cluster membership service (SA Forum CLM B.01.01)."""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from openais.messages.base import Message, Request, ServiceId, callback, group_message, request
from openais.types import NodeId, TimeNs


class ClusterChange(enum.IntEnum):
    """SaClmClusterChangesT: what happened to a node in a cluster notification."""

    NO_CHANGE = 1
    JOINED = 2
    LEFT = 3
    RECONFIGURED = 4
    """It stays a member and something else about it changed. Not in A.01.01, where it is told as NO_CHANGE."""


class ClusterNode(msgspec.Struct, array_like=True, frozen=True):
    """SaClmClusterNodeT."""

    node_id: NodeId
    address: Annotated[str, msgspec.Meta(max_length=64)]
    """IPv4 or IPv6 address in text form, without the port."""
    name: Annotated[str, msgspec.Meta(max_length=255)]
    member: bool
    boot_timestamp_ns: TimeNs
    """When the node's executive was started, in nanoseconds since the epoch."""
    initial_view_number: int
    """The view number in which the node joined; see `services.clm` for what becomes of it at a merge."""


class Notification(msgspec.Struct, array_like=True, frozen=True):
    """SaClmClusterNotificationT: one node and what happened to it."""

    node: ClusterNode
    change: ClusterChange


class ClusterView(Message, frozen=True):
    """SaClmClusterNotificationBufferT: one view of the cluster."""

    view_number: int
    notifications: tuple[Notification, ...]
    member_count: int
    """How many nodes are members now (numberOfMembers of the track callback)."""
    quorate: bool = True


@request(ServiceId.CLM, 1, response=ClusterView)
class TrackStart(Request, frozen=True):
    """saClmClusterTrack. `flags` is a TrackFlags; BAD_FLAGS when they contradict or none is given.

    With CURRENT the answer's view holds the members; `notify_current` asks for it as a TrackCallback as well.
    Without CURRENT the answer's view holds no nodes.
    """

    flags: Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
    notify_current: bool


class TrackStopped(Message, frozen=True):
    """Tracking has ended."""


@request(ServiceId.CLM, 2, response=TrackStopped)
class TrackStop(Request, frozen=True):
    """saClmClusterTrackStop. NOT_EXIST when no tracking is active."""


class NodeFound(Message, frozen=True):
    """The node asked for."""

    node: ClusterNode


@request(ServiceId.CLM, 3, response=NodeFound)
class NodeGet(Request, frozen=True):
    """saClmClusterNodeGet. LOCAL_NODE_ID stands for the caller's node. NOT_EXIST when it is not a member."""

    node_id: NodeId


class NodeGetAccepted(Message, frozen=True):
    """The answer will come as a NodeGetCallback."""


@request(ServiceId.CLM, 4, response=NodeGetAccepted)
class NodeGetAsync(Request, frozen=True):
    """saClmClusterNodeGetAsync. `invocation` comes back in the callback."""

    node_id: NodeId
    invocation: int


@callback(ServiceId.CLM, 1)
class TrackCallback(Message, frozen=True):
    """SaClmClusterTrackCallbackT."""

    view: ClusterView


@callback(ServiceId.CLM, 2)
class NodeGetCallback(Message, frozen=True):
    """SaClmClusterNodeGetCallbackT. `error` is an ErrorCode; `node` is there when it is OK."""

    invocation: int
    error: int
    node: ClusterNode | None


@group_message(ServiceId.CLM, 1)
class ClusterState(Message, frozen=True):
    """State transfer: some of the nodes that are members in one component, and its view number.

    A component's state is one or more of these. View number 0: a node that has not been in a view since it started.
    """

    view_number: int
    nodes: tuple[ClusterNode, ...]
