"""The replicated state of the event service, as the checker of a simulated cluster reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from openais.messages.base import Message
from openais.messages.evt import ChannelState, PublishedRun, RetainedState


@dataclass(slots=True)
class EventState:
    """Channels and what is retained on them. A channel stands under the first of its ids, whatever merged into it."""

    channels: dict[int, ChannelState] = field(default_factory=dict)
    first_ids: dict[int, int] = field(default_factory=dict)
    """By any id of a channel."""
    retained: dict[int, tuple[int, PublishedRun]] = field(default_factory=dict)
    """By event id: the channel and the event."""

    @classmethod
    def of(cls, messages: Iterable[Message]) -> EventState:
        """From the messages of a state transfer."""
        state, first_id = cls(), 0
        for message in messages:
            if isinstance(message, ChannelState):
                first_id = message.identities[0].channel_id
                state.channels[first_id] = message
                state.first_ids |= {identity.channel_id: first_id for identity in message.identities}
            elif isinstance(message, RetainedState):
                state.retained[message.event.first_id] = first_id, message.event
        return state
