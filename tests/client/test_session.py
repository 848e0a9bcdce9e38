"""The session without I/O: what it makes of bytes, right ones and wrong ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.client.clm_operations import SETTINGS, ClmEvent
from openais.client.session import Session, SessionSettings
from openais.messages.base import Kind, Message, encode
from openais.messages.clm import NodeFound, NodeGet, TrackCallback, TrackStop
from openais.messages.frame import FRAME_MAX, pack
from openais.messages.session import Goodbye, Initialized
from openais.types import (
    AccessDenied,
    AisError,
    BadHandle,
    ErrorCode,
    LibraryError,
    NodeId,
    NoResources,
    NotExist,
    TooBig,
    TryAgain,
    Version,
    VersionError,
)
from tests.client.views import node, view

B = Version("B", 1, 1)


def answer(call: int, message: Message, number: int) -> bytes:
    return pack(number, Kind.RESPONSE, call, encode(message))


def initialized(version: Version = B, frame_max: int = FRAME_MAX) -> Initialized:
    return Initialized(*version, NodeId(3), 9, frame_max)


def opened_session(frame_max: int = FRAME_MAX, event_bytes_max: int = 1 << 20) -> Session[ClmEvent]:
    session = Session(SessionSettings(SETTINGS.service, SETTINGS.versions, SETTINGS.to_events, event_bytes_max), B)
    call, _ = session.initialize(1, "test")
    session.receive(answer(call, initialized(frame_max=frame_max), 0))
    session.opened(session.answer(call))
    return session


def tracked(number: int = 1) -> bytes:
    return pack(TrackCallback.number, Kind.CALLBACK, 0, encode(TrackCallback(view(number, 1))))


def ended(session: Session[ClmEvent]) -> AisError:
    with pytest.raises(AisError) as error:
        session.check()
    return error.value


def test_the_handshake_tells_who_the_executive_is() -> None:
    session = opened_session()
    assert (session.version, session.node_id, session.connection) == (B, 3, 9)


def test_a_version_that_the_library_does_not_know_is_refused_before_the_handshake() -> None:
    with pytest.raises(VersionError):
        Session(SETTINGS, Version("C", 1, 1))


def test_a_version_in_force_that_the_library_does_not_know_is_refused() -> None:
    session = Session(SETTINGS, B)
    call, _ = session.initialize(1, "test")
    session.receive(answer(call, initialized(Version("C", 1, 1)), 0))
    with pytest.raises(VersionError):
        session.opened(session.answer(call))


def test_a_refused_handshake_raises_the_explanation() -> None:
    session = Session(SETTINGS, B)
    call, _ = session.initialize(1, "test")
    session.receive(pack(0, Kind.RESPONSE, call, b"not of the group ais", ErrorCode.ACCESS))
    with pytest.raises(AccessDenied, match="not of the group ais"):
        session.answer(call)


def test_an_answer_belongs_to_the_call_of_its_number() -> None:
    session = opened_session()
    first, _ = session.request(NodeGet(NodeId(1)))
    second, _ = session.request(NodeGet(NodeId(2)))
    session.receive(answer(second, NodeFound(node(2)), NodeGet.number))
    assert (session.answered(first), session.answered(second)) == (False, True)
    assert session.answer(second) == NodeFound(node(2))


def test_an_answer_in_pieces_is_put_together() -> None:
    session = opened_session()
    call, _ = session.request(NodeGet(NodeId(1)))
    data = answer(call, NodeFound(node(1)), NodeGet.number)
    for index in range(len(data)):
        assert not session.answered(call)
        session.receive(data[index : index + 1])
    assert session.answer(call) == NodeFound(node(1))


def test_an_error_answer_raises_the_error_of_its_code() -> None:
    session = opened_session()
    call, _ = session.request(NodeGet(NodeId(1)))
    session.receive(pack(NodeGet.number, Kind.RESPONSE, call, "nö".encode(), ErrorCode.NOT_EXIST))
    with pytest.raises(NotExist, match="nö"):
        session.answer(call)


def test_a_late_answer_to_a_forgotten_call_is_dropped() -> None:
    session = opened_session()
    call, _ = session.request(NodeGet(NodeId(1)))
    session.forget(call)
    session.receive(answer(call, NodeFound(node(1)), NodeGet.number))
    session.check()
    assert not session.answered(call)
    assert not session.calling


def test_callbacks_become_events_in_order() -> None:
    session = opened_session()
    session.receive(tracked(1) + tracked(2))
    assert [session.events.take(), session.events.take()] == [view(1, 1), view(2, 1)]
    assert not session.events


def test_a_request_bigger_than_the_executive_accepts_is_too_big() -> None:
    session = opened_session(frame_max=17)
    with pytest.raises(TooBig):
        session.request(NodeGet(NodeId(1)))


def test_calls_are_refused_while_too_many_events_wait() -> None:
    session = opened_session(event_bytes_max=1000)
    while not session.full:
        session.receive(tracked())
    with pytest.raises(TryAgain, match="dispatch"):
        session.request(TrackStop())
    while session.events:
        session.events.take()
    session.request(TrackStop())


def test_a_goodbye_ends_all_calls_with_its_reason() -> None:
    session = opened_session()
    call, _ = session.request(TrackStop())
    session.receive(pack(0, Kind.CALLBACK, 0, encode(Goodbye(ErrorCode.NO_RESOURCES, "it did not read"))))
    session.end_of_stream()
    with pytest.raises(NoResources, match="it did not read"):
        session.answer(call)
    assert isinstance(ended(session), NoResources)


def test_events_from_before_the_end_can_still_be_taken() -> None:
    session = opened_session()
    session.receive(tracked(5))
    session.end_of_stream()
    assert isinstance(ended(session), LibraryError)
    assert session.events.take() == view(5, 1)


def test_a_finalized_session_gives_bad_handle_and_drops_its_events() -> None:
    session = opened_session()
    session.receive(tracked())
    session.finalize()
    assert isinstance(ended(session), BadHandle)
    assert not session.events


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\xff" * 16, id="an absurd length"),
        pytest.param(b"\x00" * 16, id="a frame shorter than its header"),
        pytest.param(pack(1, Kind.REQUEST, 2, b""), id="a request"),
        pytest.param(pack(99, Kind.CALLBACK, 0, b"\x90"), id="an unknown callback"),
        pytest.param(pack(TrackCallback.number, Kind.CALLBACK, 0, b"\xc1"), id="a callback that is no message"),
        pytest.param(pack(NodeGet.number, Kind.RESPONSE, 99, b""), id="an answer to a call never made"),
        pytest.param(pack(TrackStop.number, Kind.RESPONSE, 2, b"\x90"), id="an answer of another number"),
        pytest.param(pack(NodeGet.number, Kind.RESPONSE, 2, b"\x90"), id="an answer with nothing in it"),
        pytest.param(pack(0, Kind.CALLBACK, 0, encode(Goodbye(1, ""))), id="a goodbye without an error"),
        pytest.param(pack(0, Kind.CALLBACK, 0, encode(Goodbye(200, ""))), id="a goodbye with an unknown error"),
        pytest.param(pack(NodeGet.number, Kind.RESPONSE, 2, b"").replace(b"\x01", b"\xee"), id="an unknown error"),
    ],
)
def test_what_is_not_a_message_breaks_the_session(garbage: bytes) -> None:
    session = opened_session()
    call, _ = session.request(NodeGet(NodeId(1)))
    assert call == 2
    session.receive(garbage)
    with pytest.raises(LibraryError, match="not a message"):
        session.answer(call)


@given(st.lists(st.binary(max_size=64)))
def test_no_bytes_whatever_do_more_than_break_the_session(pieces: list[bytes]) -> None:
    session = opened_session()
    call, _ = session.request(NodeGet(NodeId(1)))
    for piece in pieces:
        session.receive(piece)
    session.end_of_stream()
    assert session.answered(call)
