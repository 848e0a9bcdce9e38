"""What executives tell each other to reach one state after a configuration change (docs/decisions/state-transfer.md).

All three are sent at RECOVERY priority to everybody and carry the ring of the regular configuration that they belong
to; one that comes in another configuration is out of date and means nothing.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from openais.messages.base import Message, ServiceId, group_message
from openais.messages.evs import RingIdentity

LINEAGE_BYTES: Final = 16
CHUNK_BYTES: Final = 64 * 1024
"""A chunk is closed when it holds this much; one message more may be in it."""
CHUNK_MESSAGES_MAX: Final = 8192

Lineage = Annotated[bytes, msgspec.Meta(min_length=LINEAGE_BYTES, max_length=LINEAGE_BYTES)]
"""Stands for a state: executives with equal lineages that come from the same ring have equal states."""


@group_message(ServiceId.EXECUTIVE, 1)
class Synchronize(Message, frozen=True):
    """Where the sender comes from, and what it knows of the votes of the whole cluster."""

    ring: RingIdentity
    lineage: Lineage
    old_ring: RingIdentity | None
    """The regular configuration before this one; None when it is the sender's first."""
    votes_expected: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = 0
    seen_all: bool = False


@group_message(ServiceId.EXECUTIVE, 2)
class StateChunk(Message, frozen=True):
    """The next part of the state of the sender's component: group messages of the services, as `encode_group` gives."""

    ring: RingIdentity
    messages: Annotated[tuple[memoryview, ...], msgspec.Meta(max_length=CHUNK_MESSAGES_MAX)]


@group_message(ServiceId.EXECUTIVE, 3)
class StateEnd(Message, frozen=True):
    """The state of the sender's component is complete."""

    ring: RingIdentity
