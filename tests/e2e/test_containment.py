"""Whatever the programs of components fork, nothing is left of them when it is not to be: real ones, really killed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from openais.amf import AdminOperation, AsyncAmf
from openais.config.amf import read_amf
from tests.support.amf import cluster, gone, guardian_of, has, runs, until
from tests.support.processes import ExecutiveProcess
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

ESCAPING = """#!/bin/sh
# Three processes, each of which says who it is: one in a session of its own, without any environment; a daemon, whose
# parents have ended; and the program itself.
say='echo $$ >> "$1"; exec /bin/sleep 1000'
setsid env -i /bin/sh -c "$say" own-session "$1" &
( ( setsid env -i /bin/sh -c "$say" daemon "$1" & ) & )
exec /bin/sh -c "$say" program "$1"
"""
COUNT = 3


class Escaping:
    """A pair of programs that fork as ESCAPING does; each start writes to a file of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "escaping").write_text(ESCAPING)

    def configuration(self, recovery: str = "failover", extra: str = "") -> bytes:
        command = (
            f"/bin/sh -c 'exec /bin/sh {self._directory}/escaping \"{self._directory}/$SA_AMF_COMPONENT_NAME.$$\"'"
        )
        return f"""
        group {{
            name: web
            nodes: node-1, node-2
            component {{
                name: server
                command: {command}
                recovery: {recovery}
                terminate_limit: 2s
                {extra}
            }}
        }}
        """.encode()

    async def started(self, component: str, starts: int = 1) -> list[int]:
        """Waits until all processes of so many starts of a component run; gives their ids, the oldest start first."""

        def found() -> list[int]:
            files = sorted(self._directory.glob(f"{component}.*"), key=lambda path: path.stat().st_mtime_ns)
            return [int(line) for path in files for line in path.read_text().split()]

        await eventually(lambda: len(found()) == COUNT * starts, 60)
        return found()


async def active(amf: AsyncAmf, node: int) -> int:
    """Waits until the component of a node is active; gives the id of its process."""
    found = await until(amf, has(f"server@node-{node}", "active"))
    process_id: int = found[f"server@node-{node}"]["process_id"]
    return process_id


def test_all_that_a_program_forked_is_gone_before_another_takes_its_work_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        escaping = Escaping(tmp_path)
        async with cluster(tmp_path) as (_, (amf, other)):
            await amf.apply(read_amf(escaping.configuration(), "amf.conf"))
            processes = await escaping.started("server@node-1")
            os.kill(await active(amf, 1), signal.SIGKILL)
            await active(other, 2)
            assert not any(map(runs, processes))

    asyncio.run(scenario())


def test_all_that_a_program_forked_is_gone_once_it_is_terminated(tmp_path: Path) -> None:
    async def scenario() -> None:
        escaping = Escaping(tmp_path)
        async with cluster(tmp_path) as (_, (amf, _other)):
            await amf.apply(read_amf(escaping.configuration(), "amf.conf"))
            processes = await escaping.started("server@node-1")
            await active(amf, 1)
            await amf.administrate(AdminOperation.LOCK, "web", retry=True)
            await until(amf, lambda found: found["server@node-1"]["presence"] == "uninstantiated")
            assert not any(map(runs, processes))

    asyncio.run(scenario())


def test_what_life_cycle_commands_fork_is_gone_with_the_component(tmp_path: Path) -> None:
    async def scenario() -> None:
        escaping = Escaping(tmp_path)
        stay = 'setsid env -i /bin/sh -c "echo \\$\\$ > {0}; exec sleep 1000"'
        fork = f"/bin/sh -c '{stay} & until [ -s {{0}} ]; do :; done'"
        am, cleanup = tmp_path / "am", tmp_path / "cleanup"
        extra = f"am_start: {fork.format(am)}\n cleanup: {fork.format(cleanup)}"
        async with cluster(tmp_path) as (_, (amf, other)):
            await amf.apply(read_amf(escaping.configuration(extra=extra), "amf.conf"))
            await escaping.started("server@node-1")
            await eventually(lambda: am.exists() and am.read_text())
            monitor = int(am.read_text())
            os.kill(await active(amf, 1), signal.SIGKILL)
            await active(other, 2)
            assert not runs(monitor)
            assert not runs(int(cleanup.read_text()))

    asyncio.run(scenario())


def test_when_an_executive_is_killed_nothing_that_its_programs_forked_is_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        escaping = Escaping(tmp_path)
        async with cluster(tmp_path) as (nodes, (amf, other)):
            await amf.apply(read_amf(escaping.configuration(), "amf.conf"))
            processes = await escaping.started("server@node-1")
            await active(amf, 1)
            await nodes[0].kill()
            for each in processes:
                await gone(each)
            await active(other, 2)

    asyncio.run(scenario())


def test_when_a_guardian_is_killed_all_that_it_ran_is_ended_and_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        escaping = Escaping(tmp_path)
        async with cluster(tmp_path, 1) as (nodes, (amf,)):
            text = escaping.configuration("restart").replace(b", node-2", b"")
            await amf.apply(read_amf(text, "amf.conf"))
            processes = await escaping.started("server@node-1")
            await active(amf, 1)
            os.kill(guardian_of(nodes[0]), signal.SIGKILL)
            started = await escaping.started("server@node-1", 2)
            assert not any(map(runs, processes))
            await until(
                amf,
                lambda found: has("server@node-1", "active")(found) and found["server@node-1"]["process_id"] in started,
            )
            assert all(map(runs, started[COUNT:]))

    asyncio.run(scenario())


@pytest.mark.parametrize("cleanup", ["/bin/sleep 1000", "/no/such/program"])
def test_a_cleanup_that_hangs_or_cannot_be_run_lets_nobody_take_over(cleanup: str, tmp_path: Path) -> None:
    async def scenario() -> None:
        escaping = Escaping(tmp_path)
        async with cluster(tmp_path) as (_, (amf, _other)):
            extra = f"cleanup: {cleanup}\n cleanup_limit: 1s"
            await amf.apply(read_amf(escaping.configuration(extra=extra), "amf.conf"))
            os.kill(await active(amf, 1), signal.SIGKILL)
            found = await until(amf, lambda found: found["server@node-1"]["presence"] == "termination-failed")
            assert not has("server@node-2", "active")(found)

    asyncio.run(scenario())


def test_a_program_that_ignores_sigterm_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with cluster(tmp_path, 1) as (_, (amf,)):
            text = b"""
            group {
                name: deaf
                nodes: node-1
                component {
                    name: deaf
                    command: /bin/sh -c 'trap "" TERM; while :; do sleep 1000; done'
                    terminate: /bin/sleep 1000
                    terminate_limit: 1s
                }
            }
            """
            await amf.apply(read_amf(text, "amf.conf"))
            process_id = (await until(amf, has("deaf@node-1", "active")))["deaf@node-1"]["process_id"]
            await amf.administrate(AdminOperation.LOCK, "deaf", retry=True)
            await until(amf, lambda found: found["deaf@node-1"]["presence"] == "uninstantiated")
            assert not runs(process_id)

    asyncio.run(scenario())


def memory_of(node: ExecutiveProcess) -> int:
    """The resident memory of an executive, in KiB."""
    assert node.process is not None
    _, _, rest = Path(f"/proc/{node.process.pid}/status").read_text().partition("VmRSS:")
    return int(rest.split()[0])


def test_a_program_that_prints_100_mb_is_heard_to_the_end_and_costs_no_memory(tmp_path: Path) -> None:
    async def scenario() -> None:
        said = tmp_path / "said"
        lines, one_line = "yes | head -c 100000000", 'yes no-end | tr -d "\\n" | head -c 1000000'
        command = f"/bin/sh -c '{lines}; {one_line}; echo > {said}; sleep 1000'"
        async with cluster(tmp_path, 1) as (nodes, (amf,)):
            before = memory_of(nodes[0])
            text = f"group {{\n name: loud\n nodes: node-1\n component {{\n name: loud\n command: {command}\n }}\n }}\n"
            await amf.apply(read_amf(text.encode(), "amf.conf"))
            await until(amf, has("loud@node-1", "active"))
            await eventually(said.exists, 60)
            assert memory_of(nodes[0]) - before < 16 * 1024
            assert nodes[0].log.stat().st_size < 1_000_000

    asyncio.run(scenario())
