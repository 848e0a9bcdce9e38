"""The datagrams of the ring, to and from bytes.

Every datagram starts with the same header; all integers are little endian:

    version  u8   WIRE_VERSION
    type     u8   PacketType
    flags    u16  DataFlags of a data packet, JoinFlags of a join
    cluster  u32  checksum of the cluster's name
    sender   u32  node id; for a data packet that of its originator, whoever sends it again

Nothing here trusts what it reads: every length and count is checked before it is used, and WireError says what was
wrong. What is well formed may still be nonsense; the states check that.
"""

from __future__ import annotations

import enum
import struct
import zlib
from typing import Final, NamedTuple

from openais.totem.effects import RingId
from openais.types import NODE_ID_MAX, NODE_ID_MIN, NodeId

WIRE_VERSION: Final = 1
HEADER: Final = struct.Struct("<BBHII")
_RING: Final = struct.Struct("<QI")
_DATA: Final = struct.Struct("<BBHIIQIQ")
_TOKEN: Final = struct.Struct("<QIQQQIIIH")
_PACKETS_MAX: Final = 1 << 31
"""More packets than any ring sends in a rotation or has waiting; there is room above it to add our own."""
_REQUEST: Final = struct.Struct("<QI")
_JOIN: Final = struct.Struct("<QQHHHHB")
_COMMIT: Final = struct.Struct("<QIIHH")
_COMMIT_MEMBER: Final = struct.Struct("<IQQIQQQBH")
_ANNOUNCE: Final = struct.Struct("<QIHHHH")
_MEMBER: Final = struct.Struct("<IQ")
_NODE: Final = struct.Struct("<I")

DATA_HEADER_SIZE: Final = _DATA.size
REASON_MAX: Final = 160
"""Bytes of the reason that a join carries."""
COUNT_MAX: Final = 1024
"""Entries in any list of node ids."""
RING_SEQUENCE_MAX: Final = (1 << 62) - 1
"""Highest ring sequence that is believed; there is room above it for a block reserved on disk."""


class PacketType(enum.IntEnum):
    """What a datagram is, as its header says."""

    DATA = 1
    TOKEN = 2
    JOIN = 3
    COMMIT = 4
    ANNOUNCE = 5
    WAKE = 6
    PART = 7


AFTER_TOKEN: Final = 1
"""Data flag: first sent after the token was passed on."""
RECOVERED: Final = 2
"""Data flag: the body is a data packet of an older ring, sent again in recovery."""
SAFE: Final = 4
"""Data flag: holds a message, or a part of one, that asks for safe delivery."""
KEPT: Final = 8
"""Data flag: its sender keeps the token for now, and passes it on as soon as somebody asks."""
LEAVE: Final = 1
"""Join flag: the sender leaves in order."""


class WireError(ValueError):
    """A datagram is not what it should be. `cause` is a stable word for counters."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Packet(NamedTuple):
    """A data packet. `raw` is the whole datagram, kept to be sent again."""

    sequence: int
    sender: NodeId
    flags: int
    ring_id: RingId
    raw: bytes


class Token:
    """The token (Totem paper, section 4.1), with the backlog of the flow control and the requests as ranges."""

    __slots__ = ("aru", "aru_setter", "backlog", "fcc", "hop", "requests", "ring_id", "sender", "sequence")

    def __init__(self, ring_id: RingId, sender: NodeId, hop: int) -> None:
        self.ring_id = ring_id
        self.sender = sender
        self.hop = hop
        """Counts the hops since the ring was formed: n higher at each visit of a ring of n."""
        self.sequence = 0
        """Highest sequence given to a packet."""
        self.aru = 0
        """All members have received all packets up to this one, as far as is known."""
        self.aru_setter = NodeId(0)
        """Who lowered the aru last; 0 nobody."""
        self.fcc = 0
        """Packets sent by all during the last rotation."""
        self.backlog = 0
        """Packets waiting at all members (in recovery: old packets still to be sent again)."""
        self.requests: list[tuple[int, int]] = []
        """Missing packets: (first sequence, count)."""

    def encode(self, cluster: int) -> bytes:
        head = HEADER.pack(WIRE_VERSION, PacketType.TOKEN, 0, cluster, self.sender)
        fixed = _TOKEN.pack(
            *self.ring_id, self.hop, self.sequence, self.aru, self.aru_setter, self.fcc, self.backlog,
            len(self.requests),
        )  # fmt: skip
        if not self.requests:
            return head + fixed
        return b"".join((head, fixed, *(_REQUEST.pack(first, count) for first, count in self.requests)))


class Join(NamedTuple):
    """A join message (Totem paper, section 5.1), with what this implementation tells besides."""

    sender: NodeId
    leave: bool
    incarnation: int
    ring_sequence: int
    """Highest ring sequence that the sender knows of."""
    processors: frozenset[NodeId]
    failed: frozenset[NodeId]
    heard: frozenset[NodeId]
    """Whose joins the sender has received since it gathers, itself included."""
    reason: str
    """Why the sender gathers."""
    settings: bytes

    def encode(self, cluster: int) -> bytes:
        reason = self.reason.encode()[:REASON_MAX]
        return b"".join((
            HEADER.pack(WIRE_VERSION, PacketType.JOIN, LEAVE if self.leave else 0, cluster, self.sender),
            _JOIN.pack(self.incarnation, self.ring_sequence, len(self.processors), len(self.failed),
                       len(self.heard), len(self.settings), len(reason)),
            _encode_nodes(self.processors), _encode_nodes(self.failed), _encode_nodes(self.heard), self.settings,
            reason,
        ))  # fmt: skip


class CommitMember(NamedTuple):
    """What a member says of itself on the commit token."""

    node_id: NodeId
    filled: bool
    incarnation: int
    old_ring_id: RingId
    aru: int
    """It has all packets of its old ring up to here."""
    high: int
    """Highest sequence of its old ring that it has."""
    safe_line: int
    """It knows that every member of the old ring has all packets up to here."""
    received_all: bool
    """It had everything of an earlier recovery from its old ring, and told so."""
    obligation: tuple[NodeId, ...]
    """The members of the transitional configuration of that recovery."""


class CommitToken(NamedTuple):
    """The commit token (Totem paper, section 5.2)."""

    sender: NodeId
    ring_id: RingId
    hop: int
    members: tuple[CommitMember, ...]

    def encode(self, cluster: int) -> bytes:
        parts = [
            HEADER.pack(WIRE_VERSION, PacketType.COMMIT, 0, cluster, self.sender),
            _COMMIT.pack(*self.ring_id, self.hop, len(self.members), 0),
        ]
        for member in self.members:
            flags = int(member.filled) | int(member.received_all) << 1
            parts.append(_COMMIT_MEMBER.pack(
                member.node_id, member.incarnation, *member.old_ring_id, member.aru, member.high, member.safe_line,
                flags, len(member.obligation),
            ))  # fmt: skip
            parts.append(_encode_nodes(member.obligation))
        return b"".join(parts)


class Announce(NamedTuple):
    """A ring tells of itself, so that partitions find each other (Totem paper, merge detection)."""

    sender: NodeId
    ring_id: RingId
    members: tuple[tuple[NodeId, int], ...]
    """Node ids and incarnations."""
    heard: frozenset[NodeId]
    """Strangers whose announcements the sender receives."""
    mutual: frozenset[NodeId]
    """Strangers of which it knows that they receive its own as well."""
    settings: bytes

    def encode(self, cluster: int) -> bytes:
        return b"".join((
            HEADER.pack(WIRE_VERSION, PacketType.ANNOUNCE, 0, cluster, self.sender),
            _ANNOUNCE.pack(*self.ring_id, len(self.members), len(self.heard), len(self.mutual), len(self.settings)),
            *(_MEMBER.pack(*member) for member in self.members),
            _encode_nodes(self.heard), _encode_nodes(self.mutual), self.settings,
        ))  # fmt: skip


def cluster_checksum(name: str) -> int:
    """The number that stands for a cluster's name in the header."""
    return zlib.crc32(name.encode())


def ring_key(ring_id: RingId) -> bytes:
    """The ring id as it stands in a data packet, at bytes 12 to 24."""
    return _RING.pack(*ring_id)


def encode_data(
    cluster: int, sender: NodeId, ring_id: RingId, sequence: int, flags: int, *body: bytes | memoryview
) -> Packet:
    """A data packet around the parts of a body."""
    head = _DATA.pack(WIRE_VERSION, PacketType.DATA, flags, cluster, sender, ring_id[0], ring_id[1], sequence)
    return Packet(sequence, sender, flags, ring_id, b"".join((head, *body)))


def encode_wake(cluster: int, sender: NodeId, ring_id: RingId) -> bytes:
    """Asks the representative to send a held token on."""
    return HEADER.pack(WIRE_VERSION, PacketType.WAKE, 0, cluster, sender) + _RING.pack(*ring_id)


def read_type(datagram: bytes, cluster: int) -> int:
    """The PacketType of a datagram of our cluster. Raises WireError."""
    if len(datagram) < HEADER.size:
        raise WireError("too_short")
    if datagram[0] != WIRE_VERSION:
        raise WireError("wire_version")
    if datagram[4:8] != cluster.to_bytes(4, "little"):
        raise WireError("foreign_cluster")
    return datagram[1]


def read_data(datagram: bytes) -> Packet:
    """The data packet in a datagram. Raises WireError."""
    if len(datagram) < DATA_HEADER_SIZE:
        raise WireError("malformed_data")
    _, _, flags, _, sender, ring_sequence, representative, sequence = _DATA.unpack_from(datagram)
    return Packet(sequence, sender, flags, RingId(ring_sequence, representative), datagram)


def read_token(datagram: bytes) -> Token:
    """The token in a datagram. Raises WireError."""
    if len(datagram) < HEADER.size + _TOKEN.size:
        raise WireError("malformed_token")
    fields = _TOKEN.unpack_from(datagram, HEADER.size)
    token = Token(RingId(fields[0], fields[1]), _sender(datagram), fields[2])
    token.sequence, token.aru, token.aru_setter, token.fcc, token.backlog, count = fields[3:]
    start = HEADER.size + _TOKEN.size
    if len(datagram) != start + count * _REQUEST.size:
        raise WireError("malformed_token")
    if count:
        token.requests = [(first, number) for first, number in _REQUEST.iter_unpack(datagram[start:])]
        if any(n <= 0 or f + n - 1 > token.sequence for f, n in token.requests):
            raise WireError("malformed_token")
    if token.aru > token.sequence:
        raise WireError("malformed_token")
    if token.fcc > _PACKETS_MAX or token.backlog > _PACKETS_MAX:
        raise WireError("malformed_token")
    return token


def read_join(datagram: bytes) -> Join:
    """The join message in a datagram. Raises WireError."""
    reader = _Reader(datagram, "malformed_join")
    incarnation, ring_sequence, processors, failed, heard, settings, reason = reader.unpack(_JOIN)
    flags = HEADER.unpack_from(datagram)[2]
    join = Join(
        _sender(datagram), bool(flags & LEAVE), incarnation, ring_sequence, frozenset(reader.nodes(processors)),
        frozenset(reader.nodes(failed)), frozenset(reader.nodes(heard)), "", reader.bytes(settings),
    )  # fmt: skip
    told = reader.bytes(reason).decode(errors="replace")
    text = "".join(letter if letter.isprintable() else "?" for letter in told)
    reader.end()
    if join.sender not in join.processors or not all(NODE_ID_MIN <= node <= NODE_ID_MAX for node in join.processors):
        raise WireError("malformed_join")
    if ring_sequence > RING_SEQUENCE_MAX:
        raise WireError("malformed_join")
    return join._replace(reason=text)


def read_commit(datagram: bytes) -> CommitToken:
    """The commit token in a datagram. Raises WireError."""
    reader = _Reader(datagram, "malformed_commit")
    sequence, representative, hop, count, _ = reader.unpack(_COMMIT)
    if not 0 < count <= COUNT_MAX or sequence > RING_SEQUENCE_MAX:
        raise WireError("malformed_commit")
    members = tuple(_read_commit_member(reader) for _ in range(count))
    reader.end()
    ids = [member.node_id for member in members]
    if ids != sorted(set(ids)) or ids[0] != representative:
        raise WireError("malformed_commit")
    return CommitToken(_sender(datagram), RingId(sequence, representative), hop, members)


def read_announce(datagram: bytes) -> Announce:
    """The announcement in a datagram. Raises WireError."""
    reader = _Reader(datagram, "malformed_announce")
    sequence, representative, members, heard, mutual, settings = reader.unpack(_ANNOUNCE)
    if members > COUNT_MAX or sequence > RING_SEQUENCE_MAX:
        raise WireError("malformed_announce")
    announce = Announce(
        _sender(datagram), RingId(sequence, representative),
        tuple((node, incarnation) for node, incarnation in (reader.unpack(_MEMBER) for _ in range(members))),
        frozenset(reader.nodes(heard)), frozenset(reader.nodes(mutual)), reader.bytes(settings),
    )  # fmt: skip
    reader.end()
    return announce


def read_wake(datagram: bytes) -> RingId:
    """The ring whose token is to be woken. Raises WireError."""
    reader = _Reader(datagram, "malformed_wake")
    sequence, representative = reader.unpack(_RING)
    reader.end()
    return RingId(sequence, representative)


def _sender(datagram: bytes) -> NodeId:
    return NodeId(int.from_bytes(datagram[8:12], "little"))


def _encode_nodes(nodes: frozenset[NodeId] | tuple[NodeId, ...]) -> bytes:
    return b"".join(map(_NODE.pack, sorted(nodes)))


def _read_commit_member(reader: _Reader) -> CommitMember:
    node, incarnation, sequence, representative, aru, high, safe_line, flags, obligation = reader.unpack(_COMMIT_MEMBER)
    return CommitMember(
        node, bool(flags & 1), incarnation, RingId(sequence, representative), aru, high, safe_line,
        bool(flags & 2), tuple(reader.nodes(obligation)),
    )  # fmt: skip


class _Reader:
    """Reads on from the header; raises WireError(cause) rather than reading past the end."""

    def __init__(self, datagram: bytes, cause: str) -> None:
        self._datagram = datagram
        self._cause = cause
        self._at = HEADER.size

    def unpack(self, layout: struct.Struct) -> tuple:  # type: ignore[type-arg]
        if len(self._datagram) - self._at < layout.size:
            raise WireError(self._cause)
        fields = layout.unpack_from(self._datagram, self._at)
        self._at += layout.size
        return fields

    def bytes(self, count: int) -> bytes:
        if len(self._datagram) - self._at < count:
            raise WireError(self._cause)
        self._at += count
        return self._datagram[self._at - count : self._at]

    def nodes(self, count: int) -> list[NodeId]:
        if count > COUNT_MAX:
            raise WireError(self._cause)
        return [NodeId(node) for (node,) in _NODE.iter_unpack(self.bytes(count * _NODE.size))]

    def end(self) -> None:
        if self._at != len(self._datagram):
            raise WireError(self._cause)
