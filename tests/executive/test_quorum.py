"""Which component of a partitioned cluster has quorum."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openais.executive.quorum import Quorum, QuorumRule, QuorumSettings
from openais.types import NodeId
from tests.executive.cluster import Cluster


def majority(votes: int, wait_for_all: bool = False, two_node: bool = False) -> QuorumSettings:
    return QuorumSettings(QuorumRule.MAJORITY, votes, wait_for_all, two_node)


def quorate(cluster: Cluster) -> list[bool]:
    """Of every node, by node id."""
    return [cluster[node_id].executive.status().quorate for node_id in sorted(cluster.nodes)]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"rule": QuorumRule.MAJORITY}, "expected the number of nodes"),
        ({"two_node": True}, "expected quorum majority with 2 expected votes"),
        ({"rule": QuorumRule.MAJORITY, "expected_votes": 3, "two_node": True}, "with 2 expected votes"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(wrong: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        QuorumSettings(**wrong)


def test_without_the_rule_every_component_has_quorum() -> None:
    cluster = Cluster(1, 2, 3)
    cluster.form([1], [2, 3])
    assert quorate(cluster) == [True, True, True]


def test_a_component_with_more_than_half_of_the_votes_has_quorum() -> None:
    cluster = Cluster(1, 2, 3, 4, quorum=majority(4))
    cluster.form([1, 2], [3, 4])
    assert quorate(cluster) == [False] * 4
    cluster.form([1, 2, 3], [4])
    assert quorate(cluster) == [True, True, True, False]


def test_more_members_than_votes_raise_the_number_for_good() -> None:
    cluster = Cluster(1, 2, 3, 4, 5, quorum=majority(3))
    cluster.form([1, 2, 3, 4, 5])
    cluster.form([1, 2], [3, 4, 5])
    assert quorate(cluster) == [False, False, True, True, True]


def test_members_agree_on_the_highest_number_of_votes() -> None:
    cluster = Cluster(1, 2, 3, quorum=majority(3))
    cluster.quorum = majority(9)
    cluster.start(4)
    cluster.form([1, 2, 3, 4])
    assert quorate(cluster) == [False] * 4


def test_wait_for_all_gives_no_quorum_before_all_were_together() -> None:
    cluster = Cluster(1, 2, 3, quorum=majority(3, wait_for_all=True))
    cluster.form([1, 2], [3])
    assert quorate(cluster) == [False] * 3
    cluster.form([1, 2, 3])
    cluster.form([1, 2], [3])
    assert quorate(cluster) == [True, True, False]


def test_a_node_that_was_restarted_learns_that_all_were_seen() -> None:
    cluster = Cluster(1, 2, 3, quorum=majority(3, wait_for_all=True))
    cluster.form([1, 2, 3])
    cluster.start(2)
    cluster.form([1, 2], [3])
    assert quorate(cluster) == [True, True, False]
    assert cluster[2].ledger.quorate == [True]


def test_of_two_nodes_that_part_the_lower_one_keeps_quorum() -> None:
    cluster = Cluster(4, 9, quorum=majority(2, two_node=True))
    cluster.form([4, 9])
    assert quorate(cluster) == [True, True]
    cluster.form([4], [9])
    assert quorate(cluster) == [True, False]


def test_of_two_nodes_that_never_met_none_has_quorum() -> None:
    cluster = Cluster(4, 9, quorum=majority(2, two_node=True))
    cluster.form([4], [9])
    assert quorate(cluster) == [False, False]


def test_the_lower_of_two_nodes_has_no_quorum_alone_after_a_restart() -> None:
    cluster = Cluster(4, 9, quorum=majority(2, two_node=True))
    cluster.form([4, 9])
    cluster.start(4)
    cluster.form([4], [9])
    assert quorate(cluster) == [False, False]


def test_what_is_learned_does_not_depend_on_the_order() -> None:
    known = [(3, True), (5, False), (5, True), (4, True)]
    results = set()
    for order in itertools.permutations(known):
        quorum = Quorum(majority(3, wait_for_all=True))
        quorum.install([NodeId(1), NodeId(2)])
        for votes_expected, seen_all in order:
            quorum.learn(votes_expected, seen_all)
        results.add((quorum.votes_expected, quorum.seen_all))
    assert results == {(5, True)}


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([majority(5), majority(5, wait_for_all=True), majority(2, two_node=True)]),
    st.lists(st.tuples(st.integers(0, 31), st.integers(0, 8), st.integers(0, 15)), max_size=12),
)
def test_never_two_components_have_quorum(rule: QuorumSettings, steps: list[tuple[int, int, int]]) -> None:
    node_ids = list(range(1, rule.expected_votes + 1))
    cluster = Cluster(*node_ids, quorum=rule)
    for split, restart, limit in steps:
        sides = [[n for n in node_ids if split >> n & 1], [n for n in node_ids if not split >> n & 1]]
        if restart in node_ids:
            cluster.start(restart)
        cluster.group.configure(*[side for side in sides if side])
        cluster.group.deliver(limit=limit)
        with_quorum = {tuple(side) for side in sides if any(cluster[n].executive.status().quorate for n in side)}
        assert len(with_quorum) <= 1
