"""How events are measured. What carries them is behind `Bus`, so that others can be measured by the same clock."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import msgspec

from openais.evt import AsyncChannel, AsyncEvt, AsyncSender

PATTERN: Final = "bench.measured"
WARM_UP_EVENTS: Final = 10
CALL_TIMEOUT_S: Final = 60.0
AHEAD_BYTES: Final = 4 * 1024 * 1024
"""How far publishers may be ahead of the slowest subscriber, so that nothing is lost."""
AHEAD_EVENTS: Final = 16384
TURN_BYTES: Final = 56 * 1024
"""A publisher gives the library about so many bytes before others have their turn."""
PAUSE_S: Final = 0.0005
SUBSCRIPTIONS_AT_ONCE: Final = 64


class Publisher(Protocol):
    """One program that publishes."""

    def send(self, payload: bytes) -> None:
        """Publishes an event, soon."""

    async def drain(self) -> None:
        """Waits until more may be published."""

    async def flush(self) -> None:
        """Waits until all is on its way."""


class Bus(Protocol):
    """What carries events. `received` is called for each event that a subscriber is given."""

    async def publisher(self, number: int) -> Publisher:
        """The program of this number, that publishes."""

    async def subscriber(self, number: int, received: Callable[[bytes], None]) -> None:
        """The program of this number, that subscribes."""

    async def others(self, count: int) -> None:
        """So many subscriptions that no event passes, where the first subscriber is."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be measured."""

    publishers: int
    subscribers: int
    subscriptions: int
    """That no event passes, besides."""
    duration_s: float
    probes: int


class Measured(msgspec.Struct, frozen=True):
    """What came out, for events of `size` bytes."""

    size: int
    events: int
    events_per_s: float
    """To each of the subscribers."""
    p50_ms: float
    p99_ms: float


@dataclass(slots=True)
class _Subscriber:
    """What one subscriber was given."""

    count: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def received(self, _: bytes) -> None:
        self.count += 1
        self.arrived.set()


async def measure(bus: Bus, load: Load, size: int) -> Measured:
    """Latency, then throughput, of events of `size` bytes."""
    subscribers = [_Subscriber() for _ in range(load.subscribers)]
    for number, each in enumerate(subscribers):
        await bus.subscriber(number, each.received)
    await bus.others(load.subscriptions)
    publishers = [await bus.publisher(number) for number in range(load.publishers)]
    latencies_ms = await _latencies(publishers[0], subscribers[0], load, bytes(size))
    await _caught_up(subscribers, WARM_UP_EVENTS + len(latencies_ms))
    events, elapsed_s = await _throughput(publishers, subscribers, load, bytes(size))
    return Measured(size, events, events / elapsed_s, _percentile(latencies_ms, 50), _percentile(latencies_ms, 99))


async def _latencies(publisher: Publisher, subscriber: _Subscriber, load: Load, payload: bytes) -> list[float]:
    """Milliseconds from publishing to the arrival at a subscriber, of one event after the other, sorted."""
    latencies_ms = []
    for number in range(WARM_UP_EVENTS + load.probes):
        subscriber.arrived.clear()
        start = time.perf_counter()
        publisher.send(payload)
        await publisher.drain()
        await asyncio.wait_for(subscriber.arrived.wait(), CALL_TIMEOUT_S)
        if number >= WARM_UP_EVENTS:
            latencies_ms.append((time.perf_counter() - start) * 1000)
    return sorted(latencies_ms)


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def _throughput(
    publishers: Sequence[Publisher], subscribers: Sequence[_Subscriber], load: Load, payload: bytes
) -> tuple[int, float]:
    """How many events every subscriber was given, and in how many seconds."""
    ahead_max = max(64, min(AHEAD_EVENTS, AHEAD_BYTES // len(payload)))
    batch = max(1, min(TURN_BYTES // len(payload), ahead_max // (2 * len(publishers))))
    first = subscribers[0].count
    sent = 0
    start = time.perf_counter()
    deadline = start + load.duration_s

    async def publish(publisher: Publisher) -> None:
        nonlocal sent
        while time.perf_counter() < deadline:
            if first + sent - min(each.count for each in subscribers) > ahead_max:
                await asyncio.sleep(PAUSE_S)
                continue
            sent += batch
            for _ in range(batch):
                publisher.send(payload)
            await publisher.drain()
            await asyncio.sleep(0)
        await publisher.flush()

    await asyncio.gather(*map(publish, publishers))
    await _caught_up(subscribers, first + sent)
    return sent, time.perf_counter() - start


async def _caught_up(subscribers: Sequence[_Subscriber], count: int) -> None:
    async with asyncio.timeout(CALL_TIMEOUT_S):
        while any(each.count < count for each in subscribers):
            await asyncio.sleep(PAUSE_S)


class EvtBus:
    """The event service: each program has a handle of its own, at one of the executives in turn."""

    def __init__(self, sockets: Sequence[Path | None], stack: AsyncExitStack) -> None:
        self._sockets = sockets
        self._stack = stack
        self._name = f"openais-bench-{secrets.token_hex(8)}"
        self._tasks: list[asyncio.Task[None]] = []

    async def publisher(self, number: int) -> AsyncSender:
        return (await self._channel(number)).sender(PATTERN)

    async def subscriber(self, number: int, received: Callable[[bytes], None]) -> None:
        # the executives are counted from the other end, so that events travel
        subscription = await (await self._channel(-1 - number)).subscribe(PATTERN, retry=True)

        async def listen() -> None:
            async for event in subscription:
                assert not event.lost, "publishers were too far ahead"
                received(event.data)

        self._tasks.append(asyncio.create_task(listen()))

    async def others(self, count: int) -> None:
        if count:
            channel = await self._channel(-1)
            for first in range(0, count, SUBSCRIPTIONS_AT_ONCE):
                numbers = range(first, min(first + SUBSCRIPTIONS_AT_ONCE, count))
                await asyncio.gather(*(channel.subscribe(f"bench.other.{each}", retry=True) for each in numbers))

    async def end(self) -> None:
        """Removes what was made."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        async with AsyncEvt.open(self._sockets[0], timeout=CALL_TIMEOUT_S) as evt:
            await evt.unlink(self._name, retry=True)

    async def _channel(self, number: int) -> AsyncChannel:
        socket = self._sockets[number % len(self._sockets)]
        evt = await self._stack.enter_async_context(AsyncEvt.open(socket, timeout=CALL_TIMEOUT_S))
        return await evt.open_channel(self._name, retry=True)


@asynccontextmanager
async def evt_bus(sockets: Sequence[Path | None]) -> AsyncIterator[EvtBus]:
    """The event service of these executives."""
    async with AsyncExitStack() as stack:
        bus = EvtBus(sockets, stack)
        stack.push_async_callback(bus.end)
        yield bus
