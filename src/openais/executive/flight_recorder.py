"""The flight recorder: the last events of the protocol and the executive, always on, and why configurations changed.

Events come from the ring (`Recorded`) and from the executive. All that happened since one regular configuration up to
the next is the evidence for why that one was installed: the first time that the ring went to its state `gather` is the
first sign, and its `why` the cause. A cause that another node told begins with `node N: `, or is that it left in order;
then that node noticed first, else this one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from openais.totem.effects import Configuration, RingId
from openais.types import NodeId, TimeNs

_TOLD: Final = re.compile(r"node (\d+)(: | left in order)")

EVENTS_MAX: Final = 4096
REASONS_MAX: Final = 64
EVIDENCE_MAX: Final = 32
"""Events kept with each reason: the first ones, and the last one that there was."""
NO_EVIDENCE: Final = frozenset(("library",))
"""Kinds of events that have nothing to do with configurations, and of which there may be many."""


@dataclass(slots=True, frozen=True)
class Event:
    """Something that happened. `at_s` is the monotonic clock, `kind` a stable lower-case word for tools."""

    at_s: float
    wall_ns: TimeNs
    kind: str
    text: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, frozen=True)
class Reason:
    """Why a regular configuration was installed."""

    wall_ns: TimeNs
    ring_id: RingId
    members: tuple[NodeId, ...]
    left: tuple[NodeId, ...]
    joined: tuple[NodeId, ...]
    sentence: str
    noticed_by: NodeId | None
    """The node that noticed first: this one, unless it was told by another."""
    duration_s: float | None
    """From the first sign at this node to the new configuration; None when there was none."""
    evidence: tuple[Event, ...]


class FlightRecorder:
    """Keeps the last events and reasons. Costs nothing on the path of a message: nothing is recorded there."""

    def __init__(self, node_id: NodeId, events_max: int = EVENTS_MAX, reasons_max: int = REASONS_MAX) -> None:
        self._node_id = node_id
        self._events: deque[Event] = deque(maxlen=events_max)
        self._reasons: deque[Reason] = deque(maxlen=reasons_max)
        self._evidence: list[Event] = []
        self._first_sign: Event | None = None
        self._left: list[NodeId] = []

    def record(self, event: Event) -> None:
        """Takes an event; the oldest makes room."""
        self._events.append(event)
        if self._first_sign is None and event.kind == "state" and event.details.get("state") == "gather":
            self._first_sign = event
        if event.kind in NO_EVIDENCE:
            return
        if len(self._evidence) == EVIDENCE_MAX:
            self._evidence.pop()
        self._evidence.append(event)

    def configuration(self, configuration: Configuration, at_s: float, wall_ns: TimeNs) -> None:
        """Takes a configuration; at a regular one, the events since the last one become its reason."""
        kind = "transitional" if configuration.transitional else "regular"
        members = _nodes(configuration.members)
        text = f"{kind} configuration {configuration.ring_id} of {members}: {configuration.reason}"
        details = {"ring": str(configuration.ring_id), "members": list(configuration.members)}
        self.record(Event(at_s, wall_ns, "configuration", text, details))
        self._left += configuration.left
        if not configuration.transitional:
            self._reasons.append(self._reason(configuration, at_s, wall_ns))
            self._evidence, self._first_sign, self._left = [], None, []

    def events(self, limit: int | None = None) -> list[Event]:
        """The last events, oldest first."""
        return list(self._events)[-limit if limit else 0 :]

    def why(self, limit: int | None = None) -> list[Reason]:
        """The reasons of the last regular configurations, oldest first, one sentence each with the evidence."""
        return list(self._reasons)[-limit if limit else 0 :]

    def _reason(self, configuration: Configuration, at_s: float, wall_ns: TimeNs) -> Reason:
        first = self._first_sign
        left = tuple(sorted(set(self._left)))
        noticed_by = _noticed_by(first, self._node_id)
        duration_s = None if first is None else at_s - first.at_s
        cause = configuration.reason or (str(first.details.get("why", first.text)) if first else "")
        parts = [f"{_change(configuration, left)}{f': {cause}' if cause else ''}"]
        if noticed_by is not None:
            here = ", this one" if noticed_by == self._node_id else ""
            parts.append(f"noticed first by node {noticed_by}{here}")
        if duration_s is not None:
            parts.append(f"{duration_s:.2f} s from the first sign to the new configuration")
        return Reason(
            wall_ns=wall_ns,
            ring_id=configuration.ring_id,
            members=configuration.members,
            left=left,
            joined=configuration.joined,
            sentence=f"{'; '.join(parts)}.",
            noticed_by=noticed_by,
            duration_s=duration_s,
            evidence=tuple(self._evidence),
        )


def _noticed_by(first: Event | None, local: NodeId) -> NodeId | None:
    if first is None:
        return None
    told = _TOLD.match(str(first.details.get("why", "")))
    return NodeId(int(told[1])) if told else local


def _change(configuration: Configuration, left: tuple[NodeId, ...]) -> str:
    """What changed, such as `Node 3 left, nodes 1 and 2 go on`."""
    joined = set(configuration.joined)
    members = _nodes(configuration.members)
    if configuration.old_ring_id is None:
        return f"This executive started, in a configuration of {members}"
    changes = [
        f"{_nodes(nodes)} {what}"
        for nodes, what in (
            (set(left) - joined, "left"),
            (joined - set(left), "joined"),
            (joined & set(left), "left and came back"),
        )
        if nodes
    ]
    words = ", ".join(changes) if changes else "The ring was formed anew by the same members"
    return f"{words[0].upper()}{words[1:]}, {members} {'goes' if len(configuration.members) == 1 else 'go'} on"


def _nodes(node_ids: Iterable[NodeId]) -> str:
    """`node 1`, `nodes 1 and 2`, `nodes 1, 2 and 3`."""
    names = [str(node_id) for node_id in sorted(node_ids)]
    if len(names) == 1:
        return f"node {names[0]}"
    return f"nodes {', '.join(names[:-1])} and {names[-1]}" if names else "no nodes"
