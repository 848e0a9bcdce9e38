"""What members of the availability management framework multicast when a time is over, so that all notice it alike."""

from __future__ import annotations

from openais.messages.base import Message, ServiceId, group_message
from openais.types import NodeId


@group_message(ServiceId.AMF, 9)
class GroupFence(Message, frozen=True):
    """The time within which a lost node gives up what it was active for is over, if it began in this ring."""

    unit: str
    ring: tuple[int, NodeId]


@group_message(ServiceId.AMF, 10)
class GroupTolerance(Message, frozen=True):
    """The time is over within which a service instance may do without one that it depends on."""

    instance: str


@group_message(ServiceId.AMF, 31)
class GroupStarted(Message, frozen=True):
    """A service group has waited long enough for its units."""

    group: str


@group_message(ServiceId.AMF, 32)
class GroupProven(Message, frozen=True):
    """The units of a service group have been in service through a probation."""

    group: str
    probation: int


@group_message(ServiceId.AMF, 30)
class GroupRetry(Message, frozen=True):
    """The delay before another attempt to instantiate a component is over."""

    component: str
    generation: int
