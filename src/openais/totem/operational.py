"""Operational: the token goes round, messages are sent and delivered, other rings are looked for."""

from __future__ import annotations

from functools import partial
from typing import Any

from openais.totem import gather
from openais.totem.circulation import Circulation
from openais.totem.core import Core, Ring, earliest
from openais.totem.effects import Address, Configuration, RingId, Scope
from openais.totem.state import State
from openais.totem.strangers import Strangers
from openais.totem.wire import KEPT, Announce, Join, Packet, Token, encode_wake
from openais.types import NodeId


class Operational(State):
    """In an installed ring. Invariant: core.ring is the circulation's ring."""

    name = "operational"

    def __init__(self, core: Core, circulation: Circulation, now: float) -> None:
        super().__init__(core)
        self._circulation = circulation
        self._ring: Ring = core.ring
        self._alone = len(core.ring.members) == 1
        self._represents = core.ring.ring_id.representative == core.node_id
        self._strangers = Strangers(core)
        self._held: Token | None = None
        """The token, while it rests here or is kept in the middle of a visit."""
        self._hold_deadline: float | None = None
        self._kept_until = now
        """However much is sent, the token is kept no longer."""
        self._kept_elsewhere = False
        """The sender of the highest packet keeps the token, as far as we know."""
        self._woken = False
        self._asked_to_wake = False
        self._announce_deadline = now
        self._leave_deadline: float | None = None

    @property
    def deadline(self) -> float:
        token = self._hold_deadline
        if self._held is None and not self._alone:
            token = self._circulation.deadline
        announce = self._announce_deadline if self._represents or self._strangers.any_known else None
        return earliest(token, announce, self._leave_deadline)

    def enter(self, now: float) -> None:
        self.wake(now)

    def data(self, packet: Packet, now: float) -> None:
        ring = self._ring
        if packet.ring_id == ring.ring_id:
            store = ring.store
            if packet.sender not in ring.members or not store.add(packet):
                self.core.count("packet_repeated")
            elif packet.sequence == store.high:
                self._kept_elsewhere = bool(packet.flags & KEPT)
        elif packet.sender not in ring.members:
            self.core.count("foreign_ring")
        elif packet.ring_id.sequence > ring.ring_id.sequence:
            why = f"node {packet.sender} went on to ring {packet.ring_id} without this node"
            self._gather(why, now)
        else:
            self.core.count("old_ring")

    def token(self, token: Token, now: float) -> None:
        if not self._circulation.accept(token, now):
            return
        self._asked_to_wake = self._kept_elsewhere = False
        woken, self._woken = self._woken, False
        if not woken and self._may_hold(token):
            self._held = token
            self._hold_deadline = now + self.core.settings.hold_s
        else:
            self._kept_until = now if woken else now + self.core.settings.keep_max_s
            self._visit(token, now)

    def join(self, join: Join, address: Address, now: float) -> None:
        core, ring = self.core, self._ring
        sender = join.sender
        if sender in ring.members:
            if core.incarnations[sender] != join.incarnation:
                core.count("member_of_other_incarnation")
                return  # it restarted, and the token will be lost; or it has a member's node id
            if join.leave:
                self._gather(f"node {sender} left in order", now, failed={sender: "left in order"})
                return
            if gather.is_stale(join, ring):
                core.count("join_stale")
                return
            told = join.reason if join.reason.startswith("node ") else f"node {sender}: {join.reason}"
            self._gather(told, now)
        elif join.leave or core.is_excluded(join, now):
            core.count("join_ignored")
            return
        elif core.node_id in join.failed:
            core.count("join_refuses_us")
            return
        elif sender in core.excluded and sender < core.node_id:
            core.count("join_ignored")  # two that refused each other must not answer each other in step for ever
            return
        elif not core.has_room(join.processors.union(ring.members), f"node {sender}", sender):
            core.count("join_ignored")
            return
        else:
            about_itself = f": {join.reason}" if join.reason.startswith("this node") else ""
            self._gather(f"node {sender} joins{about_itself}", now)
        core.state.join(join, address, now)

    def announce(self, announce: Announce, address: Address, now: float) -> None:
        ring = self._ring
        if announce.sender in ring.members:
            if announce.ring_id.sequence > ring.ring_id.sequence and self._same_incarnation(announce):
                self._gather(f"node {announce.sender} went on to ring {announce.ring_id} without this node", now)
            return
        if self.core.node_id in announce.heard:
            self.core.excluded.pop(announce.sender, None)
        if self._strangers.heard_from(announce, address, now):
            self._announce(now, to_strangers=True)
        if self._strangers.can_meet(announce, now) and self._have_room(announce):
            why = f"this ring and ring {announce.ring_id} of node {announce.sender} meet"
            self._gather(why, now, met=tuple(node for node, _ in announce.members))

    def woken(self, now: float) -> None:
        if self._held is not None:
            self._kept_until = now
            self._release(now)
        else:
            self._woken = True

    def wake(self, now: float) -> None:
        core = self.core
        if core.leaving and self._leave_deadline is None:
            self._leave_deadline = now + 2 * core.token_loss_s()
        if self._alone:
            self._run_alone(now)
        elif self._held is not None:
            if core.queues.backlog() or core.leaving:
                if not self._circulation.keeping:
                    self._kept_until = now + core.settings.keep_max_s
                self._release(now)
        elif self._circulation.quiet or self._kept_elsewhere:
            self._ask_for_token(bool(core.queues.backlog()))

    def burst_end(self, now: float) -> None:
        self._circulation.progress()
        self._deliver()
        if self._kept_elsewhere:
            store = self._ring.store
            self._ask_for_token(store.aru < store.high or bool(self.core.queues.backlog()))

    def timeout(self, now: float) -> None:
        if self._leave_deadline is not None and now >= self._leave_deadline:
            gather.leave_message(self.core)
            return
        if now >= self._announce_deadline:
            self._announce(now, to_strangers=False)
        if self._held is not None:
            if self._hold_deadline is not None and now >= self._hold_deadline:
                self._kept_until = now
                self._release(now)
        elif not self._alone and not self._circulation.timeout(now):
            self._gather(self._circulation.loss_reason(now), now)

    def describe(self) -> dict[str, Any]:
        store = self._ring.store
        return {
            "holds_token": self._held is not None,
            "sequence": store.high,
            "aru": store.aru,
            "delivered": self._ring.delivered,
            "safe_line": self._ring.safe_line,
            "strangers": self._strangers.describe(),
        }

    def _gather(
        self, why: str, now: float, failed: dict[NodeId, str] | None = None, met: tuple[NodeId, ...] = ()
    ) -> None:
        self._deliver()
        self.core.become(gather.Gather(self.core, why, now, failed, met), now, why)

    def _may_hold(self, token: Token) -> bool:
        """Whether the ring is idle and the token rests here: nothing to send, all received, what is safe delivered."""
        if self.core.leaving or self._resting_place() != self.core.node_id:
            return False
        ring = self._ring
        done = token.sequence == ring.delivered and ring.store.safe_high <= ring.safe_line
        return done and self._circulation.is_idle(token) and not self.core.queues.backlog()

    def _resting_place(self) -> NodeId:
        """Where the token of an idle ring is held: at who sent the last packet, as it may well send the next one too.

        All members agree on it, as the token is only held when they have all packets.
        """
        return self._ring.store.high_sender or self._ring.ring_id.representative

    def _ask_for_token(self, wanted: bool) -> None:
        """Asks who holds the token to pass it on, once until it comes."""
        core = self.core
        holder = self._resting_place()
        if wanted and not self._asked_to_wake and holder != core.node_id:
            self._asked_to_wake = True
            core.send(holder, encode_wake(core.cluster, core.node_id, self._ring.ring_id))

    def _release(self, now: float) -> None:
        token, self._held, self._hold_deadline = self._held, None, None
        assert token is not None
        self._visit(token, now)

    def _visit(self, token: Token, now: float) -> None:
        core, circulation, before = self.core, self._circulation, token.sequence
        settings = core.settings
        may_keep = now < self._kept_until and not core.leaving and self._resting_place() == core.node_id
        go_on = circulation.go_on if circulation.keeping else partial(circulation.visit, token)
        if go_on(core.queues, now, settings.accelerated_window, may_keep=may_keep):
            self._held, self._hold_deadline = token, min(now + settings.keep_s, self._kept_until)
        elif circulation.lossy:
            core.queues.packet_size.lossy()
        elif token.sequence > before:
            core.queues.packet_size.clean()
        self._deliver()
        if core.leaving and core.queues.empty() and self._ring.safe_line == token.sequence:
            gather.leave_message(core)
        elif (deaf := self._circulation.deaf_member(now)) is not None:
            core.give_up_deaf(deaf, now)
            self._gather(f"node {deaf} receives no packets", now, failed={deaf: "receives no packets"})

    def _deliver(self) -> None:
        ring = self._ring
        store = ring.store
        if ring.delivered < store.aru:
            self.core.deliver(ring, store.aru, ring.safe_line)
        if store.discarded < ring.safe_line:
            store.discard(min(ring.safe_line, ring.delivered))

    def _run_alone(self, now: float) -> None:
        """A ring of one needs neither token nor packets: what is sent is received by all."""
        core = self.core
        while (message := core.queues.take()) is not None:
            core.delivery.message(core.node_id, *message)
        if core.leaving and core.queues.empty():
            gather.leave_message(core)

    def _announce(self, now: float, *, to_strangers: bool) -> None:
        """The representative announces the ring; the others too, while there are strangers about."""
        core, ring = self.core, self._ring
        if not to_strangers or now >= self._announce_deadline:
            self._announce_deadline = now + core.settings.announce_s
        datagram = self._strangers.announcement(ring.ring_id, ring.members, now).encode(core.cluster)
        if to_strangers or not self._represents:
            self._strangers.send(datagram, now)
        else:
            core.multicast(Scope.STRANGERS, ring.members, (datagram,))

    def _have_room(self, announce: Announce) -> bool:
        together = {*self._ring.members, *(node for node, _ in announce.members)}
        return self.core.has_room(together, f"ring {announce.ring_id} of node {announce.sender}", announce.sender)

    def _same_incarnation(self, announce: Announce) -> bool:
        return (announce.sender, self.core.incarnations[announce.sender]) in announce.members


def install(core: Core, circulation: Circulation, ring_id: RingId, joined: tuple[NodeId, ...], reason: str,
            now: float) -> None:  # fmt: skip
    """Installs the circulation's ring as the regular configuration, and becomes Operational."""
    old = core.ring
    core.ring = circulation.ring
    core.remember_only(circulation.ring.members, now)
    core.configuration = Configuration(
        ring_id=ring_id,
        transitional=False,
        members=circulation.ring.members,
        left=(),
        joined=joined,
        old_ring_id=old.ring_id if old.installed else None,
        reason=reason,
    )
    core.effects.append(core.configuration)
    core.become(Operational(core, circulation, now), now, f"ring {ring_id} is installed")
