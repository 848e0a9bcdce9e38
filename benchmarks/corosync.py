"""The peer: corosync of the distribution's packages, without encryption, in a lab of its own.

It needs the packages corosync and libcpg-dev, and a C compiler for its load client, `cpgbench.c`, which speaks the same
lines as `client.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from benchmarks import lab as laboratory
from benchmarks.lab import Lab, Namespace
from benchmarks.measure import Load
from benchmarks.processes import Command, Measured

PRIVATE: Final = ("/dev/shm", "/run", "/var/lib/corosync", "/etc/corosync", "/var/log/corosync")
CLIENT_SOURCE: Final = Path(__file__).with_name("cpgbench.c")
FORMED_S: Final = 60.0
BACKOFF_US: Final = 20
"""How long the client waits after TRY_AGAIN."""
CONFIGURATION: Final = """\
totem {{
    version: 2
    cluster_name: bench
    transport: {transport}
{security}{interface}}}
nodelist {{
{nodes}}}
quorum {{
    provider: corosync_votequorum
}}
logging {{
    to_logfile: yes
    logfile: /var/log/corosync/corosync.log
    to_syslog: no
    to_stderr: no
}}
"""
MULTICAST: Final = """\
    interface {{
        ringnumber: 0
        bindnetaddr: {network}
        mcastaddr: 239.77.1.1
        mcastport: 5405
        ttl: 1
    }}
"""
NODE: Final = """\
    node {{
        name: n{number}
        nodeid: {number}
        ring0_addr: {address}
    }}
"""


def obstacle() -> str:
    """Why it cannot be measured here, in words; empty when nothing is in the way."""
    if reason := laboratory.obstacle("corosync"):
        return f"{reason} (Debian package corosync)" if "corosync" in reason else reason
    if shutil.which("cc") is None:
        return "needs a C compiler for its client"
    if not Path("/usr/include/corosync/cpg.h").exists():
        return "needs the header corosync/cpg.h (Debian package libcpg-dev)"
    return ""


class CorosyncNode(Measured):
    """One daemon in one node of the lab."""

    def __init__(self, number: int, where: Namespace, client: Path) -> None:
        super().__init__(number)
        self._where = where
        self._client = client

    async def start(self) -> None:
        """Starts it."""
        self.process = await asyncio.create_subprocess_exec(
            *(*self._where.inside, "corosync", "-f"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    def client(self, load: Load, group: str) -> Command:
        options = {
            "--self": self.number,
            "--nodes": load.nodes,
            "--mode": load.mode,
            "--size": load.size,
            "--send": int(self.number in load.sending),
            "--senders": len(load.sending),
            "--group": group,
            "--backoff-us": BACKOFF_US,
            "--retry-s": FORMED_S,
            "--end-timeout-s": FORMED_S,
        }
        return Command(
            (*self._where.inside, str(self._client), *(str(each) for pair in options.items() for each in pair))
        )


@contextlib.asynccontextmanager
async def corosync(count: int, transport: str) -> AsyncIterator[list[CorosyncNode]]:
    """So many daemons with `transport` (knet, udp or udpu), each in a node of a lab."""
    with tempfile.TemporaryDirectory(prefix="cpgbench-") as name, laboratory.made(count, PRIVATE) as lab:
        client = Path(name) / "cpgbench"
        subprocess.run(["cc", "-O2", "-o", client, CLIENT_SOURCE, "-lcpg", "-lpthread", "-lm"], check=True)
        nodes = [CorosyncNode(number, lab.nodes[number], client) for number in lab.nodes]
        async with contextlib.AsyncExitStack() as at_end:
            for node in nodes:
                text = _configuration(lab, transport)
                lab.nodes[node.number].run(["sh", "-c", "cat > /etc/corosync/corosync.conf"], text)
                at_end.push_async_callback(node.end)
                await node.start()
            await _formed(lab, count)
            yield nodes


def _configuration(lab: Lab, transport: str) -> str:
    security = "    crypto_cipher: none\n    crypto_hash: none\n" if transport == "knet" else ""
    network = lab.address(0)
    return CONFIGURATION.format(
        transport=transport,
        security=security,
        interface=MULTICAST.format(network=network) if transport == "udp" else "",
        nodes="".join(NODE.format(number=number, address=lab.address(number)) for number in lab.nodes),
    )


async def _formed(lab: Lab, count: int) -> None:
    """Waits until every daemon sees all members."""
    deadline = time.monotonic() + FORMED_S
    for namespace in lab.nodes.values():
        while True:
            process = await asyncio.create_subprocess_exec(
                *(*namespace.inside, "corosync-quorumtool", "-l"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            listing, _ = await process.communicate()
            if sum(line.split()[:1] != [] and line.split()[0].isdigit() for line in listing.splitlines()) == count:
                break
            if time.monotonic() > deadline:
                raise TimeoutError("corosync did not form one ring")
            await asyncio.sleep(0.05)
