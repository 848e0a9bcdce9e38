"""What a ring costs when little happens, and whether it stays: no node may leave it while all run.

python -m benchmarks.stability                                  3 nodes, idle for 30 s
python -m benchmarks.stability --nodes 16 --seconds 600 --rate 1    16 nodes, each sends a message a second

It prints how soon the ring was formed, every configuration that came afterwards with the reason that the executives
give, the messages heard, and the processor time and memory of the executives.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from benchmarks.executives import HERE, Executive, Tree, executives
from openais.client.status import StatusClient
from openais.evs import AsyncEvs, ConfigurationChanged, MessageDelivered
from openais.types import LibraryError

GROUP: Final = "stability"
FORMED_S: Final = 120.0
"""How long the ring may take to be formed, with many executives on few cores."""
SEND_S: Final = 60.0
KNOCK_S: Final = 0.05
SIZE: Final = 64


@dataclass
class Figures:
    """What one run gave."""

    nodes: int
    token_ms: int
    seconds: float
    ready_s: float = 0.0
    """From the start of the first executive until all served libraries."""
    formed_s: float = 0.0
    """From there until a program at each node knew of all of them in one ring."""
    changes: list[str] = field(default_factory=list)
    """The reasons of the configurations that came after that, as each node tells them."""
    said: int = 0
    heard: int = 0
    """Messages, at all nodes together; `nodes` times what was said when nothing is lost."""
    cores: float = 0.0
    """Processor time of all executives together, a second."""
    cores_most: float = 0.0
    """That of the busiest one."""
    memory_mib: float = 0.0
    """Resident, of the largest one."""


class Program:
    """A program at one node: says a little, and counts what it is told."""

    def __init__(self, executive: Executive) -> None:
        self.executive = executive
        self.heard = 0
        self.said = 0
        self.configurations: list[ConfigurationChanged] = []
        self._news = asyncio.Event()

    async def open(self) -> None:
        """Knocks until the executive lets it in."""
        async with asyncio.timeout(FORMED_S):
            while True:
                try:
                    self.evs = await AsyncEvs.open(self.executive.socket, timeout=FORMED_S)
                    return
                except LibraryError:
                    await asyncio.sleep(KNOCK_S)

    async def listen(self) -> None:
        """Counts what comes, until it is cancelled."""
        await self.evs.join(GROUP, retry=True)
        async for event in self.evs:
            if isinstance(event, MessageDelivered):
                self.heard += 1
            elif isinstance(event, ConfigurationChanged):
                self.configurations.append(event)
                self._news.set()

    async def talk(self, rate: float) -> None:
        """Says `rate` messages a second, until it is cancelled."""
        while True:
            self.said += 1
            await self.evs.multicast(GROUP, bytes(SIZE), retry=True, timeout=SEND_S)
            await asyncio.sleep(1 / rate)

    async def together(self, count: int) -> None:
        """Waits until the ring has so many members."""
        async with asyncio.timeout(FORMED_S):
            while not self.configurations or len(self.configurations[-1].members) != count:
                self._news.clear()
                await self._news.wait()


async def run(options: argparse.Namespace) -> Figures:
    """One run."""
    figures = Figures(options.nodes, options.token, options.seconds)
    began = time.monotonic()
    async with executives(Tree("this", HERE), options.nodes, {"token": str(options.token)}) as nodes:
        programs = [Program(node) for node in nodes]
        for program in programs:
            await program.open()
        ready = time.monotonic()
        figures.ready_s = ready - began
        async with contextlib.AsyncExitStack() as at_end:
            tasks = [asyncio.create_task(program.listen()) for program in programs]
            for program in programs:
                at_end.callback(program.evs.finalize)
            for program in programs:
                await program.together(options.nodes)
            figures.formed_s = time.monotonic() - ready
            await observe(programs, options, figures)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    return figures


async def observe(programs: Sequence[Program], options: argparse.Namespace, figures: Figures) -> None:
    """Lets the ring be for the time that was asked for."""
    configurations = [len(program.configurations) for program in programs]
    cpu = [program.executive.cpu_s() for program in programs]
    talks = [asyncio.create_task(program.talk(options.rate)) for program in programs if options.rate]
    began = time.monotonic()
    await asyncio.sleep(options.seconds)
    seconds = time.monotonic() - began
    used = [(program.executive.cpu_s() - before) / seconds for program, before in zip(programs, cpu, strict=True)]
    for talk in talks:
        talk.cancel()
    if talks:
        await asyncio.wait(talks)
    await heard_by_all(programs)
    for program, before in zip(programs, configurations, strict=True):
        extra = len(program.configurations) - before
        figures.changes += await asyncio.to_thread(reasons, program.executive, extra) if extra else []
    figures.said = sum(program.said for program in programs)
    figures.heard = sum(program.heard for program in programs)
    figures.cores, figures.cores_most = sum(used), max(used)
    figures.memory_mib = max(program.executive.memory_mib() for program in programs)


async def heard_by_all(programs: Sequence[Program]) -> None:
    """Gives what is on its way the time to come."""
    wanted = sum(program.said for program in programs)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SEND_S):
            while any(program.heard < wanted for program in programs):
                await asyncio.sleep(KNOCK_S)


def reasons(executive: Executive, count: int) -> list[str]:
    """Why the last `count` configurations of an executive were installed."""
    with StatusClient(executive.socket) as status:
        return [f"node {executive.number}: {reason.sentence}" for reason in status.why(count)]


def report(figures: Figures) -> str:
    """The figures for people."""
    lines = [
        f"{figures.nodes} nodes, token {figures.token_ms} ms, {figures.seconds:.0f} s",
        f"  executives served libraries after {figures.ready_s:.2f} s, one ring {figures.formed_s:.2f} s later",
        f"  false changes: {len(figures.changes)}",
        *(f"    {reason}" for reason in figures.changes),
        f"  said {figures.said} messages, heard {figures.heard}",
        f"  processor time: {100 * figures.cores:.2f} % of a core in all, {100 * figures.cores_most:.2f} % the busiest",
        f"  memory: {figures.memory_mib:.1f} MiB resident, the largest",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measures, and prints the figures or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--token", type=int, default=500, metavar="MS")
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second that each node sends")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(run(options))
    print(json.dumps(asdict(figures)) if options.json else report(figures))
    sys.exit(1 if figures.changes or figures.heard != figures.nodes * figures.said else 0)


if __name__ == "__main__":
    main()
