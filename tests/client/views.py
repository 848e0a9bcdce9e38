"""Cluster nodes and views for tests."""

from __future__ import annotations

from openais.messages.clm import ClusterChange, ClusterNode, ClusterView, Notification
from openais.types import NodeId, TimeNs


def node(number: int, initial_view: int = 1) -> ClusterNode:
    return ClusterNode(NodeId(number), f"10.0.0.{number}", f"node{number}", True, TimeNs(1_000), initial_view)


def view(number: int, *nodes: int, change: ClusterChange = ClusterChange.NO_CHANGE) -> ClusterView:
    """View `number`, in which each of `nodes` is told with `change`."""
    return ClusterView(number, tuple(Notification(node(each), change) for each in nodes), len(nodes))
