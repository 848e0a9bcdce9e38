"""The messages of the event service (SA Forum EVT B.03.01, and A.01.01 which the seed implements).

Events travel in *runs*: events of one publisher that were published together and have the same attributes. A run is
encoded once, by the executive of its publisher; executives on its way look at the attributes, and hand it on as it is.
"""

from __future__ import annotations

import enum
from typing import Annotated, Final

import msgspec

from openais.messages.base import Malformed, Message, Name, Request, ServiceId, Source, callback, group_message, request
from openais.messages.evs import BATCH_MAX, Batch
from openais.types import NAME_LENGTH_MAX, TIME_END, NodeId, TimeNs

DATA_MAX: Final = 1024 * 1024
"""Bytes of the data of one event (SA_EVT_MAX_EVT_SIZE_ID)."""
PATTERN_MAX: Final = 1024
"""Bytes of one pattern (SA_EVT_MAX_PATTERN_SIZE_ID)."""
PATTERNS_MAX: Final = 32
"""Patterns of one event, and filters of one subscription (SA_EVT_MAX_NUM_PATTERNS_ID)."""
CHANNELS_MAX: Final = 1024
"""Channels of the cluster (SA_EVT_MAX_NUM_CHANNELS_ID)."""
RETENTION_MAX_NS: Final = TIME_END
"""The longest retention time: for ever, until it is cleared (SA_EVT_MAX_RETENTION_DURATION_ID)."""
RUNS_MAX: Final = 4096
"""Runs in one publish request."""
EXPIRED_MAX: Final = 4096
"""Events that expire by one message."""

EVENT_ID_NONE: Final = 0
"""The id of an event that is not published (SA_EVT_EVENTID_NONE)."""
EVENT_ID_LOST: Final = 1
"""The id of a lost-event notice (SA_EVT_EVENTID_LOST)."""
LOST_PATTERN: Final = b"SA_EVT_LOST_EVENT_PATTERN"
"""The one pattern of a lost-event notice (SA_EVT_LOST_EVENT)."""
EVENT_ID_STEP: Final = 4096
"""Between the ids of events that one node publishes one after the other."""

WINDOW_BYTES: Final = 2 * 1024 * 1024
"""What a library is sent of events before it tells that the application has taken some; see `cost_of`."""
EVENT_BYTES: Final = 128
"""What an event is taken to cost besides the bytes of its run."""

Patterns = Annotated[
    tuple[Annotated[bytes, msgspec.Meta(max_length=PATTERN_MAX)], ...], msgspec.Meta(max_length=PATTERNS_MAX)
]
PublisherName = Annotated[str, msgspec.Meta(max_length=NAME_LENGTH_MAX)]
EventPriority = Annotated[int, msgspec.Meta(ge=0, le=3)]
RetentionNs = Annotated[int, msgspec.Meta(ge=0, le=RETENTION_MAX_NS)]
EventId = Annotated[int, msgspec.Meta(ge=0)]
SubscriptionId = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
OpenFlags = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
Invocation = Annotated[int, msgspec.Meta(ge=0)]


class ChannelFlags(enum.IntFlag):
    """SaEvtChannelOpenFlagsT."""

    PUBLISHER = 1
    SUBSCRIBER = 2
    CREATE = 4
    """Make the channel when there is none of that name."""


CHANNEL_FLAGS: Final = int(ChannelFlags.PUBLISHER | ChannelFlags.SUBSCRIBER | ChannelFlags.CREATE)


class FilterType(enum.IntEnum):
    """SaEvtEventFilterTypeT."""

    PREFIX = 1
    SUFFIX = 2
    EXACT = 3
    PASS_ALL = 4


class Filter(msgspec.Struct, array_like=True, frozen=True):
    """SaEvtEventFilterT: what the pattern at the filter's place in the array has to be like."""

    kind: FilterType
    pattern: Annotated[bytes, msgspec.Meta(max_length=PATTERN_MAX)]


Filters = Annotated[tuple[Filter, ...], msgspec.Meta(max_length=PATTERNS_MAX)]


class Run(msgspec.Struct, array_like=True, frozen=True):
    """Events with the same attributes, to be published together in this order."""

    patterns: Patterns
    priority: EventPriority
    retention_ns: RetentionNs
    publisher: PublisherName
    payloads: Batch
    """The data of each event."""


class Origin(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A node since it was started: what makes ids that only go up."""

    node_id: NodeId
    boot_timestamp_ns: TimeNs


class PublishedRun(msgspec.Struct, array_like=True, frozen=True):
    """Events with the same attributes that were published together, in this order."""

    patterns: Patterns
    priority: EventPriority
    retention_ns: RetentionNs
    publisher: PublisherName
    origin: Origin
    """The node they were published on; node 0 for a lost-event notice."""
    publish_time_ns: TimeNs
    first_id: EventId
    """The id of the first event; those of the others follow it in steps of EVENT_ID_STEP."""
    count: Annotated[int, msgspec.Meta(ge=1, le=BATCH_MAX)]
    payloads: Batch


_encoder: Final = msgspec.msgpack.Encoder()
_runs: Final = msgspec.msgpack.Decoder(PublishedRun)


def encode_run(run: PublishedRun) -> msgspec.Raw:
    """`run` as messages carry it."""
    return msgspec.Raw(_encoder.encode(run))


def decode_run(raw: msgspec.Raw) -> PublishedRun:
    """The run in `raw`. Raises Malformed."""
    try:
        return _runs.decode(raw)
    except ValueError as error:
        raise Malformed(f"run of events: {error}") from None


def cost_of(run_bytes: int, event_count: int) -> int:
    """What a run of so many bytes and events takes of the window of a library, for each subscription it matches."""
    return run_bytes + EVENT_BYTES * event_count


class ChannelOpened(Message, frozen=True):
    """The channel is open; `channel` stands for it in the calls of this connection (SaEvtChannelHandleT)."""

    channel: int


@request(ServiceId.EVT, 1, response=ChannelOpened)
class OpenChannel(Request, frozen=True):
    """saEvtChannelOpen. `flags` is a ChannelFlags.

    BAD_FLAGS; NOT_EXIST when there is no such channel and none is to be made; NO_RESOURCES beyond CHANNELS_MAX.
    """

    name: Name
    flags: OpenFlags


class OpenAccepted(Message, frozen=True):
    """The answer will come as an OpenCallback."""


@request(ServiceId.EVT, 2, response=OpenAccepted)
class OpenChannelAsync(Request, frozen=True):
    """saEvtChannelOpenAsync. `invocation` comes back in the callback, with what OpenChannel would have answered."""

    name: Name
    flags: OpenFlags
    invocation: Invocation


class ChannelClosed(Message, frozen=True):
    """The channel is closed, its subscriptions are ended, and what was queued for them is dropped."""


@request(ServiceId.EVT, 3, response=ChannelClosed)
class CloseChannel(Request, frozen=True):
    """saEvtChannelClose. BAD_HANDLE."""

    channel: int


class ChannelUnlinked(Message, frozen=True):
    """The name is free; the channel goes with the last who has it open, or is gone."""


@request(ServiceId.EVT, 4, response=ChannelUnlinked)
class UnlinkChannel(Request, frozen=True):
    """saEvtChannelUnlink. NOT_EXIST."""

    name: Name


class Published(Message, frozen=True):
    """All events were queued for the ring. Their ids begin with `first_id` and go up in steps of EVENT_ID_STEP."""

    first_id: EventId


@request(ServiceId.EVT, 5, response=Published)
class Publish(Request, frozen=True):
    """saEvtEventPublish, of one or many events, all or none.

    BAD_HANDLE; ACCESS when the channel is not open to publish; TOO_BIG when they do not fit in one group message
    together (about 1 MiB), or one alone is over DATA_MAX; NO_RESOURCES when too much is retained already; TRY_AGAIN
    when there is no room, unless they are to `wait` for it, with all requests of the connection behind them.
    """

    channel: int
    wait: bool
    runs: Annotated[tuple[Run, ...], msgspec.Meta(min_length=1, max_length=RUNS_MAX)]


class Subscribed(Message, frozen=True):
    """Events that are delivered from here on are matched; those retained that match follow."""


@request(ServiceId.EVT, 6, response=Subscribed)
class Subscribe(Request, frozen=True):
    """saEvtEventSubscribe. `subscription` is a number of the caller's, which deliveries carry.

    BAD_HANDLE; ACCESS when the channel is not open to subscribe; EXIST when the number is in use on this channel;
    NO_RESOURCES beyond the subscriptions that a node may have.
    """

    channel: int
    subscription: SubscriptionId
    filters: Filters


class Unsubscribed(Message, frozen=True):
    """The subscription is ended; what was queued for it is dropped."""


@request(ServiceId.EVT, 7, response=Unsubscribed)
class Unsubscribe(Request, frozen=True):
    """saEvtEventUnsubscribe. BAD_HANDLE, NOT_EXIST."""

    channel: int
    subscription: SubscriptionId


class RetentionCleared(Message, frozen=True):
    """The event is not retained any more."""


@request(ServiceId.EVT, 8, response=RetentionCleared)
class ClearRetention(Request, frozen=True):
    """saEvtEventRetentionTimeClear. BAD_HANDLE; NOT_EXIST when no such event is retained on this channel."""

    channel: int
    event_id: EventId


class TakenNoted(Message, frozen=True):
    """More may be sent."""


@request(ServiceId.EVT, 9, response=TakenNoted)
class Taken(Request, frozen=True):
    """The application took events of this cost since the library said so last."""

    cost: Annotated[int, msgspec.Meta(ge=0)]


class ChannelStatus(msgspec.Struct, array_like=True, frozen=True):
    """One channel of the cluster, as its replicated state tells."""

    name: str
    channel_id: int
    """Told apart by this from an older one of the same name that was unlinked."""
    unlinked: bool
    opens: dict[NodeId, int]
    """How often it is open, by node."""
    retained: int
    """Events that are retained."""
    retained_bytes: int


class ChannelList(Message, frozen=True):
    """Channels, by name."""

    channels: tuple[ChannelStatus, ...]


@request(ServiceId.EVT, 10, response=ChannelList)
class ListChannels(Request, frozen=True):
    """All channels of the cluster."""


class Limits(Message, frozen=True):
    """The limits of this cluster (SaEvtLimitIdT)."""

    channels_max: int
    data_max: int
    pattern_max: int
    patterns_max: int
    retention_max_ns: int


@request(ServiceId.EVT, 11, response=Limits)
class LimitsGet(Request, frozen=True):
    """saEvtLimitGet, of all limits."""


class Match(msgspec.Struct, array_like=True, frozen=True, order=True):
    """A subscription of this connection."""

    channel: int
    subscription: int


@callback(ServiceId.EVT, 1)
class Deliver(Message, frozen=True):
    """SaEvtEventDeliverCallbackT: a run for each of these subscriptions, whose filters it passed."""

    raw_tail = True
    matches: tuple[Match, ...]
    run: msgspec.Raw


@callback(ServiceId.EVT, 2)
class OpenCallback(Message, frozen=True):
    """SaEvtChannelOpenCallbackT. `error` is an ErrorCode; `channel` stands for the channel when it is OK."""

    invocation: Invocation
    name: str
    channel: int
    error: int
    explanation: str = ""


class ChannelIdentity(msgspec.Struct, array_like=True, frozen=True, order=True):
    """An id that a channel was made with, and the node that made it."""

    channel_id: int
    creator: Origin


@group_message(ServiceId.EVT, 1)
class GroupOpen(Message, frozen=True):
    """`caller` opens a channel, which gets `identity` should it be made now."""

    caller: Source
    name: Name
    flags: OpenFlags
    identity: ChannelIdentity
    invocation: Invocation | None
    """Answered by a callback when there is one."""


@group_message(ServiceId.EVT, 2)
class GroupClose(Message, frozen=True):
    """Channels that a node has open are closed, so often each. Call 0 of `caller`: nobody waits for an answer."""

    caller: Source
    counts: dict[int, int]


@group_message(ServiceId.EVT, 3)
class GroupUnlink(Message, frozen=True):
    """`caller` unlinks the channel of this name."""

    caller: Source
    name: Name


@group_message(ServiceId.EVT, 4)
class GroupPublish(Message, frozen=True):
    """Runs of events on their way to the subscribers of a channel."""

    channel_id: int
    retained: bool
    """Whether one of them is to be retained: then every node must look at them."""
    runs: Annotated[tuple[msgspec.Raw, ...], msgspec.Meta(max_length=RUNS_MAX)]


@group_message(ServiceId.EVT, 5)
class GroupClear(Message, frozen=True):
    """`caller` clears the retention time of an event."""

    caller: Source
    channel_id: int
    event_id: EventId


@group_message(ServiceId.EVT, 6)
class GroupExpire(Message, frozen=True):
    """The retention time of these events is over."""

    event_ids: Annotated[tuple[EventId, ...], msgspec.Meta(max_length=EXPIRED_MAX)]


@group_message(ServiceId.EVT, 7)
class ChannelState(Message, frozen=True):
    """State transfer: one channel. Those that are retained on it follow."""

    name: str
    identities: tuple[ChannelIdentity, ...]
    unlinked: bool
    opens: dict[NodeId, int]


@group_message(ServiceId.EVT, 8)
class RetainedState(Message, frozen=True):
    """State transfer: an event that is retained on the channel before it; its data follow in parts, `size` in all."""

    event: PublishedRun
    """A run of one event, its payloads left out."""
    size: int


@group_message(ServiceId.EVT, 9)
class RetainedData(Message, frozen=True):
    """State transfer: the next part of the data of the event before it."""

    data: bytes


@group_message(ServiceId.EVT, 10)
class SeenState(Message, frozen=True):
    """State transfer: of each node, the highest id of a retained event or a channel of it that was delivered."""

    last_ids: tuple[tuple[Origin, int], ...]
