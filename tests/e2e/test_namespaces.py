"""Rings over a network of their own: each kind of transport, a partition and its merge, and packets that get lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.lab import Lab, lab, put
from tests.support.processes import counters_of, executives
from tests.support.rings import CALM_MS, STEADY_MS, run, witnesses_of
from tests.support.virtual_synchrony import check_virtual_synchrony
from tests.support.witness import Witness, assert_complete, hear_each_other, in_one_ring, talking

pytestmark = [pytest.mark.e2e, pytest.mark.netns]

SIDE, OTHER_SIDE = (1, 2), (3, 4, 5)
"""The two sides of a partition."""


@contextlib.asynccontextmanager
async def ring_in(
    network: Lab, directory: Path, version: int = 4, transport: str = "unicast", token_ms: int = CALM_MS
) -> AsyncIterator[list[Witness]]:
    """Witnesses of a ring of five executives, one in each node of the lab."""
    async with executives(directory, 5) as nodes:
        put(network, nodes, version, transport)
        for node in nodes:
            node.sections["totem"]["token"] = str(token_ms)
        async with witnesses_of(nodes) as witnesses:
            yield witnesses


@pytest.mark.parametrize(("version", "transport"), [(4, "unicast"), (4, "multicast"), (6, "unicast"), (6, "multicast")])
def test_a_ring_of_five_is_parted_both_sides_carry_on_and_merge(tmp_path: Path, version: int, transport: str) -> None:
    async def scenario() -> None:
        with lab(5) as network:
            async with ring_in(network, tmp_path, version, transport) as witnesses:
                sides = [[witnesses[number - 1] for number in side] for side in (SIDE, OTHER_SIDE)]
                async with talking(witnesses):
                    await asyncio.gather(*(hear_each_other(side) for side in (witnesses, *sides)))
                    network.part(SIDE)
                    await asyncio.gather(*(in_one_ring(side) for side in sides))
                    await asyncio.gather(*(hear_each_other(side) for side in sides))
                    network.mend()
                    await in_one_ring(witnesses)
                    await hear_each_other(witnesses)
                await hear_each_other(witnesses)
                check_virtual_synchrony(witnesses)
                for side in sides:
                    for each in side:
                        assert_complete(each, side)

    run(scenario)


@pytest.mark.parametrize("transport", ["unicast", "multicast"])
@pytest.mark.parametrize("percent", [1, 5, 20])
def test_with_random_loss_nothing_is_lost_or_told_twice_and_there_is_one_order(
    tmp_path: Path, transport: str, percent: int
) -> None:
    async def scenario() -> None:
        with lab(5, "nft") as network:
            async with ring_in(network, tmp_path, transport=transport, token_ms=STEADY_MS) as witnesses:
                before = [each.configurations for each in witnesses]
                network.lose(percent)
                await asyncio.gather(*(each.say(400, size=700) for each in witnesses))
                await hear_each_other(witnesses)
                check_virtual_synchrony(witnesses)
                for each in witnesses:
                    assert each.messages == witnesses[0].messages
                    assert_complete(each, witnesses)
                counters = [await counters_of(each.executive) for each in witnesses]
                assert any(each.get("ring.packets_resent") for each in counters), "nothing was lost on the way"
                if percent <= 5:
                    assert [each.configurations for each in witnesses] == before, "the membership changed"

    run(scenario)
