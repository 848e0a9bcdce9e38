"""The event service (SA Forum EVT B.03.01, and A.01.01 which the seed implements).

The replicated state (`evt_channels`) is which channels there are, who has them open, and the events they retain. It
changes when a GroupOpen, GroupClose, GroupUnlink, GroupClear or GroupExpire is delivered, or a GroupPublish with a
retention time; at a regular configuration, which closes what the nodes that left had open; and at the merge of states.
All of it goes at MED, so that a state transfer, which holds MED back, never has one in its middle.

Subscriptions are known where the subscriber is, and nowhere else: each node matches what is delivered with the filters
of its own libraries (`evt_filters`). Each library has a queue by priority and a window (`evt_queue`), so that one that
does not take its events loses some, and is told, and nobody else notices.

Order. Events of one channel are delivered in the one order of the group, which keeps that of each publisher. A
subscriber is given them in that order within each priority; one of a higher priority overtakes those that wait.

What a merge brings: an event that was retained on the other side, and that this side has not seen, is delivered to the
subscribers here that it passes, once; what one side cleared, let expire or unlinked is not brought back by the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from openais.messages.base import Malformed, Message, ServiceId, Source
from openais.messages.evt import (
    CHANNEL_FLAGS,
    CHANNELS_MAX,
    DATA_MAX,
    EXPIRED_MAX,
    PATTERN_MAX,
    PATTERNS_MAX,
    RETENTION_MAX_NS,
    WINDOW_BYTES,
    ChannelClosed,
    ChannelFlags,
    ChannelIdentity,
    ChannelList,
    ChannelOpened,
    ChannelUnlinked,
    ClearRetention,
    CloseChannel,
    GroupClear,
    GroupClose,
    GroupExpire,
    GroupOpen,
    GroupPublish,
    GroupUnlink,
    Limits,
    LimitsGet,
    ListChannels,
    Match,
    OpenAccepted,
    OpenCallback,
    OpenChannel,
    OpenChannelAsync,
    Origin,
    Publish,
    Published,
    PublishedRun,
    RetentionCleared,
    Run,
    Subscribe,
    Subscribed,
    Taken,
    TakenNoted,
    UnlinkChannel,
    Unsubscribe,
    Unsubscribed,
    decode_run,
    encode_run,
)
from openais.services.base import (
    Callback,
    ComponentState,
    ConfigurationChange,
    Effects,
    LibraryConnection,
    LocalNode,
    Refuse,
    Reply,
    Service,
    SetTimer,
    ToGroup,
    executive,
    library,
)
from openais.services.deadlines import Deadlines
from openais.services.evt_channels import EVENT_COST, Channels, Retained
from openais.services.evt_filters import Subscriber, passes
from openais.services.evt_ids import IdSource, slots_of
from openais.services.evt_queue import QUEUE_BYTES_MAX
from openais.services.evt_subscribers import Subscribers
from openais.services.payloads import checked
from openais.types import (
    AccessDenied,
    BadFlags,
    ErrorCode,
    NodeId,
    NoResources,
    Priority,
    TimeNs,
    TooBig,
    Version,
)

VERSION_B: Final = Version("B", 3, 1)
VERSION_A: Final = Version("A", 1, 1)

RETAINED_BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes of events that are retained in the cluster before no more are taken."""
RETENTION_TIMER: Final = "retention"


class Evt(Service):
    """Channels on which events are published, filtered, ordered and retained."""

    service_id = ServiceId.EVT
    versions = (VERSION_B, VERSION_A)

    def __init__(self, node: LocalNode, window: int = WINDOW_BYTES, queue_bytes_max: int = QUEUE_BYTES_MAX) -> None:
        """`window`, `queue_bytes_max`: what a library may be sent, and what may wait for it; see `evt_queue`."""
        super().__init__(node)
        self._channels = Channels()
        self._origin = Origin(node.node_id, node.boot_timestamp_ns)
        self._ids = IdSource(node.node_id, node.incarnation)
        self._going_on: tuple[NodeId, ...] = (node.node_id,)
        """The members of the last transitional configuration."""
        self._members: tuple[NodeId, ...] = ()
        self._deadlines = Deadlines[int](self._channels.retains)
        self._armed_ns: int | None = None
        """What the timer is set to."""
        self._subscribers = Subscribers(node, window, queue_bytes_max)

    # Configuration changes and state transfer.

    def configuration_changed(self, change: ConfigurationChange) -> Effects:
        configuration = change.configuration
        if configuration.transitional:
            self._going_on = configuration.members
            return ()
        self._members = configuration.members
        self._ids.slot = slots_of(configuration.members)[self.node.node_id]
        self._channels.keep_nodes(self._going_on)
        return self._arm()

    def state_to_transfer(self) -> Iterator[Message]:
        return self._channels.state()

    def merge_states(self, states: Sequence[ComponentState]) -> Effects:
        brought = self._channels.merge(states)
        self._ids.go_on_behind(self._channels.last_id_of(self.node.node_id))
        self._subscribers.index_anew(self._channels)
        for channel, event in brought:
            self._set_deadline(event)
            if self._subscribers.wants(channel.channel_id):
                yield from self._subscribers.distribute(channel.channel_id, event.header, event.encoded())
        yield from self._arm()

    # Libraries come and go.

    def library_opened(self, connection: LibraryConnection) -> Effects:
        self._subscribers.add(connection.connection)
        return ()

    def library_closed(self, connection: int) -> Effects:
        counts = self._subscribers.remove(connection)
        if counts:
            yield ToGroup(GroupClose(Source(self.node.node_id, connection, 0), counts), Priority.MED)

    # Requests of libraries.

    @library(OpenChannel, sends=Priority.MED)
    def open_channel(self, caller: Source, request: OpenChannel) -> Effects:
        yield ToGroup(self._group_open(caller, request.name, request.flags, None), Priority.MED)

    @library(OpenChannelAsync, sends=Priority.MED)
    def open_channel_async(self, caller: Source, request: OpenChannelAsync) -> Effects:
        yield ToGroup(self._group_open(caller, request.name, request.flags, request.invocation), Priority.MED)
        yield Reply(caller, OpenAccepted())

    @library(CloseChannel, sends=Priority.MED)
    def close_channel(self, caller: Source, request: CloseChannel) -> Effects:
        opened = self._subscribers.opened(caller.connection, request.channel)
        self._subscribers.close(caller.connection, request.channel)
        yield ToGroup(GroupClose(caller, {opened.channel_id: 1}), Priority.MED)

    @library(UnlinkChannel, sends=Priority.MED)
    def unlink_channel(self, caller: Source, request: UnlinkChannel) -> Effects:
        yield ToGroup(GroupUnlink(caller, request.name), Priority.MED)

    @library(Publish, sends=Priority.MED, waits=lambda request: bool(request.wait))
    def publish(self, caller: Source, request: Publish) -> Effects:
        opened = self._subscribers.opened(caller.connection, request.channel)
        if ChannelFlags.PUBLISHER not in opened.flags:
            raise AccessDenied("publish: the channel is not open to publish")
        counts = [self._checked_count(run) for run in request.runs]
        retained = sum(
            len(run.payloads) + EVENT_COST * count
            for run, count in zip(request.runs, counts, strict=True)
            if run.retention_ns
        )
        if retained and self._channels.retained_bytes + retained > RETAINED_BYTES_MAX:
            raise NoResources(f"publish: {self._channels.retained_bytes} bytes of events are retained already")
        now_ns = self.node.wall_time_ns
        first_id = self._ids.take(sum(counts))
        runs = self._published(request.runs, counts, first_id, now_ns)
        yield ToGroup(GroupPublish(opened.channel_id, retained > 0, runs), Priority.MED)
        yield Reply(caller, Published(first_id))

    @library(Subscribe)
    def subscribe(self, caller: Source, request: Subscribe) -> Effects:
        opened = self._subscribers.opened(caller.connection, request.channel)
        if ChannelFlags.SUBSCRIBER not in opened.flags:
            raise AccessDenied("subscribe: the channel is not open to subscribe")
        subscriber = Subscriber(caller.connection, Match(request.channel, request.subscription))
        self._subscribers.subscribe(subscriber, opened, request.filters)
        yield Reply(caller, Subscribed())
        for _, event in sorted(self._channels.by_id[opened.channel_id].retained.items()):
            if passes(request.filters, event.header.patterns):
                to = (subscriber.match,), (caller.connection,)
                yield from self._subscribers.send(*to, event.header, event.encoded())

    @library(Unsubscribe)
    def unsubscribe(self, caller: Source, request: Unsubscribe) -> Effects:
        opened = self._subscribers.opened(caller.connection, request.channel)
        subscriber = Subscriber(caller.connection, Match(request.channel, request.subscription))
        self._subscribers.unsubscribe(subscriber, opened)
        yield Reply(caller, Unsubscribed())

    @library(ClearRetention, sends=Priority.MED)
    def clear_retention(self, caller: Source, request: ClearRetention) -> Effects:
        opened = self._subscribers.opened(caller.connection, request.channel)
        yield ToGroup(GroupClear(caller, opened.channel_id, request.event_id), Priority.MED)

    @library(Taken)
    def taken(self, caller: Source, request: Taken) -> Effects:
        yield Reply(caller, TakenNoted())
        yield from self._subscribers.taken(caller.connection, request.cost)

    @library(ListChannels)
    def list_channels(self, caller: Source, request: ListChannels) -> Effects:
        yield Reply(caller, ChannelList(self._channels.status()))

    @library(LimitsGet)
    def limits_get(self, caller: Source, request: LimitsGet) -> Effects:
        yield Reply(caller, Limits(CHANNELS_MAX, DATA_MAX, PATTERN_MAX, PATTERNS_MAX, RETENTION_MAX_NS))

    # Group messages.

    @executive(GroupOpen)
    def group_open(self, origin: NodeId, message: GroupOpen) -> Effects:
        channel = self._channels.by_name.get(message.name)
        if channel is None and not message.flags & ChannelFlags.CREATE:
            yield from self._refuse_open(message, ErrorCode.NOT_EXIST, f"open: there is no channel {message.name!r}")
            return
        if channel is None and len(self._channels.all()) >= CHANNELS_MAX:
            explanation = f"open: there are {CHANNELS_MAX} channels already"
            yield from self._refuse_open(message, ErrorCode.NO_RESOURCES, explanation)
            return
        if channel is None:
            channel = self._channels.create(message.name, message.identity)
        self._channels.open(channel, origin)
        caller = message.caller
        if origin != self.node.node_id:
            return
        if caller.connection not in self._subscribers:
            yield ToGroup(GroupClose(Source(origin, caller.connection, 0), {channel.channel_id: 1}), Priority.MED)
            return
        self._subscribers.open(caller.connection, caller.call, channel.channel_id, ChannelFlags(message.flags))
        if message.invocation is None:
            yield Reply(caller, ChannelOpened(caller.call))
        else:
            yield Callback(
                (caller.connection,), OpenCallback(message.invocation, message.name, caller.call, ErrorCode.OK)
            )

    @executive(GroupClose)
    def group_close(self, origin: NodeId, message: GroupClose) -> Effects:
        for channel_id, count in message.counts.items():
            channel = self._channels.by_id.get(channel_id)
            if channel is not None:
                self._channels.close(channel, origin, count)
        if message.caller.call:
            yield Reply(message.caller, ChannelClosed())

    @executive(GroupUnlink)
    def group_unlink(self, origin: NodeId, message: GroupUnlink) -> Effects:
        channel = self._channels.by_name.get(message.name)
        if channel is None:
            yield Refuse(message.caller, ErrorCode.NOT_EXIST, f"unlink: there is no channel {message.name!r}")
            return
        self._channels.unlink(channel)
        yield Reply(message.caller, ChannelUnlinked())

    @executive(GroupPublish)
    def group_publish(self, origin: NodeId, message: GroupPublish) -> Effects:
        channel = self._channels.by_id.get(message.channel_id)
        if channel is None:
            return
        wanted = self._subscribers.wants(channel.channel_id)
        if not wanted and not message.retained:
            return
        for raw in message.runs:
            try:
                run = decode_run(raw)
            except Malformed:  # left out by all members alike
                continue
            if run.retention_ns:
                for event in self._channels.retain(channel, run):
                    self._set_deadline(event)
            if wanted:
                yield from self._subscribers.distribute(channel.channel_id, run, raw)
        if message.retained:
            yield from self._arm()

    @executive(GroupClear)
    def group_clear(self, origin: NodeId, message: GroupClear) -> Effects:
        channel = self._channels.by_id.get(message.channel_id)
        if channel is None or not self._channels.clear(channel, message.event_id):
            explanation = f"retention time clear: event {message.event_id} is not retained on this channel"
            yield Refuse(message.caller, ErrorCode.NOT_EXIST, explanation)
            return
        yield Reply(message.caller, RetentionCleared())

    @executive(GroupExpire)
    def group_expire(self, origin: NodeId, message: GroupExpire) -> Effects:
        self._channels.expire(message.event_ids)
        return self._arm()

    def timer(self, name: str) -> Effects:
        now_ns = max(self.node.wall_time_ns, self._armed_ns or 0)
        self._armed_ns = None
        if self._keeps_time():
            due = self._deadlines.take_due(now_ns, EXPIRED_MAX)
            if due:
                yield ToGroup(GroupExpire(due), Priority.MED)
        yield from self._arm()

    def describe(self) -> dict[str, Any]:
        return {
            "channels": [msgspec.structs.asdict(each) for each in self._channels.status()],
            "retained_bytes": self._channels.retained_bytes,
            **self._subscribers.describe(),
        }

    # Helpers: channels.

    def _group_open(self, caller: Source, name: str, flags: int, invocation: int | None) -> GroupOpen:
        if not flags or flags & ~CHANNEL_FLAGS:
            raise BadFlags(f"open: flags {flags:#x}, expected one or more of PUBLISHER, SUBSCRIBER, CREATE")
        channel_id = self._ids.take(1) if flags & ChannelFlags.CREATE else 0
        return GroupOpen(caller, name, flags, ChannelIdentity(channel_id, self._origin), invocation)

    def _refuse_open(self, message: GroupOpen, code: ErrorCode, explanation: str) -> Effects:
        caller = message.caller
        if message.invocation is None:
            yield Refuse(caller, code, explanation)
        elif caller.node_id == self.node.node_id and caller.connection in self._subscribers:
            yield Callback((caller.connection,), OpenCallback(message.invocation, message.name, 0, code, explanation))

    # Helpers: publishing.

    def _checked_count(self, run: Run) -> int:
        """How many events a run has. Raises InvalidParam, TooBig."""
        payloads = checked(run.payloads, "publish")
        longest = max(map(len, payloads))
        if longest > DATA_MAX:
            raise TooBig(f"publish: an event of {longest} bytes, expected {DATA_MAX} at most")
        return len(payloads)

    def _published(
        self, runs: Sequence[Run], counts: Sequence[int], first_id: int, now_ns: TimeNs
    ) -> tuple[msgspec.Raw, ...]:
        """The runs as the group carries them."""
        raws = []
        for run, count in zip(runs, counts, strict=True):
            published = PublishedRun(
                run.patterns, run.priority, run.retention_ns, run.publisher, self._origin, now_ns, first_id,
                count, run.payloads,
            )  # fmt: skip
            raws.append(encode_run(published))
            first_id = self._ids.after(first_id, count)
        return tuple(raws)

    # Helpers: retention.

    def _keeps_time(self) -> bool:
        """Whether this node is the one that says when events are over."""
        return self._members[:1] == (self.node.node_id,)

    def _set_deadline(self, event: Retained) -> None:
        """Over the retention time after its publishing, be the clock of its publisher ahead of that of this node."""
        header, now_ns = event.header, self.node.wall_time_ns
        if header.retention_ns < RETENTION_MAX_NS:
            due_ns = min(header.publish_time_ns, now_ns) + header.retention_ns
            self._deadlines.add(event.event_id, max(due_ns, now_ns))

    def _arm(self) -> Effects:
        """Sets the timer to the next deadline, if it is this node's to keep it."""
        due_ns = self._deadlines.next_ns() if self._keeps_time() else None
        if due_ns is not None and (self._armed_ns is None or due_ns < self._armed_ns):
            self._armed_ns = due_ns
            yield SetTimer(RETENTION_TIMER, max(0, due_ns - self.node.wall_time_ns) / 1e9)
