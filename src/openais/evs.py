"""Extended virtual synchrony: totally ordered messages and configuration changes for groups of programs."""

from openais.client.async_evs import AsyncEvs
from openais.client.evs import Evs
from openais.client.evs_operations import (
    ConfigurationChanged,
    EvsCallbacks,
    EvsEvent,
    EvsOptions,
    GroupChanged,
    MessageDelivered,
    PartlySent,
)
from openais.client.sender import AsyncSender
from openais.messages.evs import ConfigurationView, GroupMember, Membership, RingIdentity
from openais.types import DispatchFlags, Guarantee, NodeId, Priority, Version

__all__ = [
    "AsyncEvs",
    "AsyncSender",
    "ConfigurationChanged",
    "ConfigurationView",
    "DispatchFlags",
    "Evs",
    "EvsCallbacks",
    "EvsEvent",
    "EvsOptions",
    "GroupChanged",
    "GroupMember",
    "Guarantee",
    "Membership",
    "MessageDelivered",
    "NodeId",
    "PartlySent",
    "Priority",
    "RingIdentity",
    "Version",
]
