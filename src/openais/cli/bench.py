"""`openais bench`: what this cluster can do, measured through the whole stack."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openais.cli.exits import BoundedCommand, BoundedGroup
from openais.cli.options import Bytes, color_option, json_option
from openais.cli.output import console, in_terminal, print_json, print_line, print_table
from openais.cli.words import counted, plain
from openais.config.values import size_text
from openais.types import Guarantee

if TYPE_CHECKING:
    from openais.cli.bench_evs import Load, Measured

SIZES = (64, 1024, 65536, 1024 * 1024)
EVENT_SIZES = (64, 1024, 65536)

sockets_option = click.option(
    "--socket",
    "sockets",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="PATH",
    help="The executives that the clients connect to in turn; may be given several times.",
)


@click.group(cls=BoundedGroup)
def bench() -> None:
    """Measure this cluster through the whole stack: library, executive, ring, executive, library."""


@bench.command(cls=BoundedCommand)
@click.option(
    "-s",
    "--size",
    "sizes",
    type=Bytes(16, 1024 * 1024),
    multiple=True,
    default=SIZES,
    metavar="SIZE",
    help="Bytes of a message, such as 64 or 64K; may be given several times. [default: 64, 1K, 64K and 1M]",
)
@click.option("-c", "--clients", type=click.IntRange(1, 64), default=1, show_default=True, help="Programs that send.")
@click.option("--duration", type=click.FloatRange(0.1, 600), default=3.0, show_default=True, help="Seconds a size.")
@click.option(
    "--probes", type=click.IntRange(10, 100_000), default=300, show_default=True, help="Messages for latency."
)
@click.option("--safe", is_flag=True, help="Messages that are delivered only once every member has them.")
@sockets_option
@json_option
@color_option
def evs(
    sizes: tuple[int, ...],
    clients: int,
    duration: float,
    probes: int,
    safe: bool,
    sockets: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Measure group messages (EVS): throughput and latency for each size.

    The clients are in one group. For throughput all of them send as fast as the executives take it, and each is given
    every message; it is counted at one of them. Latency is from sending to one's own delivery, of one message at a
    time in an idle group.
    """
    from openais.cli.bench_evs import Load, measure

    load = Load(sockets or (None,), clients, duration, probes, Guarantee.SAFE if safe else Guarantee.AGREED)
    results: list[Measured] = []
    for size in sizes:
        with _told(f"measuring {size_text(size)} …", quiet=as_json):
            results.append(asyncio.run(measure(load, size)))
    if as_json:
        print_json({"guarantee": load.guarantee.name.lower(), "clients": clients, "results": plain(results)})
    else:
        _print(results, load)


def _print(results: list[Measured], load: Load) -> None:
    print_table(
        ("bytes", "messages/s", "MB/s", "p50", "p99", "max"),
        (
            (
                size_text(each.size),
                f"{each.messages_per_s:,.0f}",
                f"{each.messages_per_s * each.size / 1e6:,.1f}",
                *(f"{latency:.2f} ms" for latency in (each.p50_ms, each.p99_ms, each.max_ms)),
            )
            for each in results
        ),
    )
    about = f"{counted(load.clients, 'client')}, {counted(results[-1].nodes, 'node')}"
    print_line(f"{about}, {load.guarantee.name.lower()}; MB are 10^6 bytes")


@contextmanager
def _told(what: str, quiet: bool) -> Iterator[None]:
    """Says what is being done, for as long as it is done, in a terminal."""
    if quiet or not in_terminal():
        yield
        return
    with console().status(what):
        yield


@bench.command(cls=BoundedCommand)
@click.option(
    "-s",
    "--size",
    "sizes",
    type=Bytes(16, 1024 * 1024),
    multiple=True,
    default=EVENT_SIZES,
    metavar="SIZE",
    help="Bytes of an event; may be given several times. [default: 64, 1K and 64K]",
)
@click.option("--publishers", type=click.IntRange(1, 100), default=1, show_default=True, help="Programs that publish.")
@click.option(
    "--subscribers", type=click.IntRange(1, 100), default=1, show_default=True, help="Programs that subscribe."
)
@click.option(
    "--subscriptions",
    type=click.IntRange(0, 60_000),
    default=0,
    show_default=True,
    help="Further subscriptions that the events do not pass.",
)
@click.option("--duration", type=click.FloatRange(0.1, 600), default=3.0, show_default=True, help="Seconds a size.")
@click.option("--probes", type=click.IntRange(10, 100_000), default=300, show_default=True, help="Events for latency.")
@sockets_option
@json_option
@color_option
def evt(
    sizes: tuple[int, ...],
    publishers: int,
    subscribers: int,
    subscriptions: int,
    duration: float,
    probes: int,
    sockets: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Measure events (EVT): throughput and latency for each size.

    Publishers publish as fast as the slowest subscriber takes it, and every subscriber is given every event; latency is
    from publishing to the arrival at a subscriber, of one event at a time. All programs share the processor of this
    command. With several executives publishers and subscribers are at different ones.
    """
    from openais.cli.bench_evt import Load, evt_bus, measure

    load = Load(publishers, subscribers, subscriptions, duration, probes)

    async def measured(size: int) -> Any:
        async with evt_bus(sockets or (None,)) as bus:
            return await measure(bus, load, size)

    results = []
    for size in sizes:
        with _told(f"measuring {size_text(size)} …", quiet=as_json):
            results.append(asyncio.run(measured(size)))
    counts = {"publishers": publishers, "subscribers": subscribers, "subscriptions": subscriptions}
    if as_json:
        print_json({**counts, "results": plain(results)})
        return
    print_line(", ".join(counted(count, name.removesuffix("s")) for name, count in counts.items()))
    print_table(
        ("size", "events/s", "MB/s", "p50 ms", "p99 ms"),
        (
            (
                size_text(each.size),
                f"{each.events_per_s:,.0f}",
                f"{each.events_per_s * each.size / 1e6:.1f}",
                f"{each.p50_ms:.2f}",
                f"{each.p99_ms:.2f}",
            )
            for each in results
        ),
    )


@bench.command(cls=BoundedCommand)
@click.option(
    "-s",
    "--size",
    "sizes",
    type=Bytes(1, 1024 * 1024),
    multiple=True,
    default=SIZES,
    metavar="SIZE",
    help="Bytes of a write; may be given several times. [default: 64, 1K, 64K and 1M]",
)
@click.option("-c", "--clients", type=click.IntRange(1, 64), default=1, show_default=True, help="Programs that write.")
@click.option(
    "--in-flight", type=click.IntRange(1, 4096), default=256, show_default=True, help="Writes of each at a time."
)
@click.option(
    "--mode",
    type=click.Choice(("all", "active", "weak")),
    default="all",
    show_default=True,
    help="When a write is answered: all replicas have it, the active one, or the one of the writer's node.",
)
@click.option("--duration", type=click.FloatRange(0.1, 600), default=3.0, show_default=True, help="Seconds a size.")
@click.option(
    "--probes", type=click.IntRange(10, 100_000), default=300, show_default=True, help="Writes one at a time."
)
@sockets_option
@json_option
@color_option
def ckpt(
    sizes: tuple[int, ...],
    clients: int,
    in_flight: int,
    mode: str,
    duration: float,
    probes: int,
    sockets: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Measure checkpoints (CKPT): sections overwritten one at a time, and with many writes in flight.

    All programs share the processor of this command.
    """
    from openais.ckpt import CreationFlags
    from openais.cli.bench_ckpt import Load, measure

    flags = {
        "all": CreationFlags.WR_ALL_REPLICAS,
        "active": CreationFlags.WR_ACTIVE_REPLICA,
        "weak": CreationFlags.WR_ACTIVE_REPLICA_WEAK,
    }
    results = []
    for size in sizes:
        flying = max(1, min(in_flight, 64 * 1024 * 1024 // size // clients))
        load = Load(sockets or (None,), clients, flying, duration, flags[mode], probes)
        with _told(f"measuring {size_text(size)} …", quiet=as_json):
            results.append(asyncio.run(measure(load, size)))
    if as_json:
        print_json({"clients": clients, "in_flight": in_flight, "mode": mode, "results": plain(results)})
        return
    print_table(
        ("size", "alone/s", "p50 ms", "p99 ms", "writes/s", "MB/s", "p50 ms", "p99 ms"),
        (
            (
                size_text(each.size),
                f"{each.alone_per_s:,.0f}",
                f"{each.p50_ms:.2f}",
                f"{each.p99_ms:.2f}",
                f"{each.writes_per_s:,.0f}",
                f"{each.writes_per_s * each.size / 1e6:,.1f}",
                f"{each.loaded_p50_ms:.2f}",
                f"{each.loaded_p99_ms:.2f}",
            )
            for each in results
        ),
    )
    print_line(f"{counted(clients, 'client')}, up to {in_flight} writes of each in flight, answered by mode {mode}")
