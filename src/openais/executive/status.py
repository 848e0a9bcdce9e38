"""The status service: what the executive knows, for people and tools. It changes nothing and is there at any time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from openais.executive.flight_recorder import Event, FlightRecorder
from openais.executive.flight_recorder import Reason as Recorded
from openais.messages.base import ServiceId, Source
from openais.messages.evs import RingIdentity
from openais.messages.status import (
    Counters,
    CountersGet,
    DescribeGet,
    Descriptions,
    EventRecord,
    Events,
    EventsGet,
    Reason,
    Reasons,
    Status,
    StatusGet,
    WhyGet,
)
from openais.services.base import Effects, LocalNode, Reply, Service, library
from openais.types import NotExist, Version


class Observed(Protocol):
    """The executive, as the status service sees it."""

    @property
    def recorder(self) -> FlightRecorder:
        """The flight recorder."""
        ...

    @property
    def counters(self) -> dict[str, int]:
        """All counters by name."""
        ...

    def status(self) -> Status:
        """The executive at this moment."""
        ...

    def describe(self) -> dict[str, Any]:
        """The state of its parts, by name."""
        ...


class StatusService(Service):
    """Answers from what the executive shows of itself."""

    service_id = ServiceId.STATUS
    versions = (Version("B", 1, 1),)

    def __init__(self, node: LocalNode, observed: Observed) -> None:
        super().__init__(node)
        self._observed = observed

    @library(StatusGet)
    def status_get(self, caller: Source, request: StatusGet) -> Effects:
        yield Reply(caller, self._observed.status())

    @library(CountersGet)
    def counters_get(self, caller: Source, request: CountersGet) -> Effects:
        yield Reply(caller, Counters(dict(sorted(self._observed.counters.items()))))

    @library(EventsGet)
    def events_get(self, caller: Source, request: EventsGet) -> Effects:
        yield Reply(caller, Events(tuple(_record(event) for event in self._observed.recorder.events(request.limit))))

    @library(WhyGet)
    def why_get(self, caller: Source, request: WhyGet) -> Effects:
        yield Reply(caller, Reasons(tuple(_reason(reason) for reason in self._observed.recorder.why(request.limit))))

    @library(DescribeGet)
    def describe_get(self, caller: Source, request: DescribeGet) -> Effects:
        parts = self._observed.describe()
        if request.part and request.part not in parts:
            raise NotExist(f"describe: no part {request.part!r}, expected one of {', '.join(parts)}")
        chosen = {request.part: parts[request.part]} if request.part else parts
        yield Reply(caller, Descriptions(json_values(chosen)))


def json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with everything in them that JSON has no value for as text."""
    plain: dict[str, Any] = msgspec.to_builtins(values, str_keys=True, enc_hook=str)
    return plain


def _record(event: Event) -> EventRecord:
    return EventRecord(event.wall_ns, event.kind, event.text, json_values(event.details))


def _reason(reason: Recorded) -> Reason:
    return Reason(
        wall_ns=reason.wall_ns,
        ring=RingIdentity(reason.ring_id.sequence, reason.ring_id.representative),
        members=reason.members,
        left=reason.left,
        joined=reason.joined,
        sentence=reason.sentence,
        noticed_by=reason.noticed_by,
        duration_s=reason.duration_s,
        evidence=tuple(_record(event) for event in reason.evidence),
    )
