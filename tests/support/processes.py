"""Executives as processes, each with a directory, a configuration file and a service manager's socket of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable
from pathlib import Path

from openais.cli.demo_relay import free_ports
from openais.client.status import StatusClient
from openais.clm import AsyncClm, ClusterView
from openais.runtime.authkey import create_authkey

WAIT_S = 30.0
LOG_LINES = 20
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
        self.inside: tuple[str, ...] = ()
        """The command that runs another one where the executive is to live."""
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
            *(*self.inside, sys.executable, "-m", "openais", "run", "--config", str(self.configuration)),
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
        """Waits until the service manager was told this. Fails at once when the process ends instead."""
        assert self.process is not None
        loop = asyncio.get_running_loop()
        ended = asyncio.create_task(self.process.wait())
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    heard = asyncio.create_task(loop.sock_recv(self._manager, 4096))
                    await asyncio.wait((heard, ended), return_when=asyncio.FIRST_COMPLETED)
                    if not heard.done():
                        heard.cancel()
                        assert self.process.stderr is not None
                        raise AssertionError(f"it ended: {(await self.process.stderr.read()).decode()}")
                    if what in heard.result():
                        return
        finally:
            ended.cancel()

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

    @property
    def process_id(self) -> int:
        """The id of the process."""
        assert self.process is not None
        return self.process.pid

    @property
    def runs(self) -> bool:
        """Whether the process was started and has not ended."""
        return self.process is not None and self.process.returncode is None

    def last_words(self) -> str:
        """The end of its log, for when a test fails."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else ["(no log)"]
        return "\n".join((f"node {self.number}, {'running' if self.runs else 'not running'}:", *lines[-LOG_LINES:]))

    async def close(self) -> None:
        """Nothing of it is left running."""
        self._manager.close()
        if self.runs:
            self.signal(signal.SIGCONT)
            await self.kill()


@contextlib.asynccontextmanager
async def executives(directory: Path, count: int) -> AsyncIterator[list[ExecutiveProcess]]:
    """Executives that list each other, none started yet. What they logged last is told with the error of a test."""
    create_authkey(directory / "authkey")
    ports = free_ports(count)
    processes = [ExecutiveProcess(directory, number + 1, ports) for number in range(count)]

    def explain(kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            for process in processes:
                error.add_note(process.last_words())

    async with contextlib.AsyncExitStack() as at_end:
        for process in processes:
            at_end.push_async_callback(process.close)
        at_end.push(explain)
        yield processes


async def start_all(processes: Iterable[ExecutiveProcess]) -> None:
    """Starts them at the same time; returns when all serve libraries."""
    await asyncio.gather(*(process.start() for process in processes))


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


async def counters_of(executive: ExecutiveProcess) -> dict[str, int]:
    """The counters of a running executive."""

    def ask() -> dict[str, int]:
        with StatusClient(executive.socket, timeout=WAIT_S) as status:
            return status.counters()

    return await asyncio.to_thread(ask)
