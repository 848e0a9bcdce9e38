"""Long bodies go through memory that both sides have: what goes in comes out, in order, and nothing is overwritten."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.messages.base import Kind, Malformed
from openais.messages.frame import HEADER, PLACE, RELEASED, SHARED, Frame, FrameReader, pack, pack_pieces
from openais.messages.shared import BODY_MIN, SharedMemory

SIZE = 4 * BODY_MIN


class Pair:
    """Two ends, and the stream from the first to the second."""

    def __init__(self, *, copies: bool = True) -> None:
        there, back = memoryview(bytearray(SIZE)), memoryview(bytearray(SIZE))
        self.memory = there
        self.writer = SharedMemory(there, back, copies=True)
        self.reader = SharedMemory(back, there, copies=copies)
        self.frames = FrameReader()
        self.frames.shared = self.reader

    def send(self, body: bytes, number: int = 1) -> bytes:
        """A frame as it is written to the stream."""
        return b"".join(self.writer.carry(pack_pieces(number, Kind.CALLBACK, 7, (body[:3], body[3:]))))

    def receive(self, stream: bytes) -> list[Frame]:
        self.frames.feed(stream)
        return list(self.frames.frames())

    def release(self) -> bool:
        """The reader tells the writer what it has taken; whether there was anything to tell."""
        told = self.reader.release()
        back = FrameReader()
        back.shared = self.writer
        back.feed(told)
        assert list(back.frames()) == []
        return bool(told)


def test_a_long_body_leaves_only_its_place_in_the_stream() -> None:
    pair = Pair()
    body = bytes(range(256)) * (BODY_MIN // 256)
    stream = pair.send(body)
    assert len(stream) == HEADER.size + PLACE.size
    [frame] = pair.receive(stream)
    assert (frame.number, frame.kind, frame.call, bytes(frame.body)) == (1, Kind.CALLBACK, 7, body)


def test_a_short_body_stays_in_the_stream() -> None:
    body = bytes(BODY_MIN - 1)
    assert Pair().send(body) == pack(1, Kind.CALLBACK, 7, body)


def test_without_room_a_body_stays_in_the_stream() -> None:
    pair = Pair()
    body = bytes(BODY_MIN)
    lengths = [len(pair.send(body)) for _ in range(5)]
    assert lengths == [HEADER.size + PLACE.size] * 4 + [HEADER.size + BODY_MIN]


def test_what_was_taken_is_free_again_once_that_was_told() -> None:
    pair = Pair()
    body = bytes(BODY_MIN)
    stream = b"".join(pair.send(body) for _ in range(4))
    pair.receive(stream)
    assert len(pair.send(body)) > BODY_MIN
    assert pair.release()
    assert len(pair.send(body)) < BODY_MIN


def test_little_that_was_taken_is_not_told() -> None:
    pair = Pair()
    assert not pair.release()
    pair.receive(pair.send(bytes(BODY_MIN)))
    assert pair.release()
    assert not pair.release()


def test_what_the_executive_takes_is_a_copy() -> None:
    """The library could change it while it is looked at."""
    pair = Pair(copies=True)
    [frame] = pair.receive(pair.send(b"a" * BODY_MIN))
    pair.memory[:BODY_MIN] = b"b" * BODY_MIN
    assert bytes(frame.body) == b"a" * BODY_MIN


def test_what_a_library_takes_is_no_copy() -> None:
    pair = Pair(copies=False)
    [frame] = pair.receive(pair.send(b"a" * BODY_MIN))
    pair.memory[:1] = b"b"
    assert frame.body[0] == ord("b")


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(1, SIZE + BODY_MIN)),
            st.tuples(st.sampled_from(["receive", "release"]), st.just(0)),
        ),
        max_size=80,
    )
)
def test_whatever_is_sent_taken_and_released_every_body_arrives_as_it_was(steps: list[tuple[str, int]]) -> None:
    """In order; also those for which there was no room."""
    pair = Pair()
    sent: deque[bytes] = deque()
    streams: deque[bytes] = deque()
    for turn, (step, length) in enumerate([*steps, *[("receive", 0)] * len(steps)]):
        if step == "send":
            sent.append(bytes((turn + at) % 251 for at in range(8)) * (length // 8 + 1))
            streams.append(pair.send(sent[-1], turn))
        elif step == "receive" and streams:
            [frame] = pair.receive(streams.popleft())
            assert bytes(frame.body) == sent.popleft()
        elif step == "release":
            pair.release()
    assert not sent


# What a hostile or broken other side says.


@pytest.mark.parametrize(
    ("position", "length"),
    [
        pytest.param(SIZE - 100, 101, id="round the end"),
        pytest.param(0, SIZE + 1, id="more than there is"),
        pytest.param(0, 0, id="nothing"),
        pytest.param(2 * SIZE, 10, id="far ahead"),
        pytest.param(2**64 - 1, 10, id="absurdly far ahead"),
    ],
)
def test_a_place_where_no_body_can_be_is_refused(position: int, length: int) -> None:
    head = HEADER.pack(HEADER.size + PLACE.size, 1, Kind.REQUEST | SHARED, 1, 1)
    with pytest.raises(Malformed, match="shared memory"):
        Pair().receive(head + PLACE.pack(position, length))


def test_a_place_that_was_taken_is_refused() -> None:
    pair = Pair()
    stream = pair.send(bytes(BODY_MIN))
    pair.receive(stream)
    with pytest.raises(Malformed, match="shared memory"):
        pair.receive(stream)


@pytest.mark.parametrize("length", [0, PLACE.size - 1, PLACE.size + 1])
def test_what_is_no_place_is_refused(length: int) -> None:
    head = HEADER.pack(HEADER.size + length, 1, Kind.REQUEST | SHARED, 1, 1)
    with pytest.raises(Malformed, match=f"a place of {length} bytes"):
        Pair().receive(head + bytes(length))


def test_a_body_that_is_longer_than_a_frame_may_be_is_refused() -> None:
    pair = Pair()
    pair.frames = FrameReader(frame_max=BODY_MIN)
    pair.frames.shared = pair.reader
    with pytest.raises(Malformed, match="expected at most"):
        pair.receive(pair.send(bytes(BODY_MIN)))


@pytest.mark.parametrize("position", [BODY_MIN + 64, 2**64 - 1])
def test_more_cannot_be_released_than_was_put(position: int) -> None:
    pair = Pair()
    pair.send(bytes(BODY_MIN))
    with pytest.raises(Malformed, match="released"):
        pair.writer.released(position)


def test_what_was_released_is_not_released_again() -> None:
    pair = Pair()
    pair.receive(pair.send(bytes(BODY_MIN)))
    assert pair.release()
    with pytest.raises(Malformed, match="released"):
        pair.writer.released(0)


@pytest.mark.parametrize("kind", [Kind.REQUEST | SHARED, RELEASED])
def test_who_shares_no_memory_takes_no_frame_about_it(kind: int) -> None:
    reader = FrameReader()
    reader.feed(HEADER.pack(HEADER.size + PLACE.size, 1, kind, 1, 1) + bytes(PLACE.size))
    with pytest.raises(Malformed, match="kind"):
        list(reader.frames())
