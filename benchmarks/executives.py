"""Executives as processes of their own, on loopback or in a lab, in a folder that goes away with them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.lab import Lab, Namespace
from benchmarks.measure import Load
from benchmarks.processes import Command, Measured
from openais.cli.demo_relay import LOOPBACK, free_ports

HERE: Final = Path(__file__).resolve().parent.parent
"""This checkout."""
LAB_PORT: Final = 5405
MULTICAST: Final = "239.192.78.1"
LOG_LINES: Final = 10
CONFIGURATION: Final = """\
network {{
    bindnetaddr: {host}
    mcastport: {port}
{multicast}}}
totem {{
    cluster: benchmark
    nodeid: {number}
    nodename: node-{number}
{transport}
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


class Executive(Measured):
    """One executive, and where its clients find it. `where`: the network that it lives in, unless that is this one."""

    def __init__(self, tree: Tree, number: int, folder: Path, where: Namespace | None = None) -> None:
        super().__init__(number)
        self.socket = folder / f"socket-{number}"
        self.configuration = folder / f"conf-{number}"
        self.log = folder / f"log-{number}"
        self._tree = tree
        self._inside = where.inside if where else ()

    async def start(self) -> None:
        """Starts it; it is not a member yet when this returns."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(*self._inside, sys.executable, "-m", "openais", "run"),
                env={**self._tree.environment, "OPENAIS_CONF": str(self.configuration)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def client(self, load: Load, group: str) -> Command:
        options = {
            "--socket": self.socket,
            "--self": self.number,
            "--nodes": load.nodes,
            "--mode": load.mode,
            "--size": load.size,
            "--send": int(self.number in load.sending),
            "--senders": len(load.sending),
            "--group": group,
            "--guarantee": load.guarantee,
            "--rate": load.rate_s,
        }
        arguments = [str(each) for pair in options.items() for each in pair]
        return Command((*self._inside, sys.executable, "-m", "benchmarks.client", *arguments), self._tree.environment)

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else ["(it was not started)"]
        return "\n".join((f"node {self.number}:", *lines[-LOG_LINES:]))


@contextlib.asynccontextmanager
async def executives(
    tree: Tree,
    count: int,
    totem: Mapping[str, str],
    *,
    start: bool = True,
    lab: Lab | None = None,
    multicast: bool = False,
) -> AsyncIterator[list[Executive]]:
    """So many executives of one cluster, with further keys of the section totem; they run unless `start` is False.

    They live on loopback, or each in a node of `lab`. What they logged last is told with an error.
    """
    with tempfile.TemporaryDirectory(prefix="openais-benchmark-") as name:
        folder = Path(name)
        (folder / "authkey").touch(mode=0o600)
        (folder / "authkey").write_text(os.urandom(32).hex())
        numbers = range(1, count + 1)
        nodes = [Executive(tree, number, folder, lab.nodes[number] if lab else None) for number in numbers]
        hosts = [lab.address(number) if lab else LOOPBACK for number in numbers]
        ports = [LAB_PORT] * count if lab else free_ports(count)
        everybody = ", ".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))
        for node, host, port in zip(nodes, hosts, ports, strict=True):
            node.configuration.write_text(
                CONFIGURATION.format(
                    host=host,
                    port=port,
                    multicast=f"    mcastaddr: {MULTICAST}\n" if multicast else "",
                    transport="    transport: multicast"
                    if multicast
                    else f"    transport: unicast\n    nodelist: {everybody}",
                    number=node.number,
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
                await node.start()
            yield nodes
