"""Node failfast with real executives: the node ends as if it had crashed, and its machine is told to restart."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from openais.config.amf import read_amf
from tests.support.amf import WAIT_S, cluster, has, until

pytestmark = pytest.mark.e2e

PAIR = """
group {
    name: web
    nodes: node-1, node-2
    component {
        name: server
        command: /bin/sleep 1000
        recovery: node-failfast
    }
}
"""


def test_a_node_failfast_ends_the_executive_and_all_it_runs_and_has_the_machine_restarted(tmp_path: Path) -> None:
    restarted = tmp_path / "restarted"
    program = tmp_path / "restart"
    program.write_text(f'#!/bin/sh\necho "$1" > {restarted}.part && mv {restarted}.part {restarted}\n')
    program.chmod(0o700)

    async def scenario() -> None:
        async with cluster(tmp_path, amf={"failfast": str(program)}) as (nodes, (amf, other)):
            await amf.apply(read_amf(PAIR.encode(), "amf.conf"))
            active = (await until(amf, has("server@node-1", "active")))["server@node-1"]
            os.kill(active["process_id"], signal.SIGKILL)
            process = nodes[0].process
            assert process is not None
            async with asyncio.timeout(WAIT_S):
                assert await process.wait() != 0
            await until(other, has("server@node-2", "active"))
            async with asyncio.timeout(WAIT_S):
                while not restarted.exists():
                    await asyncio.sleep(0)
            assert restarted.read_text() == "server@node-1 failed\n"
            await nodes[0].start()
            await until(other, has("server@node-1", "standby"))

    asyncio.run(scenario())
