"""The invariants as programs see them, and those of the state that the services replicate.

A program sees one stream: answers, messages, configurations, in order. So what it may be given is known exactly: of a
group from the answer of its join to that of its leave, each message once, in the one order, and between two
configurations just what every other member of the group was given that went through the same two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from openais.messages.clm import ClusterChange, ClusterView
from openais.messages.evs import ConfigurationView, Deliver, RingIdentity
from openais.simulation.checker import Checker
from openais.simulation.order import TotalOrder
from openais.totem.effects import RingId
from openais.types import ErrorCode, Guarantee, NodeId, Priority


class Member(Protocol):
    """A program, as the checker sees it."""

    number: int
    node_id: NodeId
    closed: bool


@dataclass(slots=True, eq=False)
class UserMessage:
    """A message that a program sent."""

    identity: tuple[int, int]
    sender: Member
    groups: tuple[str, ...]
    guarantee: Guarantee
    priority: Priority
    payload: bytes
    owed: bool = False
    """It was accepted while its sender was in one of its groups, and the sender stayed there."""

    def __str__(self) -> str:
        return f"message {self.identity[1]} of program {self.identity[0]} to {', '.join(self.groups)}"


Views: TypeAlias = dict[int, frozenset[NodeId]]
"""Members by view number."""


@dataclass(slots=True)
class _Seen:
    """What one program was given."""

    program: Member
    groups: dict[str, None] = field(default_factory=dict)
    delivered: set[tuple[int, int]] = field(default_factory=set)
    last: UserMessage | None = None
    last_of: dict[tuple[int, Priority], UserMessage] = field(default_factory=dict)
    sent: list[UserMessage] = field(default_factory=list)
    ring: RingIdentity | None = None
    segment: list[UserMessage] = field(default_factory=list)
    """Delivered since the last regular configuration."""
    whole: dict[str, None] = field(default_factory=dict)
    """Groups that it was in since that configuration."""
    view_number: int = 0
    members: set[NodeId] = field(default_factory=set)


class LibraryChecker:
    """Checks what programs are given, and that replicas are equal. Reports to `checker`."""

    def __init__(self, checker: Checker) -> None:
        self.deliveries = 0
        self._checker = checker
        self._messages: dict[tuple[int, int], UserMessage] = {}
        self._seen: dict[int, _Seen] = {}
        self._order: TotalOrder[UserMessage] = TotalOrder()
        self._segments: dict[tuple[RingIdentity, RingIdentity, str], tuple[Member, list[UserMessage]]] = {}
        self._replicas: dict[RingId, tuple[NodeId, Mapping[str, object]]] = {}
        self._views: dict[NodeId, Views] = {}

    # What programs do and are given

    def asked(self, messages: Sequence[UserMessage]) -> None:
        """A program is about to send these."""
        for message in messages:
            self._messages[message.identity] = message

    def accepted(self, messages: Sequence[UserMessage], count: int) -> None:
        """The first `count` of them were taken."""
        seen = self._of(messages[0].sender)
        for message in messages[:count]:
            message.owed = not seen.groups.keys().isdisjoint(message.groups)
            seen.sent.append(message)
        for message in messages[count:]:
            del self._messages[message.identity]

    def refused(self, program: str, request: str, code: ErrorCode, explanation: str) -> None:
        """A call failed that should not have."""
        self._checker.report("product", [f"{program}: {request} failed with {code.name}: {explanation}"])

    def joined(self, program: Member, groups: tuple[str, ...]) -> None:
        """The program was told that it is in `groups`."""
        self._of(program).groups.update(dict.fromkeys(groups))

    def left(self, program: Member, groups: tuple[str, ...]) -> None:
        """The program was told that it is out of `groups`."""
        seen = self._of(program)
        for group in groups:
            seen.groups.pop(group, None)
            seen.whole.pop(group, None)
        for message in seen.sent:
            message.owed = message.owed and not seen.groups.keys().isdisjoint(message.groups)

    def delivered(self, program: Member, identity: tuple[int, ...], deliver: Deliver, payload: bytes) -> None:
        """The program was given a message."""
        self.deliveries += 1
        seen = self._of(program)
        message = self._messages.get((identity[0], identity[1]))
        if message is None:
            self._report("1", f"{program} is given a message that nobody sent: {bytes(payload[:32]).hex()}")
            return
        if self._checker.report("1", _as_sent(seen, message, deliver, payload)):
            return
        if seen.groups.keys().isdisjoint(message.groups):
            self._report("groups", f"{program} is given {message}, being in {', '.join(seen.groups) or 'no group'}")
        last = seen.last_of.get((message.sender.number, message.priority))
        if last is not None and last.identity > message.identity:
            self._report("10", f"{program} is given {message} after {last}")
        if seen.last is not None:
            cycle = self._order.precede(seen.last, message)
            if cycle:
                chain = " before ".join(map(str, cycle))
                self._report("6", f"{program} is given {seen.last} before {message}; others were given {chain}")
        seen.delivered.add(message.identity)
        seen.last = seen.last_of[message.sender.number, message.priority] = message
        seen.segment.append(message)

    def configured(self, program: Member, view: ConfigurationView) -> None:
        """The program was told of a configuration."""
        if view.transitional:
            return
        seen = self._of(program)
        if seen.ring is not None and view.ring <= seen.ring:
            self._report("8", f"{program} is told of ring {view.ring} after {seen.ring}")
        if seen.ring is not None:
            for group in seen.whole:
                self._compare_segment(seen, (seen.ring, view.ring, group))
        seen.ring, seen.segment, seen.whole = view.ring, [], dict(seen.groups)

    def viewed(self, program: Member, view: ClusterView) -> None:
        """The program was told of a view of the cluster."""
        seen = self._of(program)
        if view.view_number < seen.view_number or (view.view_number == seen.view_number and seen.members):
            self._report("views", f"{program} is told of view {view.view_number} after view {seen.view_number}")
        for notification in view.notifications:
            if notification.change is ClusterChange.LEFT:
                seen.members.discard(notification.node.node_id)
            else:
                seen.members.add(notification.node.node_id)
        seen.view_number = view.view_number
        expected = self._views.get(program.node_id, {}).get(view.view_number)
        if len(seen.members) != view.member_count or (expected is not None and expected != seen.members):
            self._report(
                "views",
                f"{program} sees {sorted(seen.members)} in view {view.view_number}, which says {view.member_count}; "
                f"its node has {sorted(expected) if expected is not None else 'no such view'}",
            )

    # What the services hold

    def started(self, node: NodeId) -> None:
        """An executive begins: its views are numbered anew."""
        self._views[node] = {}

    def has_view(self, node: NodeId, number: int, members: frozenset[NodeId]) -> None:
        """The membership service of `node` is in a view."""
        self._views[node][number] = members

    def synchronized(self, node: NodeId, ring_id: RingId, state: Mapping[str, object]) -> None:
        """The replicated state of `node` is complete in this ring: it is that of all members."""
        first = self._replicas.setdefault(ring_id, (node, state))
        if first[1] != state:
            other, theirs = first
            parts = [name for name in state if state[name] != theirs.get(name)]
            evidence = "; ".join(f"{name}: {state[name]} and {theirs.get(name)}" for name in parts)
            self._report("replicas", f"in ring {ring_id} nodes {node} and {other} differ in {evidence}")

    def missing(self, running: set[NodeId]) -> Iterator[str]:
        """11: what programs wait for in vain. A program that stays is given what it sent to a group it is in."""
        for seen in self._seen.values():
            if seen.program.closed:
                continue
            for message in seen.sent:
                if message.owed and message.identity not in seen.delivered:
                    yield f"{seen.program} was not given its own {message}"
            if seen.members and seen.members != running:
                yield f"{seen.program} sees {sorted(seen.members)} as members; running are {sorted(running)}"

    # Helpers

    def _of(self, program: Member) -> _Seen:
        seen = self._seen.get(program.number)
        if seen is None:
            seen = self._seen[program.number] = _Seen(program)
        return seen

    def _report(self, invariant: str, evidence: str) -> None:
        self._checker.report(invariant, [evidence])

    def _compare_segment(self, seen: _Seen, key: tuple[RingIdentity, RingIdentity, str]) -> None:
        """5: members of a group that go from one ring to the same next one are given the same messages."""
        messages = [message for message in seen.segment if key[2] in message.groups]
        other, theirs = self._segments.setdefault(key, (seen.program, messages))
        if theirs != messages:
            differing = next((m for m in [*theirs, *messages] if (m in theirs) != (m in messages)), None)
            words = f"they differ in {differing}" if differing is not None else "in another order"
            self._report(
                "5",
                f"{seen.program} and {other} were in group {key[2]} all the time from {key[0]} to {key[1]}, and were "
                f"given {len(messages)} and {len(theirs)} messages of it; {words}",
            )


def _as_sent(seen: _Seen, message: UserMessage, deliver: Deliver, payload: bytes) -> Iterator[str]:
    """1: a message is delivered once, as it was sent."""
    if message.identity in seen.delivered:
        yield f"{seen.program} is given {message} a second time"
    sent = (message.sender.number, message.sender.node_id, message.groups, message.guarantee, message.priority)
    given = (
        deliver.sender.process_id, deliver.sender.node_id, deliver.groups, deliver.guarantee, deliver.priority,
    )  # fmt: skip
    if sent != given or payload != message.payload:
        yield f"{seen.program} is given {message} not as it was sent: {given}, expected {sent}"
