"""The sample of the seed as its QUICKSTART tells it: six programs, started one by one, of three service units."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openais.config.amf import load_amf
from tests.support.amf import EXAMPLES, WAIT_S, cluster, gone, has, is_idle, until
from tests.support.processes import ExecutiveProcess

pytestmark = pytest.mark.e2e


@contextlib.asynccontextmanager
async def started(name: str, node: ExecutiveProcess, *options: str) -> AsyncIterator[Process]:
    """A component, started by hand."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / "seed_component.py"), name, *options),
        env={**os.environ, "OPENAIS_SOCKET": str(node.socket)},
        stdout=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def says(process: Process, *lines: str) -> None:
    """Waits until a program has said these lines, in this order, whatever else it says."""
    assert process.stdout is not None
    for wanted in lines:
        async with asyncio.timeout(WAIT_S):
            while (line := (await process.stdout.readline()).decode()) and wanted not in line:
                pass
        assert line, f"it ended before it said {wanted!r}"


def test_units_come_into_service_one_by_one_and_go_when_a_program_is_stopped_or_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 2) as (nodes, (amf, _other)), contextlib.AsyncExitStack() as stack:

            async def start(name: str, node: int, *options: str) -> Process:
                return await stack.enter_async_context(started(name, nodes[node - 1], *options))

            await amf.apply(load_amf(EXAMPLES / "groups.conf"))
            # Both components of a unit are needed: then it is in service, and active.
            a2 = await start("component_a2", 1)
            await says(a2, "is registered")
            await until(amf, is_idle("component_a2"))
            b2 = await start("component_b2", 1)
            await says(a2, "readiness IN_SERVICE", "ACTIVE for protection_a#1")
            await says(b2, "readiness IN_SERVICE", "ACTIVE for protection_b#1")

            # An error that is reported takes the whole unit out of service, and back when it is cancelled.
            a1 = await start("component_a1", 2)
            await says(a1, "is registered")
            b1 = await start("component_b1", 2, "--trouble")
            await says(b1, "reports an error", "readiness OUT_OF_SERVICE", "cancels its error", "readiness IN_SERVICE")
            await says(a1, "readiness OUT_OF_SERVICE", "readiness IN_SERVICE")
            active = [has(f"component_{kind}{unit}", "active") for kind in "ab" for unit in (1, 2)]
            await until(amf, lambda found: all(is_so(found) for is_so in active))
            a3, b3 = await start("component_a3", 1), await start("component_b3", 1)
            await says(a3, "STANDBY for")
            await says(b3, "STANDBY for")

            # One that stands still does not answer its healthcheck: its unit goes, the one that stands by takes over.
            a1.send_signal(signal.SIGSTOP)
            await says(b1, "readiness OUT_OF_SERVICE")
            await says(a3, "ACTIVE for")
            await says(b3, "ACTIVE for")
            await gone(a1.pid)
            assert b1.returncode is None
            await start("component_a1", 2)
            await says(b1, "readiness IN_SERVICE", "STANDBY for")

            # One that is killed does the same.
            b2.kill()
            await says(a2, "readiness OUT_OF_SERVICE")
            await says(b1, "ACTIVE for")
            assert a2.returncode is None

    asyncio.run(scenario())
