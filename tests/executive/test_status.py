"""The status service."""

from __future__ import annotations

import json

import msgspec

from openais.executive.status import json_values
from openais.messages.base import Message, ServiceId
from openais.messages.status import (
    Counters,
    CountersGet,
    DescribeGet,
    Descriptions,
    Events,
    EventsGet,
    Reasons,
    Status,
    StatusGet,
    WhyGet,
)
from openais.totem.effects import RingId
from openais.types import NodeId, NotExist
from tests.executive.cluster import WALL_NS, Cluster, Library


def observed() -> tuple[Cluster, Library]:
    """Three nodes of which one has left, and a user of the status service on the first."""
    cluster = Cluster(1, 2, 3)
    cluster.form([1, 2, 3])
    cluster[1].now = 10.0
    cluster.group.configure([1, 2], reason="node 3: no answer to joins")
    return cluster, cluster[1].library(ServiceId.STATUS)


def as_json(message: Message) -> object:
    return json.loads(msgspec.json.encode(message))


def test_status_tells_who_is_there_and_since_when() -> None:
    cluster, library = observed()
    cluster[1].now = 20.0
    cluster.start(4)
    cluster.form([1, 2, 4])
    status = library.call(StatusGet())
    assert isinstance(status, Status)
    assert (status.node_id, status.name, status.synchronized, status.quorate) == (1, "node1", True, True)
    assert [(each.node_id, each.local) for each in status.members] == [(1, True), (2, False), (4, False)]
    assert [each.since_ns - WALL_NS for each in status.members] == [0, 0, 20_000_000_000]
    assert status.services == ("example", "status")
    assert (status.quorum, status.transfer, status.connections) == ("none: every component carries on", "", 1)
    assert as_json(status)


def test_counters_of_the_ring_and_the_executive_are_told_by_name() -> None:
    _, library = observed()
    library.call(DescribeGet("nothing"))
    library.send_bytes(library.frame(EventsGet(limit=0)))
    counters = library.call(CountersGet())
    assert isinstance(counters, Counters)
    assert counters.counters["library.malformed_request"] == 1
    assert counters.counters["ring.datagrams"] == 0
    assert list(counters.counters) == sorted(counters.counters)


def test_events_are_told_oldest_first() -> None:
    _, library = observed()
    events = library.call(EventsGet(limit=3))
    assert isinstance(events, Events)
    assert [each.kind for each in events.events] == ["configuration", "configuration", "synchronized"]
    assert events.events[0].wall_ns == WALL_NS + 10_000_000_000
    assert as_json(events)


def test_why_is_told_in_a_sentence_with_the_evidence() -> None:
    _, library = observed()
    reasons = library.call(WhyGet(limit=1))
    assert isinstance(reasons, Reasons)
    assert len(reasons.reasons) == 1
    reason = reasons.reasons[0]
    assert reason.sentence == "Node 3 left, nodes 1 and 2 go on: node 3: no answer to joins."
    assert (reason.members, reason.left, reason.joined) == ((1, 2), (3,), ())
    assert len(reason.evidence) >= 2
    assert as_json(reasons)


def test_descriptions_are_told_of_one_part_or_of_all() -> None:
    _, library = observed()
    everything = library.call(DescribeGet())
    assert isinstance(everything, Descriptions)
    assert list(everything.parts) == ["executive", "ring", "example", "status"]
    one = library.call(DescribeGet("example"))
    assert one == Descriptions({"example": {"entries": []}})
    assert as_json(everything)


def test_a_part_that_is_not_there_does_not_exist() -> None:
    _, library = observed()
    answer = library.call(DescribeGet("amf"))
    assert isinstance(answer, NotExist)
    assert "expected one of executive, ring, example, status" in str(answer)


def test_values_that_json_does_not_have_become_text() -> None:
    values = {"ring": RingId(4, NodeId(1)), "by_node": {NodeId(3): {"a"}}, "error": ValueError("x"), "b": b"ab"}
    plain = json.loads(json.dumps(json_values(values)))
    assert plain == {"ring": [4, 1], "by_node": {"3": ["a"]}, "error": "x", "b": "YWI="}
