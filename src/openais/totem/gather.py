"""Gather: find out who is there, and agree on it (Totem paper, section 5.1).

Each processor multicasts a join message with the set of processors that it knows of, the set of those that it
considers failed, and whom it hears. The first two only grow while it gathers. When everybody who is left has sent
exactly our sets, and hears everybody, there is consensus, and the lowest of them, the representative, makes a commit
token.

A processor is put into the fail set when in time it was not heard by all (see `hearing`), when it considers us failed,
when it left in order, or when a member of our last ring says so. What a stranger says of a member of our last ring that
we do hear is held against the stranger: a newcomer with a bad link does not break a ring that works.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openais.totem.commit import Commit
from openais.totem.core import Core, Ring, earliest
from openais.totem.effects import Address, RingId, Scope
from openais.totem.hearing import hearing_set
from openais.totem.state import Idle, State
from openais.totem.wire import CommitToken, Join, Packet
from openais.types import NodeId

_STARTUP_JOINS = 3
"""A processor that hears nobody after it was started goes on alone after this many join intervals."""
_WAITS_MAX = 2
"""Consensus timeouts after which somebody must go, although everybody hears everybody."""


class Gather(State):
    """Looking for consensus. `reason` says why, in words that an operator understands."""

    name = "gather"

    def __init__(
        self,
        core: Core,
        reason: str,
        now: float,
        failed: dict[NodeId, str] | None = None,
        met: Iterable[NodeId] = (),
    ) -> None:
        super().__init__(core)
        self.reason = reason
        self._processors: set[NodeId] = {core.node_id, *core.ring.members, *met}
        self._failed: dict[NodeId, str] = dict(failed or {})
        self._consensus: set[NodeId] = {core.node_id}
        self._heard: dict[NodeId, frozenset[NodeId]] = {}
        """Whose joins came since we gather, and whom they say they hear."""
        self._ignored: set[NodeId] = set()
        """Whose joins were ignored. They are told that we hear them: two must not ignore each other for ever."""
        self._told_complete = False
        """The last join told that we hear everybody who is left."""
        self._started = now
        self._join_deadline = now
        self._consensus_deadline = now + self._consensus_s()
        self._waits = 0
        self._changed = False
        startup = 0.0 if core.ring.installed else _STARTUP_JOINS * core.settings.join_s
        self._alone_deadline: float | None = now + startup

    @property
    def deadline(self) -> float:
        alone = self._alone_deadline if len(self._candidates()) == 1 else None
        return earliest(self._join_deadline, self._consensus_deadline, alone)

    def enter(self, now: float) -> None:
        self.core.record("gather", self.reason, missed=[])
        self._send_join(now)

    def data(self, packet: Packet, now: float) -> None:
        ring = self.core.ring
        if packet.ring_id == ring.ring_id and packet.sender in ring.members:
            ring.store.add(packet)

    def join(self, join: Join, address: Address, now: float) -> None:
        core = self.core
        sender = join.sender
        if not self._is_rightful(join, now) or is_stale(join, core.ring):
            core.count("join_stale")
            return
        if not self._has_room(join):
            core.count("join_ignored")
            return
        if core.is_excluded(join, now):
            core.count("join_ignored")
            self._ignored.add(sender)
            return
        core.addresses[sender] = address
        core.incarnations[sender] = join.incarnation
        core.learn_sequence(join.ring_sequence)
        if join.leave:
            if sender in self._processors:
                self._fail(sender, "left in order")
                self._sets_changed(now)
            return
        self._heard[sender] = join.heard
        if sender in self._failed:
            core.count("join_of_failed")
        elif join.processors == self._processors and join.failed == self._failed.keys():
            self._consensus.add(sender)
        elif not (join.processors <= self._processors and join.failed <= self._failed.keys()):
            self._merge(join)
            self._sets_changed(now)

    def commit(self, token: CommitToken, now: float) -> None:
        core = self.core
        if token.ring_id.sequence <= core.ring.ring_id.sequence or token.ring_id <= core.tried:
            core.count("commit_stale")
            return
        core.learn_sequence(token.ring_id.sequence)
        members = [member.node_id for member in token.members]
        if set(members) != self._candidates():
            core.count("commit_of_others")
        elif token.hop != members.index(core.node_id):
            core.count("commit_late")  # in the second rotation, our entry was filled in by our past
        elif token.ring_id.sequence > core.reserved_sequence:
            core.count("commit_before_disk")  # it will be sent again, and by then the sequence is on disk
        elif token.ring_id.representative != core.node_id:
            state = Commit(core, token.ring_id, tuple(self._candidates()), self._story(), self._refused(now), now)
            core.become(state, now, f"commit token of ring {token.ring_id} from node {token.sender}")
            state.commit(token, now)

    def burst_end(self, now: float) -> None:
        if self._changed or (not self._told_complete and self._hears_all()):
            self._send_join(now)
        self._decide(now)

    def timeout(self, now: float) -> None:
        if now >= self._consensus_deadline:
            self._consensus_expired(now)
        if self._changed or now >= self._join_deadline:
            self._send_join(now)
        self._decide(now)

    def describe(self) -> dict[str, Any]:
        return {
            "reason": self.reason,
            "processors": sorted(self._processors),
            "failed": {str(node): why for node, why in sorted(self._failed.items())},
            "consensus": sorted(self._consensus),
        }

    def _candidates(self) -> set[NodeId]:
        return self._processors - self._failed.keys()

    def _consensus_s(self) -> float:
        return self.core.settings.consensus_s(len(self._processors))

    def _hears_all(self) -> bool:
        """Whether a join of everybody who is left has come."""
        return self._heard.keys() >= self._candidates() - {self.core.node_id}

    def _is_rightful(self, join: Join, now: float) -> bool:
        """Whether this is the processor that we know by the id, or its heir after a restart."""
        core = self.core
        known = core.incarnations.get(join.sender)
        if known is None or known == join.incarnation:
            return True
        if join.sender in self._heard:
            text = f"two nodes use node id {join.sender}; the one that came later is refused"
            core.complain("duplicate_node_id", text, join.sender, join.incarnation)
            return False
        grace = _STARTUP_JOINS * core.settings.join_s
        return join.sender not in core.ring.members or now >= self._started + grace

    def _has_room(self, join: Join) -> bool:
        return self.core.has_room(self._processors | join.processors, f"node {join.sender}", join.sender)

    def _merge(self, join: Join) -> None:
        """Takes over what the join's sets have and ours have not."""
        core = self.core
        sender = join.sender
        ours = frozenset(core.ring.members) if core.ring.installed else frozenset()
        given_up = frozenset(self._failed)
        self._processors |= join.processors
        self._processors.add(sender)
        if core.node_id in join.failed:
            self._fail(sender, "considers this node failed")
        elif sender in ours:
            for node in sorted(join.failed - given_up):
                self._fail(node, f"given up by node {sender}")
        elif join.failed & ours & (frozenset(self._heard) - given_up):
            self._fail(sender, "does not hear all of this ring")
        else:
            for node in sorted(join.failed - ours - given_up):
                self._fail(node, f"given up by node {sender}")

    def _fail(self, node: NodeId, why: str) -> None:
        self._processors.add(node)
        if node not in self._failed:
            self._failed[node] = why
            self.core.record("failed", f"node {node}: {why}", node=node, why=why)

    def _sets_changed(self, now: float) -> None:
        self._consensus = {self.core.node_id}
        self._consensus_deadline = now + self._consensus_s()
        self._changed = True

    def _send_join(self, now: float) -> None:
        core = self.core
        self._join_deadline = now + core.settings.join_s
        if core.highest_sequence >= core.reserved_sequence:
            self._changed = True
            if not core.ring.installed:
                self._alone_deadline = now + _STARTUP_JOINS * core.settings.join_s
            return  # until the disk has answered we can take part in no ring, and would only hold up the others
        self._changed = False
        self._told_complete = self._hears_all()
        join = Join(
            core.node_id, False, core.incarnation, core.highest_sequence, frozenset(self._processors),
            frozenset(self._failed), frozenset({core.node_id, *self._heard, *self._ignored}), self.reason,
            core.settings_blob,
        )  # fmt: skip
        core.multicast(Scope.EVERYONE, self._processors, (join.encode(core.cluster),))

    def _consensus_expired(self, now: float) -> None:
        """Nothing came of it in time: goes on with those that all hear each other."""
        core = self.core
        candidates = self._candidates()
        together = hearing_set(candidates, {**self._heard, core.node_id: {core.node_id, *self._heard}}, core.node_id)
        waited = round(self._consensus_s() * 1000)
        if together != candidates:
            for node in sorted(candidates - together):
                heard = node in self._heard
                self._fail(node, "hears only a part of us" if heard else f"no answer to joins for {waited} ms")
        elif len(candidates) > 1:
            self._waits += 1
            if self._waits >= _WAITS_MAX:
                self._fail_the_silent(candidates)
        self._sets_changed(now)

    def _fail_the_silent(self, candidates: set[NodeId]) -> None:
        """Everybody hears everybody, and still there is no ring."""
        for node in sorted(candidates - self._consensus):
            self._fail(node, "heard, but not in agreement")
        if candidates <= self._consensus and min(candidates) != self.core.node_id:
            self._fail(min(candidates), "sent no commit token")

    def _decide(self, now: float) -> None:
        """With consensus, the lowest of the candidates makes the ring."""
        core = self.core
        candidates = self._candidates()
        if not candidates <= self._consensus or core.node_id != min(candidates):
            return
        if any(not candidates <= self._heard[node] for node in candidates if node != core.node_id):
            return  # everybody is to hear everybody
        if len(candidates) == 1 and self._alone_deadline is not None and now < self._alone_deadline:
            return
        ring_id = RingId(core.highest_sequence + 1, core.node_id)
        if ring_id.sequence > core.reserved_sequence:
            core.learn_sequence(core.highest_sequence)
            self._alone_deadline = None
            return  # the sequence is on its way to the disk
        core.learn_sequence(ring_id.sequence)
        state = Commit(core, ring_id, tuple(candidates), self._story(), self._refused(now), now)
        core.become(state, now, f"consensus of nodes {sorted(candidates)} on ring {ring_id}")
        state.start(now)

    def _story(self) -> str:
        """Why the configuration that comes out of this changes."""
        failed = "; ".join(f"node {node}: {why}" for node, why in sorted(self._failed.items()))
        return f"{self.reason}; {failed}" if failed else self.reason

    def _refused(self, now: float) -> dict[NodeId, tuple[int, float]]:
        """Those that spoke but could not agree: they are not heard again for a while."""
        until = now + 2 * self._consensus_s()
        return {
            node: (self.core.incarnations[node], until)
            for node, why in self._failed.items()
            if node in self._heard and why != "left in order"
        }


def is_stale(join: Join, ring: Ring) -> bool:
    """Whether a join was sent by a member of our ring before the ring was formed."""
    return ring.installed and join.sender in ring.members and join.ring_sequence < ring.ring_id.sequence


def leave_message(core: Core) -> None:
    """Tells all that this processor leaves, twice for the case of loss, and ends."""
    join = Join(
        core.node_id, True, core.incarnation, core.highest_sequence, frozenset(core.ring.members),
        frozenset({core.node_id}), frozenset(), "leaves in order", core.settings_blob,
    )  # fmt: skip
    datagram = join.encode(core.cluster)
    core.multicast(Scope.EVERYONE, core.ring.members, (datagram, datagram))
    core.has_left = True
    core.state = Idle(core)
    core.record("left", "this node left the ring in order")
