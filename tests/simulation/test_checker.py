"""Every invariant is broken once on purpose, in one place of the product, and the checker reports just that one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from openais.simulation.cluster import RingCluster
from openais.simulation.network import Quality
from openais.simulation.ring import RingFactory
from openais.simulation.runner import settle
from openais.totem.effects import Address, Configuration, Delivered, RingEffect
from openais.totem.processor import Processor
from openais.totem.settings import RingSettings
from openais.types import Guarantee, NodeId, Priority

SETTINGS = RingSettings(cluster="simulated", token_timeout_s=0.1)
ONE, TWO, THREE = NodeId(1), NodeId(2), NodeId(3)

Tamper = Callable[[list[RingEffect]], list[RingEffect]]


def cluster_of(count: int, make_ring: RingFactory = Processor) -> RingCluster:
    """A cluster that is one ring."""
    cluster = RingCluster(count, SETTINGS, quality=Quality(latency_us=500), make_ring=make_ring)
    cluster.boot_all()
    assert cluster.run(2.0, cluster.is_whole)
    return cluster


def send(cluster: RingCluster, node: NodeId, *payloads: bytes, **how: object) -> None:
    """A node sends, and there is time for all to deliver it."""
    cluster.submit(node, payloads, **how)  # type: ignore[arg-type]
    cluster.run(0.1)


def broken(cluster: RingCluster) -> set[str]:
    """The invariants that were reported up to the end of the run."""
    cluster.run(1.0)
    cluster.checker.finish()
    return {violation.invariant for violation in cluster.checker.violations}


def without(payload: bytes) -> Tamper:
    """Does not deliver the message with that payload."""
    return lambda effects: [e for e in effects if not (isinstance(e, Delivered) and payload in bytes(e.payload))]


def tamper_with(cluster: RingCluster, node: NodeId, tamper: Tamper) -> None:
    cluster.rings[node].tamper = tamper


def test_nothing_is_reported_of_a_ring_that_works() -> None:
    cluster = cluster_of(3)
    send(cluster, ONE, b"a", b"b", guarantee=Guarantee.SAFE)
    cluster.crash(TWO)
    cluster.run(1.0)
    cluster.boot(TWO)
    send(cluster, THREE, b"c")
    assert broken(cluster) == set()


def test_1_a_message_delivered_twice_is_reported() -> None:
    cluster = cluster_of(3)
    tamper_with(cluster, TWO, lambda effects: [e for e in effects for _ in range(1 + isinstance(e, Delivered))])
    send(cluster, ONE, b"once")
    assert broken(cluster) == {"1"}


def test_1_a_message_that_changed_on_the_way_is_reported() -> None:
    def change(effects: list[RingEffect]) -> list[RingEffect]:
        return [replace(e, payload=b"x" + bytes(e.payload)[1:]) if isinstance(e, Delivered) else e for e in effects]

    cluster = cluster_of(3)
    tamper_with(cluster, TWO, change)
    send(cluster, ONE, b"original")
    assert broken(cluster) == {"1"}


def test_1_a_message_that_nobody_sent_is_reported() -> None:
    cluster = cluster_of(3)
    invented = Delivered(ONE, (), b"not so" + bytes(12), Guarantee.AGREED, Priority.MED)
    tamper_with(cluster, TWO, lambda effects: [invented, *effects] if effects else effects)
    cluster.run(0.2)
    assert broken(cluster) == {"1"}


def test_2_a_member_that_stays_behind_is_reported() -> None:
    cluster = cluster_of(3)
    tamper_with(cluster, THREE, lambda effects: [e for e in effects if not isinstance(e, Configuration)])
    cluster.crash(ONE)
    assert broken(cluster) == {"2"}


def test_3_a_missing_transitional_configuration_is_reported() -> None:
    def leave_out(effects: list[RingEffect]) -> list[RingEffect]:
        return [_all_at_once(e) for e in effects if not (isinstance(e, Configuration) and e.transitional)]

    def _all_at_once(effect: RingEffect) -> RingEffect:
        return replace(effect, left=(ONE,), joined=()) if isinstance(effect, Configuration) else effect

    cluster = cluster_of(3)
    tamper_with(cluster, THREE, leave_out)
    cluster.crash(ONE)
    assert broken(cluster) == {"3"}


def test_3_a_configuration_that_hides_who_left_is_reported() -> None:
    cluster = cluster_of(3)
    tamper_with(
        cluster, THREE, lambda effects: [replace(e, left=()) if isinstance(e, Configuration) else e for e in effects]
    )
    cluster.crash(ONE)
    assert broken(cluster) == {"3"}


def test_4_a_sender_that_does_not_deliver_its_own_message_is_reported() -> None:
    cluster = cluster_of(3)
    tamper_with(cluster, TWO, without(b"mine"))
    send(cluster, TWO, b"mine")
    cluster.network.partition([[ONE, THREE], [TWO]])
    assert broken(cluster) == {"4"}


def test_5_companions_that_delivered_different_sets_are_reported() -> None:
    cluster = cluster_of(3)
    tamper_with(cluster, THREE, without(b"last words"))
    send(cluster, ONE, b"last words")
    cluster.crash(ONE)
    assert broken(cluster) == {"5"}


def test_6_two_messages_in_another_order_are_reported() -> None:
    held: list[RingEffect] = []

    def turn_round(effects: list[RingEffect]) -> list[RingEffect]:
        """Delivers the first message behind the next one."""
        result: list[RingEffect] = []
        for effect in effects:
            if isinstance(effect, Delivered) and b"first" in bytes(effect.payload):
                held.append(effect)
            elif isinstance(effect, Delivered):
                result += [effect, *held]
                held.clear()
            else:
                result.append(effect)
        return result

    cluster = cluster_of(3)
    tamper_with(cluster, THREE, turn_round)
    send(cluster, ONE, b"first")
    send(cluster, TWO, b"second")
    assert broken(cluster) == {"6"}


def test_6_a_hole_in_the_order_is_reported() -> None:
    cluster = cluster_of(3)
    tamper_with(cluster, THREE, without(b"first"))
    cluster.submit(ONE, [b"first", b"second"])
    cluster.run(0.1)
    cluster.crash(THREE)
    assert broken(cluster) == {"6"}


def test_6_an_answer_without_its_question_is_reported() -> None:
    cluster = cluster_of(3)
    tamper_with(cluster, THREE, without(b"question"))
    send(cluster, ONE, b"question")
    send(cluster, TWO, b"answer")
    assert broken(cluster) == {"6"}
    assert "before sending it" in cluster.checker.violations[0].evidence


def test_7_a_safe_message_that_a_member_goes_on_without_is_reported() -> None:
    cluster = cluster_of(3)
    tamper_with(cluster, THREE, without(b"important"))
    send(cluster, ONE, b"important", guarantee=Guarantee.SAFE)
    cluster.network.partition([[ONE, TWO], [THREE]])
    assert broken(cluster) == {"7"}


def test_8_a_companion_left_out_of_the_transitional_configuration_is_reported() -> None:
    def go_alone(effects: list[RingEffect]) -> list[RingEffect]:
        return [_alone(e) if isinstance(e, Configuration) else e for e in effects]

    def _alone(change: Configuration) -> Configuration:
        if change.transitional:
            return replace(change, members=(THREE,), left=(ONE, TWO))
        return replace(change, joined=(TWO,))

    cluster = cluster_of(3)
    tamper_with(cluster, THREE, go_alone)
    cluster.crash(ONE)
    assert broken(cluster) == {"8"}


def test_8_a_ring_id_used_again_after_a_restart_is_reported() -> None:
    cluster = cluster_of(3)
    cluster.network.partition([[ONE], [TWO], [THREE]])
    cluster.run(1.0)
    cluster.crash(THREE)
    cluster.nodes[THREE].disk.ring_sequence = 0
    cluster.boot(THREE)
    assert broken(cluster) == {"8"}


def test_10_a_sender_that_turns_its_messages_round_is_reported() -> None:
    class LastFirst(Processor):
        """Queues the first message behind the second."""

        held: tuple[bytes, tuple[bytes, ...], Guarantee, Priority] | None = None

        def submit(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
            if self.held is None:
                self.held = (payload, groups, guarantee, priority)
                return True
            return super().submit(payload, groups, guarantee, priority) and super().submit(*self.held)

    cluster = cluster_of(3, LastFirst)
    send(cluster, ONE, b"first", b"second")
    assert broken(cluster) == {"10"}


class _Deaf(Processor):
    """Node 3 hears nothing."""

    def receive(self, burst: Sequence[tuple[Address, bytes]], now: float) -> None:
        super().receive([] if self.describe()["node_id"] == THREE else burst, now)


class _Forgetful(Processor):
    """Loses what it accepts."""

    def submit(self, payload: bytes, groups: tuple[bytes, ...], guarantee: Guarantee, priority: Priority) -> bool:
        return True


@pytest.mark.parametrize("ring", [_Deaf, _Forgetful])
def test_11_a_cluster_that_does_not_settle_is_reported(ring: type[Processor]) -> None:
    cluster = RingCluster(3, SETTINGS, make_ring=ring)
    cluster.boot_all()
    cluster.run(0.5)
    cluster.submit(ONE, [b"never delivered"])
    settle(cluster)
    assert broken(cluster) == {"11"}


def test_a_message_for_a_group_that_the_node_is_not_in_is_reported() -> None:
    class Curious(Processor):
        """Is in a group that nobody asked it to be in."""

        def start(self, now: float) -> None:
            super().join_group(b"red")
            super().start(now)

    cluster = cluster_of(3, Curious)
    send(cluster, ONE, b"secret", groups=(b"red",))
    assert broken(cluster) == {"groups"}


def test_a_violation_says_what_when_and_what_every_node_said_of_itself() -> None:
    cluster = cluster_of(3)
    tamper_with(cluster, THREE, without(b"last words"))
    send(cluster, ONE, b"last words")
    cluster.crash(ONE)
    broken(cluster)
    violation = cluster.checker.violations[0]
    assert "failure atomicity" in str(violation)
    assert "node 2 delivered" in violation.evidence
    assert violation.nodes[ONE] == "down"
    assert violation.nodes[TWO]["node_id"] == TWO
