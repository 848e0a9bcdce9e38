"""The cluster membership service (SA Forum CLM B.01.01, and A.01.01 which the seed implements).

The replicated state is a view: its number and the records of the nodes that are members. It changes at two places of
the total order only, so that all nodes that go through them together have equal views.

* A regular configuration: nodes that did not come along from the configuration before have LEFT. That includes a node
  that is back already, since it was restarted or was partitioned away in between.
* The merge of the components' states: the nodes of the other components have JOINED.

A merge has the number after the highest of its components. One component goes on: one that has been in a view before
one that has not, then the one of most members, then that of the lowest node id. Its nodes keep their initial view
numbers. For all others the merged view is where they joined, and their old fellows see them RECONFIGURED: so an
application on the side that lost sees that its own node was away, and the member of the lowest initial view number is
the oldest of the side that went on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from openais.messages.base import Message, ServiceId, Source
from openais.messages.clm import (
    ClusterChange,
    ClusterNode,
    ClusterState,
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
from openais.services.base import (
    Callback,
    ComponentState,
    ConfigurationChange,
    Effects,
    LibraryConnection,
    LocalNode,
    Reply,
    Service,
    library,
)
from openais.types import LOCAL_NODE_ID, BadFlags, ErrorCode, NodeId, NotExist, TrackFlags, TryAgain, Version

NODES_IN_STATE: Final = 32
"""Node records in one message of the state transfer, so that it stays below 64 KiB with the longest names."""

TRACK_FLAGS: Final = int(TrackFlags.CURRENT | TrackFlags.CHANGES | TrackFlags.CHANGES_ONLY)

VERSION_B: Final = Version("B", 1, 1)
VERSION_A: Final = Version("A", 1, 1)


@dataclass(slots=True)
class _Library:
    """One connection: its version, and what it tracks (CHANGES, CHANGES_ONLY or nothing)."""

    version: Version
    tracking: TrackFlags = TrackFlags(0)


class _View(NamedTuple):
    """A view to be installed."""

    number: int
    members: dict[NodeId, ClusterNode]


@dataclass(slots=True, frozen=True)
class _Component:
    """The view that one component brings to a merge."""

    view_number: int
    nodes: tuple[ClusterNode, ...]

    @property
    def claim(self) -> tuple[bool, int, int]:
        """Orders components by their claim to be the one that goes on."""
        return self.view_number > 0, len(self.nodes), -min(node.node_id for node in self.nodes)


class Clm(Service):
    """Cluster membership: who is a member, since when, and who came and went."""

    service_id = ServiceId.CLM
    versions = (VERSION_B, VERSION_A)

    def __init__(self, node: LocalNode) -> None:
        super().__init__(node)
        itself = ClusterNode(
            node_id=node.node_id,
            address=node.address,
            name=node.name,
            member=True,
            boot_timestamp_ns=node.boot_timestamp_ns,
            initial_view_number=0,
        )
        self._view_number = 0
        self._quorate = False
        self._members: dict[NodeId, ClusterNode] = {node.node_id: itself}
        """By node id, in ascending order."""
        self._going_on: tuple[NodeId, ...] = (node.node_id,)
        """The members of the last transitional configuration."""
        self._merged: _View | None = None
        """The view that the merge made, until the state is complete: then it is known whether there is quorum."""
        self._libraries: dict[int, _Library] = {}

    # Configuration changes and state transfer.

    def configuration_changed(self, change: ConfigurationChange) -> Effects:
        configuration = change.configuration
        if configuration.transitional:
            self._going_on = configuration.members
            return ()
        self._quorate = change.quorate
        staying = {node_id: node for node_id, node in self._members.items() if node_id in self._going_on}
        if len(staying) == len(self._members):
            return ()
        return self._install(_View(self._view_number + 1, staying))

    def state_to_transfer(self) -> Iterator[Message]:
        nodes = tuple(self._members.values())
        for first in range(0, len(nodes), NODES_IN_STATE):
            yield ClusterState(self._view_number, nodes[first : first + NODES_IN_STATE])

    def merge_states(self, states: Sequence[ComponentState]) -> Effects:
        components = [component for component in map(_component, states) if component.nodes]
        view_number = max(component.view_number for component in components) + 1
        going_on = max(components, key=lambda component: component.claim)
        merged = [
            node if component is going_on and node.initial_view_number else _joined_in(node, view_number)
            for component in components
            for node in component.nodes
        ]
        self._merged = _View(view_number, {node.node_id: node for node in merged})
        return ()

    def synchronized(self, change: ConfigurationChange) -> Effects:
        self._quorate = change.quorate
        view, self._merged = self._merged, None
        if view is None and not self._view_number:
            view = _View(1, {node_id: _joined_in(node, 1) for node_id, node in self._members.items()})
        return self._install(view) if view is not None else ()

    # Requests of libraries. All are answered from the local replica, nothing is multicast.

    def library_opened(self, connection: LibraryConnection) -> Effects:
        self._libraries[connection.connection] = _Library(connection.version)
        return ()

    def library_closed(self, connection: int) -> Effects:
        del self._libraries[connection]
        return ()

    @library(TrackStart)
    def track_start(self, caller: Source, request: TrackStart) -> Effects:
        flags = _track_flags(request.flags)
        self._refuse_before_first_view()
        changes = flags & (TrackFlags.CHANGES | TrackFlags.CHANGES_ONLY)
        if changes:
            self._libraries[caller.connection].tracking = changes
        current = TrackFlags.CURRENT in flags
        view = self._view(_notifications(self._members, self._members) if current else ())
        yield Reply(caller, view)
        if current and request.notify_current:
            yield Callback((caller.connection,), TrackCallback(view))

    @library(TrackStop)
    def track_stop(self, caller: Source, request: TrackStop) -> Effects:
        tracker = self._libraries[caller.connection]
        if not tracker.tracking:
            raise NotExist("track stop: this handle does not track the cluster")
        tracker.tracking = TrackFlags(0)
        yield Reply(caller, TrackStopped())

    @library(NodeGet)
    def node_get(self, caller: Source, request: NodeGet) -> Effects:
        self._refuse_before_first_view()
        node = self._find(request.node_id)
        if node is None:
            raise NotExist(f"node get: node {request.node_id} is not a member of the cluster")
        yield Reply(caller, NodeFound(node))

    @library(NodeGetAsync)
    def node_get_async(self, caller: Source, request: NodeGetAsync) -> Effects:
        self._refuse_before_first_view()
        node = self._find(request.node_id)
        error = ErrorCode.OK if node is not None else ErrorCode.NOT_EXIST
        yield Reply(caller, NodeGetAccepted())
        yield Callback((caller.connection,), NodeGetCallback(request.invocation, error, node))

    def describe(self) -> dict[str, Any]:
        return {
            "view_number": self._view_number,
            "quorate": self._quorate,
            "members": [msgspec.structs.asdict(node) for node in self._members.values()],
            "trackers": sum(1 for each in self._libraries.values() if each.tracking),
        }

    # Helpers.

    def _find(self, node_id: NodeId) -> ClusterNode | None:
        return self._members.get(self.node.node_id if node_id == LOCAL_NODE_ID else node_id)

    def _refuse_before_first_view(self) -> None:
        if not self._view_number:
            raise TryAgain("cluster membership: this node is not in a configuration yet")

    def _view(self, notifications: tuple[Notification, ...]) -> ClusterView:
        return ClusterView(self._view_number, notifications, len(self._members), self._quorate)

    def _install(self, view: _View) -> Effects:
        """Makes `view` the one in force and tells those who track."""
        assert view.number > self._view_number
        before = self._members if self._view_number else {}
        self._view_number = view.number
        self._members = dict(sorted(view.members.items()))
        return self._notify(_notifications(before, self._members))

    def _notify(self, notifications: tuple[Notification, ...]) -> Effects:
        """Tells the trackers. Trackers of one version and kind share one callback."""
        for version in self.versions:
            told = _in_version(notifications, version)
            changed = tuple(each for each in told if each.change is not ClusterChange.NO_CHANGE)
            if not changed:
                continue
            for tracking, contents in ((TrackFlags.CHANGES, told), (TrackFlags.CHANGES_ONLY, changed)):
                trackers = self._trackers(version, tracking)
                if trackers:
                    yield Callback(trackers, TrackCallback(self._view(contents)))

    def _trackers(self, version: Version, tracking: TrackFlags) -> tuple[int, ...]:
        return tuple(
            connection
            for connection, each in self._libraries.items()
            if each.tracking == tracking and each.version == version
        )


def _track_flags(value: int) -> TrackFlags:
    """`value` as TrackFlags. Raises BadFlags.

    "It is not permitted to set both SA_TRACK_CHANGES and SA_TRACK_CHANGES_ONLY" (saClmClusterTrack).
    """
    if not value or value & ~TRACK_FLAGS:
        raise BadFlags(f"track: flags {value:#x}, expected one or more of CURRENT, CHANGES, CHANGES_ONLY")
    flags = TrackFlags(value)
    if TrackFlags.CHANGES in flags and TrackFlags.CHANGES_ONLY in flags:
        raise BadFlags("track: CHANGES and CHANGES_ONLY together, expected one of them")
    return flags


def _notifications(
    before: Mapping[NodeId, ClusterNode], after: Mapping[NodeId, ClusterNode]
) -> tuple[Notification, ...]:
    """Every node of both views, once, by node id, with what happened to it between them."""
    return tuple(_notification(before.get(node_id), after.get(node_id)) for node_id in sorted(before.keys() | after))


def _notification(before: ClusterNode | None, after: ClusterNode | None) -> Notification:
    if after is None:
        assert before is not None
        return Notification(msgspec.structs.replace(before, member=False), ClusterChange.LEFT)
    if before is None:
        return Notification(after, ClusterChange.JOINED)
    return Notification(after, ClusterChange.NO_CHANGE if before == after else ClusterChange.RECONFIGURED)


def _in_version(notifications: tuple[Notification, ...], version: Version) -> tuple[Notification, ...]:
    """The notifications in the words of `version`: SaClmClusterChangesT of A.01.01 has no RECONFIGURED."""
    if version != VERSION_A:
        return notifications
    return tuple(
        Notification(each.node, ClusterChange.NO_CHANGE) if each.change is ClusterChange.RECONFIGURED else each
        for each in notifications
    )


def _component(state: ComponentState) -> _Component:
    """What `state` says of the nodes of that component."""
    parts = [message for message in state.messages if isinstance(message, ClusterState)]
    nodes = tuple(node for part in parts for node in part.nodes if node.node_id in state.members)
    return _Component(max((part.view_number for part in parts), default=0), nodes)


def _joined_in(node: ClusterNode, view_number: int) -> ClusterNode:
    return msgspec.structs.replace(node, initial_view_number=view_number)
