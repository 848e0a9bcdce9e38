"""Who is in which group of the extended virtual synchrony service: its replicated state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from openais.messages.evs import GroupMember
from openais.types import NodeId

Groups: TypeAlias = dict[str, tuple[GroupMember, ...]]
"""Members by group name."""


class Change(NamedTuple):
    """What happened to one group."""

    group: str
    joined: tuple[GroupMember, ...]
    left: tuple[GroupMember, ...]


class Directory:
    """Who is in which group, in the whole cluster. Replicated: nothing local may flow into it.

    The members of a group are kept in order; a group without members is not kept.
    """

    def __init__(self) -> None:
        self.groups: Groups = {}

    def members(self, group: str) -> tuple[GroupMember, ...]:
        return self.groups.get(group, ())

    def groups_of(self, member: GroupMember) -> tuple[str, ...]:
        return tuple(sorted(group for group, members in self.groups.items() if member in members))

    def join(self, member: GroupMember, groups: Iterable[str]) -> list[Change]:
        """Adds `member` to those of `groups` that it is not in."""
        return self._update({group: {*self.members(group), member} for group in groups})

    def leave(self, member: GroupMember, groups: Iterable[str]) -> list[Change]:
        """Takes `member` out of `groups`."""
        return self._update({group: {*self.members(group)} - {member} for group in groups})

    def keep_nodes(self, nodes: Sequence[NodeId]) -> list[Change]:
        """Drops the members of all other nodes."""
        return self._update(
            {group: {each for each in members if each.node_id in nodes} for group, members in self.groups.items()}
        )

    def parts(self, size: int) -> Iterator[Groups]:
        """The directory in parts, each with `size` members of groups at most."""
        entries = [(group, member) for group, members in sorted(self.groups.items()) for member in members]
        for first in range(0, len(entries), size):
            part: Groups = {}
            for group, member in entries[first : first + size]:
                part[group] = (*part.get(group, ()), member)
            yield part

    def replace(self, entries: Iterable[tuple[str, GroupMember]]) -> list[Change]:
        """Makes `entries`, groups and members in them, the directory."""
        groups: dict[str, set[GroupMember]] = {group: set() for group in self.groups}
        for group, member in entries:
            groups.setdefault(group, set()).add(member)
        return self._update(groups)

    def _update(self, groups: Mapping[str, set[GroupMember]]) -> list[Change]:
        """Gives each of `groups` these members. Returns what changed, in the order of the names."""
        changes = []
        for group in sorted(groups):
            before, after = set(self.members(group)), groups[group]
            if after:
                self.groups[group] = tuple(sorted(after))
            else:
                self.groups.pop(group, None)
            if before != after:
                changes.append(Change(group, tuple(sorted(after - before)), tuple(sorted(before - after))))
        return changes
