"""The messages of HA readiness: what components say that they can be assigned (SA Forum AMF B.04.01)."""

from __future__ import annotations

from openais.messages.amf_model import HaReadiness
from openais.messages.base import Message, Name, Request, ServiceId, Source, group_message, request
from openais.types import TimeNs


class HaReadinessTaken(Message, frozen=True):
    """The HA readiness state is the one asked for."""


@request(ServiceId.AMF, 15, response=HaReadinessTaken)
class HaReadinessSet(Request, frozen=True):
    """saAmfHAReadinessStateSet. NOT_EXIST, BAD_OPERATION for a component that is not pre-instantiable."""

    component: Name
    csi: Name
    readiness: HaReadiness


@group_message(ServiceId.AMF, 13)
class GroupHaReadiness(Message, frozen=True):
    """A component says what it can be assigned of a component service instance."""

    caller: Source
    component: str
    csi: str
    readiness: HaReadiness
    time_ns: TimeNs
