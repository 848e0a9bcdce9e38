"""How soon: a cluster of three is formed, told of a crash, whole again, and what becomes of a node that was stopped.

python -m benchmarks.failover                      50 crashes with the default settings, 50 with token 120
python -m benchmarks.failover --rounds 10 --json   a shorter run, for machines

Times are what a program sees: from the moment of the kill, or of the start of a process, until the track callback of
the cluster membership library at the slowest of the nodes that were there.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from benchmarks.executives import HERE, Executive, Tree, executives
from openais.clm import AsyncClm, ClusterView
from openais.types import LibraryError

NODES: Final = 3
PATIENCE_S: Final = 30.0
KNOCK_S: Final = 0.005
"""Between two attempts to reach an executive that was just started."""
STOPPED_S: Final = 5.0
DEFAULT_MS: Final = 500
PROMISES_S: Final = {
    "formed": dict.fromkeys((500, 120), 1.0),
    "told": {500: 1.0, 120: 0.3},
    "back": dict.fromkeys((500, 120), 1.0),
}
"""What is promised, by what is measured and the token timeout."""


class Observer:
    """A program at one executive that is told of every view."""

    def __init__(self, executive: Executive) -> None:
        self.executive = executive
        self.views: list[tuple[float, frozenset[int]]] = []
        """When each view came, and its members."""
        self._news = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Knocks until the executive lets it in; from then on it is told."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    clm = await AsyncClm.open(self.executive.socket)
                    break
                except LibraryError:
                    await asyncio.sleep(KNOCK_S)
        self.views.clear()
        self._watching = asyncio.create_task(self._watch(clm))

    async def stop(self) -> None:
        """Is told no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait((self._watching,))

    async def sees(self, wanted: Collection[int]) -> float:
        """When exactly these were members at last, seconds of time.monotonic()."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.views or self.views[-1][1] != frozenset(wanted):
                self._news.clear()
                await self._news.wait()
        return self.views[-1][0]

    async def _watch(self, clm: AsyncClm) -> None:
        with contextlib.suppress(LibraryError):
            async with clm, contextlib.aclosing(clm.track()) as views:
                async for view in views:
                    self.views.append((time.monotonic(), members(view)))
                    self._news.set()


def members(view: ClusterView) -> frozenset[int]:
    """The node ids of the members."""
    return frozenset(each.node.node_id for each in view.notifications if each.node.member)


@dataclass
class Figures:
    """Seconds, of every round."""

    token_ms: int
    formed: list[float] = field(default_factory=list)
    """From the start of the third executive until all three nodes' programs knew of all."""
    told: list[float] = field(default_factory=list)
    """From the kill until the other two knew."""
    back: list[float] = field(default_factory=list)
    """From the start of the process until the other two knew of it again."""
    whole: list[float] = field(default_factory=list)
    """From then on until a program at the revived node knew of all three."""
    returned: list[float] = field(default_factory=list)
    """From SIGCONT after a stop of STOPPED_S until all three knew of all."""
    separated: int = 0
    """How often the two that were not stopped lost each other."""


@contextlib.asynccontextmanager
async def cluster(token_ms: int) -> AsyncIterator[list[Executive]]:
    """Three executives, none started."""
    async with executives(Tree("this", HERE), NODES, {"token": str(token_ms)}, start=False) as nodes:
        yield nodes


async def form(nodes: Sequence[Executive], figures: Figures) -> list[Observer]:
    """Starts two, and when they are a ring the third; observers at all of them."""
    observers = [Observer(node) for node in nodes]
    everybody = {node.number for node in nodes}
    *first, last = nodes
    for node, observer in zip(first, observers, strict=False):
        await node.start()
        await observer.start()
    for observer in observers[:-1]:
        await observer.sees(everybody - {last.number})
    began = time.monotonic()
    await last.start()
    await observers[-1].start()
    figures.formed.append(max([await observer.sees(everybody) for observer in observers]) - began)
    return observers


async def crash(victim: Observer, others: Sequence[Observer], figures: Figures) -> None:
    """Kills a node, and starts it again when the others know."""
    survivors = {each.executive.number for each in others}
    began = time.monotonic()
    await victim.executive.kill()
    figures.told.append(max([await each.sees(survivors) for each in others]) - began)
    await victim.stop()
    everybody = survivors | {victim.executive.number}
    began = time.monotonic()
    await victim.executive.start()
    starting = asyncio.create_task(victim.start())
    back = max([await each.sees(everybody) for each in others])
    await starting
    figures.back.append(back - began)
    figures.whole.append(max(0.0, await victim.sees(everybody) - back))


async def stop(victim: Observer, others: Sequence[Observer], figures: Figures) -> None:
    """Stops a node for STOPPED_S and lets it go on."""
    pair = frozenset(each.executive.number for each in others)
    seen = [len(each.views) for each in others]
    victim.executive.signal(signal.SIGSTOP)
    for each in others:
        await each.sees(pair)
    await asyncio.sleep(STOPPED_S)
    began = time.monotonic()
    victim.executive.signal(signal.SIGCONT)
    everybody = pair | {victim.executive.number}
    figures.returned.append(max([await each.sees(everybody) for each in (*others, victim)]) - began)
    views = [members for each, first in zip(others, seen, strict=True) for _, members in each.views[first:]]
    figures.separated += sum(not pair <= members for members in views)


async def measure(token_ms: int, options: argparse.Namespace) -> Figures:
    """All that is measured with one token timeout."""
    figures = Figures(token_ms)
    for last in range(options.formations - 1, -1, -1):
        async with cluster(token_ms) as nodes:
            observers = await form(nodes, figures)
            if not last:
                for number in range(options.rounds):
                    victim = observers[number % NODES]
                    await crash(victim, [each for each in observers if each is not victim], figures)
                for number in range(options.stops):
                    victim = observers[number % NODES]
                    await stop(victim, [each for each in observers if each is not victim], figures)
            for observer in observers:
                await observer.stop()
    return figures


def line(what: str, times: Sequence[float], promise: float | None) -> str:
    """One line of the table, in milliseconds."""
    least, middle, most = (round(1000 * value) for value in (min(times), statistics.median(times), max(times)))
    kept = ""
    if promise is not None:
        kept = f"   {sum(each <= promise for each in times)} of {len(times)} within {round(1000 * promise)} ms"
    return f"  {what:<42} {least:>6} {middle:>6} {most:>6}{kept}"


def report(figures: Figures) -> str:
    """The table of one token timeout."""
    default = " (the default)" if figures.token_ms == DEFAULT_MS else ""
    rows = (
        ("formed", "from the start of the third node, all know"),
        ("told", "from kill -9, the others know"),
        ("back", "from its start again, the others know"),
        ("whole", "and then its own programs know"),
        ("returned", "from SIGCONT after 5 s, all are together"),
    )
    lines = [f"token {figures.token_ms} ms{default}:".ljust(45) + "   min median    max  (ms)"]
    for name, what in rows:
        times = getattr(figures, name)
        if times:
            lines.append(line(what, times, PROMISES_S.get(name, {}).get(figures.token_ms)))
    if figures.returned:
        lines.append(f"  the two that were not stopped lost each other {figures.separated} times")
    return "\n".join(lines)


def main() -> None:
    """Measures, and prints tables or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--token", type=int, nargs="+", default=[500, 120], metavar="MS")
    parser.add_argument("--formations", type=int, default=10, help="how often a cluster is formed anew")
    parser.add_argument("--rounds", type=int, default=50, help="crashes")
    parser.add_argument("--stops", type=int, default=3, help="how often a node is stopped for 5 s")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: list[dict[str, Any]] = []
    for token_ms in options.token:
        figures = asyncio.run(measure(token_ms, options))
        found.append(asdict(figures))
        if not options.json:
            print(report(figures), flush=True)
    if options.json:
        json.dump(found, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
