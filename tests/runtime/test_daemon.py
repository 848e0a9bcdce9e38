"""Executives as processes: a ring of three, signals, exit codes, and what an operator is told."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from openais.clm import AsyncClm
from openais.config.settings import IpcSettings, LoggingSettings, NetworkSettings, Settings
from openais.evs import AsyncEvs, MessageDelivered
from openais.runtime.authkey import create_authkey
from openais.runtime.daemon import EXIT_FAILED, EXIT_LEFT, keys_that_need_a_restart
from openais.types import LibraryError
from tests.support.processes import executives, see, views_of

pytestmark = pytest.mark.e2e


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(scenario())


def test_three_executives_meet_one_is_killed_and_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 3) as nodes, contextlib.AsyncExitStack() as stack:
            for node in nodes:
                await node.start()
            views = [await stack.enter_async_context(views_of(node)) for node in nodes[:2]]
            for each in views:
                await see(each, {1, 2, 3})
            await nodes[2].kill()
            for each in views:
                assert (await see(each, {1, 2}))[-1] == {1, 2}
            await nodes[2].start()
            for each in views:
                await see(each, {1, 2, 3})

    run(scenario)


def test_one_that_is_stopped_and_continued_leaves_and_comes_back_and_the_others_stay_together(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 3) as nodes:
            for node in nodes:
                await node.start()
            async with views_of(nodes[0]) as first, views_of(nodes[1]) as second:
                for each in (first, second):
                    await see(each, {1, 2, 3})
                nodes[2].signal(signal.SIGSTOP)
                seen = [members for each in (first, second) for members in await see(each, {1, 2})]
                nodes[2].signal(signal.SIGCONT)
                seen += [members for each in (first, second) for members in await see(each, {1, 2, 3})]
                assert all({1, 2} <= members for members in seen)

    run(scenario)


def test_an_executive_takes_the_priority_that_is_configured(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 1) as (node,):
            node.sections["totem"]["nice"] = "3"
            await node.start()
            assert os.getpriority(os.PRIO_PROCESS, node.process_id) == 3

    run(scenario)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give up being root")
def test_an_executive_that_may_not_take_its_priority_runs_as_it_was_started(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 1) as (node,):
            node.sections["totem"]["nice"] = "-10"
            node.inside = ("setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice")
            await node.start()
            assert os.getpriority(os.PRIO_PROCESS, node.process_id) == os.getpriority(os.PRIO_PROCESS, 0)

    run(scenario)


def test_messages_cross_between_processes(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 2) as nodes:
            for node in nodes:
                await node.start()
            async with views_of(nodes[0]) as views:
                await see(views, {1, 2})
            async with AsyncEvs.open(nodes[0].socket) as alice, AsyncEvs.open(nodes[1].socket) as bob:
                await bob.join("chat", retry=True)
                await alice.multicast("chat", [b"%d" % number for number in range(1000)], retry=True)
                received = []
                async for event in bob:
                    if isinstance(event, MessageDelivered):
                        received.append(int(bytes(event.payload)))
                    if len(received) == 1000:
                        break
                assert received == list(range(1000))

    run(scenario)


def test_sigterm_leaves_in_order(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 2) as nodes:
            for node in nodes:
                await node.start()
            async with views_of(nodes[0]) as views, AsyncClm.open(nodes[1].socket) as cluster:
                await see(views, {1, 2})
                nodes[1].signal(signal.SIGTERM)
                await nodes[1].told(b"STOPPING=1")
                assert await nodes[1].exit_code() == EXIT_LEFT
                assert not nodes[1].socket.exists()
                await see(views, {1})
                with pytest.raises(LibraryError):
                    await cluster.members(retry=False)
            assert "left in order" in nodes[0].log.read_text()

    run(scenario)


def test_a_second_executive_on_the_same_socket_says_so_and_fails(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 2) as nodes:
            await nodes[0].start()
            nodes[1].sections["ipc"]["socket"] = str(nodes[0].socket)
            nodes[1].sections["logging"] = {"logoutput": "stderr"}
            await nodes[1].launch()
            assert await nodes[1].exit_code() == EXIT_FAILED
            assert b"another executive runs here" in nodes[1].errors
            async with AsyncClm.open(nodes[0].socket) as cluster:
                assert len(await cluster.members()) == 1

    run(scenario)


def test_sighup_takes_the_node_list_and_new_keys_and_names_what_needs_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        create_authkey(tmp_path / "new")
        async with executives(tmp_path, 2) as nodes:
            everybody = nodes[0].sections["totem"]["nodelist"]
            for node in nodes:
                node.sections["totem"]["nodelist"] = ""
                await node.start()
            for node in nodes:
                totem = node.sections["totem"]
                totem |= {"nodelist": everybody, "authkey": f"{tmp_path / 'new'}, {totem['authkey']}", "token": "400"}
                node.configure()
                node.signal(signal.SIGHUP)
                await node.told(b"RELOADING=1")
                await node.told(b"READY=1")
            async with views_of(nodes[0]) as views:
                await see(views, {1, 2})
            for node in nodes:
                node.signal(signal.SIGTERM)
                assert await node.exit_code() == EXIT_LEFT
                assert "totem.token was changed: it takes effect after a restart" in node.log.read_text()

    run(scenario)


def test_a_configuration_with_mistakes_changes_nothing_at_sighup(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 1) as (node,):
            await node.start()
            for mistake in ({"token": "soon"}, {"token": "250", "authkey": str(tmp_path / "missing")}):
                node.sections["totem"] |= mistake
                node.configure()
                node.signal(signal.SIGHUP)
                await node.told(b"RELOADING=1")
                await node.told(b"READY=1")
            async with AsyncClm.open(node.socket) as cluster:
                assert len(await cluster.members()) == 1
            node.signal(signal.SIGINT)
            assert await node.exit_code() == EXIT_LEFT
            assert node.log.read_text().count("nothing was reloaded") == 2

    run(scenario)


def test_what_sighup_cannot_change_is_named() -> None:
    old = Settings()
    new = Settings(
        network=NetworkSettings(mcastport=5999), logging=LoggingSettings(debug=True), ipc=IpcSettings(frame_max=70_000)
    )
    assert keys_that_need_a_restart(old, old) == []
    assert keys_that_need_a_restart(old, new) == ["network.mcastport", "ipc.frame_max"]
