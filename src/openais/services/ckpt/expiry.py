"""What expires: sections at their time, and checkpoints that nobody has open when their retention is over.

Timers change nothing: they have it multicast that something is over, and the delivery ends it, if it still is as it was
then. For sections the first of the sources says so, for checkpoints the first member.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from openais.messages.base import Source
from openais.messages.ckpt_group import GroupExpire, GroupUpdate, Identity
from openais.messages.ckpt_operations import EXPIRED_MAX, Expire, encode_operations
from openais.services.base import Effects, LocalNode, SetTimer, ToGroup
from openais.services.ckpt.checkpoints import Checkpoint, Checkpoints
from openais.services.deadlines import Deadlines
from openais.types import TIME_END, NodeId, Priority

TIMER: Final = "expiry"


class _Deadline(NamedTuple):
    """When a section expires, or the retention of a checkpoint ends."""

    checkpoint: Identity
    is_section: bool
    section: bytes
    stamp: int
    """The expiration time of the section, or the stamp of the close."""


class Expiry:
    """The deadlines of this node."""

    def __init__(self, node: LocalNode, checkpoints: Checkpoints) -> None:
        self._node: Final = node
        self._checkpoints: Final = checkpoints
        self._deadlines: Final = Deadlines[_Deadline](self._lives)
        self._armed_ns: int | None = None

    def look_at(self, checkpoint: Checkpoint) -> None:
        """Something of it may expire by now that did not before."""
        identity, retention_ns = checkpoint.identity, checkpoint.attributes.retention_ns
        if checkpoint.closed and retention_ns < TIME_END:
            due_ns = checkpoint.closed + retention_ns
            self._deadlines.add(_Deadline(identity, False, b"", checkpoint.closed), due_ns)
        expiring = checkpoint.replica.expiring
        for section in expiring:
            if section.expiration_ns < TIME_END:
                deadline = _Deadline(identity, True, section.section_id, section.expiration_ns)
                self._deadlines.add(deadline, section.expiration_ns)
        expiring.clear()

    def arm(self) -> Effects:
        """Sets the timer to the next deadline."""
        due_ns = self._deadlines.next_ns()
        if due_ns is not None and (self._armed_ns is None or due_ns < self._armed_ns):
            self._armed_ns = due_ns
            yield SetTimer(TIMER, max(0, due_ns - self._node.wall_time_ns) / 1e9)

    def timer(self, members: Sequence[NodeId]) -> Effects:
        """The time has come."""
        node, now_ns = self._node.node_id, self._node.wall_time_ns
        due = self._deadlines.take_due(max(now_ns, self._armed_ns or 0), EXPIRED_MAX)
        self._armed_ns = None
        ended = tuple((each.checkpoint, each.stamp) for each in due if not each.is_section)
        if ended and min(members) == node:
            yield ToGroup(GroupExpire(now_ns, ended), Priority.MED)
        sections: dict[Identity, list[tuple[bytes, int]]] = {}
        for each in due:
            if each.is_section:
                sections.setdefault(each.checkpoint, []).append((each.section, each.stamp))
        for identity, expired in sections.items():
            if self._checkpoints.by_identity[identity].sources[:1] == (node,):
                operations = msgspec.Raw(encode_operations([Expire(tuple(expired))]))
                yield ToGroup(GroupUpdate(Source(node, 0, 0), now_ns, identity, operations), Priority.MED)
        yield from self.arm()

    def _lives(self, deadline: _Deadline) -> bool:
        checkpoint = self._checkpoints.by_identity.get(deadline.checkpoint)
        if checkpoint is None:
            return False
        if not deadline.is_section:
            return checkpoint.closed == deadline.stamp
        section = checkpoint.replica.sections.get(deadline.section)
        return section is not None and section.expiration_ns == deadline.stamp
