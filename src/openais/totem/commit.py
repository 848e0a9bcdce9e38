"""Commit: the commit token goes round the members to be, and each writes on it what it has of its old ring.

(Totem paper, section 5.2.) On the first rotation each member fills in its entry; on the second each learns all
entries and goes to Recovery. From the moment an entry is filled in until the ring is installed or given up, nothing
more of the old ring is received but through recovery: what was said stays true.
"""

from __future__ import annotations

from typing import Any

from openais.totem import gather
from openais.totem.core import Core, earliest
from openais.totem.effects import Address, RingId
from openais.totem.recovery import Recovery
from openais.totem.state import State
from openais.totem.wire import CommitMember, CommitToken, Join
from openais.types import NodeId


class Commit(State):
    """Waiting for the commit token to come back. `reason` is the story of the configuration change."""

    name = "commit"

    def __init__(self, core: Core, ring_id: RingId, members: tuple[NodeId, ...], reason: str,
                 refused: dict[NodeId, tuple[int, float]], now: float) -> None:  # fmt: skip
        super().__init__(core)
        self._ring_id = ring_id
        self._members = tuple(sorted(members))
        self._reason = reason
        self._refused = refused
        self._index = self._members.index(core.node_id)
        core.tried = ring_id
        self._sent: bytes | None = None
        self._repeat_deadline: float | None = None
        self._loss_deadline = now + core.settings.token_loss_s(len(members))

    @property
    def deadline(self) -> float:
        return earliest(self._loss_deadline, self._repeat_deadline)

    def start(self, now: float) -> None:
        """As the representative: sends the commit token on its way; alone there is nobody to ask."""
        empty = RingId(0, NodeId(0))
        entries = tuple(CommitMember(node, False, 0, empty, 0, 0, 0, False, ()) for node in self._members)
        token = self._filled(CommitToken(self.core.node_id, self._ring_id, 0, entries))
        if len(self._members) == 1:
            self._recover(token, now)
        else:
            self._pass_on(token, now)

    def commit(self, token: CommitToken, now: float) -> None:
        if token.ring_id != self._ring_id or tuple(m.node_id for m in token.members) != self._members:
            self.core.count("commit_foreign")
            return
        count = len(self._members)
        if self._index == 0 and token.hop == count and all(member.filled for member in token.members):
            self._recover(token, now)
        elif self._index and token.hop == self._index and self._sent is None:
            self._pass_on(self._filled(token), now)
        elif self._index and token.hop == count + self._index and all(member.filled for member in token.members):
            self._recover(token, now)
        else:
            self.core.count("commit_repeated")

    def join(self, join: Join, address: Address, now: float) -> None:
        give_up(self.core, self._ring_id, self._members, join, address, now)

    def timeout(self, now: float) -> None:
        if now >= self._loss_deadline:
            why = f"the commit token of ring {self._ring_id} was lost"
            self.core.become(gather.Gather(self.core, why, now), now, why)
        elif self._repeat_deadline is not None and now >= self._repeat_deadline and self._sent is not None:
            self._send(self._sent, now)

    def describe(self) -> dict[str, Any]:
        return {"ring": str(self._ring_id), "members": list(self._members)}

    def _entry(self) -> CommitMember:
        """What we have of our old ring. Nothing of it is received in this state, so it stays true."""
        ring = self.core.ring
        return CommitMember(
            self.core.node_id, True, self.core.incarnation, ring.ring_id, ring.store.aru, ring.store.high,
            ring.safe_line, ring.received_all, tuple(sorted(ring.obligation)),
        )  # fmt: skip

    def _filled(self, token: CommitToken) -> CommitToken:
        """The token with our entry."""
        entry = self._entry()
        return token._replace(members=tuple(entry if m.node_id == entry.node_id else m for m in token.members))

    def _pass_on(self, token: CommitToken, now: float) -> None:
        token = token._replace(sender=self.core.node_id, hop=token.hop + 1)
        self._send(token.encode(self.core.cluster), now)

    def _send(self, datagram: bytes, now: float) -> None:
        self._sent = datagram
        self._repeat_deadline = now + self.core.settings.token_retransmit_s
        self.core.send(self._members[(self._index + 1) % len(self._members)], datagram)

    def _recover(self, token: CommitToken, now: float) -> None:
        if token.members[self._index] != self._entry():
            self.core.count("commit_contradicts_us")
            return
        for member in token.members:
            self.core.excluded.pop(member.node_id, None)
            self.core.incarnations[member.node_id] = member.incarnation
        self.core.excluded.update(self._refused)
        state = Recovery(self.core, token, self._reason, now)
        self.core.become(state, now, f"all members of ring {self._ring_id} have told what they have")


def give_up(core: Core, ring_id: RingId, members: tuple[NodeId, ...], join: Join, address: Address,
            now: float) -> None:  # fmt: skip
    """A join came while a ring was being formed: gather again if one of its members gave the ring up or left."""
    sender = join.sender
    if sender not in members or core.incarnations.get(sender) != join.incarnation:
        core.count("join_while_forming")
        return
    if join.leave:
        why = f"node {sender} left in order while ring {ring_id} was formed"
        core.become(gather.Gather(core, why, now, {sender: "left in order"}), now, why)
    elif join.ring_sequence >= ring_id.sequence:
        why = f"node {sender} gave up ring {ring_id}: {join.reason}"
        core.become(gather.Gather(core, why, now), now, why)
    else:
        core.count("join_stale")
        return
    core.state.join(join, address, now)
