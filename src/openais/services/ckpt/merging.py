"""What becomes of the checkpoints when components with different states meet.

For each checkpoint, which is told by its identities, or by name and attributes where two partitions made one of the
same name:

* Replicas with the same last change are equal. All who have them are sources.
* A replica is *behind* when the component of another was given its last change too: it has nothing that the other has
  not, or had. It loses without a word.
* Two of which neither is behind went different ways: a conflict, which is told. The replica of the side that was
  quorate last wins; if that is undecided, which it always is without a quorum rule, the one that was changed last; then
  that of the lowest node id. Members of the losing side keep theirs until they have the winner's, should it be lost
  before; or for good, as another checkpoint with a name made from the old one, if so configured.
* A checkpoint that a component knew and has no more was ended there; it ends everywhere, unless it was changed
  elsewhere since, or somebody has it open.
* Who has it open on either side goes on having it open. It is unlinked if it was on any side.
* One of which all replicas were lost stays known, without a name; should a replica come back from another component,
  it is there again.
* Two of the same name with different attributes: one wins as above; the other is unlinked.

Everything here is computed by all members alike, from the same states in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from openais.messages.ckpt_group import CheckpointState, Fallback, HistoryState, Identity, Place
from openais.messages.ckpt_operations import Attributes
from openais.services.base import ComponentState
from openais.services.ckpt.checkpoints import Checkpoint
from openais.services.ckpt.history import known
from openais.types import NAME_LENGTH_MAX, TIME_END, NodeId

KEPT_INFIX: Final = "~"
"""Between the name of a checkpoint and what tells a replica of it that lost and was kept."""


@dataclass(slots=True, eq=False)
class Component:
    """The state that one component brings."""

    members: tuple[NodeId, ...]
    clock: int
    quorate_ring: int
    stretches: tuple[Place, ...]
    checkpoints: list[CheckpointState]


@dataclass(slots=True, eq=False)
class Part:
    """A checkpoint as one component has it."""

    component: Component
    state: CheckpointState

    @property
    def sources(self) -> tuple[NodeId, ...]:
        return tuple(node for node in self.state.sources if node in self.component.members)

    @property
    def quorate_ring(self) -> int:
        """The last quorate ring that this replica was in; 0 when it was made after the last one of its component."""
        last, made_in = self.component.quorate_ring, self.state.created.where
        return last if (made_in.sequence, made_in.part) <= (last, 0) else 0

    def includes(self, other: Part) -> bool:
        """Whether this replica has, or had, all that the other one has: the other is behind."""
        changed, gap = other.state.changed, self.state.gap
        if gap is not None and gap[0] < changed.stamp <= gap[1] and changed != self.state.changed:
            return False
        return known(self.component.stretches, changed) and not self._made_after_loss_of(other)

    def _made_after_loss_of(self, other: Part) -> bool:
        """Whether the component lost all replicas of the other one, and made this one in its place."""
        theirs = set(other.state.identities)
        return theirs.isdisjoint(self.state.identities) and any(
            not state.sources and not theirs.isdisjoint(state.identities) for state in self.component.checkpoints
        )


class Conflict(NamedTuple):
    """Two replicas went different ways."""

    name: str
    winners: tuple[NodeId, ...]
    losers: tuple[NodeId, ...]
    reason: str
    """Why the winner won."""
    kept_as: str
    """The name under which the loser is kept; empty when it is not."""

    def __str__(self) -> str:
        kept = f"; it is kept as {self.kept_as!r}" if self.kept_as else ""
        return (
            f"checkpoint {self.name!r} was changed on both sides: the replica of nodes {list(self.winners)} wins over "
            f"that of nodes {list(self.losers)}, since {self.reason}{kept}"
        )


class Merged(NamedTuple):
    """A checkpoint after the merge."""

    checkpoint: Checkpoint
    """Without sections."""
    parts: tuple[Part, ...]
    """What it was made from."""


class Outcome(NamedTuple):
    """The result of a merge."""

    merged: list[Merged]
    conflicts: list[Conflict]


def components_of(states: Sequence[ComponentState]) -> list[Component]:
    """The components, from their messages."""
    components = []
    for state in states:
        component = Component(state.members, 0, 0, (), [])
        for message in state.messages:
            if isinstance(message, HistoryState):
                component.clock, component.quorate_ring = message.clock, message.quorate_ring
                component.stretches = message.history
            elif isinstance(message, CheckpointState):
                component.checkpoints.append(message)
        components.append(component)
    return components


def merge(components: Sequence[Component], keep_losers: bool) -> Outcome:
    """Merges the checkpoints of all components."""
    outcome = Outcome([], [])
    for parts in _same(components):
        if _ended_elsewhere(parts, components):
            continue
        _merge_parts(parts, keep_losers, outcome)
    _settle_names(outcome)
    return outcome


# Which belong together.


def _same(components: Sequence[Component]) -> list[list[Part]]:
    """The parts of each checkpoint."""
    groups: list[list[Part]] = []
    for component in components:
        for state in component.checkpoints:
            part = Part(component, state)
            matching = list(_candidates(groups, state))
            joined = [each for group in matching for each in group] + [part]
            groups = [group for group in groups if group not in matching] + [joined]
    return groups


def _candidates(groups: list[list[Part]], state: CheckpointState) -> Iterator[list[Part]]:
    for group in groups:
        if any(_are_one(part.state, state) for part in group):
            yield group


def _are_one(one: CheckpointState, other: CheckpointState) -> bool:
    if set(one.identities) & set(other.identities):
        return True
    linked = not any(state.unlinked or not state.sources for state in (one, other))
    return linked and one.name == other.name and made_alike(one.attributes, other.attributes)


def made_alike(one: Attributes, other: Attributes) -> bool:
    """Whether a checkpoint with one of them was created as one with the other; the retention may be changed later."""
    return msgspec.structs.replace(one, retention_ns=other.retention_ns) == other


def _ended_elsewhere(parts: Sequence[Part], components: Sequence[Component]) -> bool:
    """Whether a component that knew all of it has ended it, and nothing speaks against that."""
    if any(count for part in parts for node, count in part.state.opens.items() if node in part.component.members):
        return False
    present = [part.component for part in parts]
    return any(
        all(
            known(component.stretches, part.state.created) and known(component.stretches, part.state.changed)
            for part in parts
        )
        for component in components
        if not any(component is each for each in present)
    )


# What they become.


def _merge_parts(every: Sequence[Part], keep_losers: bool, outcome: Outcome) -> None:
    parts = _first_of_each(every)
    complete = [part for part in parts if part.sources] or list(parts)
    winner, reasons = complete[0], {}
    for part in complete[1:]:
        better, reason = _better(winner, part)
        reasons[id(part if better is winner else winner)] = reason
        winner = better
    equal = [part for part in complete if part.state.changed == winner.state.changed]
    losers = [part for part in complete if part not in equal]
    losers.sort(key=lambda part: (-part.quorate_ring, -part.state.changed.stamp, part.component.members))
    checkpoint = _checkpoint(every, parts, winner, tuple(sorted({node for part in equal for node in part.sources})))
    fallbacks = []
    for loser in losers:
        fallbacks.append(Fallback(loser.state.changed, loser.sources))
        if winner.includes(loser):
            continue
        kept = _kept(loser, outcome) if keep_losers else None
        if kept is not None:
            outcome.merged.append(Merged(kept, (loser,)))
        reason = reasons.get(id(loser), "")
        kept_as = kept.name if kept is not None else ""
        conflict = Conflict(checkpoint.name, winner.component.members, loser.component.members, reason, kept_as)
        outcome.conflicts.append(conflict)
    fallbacks += [
        left for part in parts for each in part.state.fallbacks if (left := each.among(part.component.members)).nodes
    ]
    checkpoint.fallbacks = tuple(fallbacks)
    outcome.merged.append(Merged(checkpoint, tuple(parts)))


def _better(one: Part, other: Part) -> tuple[Part, str]:
    """The one that wins, and why."""
    if one.state.changed == other.state.changed:
        return one, "equal"
    if one.includes(other) != other.includes(one):
        return (one if one.includes(other) else other), "the other is behind"
    return _winner(one, other)


def _winner(one: Part, other: Part) -> tuple[Part, str]:
    rings = one.quorate_ring, other.quorate_ring
    if rings[0] != rings[1]:
        return (one if rings[0] > rings[1] else other), "it was quorate last"
    stamps = one.state.changed.stamp, other.state.changed.stamp
    if stamps[0] != stamps[1]:
        return (one if stamps[0] > stamps[1] else other), "it was changed last"
    return min(one, other, key=lambda part: part.component.members), "it has the lowest node id"


def _first_of_each(parts: Sequence[Part]) -> list[Part]:
    """One part of each component: what is one checkpoint in another may be two there, an unlinked one and its heir."""
    first: dict[int, Part] = {}
    for part in parts:
        other = first.setdefault(id(part.component), part)
        first[id(part.component)] = max(other, part, key=lambda each: (bool(each.sources), not each.state.unlinked))
    return list(first.values())


def _checkpoint(every: Sequence[Part], parts: Sequence[Part], winner: Part, sources: tuple[NodeId, ...]) -> Checkpoint:
    """The merged checkpoint, as the winner has it."""
    opens: dict[NodeId, int] = {}
    for part in every:
        for node, count in part.state.opens.items():
            if node in part.component.members:
                opens[node] = opens.get(node, 0) + count
    state = winner.state
    return Checkpoint(
        name=state.name,
        identities=tuple(sorted({identity for part in every for identity in part.state.identities})),
        attributes=state.attributes,
        created=min(part.state.created for part in parts),
        changed=state.changed,
        unlinked=any(part.state.unlinked for part in parts if part.sources or not sources),
        opens=dict(sorted(opens.items())),
        active=state.active,
        closed=0 if opens else max(max(part.state.closed for part in parts), 1),
        sources=sources,
        gap=state.gap,
    )


def _kept(loser: Part, outcome: Outcome) -> Checkpoint | None:
    """A replica that lost, as a checkpoint of its own. None when nothing is in it that could be inspected."""
    state, first = loser.state, loser.component.members[0]
    suffix = f"{KEPT_INFIX}{first}{KEPT_INFIX}{state.changed.stamp}"
    stem = state.name.encode()[: NAME_LENGTH_MAX - len(suffix)].decode(errors="ignore")
    if any(merged.checkpoint.name == stem + suffix for merged in outcome.merged):
        return None
    identity = Identity(first, -state.changed.stamp, state.identities[0].number)
    return Checkpoint(
        name=stem + suffix,
        identities=(identity,),
        attributes=msgspec.structs.replace(state.attributes, retention_ns=TIME_END),
        created=state.changed,
        changed=state.changed,
        closed=state.changed.stamp,
        sources=loser.sources,
    )


def _settle_names(outcome: Outcome) -> None:
    """Of linked checkpoints with one name one keeps it."""
    holders: dict[str, Merged] = {}
    for merged in outcome.merged:
        checkpoint = merged.checkpoint
        if checkpoint.unlinked or not checkpoint.sources:
            continue
        holder = holders.setdefault(checkpoint.name, merged)
        if holder is merged:
            continue
        parts = [max(each.parts, key=lambda part: part.state.changed) for each in (holder, merged)]
        better, reason = _winner(*parts)
        winner, loser = (holder, merged) if better is parts[0] else (merged, holder)
        holders[checkpoint.name] = winner
        loser.checkpoint.unlinked = True
        sides = winner.checkpoint.sources, loser.checkpoint.sources
        outcome.conflicts.append(Conflict(checkpoint.name, *sides, f"the attributes differ; {reason}", ""))
    outcome.merged[:] = [each for each in outcome.merged if not each.checkpoint.unlinked or each.checkpoint.opens]
