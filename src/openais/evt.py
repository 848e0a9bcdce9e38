"""Events published to a cluster, filtered, ordered and retained (SA Forum EVT B.03.01 and A.01.01)."""

from openais.client.async_evt import AsyncChannel, AsyncEvt, AsyncOutgoingEvent, AsyncSubscription
from openais.client.evt import Channel, Evt, OutgoingEvent, Subscription
from openais.client.evt_events import ChannelOpenResult, Event
from openais.client.evt_operations import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    Attributes,
    EvtCallbacks,
    Exact,
    LimitId,
    PassAll,
    Prefix,
    Suffix,
)
from openais.client.sender import AsyncSender
from openais.messages.evt import (
    EVENT_ID_LOST,
    EVENT_ID_NONE,
    LOST_PATTERN,
    ChannelFlags,
    ChannelStatus,
    Filter,
    FilterType,
    Limits,
)
from openais.types import DispatchFlags, NodeId, Version

__all__ = [
    "EVENT_ID_LOST",
    "EVENT_ID_NONE",
    "HIGHEST_PRIORITY",
    "LOST_PATTERN",
    "LOWEST_PRIORITY",
    "AsyncChannel",
    "AsyncEvt",
    "AsyncOutgoingEvent",
    "AsyncSender",
    "AsyncSubscription",
    "Attributes",
    "Channel",
    "ChannelFlags",
    "ChannelOpenResult",
    "ChannelStatus",
    "DispatchFlags",
    "Event",
    "Evt",
    "EvtCallbacks",
    "Exact",
    "Filter",
    "FilterType",
    "LimitId",
    "Limits",
    "NodeId",
    "OutgoingEvent",
    "PassAll",
    "Prefix",
    "Subscription",
    "Suffix",
    "Version",
]
