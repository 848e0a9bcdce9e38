"""Quorum: which component of a partitioned cluster may do what must be done in one place only.

Every node has one vote. With the rule `majority` a component has quorum when it has more than half of the votes
expected. Two components cannot both have that, as long as no more nodes exist than votes are expected; so the number
rises when a configuration is seen with more members, and executives that exchange state agree on the highest.

`wait_for_all` gives no quorum before all nodes expected have been together once since a node of the component was
started: a part of the cluster that comes up after a power failure does not begin without the rest.

`two_node` is for two nodes, where after a partition or a crash neither side has a majority. The node with the lower id
then keeps quorum, the other has none. It follows that the other stands still when the lower one crashes: no rule can
tell a crash from a partition with two nodes and nothing else, and one that lets both go on lets both be active.
Neither has quorum alone before the two have been together (as `wait_for_all`), since a node that never met the other
does not know which of them is the lower.
"""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from openais.types import NodeId


class QuorumRule(enum.Enum):
    """The setting `quorum`."""

    NONE = "none"
    """Every component carries on."""
    MAJORITY = "majority"


@dataclass(slots=True, frozen=True)
class QuorumSettings:
    """Raises ValueError when the settings contradict each other."""

    rule: QuorumRule = QuorumRule.NONE
    expected_votes: int = 0
    """Nodes of the whole cluster; needed with MAJORITY."""
    wait_for_all: bool = False
    two_node: bool = False

    def __post_init__(self) -> None:
        if self.rule is QuorumRule.MAJORITY and self.expected_votes < 1:
            raise ValueError(f"quorum majority: expected votes {self.expected_votes}, expected the number of nodes")
        if self.two_node and (self.rule is not QuorumRule.MAJORITY or self.expected_votes != 2):
            raise ValueError("two node: expected quorum majority with 2 expected votes")


class Quorum:
    """What this node knows of the votes. Equal on all nodes of a component, as it is part of the exchange of state."""

    def __init__(self, settings: QuorumSettings) -> None:
        self._settings = settings
        self.votes_expected = settings.expected_votes
        self.seen_all = False
        self._tie_breaker: NodeId | None = None
        """The lowest node id of the last configuration that had all votes."""

    def install(self, members: Collection[NodeId]) -> None:
        """A regular configuration was installed."""
        self.votes_expected = max(self.votes_expected, len(members))
        if len(members) == self.votes_expected:
            self.seen_all = True
            self._tie_breaker = min(members)

    def learn(self, votes_expected: int, seen_all: bool) -> None:
        """A member of the present configuration told what it knows, in an exchange that all members complete."""
        if votes_expected > self.votes_expected:
            self.votes_expected = votes_expected
            self.seen_all = False
        self.seen_all = self.seen_all or (seen_all and votes_expected == self.votes_expected)

    def has(self, members: Collection[NodeId]) -> bool:
        """Whether a component of these members has quorum."""
        if self._settings.rule is QuorumRule.NONE:
            return True
        if self._settings.wait_for_all and not self.seen_all:
            return False
        if self._settings.two_node and self.votes_expected == 2 and len(members) == 1:
            return self._tie_breaker in members
        return 2 * len(members) > self.votes_expected

    def describe(self) -> dict[str, Any]:
        """For people and tools."""
        return {
            "rule": self._settings.rule.value,
            "votes_expected": self.votes_expected,
            "wait_for_all": self._settings.wait_for_all,
            "two_node": self._settings.two_node,
            "seen_all": self.seen_all,
            "tie_breaker": self._tie_breaker,
        }

    def in_words(self) -> str:
        """The rule in force."""
        if self._settings.rule is QuorumRule.NONE:
            return "none: every component carries on"
        words = f"majority of {self.votes_expected} votes"
        if self._settings.two_node:
            return f"{words}, the lower of two nodes alone"
        return f"{words}, after all were seen" if self._settings.wait_for_all else words
