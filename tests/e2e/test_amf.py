"""The availability management framework on real executives, with real programs that are really killed."""

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

from openais.amf import AdminOperation
from openais.config.amf import load_amf, read_amf
from tests.support.amf import WAIT_S, cluster, components, gone, has, runs, until
from tests.support.processes import ExecutiveProcess

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples" / "amf"

pytestmark = pytest.mark.e2e


def program(directory: Path, recovery: str = "failover", extra: str = "") -> bytes:
    """A pair of a shell script that says in `log` when it starts, and waits."""
    return f"""
    group {{
        name: web
        nodes: node-1, node-2
        component {{
            name: server
            command: /bin/sh -c 'echo $SA_AMF_COMPONENT_NAME >> {directory}/log; exec sleep 1000'
            recovery: {recovery}
            terminate_limit: 2s
            {extra}
        }}
    }}
    """.encode()


def counters() -> bytes:
    return f"""
    group {{
        name: count
        nodes: node-1, node-2
        component {{
            name: counter
            sa_aware: on
            command: {sys.executable} {EXAMPLES / "counting.py"}
            recovery: failover
        }}
    }}
    """.encode()


def test_a_plain_program_that_is_killed_runs_on_the_other_node(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path) as (_, (amf, other)):
            await amf.apply(read_amf(program(tmp_path), "amf.conf"))
            active = (await until(amf, has("server@node-1", "active")))["server@node-1"]
            os.kill(active["process_id"], signal.SIGKILL)
            found = await until(other, has("server@node-2", "active"))
            assert has("server@node-1", "standby")(found)
            assert not runs(active["process_id"])
        await gone(found["server@node-2"]["process_id"])

    asyncio.run(scenario())


def test_when_a_node_is_killed_its_program_dies_with_it_and_runs_on_the_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        cleaned = tmp_path / "cleaned"
        async with cluster(tmp_path) as (nodes, (amf, other)):
            await amf.apply(read_amf(program(tmp_path, extra=f"cleanup: /usr/bin/touch {cleaned}"), "amf.conf"))
            active = (await until(amf, has("server@node-1", "active")))["server@node-1"]
            await nodes[0].kill()
            await gone(active["process_id"])
            await until(other, has("server@node-2", "active"))
            async with asyncio.timeout(WAIT_S):
                while not cleaned.exists():
                    await asyncio.sleep(0)

    asyncio.run(scenario())


def test_a_program_is_restarted_where_it_is_until_that_was_too_often(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path) as (_, (amf, _other)):
            text = program(tmp_path, "restart").replace(b"name: web", b"name: web\n component_restart_max: 1", 1)
            text = text.replace(b"nodes:", b"unit_restart_max: 0\n nodes:", 1)
            await amf.apply(read_amf(text, "amf.conf"))
            for generation in (1, 2):
                found = await until(
                    amf,
                    lambda found, generation=generation: (
                        has("server@node-1", "active")(found)  # type: ignore[misc]
                        and found["server@node-1"]["generation"] == generation
                    ),
                )
                os.kill(found["server@node-1"]["process_id"], signal.SIGKILL)
            await until(amf, has("server@node-2", "active"))

    asyncio.run(scenario())


def test_an_sa_aware_component_is_switched_over_and_fails_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path) as (_, (amf, _other)):
            await amf.apply(read_amf(counters(), "amf.conf"))
            names = ("counter@node-1", "counter@node-2")
            found = await until(amf, lambda found: any(has(each, "active")(found) for each in names))
            first, second = names if has(names[0], "active")(found) else reversed(names)
            await until(amf, lambda found: has(first, "active")(found) and has(second, "standby")(found))
            await amf.administrate(AdminOperation.SI_SWAP, "count", retry=True)
            await until(amf, lambda found: has(second, "active")(found) and has(first, "standby")(found))
            found = await components(amf)
            os.kill(found[second]["process_id"], signal.SIGKILL)
            await until(amf, lambda found: has(first, "active")(found) and has(second, "standby")(found))
            unit = first.replace("counter", "count")
            await amf.administrate(AdminOperation.LOCK, unit, retry=True)
            await until(amf, lambda found: has(second, "active")(found) and not found[first]["assignments"])
            await amf.administrate(AdminOperation.LOCK_INSTANTIATION, unit, retry=True)
            await until(amf, lambda found: found[first]["presence"] == "uninstantiated")

    asyncio.run(scenario())


def test_commands_that_cannot_be_run_or_hang_or_flood_harm_nobody_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 1) as (_, (amf,)):
            text = b"".join(
                b"""
                group {
                    name: %s
                    nodes: node-1
                    component {
                        name: %s
                        %s
                        instantiate_limit: 1s
                    }
                }
                """
                % (name, name, command)
                for name, command in (
                    (b"missing", b"command: /no/such/program"),
                    (b"hangs", b"instantiate: /bin/sleep 1000"),
                    (b"fails", b"instantiate: /bin/false"),
                    (b"floods", b"command: /usr/bin/yes"),
                    (b"forks", b"command: /bin/sh -c 'sleep 1000 & sleep 1000 & wait'"),
                )
            )
            await amf.apply(read_amf(text, "amf.conf"))
            failed = "instantiation-failed"
            found = await until(
                amf,
                lambda found: (
                    all(found[f"{name}@node-1"]["presence"] == failed for name in ("missing", "hangs", "fails"))
                    and has("floods@node-1", "active")(found)
                    and has("forks@node-1", "active")(found)
                ),
            )
            await amf.apply(())
            await gone(found["floods@node-1"]["process_id"])
            await gone(found["forks@node-1"]["process_id"])

    asyncio.run(scenario())


@contextlib.asynccontextmanager
async def seed_component(name: str, node: ExecutiveProcess) -> AsyncIterator[Process]:
    """A component of the seed's sample, started by hand."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLES / "seed_component.py"), name),
        env={**os.environ, "OPENAIS_SOCKET": str(node.socket)},
        stdout=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def test_the_six_components_of_the_seed_are_assigned_as_they_come_and_fail_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 2) as (nodes, (amf, _other)), contextlib.AsyncExitStack() as stack:
            await amf.apply(load_amf(EXAMPLES / "groups.conf"))
            started: dict[str, Process] = {}
            for number, node in ((1, nodes[0]), (2, nodes[1]), (3, nodes[0])):
                for kind in "ab":
                    name = f"component_{kind}{number}"
                    started[name] = await stack.enter_async_context(seed_component(name, node))
                await until(
                    amf,
                    lambda found, number=number: all(  # type: ignore[misc]
                        found[f"component_{kind}{number}"]["assignments"] for kind in "ab"
                    ),
                )
            await until(
                amf,
                lambda found: all(
                    has(f"component_{kind}{number}", "active" if number < 3 else "standby")(found)
                    for kind in "ab"
                    for number in (1, 2, 3)
                ),
            )
            started["component_a1"].kill()
            await until(amf, lambda found: all(has(f"component_{kind}3", "active")(found) for kind in "ab"))

    asyncio.run(scenario())
