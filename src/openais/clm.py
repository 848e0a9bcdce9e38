"""Cluster membership: who is in the cluster, and who comes and goes (SA Forum CLM B.01.01 and A.01.01)."""

from openais.client.async_clm import AsyncClm
from openais.client.clm import Clm
from openais.client.clm_operations import ClmCallbacks, NodeGetResult, NotificationBuffer
from openais.messages.clm import ClusterChange, ClusterNode, ClusterView, Notification
from openais.types import LOCAL_NODE_ID, DispatchFlags, NodeId, TrackFlags, Version

__all__ = [
    "LOCAL_NODE_ID",
    "AsyncClm",
    "Clm",
    "ClmCallbacks",
    "ClusterChange",
    "ClusterNode",
    "ClusterView",
    "DispatchFlags",
    "NodeGetResult",
    "NodeId",
    "Notification",
    "NotificationBuffer",
    "TrackFlags",
    "Version",
]
