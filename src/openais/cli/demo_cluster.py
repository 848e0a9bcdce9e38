"""The cluster of the demo: executives as processes of their own, in a folder that goes away with them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from openais.cli.demo_relay import LOOPBACK, Port, Relay, free_port
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
    """`node_count` executives and the relay between them. `async with` it: nothing of it is left afterwards."""

    def __init__(self, node_count: int) -> None:
        self._node_count = node_count
        self.nodes: Sequence[NodeProcess] = ()
        self.relay = Relay({})
        self.folder = Path()
        self.last_words: list[str] = []
        """What the executives wrote last, of a cluster that was cleared away because something went wrong."""

    async def __aenter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="openais-demo-"))
        try:
            self.nodes = tuple(NodeProcess(n + 1, self.folder, free_port()) for n in range(self._node_count))
            self.relay = Relay({node.number: node.port for node in self.nodes})
            self.relay.open()
            create_authkey(self.folder / "authkey")
            for node in self.nodes:
                self._configure(node)
        except BaseException:
            await self._clear_away()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.last_words = [f"{node.name}: {line}" for node in self.nodes for line in node.last_words()]
        await self._clear_away()

    @property
    def running(self) -> list[NodeProcess]:
        """The nodes whose process lives."""
        return [node for node in self.nodes if node.running]

    def _configure(self, node: NodeProcess) -> None:
        node.home.mkdir()
        text = CONFIGURATION.format(
            host=LOOPBACK,
            port=node.port,
            home=node.home,
            number=node.number,
            name=node.name,
            doors=", ".join(self.relay.doors_of(node.number)),
            key=self.folder / "authkey",
            socket=node.socket,
        )
        node.configuration.write_text(text)

    async def _clear_away(self) -> None:
        for node in self.running:
            with suppress(TimeoutError, ProcessLookupError):
                await node.kill()
        self.relay.close()
        shutil.rmtree(self.folder)
