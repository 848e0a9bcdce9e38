"""The operations of the event library (SA Forum EVT), for both faces, and their vocabulary."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from openais.client.events import EVENT_BYTES
from openais.client.evs_operations import PAYLOAD_OVERHEAD, Payload
from openais.client.evt_events import ChannelOpenResult, Event, EvtEvent, EvtEventQueue
from openais.client.operation import Operation, ask
from openais.client.session import SessionSettings
from openais.client.versions import VersionDatabase
from openais.messages import evt
from openais.messages.base import Message, ServiceId
from openais.messages.evs import BATCH_MAX, Batch, batch_of, payloads_of
from openais.messages.evt import (
    CHANNEL_FLAGS,
    DATA_MAX,
    EVENT_ID_STEP,
    PATTERN_MAX,
    PATTERNS_MAX,
    RETENTION_MAX_NS,
    ChannelClosed,
    ChannelFlags,
    ChannelList,
    ChannelOpened,
    ChannelStatus,
    ChannelUnlinked,
    ClearRetention,
    CloseChannel,
    Deliver,
    Filter,
    FilterType,
    Limits,
    LimitsGet,
    ListChannels,
    OpenAccepted,
    OpenCallback,
    OpenChannel,
    OpenChannelAsync,
    Publish,
    Published,
    RetentionCleared,
    Run,
    Subscribe,
    Subscribed,
    UnlinkChannel,
    Unsubscribe,
    Unsubscribed,
)
from openais.types import (
    NAME_LENGTH_MAX,
    BadFlags,
    ErrorCode,
    InitError,
    InvalidParam,
    NameTooLong,
    TooBig,
    Version,
)

VERSION_B: Final = Version("B", 3, 1)
VERSION_A: Final = Version("A", 1, 1)

HIGHEST_PRIORITY: Final = 0
"""SA_EVT_HIGHEST_PRIORITY."""
LOWEST_PRIORITY: Final = 3
"""SA_EVT_LOWEST_PRIORITY."""
BATCH_BYTES: Final = 56 * 1024
"""Bytes of data that leave in one request, unless a single event has more."""
EVERYTHING: Final = ChannelFlags.PUBLISHER | ChannelFlags.SUBSCRIBER | ChannelFlags.CREATE
"""To publish and subscribe, on a channel that is made if need be."""
INVOCATION_MAX: Final = 2**64 - 1
SUBSCRIPTION_ID_MAX: Final = 2**32 - 1

assert evt.EVENT_BYTES == EVENT_BYTES, "library and executive count the same for an event"

Text: TypeAlias = str | bytes


class LimitId(enum.IntEnum):
    """SaEvtLimitIdT."""

    MAX_NUM_CHANNELS = 1
    MAX_EVT_SIZE = 2
    MAX_PATTERN_SIZE = 3
    MAX_NUM_PATTERNS = 4
    MAX_RETENTION_DURATION = 5


class EvtCallbacks(NamedTuple):
    """The callbacks of an application, run by dispatch (SaEvtCallbacksT)."""

    deliver: Callable[[Event], None] | None = None
    """Given each event of the subscriptions made by `event_subscribe` (SaEvtEventDeliverCallbackT)."""
    channel_open: Callable[[ChannelOpenResult], None] | None = None
    """Given the answer to each `open_channel_async` (SaEvtChannelOpenCallbackT)."""

    def run(self, event: EvtEvent) -> None:
        """Runs the one for `event`, if it was given."""
        if isinstance(event, Event):
            if self.deliver is not None:
                self.deliver(event)
        elif self.channel_open is not None:
            self.channel_open(event)


NO_CALLBACKS: Final = EvtCallbacks()


class Attributes(NamedTuple):
    """The attributes of an event to be published (saEvtEventAttributesSet)."""

    patterns: tuple[bytes, ...] = ()
    priority: int = LOWEST_PRIORITY
    retention_ns: int = 0
    publisher: str = ""

    def run_of(self, batch: Batch) -> Run:
        """Events with these attributes."""
        return Run(self.patterns, self.priority, self.retention_ns, self.publisher, batch)


def attributes(patterns: Iterable[Text], priority: int, retention_ns: int, publisher: str) -> Attributes:
    """Attributes, checked. Raises InvalidParam, NameTooLong, TooBig."""
    encoded = tuple(map(_bytes, patterns))
    _check_patterns(encoded, "patterns")
    if not HIGHEST_PRIORITY <= priority <= LOWEST_PRIORITY:
        raise InvalidParam(f"priority {priority}, expected {HIGHEST_PRIORITY} to {LOWEST_PRIORITY}")
    if not 0 <= retention_ns <= RETENTION_MAX_NS:
        raise InvalidParam(f"retention time {retention_ns} ns, expected 0 to {RETENTION_MAX_NS}")
    if len(publisher.encode()) > NAME_LENGTH_MAX:
        raise NameTooLong(f"publisher name: {len(publisher.encode())} bytes, expected at most {NAME_LENGTH_MAX}")
    return Attributes(encoded, priority, retention_ns, publisher)


def nanoseconds(retention_s: float) -> int:
    """A retention time of so many seconds; math.inf stands for the longest. Raises InvalidParam."""
    if math.isnan(retention_s):
        raise InvalidParam("retention time: not a number")
    return RETENTION_MAX_NS if retention_s == math.inf else int(retention_s * 1e9)


# Filters.


def Prefix(pattern: Text) -> Filter:
    """Lets patterns pass that begin with this (SA_EVT_PREFIX_FILTER)."""
    return Filter(FilterType.PREFIX, _bytes(pattern))


def Suffix(pattern: Text) -> Filter:
    """Lets patterns pass that end with this (SA_EVT_SUFFIX_FILTER)."""
    return Filter(FilterType.SUFFIX, _bytes(pattern))


def Exact(pattern: Text) -> Filter:
    """Lets this pattern pass (SA_EVT_EXACT_FILTER)."""
    return Filter(FilterType.EXACT, _bytes(pattern))


def PassAll() -> Filter:
    """Lets every pattern pass (SA_EVT_PASS_ALL_FILTER)."""
    return Filter(FilterType.PASS_ALL, b"")


def filters_of(filters: Iterable[Filter | Text]) -> tuple[Filter, ...]:
    """Filters, checked; a text stands for an exact one. Raises InvalidParam, TooBig."""
    made = tuple(each if isinstance(each, Filter) else Exact(each) for each in filters)
    _check_patterns(tuple(each.pattern for each in made), "filters")
    return made


# Operations.


def open_channel(name: str, flags: int, retry: bool) -> Operation[int]:
    """saEvtChannelOpen: the number of the channel."""
    opened = yield from ask(OpenChannel(_name(name), _flags(flags)), ChannelOpened, retry)
    return opened.channel


def open_channel_async(callbacks: EvtCallbacks, invocation: int, name: str, flags: int, retry: bool) -> Operation[None]:
    """saEvtChannelOpenAsync."""
    if callbacks.channel_open is None:
        raise InitError("open channel async: it needs the channel_open callback, which was not given")
    if not 0 <= invocation <= INVOCATION_MAX:
        raise InvalidParam(f"open channel async: invocation {invocation}, expected 0 to {INVOCATION_MAX}")
    yield from ask(OpenChannelAsync(_name(name), _flags(flags), invocation), OpenAccepted, retry)


def close_channel(channel: int, retry: bool) -> Operation[None]:
    """saEvtChannelClose."""
    yield from ask(CloseChannel(channel), ChannelClosed, retry)


def unlink_channel(name: str, retry: bool) -> Operation[None]:
    """saEvtChannelUnlink."""
    yield from ask(UnlinkChannel(_name(name)), ChannelUnlinked, retry)


def publish(channel: int, attributes: Attributes, data: Payload, retry: bool) -> Operation[int]:
    """saEvtEventPublish: the id of the event."""
    _check_data(len(data))
    run = attributes.run_of(batch_of((data,)))
    published = yield from ask(Publish(channel, False, (run,)), Published, retry)
    return published.first_id


def publish_many(channel: int, attributes: Attributes, data: Iterable[Payload], retry: bool) -> Operation[list[int]]:
    """saEvtEventPublish for many events with the same attributes, in order: their ids."""
    waiting = list(data)
    _check_data(max(map(len, waiting), default=0))
    event_ids: list[int] = []
    for batch in _batches(waiting):
        run = attributes.run_of(batch_of(batch))
        published = yield from ask(Publish(channel, False, (run,)), Published, retry)
        event_ids += (published.first_id + number * EVENT_ID_STEP for number in range(len(batch)))
    return event_ids


def subscribe(channel: int, subscription: int, filters: tuple[Filter, ...], retry: bool) -> Operation[None]:
    """saEvtEventSubscribe."""
    request = Subscribe(channel, _subscription_id(subscription), filters)
    yield from ask(request, Subscribed, retry)


def unsubscribe(channel: int, subscription: int, retry: bool) -> Operation[None]:
    """saEvtEventUnsubscribe."""
    yield from ask(Unsubscribe(channel, _subscription_id(subscription)), Unsubscribed, retry)


def clear_retention(channel: int, event_id: int, retry: bool) -> Operation[None]:
    """saEvtEventRetentionTimeClear."""
    if not 0 <= event_id < 2**64:
        raise InvalidParam(f"retention time clear: event id {event_id}, expected 0 to {2**64 - 1}")
    yield from ask(ClearRetention(channel, event_id), RetentionCleared, retry)


def list_channels(retry: bool) -> Operation[tuple[ChannelStatus, ...]]:
    """All channels of the cluster, by name."""
    found = yield from ask(ListChannels(), ChannelList, retry)
    return found.channels


def limits(retry: bool) -> Operation[Limits]:
    """All limits."""
    return (yield from ask(LimitsGet(), Limits, retry))


def limit(limit_id: int, retry: bool) -> Operation[int]:
    """saEvtLimitGet."""
    try:
        wanted = LimitId(limit_id)
    except ValueError:
        raise InvalidParam(f"limit get: limit {limit_id}, expected one of LimitId") from None
    found = yield from limits(retry)
    return {
        LimitId.MAX_NUM_CHANNELS: found.channels_max,
        LimitId.MAX_EVT_SIZE: found.data_max,
        LimitId.MAX_PATTERN_SIZE: found.pattern_max,
        LimitId.MAX_NUM_PATTERNS: found.patterns_max,
        LimitId.MAX_RETENTION_DURATION: found.retention_max_ns,
    }[wanted]


def check_can_deliver(callbacks: EvtCallbacks) -> None:
    """Raises InitError when there is no callback for events."""
    if callbacks.deliver is None:
        raise InitError("event subscribe: it needs the deliver callback, which was not given")


def _bytes(text: Text) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def _check_patterns(patterns: tuple[bytes, ...], what: str) -> None:
    if len(patterns) > PATTERNS_MAX:
        raise TooBig(f"{what}: {len(patterns)} of them, expected at most {PATTERNS_MAX}")
    longest = max(map(len, patterns), default=0)
    if longest > PATTERN_MAX:
        raise TooBig(f"{what}: one of {longest} bytes, expected at most {PATTERN_MAX}")


def _check_data(size: int) -> None:
    if size > DATA_MAX:
        raise TooBig(f"publish: an event of {size} bytes, expected at most {DATA_MAX}")


def _name(name: str) -> str:
    if not name:
        raise InvalidParam("the name of a channel is empty")
    if len(name.encode()) > NAME_LENGTH_MAX:
        raise NameTooLong(f"channel name: {len(name.encode())} bytes, expected at most {NAME_LENGTH_MAX}")
    return name


def _flags(flags: int) -> int:
    if not flags or flags & ~CHANNEL_FLAGS:
        raise BadFlags(f"open channel: flags {flags:#x}, expected one or more of PUBLISHER, SUBSCRIBER, CREATE")
    return int(flags)


def _subscription_id(subscription: int) -> int:
    if not 0 <= subscription <= SUBSCRIPTION_ID_MAX:
        raise InvalidParam(f"subscription {subscription}, expected 0 to {SUBSCRIPTION_ID_MAX}")
    return subscription


def _batches(data: Sequence[Payload]) -> Iterable[Sequence[Payload]]:
    """`data` in pieces that one request holds."""
    first = held = 0
    for index, each in enumerate(data):
        size = len(each) + PAYLOAD_OVERHEAD
        if index > first and (held + size > BATCH_BYTES or index - first == BATCH_MAX):
            yield data[first:index]
            first, held = index, 0
        held += size
    if data:
        yield data[first:]


def _to_events(message: Message) -> Iterable[EvtEvent]:
    if isinstance(message, Deliver):
        run = evt.decode_run(message.run)
        fixed = (run.publisher, run.origin.node_id, run.publish_time_ns, run.retention_ns)
        numbered = tuple(enumerate(payloads_of(run.payloads)))
        patterns, priority, first_id = run.patterns, run.priority, run.first_id
        return [
            Event(
                data, patterns, priority, first_id + number * EVENT_ID_STEP, *fixed, match.channel, match.subscription
            )
            for match in message.matches
            for number, data in numbered
        ]
    assert isinstance(message, OpenCallback)
    error = ErrorCode(message.error)
    return (ChannelOpenResult(message.invocation, error, message.name, message.channel, message.explanation),)


def _held_bytes(message: Message, body_bytes: int) -> int:
    """What the events of a message hold: for each subscription the run, as the executive counts it."""
    return len(message.run) if isinstance(message, Deliver) else body_bytes


SETTINGS: Final = SessionSettings[EvtEvent](
    ServiceId.EVT,
    VersionDatabase((VERSION_B, VERSION_A)),
    _to_events,
    make_queue=EvtEventQueue,
    shares=True,
    held_bytes=_held_bytes,
)
"""The sessions of this library."""
