"""What a datagram of the ring is, in words, for traces and drawings."""

from __future__ import annotations

from openais.totem import wire
from openais.totem.parts import read_part
from openais.totem.wire import PacketType

_KINDS = {kind.value: kind.name.lower() for kind in PacketType}


def kind_of(datagram: bytes) -> str:
    """token, data, part, join, commit, announce, wake; or noise."""
    if len(datagram) < wire.HEADER.size or datagram[0] != wire.WIRE_VERSION:
        return "noise"
    return _KINDS.get(datagram[1], "noise")


def in_words(datagram: bytes) -> str:
    """One line of what it says; `noise` with its length for what cannot be read."""
    kind = kind_of(datagram)
    if kind == "noise":
        return f"noise of {len(datagram)} bytes"
    try:
        return f"{kind} {_READERS[kind](datagram)}"
    except wire.WireError as error:
        return f"noise of {len(datagram)} bytes, {error.cause}"


def _data(datagram: bytes) -> str:
    packet = wire.read_data(datagram)
    names = {wire.AFTER_TOKEN: "after-token", wire.RECOVERED: "recovered", wire.SAFE: "safe", wire.KEPT: "kept"}
    flags = "".join(f" {name}" for flag, name in names.items() if packet.flags & flag)
    return f"{packet.sequence} of {packet.sender} in {packet.ring_id}, {len(datagram)} bytes{flags}"


def _part(datagram: bytes) -> str:
    part = read_part(datagram)
    return f"{part.place + 1} of {part.parts} of {part.sequence} in {part.ring_id}, {len(datagram)} bytes"


def _token(datagram: bytes) -> str:
    token = wire.read_token(datagram)
    requests = ",".join(str(first) if count == 1 else f"{first}-{first + count - 1}" for first, count in token.requests)
    missing = f" missing {requests}" if requests else ""
    aru = f"{token.aru}" + (f" by {token.aru_setter}" if token.aru_setter else "")
    return f"hop {token.hop} in {token.ring_id}, sequence {token.sequence} aru {aru}{missing}"


def _join(datagram: bytes) -> str:
    join = wire.read_join(datagram)
    failed = f" failed {sorted(join.failed)}" if join.failed else ""
    leave = " leaves" if join.leave else ""
    heard = f" hears {sorted(join.heard - {join.sender})}"
    return f"of {join.sender}{leave} processors {sorted(join.processors)}{failed}{heard}, sequence {join.ring_sequence}"


def _commit(datagram: bytes) -> str:
    token = wire.read_commit(datagram)
    members = " ".join(f"{member.node_id}{'' if member.filled else '?'}" for member in token.members)
    return f"hop {token.hop} for {token.ring_id}: {members}"


def _announce(datagram: bytes) -> str:
    announce = wire.read_announce(datagram)
    heard = f" hears {sorted(announce.heard)}" if announce.heard else ""
    return f"{announce.ring_id} of {sorted(node for node, _ in announce.members)}{heard}"


def _wake(datagram: bytes) -> str:
    return f"{wire.read_wake(datagram)}"


_READERS = {
    "data": _data,
    "part": _part,
    "token": _token,
    "join": _join,
    "commit": _commit,
    "announce": _announce,
    "wake": _wake,
}
