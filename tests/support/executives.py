"""Executives on loopback for tests: settings with a key and a state directory of their own, and rings of drivers."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Collection, Sequence
from pathlib import Path

from openais.config.load import load_settings
from openais.config.settings import Settings
from openais.runtime.authkey import create_authkey
from openais.runtime.driver import NodeDriver
from tests.support.waiting import eventually

FAST_TOKEN_MS = 150
"""Failures are found soon, and a busy machine still raises no false alarm every time."""


def settings_of(directory: Path, number: int, **keys: str) -> Settings:
    """The settings of node `number`, on any free port. `keys` are named `section_key`."""
    create_authkey(directory / "authkey")
    flags = {
        "totem.nodeid": str(number),
        "totem.nodename": f"node-{number}",
        "totem.authkey": str(directory / "authkey"),
        "totem.statedir": str(directory / f"state-{number}"),
        "totem.token": str(FAST_TOKEN_MS),
        "ipc.socket": str(directory / f"socket-{number}"),
    }
    flags |= {name.replace("_", ".", 1): text for name, text in keys.items()}
    settings = load_settings(Path(os.devnull), {}, flags)
    if "network_mcastport" in keys:
        return settings
    return dataclasses.replace(settings, network=dataclasses.replace(settings.network, mcastport=0))


def in_one_ring(drivers: Collection[NodeDriver]) -> bool:
    """Whether the drivers, and nobody else, are in one configuration with its state complete."""
    everybody = {driver.node_id for driver in drivers}
    seen = [driver.executive.status() for driver in drivers]
    same_ring = len({status.ring for status in seen}) == 1
    return same_ring and all(
        status.synchronized and {member.node_id for member in status.members} == everybody for status in seen
    )


async def ring_of(drivers: Sequence[NodeDriver]) -> None:
    """Waits until the drivers are in one ring."""
    await eventually(lambda: in_one_ring(drivers))


def introduce(*drivers: NodeDriver) -> None:
    """Gives all of them each other's addresses."""
    for driver in drivers:
        driver.set_nodes(tuple((str(other.address[0]), int(other.address[1])) for other in drivers))


@contextlib.asynccontextmanager
async def running(*settings: Settings, listen: bool = False) -> AsyncIterator[list[NodeDriver]]:
    """Drivers that know of each other; those that still run at the end are abandoned."""
    drivers = [NodeDriver(each, listen=listen) for each in settings]
    started: list[NodeDriver] = []
    try:
        for driver in drivers:
            await driver.start()
            started.append(driver)
        introduce(*drivers)
        yield drivers
    finally:
        for driver in started:
            driver.abandon()
        await asyncio.sleep(0)
