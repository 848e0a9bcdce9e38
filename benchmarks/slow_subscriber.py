"""What a subscriber that is stopped costs the others, and what it is told when it goes on.

python -m benchmarks.slow_subscriber                3 nodes, events of 1 KiB, one subscriber stopped for 60 s

A publisher on one node publishes at the pace of a subscriber on another. After a while a second one comes beside that,
and is stopped at once (SIGSTOP); at last it goes on (SIGCONT).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from benchmarks.events import openais_nodes
from benchmarks.executives import HERE, Executive, Tree
from openais.evt import AsyncChannel, AsyncEvt, AsyncSubscription, Evt
from openais.types import TimeoutExpired

CHANNEL: Final = "slow-subscriber"
LAST: Final = b"last"
TIMEOUT_S: Final = 60.0
AHEAD_MAX: Final = 4096
"""Events that the publisher is ahead of the subscriber that takes them."""
BATCH: Final = 50
QUIET_S: Final = 1.0
"""The last event overtakes others, which follow at once."""


@dataclass
class Figures:
    """What one run gave."""

    size: int
    before_per_s: float = 0.0
    """Events that the first subscriber was given a second when it was alone."""
    beside_per_s: float = 0.0
    """The same beside the stopped one."""
    other_lost: int = 0
    """Lost-event notices that the other one was given."""
    published: int = 0
    """Events while it was stopped."""
    given: int = 0
    """Of these to the stopped one, when it went on."""
    notices: int = 0
    """Lost-event notices that it was given."""
    memory_before_mib: float = 0.0
    """Peak memory of the executive of both."""
    memory_after_mib: float = 0.0


class Other:
    """The subscriber that takes its events."""

    def __init__(self, subscription: AsyncSubscription) -> None:
        self.count = 0
        self.lost = 0
        self._subscription = subscription

    async def take(self) -> None:
        """Takes events until it is cancelled."""
        async for event in self._subscription:
            self.lost += event.lost
            self.count += not event.lost


async def publish(channel: AsyncChannel, other: Other, size: int, seconds: float) -> tuple[int, float]:
    """Publishes at the pace of the other subscriber; how many, and how many a second that one was given."""
    sender = channel.sender()
    first, began, sent = other.count, time.monotonic(), 0
    while time.monotonic() - began < seconds:
        if sent - (other.count - first) < AHEAD_MAX:
            for _ in range(BATCH):
                sender.send(bytes(size))
            sent += BATCH
            await sender.drain()
        await asyncio.sleep(0)
    await sender.flush()
    while other.count - first < sent and not other.lost:
        await asyncio.sleep(0)
    return sent, sent / (time.monotonic() - began)


async def measure(options: argparse.Namespace) -> Figures:
    """One run."""
    figures = Figures(options.size)
    async with AsyncExitStack() as stack:
        nodes = await stack.enter_async_context(openais_nodes(options.nodes))
        theirs = nodes[-1]
        channel = await _open(stack, nodes[0])
        other = Other(await (await _open(stack, theirs)).subscribe(retry=True))
        task = asyncio.create_task(other.take())
        stack.callback(task.cancel)
        _, figures.before_per_s = await publish(channel, other, options.size, options.seconds / 4)
        figures.memory_before_mib = theirs.peak_memory_mib()
        sleeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.slow_subscriber", "--sleeper", str(theirs.socket)),
            env=Tree("this", HERE).environment, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        stack.callback(_end, sleeper)
        assert sleeper.stdout is not None
        await sleeper.stdout.readline()
        sleeper.send_signal(signal.SIGSTOP)
        figures.published, figures.beside_per_s = await publish(channel, other, options.size, options.seconds)
        figures.memory_after_mib = theirs.peak_memory_mib()
        sleeper.send_signal(signal.SIGCONT)
        await channel.publish(LAST, priority=0, retry=True)
        told = json.loads(await sleeper.stdout.readline())
        figures.given, figures.notices, figures.other_lost = told["given"], told["notices"], other.lost
        await sleeper.wait()
    return figures


def sleep_and_take(path: Path) -> None:
    """The program that is stopped: takes events until the last one, and says how many there were."""
    given = notices = 0
    with Evt(path, timeout=TIMEOUT_S) as evt, evt.open_channel(CHANNEL, retry=True) as channel:
        subscription = channel.subscribe(retry=True)
        print("ready", flush=True)
        while (event := subscription.receive(math.inf)).data != LAST:
            notices += event.lost
            given += not event.lost
        with contextlib.suppress(TimeoutExpired):
            while True:
                subscription.receive(QUIET_S)
                given += 1
    print(json.dumps({"given": given, "notices": notices}), flush=True)


def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


async def _open(stack: AsyncExitStack, node: Executive) -> AsyncChannel:
    evt = await stack.enter_async_context(AsyncEvt.open(node.socket, timeout=TIMEOUT_S))
    return await evt.open_channel(CHANNEL, retry=True)


def report(figures: Figures) -> str:
    """The figures for people."""
    lines = [
        f"events of {figures.size} bytes; the second of two subscribers at a node is stopped",
        f"  the first one is given {figures.before_per_s:,.0f} a second alone, "
        f"{figures.beside_per_s:,.0f} beside the other, and {figures.other_lost} lost-event notices",
        f"  the stopped one is given {figures.given:,} of {figures.published:,}, and {figures.notices} notices",
        f"  peak memory of their executive: {figures.memory_before_mib:.1f} MiB before, "
        f"{figures.memory_after_mib:.1f} MiB after",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 when the stopped one was not told, or the other one lost anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=60.0, help="that it is stopped")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sleeper", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.sleeper:
        sleep_and_take(options.sleeper)
        return 0
    figures = asyncio.run(measure(options))
    print(json.dumps(asdict(figures)) if options.json else report(figures))
    return int(figures.other_lost > 0 or figures.notices == 0)


if __name__ == "__main__":
    sys.exit(main())
