"""The replicated state of the event service: channels, who has them open, and the events that they retain.

Nothing local flows into it. Channels have an id besides their name, since one that is unlinked lives on, while it is
open somewhere, beside a new one of its name. When partitions merge, channels of one name that are not unlinked become
one, which is known by the ids of all.

What a merge needs to know is who has *seen* what. The ids of one node go up, and its messages are delivered in order,
so the highest id of each node that was delivered (`last_ids`) stands for all that were; since its start, for a node
that starts again has seen nothing, whatever its ids. An event, or a channel, that a
component has seen and does not have was cleared, expired or unlinked there; one that it has not seen is new to it. So
no component brings back what another one ended, and nothing is new twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from openais.messages.base import Message
from openais.messages.evs import batch_of, payload_views_of
from openais.messages.evt import (
    EVENT_ID_STEP,
    ChannelIdentity,
    ChannelState,
    ChannelStatus,
    Origin,
    PublishedRun,
    RetainedData,
    RetainedState,
    SeenState,
    encode_run,
)
from openais.services.base import ComponentState
from openais.types import NodeId

DATA_IN_PART: Final = 32 * 1024
"""Bytes of data in one message of the state transfer."""
ORIGINS_IN_STATE: Final = 1024
"""Origins in one message of the state transfer."""
ORIGINS_MAX: Final = 4096
"""Origins that are remembered; of more, those are forgotten that published the longest ago."""
EVENT_COST: Final = 512
"""What a retained event is taken to hold besides its data."""


@dataclass(slots=True)
class Retained:
    """One event that is retained: a run of one."""

    header: PublishedRun
    """Its attributes, without the data."""
    data: bytes

    @property
    def event_id(self) -> int:
        return self.header.first_id

    def encoded(self) -> msgspec.Raw:
        """The event as a run."""
        return encode_run(msgspec.structs.replace(self.header, payloads=batch_of((self.data,))))


@dataclass(slots=True, eq=False)
class Channel:
    """One channel. `identities` are sorted; the first is that of the channel that was made first."""

    name: str
    identities: tuple[ChannelIdentity, ...]
    unlinked: bool = False
    opens: dict[NodeId, int] = field(default_factory=dict)
    retained: dict[int, Retained] = field(default_factory=dict)

    @property
    def channel_id(self) -> int:
        return self.identities[0].channel_id


class Channels:
    """All channels of the cluster."""

    def __init__(self) -> None:
        self.by_name: dict[str, Channel] = {}
        """Those that are not unlinked."""
        self.by_id: dict[int, Channel] = {}
        """All, by each of their ids."""
        self.last_ids: dict[Origin, int] = {}
        self.retained_bytes = 0
        self._retaining: dict[int, Channel] = {}
        """By event id: the channel that retains it."""

    def all(self) -> list[Channel]:
        """Every channel once, by id."""
        return [channel for channel_id, channel in sorted(self.by_id.items()) if channel.channel_id == channel_id]

    # What the messages of the group do.

    def create(self, name: str, identity: ChannelIdentity) -> Channel:
        """A new channel."""
        channel = Channel(name, (identity,))
        self.by_name[name] = self.by_id[identity.channel_id] = channel
        self.see(identity.creator, identity.channel_id)
        return channel

    def open(self, channel: Channel, node: NodeId) -> None:
        """Somebody on `node` has it open."""
        channel.opens[node] = channel.opens.get(node, 0) + 1

    def close(self, channel: Channel, node: NodeId, count: int) -> None:
        """So many on `node` have closed it."""
        left = channel.opens.pop(node, 0) - count
        if left > 0:
            channel.opens[node] = left
        self._delete_if_over(channel)

    def unlink(self, channel: Channel) -> None:
        """Its name is free."""
        del self.by_name[channel.name]
        channel.unlinked = True
        self._delete_if_over(channel)

    def retain(self, channel: Channel, run: PublishedRun) -> list[Retained]:
        """Retains each event of a run that is delivered."""
        header = msgspec.structs.replace(run, count=1, payloads=_NO_DATA)
        events = []
        for number, data in enumerate(payload_views_of(run.payloads)):
            event_id = run.first_id + number * EVENT_ID_STEP
            events.append(Retained(msgspec.structs.replace(header, first_id=event_id), bytes(data)))
            self._keep(channel, events[-1])
        self.see(run.origin, events[-1].event_id)
        return events

    def clear(self, channel: Channel, event_id: int) -> bool:
        """Retains the event no more. False when it was not retained on this channel."""
        if self._retaining.get(event_id) is not channel:
            return False
        self._drop(event_id)
        return True

    def expire(self, event_ids: Iterable[int]) -> None:
        """Retains these no more, as far as they still are."""
        for event_id in event_ids:
            if event_id in self._retaining:
                self._drop(event_id)

    def retains(self, event_id: int) -> bool:
        """Whether an event is retained, on any channel."""
        return event_id in self._retaining

    def see(self, origin: Origin, last_id: int) -> None:
        """An id of `origin` was delivered."""
        self.last_ids[origin] = max(last_id, self.last_ids.get(origin, 0))
        if len(self.last_ids) > ORIGINS_MAX:
            del self.last_ids[min(self.last_ids, key=lambda each: (self.last_ids[each], each))]

    def last_id_of(self, node: NodeId) -> int:
        """The highest id of a node that is known, from whichever of its starts."""
        return max((last_id for origin, last_id in self.last_ids.items() if origin.node_id == node), default=0)

    def keep_nodes(self, nodes: Sequence[NodeId]) -> None:
        """Closes what the other nodes have open."""
        for channel in self.all():
            channel.opens = {node: count for node, count in channel.opens.items() if node in nodes}
            self._delete_if_over(channel)

    # State transfer.

    def state(self) -> Iterator[Message]:
        """The whole state as messages, each below 64 KiB."""
        origins = sorted(self.last_ids.items())
        for first in range(0, len(origins), ORIGINS_IN_STATE):
            yield SeenState(tuple(origins[first : first + ORIGINS_IN_STATE]))
        for channel in self.all():
            opens = dict(sorted(channel.opens.items()))
            yield ChannelState(channel.name, channel.identities, channel.unlinked, opens)
            for _, event in sorted(channel.retained.items()):
                yield RetainedState(event.header, len(event.data))
                for first in range(0, len(event.data), DATA_IN_PART):
                    yield RetainedData(event.data[first : first + DATA_IN_PART])

    def merge(self, states: Sequence[ComponentState]) -> list[tuple[Channel, Retained]]:
        """Becomes the merge of the states of all components. Gives the events that are new here, by id."""
        before, components = dict(self._retaining), [_component(state) for state in states]
        self.by_name, self.by_id, self._retaining, self.retained_bytes = {}, {}, {}, 0
        self.last_ids = {}
        for component in components:
            for origin, last_id in component.last_ids.items():
                self.see(origin, last_id)
        for channels in _same(components):
            self._merge_channel(channels, components)
        self._join_names()
        for channel in self.all():
            self._delete_if_over(channel)
        return [
            (channel, channel.retained[event_id])
            for event_id, channel in sorted(self._retaining.items())
            if event_id not in before
        ]

    def status(self) -> tuple[ChannelStatus, ...]:
        """All channels, by name."""
        return tuple(
            ChannelStatus(
                channel.name,
                channel.channel_id,
                channel.unlinked,
                dict(sorted(channel.opens.items())),
                len(channel.retained),
                sum(len(event.data) for event in channel.retained.values()),
            )
            for channel in sorted(self.all(), key=lambda channel: (channel.name, channel.channel_id))
        )

    # Helpers.

    def _keep(self, channel: Channel, event: Retained) -> None:
        channel.retained[event.event_id] = event
        self._retaining[event.event_id] = channel
        self.retained_bytes += EVENT_COST + len(event.data)

    def _drop(self, event_id: int) -> None:
        event = self._retaining.pop(event_id).retained.pop(event_id)
        self.retained_bytes -= EVENT_COST + len(event.data)

    def _delete_if_over(self, channel: Channel) -> None:
        """An unlinked channel goes with the last who has it open (saEvtChannelUnlink)."""
        if channel.unlinked and not channel.opens:
            for event_id in list(channel.retained):
                self._drop(event_id)
            for identity in channel.identities:
                del self.by_id[identity.channel_id]

    def _merge_channel(self, channels: Sequence[_ChannelPart], components: Sequence[_Component]) -> None:
        """One channel, of which these are the states in some of the components."""
        identities = tuple(sorted({each for part in channels for each in part.channel.identities}))
        ended = any(
            all(component.has_seen(each.creator, each.channel_id) for each in identities)
            for component in components
            if all(part.component is not component for part in channels)
        )
        unlinked = ended or any(part.channel.unlinked for part in channels)
        merged = Channel(channels[0].channel.name, identities, unlinked)
        for part in channels:
            for node, count in part.channel.opens.items():
                if node in part.component.members:
                    merged.opens[node] = merged.opens.get(node, 0) + count
        for identity in identities:
            self.by_id[identity.channel_id] = merged
        events = {event_id: event for part in channels for event_id, event in part.channel.retained.items()}
        for event_id, event in sorted(events.items()):
            if all(each.retains(event_id) or not each.has_seen(event.header.origin, event_id) for each in components):
                self._keep(merged, event)

    def _join_names(self) -> None:
        """Channels of one name that are not unlinked become one."""
        for channel in self.all():
            if channel.unlinked:
                continue
            first = self.by_name.setdefault(channel.name, channel)
            if first is channel:
                continue
            first.identities = tuple(sorted((*first.identities, *channel.identities)))
            for node, count in channel.opens.items():
                first.opens[node] = first.opens.get(node, 0) + count
            for event_id, event in channel.retained.items():
                first.retained[event_id] = event
                self._retaining[event_id] = first
            for identity in channel.identities:
                self.by_id[identity.channel_id] = first


@dataclass(slots=True, eq=False)
class _Component:
    """The state that one component brings to a merge."""

    members: tuple[NodeId, ...]
    last_ids: Mapping[Origin, int]
    channels: list[Channel]
    event_ids: set[int]

    def has_seen(self, origin: Origin, last_id: int) -> bool:
        return last_id <= self.last_ids.get(origin, 0)

    def retains(self, event_id: int) -> bool:
        return event_id in self.event_ids


@dataclass(slots=True, frozen=True, eq=False)
class _ChannelPart:
    """A channel as one component has it."""

    component: _Component
    channel: Channel


def _component(state: ComponentState) -> _Component:
    """The state of a component, from its messages."""
    component = _Component(state.members, {}, [], set())
    last_ids: dict[Origin, int] = {}
    header: PublishedRun | None = None
    size, parts = 0, [b""]
    for message in state.messages:
        if isinstance(message, SeenState):
            last_ids |= dict(message.last_ids)
        elif isinstance(message, ChannelState):
            channel = Channel(message.name, message.identities, message.unlinked, dict(message.opens))
            component.channels.append(channel)
        elif isinstance(message, RetainedState):
            header, size, parts = message.event, message.size, []
        elif isinstance(message, RetainedData):
            parts.append(message.data)
        if header is not None and sum(map(len, parts)) >= size:
            component.channels[-1].retained[header.first_id] = Retained(header, b"".join(parts))
            component.event_ids.add(header.first_id)
            header = None
    component.last_ids = last_ids
    return component


def _same(components: Sequence[_Component]) -> list[list[_ChannelPart]]:
    """The channels of all components; those that share an id are one."""
    found: list[list[_ChannelPart]] = []
    by_id: dict[int, list[_ChannelPart]] = {}
    for component in components:
        for channel in component.channels:
            part = _ChannelPart(component, channel)
            known = {
                id(by_id[each.channel_id]): by_id[each.channel_id]
                for each in channel.identities
                if each.channel_id in by_id
            }
            joined = [part]
            for parts in known.values():
                joined = [*parts, *joined]
                found = [each for each in found if each is not parts]
            found.append(joined)
            for each in joined:
                by_id |= {identity.channel_id: joined for identity in each.channel.identities}
    return found


_NO_DATA: Final = batch_of(())
