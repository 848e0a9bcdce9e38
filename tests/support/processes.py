"""Executives as processes, each with a directory, a configuration file and a service manager's socket of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from pathlib import Path

from openais.clm import AsyncClm, ClusterView
from openais.runtime.authkey import create_authkey
from tests.support.executives import free_port

WAIT_S = 30.0
TOKEN_MS = 250


class ExecutiveProcess:
    """One `openais run`."""

    def __init__(self, directory: Path, number: int, ports: list[int]) -> None:
        self.number = number
        self.socket = directory / f"socket-{number}"
        self.log = directory / f"log-{number}"
        self.configuration = directory / f"conf-{number}"
        self.sections: dict[str, dict[str, str]] = {
            "network": {"mcastport": str(ports[number - 1])},
            "totem": {
                "nodeid": str(number),
                "nodename": f"node-{number}",
                "nodelist": ", ".join(f"127.0.0.1:{port}" for port in ports),
                "token": str(TOKEN_MS),
                "authkey": str(directory / "authkey"),
                "statedir": str(directory / f"state-{number}"),
            },
            "ipc": {"socket": str(self.socket)},
            "logging": {"logoutput": "file", "logfile": str(self.log)},
        }
        self.process: asyncio.subprocess.Process | None = None
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(directory / f"notify-{number}"))
        self._manager.setblocking(False)

    async def start(self) -> None:
        """Returns when it serves libraries."""
        await self.launch()
        await self.told(b"READY=1")

    async def launch(self) -> None:
        """Writes the configuration and starts the process."""
        self.configure()
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "openais", "run", "--config", str(self.configuration)),
            env={**os.environ, "NOTIFY_SOCKET": self._manager.getsockname()},
            stderr=subprocess.PIPE,
        )

    def configure(self) -> None:
        """Writes the configuration file."""
        text = ""
        for section, keys in self.sections.items():
            lines = "".join(f"    {key}: {value}\n" for key, value in keys.items())
            text += f"{section} {{\n{lines}}}\n"
        self.configuration.write_text(text)

    async def told(self, what: bytes) -> None:
        """Waits until the service manager was told this."""
        async with asyncio.timeout(WAIT_S):
            while what not in await asyncio.get_running_loop().sock_recv(self._manager, 4096):
                pass

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def exit_code(self) -> int:
        """Waits for its end."""
        assert self.process is not None
        async with asyncio.timeout(WAIT_S):
            _, self.errors = await self.process.communicate()
            return await self.process.wait()

    async def kill(self) -> None:
        """Ends it as a power failure would."""
        self.signal(signal.SIGKILL)
        await self.exit_code()

    async def close(self) -> None:
        """Nothing of it is left running."""
        self._manager.close()
        if self.process is not None and self.process.returncode is None:
            self.signal(signal.SIGCONT)
            await self.kill()


@contextlib.asynccontextmanager
async def executives(directory: Path, count: int) -> AsyncIterator[list[ExecutiveProcess]]:
    """Executives that list each other, none started yet."""
    create_authkey(directory / "authkey")
    ports = [free_port() for _ in range(count)]
    processes = [ExecutiveProcess(directory, number + 1, ports) for number in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            await process.close()


@contextlib.asynccontextmanager
async def views_of(executive: ExecutiveProcess) -> AsyncIterator[AsyncGenerator[ClusterView, None]]:
    """The views of a running executive, from the present one on."""
    async with AsyncClm.open(executive.socket) as cluster, contextlib.aclosing(cluster.track()) as views:
        yield views


def members(view: ClusterView) -> set[int]:
    """The node ids of the members in a view."""
    return {each.node.node_id for each in view.notifications if each.node.member}


async def see(views: AsyncGenerator[ClusterView, None], wanted: Collection[int]) -> list[set[int]]:
    """The members of each view up to the first one of exactly `wanted`."""
    seen: list[set[int]] = []
    async with asyncio.timeout(WAIT_S):
        async for view in views:
            seen.append(members(view))
            if seen[-1] == set(wanted):
                return seen
    raise AssertionError(f"the views ended after {seen}")
