"""Whatever comes in with the right seal is refused or survived: it never raises, and the ring comes back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openais.types import Guarantee, Priority
from tests.totem.hostile import hostile
from tests.totem.network import Network

SEEDS = 24
STEPS = 300


def live(network: Network, chance: random.Random) -> None:
    """A moment in the life of the ring: messages, losses, a crash or a start now and then."""
    network.run(chance.choice((0.0001, 0.001, 0.005)))
    key = chance.choice((1, 2, 3))
    if chance.random() < 0.04:
        if network.machines[key].running:
            network.crash(key)
        else:
            network.start(key)
    if chance.random() < 0.04:
        links = [(a, b) for a in (1, 2, 3) for b in (1, 2, 3) if a != b]
        network.cut = {link for link in links if chance.random() < 0.2}
    machine = network.machines[chance.choice((1, 2, 3))]
    if machine.running and chance.random() < 0.3:
        payload = bytes(chance.randrange(4000))
        network.submit(machine.key, payload, chance.choice(list(Guarantee)), chance.choice(list(Priority)))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_hostile_datagram_never_raises_in_any_state(seed: int) -> None:
    """Datagrams of all types, broken in all ways, come in while a ring forms, works, loses members and recovers.

    When they end, and all links and machines are well, the three are one ring again.
    """
    chance = random.Random(seed)
    network = Network((1, 2, 3), seed=seed)
    network.loss = chance.choice((0.0, 0.1, 0.3))
    for _ in range(STEPS):
        live(network, chance)
        recent = [datagram for machine in network.machines.values() for datagram in machine.sent[-20:]]
        for machine in network.machines.values():
            if recent and machine.running:
                network.inject(machine.key, hostile(chance, chance.choice(recent)), source=chance.choice((1, 2, 3)))
    network.heal()
    network.loss = 0.0
    for key, machine in network.machines.items():
        if not machine.running:
            network.start(key)
    network.form(seconds=60.0)


@given(st.binary(max_size=200), st.integers(0, 7))
@settings(max_examples=200, deadline=None)
def test_random_bytes_never_raise(tail: bytes, kind: int) -> None:
    """Bytes that are no message at all, behind a header that passes."""
    network = Network((1, 2))
    network.form()
    good = network.machines[1].sent[-1]
    network.inject(2, good[:1] + bytes((kind,)) + good[2:8] + tail, tail)
    network.form()
