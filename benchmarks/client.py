"""The load client: one program at one node, as a user would write it, that sends, receives, checks and counts.

It joins a group, waits until `--nodes` members are in it, and speaks lines. It says

    {"ev": "ready", "self": 1, "members": 3, "t": ...}

waits for `go T0 T1 T2` on its input (times of CLOCK_MONOTONIC, seconds), sends from T0 to T2 when it is a sender, and
then the mark of its end; counts what is delivered between T1 and T2, goes on until the ends of all senders have come,
checks everything that was delivered, and says {"ev": "result", ...}. `quit` ends it.

Messages are exactly `--size` bytes: type u32, sender u32, number u64, in latency runs the time of sending u64 (ns), all
little endian, and a filling that depends on nothing but the place.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import struct
import sys
import time
import zlib
from pathlib import Path
from typing import Final

from openais.evs import AsyncEvs, Guarantee, MessageDelivered
from openais.types import LibraryError

DATA: Final = 0x4D424741
END: Final = 0x4D424745
HEAD: Final = struct.Struct("<IIQ")
END_SIZE: Final = HEAD.size + 1
"""Bytes of the mark of an end: no message has so many."""
TICK_S: Final = 0.001
"""How often a sender with a rate sends."""
STAMPED: Final = struct.Struct("<IIQQ")
BURST_BYTES: Final = 64 * 1024
"""What a sender of throughput runs sends before it looks at the clock, and whether it is held up."""
KEPT_WHOLE_MAX: Final = 64
"""Bytes of the largest messages that are kept and folded whole; of larger ones it is the head."""
CALL_TIMEOUT_S: Final = 60.0


class Ledger:
    """All that was delivered: counted and kept while it comes, checked when it is over."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._filling = filling(size)
        self._kept: list[bytes] = []
        self._step = size if size <= KEPT_WHOLE_MAX else HEAD.size
        self.count = 0
        self.ends: dict[int, int] = {}
        """By sender: how many messages it says it has sent."""
        self.size_errors = 0

    def add(self, payload: bytes) -> None:
        """Takes note of the next message."""
        if len(payload) == self._size:
            self.count += 1
            if self._step == self._size:
                self._kept.append(payload)
                return
            self._kept.append(payload[: HEAD.size])
            if not payload.endswith(self._filling):
                self.size_errors += 1
        else:
            self._end(payload)

    def _end(self, payload: bytes) -> None:
        kind, sender, number = HEAD.unpack_from(payload) if len(payload) == END_SIZE else (0, 0, 0)
        if kind == END:
            self.ends[sender] = number
        else:
            self.size_errors += 1

    def order(self) -> str:
        """A number that is the same at all nodes where the same messages came in the same order."""
        fold = 0
        for kept in self._kept:
            fold = zlib.crc32(kept, fold)
        return f"{fold:08x}"

    def errors(self) -> tuple[int, int]:
        """Messages that came out of turn of their sender (lost and repeated ones are), and of a wrong form."""
        following: dict[int, int] = {}
        out_of_turn = 0
        for kept in self._kept:
            kind, sender, number = HEAD.unpack_from(kept)
            out_of_turn += number != following.get(sender, 0) or kind != DATA
            following[sender] = number + 1
        whole = sum(kept[STAMPED.size :] != self._filling for kept in self._kept if len(kept) == self._size)
        return out_of_turn, self.size_errors + whole


class Meter:
    """What was delivered and what it cost between two moments."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._samples: list[tuple[float, int, float, float]] = []

    def sample(self) -> None:
        """Reads the meter."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._samples.append((time.monotonic(), self._ledger.count, used.ru_utime, used.ru_stime))

    def between(self, size: int) -> dict[str, float]:
        """From the first reading to the second."""
        (t1, count1, user1, system1), (t2, count2, user2, system2) = self._samples[:2]
        return {
            "window_s": t2 - t1,
            "msgs": count2 - count1,
            "bytes": (count2 - count1) * size,
            "user_s": user2 - user1,
            "sys_s": system2 - system1,
        }


class Client:
    """One run of one client."""

    def __init__(self, evs: AsyncEvs, options: argparse.Namespace) -> None:
        self._evs = evs
        self._options = options
        self._guarantee = Guarantee[options.guarantee.upper()]
        self._filling = filling(options.size)
        self._ledger = Ledger(options.size)
        self._meter = Meter(self._ledger)
        self._latencies_ns: list[int] = []
        self._sent = 0

    async def go(self, begin: float, first: float, last: float) -> dict[str, object]:
        """Sends from `begin` to `last`, counts from `first` to `last`; what came out."""
        loop = asyncio.get_running_loop()
        self._stamps_from_ns = int(first * 1e9)
        loop.call_at(first, self._meter.sample)
        loop.call_at(last, self._meter.sample)
        async with asyncio.timeout(last - time.monotonic() + self._options.end_timeout_s), asyncio.TaskGroup() as tasks:
            if not self._options.send:
                await self._receive_all()
            elif self._options.rate:
                tasks.create_task(self._send_at_rate(begin, last))
                await self._receive_all()
            elif self._options.mode == "lat":
                await self._send_one_by_one(begin, last)
                await self._receive_all()
            else:
                tasks.create_task(self._send_all(begin, last))
                await self._receive_all()
        drained = time.monotonic()
        await asyncio.sleep(max(0.0, last - drained) + 0.01)
        out_of_turn, malformed = self._ledger.errors()
        return {
            "ev": "result",
            "self": self._options.self,
            "send": self._options.send,
            "size": self._options.size,
            **self._meter.between(self._options.size),
            "sent_total": self._sent,
            "delivered_total": self._ledger.count,
            "ends_total": sum(self._ledger.ends.values()),
            "ends": len(self._ledger.ends),
            "order_hash": self._ledger.order(),
            "fifo_errors": out_of_turn,
            "size_errors": malformed,
            "try_again": 0,
            "drain_s": max(0.0, drained - last),
            "series": [],
            **percentiles(self._latencies_ns),
        }

    async def _send_all(self, begin: float, until: float) -> None:
        size, own, pack = self._options.size, self._options.self, HEAD.pack
        tail = (bytes(STAMPED.size - HEAD.size) + self._filling)[: size - HEAD.size]
        count = max(1, BURST_BYTES // size)
        await asyncio.sleep(begin - time.monotonic())
        async with self._evs.sender(guarantee=self._guarantee) as sender:
            while time.monotonic() < until:
                first = self._sent
                self._sent += count
                for number in range(first, self._sent):
                    sender.send(pack(DATA, own, number) + tail)
                await sender.drain()
            sender.send(self._end())

    async def _send_one_by_one(self, begin: float, until: float) -> None:
        """Sends the next message when the one before was delivered here."""
        await asyncio.sleep(begin - time.monotonic())
        async with self._evs.sender(guarantee=self._guarantee) as sender:
            while time.monotonic() < until:
                stamp = STAMPED.pack(DATA, self._options.self, self._sent, time.monotonic_ns())
                self._sent += 1
                sender.send(stamp + self._filling)
                while self._ledger.count < self._sent:
                    await self._receive()
            sender.send(self._end())

    async def _send_at_rate(self, begin: float, until: float) -> None:
        """Sends so many a second, be those before delivered or not."""
        await asyncio.sleep(begin - time.monotonic())
        async with self._evs.sender(guarantee=self._guarantee) as sender:
            while (now := time.monotonic()) < until:
                due = int((now - begin) * self._options.rate)
                while self._sent < due:
                    stamp = STAMPED.pack(DATA, self._options.self, self._sent, time.monotonic_ns())
                    sender.send(stamp + self._filling)
                    self._sent += 1
                await sender.drain()
                await asyncio.sleep(TICK_S)
            sender.send(self._end())

    def _end(self) -> bytes:
        """The mark that follows the last message, with their number."""
        return HEAD.pack(END, self._options.self, self._sent) + bytes(END_SIZE - HEAD.size)

    async def _receive_all(self) -> None:
        """Takes events until the ends of all senders have come."""
        ledger, senders = self._ledger, self._options.senders
        latency = self._options.mode == "lat"
        async for event in self._evs:
            if isinstance(event, MessageDelivered):
                ledger.add(event.payload)
                if latency:
                    self._note_latency(event.payload)
                if len(ledger.ends) == senders:
                    break

    async def _receive(self) -> None:
        event = await self._evs.receive()
        if isinstance(event, MessageDelivered):
            self._ledger.add(event.payload)
            self._note_latency(event.payload)

    def _note_latency(self, payload: bytes) -> None:
        now = time.monotonic_ns()
        if len(payload) == self._options.size:
            stamp = STAMPED.unpack_from(payload)[3]
            if stamp >= self._stamps_from_ns:
                self._latencies_ns.append(now - stamp)


def filling(size: int) -> bytes:
    """What follows the head of a message with a stamp."""
    pattern = bytes(place * 7 % 256 for place in range(256))
    count = max(0, size - STAMPED.size)
    return (pattern * (count // 256 + 1))[:count]


def percentiles(latencies_ns: list[int]) -> dict[str, float]:
    """Of the latencies, in microseconds; zeros when there are none."""
    ordered = sorted(latencies_ns)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}
    values = {
        f"lat_{name}_us": ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000 if ordered else 0.0
        for name, share in shares.items()
    }
    return {"lat_n": len(ordered), **values}


def say(**event: object) -> None:
    """One line to who runs this."""
    print(json.dumps(event), flush=True)


async def until_members(evs: AsyncEvs, group: str, count: int) -> int:
    """Waits until so many are in the group; the members then."""
    while True:
        members = len((await evs.membership(group, retry=True)).groups.get(group, ()))
        if members >= count:
            return members
        await asyncio.sleep(0.005)


async def connected(path: Path, patience_s: float) -> AsyncEvs:
    """A handle, once the executive is there."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await AsyncEvs.open(path, timeout=CALL_TIMEOUT_S)
        except LibraryError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.005)


async def live(options: argparse.Namespace) -> None:
    """Connects, says when it is ready, and does what it is told."""
    evs = await connected(options.socket, options.retry_s)
    async with evs:
        at = time.monotonic()
        await evs.join(options.group, retry=True)
        members = await until_members(evs, options.group, options.nodes)
        say(ev="ready", self=options.self, members=members, t=time.monotonic(), t_connected=at)
        gc.collect()
        gc.freeze()
        loop = asyncio.get_running_loop()
        while (line := await loop.run_in_executor(None, sys.stdin.readline)).startswith("go "):
            say(**await Client(evs, options).go(*map(float, line.split()[1:])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", type=Path, required=True, help="that of the node's executive")
    parser.add_argument("--self", type=int, required=True, help="number of this client")
    parser.add_argument("--nodes", type=int, default=1, help="members to wait for")
    parser.add_argument("--mode", choices=("tput", "lat"), default="tput")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--send", type=int, default=0, help="1: this one sends")
    parser.add_argument("--senders", type=int, default=1, help="how many send in all")
    parser.add_argument("--group", default="bench")
    parser.add_argument("--guarantee", choices=("agreed", "safe"), default="agreed")
    parser.add_argument("--rate", type=float, default=0, help="in lat: messages a second; 0: one at a time")
    parser.add_argument("--retry-s", type=float, default=30)
    parser.add_argument("--end-timeout-s", type=float, default=60)
    options = parser.parse_args()
    least = STAMPED.size if options.mode == "lat" else HEAD.size
    if options.size < least or options.size == END_SIZE:
        parser.error(f"--size: {options.size}, expected at least {least}, and not {END_SIZE}")
    if os.environ.get("OPENAIS_EVENT_LOOP") == "uvloop":
        import uvloop

        uvloop.run(live(options))
    else:
        asyncio.run(live(options))


if __name__ == "__main__":
    main()
