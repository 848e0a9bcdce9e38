"""One processor on the bench: what the others say is made by hand, what it answers is read back.

Others are imaginary: node n has the address n and the incarnation 1000 + n.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from openais.totem import wire
from openais.totem.effects import (
    Configuration,
    Delivered,
    Fatal,
    Multicast,
    Recorded,
    RingEffect,
    RingId,
    SendTo,
    StoreRingSequence,
)
from openais.totem.packing import ENTRY, FIRST, LAST, PRIORITY_SHIFT, SAFE_ENTRY
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings
from openais.totem.wire import Announce, CommitMember, CommitToken, Join, Packet, PacketType, Token
from openais.types import NodeId, Priority

SETTINGS = RingSettings(token_timeout_s=0.1)
CLUSTER = wire.cluster_checksum(SETTINGS.cluster)
NO_RING = RingId(0, NodeId(0))
E = TypeVar("E", bound=RingEffect)


def incarnation_of(node: int) -> int:
    return 1000 + node


def settings_blob(settings: RingSettings) -> bytes:
    """Ring settings as they stand in joins and announcements."""
    return msgspec.msgpack.encode(settings.agreed())


def body(payload: bytes, *, safe: bool = False) -> bytes:
    """The body of a packet with one whole message to all, of priority MED."""
    flags = FIRST | LAST | Priority.MED << PRIORITY_SHIFT | (SAFE_ENTRY if safe else 0)
    return ENTRY.pack(flags, 1 + len(payload)) + b"\0" + payload


def packet(
    sender: int, ring_id: RingId, sequence: int, payload: bytes, *, safe: bool = False, flags: int = 0
) -> Packet:
    """A data packet with one message."""
    flags |= wire.SAFE if safe else 0
    return wire.encode_data(CLUSTER, NodeId(sender), ring_id, sequence, flags, body(payload, safe=safe))


def recovered(sender: int, ring_id: RingId, sequence: int, old: Packet) -> bytes:
    """A packet of a new ring that carries `old`."""
    return wire.encode_data(CLUSTER, NodeId(sender), ring_id, sequence, wire.RECOVERED, old.raw).raw


def token(
    ring_id: RingId,
    sender: int,
    hop: int,
    *,
    sequence: int = 0,
    aru: int | None = None,
    setter: int = 0,
    fcc: int = 0,
    backlog: int = 0,
    requests: Iterable[tuple[int, int]] = (),
) -> bytes:
    """A token as a datagram; the aru is the sequence unless given."""
    made = Token(ring_id, NodeId(sender), hop)
    made.sequence, made.aru, made.aru_setter = sequence, sequence if aru is None else aru, NodeId(setter)
    made.fcc, made.backlog, made.requests = fcc, backlog, list(requests)
    return made.encode(CLUSTER)


def nodes(ids: Iterable[int]) -> frozenset[NodeId]:
    return frozenset(map(NodeId, ids))


def entry(
    node: int,
    *,
    filled: bool = True,
    old_ring_id: RingId | None = None,
    aru: int = 0,
    high: int | None = None,
    safe_line: int = 0,
    obligation: Iterable[int] | None = None,
    incarnation: int | None = None,
) -> CommitMember:
    """What an imaginary member tells on the commit token; by default it comes from a ring of its own."""
    ring_id = old_ring_id or RingId(0, NodeId(node))
    return CommitMember(
        NodeId(node),
        filled,
        incarnation or incarnation_of(node),
        ring_id,
        aru,
        aru if high is None else high,
        safe_line,
        obligation is not None,
        tuple(map(NodeId, obligation or ())),
    )


def commit_token(ring_id: RingId, sender: int, hop: int, *entries: CommitMember) -> bytes:
    return CommitToken(NodeId(sender), ring_id, hop, entries).encode(CLUSTER)


class Bench:
    """A processor, its clock, and what it did."""

    def __init__(
        self,
        node: int = 2,
        *,
        settings: RingSettings = SETTINGS,
        sequence: int = 0,
        incarnation: int | None = None,
        disk: bool = True,
    ) -> None:
        self.settings = settings
        self.node = node
        self.now = 100.0
        self.disk = disk
        """Whether what is to be stored is stored at once."""
        self.processor = Processor(NodeId(node), incarnation or incarnation_of(node), settings, sequence)
        self.effects: list[RingEffect] = []
        self.processor.start(self.now)
        self._perform()

    # What the others do

    def hear(self, *datagrams: bytes, source: int = 0) -> None:
        """A burst of datagrams comes in."""
        self.now += 0.0001
        self.processor.receive([(source, datagram) for datagram in datagrams], self.now)
        self._perform()

    def join(
        self,
        sender: int,
        processors: Iterable[int],
        *,
        failed: Iterable[int] = (),
        heard: Iterable[int] | None = None,
        sequence: int = 0,
        incarnation: int | None = None,
        leave: bool = False,
        reason: str = "it was started",
        settings: RingSettings | None = None,
    ) -> None:
        """A join comes; its sender hears all that it knows of unless told otherwise."""
        processors = tuple(processors)
        made = Join(
            NodeId(sender),
            leave,
            incarnation or incarnation_of(sender),
            sequence,
            nodes(processors),
            nodes(failed),
            nodes(processors if heard is None else heard),
            reason,
            settings_blob(settings or self.settings),
        )
        self.hear(made.encode(CLUSTER), source=sender)

    def announce(
        self,
        sender: int,
        ring_id: RingId,
        members: Iterable[int],
        *,
        heard: Iterable[int] = (),
        mutual: Iterable[int] = (),
        incarnations: dict[int, int] | None = None,
    ) -> None:
        """An announcement of another ring comes."""
        known = incarnations or {}
        ids = tuple((NodeId(node), known.get(node, incarnation_of(node))) for node in members)
        made = Announce(NodeId(sender), ring_id, ids, nodes(heard), nodes(mutual), settings_blob(self.settings))
        self.hear(made.encode(CLUSTER), source=sender)

    def stored(self, sequence: int) -> None:
        """The disk answers."""
        self.processor.ring_sequence_stored(sequence, self.now)
        self._perform()

    def wake(self) -> None:
        """Messages were submitted."""
        self.processor.wake(self.now)
        self._perform()

    def unplug(self) -> None:
        """MED and LOW messages flow again."""
        self.processor.unplug(self.now)
        self._perform()

    def leave(self) -> None:
        """It is asked to leave."""
        self.processor.leave(self.now)
        self._perform()

    # What time does

    def expire(self) -> None:
        """The next deadline comes."""
        self.now = max(self.now, self.processor.deadline)
        self.processor.timeout(self.now)
        self._perform()

    def wait(self, seconds: float) -> None:
        """All deadlines of the next `seconds` come, each in time."""
        until = self.now + seconds
        while self.processor.deadline <= until:
            self.expire()
        self.now = until

    # What it did

    @property
    def state(self) -> str:
        return str(self.processor.describe()["state"])

    def took(self, kind: type[E]) -> list[E]:
        """The effects of one kind since they were last forgotten."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def forget(self) -> None:
        self.effects = []

    def sent(self, kind: PacketType) -> list[bytes]:
        """The datagrams of one type that it sent since."""
        sending = [effect for effect in self.effects if isinstance(effect, SendTo | Multicast)]
        return [datagram for effect in sending for datagram in effect.datagrams if datagram[1] == kind]

    def joins(self) -> list[Join]:
        return [wire.read_join(datagram) for datagram in self.sent(PacketType.JOIN)]

    def tokens(self) -> list[Token]:
        return [wire.read_token(datagram) for datagram in self.sent(PacketType.TOKEN)]

    def packets(self) -> list[Packet]:
        return [wire.read_data(datagram) for datagram in self.sent(PacketType.DATA)]

    def commits(self) -> list[CommitToken]:
        return [wire.read_commit(datagram) for datagram in self.sent(PacketType.COMMIT)]

    def history(self) -> list[bytes | str]:
        """Deliveries and configurations in order: payloads, and members after T (transitional) or R (regular)."""
        told: list[bytes | str] = []
        for effect in self.effects:
            if isinstance(effect, Delivered):
                told.append(bytes(effect.payload))
            elif isinstance(effect, Configuration):
                told.append(f"{'T' if effect.transitional else 'R'}{','.join(map(str, effect.members))}")
        return told

    def recorded(self, kind: str) -> list[str]:
        return [effect.text for effect in self.took(Recorded) if effect.kind == kind]

    def count(self, cause: str) -> int:
        return self.processor.counters.get(cause, 0)

    def fatal(self) -> list[str]:
        return [effect.reason for effect in self.took(Fatal)]

    def own_join(self) -> Join:
        """The join it sent last."""
        return self.joins()[-1]

    def _perform(self) -> None:
        effects = self.processor.take_effects()
        self.effects += effects
        for effect in effects:
            if isinstance(effect, StoreRingSequence) and self.disk:
                self.processor.ring_sequence_stored(effect.sequence, self.now)
                self._perform()


def ring_of(bench: Bench, members: Iterable[int], sequence: int = 7, entries: Iterable[CommitMember] = ()) -> RingId:
    """Takes a processor that gathers (not the representative) through Commit into Recovery of a ring."""
    members = tuple(sorted(members))
    ring_id = RingId(sequence, NodeId(members[0]))
    given = {member.node_id: member for member in entries}
    index = members.index(bench.node)
    first = [given.get(n) or entry(n) if n < bench.node else entry(n, filled=False) for n in members]
    bench.hear(commit_token(ring_id, members[index - 1], index, *first))
    own = next(member for member in bench.commits()[-1].members if member.node_id == bench.node)
    second = [own if n == bench.node else given.get(n) or entry(n) for n in members]
    bench.hear(commit_token(ring_id, members[index - 1], len(members) + index, *second))
    return ring_id


def ring_as_representative(bench: Bench, members: Iterable[int]) -> RingId:
    """Takes the lowest of `members`, which all have joined, through Commit into Recovery and its first visit."""
    members = tuple(sorted(members))
    for other in members[1:]:
        bench.join(other, members)
    first = bench.commits()[-1]
    filled = [first.members[0], *(entry(node) for node in members[1:])]
    for rotation in (1, 2):
        bench.hear(commit_token(first.ring_id, members[-1], rotation * len(members), *filled))
    return first.ring_id


def rotate(
    bench: Bench,
    ring_id: RingId,
    members: Iterable[int],
    visits: int,
    *,
    first: int = 0,
    sequence: int = 0,
    aru: int | None = None,
    setter: int = 0,
    backlog: int = 0,
) -> None:
    """Gives it the token `visits` times, as it comes when nobody else has anything to send."""
    members = tuple(sorted(members))
    index = members.index(bench.node)
    for visit in range(first, first + visits):
        hop = visit * len(members) + index
        bench.hear(token(ring_id, members[index - 1], hop, sequence=sequence, aru=aru, setter=setter, backlog=backlog))


def operational(
    node: int = 2, members: Iterable[int] = (1, 2, 3), *, settings: RingSettings = SETTINGS
) -> tuple[Bench, RingId]:
    """A processor that is in an installed ring with imaginary others; it had four visits of the token."""
    members = tuple(members)
    bench = Bench(node, settings=settings)
    for other in members:
        if other != node:
            bench.join(other, members)
    if node == min(members):
        ring_id = ring_as_representative(bench, members)
        rotate(bench, ring_id, members, 3, first=1)
    else:
        ring_id = ring_of(bench, members)
        rotate(bench, ring_id, members, 4)
    assert bench.state == "operational"
    bench.forget()
    return bench, ring_id
