"""How group messages are measured."""

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

from openais.evs import AsyncEvs, Guarantee, MessageDelivered

BATCH_BYTES: Final = 64 * 1024
"""A sender gives the library about so many bytes at once."""
WARM_UP_MESSAGES: Final = 10
CALL_TIMEOUT_S: Final = 60.0
END: Final = b"end"
"""What each sender sends last; no message that is measured is so short."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be measured, with what."""

    sockets: Sequence[Path | None]
    clients: int
    duration_s: float
    probes: int
    guarantee: Guarantee


class Measured(msgspec.Struct, frozen=True):
    """What came out, for messages of `size` bytes."""

    size: int
    nodes: int
    messages: int
    messages_per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float


async def measure(load: Load, size: int) -> Measured:
    """Latency, then throughput, of messages of `size` bytes. Raises AisError."""
    group = f"openais-bench-{secrets.token_hex(8)}"
    async with AsyncExitStack() as stack:
        clients = []
        for number in range(load.clients):
            socket = load.sockets[number % len(load.sockets)]
            clients.append(await stack.enter_async_context(AsyncEvs.open(socket, timeout=CALL_TIMEOUT_S)))
        await asyncio.gather(*(client.join(group, retry=True) for client in clients))
        nodes = len((await clients[0].membership(group)).configuration.members)
        others = [asyncio.ensure_future(_count(client, load.clients)) for client in clients[1:]]
        latencies_ms = await _latencies(clients[0], load, bytes(size))
        messages, elapsed_s = await _throughput(clients, load, bytes(size))
        await asyncio.gather(*others)
    return Measured(
        size,
        nodes,
        messages,
        messages / elapsed_s,
        _percentile(latencies_ms, 50),
        _percentile(latencies_ms, 99),
        latencies_ms[-1],
    )


async def _latencies(client: AsyncEvs, load: Load, payload: bytes) -> list[float]:
    """Milliseconds from sending to the own delivery, of one message after the other, sorted."""
    latencies_ms: list[float] = []
    deadline = time.perf_counter() + load.duration_s
    for number in range(WARM_UP_MESSAGES + load.probes):
        start = time.perf_counter()
        await client.multicast_joined(payload, guarantee=load.guarantee, retry=True)
        while not isinstance(await client.receive(CALL_TIMEOUT_S), MessageDelivered):
            pass
        end = time.perf_counter()
        if number >= WARM_UP_MESSAGES:
            latencies_ms.append((end - start) * 1000)
        if latencies_ms and end > deadline:
            break
    return sorted(latencies_ms)


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def _throughput(clients: Sequence[AsyncEvs], load: Load, payload: bytes) -> tuple[int, float]:
    """How many messages were delivered to the first client, and in how many seconds."""
    start = time.perf_counter()
    counting = asyncio.ensure_future(_count(clients[0], len(clients)))
    await asyncio.gather(*(_send(client, load, payload, start + load.duration_s) for client in clients))
    return await counting, time.perf_counter() - start


async def _send(client: AsyncEvs, load: Load, payload: bytes, deadline: float) -> None:
    """Sends batches of `payload` until `deadline`, and then the mark of the end."""
    batch = [payload] * max(1, BATCH_BYTES // len(payload))
    while time.perf_counter() < deadline:
        await client.multicast_joined(batch, guarantee=load.guarantee, retry=True)
    await client.multicast_joined(END, guarantee=load.guarantee, retry=True)


async def _count(client: AsyncEvs, senders: int) -> int:
    """The messages that `client` is given, until the marks of the end of all `senders` have come."""
    count = 0
    while senders:
        event = await client.receive(CALL_TIMEOUT_S)
        if isinstance(event, MessageDelivered):
            if event.payload == END:
                senders -= 1
            else:
                count += 1
    return count
