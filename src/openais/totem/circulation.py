"""The token's way around one ring, as one member sees it; Recovery and Operational share it.

A visit does, in this order (Totem paper, section 4.1, and the accelerated ring of Babay and Amir):

1. A token that is not for this ring, not from the predecessor, or not the next one is refused; a repeat of the last
   one from a predecessor that did not hear us is answered by our own last token.
2. Every retransmission request that we can answer is answered, before the token.
3. Flow control says how many new packets may be sent.
4. They are numbered; all but the last `accelerated` of them go out before the token, the rest after it. A few that
   nobody waits behind go before it.
5. Retransmission is asked for only up to the sequence of the token we sent on the previous visit: later packets may
   rightly not have been sent yet. Without acceleration all packets were sent before the token that counts them.
6. The aru is lowered to ours if ours is lower; raised to ours if we set it last, or if it was complete.
7. The token goes out, already counting the packets that follow it.
8. The safe line is the lower of the aru sent on this and on the previous visit: every member had the chance to lower
   it in between.

A visit may be drawn out: who sends a few packets after which nobody else wants to send, and sent the last ones too, may
well send more. It keeps the token between steps 4 and 5 and says so on its packets (KEPT).
"""

from __future__ import annotations

from typing import Final, Protocol

from openais.totem.core import Core, Ring
from openais.totem.effects import Scope
from openais.totem.flow import new_packets_max
from openais.totem.parts import PACKET_MAX, cut
from openais.totem.wire import AFTER_TOKEN, KEPT, SAFE, Token, encode_data
from openais.types import NodeId

_STUCK_VISITS: Final = 250
"""Token visits at which the aru has not moved, after which somebody receives nothing. A long packet, which is lost with
any of its pieces, may need many of them on a bad network."""
_WARY_VISITS: Final = 64
"""Token visits after a token was lost, in which a quiet token is sent again as soon as any other."""
_PARTED_VISITS: Final = 2
"""Token visits at which the aru has not moved, after which long packets are sent again in parts."""
_REQUESTED_MAX: Final = 512
"""Packets that one token may ask for in all."""
_FEW_PACKETS: Final = 2
"""So many packets go before the token when nobody waits to send more: they are there when it comes, and it need not go
round again to learn so."""


class Source(Protocol):
    """Where new packets come from."""

    def backlog(self) -> int:
        """Packets that wait."""

    def pack(self) -> tuple[list[bytes | memoryview], int] | None:
        """The parts of the next body and its data flags."""


class _Visit:
    """What one visit of the token has done so far."""

    __slots__ = ("asked_up_to", "backlog_others", "complete", "others", "resent", "resent_count", "sent", "token")

    def __init__(self, token: Token, asked_up_to: int, others: int, backlog_others: int) -> None:
        self.token = token
        self.complete = token.aru == token.sequence
        """The aru was the token's sequence when it came."""
        self.asked_up_to = asked_up_to
        self.others = others
        """Packets that the others sent in the last rotation."""
        self.backlog_others = backlog_others
        self.resent: list[bytes] = []
        self.resent_count = 0
        self.sent = 0
        """New packets that were sent in this visit."""


class Circulation:
    """Which token comes next, what was last sent, and the timers of both."""

    def __init__(self, core: Core, ring: Ring, now: float) -> None:
        self._core = core
        self.ring = ring
        members = ring.members
        self._count: Final = len(members)
        self.index: Final = members.index(core.node_id)
        self.successor: Final = members[(self.index + 1) % self._count]
        self.predecessor: Final = members[self.index - 1]
        self._next_hop = self.index
        """The hop count of the token that we wait for."""
        self._last_datagram: bytes | None = None
        self.sent_sequence = 0
        """The sequence on the token that we sent last."""
        self._sent_aru = 0
        self._aru_setter = NodeId(0)
        self._stuck_visits = 0
        """Visits since the aru moved last, although there is something to receive."""
        self._stuck_since = now
        self._answered: frozenset[int] = frozenset()
        """The requests that we answered at the last visit."""
        self._sent_packets = 0
        self._sent_backlog = 0
        self.lossy = False
        """At the last visit packets were missing somewhere."""
        self.quiet = True
        """The token that we sent last had nothing to do: its holder may keep it."""
        self._loss_s: Final = core.settings.token_loss_s(self._count)
        self.received_at = now
        self.loss_deadline = now + self._loss_s
        self._repeat_deadline: float | None = None
        self._visit: _Visit | None = None
        """The visit of a token that is kept."""
        self._wary_visits = 0
        """Visits for which a token that got lost lately has us not wait for the holder of a quiet one."""

    @property
    def deadline(self) -> float:
        return self.loss_deadline if self._repeat_deadline is None else min(self.loss_deadline, self._repeat_deadline)

    @property
    def keeping(self) -> bool:
        """Whether the token is kept in the middle of a visit."""
        return self._visit is not None

    def first_token(self) -> Token:
        """What the representative of a new ring starts from."""
        return Token(self.ring.ring_id, self.predecessor, 0)

    def accept(self, token: Token, now: float) -> bool:
        """Whether this is the token we wait for. Answers a repeat of the one before."""
        core = self._core
        if token.ring_id != self.ring.ring_id or token.sender != self.predecessor:
            core.count("token_foreign")
            return False
        if token.hop != self._next_hop:
            core.count("token_repeated" if token.hop < self._next_hop else "token_hop")
            if token.hop == self._next_hop - self._count and self._repeat_deadline is not None:
                self.repeat(now)
            return False
        most = core.settings.visit_max * self._count
        if not self.sent_sequence <= token.sequence <= self.sent_sequence + most or (
            token.aru < self.ring.safe_line or (token.aru_setter and token.aru_setter not in self.ring.members)
        ):
            core.count("token_absurd")
            return False
        self._next_hop += self._count
        self._repeat_deadline = None
        self.received_at = now
        self.loss_deadline = now + self._loss_s
        return True

    def visit(self, token: Token, source: Source, now: float, accelerated: int, *, may_keep: bool = False) -> bool:
        """Does the work of a token that was accepted, and sends it on; True when it is kept instead, if it `may`."""
        others = max(0, token.fcc - self._sent_packets)
        backlog_others = max(0, token.backlog - self._sent_backlog)
        visit = _Visit(token, self.sent_sequence if accelerated else token.sequence, others, backlog_others)
        visit.resent, visit.resent_count = self._answer(token)
        self._visit = visit
        return self.go_on(source, now, accelerated, may_keep=may_keep)

    def go_on(self, source: Source, now: float, accelerated: int, *, may_keep: bool = False) -> bool:
        """Sends what may be sent in this visit, then the token, unless that is kept."""
        visit, ring = self._visit, self.ring
        assert visit is not None
        token = visit.token
        allowed = new_packets_max(
            self._core.settings,
            sent_by_others=visit.others + visit.resent_count,
            backlog=source.backlog(),
            backlog_others=visit.backlog_others,
            gap=token.sequence - ring.safe_line,
            sent_before=visit.sent,
        )
        bodies = _take(source, allowed)
        visit.sent += len(bodies)
        waiting = source.backlog()
        few = len(bodies) <= _FEW_PACKETS and not (visit.backlog_others or waiting)
        keep = may_keep and few and self._worth_keeping(visit, bodies)
        before, after = self._number(token, bodies, 0 if few else accelerated, KEPT if keep else 0)
        if keep:
            if before:
                self._core.multicast(Scope.RING, ring.members, tuple(before), patient=True)
            return True
        self._visit = None
        self._set_aru(token, visit.complete)
        self._ask(token, visit.asked_up_to)
        self.lossy = bool(visit.resent or token.requests)
        self._sent_packets = visit.resent_count + visit.sent
        self._sent_backlog = waiting
        token.fcc = visit.others + self._sent_packets
        token.backlog = visit.backlog_others + waiting
        self.quiet = token.sequence == token.aru and not (token.backlog or token.requests or self._sent_packets)
        self._pass_on(token, visit.resent + before, after, now)
        ring.safe_line = max(ring.safe_line, min(self._sent_aru, token.aru))
        self._watch_aru(token, now)
        self._sent_aru, self._aru_setter = token.aru, token.aru_setter
        return False

    def is_idle(self, token: Token) -> bool:
        """Whether in this whole rotation nobody sent, lacked or waited for anything: the tokens of all were quiet."""
        unchanged = token.sequence == token.aru == self.sent_sequence == self._sent_aru
        return unchanged and not (token.requests or token.backlog)

    def deaf_member(self, now: float) -> NodeId | None:
        """Who must go, as it keeps the aru down and receives nothing (Totem paper, fail_to_rcv_const); None nobody."""
        stuck = self._stuck_visits >= _STUCK_VISITS and now >= self._stuck_since + self._core.settings.fail_to_receive_s
        return self._aru_setter if stuck and self._aru_setter != self._core.node_id else None

    def progress(self) -> None:
        """Packets came in: when they are newer than our last token, it has arrived."""
        if self._repeat_deadline is not None and self.ring.store.high > self.sent_sequence:
            self._repeat_deadline = None

    def repeat(self, now: float) -> None:
        """Sends the last token again."""
        if self._last_datagram is not None:
            self._core.count("token_sent_again")
            self._core.send(self.successor, self._last_datagram)
            self._repeat_deadline = now + self._core.settings.token_retransmit_s

    def timeout(self, now: float) -> bool:
        """Repeats the token when that is due; False when the token is lost."""
        if now >= self.loss_deadline:
            return False
        if self._repeat_deadline is not None and now >= self._repeat_deadline:
            self.repeat(now)
            self._wary_visits = self._wary_visits or _WARY_VISITS
        return True

    def loss_reason(self, now: float) -> str:
        """What an operator is told of a lost token."""
        waited = round((now - self.received_at) * 1000)
        return f"token lost: none from node {self.predecessor} for {waited} ms (ring {self.ring.ring_id})"

    def _answer(self, token: Token) -> tuple[list[bytes], int]:
        """The packets asked for that we have, and how many; what we have not stays on the token.

        A long one goes in parts when the aru stands still: whole ones do not get through.

        A packet that is asked for again right after we sent it is left to the others for once: what we send may not
        reach the one who asks, and after an answer nobody else would see the request.
        """
        just_answered = self._answered if self._count > 2 else frozenset()
        self._answered = frozenset()
        if not token.requests:
            return [], 0
        core, packets = self._core, self.ring.store.packets
        size = core.settings.packet_size if self._stuck_visits >= _PARTED_VISITS else PACKET_MAX
        resent: list[bytes] = []
        answered: list[int] = []
        unanswered: list[int] = []
        for sequence in _expand(token.requests):
            packet = packets.get(sequence)
            if packet is not None and len(answered) < core.settings.window and sequence not in just_answered:
                resent += [packet.raw] if len(packet.raw) <= size else cut(packet, core.cluster, size)
                answered.append(sequence)
            elif sequence > self.ring.safe_line:
                unanswered.append(sequence)
        self._answered = frozenset(answered)
        token.requests = _ranges(unanswered)[: core.settings.retransmit_max]
        if answered:
            core.counters["packets_resent"] = core.counters.get("packets_resent", 0) + len(answered)
        return resent, len(answered)

    def _watch_aru(self, token: Token, now: float) -> None:
        """Counts the visits since the aru moved last. `token` is what we send now."""
        if token.aru == token.sequence or (token.aru, token.aru_setter) != (self._sent_aru, self._aru_setter):
            self._stuck_visits = 0
            self._stuck_since = now
        else:
            self._stuck_visits += 1

    def _worth_keeping(self, visit: _Visit, bodies: list[tuple[list[bytes | memoryview], int]]) -> bool:
        """Whether we may well be the next to send, and nobody waits for the token to come round."""
        token, store = visit.token, self.ring.store
        ours = bool(visit.sent) and store.high_sender == self._core.node_id
        lacking = not visit.complete or token.requests or visit.resent or store.aru < token.sequence
        safe = store.safe_high > self.ring.safe_line or any(flags & SAFE for _, flags in bodies)
        return ours and not (lacking or safe) and visit.sent < self._core.settings.visit_max

    def _number(
        self, token: Token, bodies: list[tuple[list[bytes | memoryview], int]], accelerated: int, flags: int
    ) -> tuple[list[bytes], list[bytes]]:
        """Numbers new packets, keeps them, and says which go before and which after the token."""
        core, store = self._core, self.ring.store
        first_after = max(0, len(bodies) - accelerated)
        raws = []
        for at, (body, body_flags) in enumerate(bodies):
            token.sequence += 1
            flags_here = flags | body_flags | (AFTER_TOKEN if at >= first_after else 0)
            packet = encode_data(core.cluster, core.node_id, self.ring.ring_id, token.sequence, flags_here, *body)
            store.add(packet)
            raws.append(packet.raw)
        return raws[:first_after], raws[first_after:]

    def _set_aru(self, token: Token, complete: bool) -> None:
        aru = min(self.ring.store.aru, token.sequence)
        if aru < token.aru or token.aru_setter == self._core.node_id or complete:
            token.aru = aru
            token.aru_setter = NodeId(0) if aru == token.sequence else self._core.node_id

    def _ask(self, token: Token, up_to: int) -> None:
        """Adds what we miss to the requests."""
        store = self.ring.store
        if store.aru >= up_to:
            return
        missing = store.missing(up_to, self._core.settings.retransmit_max)
        wanted = sorted({*_expand(token.requests), *_expand(missing)})
        token.requests = _ranges(wanted)[: self._core.settings.retransmit_max]

    def _pass_on(self, token: Token, before: list[bytes], after: list[bytes], now: float) -> None:
        core, ring = self._core, self.ring
        token.sender = core.node_id
        token.hop += 1
        self._last_datagram = token.encode(core.cluster)
        self.sent_sequence = token.sequence
        if before:
            core.multicast(Scope.RING, ring.members, tuple(before))
        core.send(self.successor, self._last_datagram)
        if after:
            core.multicast(Scope.RING, ring.members, tuple(after))
        self._wary_visits = max(0, self._wary_visits - 1)
        settings = core.settings
        held = settings.hold_s if self.quiet and not self._wary_visits else 0.0
        self._repeat_deadline = now + held + settings.token_retransmit_s
        self.loss_deadline = now + self._loss_s


def _take(source: Source, count: int) -> list[tuple[list[bytes | memoryview], int]]:
    """Up to `count` bodies with their flags."""
    bodies: list[tuple[list[bytes | memoryview], int]] = []
    while len(bodies) < count and (packed := source.pack()) is not None:
        bodies.append(packed)
    return bodies


def _expand(ranges: list[tuple[int, int]]) -> list[int]:
    """The sequences in ranges, as many as one token may ask for."""
    sequences: list[int] = []
    for first, count in ranges:
        sequences.extend(range(first, first + min(count, _REQUESTED_MAX - len(sequences))))
        if len(sequences) >= _REQUESTED_MAX:
            break
    return sequences


def _ranges(sequences: list[int]) -> list[tuple[int, int]]:
    """Rising sequences as ranges."""
    ranges: list[tuple[int, int]] = []
    for sequence in sequences:
        if ranges and sum(ranges[-1]) == sequence:
            ranges[-1] = (ranges[-1][0], ranges[-1][1] + 1)
        else:
            ranges.append((sequence, 1))
    return ranges
