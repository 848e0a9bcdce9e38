"""The event library (SA Forum EVT): events published to a cluster, filtered, ordered and retained."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from openais.client import evt_operations as operations
from openais.client.blocking import Connection
from openais.client.connecting import DEFAULT_TIMEOUT_S, seconds
from openais.client.evs_operations import Payload
from openais.client.evt_events import ChannelOpenResult, Event, EvtEvent, EvtEventQueue, Key, Lane, queue_of
from openais.client.evt_operations import (
    EVERYTHING,
    LOWEST_PRIORITY,
    NO_CALLBACKS,
    Attributes,
    EvtCallbacks,
    Text,
    attributes,
    filters_of,
    nanoseconds,
)
from openais.client.handles import Handle, HandleDatabase
from openais.client.library import Library
from openais.client.operation import Operation
from openais.messages.evt import EVENT_ID_NONE, ChannelFlags, ChannelStatus, Filter, Limits
from openais.types import AisError, BadHandle, Version

_handles: Final = HandleDatabase[Connection[EvtEvent]](Connection.close, Connection.abandon)
T = TypeVar("T")

FIRST_OWN_SUBSCRIPTION: Final = 2**31
"""Subscriptions that the library numbers itself begin here."""


class Evt(Library[EvtEvent]):
    """A handle of the event service (SaEvtHandleT).

    with Evt() as evt, evt.open_channel("alarms") as channel:
        channel.publish(b"on fire", "sensor.7", priority=0)
        for event in channel.subscribe(Prefix("sensor.")):
            print(event.data)

    In every call `timeout` is the seconds that it may take, those of the handle unless given, and `retry` has it try
    again in that time when the service says TRY_AGAIN. All raise AisError.
    """

    def __init__(
        self,
        socket: str | Path | None = None,
        *,
        callbacks: EvtCallbacks = NO_CALLBACKS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        """saEvtInitialize. `socket` is the executive's, found by itself unless given.

        Raises VersionError, LibraryError when there is no executive, AccessDenied.
        """
        self._callbacks = callbacks
        super().__init__(operations.SETTINGS, _handles, socket, version, timeout)

    def open_channel(
        self, name: str, flags: ChannelFlags = EVERYTHING, *, timeout: float | None = None, retry: bool = False
    ) -> Channel:
        """Opens a channel (saEvtChannelOpen), by default to publish and subscribe, and makes it if need be.

        Raises NotExist when it is not there and is not to be made, BadFlags, NameTooLong, NoResources.
        """
        number = self._run(operations.open_channel(name, flags, retry), timeout)
        return Channel(self, self._handle, name, ChannelFlags(flags), number)

    def open_channel_async(
        self,
        invocation: int,
        name: str,
        flags: ChannelFlags = EVERYTHING,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Has the `channel_open` callback given the result, with `invocation` (saEvtChannelOpenAsync).

        Raises InitError when there is no such callback.
        """
        self._run(operations.open_channel_async(self._callbacks, invocation, name, flags, retry), timeout)

    def opened(self, result: ChannelOpenResult, flags: ChannelFlags = EVERYTHING) -> Channel:
        """The channel that `open_channel_async` opened, with the `flags` given there. Raises what the open met."""
        result.check()
        return Channel(self, self._handle, result.name, flags, result.number)

    def unlink(self, name: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """Frees the name of a channel; it goes with the last who has it open (saEvtChannelUnlink). Raises NotExist."""
        self._run(operations.unlink_channel(name, retry), timeout)

    def channels(self, *, timeout: float | None = None, retry: bool = False) -> tuple[ChannelStatus, ...]:
        """All channels of the cluster, by name."""
        return self._run(operations.list_channels(retry), timeout)

    def limits(self, *, timeout: float | None = None, retry: bool = False) -> Limits:
        """The limits of the service."""
        return self._run(operations.limits(retry), timeout)

    def limit_get(self, limit_id: int, *, timeout: float | None = None, retry: bool = False) -> int:
        """One limit, of LimitId (saEvtLimitGet). Raises InvalidParam."""
        return self._run(operations.limit(limit_id, retry), timeout)

    def _run_callback(self, event: EvtEvent) -> None:
        self._callbacks.run(event)

    def check_can_deliver(self) -> None:
        """Raises InitError when no callback was given for events."""
        operations.check_can_deliver(self._callbacks)

    # For channels, which are valid as long as the session that they were opened in.

    def call_in(self, handle: Handle, operation: Operation[T], timeout: float | None) -> T:
        """Runs an operation in the session of `handle`. Raises BadHandle when that is over."""
        if handle != self._handle:
            raise BadHandle("the channel was opened in a session that is over; open it again")
        return self._run(operation, timeout)

    def connection_of(self, handle: Handle) -> AbstractContextManager[Connection[EvtEvent]]:
        """The connection of a session, kept valid for a context. Raises BadHandle."""
        return self._handles.instance(handle)

    def change_in(self, handle: Handle, change: Callable[[EvtEventQueue], T]) -> T:
        """Has `change` do something to the events of a session. Raises BadHandle."""
        with self._handles.instance(handle) as connection:
            return connection.change(lambda session: change(queue_of(session)))


class Channel:
    """A channel that is open (SaEvtChannelHandleT). A context manager that closes it."""

    def __init__(self, evt: Evt, handle: Handle, name: str, flags: ChannelFlags, number: int) -> None:
        """For `Evt.open_channel`, which makes it."""
        self.name: Final = name
        self.flags: Final = flags
        self.number: Final = number
        """What its events carry as `channel`."""
        self._evt = evt
        self._handle = handle
        self._closed = False
        self._own_subscriptions = itertools.count(FIRST_OWN_SUBSCRIPTION)

    def publish(
        self,
        data: Payload = b"",
        *patterns: Text,
        priority: int = LOWEST_PRIORITY,
        retention: float = 0.0,
        publisher: str = "",
        timeout: float | None = None,
        retry: bool = False,
    ) -> int:
        """Publishes an event and gives its id (saEvtEventPublish).

        `retention`: seconds for which subscribers that come later are given it; math.inf for ever. Raises AccessDenied
        when the channel is not open to publish, TooBig, InvalidParam, NameTooLong, NoResources.
        """
        given = attributes(patterns, priority, nanoseconds(retention), publisher)
        return self._call(operations.publish(self.number, given, data, retry), timeout)

    def publish_many(
        self,
        data: Iterable[Payload],
        *patterns: Text,
        priority: int = LOWEST_PRIORITY,
        retention: float = 0.0,
        publisher: str = "",
        timeout: float | None = None,
        retry: bool = False,
    ) -> list[int]:
        """Publishes many events with the same attributes, in order, and gives their ids; see `publish`.

        Many cost little more than one. After an error some of the first of them may be published.
        """
        given = attributes(patterns, priority, nanoseconds(retention), publisher)
        return self._call(operations.publish_many(self.number, given, data, retry), timeout)

    def subscribe(self, *filters: Filter | Text, timeout: float | None = None, retry: bool = False) -> Subscription:
        """A subscription, to be iterated: a filter for each pattern; a text stands for an exact one.

        It begins when it is made, not when the first event is taken. Raises AccessDenied when the channel is not open
        to subscribe, TooBig, NoResources.
        """
        checked = filters_of(filters)
        self._check()
        number = next(self._own_subscriptions)
        key = (self.number, number)
        lane = self._evt.change_in(self._handle, lambda events: events.open_lane(key))
        with ExitStack() as undo:
            undo.callback(self._change, lambda events: events.drop((key,)))
            self._call(operations.subscribe(self.number, number, checked, retry), timeout)
            undo.pop_all()
        return Subscription(self, number, lane)

    def event_subscribe(
        self,
        filters: Iterable[Filter | Text],
        subscription: int,
        *,
        timeout: float | None = None,
        retry: bool = False,
    ) -> None:
        """Has the `deliver` callback given the events that pass, which carry `subscription` (saEvtEventSubscribe).

        Raises InitError when there is no such callback, Exists when the number is in use on this channel, and as
        `subscribe`.
        """
        self._check()
        self._evt.check_can_deliver()
        self._call(operations.subscribe(self.number, subscription, filters_of(filters), retry), timeout)

    def event_unsubscribe(self, subscription: int, *, timeout: float | None = None, retry: bool = False) -> None:
        """Ends a subscription; events that wait for it are dropped (saEvtEventUnsubscribe). Raises NotExist."""
        self._end(operations.unsubscribe(self.number, subscription, retry), subscription, timeout)

    def event_allocate(self) -> OutgoingEvent:
        """An event to be filled in and published, as often as wanted (saEvtEventAllocate)."""
        self._check()
        return OutgoingEvent(self)

    def retention_time_clear(self, event_id: int, *, timeout: float | None = None, retry: bool = False) -> None:
        """Has an event retained no longer (saEvtEventRetentionTimeClear). Raises NotExist."""
        self._call(operations.clear_retention(self.number, event_id, retry), timeout)

    def close(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Closes the channel, with its subscriptions and allocated events (saEvtChannelClose)."""
        self._end(operations.close_channel(self.number, retry), None, timeout)
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(AisError):
            self.close(retry=True)

    def _check(self) -> None:
        """Raises BadHandle when it is closed."""
        if self._closed:
            raise BadHandle(f"channel {self.name!r} was closed")

    def _call(self, operation: Operation[T], timeout: float | None) -> T:
        self._check()
        return self._evt.call_in(self._handle, operation, timeout)

    def _end(self, operation: Operation[None], subscription: int | None, timeout: float | None) -> None:
        """Runs an operation that ends a subscription, or all: who waits for events comes back with the answer."""
        self._check()
        keys = [(self.number, subscription)] if subscription is not None else self._lanes()
        with ExitStack() as undo:
            self._change(lambda events: events.close_lanes(keys))
            undo.callback(self._change, lambda events: events.close_lanes(keys, closed=False))
            self._call(operation, timeout)
            undo.pop_all()
        self._change(lambda events: events.drop(keys))
        self._change(
            lambda events: events.drop_main(lambda key: key[0] == self.number and subscription in (None, key[1]))
        )

    def _lanes(self) -> list[Key]:
        """The subscriptions that are iterated."""
        return self._evt.change_in(self._handle, lambda events: events.lanes_of(self.number))

    def _change(self, change: Callable[[EvtEventQueue], None]) -> None:
        """Has `change` do something to the events of the session, unless that is over."""
        with suppress(BadHandle):
            self._evt.change_in(self._handle, change)

    def _connection(self) -> AbstractContextManager[Connection[EvtEvent]]:
        self._check()
        return self._evt.connection_of(self._handle)


class Subscription:
    """Events that pass the filters, one after the other: iterated, or by `receive`. A context manager that ends it.

    A notice that events were lost, since they were not taken in time, is an event too: `event.lost` tells.
    """

    def __init__(self, channel: Channel, number: int, lane: Lane) -> None:
        """For `Channel.subscribe`, which makes it."""
        self.number: Final = number
        self._channel = channel
        self._lane = lane

    def receive(self, timeout: float = math.inf) -> Event:
        """The next event, waited for `timeout` seconds. Raises TimeoutExpired; BadHandle when it ends meanwhile."""
        with self._channel._connection() as connection:
            event = connection.next_event(time.monotonic() + seconds(timeout, timeout), self._lane)
        if event is None:
            raise BadHandle("the subscription has ended")
        assert isinstance(event, Event)
        return event

    def __iter__(self) -> Generator[Event, None, None]:
        """Events as they come, until the subscription ends. Raises LibraryError when the executive is gone."""
        with self._channel._connection() as connection:
            while (event := connection.next_event(math.inf, self._lane)) is not None:
                assert isinstance(event, Event)
                yield event

    def close(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Ends the subscription; events that wait for it are dropped."""
        self._channel.event_unsubscribe(self.number, timeout=timeout, retry=retry)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(AisError):
            self.close(retry=True)


class OutgoingEvent:
    """An event of which the attributes are set before it is published (SaEvtEventHandleT of saEvtEventAllocate)."""

    def __init__(self, channel: Channel) -> None:
        """For `Channel.event_allocate`, which makes it."""
        self._channel = channel
        self._attributes = Attributes()
        self._freed = False
        self.event_id = EVENT_ID_NONE
        """That of the event when it was published last."""

    def attributes_set(
        self,
        patterns: Iterable[Text] = (),
        priority: int = LOWEST_PRIORITY,
        retention_ns: int = 0,
        publisher: str = "",
    ) -> None:
        """Sets all attributes (saEvtEventAttributesSet). Raises InvalidParam, NameTooLong, TooBig."""
        self._check()
        self._attributes = attributes(patterns, priority, retention_ns, publisher)

    def attributes_get(self) -> Attributes:
        """The attributes that are set (saEvtEventAttributesGet)."""
        self._check()
        return self._attributes

    def publish(self, data: Payload = b"", *, timeout: float | None = None, retry: bool = False) -> int:
        """Publishes it with these data and gives its id (saEvtEventPublish); see `Channel.publish`."""
        self._check()
        publishing = operations.publish(self._channel.number, self._attributes, data, retry)
        self.event_id = self._channel._call(publishing, timeout)
        return self.event_id

    def free(self) -> None:
        """It is not used any more (saEvtEventFree)."""
        self._check()
        self._freed = True

    def _check(self) -> None:
        if self._freed:
            raise BadHandle("the event was freed")
        self._channel._check()
