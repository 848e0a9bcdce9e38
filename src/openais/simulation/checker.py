"""Watches a run as it happens, and reports every violation of an invariant with its evidence.

The harness tells it of every send, delivery, configuration and end of a life, at the boundary of each ring. What the
invariants say, and how each is found to be broken, is in `invariants`; here is when each is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from openais.simulation import invariants
from openais.simulation.history import Identity, Life, Message, Move, RingRecord, Stay
from openais.simulation.schedule import US, Scheduler
from openais.totem.effects import Configuration, Delivered, RingId
from openais.types import Guarantee, NodeId, Priority

VIOLATIONS_MAX: Final = 50
"""Violations that one run reports; what comes after the first few is their consequence."""

TITLES: Final = {
    "one active": "at most one component is active where the model says so",
    "one program": "a component is one program, on one node",
    "roles": "in 2N one unit is active for all",
    "capability": "no component has more than it takes",
    "assigned": "after the last fault all is assigned, and everybody knows what they have",
    "1": "each delivery has exactly one send before it, in its configuration",
    "2": "a configuration is installed by all its members, or they fail or go on",
    "3": "every event is in the configuration installed last, and they come in order",
    "4": "self-delivery",
    "5": "failure atomicity",
    "6": "total and causal order",
    "7": "safe delivery",
    "8": "transitional configurations and ring ids",
    "9": "one component has quorum",
    "10": "order within a priority",
    "11": "liveness after the last fault",
    "groups": "a message reaches the members of its groups only",
    "replicas": "replicated state is equal on all members of a configuration",
    "checkpoints": "checkpoints are equal everywhere, and hold what was written",
    "views": "cluster views are equal everywhere",
    "product": "the product stopped or failed",
}
"""The invariants by name: those of DESIGN 11 by number, and those of the layers above the ring."""


@dataclass(slots=True, frozen=True)
class Violation:
    """An invariant that did not hold, with the evidence. `nodes` is what every node said of itself then."""

    invariant: str
    evidence: str
    time_us: int
    nodes: dict[NodeId, Any]

    def __str__(self) -> str:
        return f"{self.time_us / US:.6f} s: invariant {self.invariant} ({TITLES[self.invariant]}): {self.evidence}"


class Checker:
    """Keeps the history of a run and checks it. `describe` gives what every node says of itself, for the evidence."""

    def __init__(self, scheduler: Scheduler, describe: Callable[[], dict[NodeId, Any]] = dict) -> None:
        self.violations: list[Violation] = []
        self.lives: list[Life] = []
        self.rings: dict[RingId, RingRecord] = {}
        self.deliveries = 0
        self._scheduler = scheduler
        self._describe = describe
        self._messages: dict[Identity, Message] = {}
        self._highest: dict[NodeId, RingId] = {}
        self._quorate: dict[RingId, tuple[NodeId, ...]] = {}

    def report(self, invariant: str, evidence: Iterable[str]) -> bool:
        """Reports each piece of `evidence` as a violation of `invariant`; answers whether there was any."""
        found = False
        for words in evidence:
            found = True
            if len(self.violations) < VIOLATIONS_MAX:
                self.violations.append(Violation(invariant, words, self._scheduler.now_us, self._describe()))
        return found

    # What happens

    def started(self, node: NodeId, forgetful: bool = False) -> Life:
        """A new life of `node`; with an empty disk it is a new processor, as far as its ring ids go."""
        if forgetful:
            self._highest.pop(node, None)
        life = Life(node, len(self.lives) + 1, self._scheduler.now_us)
        self.lives.append(life)
        return life

    def ended(self, life: Life) -> None:
        """fail(p): the node crashed, or left."""
        if life.ended_us is None:
            life.ended_us = self._scheduler.now_us
            if life.stay is not None:
                self._check_holes(life.stay)

    def group_joined(self, life: Life, group: bytes) -> None:
        """From here on messages of `group` are for the node."""
        life.groups.setdefault(group, self._scheduler.now_us)
        if life.stay is not None:
            life.stay.groups_ever.add(group)

    def group_left(self, life: Life, group: bytes) -> None:
        """From here on they are not."""
        life.groups.pop(group, None)
        if life.stay is not None:
            life.stay.groups_always.discard(group)

    def submitted(
        self,
        life: Life,
        identity: Identity,
        payload: bytes,
        groups: tuple[bytes, ...],
        guarantee: Guarantee,
        priority: Priority,
    ) -> None:
        """send(p, m): a message was accepted."""
        index = life.sent_by_priority.get(priority, 0)
        life.sent_by_priority[priority] = index + 1
        behind = len(life.stay.delivered) if life.stay is not None else 0
        now_us = self._scheduler.now_us
        message = Message(identity, life, payload, groups, guarantee, priority, index, now_us, life.stay, behind)
        life.sent.append(message)
        self._messages[identity] = message

    def delivered(self, life: Life, identity: Identity, effect: Delivered) -> None:
        """deliver(p, m, c)."""
        self.deliveries += 1
        message = self._messages.get(identity)
        stay = life.stay
        if message is None:
            self.report("1", [f"{life} delivers a message of node {effect.sender} that nobody sent: {effect}"])
            return
        if stay is None:
            self.report("3", [f"{life} delivers {message} before its first configuration"])
            return
        record = self.rings[stay.ring_id]
        if self.report("1", invariants.delivery_has_one_send(life, stay, message, effect)):
            return
        if not stay.may_want(message):
            self.report("groups", [f"{stay} is given {message} of groups {message.groups}, being in none of them"])
        self.report("8", invariants.no_strangers(stay, message))
        self.report("10", invariants.in_order_of_sending(life, message))
        self.report("6", invariants.one_order(record, stay, message))
        self.report("6", invariants.causes_first(stay, message))
        self.report("4", invariants.delivered_behind_the_sender(record, message, life))
        if message.guarantee is Guarantee.SAFE:
            self._check_safe(record, stay, message)
        message.origin = stay.ring_id
        life.delivered.add(identity)
        life.last_of[message.sender.number, message.priority] = message
        stay.place[identity] = len(stay.delivered)
        stay.delivered.append(message)

    def configured(self, life: Life, change: Configuration) -> None:
        """conf(p, c)."""
        self.report("3", invariants.configurations_in_order(life, change))
        self.report("8", invariants.transitional_within_both(life, change))
        if change.transitional:
            if life.stay is not None:
                self._transitional(life.stay, change)
        else:
            self._regular(life, change)

    def quorum(self, ring_id: RingId, members: tuple[NodeId, ...]) -> None:
        """9: a node says that its component has quorum. Two that have it must have a member in common, which was in one
        after the other."""
        for other, other_members in self._quorate.items():
            if ring_id not in self._quorate and set(members).isdisjoint(other_members):
                self.report("9", [f"ring {ring_id} of {members} and ring {other} of {other_members} both have quorum"])
        self._quorate[ring_id] = members

    def finish(self) -> None:
        """The run is over: checks what could be checked only now."""
        for record in self.rings.values():
            self.report("2", invariants.installed_by_all(record, self.lives))
        for life in self.lives:
            if life.ended_us is None and life.stay is not None:
                self._check_holes(life.stay)

    # Checks of several events

    def _transitional(self, stay: Stay, change: Configuration) -> None:
        stay.transitional = change
        stay.regular_count = len(stay.delivered)
        self.report("5", invariants.same_set_in_regular(stay, self._others(stay)))

    def _regular(self, life: Life, change: Configuration) -> None:
        node = life.node
        self.report("8", invariants.ring_ids_rise(self._highest.get(node), change, node))
        self._highest[node] = change.ring_id
        if life.stay is not None:
            self._close(life.stay, change.ring_id)
        now_us = self._scheduler.now_us
        record = self.rings.get(change.ring_id)
        if record is None:
            record = self.rings[change.ring_id] = RingRecord(change.ring_id, change.members, now_us, node)
        self.report("2", invariants.same_configuration(record, change, node))
        self.report("8", invariants.ring_id_is_new(record, change, node))
        came = life.stay.transitional if life.stay is not None else None
        if came is not None or life.stay is None:
            move = Move(node, change.old_ring_id, came.members if came is not None else ())
            self.report("8", invariants.same_companions(change.ring_id, move, record.moves))
            record.moves.append(move)
        self._check_passed_by(life, change.ring_id)
        life.stay = record.stays[node] = Stay(life, change, now_us, set(life.groups), set(life.groups))
        life.stays.append(life.stay)

    def _close(self, stay: Stay, next_ring: RingId) -> None:
        """The node went on to another ring: its stay is complete."""
        stay.next_ring = next_ring
        others = list(self._others(stay))
        self.report("4", invariants.sender_delivers(stay, others))
        self.report("5", invariants.same_set_in_transitional(stay, others))
        self.report("7", invariants.safe_everywhere(stay, others))
        self._check_holes(stay)

    def _check_holes(self, stay: Stay) -> None:
        for other in self._others(stay):
            self.report("6", invariants.no_holes(stay, other))
            if other.over or other.life.ended_us is not None:
                self.report("6", invariants.no_holes(other, stay))

    def _check_safe(self, record: RingRecord, stay: Stay, message: Message) -> None:
        self.report("7", invariants.safe_behind_a_member(record, stay, message))
        if stay.transitional is None and record.safe_in_regular is None:
            record.safe_in_regular = message
            for life in self.lives:
                if life.stay is not None and life.stay.ring_id > record.ring_id and self._took_part(life, record):
                    self.report("7", invariants.safe_ring_passed_by(record, life, life.stay.ring_id))

    def _check_passed_by(self, life: Life, next_ring: RingId) -> None:
        before = life.stay.ring_id if life.stay is not None else RingId(0, NodeId(0))
        for record in self.rings.values():
            if before < record.ring_id < next_ring and self._took_part(life, record):
                self.report("7", invariants.safe_ring_passed_by(record, life, next_ring))

    def _took_part(self, life: Life, record: RingRecord) -> bool:
        """Whether it was surely this life of the node that agreed to the ring, and not one that crashed before."""
        if life.ended_us is not None or life.node not in record.members:
            return False
        others = any(other.node == life.node and other is not life for other in self.lives)
        return life.started_us < record.first_installed_us - (US if others else 0)

    def _others(self, stay: Stay) -> Iterator[Stay]:
        """The stays of the other nodes in the same ring."""
        return (other for other in self.rings[stay.ring_id].stays.values() if other is not stay)
