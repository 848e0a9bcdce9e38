"""Nodes that are set up wrongly beside a ring that works: they stay outside, somebody says why, and the ring stays."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openais.runtime.authkey import create_authkey
from openais.runtime.daemon import EXIT_FAILED
from tests.support.processes import ExecutiveProcess, counters_of, executives
from tests.support.rings import STEADY_MS, run, witnesses_of
from tests.support.witness import WAIT_S, Witness, hear_each_other, talking, witness

pytestmark = pytest.mark.e2e

FAST_MS = 800
"""For a test in which something takes some token timeouts."""


@contextlib.asynccontextmanager
async def ring_and_newcomer(
    directory: Path, token_ms: int = STEADY_MS
) -> AsyncIterator[tuple[list[Witness], ExecutiveProcess]]:
    """Witnesses of a ring of two that stays as it is, and a third executive in their lists, not started yet."""
    async with executives(directory, 3) as nodes:
        for node in nodes:
            node.sections["totem"]["token"] = str(token_ms)
        async with witnesses_of(nodes[:2]) as witnesses:
            before = [each.configurations for each in witnesses]
            async with talking(witnesses):
                yield witnesses, nodes[2]
            await hear_each_other(witnesses)
            assert [each.configurations for each in witnesses] == before, "the ring did not stay"


async def refused(witnesses: list[Witness], cause: str) -> None:
    """Waits until both executives have counted something that they refuse for this cause."""
    async with asyncio.timeout(WAIT_S):
        for each in witnesses:
            while not (await counters_of(each.executive)).get(cause):
                await hear_each_other(witnesses)


async def logged(witnesses: list[Witness], pattern: str) -> None:
    """Waits until both executives have logged a line like this."""
    async with asyncio.timeout(WAIT_S):
        for each in witnesses:
            while not re.search(pattern, each.executive.log.read_text()):
                await hear_each_other(witnesses)


def test_a_node_with_another_key_stays_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_and_newcomer(tmp_path) as (witnesses, newcomer):
            create_authkey(tmp_path / "another")
            newcomer.sections["totem"]["authkey"] = str(tmp_path / "another")
            await newcomer.start()
            await refused(witnesses, "seal.unknown_key")
            await logged(witnesses, "WARNING .*127.0.0.1.* key")
            async with witness(newcomer) as outside:
                await outside.until_members({3})

    run(scenario)


def test_a_node_of_another_cluster_stays_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_and_newcomer(tmp_path) as (witnesses, newcomer):
            newcomer.sections["totem"]["cluster"] = "another"
            await newcomer.start()
            await refused(witnesses, "seal.not_authentic")
            async with witness(newcomer) as outside:
                await outside.until_members({3})

    run(scenario)


def test_a_node_without_security_stays_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_and_newcomer(tmp_path) as (witnesses, newcomer):
            newcomer.sections["totem"]["secauth"] = "off"
            await newcomer.start()
            await refused(witnesses, "seal.cipher")
            async with witness(newcomer) as outside:
                await outside.until_members({3})

    run(scenario)


def test_a_node_with_other_ring_settings_stays_alone_and_the_log_names_the_setting(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with ring_and_newcomer(tmp_path) as (witnesses, newcomer):
            newcomer.sections["totem"]["window_size"] = "50"
            await newcomer.start()
            await refused(witnesses, "ring.settings_differ")
            await logged(witnesses, "node 3 is refused: it runs other ring settings: window is 50 there and 96 here")
            async with witness(newcomer) as outside:
                await outside.until_members({3})

    run(scenario)


@pytest.mark.parametrize("taken", [1, 2])
def test_the_newer_of_two_nodes_with_one_id_ends_and_says_why(tmp_path: Path, taken: int) -> None:
    async def scenario() -> None:
        async with ring_and_newcomer(tmp_path, FAST_MS) as (_, newcomer):
            newcomer.sections["totem"]["nodeid"] = str(taken)
            await newcomer.start()
            assert await newcomer.exit_code() == EXIT_FAILED
            text = f"another node uses node id {taken} as well; give each node an id of its own"
            assert text in newcomer.log.read_text()

    run(scenario)


def test_a_configuration_with_mistakes_is_explained_line_by_line_and_nothing_starts(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executives(tmp_path, 1) as (node,):
            node.sections["totem"] |= {"token": "soon", "colour": "red"}
            node.sections["network"]["mcastport"] = "70000"
            await node.launch()
            assert await node.exit_code() == 2
            told = node.errors.decode()
            for expected in ("mcastport", "token", "colour"):
                lines = [
                    number
                    for number, line in enumerate(node.configuration.read_text().splitlines(), 1)
                    if expected in line
                ]
                assert re.search(rf"{re.escape(str(node.configuration))}:{lines[0]}: .*{expected}", told), told
            assert not node.socket.exists()

    run(scenario)
