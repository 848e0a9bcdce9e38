"""The events of the event service at the library: by priority, and by who takes them.

Events of a subscription that is iterated wait in a lane of its own, all others in the queue that dispatch takes from;
in each of them the highest priority comes first. What the application has taken is told to the executive now and then,
which sends no more than a window ahead of that: so however slow the application is, little waits here, and the
executive, where the rest waits, can let urgent events overtake it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Final, TypeAlias

import msgspec

from openais.client.events import EventQueue
from openais.client.session import Session
from openais.messages.base import Request
from openais.messages.evt import EVENT_ID_LOST, WINDOW_BYTES, Taken, cost_of
from openais.types import AisError, ErrorCode, NodeId, NoSpace, TimeNs

PRIORITIES: Final = 4
TOLD_BYTES: Final = WINDOW_BYTES // 8
"""The executive is told when events of this cost were taken."""

Key: TypeAlias = tuple[int, int]
"""Channel and subscription."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event that was delivered (SaEvtEventDeliverCallbackT, saEvtEventAttributesGet, saEvtEventDataGet)."""

    data: bytes
    patterns: tuple[bytes, ...]
    priority: int
    """0, the highest, to 3."""
    event_id: int
    publisher: str
    node_id: NodeId
    """The node it was published on; 0 for a lost-event notice."""
    publish_time_ns: TimeNs
    retention_ns: int
    channel: int
    """The number of the channel, as `Channel.number`."""
    subscription: int

    @property
    def lost(self) -> bool:
        """Whether this is the notice that events of the subscription were lost (SA_EVT_EVENTID_LOST)."""
        return self.event_id == EVENT_ID_LOST

    def data_get(self, buffer: bytearray | memoryview | None = None) -> int:
        """Copies the data into `buffer` and gives their size; without one gives the size (saEvtEventDataGet).

        Raises NoSpace when they do not fit; `buffer` then holds as much of them as it can.
        """
        size = len(self.data)
        if buffer is not None:
            view = memoryview(buffer).cast("B")
            count = min(size, len(view))
            view[:count] = self.data[:count]
            if count < size:
                raise NoSpace(f"data get: {size} bytes, the buffer holds {len(view)}")
        return size


class ChannelOpenResult(msgspec.Struct, frozen=True):
    """What the callback of `open_channel_async` is given (SaEvtChannelOpenCallbackT), for `Evt.opened`."""

    invocation: int
    """The number given to `open_channel_async`."""
    error: ErrorCode
    name: str
    number: int
    explanation: str

    def check(self) -> None:
        """Raises the AisError that `error` stands for, unless it is OK."""
        if self.error is not ErrorCode.OK:
            raise AisError.of(self.error, self.explanation)


EvtEvent: TypeAlias = Event | ChannelOpenResult


class Lane(EventQueue[EvtEvent]):
    """Events of which the highest priority is taken first, in their order within each."""

    def __init__(self) -> None:
        super().__init__()
        self._queues: tuple[EventQueue[EvtEvent], ...] = tuple(EventQueue() for _ in range(PRIORITIES))
        self.take = self._take_first

    @property
    def byte_count(self) -> int:
        urgent, high, low, lowest = self._queues
        return urgent.byte_count + high.byte_count + low.byte_count + lowest.byte_count

    def put_at(self, priority: int, events: Iterable[EvtEvent], byte_count: int) -> None:
        """Adds events of one priority."""
        self._queues[priority].put(events, byte_count)
        self.lower()

    def lower(self) -> None:
        """Has the next question for `settle` come when half of what waits was taken."""
        self.low = len(self) // 2

    def discard(self, unwanted: Callable[[EvtEvent], bool]) -> None:
        for queue in self._queues:
            queue.discard(unwanted)

    def clear(self) -> None:
        for queue in self._queues:
            queue.clear()

    def __len__(self) -> int:
        urgent, high, low, lowest = self._queues
        return len(urgent) + len(high) + len(low) + len(lowest)

    def _take_first(self) -> EvtEvent:
        for queue in self._queues:
            if queue:
                return queue.take()
        raise IndexError


class EvtEventQueue(Lane):
    """All that waits at one session: the queue that dispatch takes from, and the lanes."""

    def __init__(self) -> None:
        super().__init__()
        self._lanes: dict[Key, Lane] = {}
        self._busy: dict[Lane, None] = {}
        """Lanes in which something may wait: of thousands of subscriptions few have events at a time."""
        self._received = 0
        """Cost of all events that ever came."""
        self._told = 0
        """Cost of those that the executive knows to be taken."""

    @property
    def byte_count(self) -> int:
        count = super().byte_count
        for lane in self._busy:
            count += lane.byte_count
        return count

    def put(self, events: Iterable[EvtEvent], byte_count: int) -> None:
        """Adds the events of a callback message. Those of one subscription stand together."""
        batch = list(events)
        if len(batch) > 1 and _key(batch[0]) != _key(batch[-1]):
            for _, group in groupby(batch, _key):
                self._put_group(list(group), byte_count)
        else:
            self._put_group(batch, byte_count)

    def open_lane(self, key: Key) -> Lane:
        """The events of a subscription wait in this lane from now on."""
        lane = self._lanes[key] = Lane()
        return lane

    def lanes_of(self, channel: int) -> list[Key]:
        """The subscriptions of a channel that have a lane."""
        return [key for key in self._lanes if key[0] == channel]

    def close_lanes(self, keys: Iterable[Key], closed: bool = True) -> None:
        """These subscriptions are about to end, or do not after all."""
        for key in keys:
            if key in self._lanes:
                self._lanes[key].closed = closed

    def drop(self, keys: Iterable[Key]) -> None:
        """These subscriptions have ended; what waits for them is dropped."""
        for key in keys:
            lane = self._lanes.pop(key, None)
            if lane is not None:
                self._busy.pop(lane, None)

    def drop_main(self, ended: Callable[[Key], bool]) -> None:
        """So have these; what waits for them to be dispatched is dropped."""
        self.discard(lambda event: isinstance(event, Event) and ended((event.channel, event.subscription)))

    def settle(self) -> Request | None:
        self.lower()
        for lane in list(self._busy):
            lane.lower()
            if not lane:
                del self._busy[lane]
        if self._received - self._told < TOLD_BYTES:
            return None
        taken = self._received - self.byte_count - self._told
        if taken < TOLD_BYTES:
            return None
        self._told += taken
        return Taken(taken)

    def clear(self) -> None:
        super().clear()
        for lane in self._busy:
            lane.clear()
        self._busy.clear()

    def _put_group(self, group: list[EvtEvent], byte_count: int) -> None:
        first = group[0]
        if isinstance(first, ChannelOpenResult):
            self.put_at(0, group, byte_count)
        else:
            lane = self._lanes.get((first.channel, first.subscription), self)
            lane.put_at(first.priority, group, byte_count)
            if lane is not self:
                self._busy[lane] = None
        self._received += cost_of(byte_count, len(group))


def _key(event: EvtEvent) -> Key | None:
    return (event.channel, event.subscription) if isinstance(event, Event) else None


def queue_of(session: Session[EvtEvent]) -> EvtEventQueue:
    """The queue that the events of a session of this library wait in."""
    queue = session.events
    assert isinstance(queue, EvtEventQueue)
    return queue
