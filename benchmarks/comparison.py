"""Ours beside corosync, in turn, in one run: labs of network namespaces with an MTU of 1500 on one machine.

    python -m benchmarks.comparison --json results.jsonl
    python -m benchmarks.comparison --sizes 64,1K --rounds 1

Ours encrypts, corosync does not. In every round each system is started, carries every load, and is ended, so that
whatever else the machine does in a round meets all. A figure of ours is compared with the best of corosync's transports
at that size, round by round; the ratio that is told is the median of the rounds. Every message is checked: delivered
once, in one order, at every node. A peer that comes to a standstill at some load has no figure for it in that round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks import __main__ as alone
from benchmarks import corosync, lab
from benchmarks.executives import HERE, Tree, executives
from benchmarks.measure import Load, Row, run
from benchmarks.options import numbers, sizes, words
from benchmarks.plot import plot, read
from benchmarks.processes import Measured
from benchmarks.report import comparison_table, latency_table, throughput_table

OURS: Final = "openais"
PEERS: Final = ("corosync-knet", "corosync-udp")
SIZES: Final = "16,64,256,1K,4K,16K,64K,256K,1M"
LATENCY_SIZES: Final = (64, 1024)


def obstacle() -> str:
    """Why there can be no comparison here, in words; empty when nothing is in the way."""
    return lab.obstacle() or corosync.obstacle()


@contextlib.asynccontextmanager
async def system(name: str, count: int) -> AsyncIterator[Sequence[Measured]]:
    """The daemons of a system on so many nodes."""
    if name.startswith("corosync-"):
        async with corosync.corosync(count, name.removeprefix("corosync-")) as nodes:
            yield nodes
    else:
        multicast = name.endswith("-multicast")
        with lab.made(count) as where:
            async with executives(Tree(name, HERE), count, {}, lab=where, multicast=multicast) as ours:
                yield ours


def loads(options: argparse.Namespace, count: int) -> Iterator[Load]:
    """What is measured on so many nodes in one round."""
    if "tput" in options.modes and count in options.nodes:
        for size in options.sizes:
            for senders in options.senders:
                if not (count == 1 and senders == "all"):
                    yield Load("tput", count, size, senders, options.seconds)
    if "lat" in options.modes and count in options.latency_nodes:
        for size in LATENCY_SIZES:
            yield Load("lat", count, size, "one", options.seconds)


async def measure(options: argparse.Namespace) -> AsyncIterator[Row]:
    """Every run, in turn."""
    serial = itertools.count(1)
    for _ in range(options.rounds):
        for count in sorted({*options.nodes, *options.latency_nodes}):
            wanted = list(loads(options, count))
            for name in options.systems if wanted else ():
                left = deque(wanted)
                while left:
                    async for row in measure_system(name, count, left, serial):
                        yield row


async def measure_system(name: str, count: int, left: deque[Load], serial: Iterator[int]) -> AsyncIterator[Row]:
    """The runs that are left, as far as the daemons go on: a peer that comes to a standstill ends that run only."""
    async with system(name, count) as nodes:
        while left:
            load = left.popleft()
            try:
                row = await run(name, nodes, load, f"bench{next(serial)}")
            except (RuntimeError, TimeoutError) as error:
                if name.startswith(OURS):
                    raise
                print(f"{name} {load.mode} {load.nodes} {load.size} B {load.senders}: {error}", file=sys.stderr)
                return
            yield row


async def measure_all(options: argparse.Namespace) -> list[Row]:
    """All rows; each is written down as it comes."""
    rows = []
    async for row in measure(options):
        rows.append(row)
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(row.as_json()) + "\n")
        load = row.load
        result = f"p50 {row.latency_us['p50']:.0f} us" if row.latency_us else f"{row.messages_s:,.0f}/s"
        wrong = "; ".join(row.faults)
        print(f"{row.label} {load.mode} {load.nodes} {load.size} B {load.senders}: {result} {wrong}", file=sys.stderr)
    return rows


def main() -> int:
    """Exit status 1 when anything that was delivered was wrong. Where nothing can be compared, ours is measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=numbers, default=[1, 3], help="of the throughput runs")
    parser.add_argument("--latency-nodes", type=numbers, default=[2, 3])
    parser.add_argument("--sizes", type=sizes, default=sizes(SIZES))
    parser.add_argument("--senders", type=words, default=["one", "all"])
    parser.add_argument("--modes", type=words, default=["tput", "lat"])
    parser.add_argument("--systems", type=words, default=[OURS, *PEERS], help="also openais-multicast, corosync-udpu")
    parser.add_argument("--seconds", type=float, default=1.0, help="that a run counts")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="append every run to it, one a line")
    parser.add_argument("--read", type=Path, metavar="FILE", help="measure nothing: tell what such a file holds")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it, as SVG")
    options = parser.parse_args()
    if not options.read and (reason := obstacle()):
        print(f"no comparison with corosync: {reason}. This checkout alone, on loopback:", file=sys.stderr)
        return alone.main([])
    rows = read(options.read) if options.read else asyncio.run(measure_all(options))
    for table in (throughput_table(rows), latency_table(rows), comparison_table(rows, OURS)):
        if table:
            print(f"\n{table}")
    if options.plot:
        options.plot.write_text(plot(rows))
    return int(any(not row.correct for row in rows))


if __name__ == "__main__":
    sys.exit(main())
