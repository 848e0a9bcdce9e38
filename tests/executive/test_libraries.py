"""Requests, answers and callbacks; libraries that do what they should not; libraries that do not read."""

from __future__ import annotations

import pytest

from openais.executive.connections import Limits
from openais.executive.effects import CloseLibrary, Left, ToLibrary
from openais.messages.base import Kind, Message
from openais.messages.frame import HEADER, pack
from openais.totem.effects import Fatal
from openais.types import AisError, ErrorCode, Priority
from tests.executive.cluster import Cluster, Library
from tests.executive.ledger import (
    Appended,
    Arm,
    Armed,
    Bulk,
    Entries,
    GetBulk,
    Read,
    SendBig,
    Write,
    Written,
)


def formed(*node_ids: int, limits: Limits | None = None, queue_max: int = 1000) -> Cluster:
    cluster = Cluster(*node_ids, limits=limits, queue_max=queue_max)
    cluster.form(node_ids)
    return cluster


def code(answer: Message | AisError | None) -> ErrorCode:
    assert isinstance(answer, AisError), f"expected an error, got {answer}"
    return answer.code


# Requests


def test_of_many_long_requests_some_are_answered_before_the_others_are_served() -> None:
    """Who is answered works while the rest is served; the executive asks to be called again for it at once."""
    node = formed(1)[1]
    library, other = node.library(), node.library()
    library.send_bytes(b"".join(pack(999, Kind.REQUEST, call, bytes(200 * 1024)) for call in range(50, 54)))
    assert [call for call in library.answers if call >= 50] == [50, 51]
    assert node.executive.deadline <= node.now
    assert other.call(Read()) is not None
    node.input(lambda executive, now, wall: executive.timeout(now, wall))
    assert [call for call in library.answers if call >= 50] == [50, 51, 52, 53]
    assert node.executive.deadline > node.now


def test_long_requests_that_wait_to_be_served_end_with_their_connection() -> None:
    node = formed(1)[1]
    library = node.library()
    library.send_bytes(b"".join(pack(999, Kind.REQUEST, call, bytes(200 * 1024)) for call in range(50, 54)))
    library.close()
    node.input(lambda executive, now, wall: executive.timeout(now, wall))
    assert [call for call in library.answers if call >= 50] == [50, 51]


def test_a_request_is_ordered_by_the_group_and_answered_on_the_node_of_the_caller() -> None:
    cluster = formed(1, 2, 3)
    library, other = cluster[2].library(), cluster[3].library()
    call = library.send(Write("a"))
    assert call not in library.answers
    cluster.group.deliver()
    assert library.answers[call] == Written(1)
    assert cluster.entries() == [["a"]] * 3
    assert other.order[1:] == [Appended("a", cluster[2].node_id)]


def test_answers_and_callbacks_come_in_the_order_in_which_they_were_made() -> None:
    cluster = formed(1, 2)
    library = cluster[1].library()
    library.send(Write("a"))
    library.send(Write("b"))
    cluster.group.deliver()
    library.send(Read())
    assert library.order[1:] == [
        Written(1),
        Appended("a", cluster[1].node_id),
        Written(2),
        Appended("b", cluster[1].node_id),
        Entries(("a", "b")),
    ]


def test_all_that_one_input_produces_for_a_connection_is_one_write() -> None:
    cluster = formed(1)
    node = cluster[1]
    library = node.library()
    writes = library.writes
    library.send_bytes(b"".join(library.frame(Read()) for _ in range(20)))
    assert library.writes == writes + 1
    assert len(library.answers) == 21


def test_an_error_that_a_handler_raises_is_the_answer() -> None:
    cluster = formed(1)
    library = cluster[1].library()
    library.send(Write("a"))
    cluster.group.deliver()
    answer = library.call(Write("a"))
    assert code(answer) is ErrorCode.EXIST
    assert str(answer) == "write: a is there"


def test_a_request_cut_into_pieces_is_served_when_it_is_whole() -> None:
    library = formed(1)[1].library()
    for byte in library.frame(Read()):
        assert 2 not in library.answers
        library.send_bytes(bytes((byte,)))
    assert library.answers[2] == Entries(())


def test_a_group_message_over_the_limit_is_refused_as_too_big() -> None:
    cluster = formed(1, limits=Limits(message_max=1000))
    library = cluster[1].library()
    assert code(library.call(SendBig(2000))) is ErrorCode.TOO_BIG
    assert cluster.group.deliver() == 0


def test_a_full_queue_is_try_again_and_the_handler_is_not_called() -> None:
    cluster = formed(1, 2, queue_max=3)
    library = cluster[1].library()
    calls = [library.send(Write(f"{number}")) for number in range(5)]
    assert [code(library.answers[call]) for call in calls[3:]] == [ErrorCode.TRY_AGAIN] * 2
    assert cluster[1].executive.counters["library.try_again"] == 2
    assert not isinstance(library.call(Read()), AisError)
    low = library.send(Write("low", Priority.LOW))
    cluster.group.deliver()
    assert library.answers[low] == Written(4)
    assert cluster.entries() == [["0", "1", "2", "low"]] * 2


def test_a_request_that_may_wait_is_handled_once_there_is_room_and_later_ones_behind_it() -> None:
    cluster = formed(1, 2, queue_max=3)
    library, executive = cluster[1].library(), cluster[1].executive
    waiting = [library.send(Write(f"{number}", wait=True)) for number in range(5)]
    behind = library.send(Read())
    assert library.answers.keys() & {*waiting, behind} == set()
    assert executive.paused_connections == {library.number}
    cluster.group.deliver()
    assert [library.answers[call] for call in waiting] == [Written(place) for place in range(1, 6)]
    assert library.answers[behind] == Entries(("0", "1"))
    assert executive.paused_connections == set()
    assert cluster.entries() == [["0", "1", "2", "3", "4"]] * 2


def test_those_who_wait_for_room_have_their_turn_one_after_the_other() -> None:
    cluster = formed(1, queue_max=1)
    first, second = cluster[1].library(), cluster[1].library()
    for number in range(3):
        first.send(Write(f"a{number}", wait=True))
        second.send(Write(f"b{number}", wait=True))
    cluster.group.deliver()
    assert cluster.entries() == [["a0", "b0", "a1", "b1", "a2", "b2"]]


def test_who_does_not_wait_is_told_try_again_while_another_waits() -> None:
    cluster = formed(1, queue_max=1)
    patient, other = cluster[1].library(), cluster[1].library()
    patient.send(Write("a", wait=True))
    patient.send(Write("b", wait=True))
    assert code(other.call(Write("c"))) is ErrorCode.TRY_AGAIN
    cluster.group.deliver()
    assert cluster.entries() == [["a", "b"]]


def test_a_library_that_waits_for_room_may_go() -> None:
    cluster = formed(1, queue_max=1)
    library = cluster[1].library()
    library.send(Write("a", wait=True))
    library.send(Write("b", wait=True))
    library.close()
    cluster.group.deliver()
    (entries,) = cluster.entries()
    assert entries[0] == "a"
    assert "b" not in entries


def test_what_a_handler_sends_beyond_the_room_is_sent_later_and_in_order() -> None:
    cluster = formed(1, 2, queue_max=3)
    library = cluster[1].library()
    call = library.send(Write("many", copies=10))
    assert code(library.call(Write("next"))) is ErrorCode.TRY_AGAIN
    cluster.group.deliver()
    assert library.answers[call] == Written(10)
    assert cluster.entries() == [["many"] * 10] * 2


def test_more_messages_than_may_wait_stop_the_executive_with_a_reason() -> None:
    cluster = formed(1, limits=Limits(deferred_max=5), queue_max=3)
    cluster[1].library().send(Write("many", copies=10))
    stops = [effect for effect in cluster[1].effects if isinstance(effect, Fatal)]
    assert len(stops) == 1
    assert "more group messages wait" in stops[0].reason


def test_a_timer_multicasts_when_its_time_has_come() -> None:
    cluster = formed(1, 2)
    library = cluster[1].library()
    assert library.call(Arm(2.0)) == Armed()
    assert cluster[1].executive.deadline == 2.0
    cluster[1].timeout(1.9)
    assert cluster.group.deliver() == 0
    cluster[1].timeout(2.0)
    cluster.group.deliver()
    assert cluster.entries() == [["timer alarm of 1"]] * 2


def test_a_timer_that_was_ended_does_nothing() -> None:
    cluster = formed(1)
    library = cluster[1].library()
    library.call(Arm(2.0))
    library.call(Arm(None))
    cluster[1].timeout(3.0)
    assert cluster.group.deliver() == 0


def test_a_ring_that_delivers_at_once_is_settled_within_the_input() -> None:
    cluster = formed(1)
    cluster[1].ring.alone_delivers = True
    library = cluster[1].library()
    assert library.call(Write("a")) == Written(1)


# The end of a connection


def test_a_service_is_told_once_of_a_closed_connection_and_what_it_multicasts_waits_for_room() -> None:
    cluster = formed(1, 2, queue_max=2)
    library, other = cluster[1].library(), cluster[1].library()
    library.send(Write("a"))
    library.send(Write("b"))
    other.close()
    cluster.group.deliver()
    assert cluster.entries() == [["a", "b", f"closed 1/{other.number}"]] * 2
    assert list(cluster[1].ledger.connections) == [library.number]


def test_an_answer_to_a_connection_that_is_gone_is_dropped() -> None:
    cluster = formed(1)
    library = cluster[1].library()
    library.send(Write("a"))
    library.close()
    cluster.group.deliver()
    assert cluster.entries() == [["a", f"closed 1/{library.number}"]]


def test_a_node_that_leaves_says_goodbye_to_its_libraries_first() -> None:
    cluster = formed(1, 2)
    library = cluster[1].library()
    cluster[1].input(lambda e, now, wall: e.leave(now, wall))
    assert library.goodbye is not None
    assert library.goodbye.code == ErrorCode.LIBRARY
    assert library.goodbye.reason == "the executive of node 1 is shut down"
    assert isinstance(cluster[1].effects[-1], Left)
    late = cluster[1].connect()
    assert late.close_effect is not None
    cluster.group.deliver()
    assert cluster[2].ledger.entries == [f"closed 1/{library.number}"]


# Libraries that do what they should not


def test_a_body_that_does_not_validate_is_an_invalid_parameter_and_the_connection_stays() -> None:
    node = formed(1)[1]
    library = node.library()
    library.send_bytes(pack(Write.number, Kind.REQUEST, 50, b"\x91\x01"))
    answer = library.answers[50]
    assert code(answer) is ErrorCode.INVALID_PARAM
    assert "Write: Expected `str`" in str(answer)
    assert node.executive.counters["library.malformed_request"] == 1
    assert library.call(Read()) == Entries(())


def test_an_unknown_request_is_not_supported_and_the_connection_stays() -> None:
    node = formed(1)[1]
    library = node.library()
    library.send_bytes(pack(999, Kind.REQUEST, 50, b""))
    assert code(library.answers[50]) is ErrorCode.NOT_SUPPORTED
    assert node.executive.counters["library.unknown_request"] == 1
    assert library.call(Read()) == Entries(())


@pytest.mark.parametrize(
    ("data", "cause", "reason"),
    [
        (HEADER.pack(3, Read.number, 0, 1, 1), "malformed_frame", "length 3"),
        (HEADER.pack(0xFFFFFFFF, Read.number, 0, 1, 1), "malformed_frame", "length 4294967295"),
        (HEADER.pack(HEADER.size, Read.number, 9, 1, 1), "malformed_frame", "kind 9"),
        (HEADER.pack(HEADER.size, Read.number, 0, 77, 1), "malformed_frame", "error code 77"),
        (HEADER.pack(HEADER.size, Read.number, Kind.RESPONSE, 1, 1), "not_a_request", "kind RESPONSE"),
    ],
)
def test_a_broken_frame_ends_the_connection_with_the_reason(data: bytes, cause: str, reason: str) -> None:
    cluster = formed(1)
    node = cluster[1]
    library, other = node.library(), node.library()
    library.send_bytes(data)
    assert library.goodbye is not None
    assert reason in library.goodbye.reason
    assert node.executive.counters[f"library.{cause}"] == 1
    assert list(node.ledger.connections) == [other.number]
    assert any(event.kind == "library" and reason in event.text for event in node.executive.recorder.events())
    library.send(Read())
    library.close()
    cluster.group.deliver()
    assert cluster.entries() == [[f"closed 1/{library.number}"]]
    assert other.call(Read()) == Entries((f"closed 1/{library.number}",))


def test_a_connection_beyond_the_limit_is_told_so_and_closed() -> None:
    node = formed(1, limits=Limits(connections_max=2))[1]
    first, second = node.library(), node.library()
    third = node.connect()
    assert third.goodbye is not None
    assert third.goodbye.code == ErrorCode.NO_RESOURCES
    assert "2 connections already" in third.goodbye.reason
    third.close()
    second.close()
    assert node.library().goodbye is None
    assert first.call(Read()) == Entries(())


# Libraries that do not read

SMALL = Limits(queue_bytes_throttle=1000, queue_bytes_max=5000)


def slow_library(cluster: Cluster) -> Library:
    library = cluster[1].library()
    library.reads = False
    return library


def test_a_library_that_does_not_read_is_not_read_from_and_its_requests_wait() -> None:
    cluster = formed(1, limits=SMALL)
    library, executive = slow_library(cluster), cluster[1].executive
    library.send_bytes(library.frame(GetBulk(1500)) + library.frame(Read()) + library.frame(Read()))
    assert sorted(library.answers) == [1, 2]
    assert not executive.reading(library.number)
    assert executive.paused_connections == {library.number}
    library.read_all()
    assert sorted(library.answers) == [1, 2, 3, 4]
    assert executive.reading(library.number)
    assert executive.paused_connections == set()


def test_a_library_that_leaves_too_much_unread_is_disconnected_behind_its_queue() -> None:
    cluster = formed(1, 2, limits=SMALL)
    library, other = slow_library(cluster), cluster[2].library()
    number = 0
    while library.close_effect is None:
        number += 1
        other.send(Write(f"{number}" * 100))
        cluster.group.deliver()
        assert number < 1000
    assert library.unread <= SMALL.queue_bytes_max + 1000
    assert len(library.callbacks) == number
    assert library.goodbye is not None
    assert library.goodbye.code == ErrorCode.NO_RESOURCES
    assert "bytes were not read, expected at most 5000" in library.goodbye.reason
    assert library.close_effect.grace_s == SMALL.goodbye_grace_s
    unread = library.unread
    other.send(Write("after"))
    cluster.group.deliver()
    assert library.unread == unread
    assert cluster[1].ledger.entries == cluster[2].ledger.entries
    assert f"closed 1/{library.number}" in cluster[2].ledger.entries
    library.close()
    assert cluster[1].ledger.connections == {}


def test_the_goodbye_is_the_last_write_of_a_connection_and_stands_alone() -> None:
    cluster = formed(1, limits=SMALL)
    library = slow_library(cluster)
    library.send(GetBulk(6000))
    last = [effect for effect in cluster[1].batches[-1] if isinstance(effect, ToLibrary | CloseLibrary)]
    assert [type(effect) for effect in last] == [ToLibrary, ToLibrary, CloseLibrary]
    assert library.answers[2] == Bulk(bytes(6000))
