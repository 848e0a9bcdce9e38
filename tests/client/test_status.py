"""The status library: each question reaches the executive, each answer the caller."""

from __future__ import annotations

from openais.client.status import StatusClient
from openais.messages.evs import RingIdentity
from openais.messages.status import (
    EVENTS_MAX,
    Counters,
    CountersGet,
    DescribeGet,
    Descriptions,
    EventRecord,
    Events,
    EventsGet,
    MemberStatus,
    Reasons,
    Status,
    StatusGet,
    WhyGet,
)
from openais.types import NodeId, TimeNs
from tests.client.fake_executive import FakeExecutive

STATUS = Status(
    node_id=NodeId(1),
    name="one",
    address="127.0.0.1",
    boot_timestamp_ns=TimeNs(1),
    wall_time_ns=TimeNs(2),
    ring=RingIdentity(4, NodeId(1)),
    members=(MemberStatus(NodeId(1), True, TimeNs(1)),),
    quorum="none",
    quorate=True,
    synchronized=True,
    transfer="",
    services=("clm",),
    connections=1,
)
EVENT = EventRecord(TimeNs(1), "gather", "why", {"missing": [2]})


def test_each_question_is_answered(executive: FakeExecutive) -> None:
    executive.answers[StatusGet] = lambda request: STATUS
    executive.answers[CountersGet] = lambda request: Counters({"ring.tokens": 5})
    executive.answers[WhyGet] = lambda request: Reasons(())
    executive.answers[DescribeGet] = lambda request: Descriptions({"clm": {}})
    with StatusClient(executive.path) as client:
        assert client.status() == STATUS
        assert client.counters() == {"ring.tokens": 5}
        assert client.why() == ()
        assert client.describe("clm") == {"clm": {}}


def test_a_limit_is_kept_within_what_the_executive_gives(executive: FakeExecutive) -> None:
    limits: list[int] = []

    def events(request: object) -> Events:
        assert isinstance(request, EventsGet)
        limits.append(request.limit)
        return Events((EVENT,))

    executive.answers[EventsGet] = events
    with StatusClient(executive.path) as client:
        assert [client.events(limit) for limit in (-1, 7, 10**9)] == [(EVENT,)] * 3
    assert limits == [1, 7, EVENTS_MAX]
