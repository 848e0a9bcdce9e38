"""The cluster of the demo: executives as processes of their own, in a folder that goes away with them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from openais.cli.demo_relay import LOOPBACK, Port, Relay, free_ports
from openais.runtime.authkey import create_authkey

LEAVE_S: Final = 10.0
"""How long an executive may take to leave the ring in order."""
LOG_TAIL_LINES: Final = 12

CONFIGURATION: Final = """\
network {{
    bindnetaddr: {host}
    mcastport: {port}
}}
logging {{
    logoutput: file
    logfile: {home}/log
}}
totem {{
    cluster: demo
    nodeid: {number}
    nodename: {name}
    transport: unicast
    nodelist: {doors}
    authkey: {key}
    statedir: {home}
}}
ipc {{
    socket: {socket}
}}
"""


class NodeProcess:
    """One executive: its files, and its process while it runs."""

    def __init__(self, number: int, folder: Path, port: Port) -> None:
        self.number = number
        self.name = f"node-{number}"
        self.port = port
        self.home = folder / f"n{number}"
        self.socket = self.home / "socket"
        self.configuration = self.home / "openais.conf"
        self.process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.process is not None and self.process.returncode is None

    @property
    def process_id(self) -> int:
        """The id of its process, or of the last one that it had; 0 before the first."""
        return self.process.pid if self.process else 0

    async def start(self) -> None:
        """Starts the executive. It is not a member yet when this returns."""
        with suppress(FileNotFoundError):
            self.socket.unlink()
        with (self.home / "errors").open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "openais", "run"),
                env={**os.environ, "OPENAIS_CONF": str(self.configuration)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )

    async def kill(self) -> None:
        """Ends the process as a power failure would."""
        await self._end(signal.SIGKILL)

    async def leave(self) -> int:
        """Asks the executive to leave the ring in order; its exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.running:
            self.process.send_signal(number)
        async with asyncio.timeout(LEAVE_S):
            return await self.process.wait()

    def last_words(self) -> list[str]:
        """The end of its log and of what it wrote on its error output, for when something went wrong."""
        lines = [
            line
            for file in (self.home / "log", self.home / "errors")
            if file.exists()
            for line in file.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        ]
        return lines or ["(it wrote nothing)"]


class Cluster:
    """Executives and the relay between them, in a folder of their own. Made by `cluster_of`."""

    def __init__(self, folder: Path, node_count: int) -> None:
        self.folder = folder
        self.nodes = tuple(NodeProcess(number, folder, port) for number, port in enumerate(free_ports(node_count), 1))
        self.relay = Relay({node.number: node.port for node in self.nodes})
        self.last_words: list[str] = []
        """What the executives wrote last, once the cluster was cleared away."""

    def set_up(self) -> None:
        """Makes the key and every node's configuration, and opens the relay. To be called in the event loop."""
        self.relay.open()
        create_authkey(self.folder / "authkey")
        for node in self.nodes:
            node.home.mkdir()
            node.configuration.write_text(self._configuration_of(node))

    async def clear_away(self) -> None:
        """Ends all processes, by force, and closes the relay."""
        self.last_words = [f"{node.name}: {line}" for node in self.nodes for line in node.last_words()]
        for node in self.nodes:
            if node.running:
                await node.kill()
        self.relay.close()

    def remains(self) -> list[str]:
        """What is left of the cluster: processes, the folder."""
        processes = [f"process {node.process_id}" for node in self.nodes if node.process_id and _lives(node.process_id)]
        return processes + ([str(self.folder)] if self.folder.exists() else [])

    def _configuration_of(self, node: NodeProcess) -> str:
        return CONFIGURATION.format(
            host=LOOPBACK,
            port=node.port,
            home=node.home,
            number=node.number,
            name=node.name,
            doors=", ".join(self.relay.doors_of(node.number)),
            key=self.folder / "authkey",
            socket=node.socket,
        )


@asynccontextmanager
async def cluster_of(node_count: int) -> AsyncIterator[Cluster]:
    """A cluster, none of its nodes started. Nothing of it is left when the context ends, however it ends."""
    with TemporaryDirectory(prefix="openais-demo-") as folder:
        cluster = Cluster(Path(folder), node_count)
        try:
            cluster.set_up()
            yield cluster
        finally:
            await cluster.clear_away()


def _lives(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True
