"""The libraries of one node: what they have open and subscribed to, and what is sent to them. All of it is local.

A run of events goes to a library in one message, whatever it passes of its subscriptions there, and the message is
encoded once for all libraries that have the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from openais.messages.evs import batch_of
from openais.messages.evt import (
    EVENT_ID_LOST,
    LOST_PATTERN,
    ChannelFlags,
    Deliver,
    Filter,
    Match,
    Origin,
    PublishedRun,
    cost_of,
    encode_run,
)
from openais.services.base import Callback, Effects, LocalNode
from openais.services.evt_channels import Channels
from openais.services.evt_filters import FilterIndex, Subscriber
from openais.services.evt_queue import SubscriberQueue
from openais.types import BadHandle, Exists, NodeId, NoResources, NotExist, TimeNs

SUBSCRIPTIONS_MAX: Final = 65536
"""Subscriptions of all libraries of one node."""


@dataclass(slots=True)
class OpenedChannel:
    """A channel as one library has it open."""

    channel_id: int
    flags: ChannelFlags
    filters: dict[int, tuple[Filter, ...]] = field(default_factory=dict)
    """Of each subscription."""


@dataclass(slots=True)
class _Library:
    """One connection."""

    queue: SubscriberQueue
    channels: dict[int, OpenedChannel] = field(default_factory=dict)


class Subscribers:
    """All libraries of this node, by connection."""

    def __init__(self, node: LocalNode, window: int, held_max: int) -> None:
        """`window`, `held_max`: what a library may be sent, and what may wait for it; see `evt_queue`."""
        self._node = node
        self._window = window
        self._held_max = held_max
        self._libraries: dict[int, _Library] = {}
        self._indexes: dict[int, FilterIndex] = {}
        """By channel id: the subscriptions."""
        self._subscription_count = 0

    def __contains__(self, connection: int) -> bool:
        return connection in self._libraries

    # Libraries and their channels.

    def add(self, connection: int) -> None:
        """A library opened a session."""
        self._libraries[connection] = _Library(SubscriberQueue(self._lost_run, self._window, self._held_max))

    def remove(self, connection: int) -> dict[int, int]:
        """It is gone; how often it had channels open, by channel id."""
        closed = self._libraries.pop(connection)
        counts: dict[int, int] = {}
        for number, opened in closed.channels.items():
            self._end_all(connection, number, opened)
            counts[opened.channel_id] = counts.get(opened.channel_id, 0) + 1
        return counts

    def open(self, connection: int, number: int, channel_id: int, flags: ChannelFlags) -> None:
        """A library has a channel open, which it calls `number`."""
        self._libraries[connection].channels[number] = OpenedChannel(channel_id, flags)

    def opened(self, connection: int, number: int) -> OpenedChannel:
        """The channel that a library calls `number`. Raises BadHandle."""
        opened = self._libraries[connection].channels.get(number)
        if opened is None:
            raise BadHandle(f"channel {number} is not open on this handle")
        return opened

    def close(self, connection: int, number: int) -> None:
        """A library has closed a channel: its subscriptions end, what waits for them is dropped."""
        closing = self._libraries[connection]
        self._end_all(connection, number, closing.channels.pop(number))
        closing.queue.forget(lambda match: match.channel == number)

    # Subscriptions.

    def subscribe(self, subscriber: Subscriber, opened: OpenedChannel, filters: tuple[Filter, ...]) -> None:
        """A new subscription. Raises Exists, NoResources."""
        subscription = subscriber.match.subscription
        if subscription in opened.filters:
            raise Exists(f"subscribe: subscription {subscription} is in use on this channel")
        if self._subscription_count >= SUBSCRIPTIONS_MAX:
            raise NoResources(f"subscribe: there are {SUBSCRIPTIONS_MAX} subscriptions on this node already")
        opened.filters[subscription] = filters
        self._subscription_count += 1
        self._file(subscriber, opened)

    def unsubscribe(self, subscriber: Subscriber, opened: OpenedChannel) -> None:
        """Ends a subscription; what waits for it is dropped. Raises NotExist."""
        match = subscriber.match
        if match.subscription not in opened.filters:
            raise NotExist(f"unsubscribe: there is no subscription {match.subscription} on this channel")
        self._end(subscriber, opened)
        self._libraries[subscriber.connection].queue.forget(lambda each: each == match)

    def wants(self, channel_id: int) -> bool:
        """Whether there is a subscription to a channel."""
        return channel_id in self._indexes

    def index_anew(self, channels: Channels) -> None:
        """Channels may have become one: files all subscriptions under the ids that these have now."""
        self._indexes.clear()
        for connection, each in self._libraries.items():
            for number, opened in each.channels.items():
                opened.channel_id = channels.by_id[opened.channel_id].channel_id
                for subscription in opened.filters:
                    self._file(Subscriber(connection, Match(number, subscription)), opened)

    # Events.

    def distribute(self, channel_id: int, run: PublishedRun, raw: msgspec.Raw) -> Effects:
        """A run on a channel, to the subscriptions that it passes."""
        index = self._indexes.get(channel_id)
        if index is not None:
            for matches, connections in index.passed_by(run.patterns):
                yield from self.send(matches, connections, run, raw)

    def send(
        self, matches: tuple[Match, ...], connections: Iterable[int], run: PublishedRun, raw: msgspec.Raw
    ) -> Effects:
        """A run for these subscriptions of each of the connections: now, or in its turn."""
        cost = cost_of(len(raw), run.count) * len(matches)
        now = []
        for connection in connections:
            queue = self._libraries[connection].queue
            if queue.open:
                queue.sent += cost
                now.append(connection)
            else:
                queue.put(matches, run.priority, raw, run.count)
        if now:
            yield Callback(tuple(now), Deliver(matches, raw))

    def taken(self, connection: int, cost: int) -> Effects:
        """An application took events of this cost: sends what there is room for now."""
        queue = self._libraries[connection].queue
        queue.taken(cost)
        return [Callback((connection,), deliver) for deliver in queue.ready()]

    def describe(self) -> dict[str, Any]:
        """For people and tools."""
        return {
            "subscriptions": self._subscription_count,
            "libraries": {
                number: {
                    "channels": {
                        each: {"channel_id": opened.channel_id, "flags": int(opened.flags)}
                        for each, opened in library.channels.items()
                    },
                    "waiting": library.queue.held,
                    "sent": library.queue.sent,
                    "lost": library.queue.dropped,
                }
                for number, library in self._libraries.items()
            },
        }

    # Helpers.

    def _file(self, subscriber: Subscriber, opened: OpenedChannel) -> None:
        index = self._indexes.setdefault(opened.channel_id, FilterIndex())
        index.add(subscriber, opened.filters[subscriber.match.subscription])

    def _end_all(self, connection: int, number: int, opened: OpenedChannel) -> None:
        for subscription in list(opened.filters):
            self._end(Subscriber(connection, Match(number, subscription)), opened)

    def _end(self, subscriber: Subscriber, opened: OpenedChannel) -> None:
        del opened.filters[subscriber.match.subscription]
        self._subscription_count -= 1
        index = self._indexes[opened.channel_id]
        index.remove(subscriber)
        if not index:
            del self._indexes[opened.channel_id]

    def _lost_run(self) -> msgspec.Raw:
        """A lost-event notice: of the highest priority, with the pattern and the id that stand for it, and no data."""
        now_ns = self._node.wall_time_ns
        return encode_run(
            PublishedRun(
                (LOST_PATTERN,), 0, 0, "", Origin(NodeId(0), TimeNs(0)), now_ns, EVENT_ID_LOST, 1, batch_of((b"",))
            )
        )
