"""How checkpoints are measured: writes one at a time, many in flight, and by many clients."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from openais.ckpt import EVERYTHING, AsyncCheckpoint, AsyncCkpt, CreationFlags, creation_attributes

CALL_TIMEOUT_S: Final = 60.0
WARM_UP_WRITES: Final = 20
GATHERED_MAX: Final = 256 * 1024
"""Bytes of a write that leaves together with others; longer ones may be refused while the ring is busy."""
SECTIONS: Final = 64
"""Sections that are overwritten in turn."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be measured."""

    sockets: Sequence[Path | None]
    clients: int
    in_flight: int
    """Writes of each client that are not answered."""
    duration_s: float
    flags: CreationFlags
    probes: int


class Measured(msgspec.Struct, frozen=True):
    """What came out, for writes of `size` bytes."""

    size: int
    alone_per_s: float
    """Of one client, one write at a time."""
    p50_ms: float
    p99_ms: float
    writes_per_s: float
    """Of all clients, with many in flight."""
    loaded_p50_ms: float
    loaded_p99_ms: float


async def measure(load: Load, size: int) -> Measured:
    """One write at a time, then many."""
    name = f"openais-bench-{secrets.token_hex(8)}"
    made = creation_attributes(flags=load.flags, retention=0)
    async with AsyncExitStack() as stack:
        checkpoints = []
        for number in range(load.clients):
            socket = load.sockets[number % len(load.sockets)]
            ckpt = await stack.enter_async_context(AsyncCkpt.open(socket, timeout=CALL_TIMEOUT_S))
            checkpoints.append(
                await stack.enter_async_context(await ckpt.open_checkpoint(name, EVERYTHING, made, retry=True))
            )
        data = secrets.token_bytes(size)
        alone = await _one_at_a_time(checkpoints[0], load, data)
        begun = time.perf_counter()
        loaded = await _many(checkpoints, load, data)
        elapsed_s = time.perf_counter() - begun
        p50_ms, p99_ms, loaded_p50_ms, loaded_p99_ms = (
            _percentile(taken, percent) * 1000 for taken in (alone, loaded) for percent in (50, 99)
        )
        alone_per_s, writes_per_s = len(alone) / sum(alone), len(loaded) / elapsed_s
        return Measured(size, alone_per_s, p50_ms, p99_ms, writes_per_s, loaded_p50_ms, loaded_p99_ms)


async def _one_at_a_time(checkpoint: AsyncCheckpoint, load: Load, data: bytes) -> list[float]:
    """Seconds that each write took."""
    taken = []
    for number in range(WARM_UP_WRITES + load.probes):
        begun = time.perf_counter()
        await checkpoint.put(b"%d" % (number % SECTIONS), data)
        if number >= WARM_UP_WRITES:
            taken.append(time.perf_counter() - begun)
    return taken


async def _many(checkpoints: Sequence[AsyncCheckpoint], load: Load, data: bytes) -> list[float]:
    """Seconds that each write took, of all that were made in the duration."""
    taken: list[float] = []
    deadline = time.perf_counter() + load.duration_s

    async def write(checkpoint: AsyncCheckpoint, writer: int) -> None:
        section = b"%d" % (writer % SECTIONS)
        while (begun := time.perf_counter()) < deadline:
            await checkpoint.put(section, data, retry=len(data) > GATHERED_MAX)
            taken.append(time.perf_counter() - begun)

    writers = (write(checkpoint, writer) for checkpoint in checkpoints for writer in range(load.in_flight))
    await asyncio.gather(*writers)
    return taken


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
