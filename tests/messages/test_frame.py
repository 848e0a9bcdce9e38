"""A stream is cut into the frames that were put into it, however it arrives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.messages.base import Kind, Malformed
from openais.messages.frame import HEADER, Frame, FrameReader, pack

BODIES = st.lists(st.binary(max_size=40), max_size=6)


def whole(frame: Frame) -> tuple[int, int, bytes]:
    return frame.number, frame.call, bytes(frame.body)


@given(BODIES, st.lists(st.integers(1, 70), min_size=1, max_size=20), st.booleans())
def test_any_frames_in_any_pieces_come_out_as_they_went_in(bodies: list[bytes], sizes: list[int], reused: bool) -> None:
    """Also when the memory that was fed is written over by what comes next."""
    stream = b"".join(pack(number, Kind.REQUEST, number + 7, body) for number, body in enumerate(bodies))
    reader = FrameReader()
    buffer = bytearray(70)
    found = []
    at = turn = 0
    while at < len(stream):
        piece = stream[at : at + sizes[turn % len(sizes)]]
        at += len(piece)
        turn += 1
        if reused:
            buffer[: len(piece)] = piece
            reader.feed(memoryview(buffer)[: len(piece)])
        else:
            reader.feed(piece)
        found += [whole(frame) for frame in reader.frames()]
    assert found == [(number, number + 7, body) for number, body in enumerate(bodies)]
    assert reader.buffered == 0


def test_frames_that_arrive_whole_are_not_copied() -> None:
    data = pack(1, Kind.CALLBACK, 0, b"first") + pack(2, Kind.CALLBACK, 0, b"second")
    reader = FrameReader()
    reader.feed(data)
    assert [frame.body.obj is data for frame in reader.frames()] == [True, True]


def test_what_is_held_of_a_frame_that_is_not_whole_is_told() -> None:
    reader = FrameReader()
    reader.feed(pack(1, Kind.REQUEST, 1, bytes(100))[:60])
    assert list(reader.frames()) == []
    assert reader.buffered == 60


@pytest.mark.parametrize("length", [0, HEADER.size - 1, 1001, 2**32 - 1])
@pytest.mark.parametrize("at_once", [True, False])
def test_an_absurd_length_is_refused_before_its_bytes_are_waited_for(length: int, at_once: bool) -> None:
    reader = FrameReader(frame_max=1000)
    header = HEADER.pack(length, 1, Kind.REQUEST, 1, 1)
    for piece in (header,) if at_once else (header[:5], header[5:]):
        reader.feed(piece)
        if piece.endswith(header[5:]):
            with pytest.raises(Malformed, match=f"length {length}, expected 16 to 1000"):
                list(reader.frames())
        else:
            assert list(reader.frames()) == []


@pytest.mark.parametrize(("kind", "error", "what"), [(9, 1, "kind 9"), (0, 200, "error code 200")])
def test_a_header_that_makes_no_sense_is_refused(kind: int, error: int, what: str) -> None:
    reader = FrameReader()
    reader.feed(HEADER.pack(HEADER.size, 1, kind, error, 1))
    with pytest.raises(Malformed, match=what):
        list(reader.frames())
