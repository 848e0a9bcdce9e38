"""Whole rings over a small network: what several processors come to together."""

from __future__ import annotations

import dataclasses
from itertools import permutations

import pytest

from openais.totem.effects import Configuration, Delivered, StoreRingSequence
from openais.totem.settings import RingSettings
from openais.totem.wire import PacketType, read_token
from openais.types import Guarantee, Priority
from tests.totem.network import SETTINGS, Network


def load(network: Network, messages: int = 40, size: int = 300, every_s: float = 0.001) -> None:
    """Every running machine sends messages of all guarantees and priorities."""
    for number in range(messages):
        for key, machine in network.machines.items():
            if machine.running and not machine.paused:
                payload = f"{key}.{number}.".encode() + bytes(size)
                network.submit(key, payload, Guarantee(number % 2), Priority(number % 4))
        network.run(every_s)


def all_have(network: Network, count: int, *keys: int) -> None:
    """Runs until each of them has been given so many messages, then compares: the same, in the same order."""
    machines = [network.machines[key] for key in keys or network.machines]
    network.run_until(lambda: all(len(machine.payloads) >= count for machine in machines))
    assert len({tuple(machine.payloads) for machine in machines}) == 1
    assert len(machines[0].payloads) == count


def configurations_since(network: Network, start: dict[int, int]) -> dict[int, list[tuple[int, ...]]]:
    return {key: [c.members for c in m.configurations[start[key] :]] for key, m in network.machines.items()}


def count_configurations(network: Network) -> dict[int, int]:
    return {key: len(machine.configurations) for key, machine in network.machines.items()}


# Forming


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16])
def test_processors_that_start_together_form_one_ring(size: int) -> None:
    """The first configuration of each is the one of all."""
    network = Network(range(1, size + 1))
    network.form()
    assert {len(machine.configurations) for machine in network.machines.values()} == {1}


def test_a_newcomer_is_taken_in() -> None:
    """Node 4 comes to a ring of three under load; all four have what is sent from then on."""
    network = Network((1, 2, 3))
    network.form()
    load(network, 5)
    network.start(4)
    network.form()
    for machine in network.machines.values():
        machine.events.clear()
    load(network, 10)
    all_have(network, 40)


def test_two_rings_of_one_find_each_other() -> None:
    """They were started while the link between them was cut."""
    network = Network()
    network.partition((1,), (2,))
    network.start(1)
    network.start(2)
    network.run_until(lambda: network.formed(1) and network.formed(2))
    network.heal()
    network.form()


def test_the_ring_id_is_reserved_before_it_is_used() -> None:
    """Whatever ring a processor installs, its sequence was on its disk before."""
    network = Network((1, 2, 3))
    network.form()
    for _ in range(4):
        network.crash(3)
        network.form(1, 2)
        network.start(3)
        network.form()
    for machine in network.machines.values():
        sequences = [configuration.ring_id.sequence for configuration in machine.configurations]
        assert sequences == sorted(set(sequences))
        assert sequences[-1] <= machine.disk


def test_a_processor_whose_disk_is_dead_does_not_hold_up_the_others() -> None:
    """Node 3 can reserve nothing, so it takes part in nothing; when its disk works it is taken in."""
    network = Network((1, 2))
    third = network.start(3, disk_works=False)
    network.form(1, 2)
    before = count_configurations(network)
    network.run(5)
    assert configurations_since(network, before) == {1: [], 2: [], 3: []}
    third.disk_works = True
    asked = [e.sequence for e in third.stored]
    third.processor.ring_sequence_stored(max(asked), network.now)
    network.perform(third)
    network.form()


# Order


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.1])
def test_all_deliver_all_messages_in_one_order(loss: float) -> None:
    """Four processors under load, with every receiver losing datagrams: nothing lost, nothing twice, one order."""
    network = Network((1, 2, 3, 4), seed=7, settings=dataclasses.replace(SETTINGS, token_timeout_s=0.5))
    network.form()
    before = count_configurations(network)
    network.loss = loss
    load(network)
    all_have(network, 160)
    assert all(not changes for changes in configurations_since(network, before).values())
    for machine in network.machines.values():
        for priority in Priority:
            for sender in network.machines:
                own = [m for m in machine.payloads if m.startswith(b"%d." % sender)]
                numbers = [int(m.split(b".")[1]) for m in own]
                assert [n for n in numbers if n % 4 == priority] == sorted(n for n in numbers if n % 4 == priority)


def test_duplicated_and_reordered_datagrams_change_nothing() -> None:
    """Every third datagram comes twice, each after its own delay."""
    network = Network((1, 2, 3), seed=3)
    network.form()
    network.duplication = 0.3
    load(network)
    all_have(network, 120)


def test_messages_of_a_mebibyte_arrive_whole() -> None:
    """Every processor sends one, and a small one of a higher priority behind it, which overtakes."""
    network = Network((1, 2, 3))
    network.form()
    for key in network.machines:
        network.submit(key, bytes((key,)) * (1 << 20), Guarantee(key % 2), Priority.LOW)
        network.submit(key, b"urgent", Guarantee.AGREED, Priority.HIGH)
    all_have(network, 6)
    assert sorted(map(len, network.machines[1].payloads)) == [6, 6, 6, 1 << 20, 1 << 20, 1 << 20]
    assert network.machines[1].payloads[:3] == [b"urgent"] * 3


def test_a_safe_message_waits_until_all_have_it() -> None:
    """Node 3 receives no packets: the agreed message is delivered by the others, the safe one is not."""
    network = Network((1, 2, 3))
    network.form()
    network.drop = lambda sender, receiver, datagram: receiver == 3 and datagram[1] == PacketType.DATA
    network.submit(1, b"agreed")
    network.run_until(lambda: network.machines[2].payloads == [b"agreed"])
    network.submit(1, b"safe", Guarantee.SAFE)
    network.run(SETTINGS.token_timeout_s)
    assert [m.payloads for m in network.machines.values()] == [[b"agreed"], [b"agreed"], []]
    network.drop = lambda sender, receiver, datagram: False
    all_have(network, 2)


def test_messages_to_a_group_reach_its_members() -> None:
    """Nodes 1 and 3 joined it; node 2 is given nothing."""
    network = Network((1, 2, 3))
    network.form()
    for key in (1, 3):
        network.machines[key].processor.join_group(b"g")
    network.submit(2, b"m", groups=(b"g", b"h"))
    network.run_until(lambda: len(network.machines[3].payloads) == 1)
    network.run(0.1)
    assert [machine.payloads for machine in network.machines.values()] == [[b"m"], [], [b"m"]]


# Idle


def test_an_idle_ring_rests() -> None:
    """In a second there are a few tens of datagrams, not thousands."""
    network = Network((1, 2, 3))
    network.form()
    network.run(1)
    before = sum(len(machine.sent) for machine in network.machines.values())
    network.run(1)
    idle = sum(len(machine.sent) for machine in network.machines.values()) - before
    assert idle < 4 * 3 / SETTINGS.hold_s


def test_a_message_wakes_an_idle_ring() -> None:
    """It is delivered long before the held token would have gone on by itself."""
    network = Network((1, 2, 3))
    network.form()
    network.run(1)
    network.submit(2, b"m")
    took = network.run_until(lambda: all(machine.payloads == [b"m"] for machine in network.machines.values()))
    assert took < SETTINGS.hold_s / 5


def test_a_lost_wake_costs_no_more_than_the_hold() -> None:
    """The token goes on by itself."""
    network = Network((1, 2, 3))
    network.form()
    network.run(1)
    network.drop = lambda sender, receiver, datagram: datagram[1] == PacketType.WAKE
    network.submit(2, b"m")
    took = network.run_until(lambda: all(machine.payloads == [b"m"] for machine in network.machines.values()))
    assert took < SETTINGS.hold_s * 2


def test_a_lost_token_is_sent_again() -> None:
    """Every second token is lost; the ring stays."""
    network = Network((1, 2, 3))
    network.form()
    before = count_configurations(network)
    seen: list[bytes] = []

    def drop(sender: int, receiver: int, datagram: bytes) -> bool:
        """Each token is lost the first time that it is sent."""
        first = datagram[1] == PacketType.TOKEN and datagram not in seen[-20:]
        seen.append(datagram)
        return first

    network.drop = drop
    load(network, 10)
    all_have(network, 30)
    assert all(not changes for changes in configurations_since(network, before).values())


# Crash, restart, partition, pause


def test_a_crashed_member_is_out_soon_and_nothing_is_lost() -> None:
    """Node 3 crashes under load: the others agree on what it had sent and go on."""
    network = Network((1, 2, 3))
    network.form()
    load(network, 10)
    network.crash(3)
    took = network.form(1, 2)
    assert took < 2 * SETTINGS.token_timeout_s + SETTINGS.consensus_s(3)
    load(network, 10)
    network.run(0.5)
    one, two = (network.machines[key].events for key in (1, 2))
    assert [(type(e), getattr(e, "payload", None)) for e in one] == [
        (type(e), getattr(e, "payload", None)) for e in two
    ]
    left = [e for e in one if isinstance(e, Configuration) and e.transitional]
    assert [e.left for e in left] == [(3,)]


def test_a_member_that_restarts_at_once_is_back_soon() -> None:
    """Before the others have noticed that it was gone."""
    network = Network((1, 2, 3))
    network.form()
    network.crash(3)
    network.run(SETTINGS.token_timeout_s / 4)
    network.start(3)
    assert network.form() < 4 * SETTINGS.token_timeout_s
    assert network.machines[3].fatal == []


def test_a_member_that_restarts_while_a_ring_is_formed_is_not_taken_for_its_past() -> None:
    """Node 3 joins, crashes, and its next life takes the commit token: nobody is a namesake, and nobody has to go."""
    network = Network((1, 2))
    network.form()
    network.start(3)
    third = network.machines[3]
    network.run_until(lambda: any(d[1] == PacketType.COMMIT for d in network.machines[2].sent[-2:]))
    network.crash(3)
    network.start(3)
    assert network.machines[3] is not third
    network.form()
    network.run(3)
    assert network.formed(1, 2, 3)
    assert [machine.fatal for machine in network.machines.values()] == [[], [], []]


def test_both_sides_of_a_partition_go_on_and_meet_again() -> None:
    """Two and three; each side delivers its own, then all are one ring."""
    network = Network((1, 2, 3, 4, 5))
    network.form()
    network.partition((1, 2), (3, 4, 5))
    network.run_until(lambda: network.formed(1, 2) and network.formed(3, 4, 5))
    network.submit(1, b"left")
    network.submit(4, b"right")
    network.run(0.5)
    assert [machine.payloads for machine in network.machines.values()] == [[b"left"]] * 2 + [[b"right"]] * 3
    network.heal()
    network.form()
    network.submit(5, b"all")
    network.run_until(lambda: all(machine.payloads[-1] == b"all" for machine in network.machines.values()))


def test_a_paused_member_comes_back_and_the_others_never_lose_each_other() -> None:
    """Node 3 is stopped for twenty token timeouts; what piled up in its socket breaks nothing."""
    network = Network((1, 2, 3))
    network.form()
    before = count_configurations(network)
    network.pause(3)
    network.run(SETTINGS.token_timeout_s * 20)
    network.resume(3)
    network.form()
    changes = configurations_since(network, before)
    assert changes[1] == changes[2] == [(1, 2), (1, 2, 3)]
    assert len(network.machines[3].texts("paused")) == 1


# Links that fail in part


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({(1, 2)}, id="node 2 does not hear node 1, from which its token comes"),
        pytest.param({(2, 3), (3, 2)}, id="nodes 2 and 3 do not hear each other"),
        pytest.param({(2, 1), (2, 3), (2, 4)}, id="nobody hears node 2"),
        pytest.param({(1, 2), (3, 2), (4, 2)}, id="node 2 hears nobody"),
    ],
)
def test_links_that_fail_in_part_leave_one_stable_largest_ring(
    broken: set[tuple[int, int]],
) -> None:
    """Three of four that all hear each other stay together, undisturbed by the fourth; mended, all are one ring."""
    network = Network((1, 2, 3, 4))
    network.form()
    network.cut = set(broken)
    network.run(4)
    before = count_configurations(network)
    network.run(10)
    largest = max((machine.members for machine in network.machines.values()), key=len)
    assert len(largest) == 3
    assert not any(pair in broken for pair in permutations(largest, 2))
    assert network.formed(*largest)
    assert all(configurations_since(network, before)[key] == [] for key in largest)
    network.heal()
    network.form()


def test_a_link_that_the_token_does_not_need_breaks_no_ring() -> None:
    """Node 1 does not hear node 2: the others send it again what it misses, and the ring of four stays."""
    network = Network((1, 2, 3, 4))
    network.form()
    before = count_configurations(network)
    network.cut = {(2, 1)}
    load(network, 20)
    all_have(network, 80)
    network.run(5)
    assert count_configurations(network) == before


def test_a_member_that_receives_no_packets_does_not_hold_up_the_others() -> None:
    """The token and joins reach node 3, packets do not (a filter, or a link with too small an MTU)."""
    network = Network((1, 2, 3))
    network.form()
    network.drop = lambda sender, receiver, datagram: receiver == 3 and datagram[1] == PacketType.DATA
    network.submit(1, b"safe", Guarantee.SAFE)
    network.run_until(lambda: network.machines[2].payloads == [b"safe"])
    assert "node 3 receives no packets" in network.machines[1].configurations[-1].reason
    network.drop = lambda sender, receiver, datagram: False
    network.form()


# Leaving


def test_a_member_that_leaves_is_out_at_once_and_its_last_message_is_delivered() -> None:
    """No token has to be lost first."""
    network = Network((1, 2, 3))
    network.form()
    network.submit(3, b"last words", priority=Priority.LOW)
    network.leave(3)
    took = network.form(1, 2)
    assert took < SETTINGS.token_timeout_s
    assert all(machine.payloads == [b"last words"] for machine in network.machines.values())
    assert "left in order" in network.machines[1].configurations[-1].reason


def test_all_may_leave_together() -> None:
    """Every one of them is asked at the same time; each is done in bounded time."""
    network = Network((1, 2, 3))
    network.form()
    for key in (1, 2, 3):
        network.leave(key)
    network.run_until(lambda: all(machine.processor.has_left for machine in network.machines.values()))


def test_a_member_that_left_may_come_back() -> None:
    """It is started again."""
    network = Network((1, 2, 3))
    network.form()
    network.leave(3)
    network.form(1, 2)
    network.start(3)
    network.form()


# Others that do not belong


def test_a_newcomer_with_the_node_id_of_a_member_must_go_and_the_ring_stays() -> None:
    """Its driver is told why, in words for the operator."""
    network = Network((1, 2, 3))
    network.form()
    before = count_configurations(network)
    double = network.start(2, key=20)
    network.run_until(lambda: bool(double.fatal))
    assert double.fatal == ["another node uses node id 2 as well; give each node an id of its own"]
    network.run(1)
    assert [m.configurations[before[k] :] for k, m in network.machines.items() if k != 20] == [[], [], []]
    assert network.machines[2].texts("duplicate_node_id") == double.fatal
    assert network.formed(1, 2, 3)


def test_other_settings_are_named_and_the_ring_stays() -> None:
    """A newcomer has another window."""
    network = Network((1, 2))
    network.form()
    before = count_configurations(network)
    network.start(3, settings=dataclasses.replace(SETTINGS, window=50))
    network.run(3)
    assert count_configurations(network)[1] == before[1]
    assert network.machines[1].texts("settings_differ") == [
        "node 3 is refused: it runs other ring settings: window is 50 there and 96 here"
    ]


def test_another_cluster_on_the_same_network_is_not_heard() -> None:
    """Same addresses, another name."""
    network = Network((1, 2))
    network.start(3, settings=dataclasses.replace(SETTINGS, cluster="other"))
    network.run_until(lambda: network.formed(1, 2) and network.formed(3))
    network.run(1)
    assert network.machines[1].processor.counters["foreign_cluster"] > 0
    assert network.formed(1, 2)


def test_a_ring_that_is_full_stays_as_it_is() -> None:
    """Three may be members; the fourth forms a ring of its own."""
    network = Network((1, 2, 3), settings=dataclasses.replace(SETTINGS, members_max=3))
    network.form()
    network.start(4)
    network.run_until(lambda: network.formed(4))
    before = count_configurations(network)
    network.run(5)
    assert all(not changes for changes in configurations_since(network, before).values())
    assert network.formed(1, 2, 3)


# Flow control and acceleration on a whole ring


@pytest.mark.parametrize("accelerated", [0, 8, 48])
def test_the_order_does_not_depend_on_acceleration(accelerated: int) -> None:
    """Off, some, all."""
    network = Network((1, 2, 3), settings=dataclasses.replace(SETTINGS, accelerated_window=accelerated), seed=5)
    network.form()
    network.loss = 0.02
    load(network, 30, size=1000)
    all_have(network, 90)


def test_a_member_with_little_to_send_is_not_starved() -> None:
    """Two flood the ring; the message of the third is delivered before their queues are half empty."""
    network = Network((1, 2, 3))
    network.form()
    for key in (1, 2):
        for _ in range(1500):
            network.submit(key, bytes(1200), wake=False)
    network.submit(3, b"little")
    network.run_until(lambda: b"little" in network.machines[1].payloads)
    assert len(network.machines[1].payloads) < 1500


def test_the_window_bounds_what_is_in_flight() -> None:
    """No token ever counts more packets in a rotation than the window."""
    settings = RingSettings(token_timeout_s=0.1, window=20, visit_max=10)
    network = Network((1, 2, 3), settings=settings)
    network.form()
    for key in (1, 2, 3):
        for _ in range(300):
            network.submit(key, bytes(1200), wake=False)
    network.submit(1, b"go")
    all_have(network, 901)
    tokens = [read_token(d) for m in network.machines.values() for d in m.sent if d[1] == PacketType.TOKEN]
    assert max(token.fcc for token in tokens) <= 20


def test_a_full_queue_refuses_until_the_ring_has_taken_some() -> None:
    """Never a growing list."""
    network = Network((1, 2), settings=dataclasses.replace(SETTINGS, queue_messages_max=100))
    network.form()
    taken = sum(network.submit(1, bytes(1000), wake=False) for _ in range(500))
    assert taken == 100
    assert not network.machines[1].processor.room(Priority.MED)
    network.submit(1, b"high", priority=Priority.HIGH)
    network.run_until(lambda: network.machines[1].processor.room(Priority.MED))
    all_have(network, 101)


def test_a_plugged_member_sends_only_what_may_pass() -> None:
    """While state is exchanged, MED and LOW wait; they flow when the plug is pulled."""
    network = Network((1, 2))
    network.form()
    processor = network.machines[1].processor
    processor.plug()
    network.submit(1, b"med")
    network.submit(1, b"recovery", priority=Priority.RECOVERY)
    network.run(0.5)
    assert network.machines[2].payloads == [b"recovery"]
    processor.unplug(network.now)
    network.perform(network.machines[1])
    all_have(network, 2)


def test_deliveries_and_configurations_come_in_their_place() -> None:
    """What is delivered after a configuration was sent in it: a newcomer sees nothing from before."""
    network = Network((1, 2))
    network.form()
    load(network, 10)
    network.start(3)
    network.form()
    load(network, 10)
    network.run(0.5)
    third = network.machines[3].events
    assert isinstance(third[0], Configuration)
    after = network.machines[1].events.index(network.machines[1].configurations[-1])
    assert [e.payload for e in third if isinstance(e, Delivered)] == [
        e.payload for e in network.machines[1].events[after:] if isinstance(e, Delivered)
    ]


def test_the_disk_is_asked_for_a_block_not_for_every_ring() -> None:
    """A dozen configurations, one request."""
    network = Network((1, 2, 3))
    network.form()
    for _ in range(6):
        network.crash(3)
        network.form(1, 2)
        network.start(3, sequence=0)
        network.form()
    asked = network.machines[1].stored
    assert len(asked) <= 1 + 6 * 2
    assert all(isinstance(effect, StoreRingSequence) for effect in asked)
