"""Measures this checkout on loopback, and on request another one in the same run.

python -m benchmarks                            the matrix of docs/performance.md, 2 to 3 minutes
python -m benchmarks --nodes 3 --sizes 64,1K    a part of it
python -m benchmarks --against ../before        paired: every round runs both, the table ends with ratios
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.executives import HERE, Tree, executives
from benchmarks.measure import Load, Row, run
from benchmarks.options import numbers, sizes, words
from benchmarks.report import latency_table, ratio_table, throughput_table


def loads(options: argparse.Namespace, nodes: int) -> Iterator[Load]:
    """What is measured on a cluster of `nodes` in one round."""
    for size in options.sizes:
        for senders in options.senders:
            same_as_one = nodes == 1 and senders == "all" and "one" in options.senders
            if "tput" in options.modes and not same_as_one:
                yield Load("tput", nodes, size, senders, options.seconds, guarantee=options.guarantee)
        if "lat" in options.modes:
            yield Load("lat", nodes, size, "one", options.seconds, guarantee=options.guarantee)


async def measure(options: argparse.Namespace) -> AsyncIterator[Row]:
    """Every run, in turn."""
    trees = [Tree("this", HERE)]
    if options.against:
        trees.append(Tree("other", options.against.resolve()))
    number = 0
    for nodes in options.nodes:
        async with AsyncExitStack() as stack:
            clusters = [
                (tree, await stack.enter_async_context(executives(tree, nodes, options.totem))) for tree in trees
            ]
            for _ in range(options.rounds):
                for load in loads(options, nodes):
                    for tree, cluster in clusters:
                        number += 1
                        yield await run(tree.label, cluster, load, f"bench{number}")


async def measure_all(options: argparse.Namespace) -> list[Row]:
    """All rows; each is written down as it comes."""
    rows = []
    async for row in measure(options):
        rows.append(row)
        if options.json:
            with options.json.open("a") as file:
                file.write(json.dumps(row.as_json()) + "\n")
        _tell(row)
    return rows


def _tell(row: Row) -> None:
    """Progress, for who waits."""
    load = row.load
    what = f"{row.label}: {load.mode} {load.nodes} nodes {load.size} B {load.senders}"
    result = f"p50 {row.latency_us['p50']:.0f} us" if row.latency_us else f"{row.messages_s:,.0f}/s"
    faults = f" WRONG: {'; '.join(row.faults)}" if row.faults else ""
    print(f"{what}: {result}, cpu {row.cpu_us:.2f} us{faults}", file=sys.stderr, flush=True)


def _pair(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 when anything that was delivered was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=numbers, default=[1, 2, 3])
    parser.add_argument("--sizes", type=sizes, default=[64, 1024, 64 * 1024, 1024 * 1024], help="such as 64,1K,1M")
    parser.add_argument("--senders", type=words, default=["one", "all"])
    parser.add_argument("--modes", type=words, default=["tput", "lat"], help="tput, lat, or both")
    parser.add_argument("--guarantee", choices=("agreed", "safe"), default="agreed")
    parser.add_argument("--seconds", type=float, default=0.6, help="that a run counts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="measure this one too, in turn")
    parser.add_argument("-o", dest="totem", type=_pair, action="append", default=[], metavar="KEY=VALUE",
                        help="a key of the section totem")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="append every run to it, one a line")
    options = parser.parse_args(arguments)
    options.totem = dict(options.totem)
    rows = asyncio.run(measure_all(options))
    for table in (throughput_table(rows), latency_table(rows), ratio_table(rows)):
        if table:
            print(f"\n{table}")
    return int(any(not row.correct for row in rows))


if __name__ == "__main__":
    sys.exit(main())
