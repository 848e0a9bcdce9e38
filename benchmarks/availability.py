"""How long work is undone: from kill -9 of an active component, or of its node, to the active callback elsewhere.

python -m benchmarks.availability [--runs 50]

Real executives on this machine, an SA-aware component on each of two nodes. The component says when its callback was
called; that is compared with the time just before the kill, on the clock that all processes share.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from openais import amf
from openais.cli.demo_relay import free_ports
from openais.config.amf import read_amf

TOKEN_MS: Final = 250
PAUSE_S: Final = 0.01
WAIT_S: Final = 60.0


class Timed(amf.Component):
    """Writes down when it becomes active."""

    async def become_active(self, csi: amf.CsiSet) -> None:
        with open(os.environ["TIMES"], "a", encoding="utf-8") as file:
            file.write(f"{time.monotonic()}\n")


class Executive:
    """One executive as a process."""

    def __init__(self, directory: Path, number: int, ports: list[int]) -> None:
        self.socket = directory / f"socket-{number}"
        peers = ",".join(f"127.0.0.1:{port}" for port in ports)
        self._arguments = (
            *(sys.executable, "-m", "openais", "run", "--mcastport", str(ports[number - 1]), "--nodelist", peers),
            *("--nodeid", str(number), "--nodename", f"node-{number}", "--token", str(TOKEN_MS)),
            *("--socket", str(self.socket), "--statedir", str(directory / f"state-{number}")),
            *("--authkey", str(directory / "authkey"), "--logoutput", "file", "--logfile", str(directory / "log")),
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it; it serves a moment later."""
        self._process = await asyncio.create_subprocess_exec(*self._arguments)

    async def kill(self) -> None:
        """Ends it as a crash would."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            await self._process.wait()


async def connected(executive: Executive) -> amf.AsyncAmf:
    """A handle on an executive that is being started."""
    while True:
        try:
            return await amf.AsyncAmf.open(executive.socket, timeout=WAIT_S)
        except amf_errors():
            await asyncio.sleep(PAUSE_S)


def amf_errors() -> type[Exception]:
    """What a library raises."""
    from openais.types import AisError

    return AisError


async def settled(handle: amf.AsyncAmf) -> dict[str, dict[str, Any]]:
    """The components by HA state, once one is active and the other stands by."""
    async with asyncio.timeout(WAIT_S):
        while True:
            state = await handle.state(retry=True)
            found = {
                word: each
                for group in state["groups"]
                for unit in group["units"]
                for each in unit["components"]
                for word in each["assignments"].values()
                if not each["pending"]
            }
            if {"active", "standby"} <= found.keys():
                return found
            await asyncio.sleep(PAUSE_S)


async def next_time(times: Path, known: int) -> float:
    """The time that is written after so many."""
    async with asyncio.timeout(WAIT_S):
        while len(lines := times.read_text().split()) <= known:
            await asyncio.sleep(PAUSE_S)
    return float(lines[known])


async def measure(runs: int, directory: Path) -> dict[str, list[float]]:
    """Milliseconds of each run, of components and of nodes."""
    from openais.runtime.authkey import create_authkey

    create_authkey(directory / "authkey")
    times = directory / "times"
    times.touch()
    nodes = [Executive(directory, number, ports) for ports in [free_ports(2)] for number in (1, 2)]
    text = f"""
    group {{
        name: timed
        nodes: node-1, node-2
        failover_max: 100000
        component {{
            name: timed
            sa_aware: on
            recovery: failover
            command: {sys.executable} -m benchmarks.availability --component
            environment: TIMES {times}
        }}
    }}
    """
    try:
        for node in nodes:
            await node.start()
        handles = [await connected(node) for node in nodes]
        await handles[0].apply(read_amf(text.encode(), "benchmark"), retry=True)
        results: dict[str, list[float]] = {"component": [], "node": []}
        for _ in range(runs):
            active = (await settled(handles[0]))["active"]
            known = len(times.read_text().split())
            begun = time.monotonic()
            os.kill(active["process_id"], signal.SIGKILL)
            results["component"].append((await next_time(times, known) - begun) * 1000)
        for _ in range(runs):
            active = (await settled(handles[0]))["active"]
            index = int(active["name"][-1]) - 1
            known = len(times.read_text().split())
            begun = time.monotonic()
            await nodes[index].kill()
            results["node"].append((await next_time(times, known) - begun) * 1000)
            await nodes[index].start()
            handles[index].finalize()
            handles[index] = await connected(nodes[index])
        for handle in handles:
            handle.finalize()
        return results
    finally:
        for node in nodes:
            await node.kill()


def main() -> None:
    """Measures, and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--component", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.component:
        asyncio.run(Timed().run())
        return
    with tempfile.TemporaryDirectory() as directory:
        results = asyncio.run(measure(given.runs, Path(directory)))
    for what, values in results.items():
        median, most = statistics.median(values), max(values)
        print(f"{what}: {len(values)} runs, p50 {median:.1f} ms, max {most:.1f} ms")


if __name__ == "__main__":
    main()
