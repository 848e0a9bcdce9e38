"""The event library (SA Forum EVT) on an event loop; every method is that of the blocking one in `evt`."""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import socket as Socket
from types import TracebackType
from typing import Final, Self, TypeVar

from openais.client import evt_operations as operations
from openais.client.aio import AsyncConnection
from openais.client.async_library import AsyncLibrary, Opening
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
from openais.client.operation import Operation
from openais.client.sender import AsyncSender
from openais.messages.evs import batch_of
from openais.messages.evt import EVENT_ID_NONE, ChannelFlags, ChannelStatus, Filter, Limits, Publish
from openais.types import AisError, BadHandle, Version

_async_handles: Final = HandleDatabase[AsyncConnection[EvtEvent]](AsyncConnection.close, AsyncConnection.abandon)
T = TypeVar("T")

FIRST_OWN_SUBSCRIPTION: Final = 2**31
"""Subscriptions that the library numbers itself begin here."""


class AsyncEvt(AsyncLibrary[EvtEvent]):
    """A handle of the event service (SaEvtHandleT).

    async with AsyncEvt.open() as evt, await evt.open_channel("alarms") as channel:
        await channel.publish(b"on fire", "sensor.7", priority=0)
        async for event in await channel.subscribe(Prefix("sensor.")):
            print(event.data)

    In every call `timeout` is the seconds that it may take, those of the handle unless given, and `retry` has it try
    again in that time when the service says TRY_AGAIN. All raise AisError.
    """

    def __init__(self, socket: str | Path | None, callbacks: EvtCallbacks, version: Version, timeout: float) -> None:
        """For `open`, which makes the handle."""
        self._callbacks = callbacks
        super().__init__(operations.SETTINGS, _async_handles, socket, version, timeout)

    @classmethod
    def open(
        cls,
        socket: str | Path | None = None,
        *,
        callbacks: EvtCallbacks = NO_CALLBACKS,
        version: Version = operations.VERSION_B,
        timeout: float = DEFAULT_TIMEOUT_S,
        sock: Socket | None = None,
    ) -> Opening[AsyncEvt]:
        """saEvtInitialize; see `Evt`. To be awaited, or entered. `sock`: a socket that is connected already."""
        return Opening(lambda: cls(socket, callbacks, version, timeout)._start(sock))

    async def open_channel(
        self, name: str, flags: ChannelFlags = EVERYTHING, *, timeout: float | None = None, retry: bool = False
    ) -> AsyncChannel:
        """Opens a channel (saEvtChannelOpen), by default to publish and subscribe, and makes it if need be.

        Raises NotExist when it is not there and is not to be made, BadFlags, NameTooLong, NoResources.
        """
        number = await self._run(operations.open_channel(name, flags, retry), timeout)
        return AsyncChannel(self, self._handle, name, ChannelFlags(flags), number)

    async def open_channel_async(
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
        await self._run(operations.open_channel_async(self._callbacks, invocation, name, flags, retry), timeout)

    def opened(self, result: ChannelOpenResult, flags: ChannelFlags = EVERYTHING) -> AsyncChannel:
        """The channel that `open_channel_async` opened, with the `flags` given there. Raises what the open met."""
        result.check()
        return AsyncChannel(self, self._handle, result.name, flags, result.number)

    async def unlink(self, name: str, *, timeout: float | None = None, retry: bool = False) -> None:
        """Frees the name of a channel; it goes with the last who has it open (saEvtChannelUnlink). Raises NotExist."""
        await self._run(operations.unlink_channel(name, retry), timeout)

    async def channels(self, *, timeout: float | None = None, retry: bool = False) -> tuple[ChannelStatus, ...]:
        """All channels of the cluster, by name."""
        return await self._run(operations.list_channels(retry), timeout)

    async def limits(self, *, timeout: float | None = None, retry: bool = False) -> Limits:
        """The limits of the service."""
        return await self._run(operations.limits(retry), timeout)

    async def limit_get(self, limit_id: int, *, timeout: float | None = None, retry: bool = False) -> int:
        """One limit, of LimitId (saEvtLimitGet). Raises InvalidParam."""
        return await self._run(operations.limit(limit_id, retry), timeout)

    def _run_callback(self, event: EvtEvent) -> None:
        self._callbacks.run(event)

    def check_can_deliver(self) -> None:
        """Raises InitError when no callback was given for events."""
        operations.check_can_deliver(self._callbacks)

    # For channels, which are valid as long as the session that they were opened in.

    async def call_in(self, handle: Handle, operation: Operation[T], timeout: float | None) -> T:
        """Runs an operation in the session of `handle`. Raises BadHandle when that is over."""
        if handle != self._handle:
            raise BadHandle("the channel was opened in a session that is over; open it again")
        return await self._run(operation, timeout)

    def connection_of(self, handle: Handle) -> AsyncConnection[EvtEvent]:
        """The connection of a session. Raises BadHandle."""
        return self._handles.lookup(handle)

    def change_in(self, handle: Handle, change: Callable[[EvtEventQueue], T]) -> T:
        """Has `change` do something to the events of a session. Raises BadHandle."""
        return self._handles.lookup(handle).change(lambda session: change(queue_of(session)))


class AsyncChannel:
    """A channel that is open (SaEvtChannelHandleT). A context manager that closes it."""

    def __init__(self, evt: AsyncEvt, handle: Handle, name: str, flags: ChannelFlags, number: int) -> None:
        """For `Evt.open_channel`, which makes it."""
        self.name: Final = name
        self.flags: Final = flags
        self.number: Final = number
        """What its events carry as `channel`."""
        self._evt = evt
        self._handle = handle
        self._closed = False
        self._own_subscriptions = itertools.count(FIRST_OWN_SUBSCRIPTION)

    async def publish(
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
        return await self._call(operations.publish(self.number, given, data, retry), timeout)

    async def publish_many(
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
        return await self._call(operations.publish_many(self.number, given, data, retry), timeout)

    def sender(
        self, *patterns: Text, priority: int = LOWEST_PRIORITY, retention: float = 0.0, publisher: str = ""
    ) -> AsyncSender:
        """For publishing without awaiting each event: many in a row, or now and then from code that cannot wait.

        What it publishes and what the other methods publish has no order between them. See `publish`.
        """
        self._check()
        given = attributes(patterns, priority, nanoseconds(retention), publisher)
        return AsyncSender(self._connection, lambda data: Publish(self.number, True, (given.run_of(batch_of(data)),)))

    async def subscribe(
        self, *filters: Filter | Text, timeout: float | None = None, retry: bool = False
    ) -> AsyncSubscription:
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
            await self._call(operations.subscribe(self.number, number, checked, retry), timeout)
            undo.pop_all()
        return AsyncSubscription(self, number, lane)

    async def event_subscribe(
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
        await self._call(operations.subscribe(self.number, subscription, filters_of(filters), retry), timeout)

    async def event_unsubscribe(self, subscription: int, *, timeout: float | None = None, retry: bool = False) -> None:
        """Ends a subscription; events that wait for it are dropped (saEvtEventUnsubscribe). Raises NotExist."""
        await self._end(operations.unsubscribe(self.number, subscription, retry), subscription, timeout)

    def event_allocate(self) -> AsyncOutgoingEvent:
        """An event to be filled in and published, as often as wanted (saEvtEventAllocate)."""
        self._check()
        return AsyncOutgoingEvent(self)

    async def retention_time_clear(self, event_id: int, *, timeout: float | None = None, retry: bool = False) -> None:
        """Has an event retained no longer (saEvtEventRetentionTimeClear). Raises NotExist."""
        await self._call(operations.clear_retention(self.number, event_id, retry), timeout)

    async def close(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Closes the channel, with its subscriptions and allocated events (saEvtChannelClose)."""
        await self._end(operations.close_channel(self.number, retry), None, timeout)
        self._closed = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(AisError):
            await self.close(retry=True)

    def _check(self) -> None:
        """Raises BadHandle when it is closed."""
        if self._closed:
            raise BadHandle(f"channel {self.name!r} was closed")

    async def _call(self, operation: Operation[T], timeout: float | None) -> T:
        self._check()
        return await self._evt.call_in(self._handle, operation, timeout)

    async def _end(self, operation: Operation[None], subscription: int | None, timeout: float | None) -> None:
        """Runs an operation that ends a subscription, or all: who waits for events comes back with the answer."""
        self._check()
        keys = [(self.number, subscription)] if subscription is not None else self._lanes()
        with ExitStack() as undo:
            self._change(lambda events: events.close_lanes(keys))
            undo.callback(self._change, lambda events: events.close_lanes(keys, closed=False))
            await self._call(operation, timeout)
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

    def _connection(self) -> AsyncConnection[EvtEvent]:
        self._check()
        return self._evt.connection_of(self._handle)


class AsyncSubscription:
    """Events that pass the filters, one after the other: iterated, or by `receive`. A context manager that ends it.

    A notice that events were lost, since they were not taken in time, is an event too: `event.lost` tells.
    """

    def __init__(self, channel: AsyncChannel, number: int, lane: Lane) -> None:
        """For `Channel.subscribe`, which makes it."""
        self.number: Final = number
        self._channel = channel
        self._lane = lane

    async def receive(self, timeout: float = math.inf) -> Event:
        """The next event, waited for `timeout` seconds. Raises TimeoutExpired; BadHandle when it ends meanwhile."""
        connection = self._channel._connection()
        deadline = timeout if timeout == math.inf else connection.loop.time() + seconds(timeout, timeout)
        event = await connection.next_event(deadline, self._lane)
        if event is None:
            raise BadHandle("the subscription has ended")
        assert isinstance(event, Event)
        return event

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        """Events as they come, until the subscription ends. Raises LibraryError when the executive is gone."""
        connection = self._channel._connection()
        while (event := await connection.next_event(math.inf, self._lane)) is not None:
            assert isinstance(event, Event)
            yield event

    async def close(self, *, timeout: float | None = None, retry: bool = False) -> None:
        """Ends the subscription; events that wait for it are dropped."""
        await self._channel.event_unsubscribe(self.number, timeout=timeout, retry=retry)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(AisError):
            await self.close(retry=True)


class AsyncOutgoingEvent:
    """An event of which the attributes are set before it is published (SaEvtEventHandleT of saEvtEventAllocate)."""

    def __init__(self, channel: AsyncChannel) -> None:
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

    async def publish(self, data: Payload = b"", *, timeout: float | None = None, retry: bool = False) -> int:
        """Publishes it with these data and gives its id (saEvtEventPublish); see `Channel.publish`."""
        self._check()
        publishing = operations.publish(self._channel.number, self._attributes, data, retry)
        self.event_id = await self._channel._call(publishing, timeout)
        return self.event_id

    def free(self) -> None:
        """It is not used any more (saEvtEventFree)."""
        self._check()
        self._freed = True

    def _check(self) -> None:
        if self._freed:
            raise BadHandle("the event was freed")
        self._channel._check()
