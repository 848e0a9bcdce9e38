"""Events beside NATS: the same programs, clock and loads over both in turn, each with a cluster of its own on loopback.

python -m benchmarks.events                          1 and 3 nodes, 1 to 1, 1 to 50 and 20 to 50
python -m benchmarks.events --without-nats           ours alone

NATS core gives neither a total order nor priorities nor retention; it is measured as what people use for events. It
needs nats-server (Debian) on the path, and the Python client nats-py. Programs that publish and subscribe share one
process, so the Python client counts on both sides.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.util
import json
import shutil
import statistics
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.executives import HERE, Executive, Tree, executives
from benchmarks.options import numbers, sizes
from openais.cli.bench_evt import PATTERN, Bus, Load, Measured, evt_bus, measure
from openais.cli.demo_relay import LOOPBACK, free_ports
from openais.clm import Clm
from openais.types import AisError

PATIENCE_S: Final = 60.0
KNOCK_S: Final = 0.05
NATS: Final = "nats-server"
PAIRS: Final = ((1, 1), (1, 50), (20, 50))
"""Publishers and subscribers."""
BIG: Final = 16 * 1024
"""Bytes of an event from which on only 1 to 1 is measured."""


@dataclass(frozen=True)
class Row:
    """One load, over one of the two, in all rounds."""

    system: str
    nodes: int
    publishers: int
    subscribers: int
    subscriptions: int
    size: int
    events_per_s: float
    p50_ms: float
    p99_ms: float


class NatsPublisher:
    """A client of NATS that publishes."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._waiting: list[bytes] = []

    def send(self, payload: bytes) -> None:
        self._waiting.append(payload)

    async def drain(self) -> None:
        waiting, self._waiting = self._waiting, []
        for payload in waiting:
            await self._client.publish(PATTERN, payload)

    async def flush(self) -> None:
        await self.drain()
        await self._client.flush()


class NatsBus:
    """NATS core. Each program has a client of its own, at one of the servers in turn."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._clients: list[Any] = []

    async def publisher(self, number: int) -> NatsPublisher:
        return NatsPublisher(await self._client(number))

    async def subscriber(self, number: int, received: Callable[[bytes], None]) -> None:
        async def callback(message: Any) -> None:
            received(message.data)

        client = await self._client(-1 - number)
        await client.subscribe(PATTERN, cb=callback)
        await client.flush()

    async def others(self, count: int) -> None:
        async def callback(_: Any) -> None:
            """Nothing comes here."""

        client = await self._client(-1)
        for number in range(count):
            await client.subscribe(f"bench.other.{number}", cb=callback)
        await client.flush()

    async def end(self) -> None:
        """Closes all clients."""
        for client in self._clients:
            await client.close()

    async def _client(self, number: int) -> Any:
        port = self._ports[number % len(self._ports)]
        client = await importlib.import_module("nats").connect(f"nats://{LOOPBACK}:{port}")
        self._clients.append(client)
        return client


@contextlib.asynccontextmanager
async def nats(nodes: int) -> AsyncIterator[Callable[[], contextlib.AbstractAsyncContextManager[Bus]]]:
    """A cluster of NATS servers."""
    ports, routes = free_ports(nodes), free_ports(nodes)
    everybody = ",".join(f"nats://{LOOPBACK}:{port}" for port in routes)
    processes = []

    @contextlib.asynccontextmanager
    async def bus() -> AsyncIterator[Bus]:
        made = NatsBus(ports)
        try:
            yield made
        finally:
            await made.end()

    try:
        for number, (port, route) in enumerate(zip(ports, routes, strict=True)):
            command = [NATS, "-a", LOOPBACK, "-p", str(port), "-n", f"node-{number}"]
            if nodes > 1:
                command += ["--cluster_name", "bench", "--cluster", f"nats://{LOOPBACK}:{route}", "--routes", everybody]
            quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
            processes.append(await asyncio.create_subprocess_exec(*command, **quiet))  # type: ignore[arg-type]
        for port in (*ports, *(routes if nodes > 1 else ())):
            await _listens(port)
        yield bus
    finally:
        for process in processes:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def openais(nodes: int) -> AsyncIterator[Callable[[], contextlib.AbstractAsyncContextManager[Bus]]]:
    """A cluster of executives."""
    async with openais_nodes(nodes) as started:
        yield lambda: evt_bus([each.socket for each in started])


@contextlib.asynccontextmanager
async def openais_nodes(nodes: int) -> AsyncIterator[list[Executive]]:
    """Executives in one ring."""
    async with executives(Tree("this", HERE), nodes, {}) as started:
        await asyncio.to_thread(_wait_for_members, started[0].socket, nodes)
        yield started


async def _listens(port: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(ConnectionError):
                _, writer = await asyncio.open_connection(LOOPBACK, port)
                writer.close()
                return
            await asyncio.sleep(KNOCK_S)


def _wait_for_members(socket: Path, count: int) -> None:
    while True:
        with contextlib.suppress(AisError), Clm(socket, timeout=PATIENCE_S) as cluster:
            for view in cluster.track():
                if view.member_count == count:
                    return


def loads(options: argparse.Namespace) -> Iterator[tuple[Load, int]]:
    """What is measured on each cluster, with the size."""
    for size in options.sizes:
        for publishers, subscribers in PAIRS if size < BIG else PAIRS[:1]:
            for subscriptions in options.subscriptions if (publishers, subscribers) == (1, 1) else (0,):
                yield Load(publishers, subscribers, subscriptions, options.seconds, options.probes), size


async def measure_all(options: argparse.Namespace) -> list[Row]:
    """Every load, over both in turn."""
    systems = {"openais": openais} if options.without_nats else {"openais": openais, "nats": nats}
    rows = []
    for nodes in options.nodes:
        async with contextlib.AsyncExitStack() as stack:
            clusters = {name: await stack.enter_async_context(start(nodes)) for name, start in systems.items()}
            for load, size in loads(options):
                found: dict[str, list[Measured]] = {name: [] for name in clusters}
                for _ in range(options.rounds):
                    for name, bus in clusters.items():
                        async with bus() as made:
                            found[name].append(await measure(made, load, size))
                for name, results in found.items():
                    rows.append(_row(name, nodes, load, size, results))
                    print(rows[-1], file=sys.stderr, flush=True)
    return rows


def _row(system: str, nodes: int, load: Load, size: int, results: Sequence[Measured]) -> Row:
    """The median of all rounds."""
    return Row(
        system, nodes, load.publishers, load.subscribers, load.subscriptions, size,
        *(statistics.median(getattr(each, what) for each in results) for what in ("events_per_s", "p50_ms", "p99_ms")),
    )  # fmt: skip


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, ours and those of NATS side by side."""
    lines = [
        "| nodes | programs | other subscriptions | bytes | openais, events/s | NATS | ratio | p50 / p99, ms | NATS |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    theirs = {_key(row): row for row in rows if row.system == "nats"}
    for ours in (row for row in rows if row.system == "openais"):
        other = theirs.get(_key(ours))
        lines.append(
            f"| {ours.nodes} | {ours.publishers} to {ours.subscribers} | {ours.subscriptions:,} | {ours.size:,} "
            f"| {ours.events_per_s:,.0f} | {f'{other.events_per_s:,.0f}' if other else ''} "
            f"| {f'{ours.events_per_s / other.events_per_s:.2f}' if other else ''} "
            f"| {ours.p50_ms:.2f} / {ours.p99_ms:.2f} | {f'{other.p50_ms:.2f} / {other.p99_ms:.2f}' if other else ''} |"
        )
    return "\n".join(lines)


def _key(row: Row) -> tuple[int, ...]:
    return row.nodes, row.publishers, row.subscribers, row.subscriptions, row.size


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 when the peer is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=numbers, default=[1, 3])
    parser.add_argument("--sizes", type=sizes, default=[64, 1024, 64 * 1024])
    parser.add_argument("--subscriptions", type=numbers, default=[0, 100, 10_000], help="other ones, for 1 to 1")
    parser.add_argument("--seconds", type=float, default=1.5, help="that a run counts")
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-nats", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rows to it")
    options = parser.parse_args(arguments)
    if not options.without_nats and (shutil.which(NATS) is None or importlib.util.find_spec("nats") is None):
        print(f"{NATS} or the Python client nats-py is not installed; see --without-nats", file=sys.stderr)
        return 1
    rows = asyncio.run(measure_all(options))
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
