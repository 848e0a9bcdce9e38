"""How the cost grows with the nodes, and what latency is left under load.

    python -m benchmarks.scaling                 2, 3, 5, 8 and 16 nodes; 50 % of the maximum rate, agreed and safe

All on loopback. Throughput is of messages of 1 KiB, latency of 64 B, one at a time; memory is that of the largest
executive after the loads. Under load messages of 1 KiB leave at a rate, whether those before were delivered or not.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable
from statistics import median
from typing import Final

from benchmarks.executives import HERE, Tree, executives
from benchmarks.measure import Load, Row, run
from benchmarks.options import numbers
from benchmarks.report import latency_table, table, throughput_table

SIZE: Final = 1024
SMALL: Final = 64


async def scale(counts: Iterable[int], rounds: int, seconds: float) -> list[Row]:
    """Throughput and latency by the number of nodes."""
    rows = []
    for count in counts:
        async with executives(Tree("openais", HERE), count, {}) as nodes:
            loads = [
                Load("tput", count, SIZE, "one", seconds),
                Load("tput", count, SIZE, "all", seconds),
                Load("lat", count, SMALL, "one", seconds),
            ]
            for number in range(rounds):
                for at, load in enumerate(loads):
                    rows.append(await run("openais", nodes, load, f"scale{number}-{at}"))
                    print(f"{count} nodes, {load.mode} {load.senders}", file=sys.stderr)
    return rows


async def under_load(count: int, rounds: int, seconds: float, share: float) -> list[Row]:
    """Latency at `share` of the maximum rate of one sender, agreed and safe."""
    rows = []
    async with executives(Tree("openais", HERE), count, {}) as nodes:
        for guarantee in ("agreed", "safe"):
            most = [
                await run("openais", nodes, Load("tput", count, SIZE, "one", seconds, guarantee=guarantee), f"most{at}")
                for at in range(3)
            ]
            rate = share * median(row.messages_s for row in most)
            load = Load("lat", count, SIZE, "one", seconds, guarantee=guarantee, rate_s=round(rate))
            rows += [await run("openais", nodes, load, f"{guarantee}{at}") for at in range(rounds)]
    return rows


def load_table(rows: Iterable[Row]) -> str:
    """The latencies under load."""
    lines = []
    for guarantee in ("agreed", "safe"):
        runs = [row for row in rows if row.load.guarantee == guarantee]
        shares = [f"{median(row.latency_us[name] for row in runs):,.0f}" for name in ("p50", "p99", "p999")]
        verdict = "ok" if all(row.correct for row in runs) else "WRONG"
        lines.append((guarantee, f"{runs[0].load.rate_s:,.0f}", *shares, verdict))
    return table(("guarantee", "messages/s", "p50 us", "p99", "p99.9", "checked"), lines)


def main() -> int:
    """Exit status 1 when anything that was delivered was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=numbers, default=[2, 3, 5, 8, 16])
    parser.add_argument("--load-nodes", type=int, default=3, help="of the runs under load; 0: none")
    parser.add_argument("--share", type=float, default=0.5, help="of the maximum rate")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = asyncio.run(scale(options.nodes, options.rounds, options.seconds))
    print(f"{throughput_table(rows)}\n\n{latency_table(rows)}\n")
    if options.load_nodes:
        loaded = asyncio.run(under_load(options.load_nodes, options.rounds, options.seconds, options.share))
        print(load_table(loaded))
        rows += loaded
    return int(any(not row.correct for row in rows))


if __name__ == "__main__":
    sys.exit(main())
