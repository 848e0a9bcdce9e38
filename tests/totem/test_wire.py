"""The datagrams of the ring, to and from bytes; what is malformed is refused by its cause."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openais.totem import wire
from openais.totem.effects import RingId
from openais.totem.wire import Announce, CommitMember, CommitToken, Join, PacketType, Token, WireError
from openais.types import NODE_ID_MAX, NodeId
from tests.totem.bench import CLUSTER, commit_token, entry, packet, token

RING = RingId(7, NodeId(1))
NODES = st.integers(1, NODE_ID_MAX).map(NodeId)
NODE_SETS = st.frozensets(NODES, max_size=12)
U16, U32, U64 = (st.integers(0, (1 << bits) - 1) for bits in (16, 32, 64))
SEQUENCES = st.integers(0, wire.RING_SEQUENCE_MAX)
RINGS = st.builds(RingId, U64, NODES)
JOINS = st.builds(
    lambda sender, leave, incarnation, sequence, processors, failed, heard, reason, settings: Join(
        sender, leave, incarnation, sequence, processors | {sender}, failed, heard, reason, settings
    ),
    NODES,
    st.booleans(),
    U64,
    SEQUENCES,
    NODE_SETS,
    NODE_SETS,
    NODE_SETS,
    st.text(max_size=40).map(lambda text: "".join(filter(str.isprintable, text))),
    st.binary(max_size=60),
)
MEMBERS = st.builds(
    CommitMember,
    NODES,
    st.booleans(),
    U64,
    RINGS,
    U64,
    U64,
    U64,
    st.booleans(),
    NODE_SETS.map(lambda nodes: tuple(sorted(nodes))),
)
COMMITS = st.builds(
    lambda sender, sequence, hop, members: CommitToken(
        sender, RingId(sequence, min(m.node_id for m in members)), hop, tuple(sorted(members))
    ),
    NODES,
    SEQUENCES,
    U32,
    st.lists(MEMBERS, min_size=1, max_size=6, unique_by=lambda member: member.node_id),
)
ANNOUNCES = st.builds(
    Announce,
    NODES,
    st.builds(RingId, SEQUENCES, NODES),
    st.lists(st.tuples(NODES, U64), max_size=8).map(tuple),
    NODE_SETS,
    NODE_SETS,
    st.binary(max_size=60),
)


@st.composite
def tokens(draw: st.DrawFn) -> Token:
    """Any token that a ring may have."""
    made = Token(draw(RINGS), draw(NODES), draw(U64))
    made.sequence = draw(U64)
    made.aru = draw(st.integers(0, made.sequence))
    made.aru_setter, made.fcc, made.backlog = draw(NODES), draw(U16), draw(U16)
    made.requests = [
        (first, draw(st.integers(1, min(1 << 20, made.sequence - first + 1))))
        for first in draw(st.lists(st.integers(1, made.sequence), max_size=5) if made.sequence else st.just([]))
    ]
    return made


# There and back


@given(NODES, RINGS, U64, U16, st.binary(max_size=100))
def test_a_data_packet_is_read_as_it_was_written(
    sender: NodeId, ring_id: RingId, sequence: int, flags: int, body: bytes
) -> None:
    """Whoever sends it again, its header is that of its originator."""
    written = wire.encode_data(CLUSTER, sender, ring_id, sequence, flags, body)
    assert wire.read_type(written.raw, CLUSTER) == PacketType.DATA
    assert wire.read_data(written.raw) == written
    assert written.raw[wire.DATA_HEADER_SIZE :] == body


@given(tokens())
def test_a_token_is_read_as_it_was_written(written: Token) -> None:
    """All its fields."""
    datagram = written.encode(CLUSTER)
    read = wire.read_token(datagram)
    assert wire.read_type(datagram, CLUSTER) == PacketType.TOKEN
    assert [getattr(read, name) for name in Token.__slots__] == [getattr(written, name) for name in Token.__slots__]


@given(JOINS)
def test_a_join_is_read_as_it_was_written(written: Join) -> None:
    """All its fields."""
    assert wire.read_join(written.encode(CLUSTER)) == written


@given(COMMITS)
def test_a_commit_token_is_read_as_it_was_written(written: CommitToken) -> None:
    """All its fields."""
    assert wire.read_commit(written.encode(CLUSTER)) == written


@given(ANNOUNCES)
def test_an_announcement_is_read_as_it_was_written(written: Announce) -> None:
    """All its fields."""
    assert wire.read_announce(written.encode(CLUSTER)) == written


def test_a_wake_is_read_as_it_was_written() -> None:
    """It names the ring whose token is to be woken."""
    assert wire.read_wake(wire.encode_wake(CLUSTER, NodeId(2), RING)) == RING


def test_a_long_reason_is_cut() -> None:
    """In the middle of a letter if need be."""
    join = join_of(reason="ä" * wire.REASON_MAX)
    read = wire.read_join(join)
    assert read.reason.startswith("ä" * 79)
    assert len(read.reason) <= wire.REASON_MAX


def test_a_reason_that_could_forge_a_line_of_a_log_is_made_harmless() -> None:
    """It is shown to operators."""
    assert wire.read_join(join_of(reason="lost\n2026 node 1 left\x1b[2J")).reason == "lost?2026 node 1 left?[2J"


# What is malformed


def join_of(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "sender": 2,
        "leave": False,
        "incarnation": 5,
        "ring_sequence": 7,
        "processors": frozenset({2, 3}),
        "failed": frozenset({4}),
        "heard": frozenset({2}),
        "reason": "why",
        "settings": b"{}",
    }
    return Join(**{**fields, **changes}).encode(CLUSTER)  # type: ignore[arg-type]


def announce_of(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "sender": 2,
        "ring_id": RING,
        "members": ((2, 5),),
        "heard": frozenset({4}),
        "mutual": frozenset(),
        "settings": b"{}",
    }
    return Announce(**{**fields, **changes}).encode(CLUSTER)  # type: ignore[arg-type]


READERS: list[tuple[Callable[[bytes], object], bytes, str]] = [
    (wire.read_data, packet(1, RING, 1, b"").raw[: wire.DATA_HEADER_SIZE], "malformed_data"),
    (wire.read_token, token(RING, 1, 1, sequence=5, requests=[(1, 2)]), "malformed_token"),
    (wire.read_join, join_of(), "malformed_join"),
    (wire.read_commit, commit_token(RING, 1, 1, entry(1, obligation=(1, 2)), entry(2)), "malformed_commit"),
    (wire.read_announce, announce_of(), "malformed_announce"),
    (wire.read_wake, wire.encode_wake(CLUSTER, NodeId(2), RING), "malformed_wake"),
]


@pytest.mark.parametrize(("read", "good", "cause"), READERS, ids=[cause for *_, cause in READERS])
def test_a_datagram_that_is_cut_short_anywhere_is_refused_by_its_cause(
    read: Callable[[bytes], object], good: bytes, cause: str
) -> None:
    """Every shorter one; a wake cut in its header is caught before its type is looked at."""
    read(good)
    for length in range(wire.HEADER.size, len(good)):
        with pytest.raises(WireError) as refused:
            read(good[:length])
        assert refused.value.cause == cause


@pytest.mark.parametrize(("read", "good", "cause"), READERS[1:], ids=[cause for *_, cause in READERS[1:]])
def test_a_datagram_with_something_behind_is_refused(read: Callable[[bytes], object], good: bytes, cause: str) -> None:
    """Only a data packet has a body of any length."""
    with pytest.raises(WireError) as refused:
        read(good + b"\0")
    assert refused.value.cause == cause


@given(st.sampled_from(READERS), st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(reader: tuple[Callable[[bytes], object], bytes, str], tail: bytes) -> None:
    """Nothing but WireError comes out."""
    read, good, cause = reader
    causes = set()
    try:
        read(good[: wire.HEADER.size] + tail)
    except WireError as refused:
        causes.add(refused.cause)
    assert causes <= {cause}


@pytest.mark.parametrize(
    ("datagram", "cause"),
    [
        pytest.param(b"", "too_short", id="nothing"),
        pytest.param(join_of()[:11], "too_short", id="less than a header"),
        pytest.param(b"\x02" + join_of()[1:], "wire_version", id="another wire version"),
        pytest.param(join_of()[:4] + b"\0\0\0\0" + join_of()[8:], "foreign_cluster", id="another cluster"),
    ],
)
def test_what_is_not_of_our_version_and_cluster_is_refused(datagram: bytes, cause: str) -> None:
    """Before its type is looked at."""
    with pytest.raises(WireError) as refused:
        wire.read_type(datagram, CLUSTER)
    assert refused.value.cause == cause


@pytest.mark.parametrize(
    ("read", "datagram"),
    [
        pytest.param(wire.read_token, token(RING, 1, 1, sequence=2, aru=3), id="an aru above the sequence"),
        pytest.param(wire.read_token, token(RING, 1, 1, sequence=2, requests=[(1, 0)]), id="a request for nothing"),
        pytest.param(
            wire.read_token, token(RING, 1, 1, sequence=2, requests=[(2, 2)]), id="a request above the sequence"
        ),
        pytest.param(wire.read_token, token(RING, 1, 1, fcc=(1 << 32) - 1), id="more sent than any ring sends"),
        pytest.param(wire.read_token, token(RING, 1, 1, backlog=(1 << 32) - 1), id="more waiting than any ring has"),
        pytest.param(wire.read_join, join_of(processors=frozenset({3})), id="a join without its sender"),
        pytest.param(wire.read_join, join_of(processors=frozenset({0, 2})), id="node id 0"),
        pytest.param(wire.read_join, join_of(ring_sequence=1 << 62), id="a join from beyond all sequences"),
        pytest.param(wire.read_join, join_of(processors=frozenset(range(1, 1100))), id="more processors than any list"),
        pytest.param(wire.read_commit, commit_token(RING, 1, 1), id="no members"),
        pytest.param(wire.read_commit, commit_token(RING, 1, 1, entry(2), entry(1)), id="members out of order"),
        pytest.param(wire.read_commit, commit_token(RING, 1, 1, entry(1), entry(1)), id="a member twice"),
        pytest.param(wire.read_commit, commit_token(RING, 1, 1, entry(2), entry(3)), id="a representative outside"),
        pytest.param(
            wire.read_commit, commit_token(RingId(1 << 62, NodeId(1)), 1, 1, entry(1)), id="a ring beyond all sequences"
        ),
        pytest.param(wire.read_announce, announce_of(members=((2, 5),) * 1100), id="more members than any list"),
        pytest.param(wire.read_announce, announce_of(ring_id=RingId(1 << 62, NodeId(1))), id="a ring beyond all"),
        pytest.param(wire.read_announce, announce_of(heard=frozenset(range(1, 1100))), id="more heard than any list"),
    ],
)
def test_what_is_well_formed_but_cannot_be_is_refused(read: Callable[[bytes], object], datagram: bytes) -> None:
    """Lengths and counts are right, the values are not."""
    with pytest.raises(WireError, match="malformed"):
        read(datagram)


def test_the_cluster_checksum_tells_names_apart() -> None:
    """Two clusters on one network."""
    assert wire.cluster_checksum("openais") != wire.cluster_checksum("openais2")
