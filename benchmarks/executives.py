"""Executives as processes of their own on loopback, in a folder that goes away with them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from openais.cli.demo_relay import free_ports

HERE: Final = Path(__file__).resolve().parent.parent
"""This checkout."""
LEAVE_S: Final = 10.0
LOG_LINES: Final = 10
CONFIGURATION: Final = """\
network {{
    bindnetaddr: 127.0.0.1
    mcastport: {port}
}}
totem {{
    cluster: benchmark
    nodeid: {number}
    nodename: node-{number}
    transport: unicast
    nodelist: {nodes}
    authkey: {folder}/authkey
    statedir: {folder}
{totem}
}}
ipc {{
    socket: {socket}
}}
"""


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout of this repository: what is measured."""

    label: str
    path: Path

    @property
    def environment(self) -> dict[str, str]:
        """That of its programs, whatever is installed."""
        others = {name: text for name, text in os.environ.items() if not name.startswith("OPENAIS_CONF")}
        return {**others, "PYTHONPATH": f"{self.path / 'src'}:{self.path}"}


class Executive:
    """One executive, and where its clients find it."""

    def __init__(self, number: int, folder: Path) -> None:
        self.number = number
        self.socket = folder / f"socket-{number}"
        self.configuration = folder / f"conf-{number}"
        self.log = folder / f"log-{number}"
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, tree: Tree) -> None:
        """Starts it; it is not a member yet when this returns."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "openais", "run"),
                env={**tree.environment, "OPENAIS_CONF": str(self.configuration)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def kill(self) -> None:
        """Ends it as a power failure would."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def end(self) -> None:
        """Has it leave in order, by force if that takes too long."""
        if self.process is None or self.process.returncode is not None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(LEAVE_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else ["(it was not started)"]
        return "\n".join((f"node {self.number}:", *lines[-LOG_LINES:]))

    def cpu_s(self) -> float:
        """Processor time used so far, all threads."""
        assert self.process is not None
        total_ns = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total_ns += int((task / "schedstat").read_text().split()[0])
        return total_ns / 1e9

    def memory_mib(self) -> float:
        """Resident memory."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def peak_memory_mib(self) -> float:
        """The most memory that it has had."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


@contextlib.asynccontextmanager
async def executives(
    tree: Tree, count: int, totem: Mapping[str, str], *, start: bool = True
) -> AsyncIterator[list[Executive]]:
    """So many executives of one cluster, with further keys of the section totem; they run unless `start` is False.

    What they logged last is told with an error.
    """
    with tempfile.TemporaryDirectory(prefix="openais-benchmark-") as name:
        folder = Path(name)
        (folder / "authkey").touch(mode=0o600)
        (folder / "authkey").write_text(os.urandom(32).hex())
        nodes = [Executive(number, folder) for number in range(1, count + 1)]
        ports = free_ports(count)
        for node, port in zip(nodes, ports, strict=True):
            node.configuration.write_text(
                CONFIGURATION.format(
                    port=port,
                    number=node.number,
                    nodes=", ".join(f"127.0.0.1:{each}" for each in ports),
                    folder=folder,
                    totem="\n".join(f"    {key}: {value}" for key, value in totem.items()),
                    socket=node.socket,
                )
            )

        def explain(kind: object, error: BaseException | None, trace: object) -> None:
            if error is not None:
                for node in nodes:
                    error.add_note(node.last_words())

        async with contextlib.AsyncExitStack() as at_end:
            for node in nodes:
                at_end.push_async_callback(node.end)
            at_end.push(explain)
            for node in nodes if start else ():
                await node.start(tree)
            yield nodes
