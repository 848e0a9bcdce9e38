"""Datagrams as a broken or hostile peer with the right key would send them, made from good ones."""

from __future__ import annotations

import random

from openais.totem import wire
from openais.totem.effects import RingId
from openais.totem.wire import Announce, CommitMember, CommitToken, Join, PacketType, Token
from openais.types import NodeId
from tests.totem.bench import CLUSTER

EXTREMES = (0, 1, 2, 3, 47, 4096, (1 << 31) - 1, (1 << 32) - 1, 1 << 40, 1 << 61, 1 << 62, (1 << 64) - 1)


def flipped(chance: random.Random, datagram: bytes) -> bytes:
    """Some bits changed; mostly behind the version and the cluster, so that it is looked at."""
    changed = bytearray(datagram)
    for _ in range(chance.choice((1, 1, 2, 8))):
        start = 8 if len(changed) > 8 and chance.random() < 0.9 else 0
        changed[chance.randrange(start, len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut_or_grown(chance: random.Random, datagram: bytes) -> bytes:
    """Too short, or with something behind."""
    if chance.random() < 0.5:
        return datagram[: chance.randrange(len(datagram) + 1)]
    return datagram + chance.randbytes(chance.randrange(60))


def retyped(chance: random.Random, datagram: bytes) -> bytes:
    """The bytes of one type as another."""
    return datagram[:1] + bytes((chance.randrange(9),)) + datagram[2:]


def absurd(chance: random.Random, datagram: bytes) -> bytes:
    """Well formed, with one field that makes no sense."""
    kind = datagram[1]
    try:
        if kind == PacketType.TOKEN:
            return _absurd_token(chance, wire.read_token(datagram)).encode(CLUSTER)
        if kind == PacketType.COMMIT:
            return _absurd_commit(chance, wire.read_commit(datagram)).encode(CLUSTER)
        if kind == PacketType.JOIN:
            return _absurd_join(chance, wire.read_join(datagram)).encode(CLUSTER)
        if kind == PacketType.ANNOUNCE:
            return _absurd_announce(chance, wire.read_announce(datagram)).encode(CLUSTER)
        if kind == PacketType.DATA:
            return _absurd_data(chance, datagram)
    except (wire.WireError, wire.struct.error, OverflowError):
        pass
    return flipped(chance, datagram)


def hostile(chance: random.Random, datagram: bytes) -> bytes:
    """One of the above."""
    return chance.choice((flipped, cut_or_grown, retyped, absurd, absurd))(chance, datagram)


def _number(chance: random.Random, about: int) -> int:
    return chance.choice((*EXTREMES, about + 1, max(0, about - 1), about + chance.randrange(100)))


def _absurd_token(chance: random.Random, token: Token) -> Token:
    field = chance.choice(("sequence", "aru", "aru_setter", "fcc", "backlog", "hop", "requests", "sender"))
    if field == "requests":
        token.requests = [
            (_number(chance, token.sequence), _number(chance, 1)) for _ in range(chance.choice((1, 5, 1000)))
        ]
        token.sequence = max(token.sequence, chance.randrange(3000))
    else:
        setattr(token, field, _number(chance, getattr(token, field)))
    token.aru = min(token.aru, token.sequence)
    return token


def _absurd_commit(chance: random.Random, token: CommitToken) -> CommitToken:
    members = [_absurd_member(chance, m) if chance.random() < 0.5 else m for m in token.members]
    hop = chance.choice((token.hop, token.hop, _number(chance, token.hop)))
    sequence = chance.choice((token.ring_id.sequence, _number(chance, token.ring_id.sequence)))
    return CommitToken(token.sender, RingId(sequence, token.ring_id.representative), hop, tuple(members))


def _absurd_member(chance: random.Random, member: CommitMember) -> CommitMember:
    values = dict(zip(member.__match_args__, member, strict=True))  # the names of the fields
    field = chance.choice(
        ("filled", "incarnation", "aru", "high", "safe_line", "received_all", "obligation", "old_ring_id")
    )
    if field in ("filled", "received_all"):
        values[field] = not values[field]
    elif field == "obligation":
        values[field] = tuple(NodeId(chance.randrange(1 << 32)) for _ in range(chance.randrange(200)))
    elif field == "old_ring_id":
        values[field] = RingId(_number(chance, member.old_ring_id.sequence), NodeId(chance.randrange(4)))
    else:
        values[field] = _number(chance, int(values[field]))
    return CommitMember(**values)


def _absurd_join(chance: random.Random, join: Join) -> Join:
    values = dict(zip(join.__match_args__, join, strict=True))
    field = chance.choice(
        ("sender", "leave", "incarnation", "ring_sequence", "processors", "failed", "heard", "settings")
    )
    if field == "leave":
        values[field] = not values[field]
    elif field == "settings":
        values[field] = chance.choice(
            (b"", b"\x81\xa1a" + b"\x91" * 5000, b"\x81\xa2\xff\xfe\x01", chance.randbytes(40))
        )
    elif field in ("processors", "failed", "heard"):
        values[field] = frozenset(NodeId(chance.randrange(1, 8)) for _ in range(chance.choice((0, 1, 4, 900))))
    else:
        values[field] = _number(chance, int(values[field]))
    return Join(**values)


def _absurd_announce(chance: random.Random, announce: Announce) -> Announce:
    values = dict(zip(announce.__match_args__, announce, strict=True))
    field = chance.choice(("sender", "ring_id", "members", "heard", "mutual"))
    if field == "sender":
        values[field] = NodeId(chance.randrange(8))
    elif field == "ring_id":
        values[field] = RingId(_number(chance, announce.ring_id.sequence), NodeId(chance.randrange(4)))
    elif field == "members":
        count = chance.choice((0, 1, 5, 900))
        values[field] = tuple((NodeId(chance.randrange(1, 1000)), chance.randrange(1, 2000)) for _ in range(count))
    else:
        values[field] = frozenset(NodeId(chance.randrange(1, 8)) for _ in range(chance.choice((0, 1, 5))))
    return Announce(**values)


def _absurd_data(chance: random.Random, datagram: bytes) -> bytes:
    packet = wire.read_data(datagram)
    body = bytearray(datagram[wire.DATA_HEADER_SIZE :])
    for _ in range(chance.randrange(4)):
        if body:
            body[chance.randrange(min(8, len(body)))] = chance.randrange(256)
    sequence = chance.choice((packet.sequence, _number(chance, packet.sequence)))
    flags = chance.choice((packet.flags, chance.randrange(1 << 16)))
    sender = chance.choice((packet.sender, NodeId(chance.randrange(5))))
    return wire.encode_data(CLUSTER, sender, packet.ring_id, sequence, flags, bytes(body)).raw
