"""Executives that crash, come back and are stopped for a while: what the others are told, and what must not happen."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.processes import ExecutiveProcess
from tests.support.rings import CALM_MS, DEFAULT_MS, STEADY_MS, ring_of, run
from tests.support.virtual_synchrony import check_virtual_synchrony
from tests.support.witness import Witness, assert_complete, hear_each_other, in_one_ring, talking, witness

pytestmark = pytest.mark.e2e

FAST_MS = 120
"""The token timeout that is documented for fast detection."""
STOPPED_S = 5.0


@contextlib.asynccontextmanager
async def back(executive: ExecutiveProcess) -> AsyncIterator[Witness]:
    """A witness at an executive that was started again."""
    await executive.start()
    async with witness(executive) as told:
        yield told


@pytest.mark.parametrize("token_ms", [DEFAULT_MS, FAST_MS])
def test_each_node_in_turn_is_killed_and_gone_for_the_others_and_comes_back(tmp_path: Path, token_ms: int) -> None:
    async def scenario() -> None:
        async with ring_of(3, tmp_path, token_ms) as witnesses, contextlib.AsyncExitStack() as stack:
            everybody = list(witnesses)
            for place, victim in enumerate(witnesses):
                others = [each for each in everybody if each.number != victim.number]
                await victim.executive.kill()
                await in_one_ring(others)
                everybody[place] = await stack.enter_async_context(back(victim.executive))
                await in_one_ring(everybody)
            await hear_each_other(everybody)

    run(scenario)


def test_a_crash_under_load_loses_nothing_that_a_survivor_said(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_of(3, tmp_path, CALM_MS) as witnesses:
            *others, victim = witnesses
            async with talking(others):
                await hear_each_other(witnesses)
                await victim.say(500)
                await victim.executive.kill()
                await in_one_ring(others)
                await hear_each_other(others)
                async with back(victim.executive) as returned:
                    returned.said = victim.said
                    await in_one_ring([*others, returned])
                    await hear_each_other([*others, returned])
                    check_virtual_synchrony([*others, returned])
            await hear_each_other(others)
            check_virtual_synchrony(witnesses)
            for each in others:
                assert_complete(each, others)

    run(scenario)


def test_one_that_is_stopped_leaves_and_comes_back_and_the_other_two_never_lose_each_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_of(3, tmp_path, STEADY_MS) as witnesses:
            one, other, stopped = witnesses
            async with talking([one, other]):
                await hear_each_other(witnesses)
                stopped.executive.signal(signal.SIGSTOP)
                await in_one_ring([one, other])
                alone = (one.regular, other.regular)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STOPPED_S):
                        await one.until(lambda: one.regular != alone[0])
                assert (one.regular, other.regular) == alone, "a configuration came while it was stopped"
                stopped.executive.signal(signal.SIGCONT)
                await in_one_ring(witnesses)
            await hear_each_other(witnesses)
            check_virtual_synchrony(witnesses)
            for each in (one, other):
                assert all({1, 2} <= set(change.members) for change in each.configurations)
                assert not {1, 2} & {node for change in each.configurations for node in change.left}
                assert all({1, 2} <= view for view in each.views)
                assert_complete(each, [one, other])

    run(scenario)


@pytest.mark.parametrize("count", [16])
def test_many_executives_form_one_ring_and_stay_in_it_under_light_load(tmp_path: Path, count: int) -> None:
    async def scenario() -> None:
        async with ring_of(count, tmp_path, token_ms=STEADY_MS) as witnesses:
            before = [each.configurations for each in witnesses]
            for _ in range(10):
                await hear_each_other(witnesses)
            assert [each.configurations for each in witnesses] == before, "the membership changed"
            check_virtual_synchrony(witnesses)
            for each in witnesses:
                assert_complete(each, witnesses)

    run(scenario)
