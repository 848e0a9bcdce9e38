"""Replicated small writes on three nodes, beside etcd and PySyncObj: how many a second, and how long one takes.

    python -m benchmarks.writes
    python -m benchmarks.writes --systems openais-safe,etcd --size 1024

Of ours there are two kinds. `openais-…` is a message to a group of three programs, delivered in one order to all; it
counts when its sender is given it. `ckpt-…` is the overwriting of a section of a checkpoint; it counts when it is
answered. With `safe` and `all` every member of the ring has it then, with `disk` on its disk (fsync), which comes
closest to what the others promise: a majority of etcd has it on disk, a majority of PySyncObj in memory. etcd (Debian
package etcd-server) is asked over its HTTP gateway, on connections that are kept. PySyncObj (from PyPI) is asked by the
program that is one of its three nodes. `dictionary` is the floor: a dictionary of one process behind a unix socket, not
replicated at all.

One write at a time, then with many in flight.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import collections
import contextlib
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from benchmarks.client import connected
from benchmarks.executives import HERE, Tree, executives
from benchmarks.options import words
from benchmarks.report import table
from openais.ckpt import EVERYTHING, AsyncCkpt, CreationFlags, creation_attributes
from openais.cli.demo_relay import LOOPBACK, free_ports
from openais.evs import AsyncEvs, Guarantee, MessageDelivered

NODES: Final = 3
READY_S: Final = 60.0
SYSTEMS: Final = (
    "openais-agreed",
    "openais-safe",
    "ckpt-weak",
    "ckpt-all",
    "ckpt-disk",
    "etcd",
    "pysyncobj",
    "dictionary",
)
Write = Callable[[int, bytes], Awaitable[None]]
"""Makes a write, and comes back when it is replicated. The number is that of the writer, of those in flight."""


@contextlib.asynccontextmanager
async def openais(guarantee: Guarantee) -> AsyncIterator[Write]:
    """A message to a group of three programs, delivered to its sender."""
    async with executives(Tree("openais", HERE), NODES, {}) as nodes, contextlib.AsyncExitStack() as stack:
        handles = [await stack.enter_async_context(await connected(node.socket, READY_S)) for node in nodes]
        for handle in handles:
            await handle.join("writes", retry=True)
        sender = handles[0].sender(guarantee=guarantee)
        waiting: list[asyncio.Future[None]] = []

        async def take(handle: AsyncEvs, own: bool) -> None:
            taken = 0
            async for event in handle:
                if own and isinstance(event, MessageDelivered):
                    waiting[taken].set_result(None)
                    taken += 1

        tasks = [asyncio.create_task(take(handle, handle is handles[0])) for handle in handles]

        async def write(_: int, value: bytes) -> None:
            delivered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiting.append(delivered)
            sender.send(value)
            await delivered

        try:
            yield write
        finally:
            for task in tasks:
                task.cancel()


@contextlib.asynccontextmanager
async def ckpt(flags: CreationFlags, on_disk: bool) -> AsyncIterator[Write]:
    """A section of a checkpoint for each writer; kept in memory, or on the disk of each node as well."""
    async with contextlib.AsyncExitStack() as folders:
        if on_disk:
            folder = folders.enter_context(tempfile.TemporaryDirectory(prefix="checkpoints-", dir=Path.cwd()))
            os.environ["OPENAIS_CKPT_PERSIST"] = folder
            folders.callback(os.environ.pop, "OPENAIS_CKPT_PERSIST")
        async with _ckpt(flags) as write:
            yield write


@contextlib.asynccontextmanager
async def _ckpt(flags: CreationFlags) -> AsyncIterator[Write]:
    async with executives(Tree("openais", HERE), NODES, {}) as nodes, contextlib.AsyncExitStack() as stack:
        for node in nodes:
            await stack.enter_async_context(await connected(node.socket, READY_S))
        handle = await stack.enter_async_context(AsyncCkpt.open(nodes[0].socket, timeout=READY_S))
        made = creation_attributes(flags=flags)
        checkpoint = await stack.enter_async_context(await handle.open_checkpoint("writes", EVERYTHING, made))

        async def write(writer: int, value: bytes) -> None:
            await checkpoint.put(b"%d" % writer, value)

        yield write


async def _serve_dictionary(path: str) -> None:
    """A dictionary behind a socket: key and value, each behind its length, are answered by one byte."""
    held: dict[bytes, bytes] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                sizes = await reader.readexactly(8)
                key = await reader.readexactly(int.from_bytes(sizes[:4]))
                held[key] = await reader.readexactly(int.from_bytes(sizes[4:]))
                writer.write(b"1")

    async with await asyncio.start_unix_server(serve, path) as server:
        await server.serve_forever()


def _dictionary_process(path: str) -> None:
    asyncio.run(_serve_dictionary(path))


@contextlib.asynccontextmanager
async def dictionary() -> AsyncIterator[Write]:
    """Many writes wait for their answers at a time on one connection."""
    with tempfile.TemporaryDirectory(prefix="dictionary-") as folder:
        path = f"{folder}/socket"
        process = multiprocessing.get_context("spawn").Process(target=_dictionary_process, args=(path,))
        process.start()
        try:
            streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

            async def connect() -> None:
                streams.append(await asyncio.open_unix_connection(path))

            await _until(connect)
            reader, writer = streams[0]
            waiting: collections.deque[asyncio.Future[None]] = collections.deque()

            async def take() -> None:
                while answers := await reader.read(65536):
                    for _ in answers:
                        waiting.popleft().set_result(None)

            task = asyncio.create_task(take())

            async def write(number: int, value: bytes) -> None:
                key = b"%d" % number
                answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                waiting.append(answered)
                writer.write(len(key).to_bytes(4) + len(value).to_bytes(4) + key + value)
                await answered

            yield write
            task.cancel()
        finally:
            process.terminate()
            process.join()


class _Gateway:
    """One kept connection to the HTTP gateway of etcd."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def put(self, key: bytes, value: bytes) -> None:
        """Puts; raises OSError or ValueError when that is refused."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(LOOPBACK, self._port)
        reader, writer = self._streams
        pair = {"key": base64.b64encode(key).decode(), "value": base64.b64encode(value).decode()}
        body = json.dumps(pair).encode()
        head = f"POST /v3/kv/put HTTP/1.1\r\nHost: {LOOPBACK}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        content = await reader.readexactly(int(length.split(b":")[1]))
        if not answer.startswith(b"HTTP/1.1 200"):
            raise ValueError(content.decode())


@contextlib.asynccontextmanager
async def etcd() -> AsyncIterator[Write]:
    """Three members on loopback, with their disks in a temporary folder."""
    ports = free_ports(2 * NODES)
    clients, peers = ports[:NODES], ports[NODES:]
    cluster = ",".join(f"n{number}=http://{LOOPBACK}:{port}" for number, port in enumerate(peers))
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="etcd-benchmark-", dir=Path.cwd()))
        for number, (client, peer) in enumerate(zip(clients, peers, strict=True)):
            options = {
                "name": f"n{number}",
                "data-dir": f"{folder}/{number}",
                "listen-client-urls": f"http://{LOOPBACK}:{client}",
                "advertise-client-urls": f"http://{LOOPBACK}:{client}",
                "listen-peer-urls": f"http://{LOOPBACK}:{peer}",
                "initial-advertise-peer-urls": f"http://{LOOPBACK}:{peer}",
                "initial-cluster": cluster,
                "log-level": "error",
            }
            process = await asyncio.create_subprocess_exec(
                "etcd", *(f"--{name}={text}" for name, text in options.items()), stderr=asyncio.subprocess.DEVNULL
            )
            stack.push_async_callback(process.wait)
            stack.callback(process.terminate)
        gateways: dict[int, _Gateway] = {}

        async def write(writer: int, value: bytes) -> None:
            gateway = gateways.setdefault(writer, _Gateway(clients[writer % NODES]))
            await gateway.put(b"key%d" % writer, value)

        await _until(lambda: write(0, b"ready"))
        yield write


async def _until(attempt: Callable[[], Awaitable[None]]) -> None:
    """Tries until it succeeds."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            await attempt()
        except (OSError, ValueError, EOFError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return


def _dictionary() -> Any:
    return import_module("pysyncobj.batteries").ReplDict()


def _replica(own: str, others: list[str], stop: Any) -> None:
    """A node of PySyncObj that only follows."""
    replica = import_module("pysyncobj").SyncObj(own, others, consumers=[_dictionary()])
    stop.wait()
    replica.destroy()


@contextlib.asynccontextmanager
async def pysyncobj() -> AsyncIterator[Write]:
    """Its replicated dictionary, of three processes, asked at the leader."""
    addresses = [f"{LOOPBACK}:{port}" for port in free_ports(NODES)]
    spawn = multiprocessing.get_context("spawn")
    stop = spawn.Event()
    dictionary = _dictionary()
    leader = import_module("pysyncobj").SyncObj(addresses[0], addresses[1:], consumers=[dictionary])
    loop = asyncio.get_running_loop()
    others = [
        spawn.Process(target=_replica, args=(own, [each for each in addresses if each != own], stop))
        for own in addresses[1:]
    ]
    for other in others:
        other.start()

    async def write(writer: int, value: bytes) -> None:
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: int) -> None:
            if error:
                done.set_exception(OSError(f"pysyncobj: error {error}"))
            else:
                done.set_result(None)

        def written(_: object, error: int) -> None:
            loop.call_soon_threadsafe(settle, error)

        dictionary.set(writer, value, callback=written)
        await done

    try:
        await _until(lambda: write(0, b"ready"))
        yield write
    finally:
        stop.set()
        leader.destroy()
        for other in others:
            other.join()


def system(name: str) -> contextlib.AbstractAsyncContextManager[Write]:
    """The system of that name, on three nodes."""
    if name.startswith("openais"):
        return openais(Guarantee.SAFE if name.endswith("safe") else Guarantee.AGREED)
    if name.startswith("ckpt"):
        flags = CreationFlags.WR_ACTIVE_REPLICA_WEAK if name.endswith("weak") else CreationFlags.WR_ALL_REPLICAS
        return ckpt(flags, on_disk=name.endswith("disk"))
    if name == "dictionary":
        return dictionary()
    return etcd() if name == "etcd" else pysyncobj()


def obstacle(name: str) -> str:
    """Why it cannot be measured here; empty when nothing is in the way."""
    if name == "etcd" and shutil.which("etcd") is None:
        return "the Debian package etcd-server is not installed"
    return "pysyncobj is not installed" if name == "pysyncobj" and find_spec("pysyncobj") is None else ""


async def measure(name: str, write: Write, size: int, in_flight: int, seconds: float) -> tuple[str, ...]:
    """One load; its line in the table."""
    latencies: list[float] = []
    end = time.monotonic() + seconds
    value = bytes(size)

    async def writer(number: int) -> None:
        while (begun := time.monotonic()) < end:
            await write(number, value)
            latencies.append(time.monotonic() - begun)

    await asyncio.gather(*(writer(number) for number in range(in_flight)))
    latencies.sort()
    p50, p99 = (latencies[min(len(latencies) - 1, int(share * len(latencies)))] * 1e6 for share in (0.5, 0.99))
    return name, str(in_flight), f"{len(latencies) / seconds:,.0f}", f"{p50:,.0f}", f"{p99:,.0f}"


async def measure_all(options: argparse.Namespace) -> list[tuple[str, ...]]:
    """All systems in turn."""
    lines = []
    for name in options.systems:
        if reason := obstacle(name):
            print(f"{name}: {reason}", file=sys.stderr)
            continue
        async with system(name) as write:
            for in_flight in (1, options.in_flight):
                lines.append(await measure(name, write, options.size, in_flight, options.seconds))
                print(*lines[-1], file=sys.stderr)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", type=words, default=list(SYSTEMS))
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    lines = asyncio.run(measure_all(options))
    print(table(("system", "in flight", "writes/s", "p50 us", "p99 us"), lines))


if __name__ == "__main__":
    main()
