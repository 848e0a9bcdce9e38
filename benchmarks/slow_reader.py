"""What a program that does not read costs the others: a load with it, and the same one without it, in turn.

python -m benchmarks.slow_reader                3 nodes, 100 MB in messages of 1 KiB, 5 rounds

The program joins the group of the load at the node that sends it, and reads nothing until the load is over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.executives import HERE, Executive, Tree, executives
from openais.evs import AsyncEvs, ConfigurationChanged, MessageDelivered
from openais.messages.base import Kind, Message, ServiceId, decode, encode
from openais.messages.evs import Join
from openais.messages.frame import Frame, FrameReader, pack
from openais.messages.session import GOODBYE_NUMBER, INITIALIZE_NUMBER, Goodbye, Initialize
from openais.types import LibraryError

NODES: Final = 3
GROUP: Final = "load"
PATIENCE_S: Final = 300.0
KNOCK_S: Final = 0.05
READ_BYTES: Final = 1 << 18
BATCH_BYTES: Final = 1 << 18


class Deaf:
    """A connection that joins the group and then reads nothing more until it is asked to."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._reader = FrameReader()
        self._frames: list[Frame] = []
        self._ask(INITIALIZE_NUMBER, Initialize(ServiceId.EVS, "B", 1, 1))
        self._ask(Join.number, Join((GROUP,)))

    def told(self) -> str:
        """Why it was disconnected; empty when it was not told."""
        while (frame := self._read()) is not None:
            if (frame.kind, frame.number) == (Kind.CALLBACK, GOODBYE_NUMBER):
                return decode(Goodbye, frame.body).reason
        return ""

    def _ask(self, number: int, request: Message) -> None:
        self._stream.sendall(pack(number, Kind.REQUEST, 1, encode(request)))
        while (frame := self._read()) is not None and frame.kind is not Kind.RESPONSE:
            pass

    def _read(self) -> Frame | None:
        while not self._frames:
            data = self._stream.recv(READ_BYTES)
            if not data:
                return None
            self._reader.feed(data)
            self._frames += self._reader.frames()
        return self._frames.pop(0)


@contextmanager
def deaf_program(path: Path) -> Iterator[Deaf]:
    """A program that does not read, at the executive of the socket `path`."""
    with closing(socket.socket(socket.AF_UNIX)) as stream:
        stream.settimeout(PATIENCE_S)
        stream.connect(str(path))
        yield Deaf(stream)


@dataclass
class Figures:
    """Of every round."""

    megabytes: int
    size: int
    without: list[float] = field(default_factory=list)
    """Megabytes a second at the slowest node, when all read."""
    beside: list[float] = field(default_factory=list)
    """The same beside a program that does not read."""
    memory_mib: list[float] = field(default_factory=list)
    """Peak memory of the sender's executive: before the first round with such a program, then after each round."""
    told: list[str] = field(default_factory=list)
    """What the program was told at the end."""


async def reach(executive: Executive) -> AsyncEvs:
    """A handle at an executive that was just started, when it is in the ring."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                evs = await AsyncEvs.open(executive.socket, timeout=PATIENCE_S)
                break
            except LibraryError:
                await asyncio.sleep(KNOCK_S)
        async for event in evs:
            if isinstance(event, ConfigurationChanged) and len(event.members) == NODES:
                break
    await evs.join(GROUP, retry=True)
    return evs


async def load(readers: Sequence[AsyncEvs], count: int, size: int) -> float:
    """Sends `count` messages at the first node; seconds until the slowest node has them all."""

    async def read(evs: AsyncEvs) -> None:
        missing = count
        while missing:
            missing -= isinstance(await evs.receive(), MessageDelivered)

    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
        for evs in readers:
            tasks.create_task(read(evs))
        batch = max(1, BATCH_BYTES // size)
        for first in range(0, count, batch):
            payloads = [bytes(size)] * min(batch, count - first)
            await readers[0].multicast(GROUP, payloads, retry=True, timeout=PATIENCE_S)
    return time.monotonic() - began


async def measure(options: argparse.Namespace) -> Figures:
    """All rounds, on one cluster."""
    figures = Figures(options.megabytes, options.size)
    count = options.megabytes * 1_000_000 // options.size
    async with AsyncExitStack() as stack:
        nodes = await stack.enter_async_context(executives(Tree("this", HERE), NODES, {"token": str(options.token)}))
        readers = []
        for node in nodes:
            readers.append(await reach(node))
            stack.callback(readers[-1].finalize)
        await load(readers, count // 10, options.size)
        for _ in range(options.rounds):
            for beside in (False, True):
                with deaf_program(nodes[0].socket) if beside else nullcontext() as deaf:
                    seconds = await load(readers, count, options.size)
                    (figures.beside if beside else figures.without).append(options.megabytes / seconds)
                    figures.memory_mib.append(nodes[0].peak_memory_mib())
                    if deaf is not None:
                        figures.told.append(await asyncio.to_thread(deaf.told))
    return figures


def report(figures: Figures) -> str:
    """The figures for people."""
    without, beside = statistics.median(figures.without), statistics.median(figures.beside)
    ratios = [after / before for before, after in zip(figures.without, figures.beside, strict=True)]
    listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    first, *later = figures.memory_mib
    lines = [
        f"{NODES} nodes, {figures.megabytes} MB in messages of {figures.size} bytes, {len(ratios)} rounds",
        f"  all read: {without:.1f} MB/s; beside a program that does not: {beside:.1f} MB/s",
        f"  the ratio of each round: {listed}; median {statistics.median(ratios):.2f}",
        f"  peak memory of the executive: {first:.0f} MiB before, {max(later):.0f} MiB after",
        f"  told: {figures.told[0] or 'nothing'}",
    ]
    return "\n".join(lines)


def main() -> None:
    """Measures, and prints the figures or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--token", type=int, default=2000, metavar="MS")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(measure(options))
    print(json.dumps(asdict(figures)) if options.json else report(figures))
    sys.exit(0 if all(figures.told) else 1)


if __name__ == "__main__":
    main()
