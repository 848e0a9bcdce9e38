"""Messages whose last field is encoded already are written without a copy of it."""

from __future__ import annotations

import pytest

from openais.messages.base import COPIED_MAX, Kind, decode, encode, encode_pieces
from openais.messages.evs import Deliver, GroupMember, Join, Multicast, batch_in_pieces, batch_of, payloads_of
from openais.messages.frame import FrameReader, pack, pack_pieces
from openais.types import Guarantee, NodeId, Priority

SENDER = GroupMember(NodeId(1), 2, 3)


@pytest.mark.parametrize("size", [0, 10, COPIED_MAX - 100, COPIED_MAX, COPIED_MAX + 1, 1_000_000])
def test_the_pieces_of_a_message_are_its_encoding(size: int) -> None:
    for message in (
        Deliver(SENDER, ("g", "h"), Guarantee.SAFE, Priority.MED, batch_of([bytes(size), b"x"])),
        Multicast((), Guarantee.AGREED, Priority.LOW, True, batch_of([bytes(size)])),
        Join(("g",)),
    ):
        assert b"".join(encode_pieces(message)) == encode(message)


def test_a_long_tail_is_left_where_it_is_and_a_short_one_keeps_nothing_else_alive() -> None:
    long, short = batch_of([bytes(COPIED_MAX + 1)]), batch_of([b"x"])
    head, tail = encode_pieces(Deliver(SENDER, ("g",), Guarantee.AGREED, Priority.RECOVERY, long))
    assert isinstance(tail, memoryview)
    assert tail.obj is long
    assert len(head) < 100
    (whole,) = encode_pieces(Deliver(SENDER, ("g",), Guarantee.AGREED, Priority.RECOVERY, short))
    assert isinstance(whole, bytes)


def test_a_frame_in_pieces_is_the_frame() -> None:
    message = Deliver(SENDER, ("g",), Guarantee.AGREED, Priority.RECOVERY, batch_of([bytes(100_000)]))
    pieces = pack_pieces(Deliver.number, Kind.CALLBACK, 0, encode_pieces(message))
    assert len(pieces) == 2
    assert b"".join(pieces) == pack(Deliver.number, Kind.CALLBACK, 0, encode(message))
    reader = FrameReader()
    reader.feed(b"".join(pieces))
    (frame,) = reader.frames()
    assert payloads_of(decode(Deliver, frame.body).payloads) == (bytes(100_000),)


@pytest.mark.parametrize("sizes", [(10,), (0xFFFF, 0x10000), (20_000,) * 15, (9_000,) * 16, (1, 1_000_000)])
def test_a_batch_in_pieces_is_the_batch_and_holds_the_payloads_themselves(sizes: tuple[int, ...]) -> None:
    payloads = [bytes((number,)) * size for number, size in enumerate(sizes)]
    pieces = encode_pieces(Multicast(("g",), Guarantee.SAFE, Priority.LOW, True, batch_in_pieces(payloads)))
    assert b"".join(pieces) == encode(Multicast(("g",), Guarantee.SAFE, Priority.LOW, True, batch_of(payloads)))
    assert all(any(piece is payload for piece in pieces) for payload in payloads)
