"""What the states of the protocol share."""

from __future__ import annotations

from openais.totem.core import RESERVED_BLOCK, Core, sequence_from_clock
from openais.totem.effects import Recorded, StoreRingSequence
from openais.types import NodeId
from tests.totem.bench import SETTINGS


def made(sequence: int = 10) -> Core:
    return Core(NodeId(1), 1001, SETTINGS, sequence)


def test_what_is_known_of_others_is_forgotten_when_a_ring_is_installed() -> None:
    """A peer that calls itself something else in each join fills no memory."""
    core = made()
    for node in range(2, 500):
        core.addresses[NodeId(node)] = node
        core.incarnations[NodeId(node)] = node
        core.excluded[NodeId(node)] = (node, 1.0 if node % 2 else 3.0)
    core.remember_only((NodeId(1), NodeId(3)), now=2.0)
    assert core.addresses == {3: 3}
    assert core.incarnations == {1: 1001, 3: 3}
    assert set(core.excluded) == set(range(2, 500, 2))


def test_a_complaint_is_made_once_for_each_thing_it_is_about() -> None:
    """A mistake in another node's configuration shows in every datagram of it."""
    core = made()
    for about in (1, 1, 2, 1):
        core.complain("settings_differ", "text", about)
    assert len([effect for effect in core.effects if isinstance(effect, Recorded)]) == 2


def test_a_block_of_ring_sequences_is_asked_for_before_the_last_is_used_up() -> None:
    """Half of the block is left when the next one is asked for; what is learned of others counts as well."""
    core = made()
    core.learn_sequence(10)
    core.learn_sequence(10 + RESERVED_BLOCK // 2)
    core.learn_sequence(11 + RESERVED_BLOCK // 2)
    asked = [effect.sequence for effect in core.effects if isinstance(effect, StoreRingSequence)]
    assert asked == [10 + RESERVED_BLOCK, 11 + RESERVED_BLOCK // 2 + RESERVED_BLOCK]


def test_a_datagram_to_somebody_whose_address_is_not_known_is_counted() -> None:
    """There is nowhere to send it."""
    core = made()
    core.send(NodeId(9), b"datagram")
    assert (core.effects, core.counters) == ([], {"no_address": 1})


def test_a_millisecond_of_the_clock_is_worth_all_ring_sequences_that_a_start_reserves() -> None:
    """So a node that lost its disk starts beyond what it used, however often it was started before."""
    core = made(sequence_from_clock(1_700_000_000_000))
    core.learn_sequence(core.highest_sequence)
    (asked,) = [effect.sequence for effect in core.effects if isinstance(effect, StoreRingSequence)]
    assert asked <= sequence_from_clock(1_700_000_000_001)
