"""libSaEvt.so: the functions of saEvt.h, over the event library."""

from __future__ import annotations

from typing import Final

from _openais_c import ffi

from openais.c_api.boundary import (
    NULL,
    Handles,
    Pointer,
    allocate,
    bytes_of,
    exported,
    given,
    negotiate,
    release,
    seconds_of,
    set_name,
    text_of,
)
from openais.client.connecting import dispatch_flags
from openais.client.evt import Channel, Evt, OutgoingEvent
from openais.client.evt_events import ChannelOpenResult, Event
from openais.client.evt_operations import Attributes, EvtCallbacks, LimitId
from openais.client.versions import VersionDatabase
from openais.messages.evt import PATTERN_MAX, PATTERNS_MAX, ChannelFlags, Filter, FilterType
from openais.types import AisError, BadHandle, InvalidParam, NoSpace, TooBig, Version

VERSIONS: Final = VersionDatabase((Version("B", 3, 1),))
UNKNOWN_TIME: Final = -(2**63)
PATTERN_SIZE: Final = ffi.sizeof("SaEvtEventPatternT")


class Handle:
    """What stands behind an SaEvtHandleT."""

    def __init__(self, callbacks: Pointer) -> None:
        self._open = callbacks.saEvtChannelOpenCallback if callbacks != NULL else NULL
        self._deliver = callbacks.saEvtEventDeliverCallback if callbacks != NULL else NULL
        self.opening: dict[int, list[ChannelFlags]] = {}
        """The flags of channels that are being opened, by invocation, in order."""
        self.channels: dict[int, OpenChannel] = {}
        """By the number that events carry."""
        self.library = Evt(
            callbacks=EvtCallbacks(
                deliver=self._run_deliver if self._deliver != NULL else None,
                channel_open=self._run_open if self._open != NULL else None,
            )
        )

    def opened(self, channel: Channel) -> int:
        """The handle of a channel that was opened."""
        made = OpenChannel(self, channel)
        self.channels[channel.number] = made
        return _channels.add(made)

    def _run_open(self, result: ChannelOpenResult) -> None:
        waiting = self.opening.get(result.invocation)
        flags = waiting.pop(0) if waiting else ChannelFlags(0)
        if not waiting:
            self.opening.pop(result.invocation, None)
        try:
            handle = self.opened(self.library.opened(result, flags))
        except AisError as error:
            self._open(result.invocation, 0, int(error.code))
        else:
            self._open(result.invocation, handle, 1)

    def _run_deliver(self, event: Event) -> None:
        channel = self.channels.get(event.channel)
        if channel is not None:
            self._deliver(event.subscription, _events.add(EventHandle(channel, event)), len(event.data))


class OpenChannel:
    """What stands behind an SaEvtChannelHandleT."""

    def __init__(self, evt: Handle, channel: Channel) -> None:
        self.evt = evt
        self.channel = channel


class EventHandle:
    """What stands behind an SaEvtEventHandleT: an event that was received, or is to be published, or both."""

    def __init__(self, channel: OpenChannel, received: Event | None = None) -> None:
        self.channel = channel
        self.received = received
        self._outgoing: OutgoingEvent | None = None

    def outgoing(self) -> OutgoingEvent:
        """The event to be published; one that was received is published with its attributes, until others are set."""
        if self._outgoing is None:
            self._outgoing = self.channel.channel.event_allocate()
            if self.received is not None:
                event = self.received
                self._outgoing.attributes_set(event.patterns, event.priority, event.retention_ns, event.publisher)
        return self._outgoing

    def attributes(self) -> Attributes:
        """The attributes that a process can set."""
        if self._outgoing is None and self.received is not None:
            event = self.received
            return Attributes(event.patterns, event.priority, event.retention_ns, event.publisher)
        return self.outgoing().attributes_get()

    def identity(self) -> tuple[int, int]:
        """When it was published, and its id."""
        if self._outgoing is None and self.received is not None:
            return self.received.publish_time_ns, self.received.event_id
        return UNKNOWN_TIME, self.outgoing().event_id


_handles: Final = Handles[Handle]()
_channels: Final = Handles[OpenChannel]()
_events: Final = Handles[EventHandle]()


@exported
def saEvtInitialize(handle: Pointer, callbacks: Pointer, version: Pointer) -> None:
    given(handle)
    negotiate(VERSIONS, version)
    handle[0] = _handles.add(Handle(callbacks))


@exported
def saEvtSelectionObjectGet(handle: int, selection_object: Pointer) -> None:
    evt = _handles.get(handle)
    given(selection_object)
    selection_object[0] = evt.library.fileno()


@exported
def saEvtDispatch(handle: int, flags: int) -> None:
    _handles.get(handle).library.dispatch(dispatch_flags(flags))


@exported
def saEvtFinalize(handle: int) -> None:
    evt = _handles.remove(handle)
    _events.remove_where(lambda event: event.channel.evt is evt)
    _channels.remove_where(lambda channel: channel.evt is evt)
    evt.library.finalize()


@exported
def saEvtChannelOpen(handle: int, name: Pointer, flags: int, timeout: int, channel: Pointer) -> None:
    evt = _handles.get(handle)
    given(name, channel)
    opened = evt.library.open_channel(text_of(name), ChannelFlags(flags), timeout=seconds_of(timeout))
    channel[0] = evt.opened(opened)


@exported
def saEvtChannelOpenAsync(handle: int, invocation: int, name: Pointer, flags: int) -> None:
    evt = _handles.get(handle)
    given(name)
    wanted = ChannelFlags(flags)
    waiting = evt.opening.setdefault(invocation, [])
    waiting.append(wanted)
    try:
        evt.library.open_channel_async(invocation, text_of(name), wanted)
    except AisError:
        waiting.remove(wanted)
        raise


@exported
def saEvtChannelClose(handle: int) -> None:
    channel = _channels.get(handle)
    channel.channel.close()
    _channels.remove(handle)
    channel.evt.channels.pop(channel.channel.number, None)
    _events.remove_where(lambda event: event.channel is channel)


@exported
def saEvtChannelUnlink(handle: int, name: Pointer) -> None:
    _handles.get(handle).library.unlink(text_of(name))


@exported
def saEvtEventAllocate(handle: int, event: Pointer) -> None:
    channel = _channels.get(handle)
    given(event)
    event[0] = _events.add(EventHandle(channel))


@exported
def saEvtEventFree(handle: int) -> None:
    _events.remove(handle)


@exported
def saEvtEventAttributesSet(handle: int, patterns: Pointer, priority: int, retention: int, publisher: Pointer) -> None:
    """Without a publisher name the one that is set stays."""
    event = _events.get(handle)
    given(patterns)
    name = text_of(publisher) if publisher != NULL else event.attributes().publisher
    event.outgoing().attributes_set(_patterns_of(patterns), priority, retention, name)


@exported
def saEvtEventAttributesGet(
    handle: int,
    patterns: Pointer,
    priority: Pointer,
    retention: Pointer,
    publisher: Pointer,
    publish_time: Pointer,
    event_id: Pointer,
) -> None:
    event = _events.get(handle)
    attributes, identity = event.attributes(), event.identity()
    scalars = (attributes.priority, attributes.retention_ns, *identity)
    for pointer, value in zip((priority, retention, publish_time, event_id), scalars, strict=True):
        if pointer != NULL:
            pointer[0] = value
    if publisher != NULL:
        set_name(publisher, attributes.publisher)
    if patterns != NULL:
        _fill_patterns(patterns, attributes.patterns)


@exported
def saEvtEventPatternFree(handle: int, patterns: Pointer) -> None:
    _events.get(handle)
    given(patterns)
    release(patterns)


@exported
def saEvtEventDataGet(handle: int, data: Pointer, size: Pointer) -> None:
    event = _events.get(handle)
    given(size)
    if event.received is None:
        raise BadHandle("the event was not received")
    room, size[0] = size[0], len(event.received.data)
    if data == NULL and event.received.data:
        raise InvalidParam("no room for the data")
    ffi.memmove(data, event.received.data, min(room, len(event.received.data)))
    if room < len(event.received.data):
        raise NoSpace(f"{len(event.received.data)} bytes, the buffer holds {room}")


@exported
def saEvtEventPublish(handle: int, data: Pointer, size: int, event_id: Pointer) -> None:
    event = _events.get(handle)
    given(event_id)
    event_id[0] = event.outgoing().publish(bytes_of(data, size))


@exported
def saEvtEventSubscribe(handle: int, filters: Pointer, subscription: int) -> None:
    channel = _channels.get(handle)
    given(filters)
    channel.channel.event_subscribe(_filters_of(filters), subscription)


@exported
def saEvtEventUnsubscribe(handle: int, subscription: int) -> None:
    _channels.get(handle).channel.event_unsubscribe(subscription)


@exported
def saEvtEventRetentionTimeClear(handle: int, event_id: int) -> None:
    _channels.get(handle).channel.retention_time_clear(event_id)


@exported
def saEvtLimitGet(handle: int, limit_id: int, value: Pointer) -> None:
    evt = _handles.get(handle)
    given(value)
    limit = evt.library.limit_get(limit_id)
    if limit_id == LimitId.MAX_RETENTION_DURATION:
        value.timeValue = limit
    else:
        value.uint64Value = limit


def _patterns_of(array: Pointer) -> list[bytes]:
    """The patterns of an SaEvtEventPatternArrayT. Raises InvalidParam, TooBig."""
    if array.patternsNumber > PATTERNS_MAX:
        raise TooBig(f"{array.patternsNumber} patterns, at most {PATTERNS_MAX}")
    if array.patternsNumber:
        given(array.patterns)
    return [_pattern_of(array.patterns[index]) for index in range(array.patternsNumber)]


def _pattern_of(pattern: Pointer) -> bytes:
    if pattern.patternSize > PATTERN_MAX:
        raise TooBig(f"a pattern of {pattern.patternSize} bytes, at most {PATTERN_MAX}")
    return bytes_of(pattern.pattern, pattern.patternSize)


def _filters_of(array: Pointer) -> list[Filter]:
    if array.filtersNumber > PATTERNS_MAX:
        raise TooBig(f"{array.filtersNumber} filters, at most {PATTERNS_MAX}")
    if array.filtersNumber:
        given(array.filters)
    return [_filter_of(array.filters[index]) for index in range(array.filtersNumber)]


def _filter_of(each: Pointer) -> Filter:
    try:
        kind = FilterType(each.filterType)
    except ValueError:
        raise InvalidParam(f"filter type {each.filterType}") from None
    return Filter(kind, b"" if kind is FilterType.PASS_ALL else _pattern_of(each.filter))


def _fill_patterns(array: Pointer, patterns: tuple[bytes, ...]) -> None:
    """Gives the patterns: in the memory that the program gave, or else in some that saEvtEventPatternFree frees.

    Raises NoSpace; all sizes and the number are then told.
    """
    if array.patterns == NULL:
        _allocate_patterns(array, patterns)
        return
    room, array.patternsNumber = array.allocatedNumber, len(patterns)
    fits = room >= len(patterns)
    for index, pattern in enumerate(patterns[:room]):
        item = array.patterns[index]
        item.patternSize = len(pattern)
        if item.allocatedSize < len(pattern) or item.pattern == NULL:
            fits = fits and not pattern
        else:
            ffi.memmove(item.pattern, pattern, len(pattern))
    if not fits:
        raise NoSpace("the patterns do not fit")


def _allocate_patterns(array: Pointer, patterns: tuple[bytes, ...]) -> None:
    """One piece of memory: the array, and behind it the bytes of all patterns."""
    memory = allocate("char", 1, PATTERN_SIZE * len(patterns) + sum(map(len, patterns)))
    array.patterns = ffi.cast("SaEvtEventPatternT *", memory)
    array.allocatedNumber = array.patternsNumber = len(patterns)
    place = memory + PATTERN_SIZE * len(patterns)
    for index, pattern in enumerate(patterns):
        item = array.patterns[index]
        item.allocatedSize = item.patternSize = len(pattern)
        item.pattern = ffi.cast("SaUint8T *", place)
        ffi.memmove(place, pattern, len(pattern))
        place += len(pattern)
