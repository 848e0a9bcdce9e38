"""The messages of passive monitoring: processes of components whose end is a failure (SA Forum AMF, saAmfPmStart)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from openais.messages.amf import Text
from openais.messages.amf_model import PmStop, Recovery
from openais.messages.base import Message, Name, Request, ServiceId, callback, request

MONITORED_MAX: Final = 64
"""Processes of one component that are monitored, their descendants not counted."""

ProcessId = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
Depth = Annotated[int, msgspec.Meta(ge=-1, lt=2**31)]
Errors = Annotated[int, msgspec.Meta(ge=1, le=7)]
"""PmErrors, at least one."""


class MonitoringStarted(Message, frozen=True):
    """The process is monitored."""


class MonitoringStopped(Message, frozen=True):
    """It is not any more."""


class AnswerTaken(Message, frozen=True):
    """The answer of the supervisor was taken."""


class DeathTaken(Message, frozen=True):
    """The report of the supervisor was taken."""


@request(ServiceId.AMF, 13, response=MonitoringStarted)
class PmStart(Request, frozen=True):
    """saAmfPmStart. NOT_EXIST when there is no such component, or process, on this node; NO_RESOURCES."""

    component: Name
    process_id: ProcessId
    depth: Depth
    """How many generations of descendants are monitored as well; -1: all."""
    errors: Errors
    recovery: Recovery = Recovery.NO_RECOMMENDATION


@request(ServiceId.AMF, 14, response=MonitoringStopped)
class PmEnd(Request, frozen=True):
    """saAmfPmStop. NOT_EXIST when nothing of this is monitored."""

    component: Name
    qualifier: PmStop
    process_id: Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
    errors: Errors


@callback(ServiceId.AMF, 12)
class Monitor(Message, frozen=True):
    """An order for the supervisor. It answers by `Monitored`."""

    order: int
    generation: int
    wanted: PmStart


@callback(ServiceId.AMF, 13)
class Unmonitor(Message, frozen=True):
    """An order for the supervisor. It answers by `Monitored`."""

    order: int
    wanted: PmEnd


@request(ServiceId.AMF, 32, response=AnswerTaken)
class Monitored(Request, frozen=True):
    """What became of an order to monitor: `error` is an ErrorCode."""

    order: int
    error: int
    text: Text = ""


@request(ServiceId.AMF, 33, response=DeathTaken)
class Died(Request, frozen=True):
    """A monitored process died, or a program ended of which something is left: its component has failed."""

    component: Name
    generation: int
    text: Text
    recovery: Recovery = Recovery.NO_RECOMMENDATION
