"""Passive monitoring: the end of a real process, or of a descendant of it, is a failure of a component, or is not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from openais.amf import AsyncAmf, PmErrors, PmStop, Recovery
from openais.types import AisError, InvalidParam, NoResources, NotExist
from tests.support.amf import WAIT_S, Site, guardian_of, has
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

FAMILY = """
import os, sys
if os.fork() == 0:
    if os.fork() == 0:
        print(os.getppid(), os.getpid(), flush=True)
        sys.stdin.readline()
        os._exit(3)
    os.wait()
    os._exit(0)
os.wait()
sys.stdin.readline()
"""
"""Says who its child and its grandchild are. At the first line the grandchild ends, with 3, and the child, with 0."""


async def two_components(site: Site) -> None:
    """`watched` and `other`, plain programs on the first node, which fail over to the second."""
    groups = (
        f"group {{\n name: {name}\n nodes: node-1, node-2\n {site.plain(name, 'recovery: failover')}\n }}\n"
        for name in ("watched", "other")
    )
    await site.apply("")
    await site.until(lambda found: not found)
    await site.apply("".join(groups))
    await site.until(has("watched@node-1", "active"), has("other@node-1", "active"))


@contextlib.asynccontextmanager
async def program(*command: str) -> AsyncIterator[Process]:
    """A process that is to be monitored, not started by the framework."""
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def say(process: Process) -> None:
    """Has a program do its next thing."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    await process.stdin.drain()


async def nothing_failed_before_now(site: Site) -> None:
    """Has the end of another process be a failure of `other`; what was a failure of `watched` is known by then."""
    async with program("/bin/cat") as process:
        await site.amf.pm_start("other@node-1", process.pid, retry=True)
        process.kill()
        found = await site.until(has("other@node-2", "active"))
    assert has("watched@node-1", "active")(found)


async def is_followed(site: Site, process_id: int) -> None:
    """Waits until the guardian of the first node holds a descriptor of a process."""
    folder = Path(f"/proc/{guardian_of(site.nodes[0])}/fdinfo")
    await eventually(lambda: any(f"\nPid:\t{process_id}\n" in text for text in texts(folder)))


def texts(folder: Path) -> Iterator[str]:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield path.read_text()


@pytest.mark.parametrize(
    ("end", "errors", "fails"),
    [
        ("exit 0", PmErrors.ZERO_EXIT, True),
        ("exit 0", PmErrors.NON_ZERO_EXIT | PmErrors.ABNORMAL_END, False),
        ("exit 5", PmErrors.NON_ZERO_EXIT, True),
        ("exit 5", PmErrors.ZERO_EXIT | PmErrors.ABNORMAL_END, False),
        ("kill -9 $$", PmErrors.ABNORMAL_END, True),
        ("kill -9 $$", PmErrors.ZERO_EXIT | PmErrors.NON_ZERO_EXIT, False),
    ],
)
def test_an_end_is_a_failure_when_it_is_one_of_those_that_were_named(
    amf_site: Site, end: str, errors: PmErrors, fails: bool
) -> None:
    async def scenario() -> None:
        await two_components(amf_site)
        async with program("/bin/sh", "-c", f"read line; {end}") as process:
            await amf_site.amf.pm_start("watched@node-1", process.pid, 0, errors, retry=True)
            await say(process)
            await process.wait()
            if fails:
                await amf_site.until(has("watched@node-2", "active"))
                assert any(f"process {process.pid}" in line for line in await amf_site.happened("watched@node-1"))
            else:
                await nothing_failed_before_now(amf_site)

    amf_site.run(scenario())


@pytest.mark.parametrize(("depth", "fails"), [(0, False), (1, False), (2, True), (-1, True)])
def test_descendants_are_monitored_to_the_depth_that_was_named(amf_site: Site, depth: int, fails: bool) -> None:
    async def scenario() -> None:
        await two_components(amf_site)
        async with program(sys.executable, "-c", FAMILY) as process:
            assert process.stdout is not None
            _, grandchild = (await process.stdout.readline()).split()
            await amf_site.amf.pm_start("watched@node-1", process.pid, depth, PmErrors.NON_ZERO_EXIT, retry=True)
            await say(process)
            if fails:
                await amf_site.until(has("watched@node-2", "active"))
                why = f"process {int(grandchild)} (a descendant of {process.pid}) ended with exit code 3"
                assert any(why in line for line in await amf_site.happened("watched@node-1"))
            else:
                await nothing_failed_before_now(amf_site)

    amf_site.run(scenario())


def test_a_descendant_that_is_forked_later_is_monitored_too(amf_site: Site) -> None:
    async def scenario() -> None:
        await two_components(amf_site)
        async with program("/bin/sh", "-c", "read line; sleep 1000 & echo $!; wait; read line") as process:
            await amf_site.amf.pm_start("watched@node-1", process.pid, -1, PmErrors.ABNORMAL_END, retry=True)
            await say(process)
            assert process.stdout is not None
            child = int(await process.stdout.readline())
            await is_followed(amf_site, child)
            os.kill(child, signal.SIGKILL)
            await amf_site.until(has("watched@node-2", "active"))

    amf_site.run(scenario())


def test_what_is_not_monitored_any_more_is_no_failure(amf_site: Site) -> None:
    async def scenario() -> None:
        await two_components(amf_site)
        amf = amf_site.amf
        for qualifier, process_id in (
            (PmStop.PROCESS, 1),
            (PmStop.PROCESS_AND_DESCENDANTS, 1),
            (PmStop.ALL_PROCESSES, 0),
        ):
            async with program("/bin/cat") as process:
                await amf.pm_start("watched@node-1", process.pid, retry=True)
                await amf.pm_stop("watched@node-1", process.pid, PmErrors.ZERO_EXIT, retry=True)
                await amf.pm_stop("watched@node-1", process_id and process.pid, qualifier=qualifier, retry=True)
                with pytest.raises(NotExist):
                    await amf.pm_stop("watched@node-1", process.pid, retry=True)
                process.kill()
        await nothing_failed_before_now(amf_site)

    amf_site.run(scenario())


def test_the_recovery_is_the_one_that_was_recommended(amf_site: Site) -> None:
    async def scenario() -> None:
        component = amf_site.aware("aware", "recovery: restart")
        await amf_site.apply("")
        await amf_site.until(lambda found: not found)
        await amf_site.apply(f"group {{\n name: aware\n nodes: node-1, node-2\n {component}\n }}\n")
        first, second = await amf_site.pair("aware@node-1", "aware@node-2")
        process_id = (await amf_site.components())[first]["process_id"]
        node = amf_site.nodes[int(first[-1]) - 1]
        async with AsyncAmf.open(node.socket, timeout=WAIT_S) as amf:
            await amf.pm_start(first, process_id, recovery=Recovery.COMPONENT_FAILOVER, retry=True)
            os.kill(process_id, signal.SIGKILL)
            await amf_site.until(has(second, "active"), has(first, "standby"))

    amf_site.run(scenario())


def test_what_cannot_be_monitored_is_refused(amf_site: Site) -> None:
    async def refused(error: type[AisError], component: str, process_id: int, *arguments: object) -> None:
        with pytest.raises(error):
            await amf_site.amf.pm_start(component, process_id, *arguments, retry=True)  # type: ignore[arg-type]

    async def scenario() -> None:
        await two_components(amf_site)
        async with program("/bin/cat") as process:
            pass
        await refused(NotExist, "watched@node-1", process.pid)
        await refused(NotExist, "watched@node-2", os.getpid())
        await refused(NotExist, "nobody", os.getpid())
        await refused(InvalidParam, "watched@node-1", 0)
        await refused(InvalidParam, "watched@node-1", os.getpid(), -2)
        await refused(InvalidParam, "watched@node-1", os.getpid(), 0, PmErrors(0))
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(64):
                each = await stack.enter_async_context(program("/bin/cat"))
                await amf_site.amf.pm_start("watched@node-1", each.pid, 0, PmErrors.ZERO_EXIT, retry=True)
            await refused(NoResources, "watched@node-1", os.getpid())
            await amf_site.amf.pm_stop("watched@node-1", 0, qualifier=PmStop.ALL_PROCESSES, retry=True)

    amf_site.run(scenario())
