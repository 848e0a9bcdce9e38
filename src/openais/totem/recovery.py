"""Recovery: the members of an old ring bring each other to the same messages before the new ring is installed.

(Totem paper, section 5.3.) The regular token already goes round the new ring. Packets of the old ring that some
member of our transitional configuration may lack travel inside packets of the new ring, which makes their exchange
reliable. When two rotations show that nobody has anything left to send and everybody has received it all, the ring is
installed, and in this order are delivered: what can still be delivered in the old regular configuration; the
transitional configuration; the rest of the old messages; the new regular configuration.

The line between the second and the fourth is the same at all members that came along from the old ring: the first
gap, or the first safe message of which none of them knows that every member of the old ring has it. Beyond a gap only
messages are delivered whose senders are in the transitional configuration (or were in that of an earlier recovery
that may have ended somewhere, see Ring.obligation): others may depend on a message that is lost.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from openais.totem import commit, gather, operational
from openais.totem.circulation import Circulation
from openais.totem.core import Core, Ring, earliest
from openais.totem.effects import Address, Configuration
from openais.totem.state import State
from openais.totem.store import PacketStore
from openais.totem.wire import DATA_HEADER_SIZE, RECOVERED, CommitToken, Join, Packet, Token, WireError, read_data

_QUIET_VISITS = 2
"""Token visits with nothing left to send anywhere, after which everything that will come was sent."""
_COMPLETE_VISITS = 2
"""Token visits, after one more, in which everybody had received all of it."""


class _Resend:
    """Old packets to send again, lowest first; those that another member sends first are left out."""

    def __init__(self, packets: list[Packet]) -> None:
        self._waiting = deque(packets)
        self._done: set[int] = set()

    def backlog(self) -> int:
        self._skip()
        return len(self._waiting)

    def pack(self) -> tuple[list[bytes | memoryview], int] | None:
        self._skip()
        return ([self._waiting.popleft().raw], RECOVERED) if self._waiting else None

    def seen(self, sequence: int) -> None:
        self._done.add(sequence)

    def _skip(self) -> None:
        while self._waiting and self._waiting[0].sequence in self._done:
            self._waiting.popleft()


class Recovery(State):
    """The token of the new ring goes round, carrying old packets. `core.ring` is still the old ring."""

    name = "recovery"

    def __init__(self, core: Core, token: CommitToken, reason: str, now: float) -> None:
        super().__init__(core)
        self._reason = reason
        self._commit_token = token
        self._members = tuple(member.node_id for member in token.members)
        ring = Ring(token.ring_id, self._members, PacketStore(core.settings.ahead_max))
        self._circulation = Circulation(core, ring, now)
        old = core.ring
        together = [member for member in token.members if member.old_ring_id == old.ring_id]
        self._transitional = tuple(member.node_id for member in together)
        obliged = (member.obligation for member in together if member.received_all)
        self._deliver_from = frozenset(self._transitional).union(*obliged)
        self._safe_line = max(member.safe_line for member in together)
        self._old_high = max(member.high for member in together)
        low = min(member.aru for member in together)
        packets = old.store.packets
        self._resend = _Resend([packets[s] for s in sorted(packets) if low < s <= self._old_high])
        self._install_sequence = 0
        self._quiet_visits = 0
        self._complete_visits = 0
        self._commit_datagram: bytes | None = None
        self._commit_repeat_deadline: float | None = None

    @property
    def deadline(self) -> float:
        return earliest(self._circulation.deadline, self._commit_repeat_deadline)

    def enter(self, now: float) -> None:
        if len(self._members) == 1:
            self._install(now)
            return
        token = self._commit_token
        passed_on = token._replace(sender=self.core.node_id, hop=token.hop + 1)
        self._commit_datagram = passed_on.encode(self.core.cluster)
        self._send_commit(now)

    def data(self, packet: Packet, now: float) -> None:
        ring = self._circulation.ring
        if packet.ring_id != ring.ring_id or packet.sender not in self._members:
            self.core.count("foreign_ring")
            return
        self._commit_repeat_deadline = None
        if ring.store.add(packet) and packet.flags & RECOVERED:
            self._recover(packet)

    def token(self, token: Token, now: float) -> None:
        if not self._circulation.accept(token, now):
            return
        self._commit_repeat_deadline = None
        self._visit(token, now)

    def commit(self, token: CommitToken, now: float) -> None:
        """The commit token is back at the representative, all are in Recovery: the regular token starts."""
        circulation = self._circulation
        started = circulation.sent_sequence or self._commit_repeat_deadline is None
        hop = 2 * len(self._members)
        if token.ring_id != circulation.ring.ring_id or circulation.index or token.hop != hop or started:
            self.core.count("commit_repeated")
            return
        self._commit_repeat_deadline = None
        first = circulation.first_token()
        if circulation.accept(first, now):
            self._visit(first, now)

    def join(self, join: Join, address: Address, now: float) -> None:
        commit.give_up(self.core, self._circulation.ring.ring_id, self._members, join, address, now)

    def burst_end(self, now: float) -> None:
        self._circulation.progress()

    def timeout(self, now: float) -> None:
        if self._commit_repeat_deadline is not None and now >= self._commit_repeat_deadline:
            self._send_commit(now)
        if not self._circulation.timeout(now):
            why = f"{self._circulation.loss_reason(now)} in recovery"
            self.core.become(gather.Gather(self.core, why, now), now, why)

    def describe(self) -> dict[str, Any]:
        return {
            "ring": str(self._circulation.ring.ring_id),
            "members": list(self._members),
            "transitional": list(self._transitional),
            "to_send_again": self._resend.backlog(),
        }

    def _send_commit(self, now: float) -> None:
        assert self._commit_datagram is not None
        self._commit_repeat_deadline = now + self.core.settings.token_retransmit_s
        self.core.send(self._circulation.successor, self._commit_datagram)

    def _recover(self, packet: Packet) -> None:
        """Takes an old packet of our ring out of a new one."""
        old = self.core.ring
        try:
            inner = read_data(packet.raw[DATA_HEADER_SIZE:])
        except WireError as error:
            self.core.count(error.cause)
            return
        if inner.ring_id == old.ring_id and inner.sender in old.members and inner.sequence <= self._old_high:
            old.store.add(inner)
            self._resend.seen(inner.sequence)

    def _visit(self, token: Token, now: float) -> None:
        """A token visit, and whether it was the last that recovery needs (compare the paper's my_retrans_flg_count)."""
        circulation = self._circulation
        circulation.visit(token, self._resend, now, accelerated=0)
        self._quiet_visits = 0 if token.backlog else self._quiet_visits + 1
        if self._quiet_visits == _QUIET_VISITS:
            self._install_sequence = token.sequence
        if self._quiet_visits >= _QUIET_VISITS and circulation.ring.store.aru >= self._install_sequence:
            self.core.ring.received_all = True
            self.core.ring.obligation = self._deliver_from
        complete = self._quiet_visits > _QUIET_VISITS and token.aru >= self._install_sequence
        self._complete_visits = self._complete_visits + 1 if complete else 0
        if self._complete_visits == _COMPLETE_VISITS:
            self._install(now)
        elif (deaf := circulation.deaf_member(now)) is not None:
            self.core.give_up_deaf(deaf, now)
            why = f"node {deaf} receives no packets in recovery"
            self.core.become(gather.Gather(self.core, why, now, {deaf: "receives no packets"}), now, why)

    def _install(self, now: float) -> None:
        core, ring = self.core, self._circulation.ring
        old = core.ring
        if old.installed:
            core.deliver(old, self._old_high, self._safe_line)
            core.effects.append(
                Configuration(
                    ring_id=ring.ring_id,
                    transitional=True,
                    members=self._transitional,
                    left=tuple(node for node in old.members if node not in self._transitional),
                    joined=(),
                    old_ring_id=old.ring_id,
                    reason=self._reason,
                )
            )
            self._deliver_rest(old)
        core.delivery.forget()
        core.queues.restart()
        before = self._transitional if old.installed else ()
        joined = tuple(node for node in self._members if node not in before)
        operational.install(core, self._circulation, ring.ring_id, joined, self._reason, now)

    def _deliver_rest(self, old: Ring) -> None:
        """In the transitional configuration: safe messages are safe in it now; beyond a gap only from its members."""
        core = self.core
        core.deliver(old, self._old_high, self._old_high)
        if old.delivered == old.store.high:
            return
        core.delivery.forget(kept=self._deliver_from)
        for sequence in range(old.delivered + 1, old.store.high + 1):
            packet = old.store.packets.get(sequence)
            if packet is not None and packet.sender in self._deliver_from and not packet.flags & RECOVERED:
                core.delivery.packet(packet)
