"""Components that answer twice, never, or for somebody else, and two programs that say they are one component."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openais.amf import AsyncAmf, CsiSet, ErrorCode, HaState
from openais.config.amf import read_amf
from openais.types import Exists, NotExist
from tests.support.amf import WAIT_S, cluster, components, has, runs, until

pytestmark = pytest.mark.e2e

PAIR = b"""
group {
    name: hand
    auto_repair: off
    unit {
        name: u1
        rank: 1
        component {
            name: c1
            csi_types: work
            sa_aware: on
            recovery: failover
        }
    }
    unit {
        name: u2
        rank: 2
        component {
            name: c2
            csi_types: work
            sa_aware: on
            recovery: failover
        }
    }
    instance {
        name: si
        csi {
            name: csi
            type: work
        }
    }
}
"""


@contextlib.asynccontextmanager
async def pair(directory: Path) -> AsyncIterator[tuple[AsyncAmf, AsyncAmf, AsyncAmf, CsiSet]]:
    """A handle for looking, those over which c1 and c2 are registered, and what c1 was told and has not answered."""
    async with (
        cluster(directory, 1) as (nodes, (amf,)),
        AsyncAmf.open(nodes[0].socket, timeout=WAIT_S) as first,
        AsyncAmf.open(nodes[0].socket, timeout=WAIT_S) as second,
    ):
        await amf.apply(read_amf(PAIR, "amf.conf"))
        await first.register("c1", retry=True)
        told = await anext(aiter(first))
        assert isinstance(told, CsiSet)
        assert told.state is HaState.ACTIVE
        await second.register("c2", retry=True)
        try:
            yield amf, first, second, told
        finally:  # else this process is ended, since a component closed its connection without a word
            await first.unregister("c1", retry=True)
            await second.unregister("c2", retry=True)


def test_an_answer_that_is_given_twice_counts_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with pair(tmp_path) as (amf, first, _, told):
            await first.response(told.invocation)
            await until(amf, has("c1", "active"))
            with pytest.raises(NotExist):
                await first.response(told.invocation, ErrorCode.FAILED_OPERATION)
            assert has("c1", "active")(await components(amf))

    asyncio.run(scenario())


def test_an_answer_for_somebody_else_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with pair(tmp_path) as (amf, first, second, told):
            with pytest.raises(NotExist):
                await second.response(told.invocation, ErrorCode.FAILED_OPERATION)
            assert (await components(amf))["c1"]["pending"]
            await first.response(told.invocation)
            await until(amf, has("c1", "active"))

    asyncio.run(scenario())


SILENT = "import signal; from openais.amf import Amf; amf = Amf(); amf.register(retry=True); signal.pause()"


def test_who_never_answers_is_ended_and_another_takes_his_work(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 1) as (nodes, (amf,)), AsyncAmf.open(nodes[0].socket, timeout=WAIT_S) as second:
            program = f"csi_types: work\n callback_limit: 500ms\n command: {sys.executable} -c '{SILENT}'"
            text = PAIR.replace(b"csi_types: work", program.encode(), 1).replace(b"rank: 1", b"rank: 1\n node: node-1")
            await amf.apply(read_amf(text, "amf.conf"))
            silent = await until(amf, lambda found: found["c1"]["presence"] == "instantiated")
            await second.register("c2", retry=True)
            told = await anext(aiter(second))
            assert isinstance(told, CsiSet)
            assert told.state is HaState.ACTIVE
            assert not runs(silent["c1"]["process_id"])
            await second.response(told.invocation)
            found = await until(amf, has("c2", "active"))
            assert not found["c1"]["assignments"]
            await second.unregister("c2", retry=True)

    asyncio.run(scenario())


def test_of_two_programs_that_register_as_one_component_the_second_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with pair(tmp_path) as (amf, first, second, told):
            with pytest.raises(Exists):
                await second.register("c1")
            with pytest.raises(NotExist):
                await second.unregister("c1")
            await first.response(told.invocation)
            await until(amf, has("c1", "active"))

    asyncio.run(scenario())
