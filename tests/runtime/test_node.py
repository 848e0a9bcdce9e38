"""The embedded node: an executive in a program, its libraries in the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

import openais
from openais.cli.demo_relay import free_ports
from openais.clm import Clm
from openais.config.problems import ConfigurationError
from openais.evs import MessageDelivered
from openais.runtime.authkey import create_authkey
from openais.types import InvalidParam
from tests.support.executives import settings_of
from tests.support.waiting import eventually


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(scenario())


def test_two_nodes_in_one_program_meet_and_talk(tmp_path: Path) -> None:
    create_authkey(tmp_path / "key")

    async def scenario() -> None:
        ports = free_ports(2)
        first, second = (
            openais.Node(
                nodeid=number,
                mcastport=port,
                nodelist=[f"127.0.0.1:{each}" for each in ports],
                authkey=tmp_path / "key",
                statedir=tmp_path,
                token=150,
            )
            for number, port in enumerate(ports, 1)
        )
        async with first, second, first.clm() as cluster:
            async for view in cluster.track():
                if view.member_count == 2:
                    break
            async with first.evs() as alice, second.evs() as bob:
                await bob.join("chat", retry=True)
                await alice.multicast("chat", b"hello", retry=True)
                async for event in bob:
                    if isinstance(event, MessageDelivered):
                        assert (bytes(event.payload), event.sender.node_id) == (b"hello", 1)
                        break
            assert first.node_id == 1
            assert first.address == ("127.0.0.1", ports[0])
            assert first.describe()["ring"]["members"] == [1, 2]

    run(scenario)


def test_nodes_can_be_made_known_to_each_other_later(tmp_path: Path) -> None:
    async def scenario() -> None:
        nodes = [openais.Node(settings_of(tmp_path, number)) for number in (1, 2)]
        async with nodes[0], nodes[1]:
            for node in nodes:
                node.set_nodes(*(each.address for each in nodes))
            await eventually(lambda: all(node.describe()["ring"]["members"] == [1, 2] for node in nodes))

    run(scenario)


def test_a_listening_node_serves_other_programs(tmp_path: Path) -> None:
    def from_another_thread() -> list[str]:
        with Clm(tmp_path / "socket-1") as cluster:
            return [node.name for node in cluster.members()]

    async def scenario() -> None:
        async with openais.Node(settings_of(tmp_path, 1), listen=True):
            assert await asyncio.to_thread(from_another_thread) == ["node-1"]
        assert not (tmp_path / "socket-1").exists()

    run(scenario)


def test_a_node_does_not_listen_unless_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with openais.Node(settings_of(tmp_path, 1)) as node:
            assert not (tmp_path / "socket-1").exists()
            await node.stop()
            assert await node.ended() == ""

    run(scenario)


def test_a_stopped_node_may_be_stopped_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        node = openais.Node(settings_of(tmp_path, 1))
        await node.start()
        await node.stop()
        await node.stop()

    run(scenario)


def test_an_unknown_key_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidParam, match=r"'nodename_'.*nodename"):
        openais.Node(nodename_="x")


def test_a_value_that_a_key_cannot_have_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="token"):
        openais.Node(token="soon")


def test_settings_and_keys_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(InvalidParam, match="exclude"):
        openais.Node(settings_of(tmp_path, 1), token=150)


def test_the_environment_does_not_configure_an_embedded_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAIS_TOTEM_TOKEN", "nonsense")
    openais.Node(secauth=False, statedir=tmp_path)
