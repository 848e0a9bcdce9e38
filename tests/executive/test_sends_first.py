"""What the ring sends leaves before what it delivered is looked at: others wait for the token."""

from __future__ import annotations

from openais.executive.effects import ExecutiveEffect, ToLibrary
from openais.totem.effects import Multicast, Scope, SendTo
from tests.executive.cluster import Cluster, Node
from tests.executive.ledger import Write

PATIENT = Multicast(Scope.RING, ("successor",), (b"patient",), patient=True)
TOKEN = SendTo("successor", (b"token",))
PACKETS = Multicast(Scope.RING, ("successor",), (b"packet",))


def delivering_and_sending(*sent: Multicast | SendTo) -> Node:
    """A node whose ring has delivered the write of its library, and then sends."""
    cluster = Cluster(1)
    cluster.form((1,))
    node = cluster[1]
    node.library().send(Write("first"))
    message = node.ring.pop()
    assert message is not None
    node.ring.effects += [message, *sent]
    return node


def kinds(effects: list[ExecutiveEffect]) -> list[type]:
    return [type(effect) for effect in effects]


def test_what_is_to_be_sent_is_given_before_what_was_delivered_is_handled() -> None:
    node = delivering_and_sending(PACKETS, TOKEN)
    node.executive.timeout(0.0, 0)
    assert node.executive.take_effects() == [PACKETS, TOKEN]
    assert node.ledger.entries == []
    assert kinds(node.executive.take_effects()) == [ToLibrary]
    assert node.ledger.entries == ["first"]
    assert node.executive.take_effects() == []


def test_the_next_input_finds_what_was_delivered_before_handled() -> None:
    """A runtime may hand in several inputs before it performs anything."""
    node = delivering_and_sending(PACKETS, TOKEN)
    node.executive.timeout(0.0, 0)
    node.executive.timeout(0.0, 0)
    assert node.ledger.entries == ["first"]
    assert kinds(node.executive.take_effects()) == [Multicast, SendTo, ToLibrary]


def test_what_nobody_waits_for_leaves_behind_what_was_delivered() -> None:
    """The ring keeps the token, and the program that sent the message waits for it."""
    node = delivering_and_sending(PATIENT)
    node.executive.timeout(0.0, 0)
    assert kinds(node.executive.take_effects()) == [ToLibrary]
    assert node.executive.take_effects() == [PATIENT]
    assert node.executive.take_effects() == []


def test_what_the_ring_sends_stays_in_order() -> None:
    node = delivering_and_sending(PATIENT)
    node.executive.timeout(0.0, 0)
    node.ring.effects += [PACKETS, TOKEN]
    node.executive.timeout(0.0, 0)
    assert kinds(node.executive.take_effects()) == [ToLibrary, Multicast, Multicast, SendTo]
    node = delivering_and_sending(PATIENT, TOKEN)
    node.executive.timeout(0.0, 0)
    assert node.executive.take_effects() == [PATIENT, TOKEN]
