"""The cluster of a run, and the programs that live on it: started, killed, watched, and all gone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.executives import HERE, Executive, Tree
from benchmarks.lab import Lab
from benchmarks.processes import send

from chaos.evidence import History, Life, Remark, Sample
from chaos.program import JOURNAL, NAME, NODE, RUN, SOCKET
from chaos.rings import Configured, Gone
from chaos.workload import Program
from openais.client.status import StatusClient
from openais.evs import AsyncEvs, ConfigurationChanged, EvsOptions
from openais.types import AisError

LOOK_S: Final = 0.1
SAMPLE_S: Final = 1.0
SETTLED_S: Final = 60.0
"""How long the cluster may take to be one ring again once all is mended."""
PATIENCE_S: Final = 60.0
QUIET_S: Final = 3.0
END_S: Final = 20.0


class Resident:
    """A program that lives on a node: it is started again whenever it has ended, until it is to end."""

    def __init__(self, program: Program, executive: Executive, history: History) -> None:
        self.program = program
        self.node = executive.number
        self.run = 0
        self.process: asyncio.subprocess.Process | None = None
        self.may_live = asyncio.Event()
        self.may_live.set()
        self._socket = executive.socket
        self._history = history
        self._wanted = True
        self._ended_from_outside = False

    def path(self, kind: str) -> Path:
        """A file of its present life."""
        return self._history.folder / f"{self.program.name}.{self.run}.{kind}"

    async def live(self) -> None:
        """Starts it, and starts it again, until `end`."""
        try:
            while self._wanted:
                await self._life()
                await self.may_live.wait()
        finally:
            if self.process is not None and self.process.returncode is None:
                self.process.kill()
                await self.process.wait()

    def kill(self) -> None:
        """kill -9, if it runs."""
        self.signal(signal.SIGKILL)
        self._ended_from_outside = True

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, if it runs."""
        if self.process is not None and self.process.returncode is None:
            send(self.process, number)

    def end(self) -> None:
        """Has it end in order."""
        self._wanted = False
        self.signal(signal.SIGTERM)

    async def _life(self) -> None:
        self.run += 1
        self._ended_from_outside = False
        began = time.monotonic()
        environment = {
            **Tree("this", HERE).environment,
            NAME: self.program.name,
            RUN: str(self.run),
            NODE: str(self.node),
            SOCKET: str(self._socket),
            JOURNAL: str(self.path("journal")),
        }
        with self.path("errors").open("wb") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, *self.program.arguments),
                env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=errors, stderr=errors,
            )  # fmt: skip
        if not self._wanted:
            self.process.kill()
        code = await self.process.wait()
        ended = time.monotonic()
        self._history.note(Life(self.program.name, self.node, self.run, began, ended, code))
        if self._wanted and not self._ended_from_outside:
            words = self.path("errors").read_text(errors="replace").strip()[-2000:]
            self._history.note(Remark(ended, f"{self.program.name} ended by itself with {code}: {words}"))


class ClusterSite:
    """Five executives, or another number of them, each in its own network. Made by `site`."""

    def __init__(self, network: Lab, executives: Sequence[Executive], history: History) -> None:
        self.network = network
        self.executives = {each.number: each for each in executives}
        self.nodes = tuple(self.executives)
        self.residents: dict[str, Resident] = {}
        self.history = history
        self.folder = history.folder
        self.down: set[int] = set()
        """Executives that were killed and are not started again yet."""
        self._rings: dict[int, Configured] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def socket(self, node: int) -> Path:
        return self.executives[node].socket

    def start(self, program: Program, node: int) -> None:
        resident = self.residents[program.name] = Resident(program, self.executives[node], self.history)
        self._tasks[program.name] = asyncio.create_task(resident.live())

    async def end(self, *names: str) -> None:
        for name in names:
            self.residents[name].end()
        tasks = [self._tasks.pop(name) for name in names]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=END_S)
            for name, task in zip(names, tasks, strict=True):
                if task in late:
                    self.history.note(Remark(time.monotonic(), f"{name} did not end at SIGTERM in {END_S:.0f} s"))
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def end_all(self) -> None:
        """Has every program end."""
        await self.end(*self._tasks)

    async def said(self, name: str, word: str) -> None:
        resident = self.residents[name]

        def has_said() -> bool:
            path = resident.path("journal")
            return path.exists() and any(line.startswith(f"{word} ") for line in path.read_text().splitlines())

        await _until(has_said, PATIENCE_S, f"{name} never said {word}")

    async def quiet(self) -> None:
        sizes, since = self._sizes(), time.monotonic()

        def still() -> bool:
            nonlocal sizes, since
            now = self._sizes()
            if now != sizes:
                sizes, since = now, time.monotonic()
            return time.monotonic() - since >= QUIET_S

        await _until(still, PATIENCE_S, "the programs still write into their journals")

    async def lived_in(self) -> None:
        """Waits until every program has opened its journal. Raises TimeoutError."""
        await _until(
            lambda: all(resident.path("journal").exists() for resident in self.residents.values()),
            PATIENCE_S,
            "not all programs have opened their journals",
        )

    async def settled(self) -> None:
        """Waits until all executives are in one ring and have exchanged their states. Raises TimeoutError."""
        await _until(self._in_one_ring, SETTLED_S, "the executives are not in one ring")
        async with asyncio.timeout(SETTLED_S):
            for node in self.nodes:
                while not await asyncio.to_thread(_synchronized, self.socket(node)):
                    await asyncio.sleep(LOOK_S)

    async def watch(self, node: int) -> None:
        """Writes down what a program at a node is told of its ring."""
        while True:
            try:
                async with AsyncEvs.open(self.socket(node), options=EvsOptions(transitional=True)) as evs:
                    async for event in evs:
                        if isinstance(event, ConfigurationChanged):
                            self._told(node, event)
            except AisError:
                if node in self._rings:
                    del self._rings[node]
                    self.history.note(Gone(time.monotonic(), node))
            await asyncio.sleep(LOOK_S)

    async def sample(self) -> None:
        """Writes down the memory of the executives; and that one has ended, if nobody killed it."""
        while True:
            for node, executive in self.executives.items():
                if node in self.down or executive.process is None:
                    continue
                if executive.process.returncode is not None:
                    self.down.add(node)
                    words = f"executive {node} ended by itself with {executive.process.returncode}"
                    self.history.note(Remark(time.monotonic(), f"{words}: {executive.last_words()}"))
                    continue
                with contextlib.suppress(OSError):
                    self.history.note(Sample(time.monotonic(), node, executive.memory_mib()))
            await asyncio.sleep(SAMPLE_S)

    async def close(self) -> None:
        """No program is left."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _told(self, node: int, event: ConfigurationChanged) -> None:
        ring = (event.ring.sequence, event.ring.representative)
        configured = Configured(time.monotonic(), node, ring, event.transitional, tuple(event.members))
        self.history.note(configured)
        if not event.transitional:
            self._rings[node] = configured

    def _in_one_ring(self) -> bool:
        rings = {each.ring for each in self._rings.values()}
        return len(rings) == 1 and all(
            node in self._rings and self._rings[node].members == self.nodes for node in self.nodes
        )

    def _sizes(self) -> list[int]:
        return [path.stat().st_size for path in sorted(self.history.folder.glob("*.journal"))]


async def _until(condition: Callable[[], bool], wait_s: float, complaint: str) -> None:
    try:
        async with asyncio.timeout(wait_s):
            while not condition():
                await asyncio.sleep(LOOK_S)
    except TimeoutError:
        raise TimeoutError(f"{complaint} after {wait_s:.0f} s") from None


def _synchronized(socket: Path) -> bool:
    with contextlib.suppress(AisError), StatusClient(socket) as status:
        return bool(status.status().synchronized)
    return False


@contextlib.asynccontextmanager
async def watched(site: ClusterSite) -> AsyncIterator[None]:
    """Writes down rings and memory, until the context ends; no program is left then."""
    tasks = [asyncio.create_task(site.watch(node)) for node in site.nodes]
    tasks.append(asyncio.create_task(site.sample()))
    try:
        yield
    finally:
        await site.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
