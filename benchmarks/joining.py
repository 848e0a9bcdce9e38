"""A node that joins a cluster whose checkpoints are large, while others write.

python -m benchmarks.joining                     200 MiB in sections of 64 KiB, three nodes, and a fourth that joins
python -m benchmarks.joining --sections 1000000 --size 100 --writers 0

How long it takes until the node has all sections, the longest time that a write took before and meanwhile, and the
memory of the executives.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from pathlib import Path
from typing import Final

from benchmarks.client import connected
from benchmarks.executives import HERE, Executive, Tree, executives
from benchmarks.report import table
from openais.ckpt import EVERYTHING, READ_WRITE, AsyncCheckpoint, AsyncCkpt, OpenFlags, Put, creation_attributes

NODES: Final = 3
TIMEOUT_S: Final = 300.0
NAME: Final = "large"
WRITTEN: Final = "written"
WRITE_BYTES: Final = 1024
PAUSE_S: Final = 0.002
CALM_S: Final = 5.0
BATCH_BYTES: Final = 8 * 1024 * 1024


class Writer:
    """A program that writes one section after the other, and notes how long each write took."""

    def __init__(self, checkpoint: AsyncCheckpoint, number: int) -> None:
        self._checkpoint = checkpoint
        self._number = number
        self.taken: list[float] = []

    async def write(self) -> None:
        """Until it is cancelled."""
        count = 0
        while True:
            count += 1
            begun = time.monotonic()
            await self._checkpoint.put(b"%d.%d" % (self._number, count % 100), bytes(WRITE_BYTES))
            self.taken.append(time.monotonic() - begun)
            await asyncio.sleep(PAUSE_S)


async def opened(stack: contextlib.AsyncExitStack, node: Executive, name: str, flags: OpenFlags) -> AsyncCheckpoint:
    """A checkpoint, open at a node."""
    ckpt = await stack.enter_async_context(AsyncCkpt.open(node.socket, timeout=TIMEOUT_S))
    made = creation_attributes(size=1 << 34, sections_max=1 << 24) if flags & OpenFlags.CREATE else None
    return await stack.enter_async_context(await ckpt.open_checkpoint(name, flags, made, retry=True))


async def fill(checkpoint: AsyncCheckpoint, sections: int, size: int) -> float:
    """Writes all sections; gives the seconds it took."""
    begun = time.monotonic()
    batch = max(1, min(4096, BATCH_BYTES // size))
    for first in range(0, sections, batch):
        numbers = range(first, min(first + batch, sections))
        await asyncio.gather(*(checkpoint.start(Put(b"%d" % each, bytes(size))) for each in numbers))
    return time.monotonic() - begun


def memory_mib(path: Path) -> float:
    """Resident memory of a process now."""
    pages = int(path.read_text().split()[1])
    return pages * 4096 / (1 << 20)


def resident(node: Executive) -> float:
    """Resident memory of an executive now, in MiB."""
    assert node.process is not None
    return memory_mib(Path(f"/proc/{node.process.pid}/statm"))


async def measure(options: argparse.Namespace) -> list[tuple[str, str]]:
    """One run."""
    tree = Tree("openais", HERE)
    async with (
        executives(tree, NODES + 1, {}, start=False) as nodes,
        contextlib.AsyncExitStack() as stack,
    ):
        *first, late = nodes
        for node in first:
            await node.start()
        for node in first:
            await stack.enter_async_context(await connected(node.socket, TIMEOUT_S))
        empty = [resident(node) for node in first]
        large = await opened(stack, first[0], NAME, EVERYTHING)
        filled_s = await fill(large, options.sections, options.size)
        full = [resident(node) for node in first]
        writers = []
        for number in range(options.writers):
            node = first[number % len(first)]
            writers.append(Writer(await opened(stack, node, WRITTEN, EVERYTHING), number))
        tasks = [asyncio.create_task(writer.write()) for writer in writers]
        await asyncio.sleep(CALM_S)
        before = [taken for writer in writers for taken in writer.taken]
        for writer in writers:
            writer.taken.clear()
        begun = time.monotonic()
        await late.start()
        await stack.enter_async_context(await connected(late.socket, TIMEOUT_S))
        joined = await opened(stack, late, NAME, READ_WRITE)
        member_s = time.monotonic() - begun
        status = await joined.status()
        joined_s = time.monotonic() - begun
        during = [taken for writer in writers for taken in writer.taken]
        for task in tasks:
            task.cancel()
        assert status.complete
        assert status.sections == options.sections
        data = options.sections * options.size
        overhead = ((max(full) - max(empty)) * (1 << 20) - data) / options.sections
        lines = [
            ("sections, and bytes of each", f"{options.sections:,} of {options.size:,}"),
            ("written in", f"{filled_s:.1f} s"),
            ("memory of an executive, empty", f"{max(empty):.0f} MiB"),
            ("full", f"{max(full):.0f} MiB"),
            (
                "bytes a section, besides its data",
                f"{overhead:.0f}",
            ),
            ("of the one that joined", f"{resident(late):.0f} MiB"),
            ("of the others then", f"{max(map(resident, first)):.0f} MiB"),
            ("checkpoint can be opened after", f"{member_s:.2f} s"),
            ("all sections are there after", f"{joined_s:.2f} s"),
        ]
        for label, taken in (("before", before), ("meanwhile", during)):
            if taken:
                ordered = sorted(taken)
                p50, p99 = (ordered[len(ordered) * percent // 100] * 1e3 for percent in (50, 99))
                words = f"p50 {p50:.1f}, p99 {p99:.1f}, longest {ordered[-1] * 1e3:.0f} ms"
                lines.append((f"writes of 1 KiB {label}", words))
        return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", type=int, default=3200)
    parser.add_argument("--size", type=int, default=65536)
    parser.add_argument("--writers", type=int, default=3)
    print(table(("what", "measured"), asyncio.run(measure(parser.parse_args()))))


if __name__ == "__main__":
    main()
