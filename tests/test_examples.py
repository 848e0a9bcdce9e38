"""The examples, run as their readers would run them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openais.cli.demo_relay import free_ports
from openais.evt import AsyncEvt
from openais.runtime.authkey import create_authkey
from tests.support.processes import executives, see, views_of

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
WAIT_S = 60.0

pytestmark = pytest.mark.e2e


@contextlib.asynccontextmanager
async def example(name: str, *arguments: str, **environment: str) -> AsyncIterator[Process]:
    """A running example."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / name), *arguments), env={**os.environ, **environment}, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def says(process: Process, wanted: str) -> str:
    """The first line of the process that begins with `wanted`."""
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_S):
        while line := (await process.stdout.readline()).decode():
            if line.startswith(wanted):
                return line
    raise AssertionError(f"it ended and never said {wanted!r}")


def test_when_the_leader_dies_the_next_program_leads(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 2) as (first, second):
            await first.start()
            await second.start()
            async with views_of(first) as views:
                await see(views, {1, 2})
            async with (
                example("leader.py", OPENAIS_SOCKET=str(first.socket)) as leader,
                example("leader.py", OPENAIS_SOCKET=str(second.socket)) as other,
            ):
                await says(leader, "this program leads")
                await says(other, f"process {leader.pid} on node 1 leads 2")
                leader.kill()
                await says(other, "this program leads 1")

    asyncio.run(scenario())


def test_a_counter_goes_on_where_it_was_when_its_node_is_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 2) as (first, second):
            await first.start()
            await second.start()
            async with views_of(first) as views:
                await see(views, {1, 2})
            async with (
                example("counter.py", OPENAIS_SOCKET=str(first.socket)) as counter,
                example("counter.py", OPENAIS_SOCKET=str(second.socket)) as other,
            ):
                await says(counter, "node 1: 3")
                await first.kill()
                count = int((await says(other, "node 2: ")).split()[-1])
                assert count > 3

    asyncio.run(scenario())


def test_programs_with_a_node_inside_see_each_other_come_and_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        key = tmp_path / "key"
        create_authkey(key)
        one, two = map(str, free_ports(2))
        async with example("embedded.py", str(key), one, two) as first:
            await says(first, "view")
            async with example("embedded.py", str(key), two, one):
                both = await says(first, "view 2")
                assert f"port-{one}" in both
                assert f"port-{two}" in both
            assert f"port-{two}" not in await says(first, "view 3")

    asyncio.run(scenario())


def test_records_of_programs_are_printed_by_level_on_another_node(tmp_path: Path) -> None:
    script = (
        "import logging, sys; sys.path.insert(0, sys.argv[1]); from cluster_log import ClusterHandler\n"
        "logging.getLogger().addHandler(ClusterHandler()); logging.warning('disk is full'); logging.error('on fire')"
    )

    async def scenario() -> None:
        async with executives(tmp_path, 2) as (first, second):
            await first.start()
            await second.start()
            async with views_of(first) as views:
                await see(views, {1, 2})
            async with example("cluster_log.py", "ERROR", OPENAIS_SOCKET=str(second.socket)) as listening:
                await says(listening, "listening")
                environment = {**os.environ, "OPENAIS_SOCKET": str(first.socket)}
                logging = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-c", script, str(EXAMPLES)), env=environment, stderr=PIPE
                )
                await logging.communicate()
                assert "on fire" in await says(listening, "node 1 ERROR root:")

    asyncio.run(scenario())


def test_events_are_posted_to_a_web_server(tmp_path: Path) -> None:
    posted: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
        posted.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.0 204 No Content\r\n\r\n")
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        async with executives(tmp_path, 1) as (only,), server:
            await only.start()
            async with example("webhook.py", "alarms", url, OPENAIS_SOCKET=str(only.socket)) as bridge:
                await says(bridge, "forwarding")
                async with AsyncEvt.open(only.socket) as evt, await evt.open_channel("alarms", retry=True) as channel:
                    event_id = await channel.publish(b"on fire", "sensor.7", priority=0)
                assert (await says(bridge, "event")).split() == ["event", f"{event_id}:", "204"]
        assert json.loads(posted[0])["data"] == "on fire"

    asyncio.run(scenario())
