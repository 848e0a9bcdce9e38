"""The state transfer of the availability management framework."""

from __future__ import annotations

from openais.messages.amf_model import GroupConfig, NodeConfig
from openais.messages.amf_state import GroupState, Happened, NodeState
from openais.messages.base import Message, ServiceId, group_message


@group_message(ServiceId.AMF, 20)
class ClusterState(Message, frozen=True):
    """State transfer: what belongs to no service group."""

    version: int
    invocation: int
    time_ns: int
    nodes: tuple[NodeState, ...]
    applications: tuple[tuple[str, int], ...]
    node_configs: tuple[NodeConfig, ...] = ()
    startup_ns: int = 0


@group_message(ServiceId.AMF, 21)
class ServiceGroupState(Message, frozen=True):
    """State transfer: a service group."""

    config: GroupConfig
    state: GroupState


@group_message(ServiceId.AMF, 22)
class HistoryState(Message, frozen=True):
    """State transfer: a part of the history."""

    lines: tuple[Happened, ...]
