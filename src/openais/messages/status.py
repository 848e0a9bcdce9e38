"""The messages of the status service: the executive as people and tools see it. Read-only; all values fit JSON."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from openais.messages.base import Message, Request, ServiceId, request
from openais.messages.evs import RingIdentity
from openais.types import NodeId, TimeNs

EVENTS_MAX: Final = 4096
REASONS_MAX: Final = 64


class MemberStatus(msgspec.Struct, array_like=True, frozen=True):
    """A member of the configuration, and since when this node has been together with it."""

    node_id: NodeId
    local: bool
    since_ns: TimeNs


class Status(Message, frozen=True):
    """The executive at one moment."""

    node_id: NodeId
    name: str
    address: str
    boot_timestamp_ns: TimeNs
    wall_time_ns: TimeNs
    ring: RingIdentity | None
    """The regular configuration installed last; None before the first."""
    members: tuple[MemberStatus, ...]
    quorum: str
    """The rule in force, in words."""
    quorate: bool
    synchronized: bool
    """Whether the state is complete in this configuration."""
    transfer: str
    """What the exchange of state waits for; empty when there is none."""
    services: tuple[str, ...]
    connections: int


@request(ServiceId.STATUS, 1, response=Status)
class StatusGet(Request, frozen=True):
    """How the executive is."""


class Counters(Message, frozen=True):
    """Counters by name: `ring.…`, `library.…`, `group.…`."""

    counters: dict[str, int]


@request(ServiceId.STATUS, 2, response=Counters)
class CountersGet(Request, frozen=True):
    """All counters of the ring and the executive."""


class EventRecord(msgspec.Struct, array_like=True, frozen=True):
    """One event of the flight recorder."""

    wall_ns: TimeNs
    kind: str
    text: str
    details: dict[str, Any]


class Events(Message, frozen=True):
    """Events of the flight recorder, oldest first."""

    events: tuple[EventRecord, ...]


@request(ServiceId.STATUS, 3, response=Events)
class EventsGet(Request, frozen=True):
    """The last `limit` events of the flight recorder."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=EVENTS_MAX)] = 200


class Reason(msgspec.Struct, array_like=True, frozen=True):
    """Why a configuration changed: one sentence, and the evidence."""

    wall_ns: TimeNs
    ring: RingIdentity
    members: tuple[NodeId, ...]
    left: tuple[NodeId, ...]
    joined: tuple[NodeId, ...]
    sentence: str
    noticed_by: NodeId | None
    """The node that noticed first, if known."""
    duration_s: float | None
    """From the first sign of the change at this node to the new configuration."""
    evidence: tuple[EventRecord, ...]


class Reasons(Message, frozen=True):
    """The reasons of the last configuration changes, oldest first."""

    reasons: tuple[Reason, ...]


@request(ServiceId.STATUS, 4, response=Reasons)
class WhyGet(Request, frozen=True):
    """Why the last `limit` configurations were installed."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=REASONS_MAX)] = 10


class Descriptions(Message, frozen=True):
    """The state of parts of the executive, by the name of the part."""

    parts: dict[str, dict[str, Any]]


@request(ServiceId.STATUS, 5, response=Descriptions)
class DescribeGet(Request, frozen=True):
    """The state of one part (`executive`, `ring`, or a service by its name), or of all when empty. NOT_EXIST."""

    part: Annotated[str, msgspec.Meta(max_length=64)] = ""
